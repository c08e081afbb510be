/**
 * What a WebSocketStream does on every platform: opens a connection, and settles its two promises. The class around it,
 * with the platform's streams and signals, is the platform's.
 */

import { CloseCode } from "../../codec/index.js";
import { readCloseInfo, type WebSocketCloseInfo } from "./close-info.js";
import type { Streamable } from "./message-streams.js";
import { type WebSocketErrorConstructor, webSocketError } from "./web-socket-error.js";

/** How a WebSocketStream was closed. */
export interface WebSocketStreamClosed {
  /** §7.1.5: of the Close that was received; 1005 if it had none. */
  readonly closeCode: number;
  readonly reason: string;
}

/** The platform's part. */
export interface StreamOpeningHost<Connection extends Streamable, Opened> {
  readonly WebSocketError: WebSocketErrorConstructor;
  /** Opens the connection. */
  connect(): Promise<Connection>;
  /** Gives the opening up: `connect` rejects. */
  giveUp(): void;
  /** Whether the program's signal has aborted, and with what. */
  readonly signal: { readonly aborted: boolean; readonly reason: unknown } | undefined;
  /** What `opened` resolves with, and why the connection failed once it has; undefined for an orderly end. */
  open(connection: Connection): { readonly opened: Opened; readonly failure: Promise<Error | undefined> };
}

/** A WebSocketStream ends in order by every Close, whatever its code. */
export function isClean(code: number): boolean {
  return code !== CloseCode.AbnormalClosure;
}

export class StreamOpening<Connection extends Streamable, Opened> {
  readonly opened: Promise<Opened>;
  readonly closed: Promise<WebSocketStreamClosed>;
  readonly #host: StreamOpeningHost<Connection, Opened>;
  #connection: Connection | undefined = undefined;
  #isGivenUp = false;

  constructor(host: StreamOpeningHost<Connection, Opened>) {
    this.#host = host;
    const opening = this.#open();
    this.opened = opening.then(({ opened }) => opened);
    this.closed = this.#close(opening);
    // Who looks at one of them need not look at the other.
    this.opened.catch(() => undefined);
    this.closed.catch(() => undefined);
  }

  async #open() {
    const { connect, giveUp, open, WebSocketError, signal } = this.#host;
    try {
      const connection = await connect();
      this.#connection = connection;
      if (!this.#isGivenUp) return open(connection);
      void connection.close();
      giveUp();
      throw undefined;
    } catch (cause) {
      if (signal?.aborted) throw signal.reason;
      const message = "the WebSocketStream was closed before its handshake was complete";
      throw webSocketError(WebSocketError, message, null, "", this.#isGivenUp ? undefined : cause);
    }
  }

  async #close(opening: Promise<{ readonly failure: Promise<Error | undefined> }>) {
    const { WebSocketError, signal } = this.#host;
    const opened = await opening.catch((error) => {
      if (signal?.aborted) throw error;
      const message = "the WebSocketStream was not closed cleanly";
      throw webSocketError(WebSocketError, message, CloseCode.AbnormalClosure, "", error);
    });
    const error = await opened.failure;
    if (error !== undefined) throw error;
    const { code, reason } = await (this.#connection as Connection).closed;
    return { closeCode: code, reason };
  }

  /** @throws a DOMException for what may not be sent, also when there is nothing to close any more. */
  close(info: WebSocketCloseInfo | undefined): void {
    const { closeCode, reason } = readCloseInfo(info);
    if (this.#connection !== undefined) {
      void this.#connection.close(closeCode ?? CloseCode.NoStatusReceived, reason);
    } else if (!this.#isGivenUp) {
      this.#isGivenUp = true;
      this.#host.giveUp();
    }
  }
}
