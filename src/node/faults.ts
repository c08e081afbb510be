/**
 * The first error of one connection, and who has seen it. It becomes `connection.error`. The error handler is called at
 * the end of the turn, never inside the call that caused the error, and never after `close`.
 *
 *        none ── note ──▶ due ── tell, no handler yet ──▶ published ── a handler is set ──▶ told
 *                          └──── tell ─────────────────────────────────────────────────────▶ told
 */

import { asError, runHandler } from "../protocol/index.js";
import { outsideOfContext } from "./clock.js";
import { type Handlers, hasHandler } from "./connection-options.js";
import { reportError, tellError } from "./report.js";

/**
 * bug: a callback of the user's failed; it is printed unless a handler or a subscriber gets it. fault: the peer
 * broke a rule, or a limit was exceeded. loss: the socket died; handlers see that by `close`.
 */
export type ErrorKind = "bug" | "fault" | "loss";

type Telling = "none" | "due" | "published" | "told";

export class Faults<Face> {
  /** The first error. */
  error: Error | undefined = undefined;
  readonly #connection: Face;
  #telling: Telling = "none";
  #kind: ErrorKind = "fault";
  #isCloseTold = false;

  constructor(connection: Face) {
    this.#connection = connection;
  }

  /** Keeps an error, if it is the first. Returns whether it is. */
  note(error: Error, kind: ErrorKind): boolean {
    if (this.error !== undefined) return false;
    this.error = error;
    this.#kind = kind;
    this.#telling = "due";
    return true;
  }

  /** Tells the error to the channel and to the handler, unless that was done. */
  tell(handlers: Handlers<Face>): void {
    const { error } = this;
    // The close handler is the last that is called.
    if (error === undefined || this.#telling === "told" || this.#isCloseTold) return;
    const isHeard = this.#kind !== "loss" && hasHandler(handlers, "error");
    const wasPublished = this.#telling === "published";
    if (wasPublished && !isHeard) return;
    this.#telling = isHeard ? "told" : "published";
    // The turn may be that of another connection, in the async context of its user.
    outsideOfContext(() => {
      const connection = this.#connection;
      const listener = isHeard ? (told: Error) => handlers.error?.(connection, told) : undefined;
      if (wasPublished) {
        runHandler(
          () => listener?.(error),
          (thrown) => this.report(thrown),
        );
      } else if (this.#kind === "bug") reportError(error, { connection }, listener);
      else tellError(error, { connection }, listener);
    });
  }

  /**
   * Calls the close handler, unless that was done. If it throws, `error` is not called any more, but the bug is
   * reported.
   */
  tellClose(handlers: Handlers<Face>, code: number, reason: string): void {
    if (this.#isCloseTold || !hasHandler(handlers, "close")) return;
    this.#isCloseTold = true;
    runHandler(
      () => handlers.close?.(this.#connection, code, reason),
      (thrown) => {
        if (this.note(asError(thrown), "bug")) this.#telling = "told";
        this.report(thrown);
      },
    );
  }

  /** Reports a bug for which the error handler is not called, because it was called or the connection is closed. */
  report(thrown: unknown): void {
    reportError(thrown, { connection: this.#connection });
  }
}
