/**
 * `WebSocketError` of the WebSocketStream draft: the code and the reason of a close, as an error. Each platform defines
 * it on its own DOMException, when that is there.
 */

import { readCloseInfo, type WebSocketCloseInfo } from "./close-info.js";

/** An error with the code and the reason of a close. */
export interface WebSocketErrorLike extends DOMException {
  /** §7.1.5: 1006 where no Close came; null where no code is known. */
  readonly closeCode: number | null;
  readonly reason: string;
}

export interface WebSocketErrorConstructor {
  /**
   * @throws a DOMException named InvalidAccessError for a code other than 1000 and 3000 to 4999; SyntaxError for a
   *   reason of more than 123 bytes.
   */
  new (message?: string, init?: WebSocketCloseInfo): WebSocketErrorLike;
  readonly prototype: WebSocketErrorLike;
}

/** The class, derived from a platform's DOMException. */
export function defineWebSocketError(Base: typeof DOMException): WebSocketErrorConstructor {
  class WebSocketError extends Base {
    readonly #closeCode: number | null;
    readonly #reason: string;

    constructor(message = "", init: WebSocketCloseInfo = {}) {
      super(`${message}`, "WebSocketError");
      const { closeCode, reason } = readCloseInfo(init);
      this.#closeCode = closeCode;
      this.#reason = reason;
    }

    get closeCode(): number | null {
      return this.#closeCode;
    }

    get reason(): string {
      return this.#reason;
    }

    get [Symbol.toStringTag](): string {
      return "WebSocketError";
    }
  }
  return WebSocketError;
}

/** An error with any code: the constructor takes no 1006, for example. */
export function webSocketError(
  Class: WebSocketErrorConstructor,
  message: string,
  closeCode: number | null,
  reason = "",
  cause?: unknown,
): WebSocketErrorLike {
  return Object.defineProperties(new Class(message), {
    closeCode: { value: closeCode },
    reason: { value: reason },
    cause: { value: cause, configurable: true, writable: true },
  });
}
