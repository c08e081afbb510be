/** `WebSocketStream` of the WHATWG draft, built on the streams of a connection. */

import { CloseCode } from "../codec/index.js";
import {
  assertSignal,
  claimMessages,
  isClean,
  StreamOpening,
  type StreamRules,
  type WebSocketCloseInfo,
  type WebSocketStreamClosed,
  whenAborted,
} from "../protocol/index.js";
import { checkCall, openCall } from "./client.js";
import { onNextTurn } from "./clock.js";
import type { Connection } from "./connection.js";
import { type MessageStreams, streamsBy, WebSocketError } from "./connection-streams.js";
import {
  assertSocketOptions,
  isSequence,
  type SocketOptions,
  toBytesOfSource,
  toDictionary,
  toProtocols,
  toSocketUrl,
  toText,
} from "./web-idl.js";

/** `protocols` and `signal` are defined by the draft; the other options are those of hawser's `connect`. */
export interface WebSocketStreamOptions extends SocketOptions {
  /** Subprotocols in order of preference. */
  readonly protocols?: Iterable<string> | undefined;
  /** Aborting it cancels the opening handshake. It has no effect on an open connection. */
  readonly signal?: AbortSignal | undefined;
}

/** The value that `opened` resolves with. */
export interface WebSocketStreamOpened extends MessageStreams<string | ArrayBuffer | ArrayBufferView> {
  /** §1.9: the subprotocol in use, "" for none. */
  readonly protocol: string;
  /** §9: the extensions in use, "" for none. */
  readonly extensions: string;
}

const RULES: StreamRules = {
  WebSocketError,
  isEnd: isClean,
  toMessage: (chunk) => toBytesOfSource(chunk) ?? toText(chunk),
  later: onNextTurn,
  endCode: CloseCode.NoStatusReceived,
  failureCode: CloseCode.NoStatusReceived,
};

/**
 * A connection whose messages are streams, with backpressure both ways.
 *
 * @see https://github.com/whatwg/websockets/pull/48
 */
export class WebSocketStream {
  readonly #url: string;
  readonly #opening: StreamOpening<Connection<undefined>, WebSocketStreamOpened>;

  /**
   * Starts to connect.
   *
   * @throws a DOMException named SyntaxError for an invalid URL or invalid subprotocols.
   * @throws {TypeError | RangeError} for other invalid options.
   */
  constructor(url: string | URL, options: WebSocketStreamOptions = {}) {
    // biome-ignore lint/complexity/noArguments: an argument that is missing is not one that is undefined
    if (arguments.length === 0) throw new TypeError("WebSocketStream takes a URL");
    this.#url = toSocketUrl(url);
    const given = toDictionary<WebSocketStreamOptions>(options, "WebSocketStream");
    assertSocketOptions("WebSocketStream", given, ["protocols", "signal"]);
    const { protocols = [], signal, ...others } = given;
    assertSignal(signal);
    if (!isSequence(protocols)) throw new TypeError("protocols must be a list, such as an array");
    const giveUp = new AbortController();
    const call = checkCall<undefined>("WebSocketStream", this.#url, {
      ...others,
      protocol: toProtocols(protocols),
      signal: giveUp.signal,
    });
    this.#opening = new StreamOpening({
      WebSocketError,
      signal,
      async connect() {
        const abort = () => giveUp.abort(signal?.reason);
        if (signal?.aborted) abort();
        const forget = signal && whenAborted(signal, abort);
        try {
          return await openCall({ ...call, opening: { ...call.opening, requireProtocol: true } });
        } finally {
          forget?.();
        }
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

  /** The normalized URL. */
  get url(): string {
    return this.#url;
  }

  /** Resolves with the streams once the connection is open. Rejects with a WebSocketError or the signal's reason. */
  get opened(): Promise<WebSocketStreamOpened> {
    return this.#opening.opened;
  }

  /** Resolves with the close code and reason. Rejects with a WebSocketError if the connection ended without a Close. */
  get closed(): Promise<WebSocketStreamClosed> {
    return this.#opening.closed;
  }

  /**
   * Starts the closing handshake after all written messages. Before the connection is open, cancels the opening.
   *
   * @throws a DOMException named InvalidAccessError for a code that may not be sent, SyntaxError for a long reason.
   */
  close(info: WebSocketCloseInfo = {}): void {
    this.#opening.close(info);
  }

  static {
    const { prototype } = WebSocketStream;
    Object.defineProperty(prototype, Symbol.toStringTag, { value: "WebSocketStream", configurable: true });
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (name !== "constructor") Object.defineProperty(prototype, name, { enumerable: true });
    }
  }
}
