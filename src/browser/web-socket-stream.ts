/** The browser's WebSocket and WebSocketStream, under the names that Node's build exports; a WebSocketStream for others. */

import { CloseCode } from "../codec/index.js";
import {
  claimMessages,
  isClean,
  StreamOpening,
  type StreamRules,
  toBytes,
  type WebSocketCloseInfo,
  type WebSocketStreamClosed,
} from "../protocol/index.js";
import { checkUrl, openConnection } from "./client.js";
import type { Connection } from "./connection.js";
import { type MessageStreams, streamsBy, WebSocketError } from "./connection-streams.js";

/** The browser's own; undefined on hosts without one. */
export const WebSocket: typeof globalThis.WebSocket = /* @__PURE__ */ (() => globalThis.WebSocket)();
export type WebSocket = globalThis.WebSocket;

export interface WebSocketStreamOptions {
  /** Subprotocols in order of preference. */
  readonly protocols?: Iterable<string> | undefined;
  /** Gives the opening up. An open connection is not concerned. */
  readonly signal?: AbortSignal | undefined;
}

/** What `opened` resolves with. */
export interface WebSocketStreamOpened extends MessageStreams<string | ArrayBuffer | ArrayBufferView> {
  /** §1.9: the subprotocol in use, "" for none. */
  readonly protocol: string;
  /** §9: the extensions in use, "" for none. */
  readonly extensions: string;
}

/** A connection whose messages are streams. */
export interface WebSocketStream {
  readonly url: string;
  /** The streams, once the connection is open. It rejects with a WebSocketError, or with the signal's reason. */
  readonly opened: Promise<WebSocketStreamOpened>;
  /** How it closed, once it has. It rejects with a WebSocketError where no Close said so. */
  readonly closed: Promise<WebSocketStreamClosed>;
  close(info?: WebSocketCloseInfo): void;
}

export interface WebSocketStreamConstructor {
  /** @throws a DOMException named SyntaxError for a URL or subprotocols that make no sense. */
  new (url: string | URL, options?: WebSocketStreamOptions): WebSocketStream;
  readonly prototype: WebSocketStream;
}

const RULES: StreamRules = {
  WebSocketError,
  isEnd: isClean,
  toMessage: (chunk) =>
    ArrayBuffer.isView(chunk) || Object.prototype.toString.call(chunk) === "[object ArrayBuffer]"
      ? toBytes(chunk as ArrayBuffer, "bytes")
      : `${chunk as string}`,
  later: (run) => void setTimeout(run),
  endCode: CloseCode.NoStatusReceived,
  failureCode: CloseCode.NoStatusReceived,
};

/** For browsers that have none. Reading has no backpressure here: a page cannot stop its browser from reading. */
export class OwnWebSocketStream implements WebSocketStream {
  readonly url: string;
  readonly #opening: StreamOpening<Connection, WebSocketStreamOpened>;

  constructor(url: string | URL, { protocols = [], signal }: WebSocketStreamOptions = {}) {
    const giveUp = new AbortController();
    const options = { protocol: [...protocols], signal: giveUp.signal, timeout: 0 };
    try {
      this.url = checkUrl(`${url}`, options);
    } catch (error) {
      throw error instanceof SyntaxError ? new DOMException(error.message, "SyntaxError") : error;
    }
    const abort = () => giveUp.abort(signal?.reason);
    this.#opening = new StreamOpening({
      WebSocketError,
      signal,
      async connect() {
        if (signal?.aborted) abort();
        signal?.addEventListener("abort", abort);
        return openConnection(url, options).finally(() => signal?.removeEventListener("abort", abort));
      },
      giveUp: () => giveUp.abort(),
      open(connection) {
        claimMessages(connection, false);
        const { streams, failure } = streamsBy<string | ArrayBuffer | ArrayBufferView>(connection, RULES);
        const { protocol, extensions } = connection;
        return { opened: { ...streams, protocol, extensions }, failure };
      },
    });
  }

  get opened(): Promise<WebSocketStreamOpened> {
    return this.#opening.opened;
  }

  get closed(): Promise<WebSocketStreamClosed> {
    return this.#opening.closed;
  }

  close(info: WebSocketCloseInfo = {}): void {
    this.#opening.close(info);
  }
}

/** The browser's own where it has one, which has backpressure both ways. */
export const WebSocketStream: WebSocketStreamConstructor = /* @__PURE__ */ (() =>
  (globalThis as { WebSocketStream?: WebSocketStreamConstructor }).WebSocketStream ?? OwnWebSocketStream)();
