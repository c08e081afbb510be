/** Errors that no call can throw: which handler gets them, and that a user's bug is never hidden. */

import type { IncomingMessage } from "node:http";
import { asError, runHandler } from "../protocol/index.js";
import { channels } from "./diagnostics.js";
import { printBug } from "./print-bug.js";

/** What an error is about; neither where it belongs to a server as a whole. */
export interface ErrorSubject {
  readonly connection?: unknown;
  readonly request?: IncomingMessage | undefined;
}

/** The user's handler for an error, if there is one, bound to all that it takes besides the error. */
export type ErrorListener = ((error: Error) => unknown) | undefined;

/**
 * Tells of an error: the channel `hawser:connection:error` and the handler. Prints nothing: for what a peer or the
 * system did.
 *
 * @param handler - what it throws, or rejects with, is a bug, and is reported without a handler.
 * @returns whether there is a handler or a subscriber.
 */
export function tellError(error: Error, subject: ErrorSubject, handler?: ErrorListener): boolean {
  const isHeard = channels.error.hasSubscribers;
  if (isHeard) channels.error.publish({ ...subject, error });
  if (handler === undefined) return isHeard;
  runHandler(
    () => handler(error),
    (thrown) => reportError(thrown, subject),
  );
  return true;
}

/**
 * Tells of a bug: something that a callback of the user's threw, rejected with, or should not have returned. Where
 * neither a handler nor a subscriber gets it, it is printed with its stack by `console.error`.
 *
 * @param thrown - of any type.
 */
export function reportError(thrown: unknown, subject: ErrorSubject, handler?: ErrorListener): void {
  const error = asError(thrown);
  if (!tellError(error, subject, handler)) printBug("a callback failed", error);
}
