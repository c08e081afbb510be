/**
 * The part of WebSocketStream that is the same on all platforms: opens a connection and settles the two promises. Each
 * platform has its own class around it, with its own streams and signals.
 */

import { CloseCode } from "../../codec/index.js";
import { readCloseInfo, type WebSocketCloseInfo } from "./close-info.js";
import type { Streamable } from "./message-streams.js";
import { type WebSocketErrorConstructor, webSocketError } from "./web-socket-error.js";

/** How a WebSocketStream was closed. */
export interface WebSocketStreamClosed {
  /** §7.1.5: the code of the received Close; 1005 if it had none. */
  readonly closeCode: number;
  readonly reason: string;
}

/** The functions of a platform. */
export interface StreamOpeningHost<Connection extends Streamable, Opened> {
  readonly WebSocketError: WebSocketErrorConstructor;
  /** Opens the connection. */
  connect(): Promise<Connection>;
  /** Cancels the opening: `connect` rejects. */
  giveUp(): void;
  /** The program's signal. */
  readonly signal: { readonly aborted: boolean; readonly reason: unknown } | undefined;
  /** Returns the value for `opened`, and a promise of the connection's error; undefined for a normal end. */
  open(connection: Connection): { readonly opened: Opened; readonly failure: Promise<Error | undefined> };
}

/** For a WebSocketStream, a Close with any code is a normal end. */
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
    // A program that uses only one of them must not get an unhandled rejection from the other.
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

  /** @throws a DOMException if the code or reason may not be sent, even if the connection is closed already. */
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
