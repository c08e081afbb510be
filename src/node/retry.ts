/** Opening a connection in several attempts. */

import { clearTimeout, setTimeout } from "node:timers";
import {
  getHeader,
  HandshakeError,
  openWithRetry,
  type RetryLimits,
  whenAborted,
} from "../protocol/index.js";
import { type ConnectOptions, checkCall, openCall } from "./client.js";
import type { Connection } from "./connection.js";

export interface RetryOptions<Data = undefined> extends ConnectOptions<Data>, RetryLimits {}

/** Names of all options that `connect` has not. The compiler sees to it that none is missing. */
const RETRY_OPTION_NAMES = Object.keys({
  maxAttempts: true,
  delay: true,
  factor: true,
  maxDelay: true,
  maxRetryAfter: true,
  jitter: true,
  onRetry: true,
} satisfies Record<keyof RetryLimits, true>);

/**
 * Opens a connection; where that fails, waits and tries again, longer each time, and as long as the server asks for by
 * Retry-After. A connection that closes later is not opened again: `stayConnected` does that.
 *
 * @throws what the last attempt threw; what another attempt would meet again (401, 403, 404, a certificate that is not
 *   trusted, …), at once; what `onRetry` threw; `signal.reason`.
 */
export async function connectWithRetry<Data = undefined>(
  url: string | URL,
  options: RetryOptions<Data> = {},
): Promise<Connection<Data>> {
  const call = checkCall("connectWithRetry", url, options, RETRY_OPTION_NAMES);
  const { signal } = options;
  const wait = (delayMs: number) => sleep(delayMs, signal);
  return openWithRetry(() => openCall(call), options, { wait, signal, askedFor: retryAfterMs });
}

/** Resolves later, or rejects when `signal` aborts. */
function sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      forget?.();
      resolve();
    }, delayMs);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) return abort();
    const forget = signal && whenAborted(signal, abort);
  });
}

/** A day of the week begins each of the three forms that HTTP has for a date (RFC 9110 §5.6.7). */
const HTTP_DATE = /^(?:Sun|Mon|Tue|Wed|Thu|Fri|Sat)/;

/** RFC 9110 §10.2.3: `Retry-After = HTTP-date / delay-seconds`. 0 for a value that is neither. */
export function retryAfterMs(error: unknown): number {
  if (!(error instanceof HandshakeError)) return 0;
  const value = getHeader(error.headers, "Retry-After") ?? "";
  if (/^[0-9]+$/.test(value)) return Number(value) * 1000;
  const until = readDate(value);
  if (until === undefined) return 0;
  // The server's clock set the date, and ours may be wrong.
  return Math.max(0, until - (readDate(getHeader(error.headers, "Date") ?? "") ?? Date.now()));
}

function readDate(text: string): number | undefined {
  if (!HTTP_DATE.test(text)) return undefined;
  // asctime's form names no zone; all dates of HTTP are of UTC.
  const date = Date.parse(text.endsWith("GMT") ? text : `${text} GMT`);
  return Number.isNaN(date) ? undefined : date;
}
