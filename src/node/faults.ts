/**
 * What went wrong on one connection, and who knows of it. The first error counts: it becomes `connection.error`. It is
 * told at the end of the turn, never inside the call that caused it, and never after `close`.
 *
 *        none ── note ──▶ due ── tell, no handler yet ──▶ published ── a handler is set ──▶ told
 *                          └──── tell ─────────────────────────────────────────────────────▶ told
 */

import { asError, runHandler } from "../protocol/index.js";
import type { Handlers } from "./connection-options.js";
import { reportError, tellError } from "./report.js";

type Telling = "none" | "due" | "published" | "told";

export class Faults<Face> {
  /** What went wrong first. */
  error: Error | undefined = undefined;
  readonly #connection: Face;
  #telling: Telling = "none";
  /** Whether the error is a bug of the user's, which is printed unless a handler or a subscriber hears of it. */
  #isBug = false;

  constructor(connection: Face) {
    this.#connection = connection;
  }

  /** Keeps an error, if it is the first. Returns whether it is. */
  note(error: Error, isBug: boolean): boolean {
    if (this.error !== undefined) return false;
    this.error = error;
    this.#isBug = isBug;
    this.#telling = "due";
    return true;
  }

  /** Tells the error to the channel and to the handler, unless that was done. */
  tell(handlers: Handlers<Face>): void {
    const { error } = this;
    if (error === undefined || this.#telling === "told") return;
    const connection = this.#connection;
    const listener = handlers.error && ((told: Error) => handlers.error?.(connection, told));
    const wasPublished = this.#telling === "published";
    if (wasPublished && listener === undefined) return;
    this.#telling = listener === undefined ? "published" : "told";
    if (wasPublished && listener !== undefined) runHandler(() => listener(error), (thrown) => this.report(thrown));
    else if (this.#isBug) reportError(error, { connection }, listener);
    else tellError(error, { connection }, listener);
  }

  /** Calls the close handler. If it throws, `error` is not called any more, but the bug is reported. */
  tellClose(handlers: Handlers<Face>, code: number, reason: string): void {
    runHandler(
      () => handlers.close?.(this.#connection, code, reason),
      (thrown) => {
        if (this.note(asError(thrown), true)) this.#telling = "told";
        this.report(thrown);
      },
    );
  }

  /** Reports a bug for which the error handler is not called, because it was called or the connection is closed. */
  report(thrown: unknown): void {
    reportError(thrown, { connection: this.#connection });
  }
}
