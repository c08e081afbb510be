/** Callbacks among the options of TLS: Node calls them where an exception ends the process. */

import type { TlsOptions } from "node:tls";
import { asError, runHandler } from "../protocol/index.js";

/**
 * The same options, their callbacks guarded: what one throws, or rejects with, fails the one TLS handshake.
 *
 * @param report - called with the error.
 */
export function guardTlsCallbacks(tls: TlsOptions, report: (thrown: unknown) => void): TlsOptions {
  const { SNICallback, ALPNCallback, pskCallback } = tls;
  const guarded: TlsOptions = { ...tls };
  if (SNICallback !== undefined) {
    guarded.SNICallback = (name, done) => {
      runHandler(
        () => SNICallback(name, done),
        (thrown) => {
          report(thrown);
          done(asError(thrown));
        },
      );
    };
  }
  /** For a callback that answers by its return value: undefined is a refusal. */
  const guard = <Given extends unknown[], Answer>(callback: (...given: Given) => Answer, refusal: Answer) =>
    function (this: unknown, ...given: Given): Answer {
      try {
        return callback.apply(this, given);
      } catch (thrown) {
        report(thrown);
        return refusal;
      }
    };
  if (ALPNCallback !== undefined) guarded.ALPNCallback = guard(ALPNCallback, undefined);
  if (pskCallback !== undefined) guarded.pskCallback = guard(pskCallback, null);
  return guarded;
}
