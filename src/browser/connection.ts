/** A connection in a browser: the interface of Node's connection, as far as a page's WebSocket allows. */

import { CloseCode, type Role } from "../codec/index.js";
import {
  type AnyMessage,
  assertValidMessage,
  type Counters,
  type Message,
  parseWebSocketUrl,
  toJson,
} from "../protocol/index.js";
import { type ConnectionOptions, type Handlers, settingsOf } from "./connection-options.js";
import { type MessageStreams, streamsOf } from "./connection-streams.js";
import type { Sendable, SendOptions } from "./payload.js";
import { type Closed, type ConnectionState, WebSocketSession } from "./web-socket-session.js";

/** Handlers of a connection. */
export interface ConnectionHandlers<Data = unknown> extends Handlers<Connection<Data>> {}

export interface ReceiveOptions {
  /** Aborting it rejects the promise with its reason. No message is lost: a later call returns it. */
  readonly signal?: AbortSignal | undefined;
}

export interface CreateConnectionOptions<Data = undefined>
  extends ConnectionOptions,
    ConnectionHandlers<Data> {
  /** The role of this side: "server" for the server's end of a pair of WebSockets. Default "client". */
  readonly role?: Role | undefined;
  /** The initial value of `connection.data`. */
  readonly data?: Data;
}

/**
 * A connection. `connect` and `createConnection` make connections.
 *
 * If `handlers.message` is set, it gets each message as it arrives. Otherwise messages wait for `receive`.
 */
export class Connection<Data = unknown> implements AsyncIterable<AnyMessage> {
  readonly role: Role;
  /** The URL without its credentials, so that it can be logged. */
  readonly url: string;
  /** The host name or address, with the port if it is not the default one. */
  readonly host: string;
  /** §1.9: the subprotocol in use, "" for none. */
  readonly protocol: string;
  /** §9: the extensions in use, as the server accepted them, "" for none. */
  readonly extensions: string;
  /** The longest message that is accepted, in bytes. */
  readonly maxMessageSize: number;
  /** The browser's WebSocket. Only read from it: sending on it directly breaks this connection. */
  readonly socket: WebSocket;
  /** Your own data. The library does not use it. */
  data: Data;
  readonly #session: WebSocketSession<Connection<Data>>;

  /**
   * Use `connect` or `createConnection`.
   *
   * @param watch - called with the return value of the open handler; returns that value.
   */
  constructor(
    socket: WebSocket,
    options: Omit<CreateConnectionOptions<Data>, "role">,
    role: Role,
    watch: (returned: unknown) => unknown = (returned) => returned,
  ) {
    const settings = settingsOf(options);
    // A server-side WebSocket of an edge runtime lacks some properties that a client's has.
    const textOf = (name: "url" | "protocol" | "extensions") => (socket[name] as string | null) ?? "";
    const url = textOf("url");
    this.role = role;
    const parts = parseWebSocketUrl(url);
    this.url = parts === undefined ? url : `${parts.scheme}://${parts.authority}${parts.path}`;
    this.host = parts?.authority ?? "";
    this.protocol = textOf("protocol");
    this.extensions = textOf("extensions");
    this.maxMessageSize = settings.maxMessageSize;
    this.socket = socket;
    this.data = options.data as Data;
    this.#session = new WebSocketSession<Connection<Data>>(this, socket, options, settings);
    this.#session.start();
    this.#session.run(() => watch(options.open?.(this)));
  }

  /** The current handlers. Setting them takes effect at once. Connections may share one object. */
  get handlers(): ConnectionHandlers<Data> {
    return this.#session.handlers;
  }

  set handlers(handlers: ConnectionHandlers<Data>) {
    this.#session.handlers = handlers;
  }

  get state(): ConnectionState {
    return this.#session.state;
  }

  /** Whether messages can be sent. */
  get connected(): boolean {
    return this.state === "open";
  }

  /** The first error, if there was one. */
  get error(): Error | undefined {
    return this.#session.error;
  }

  /** §7.1.5; undefined while the connection is not closed. */
  get closeCode(): number | undefined {
    return this.#session.howClosed?.code;
  }

  get closeReason(): string {
    return this.#session.howClosed?.reason ?? "";
  }

  /** Totals so far. Frames are not counted, because a page does not see them. */
  get counters(): Pick<Counters, "messagesIn" | "messagesOut"> & { readonly messagesDropped: number } {
    const { messagesIn, messagesOut, messagesDropped } = this.#session;
    return { messagesIn, messagesOut, messagesDropped };
  }

  /** Bytes that wait to be sent. */
  get bufferedAmount(): number {
    return this.state === "closed" ? 0 : this.#session.backlog.size;
  }

  // Sending ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends a message.
   *
   * @param data - bytes are copied; a Blob or a File is sent as binary, and the browser reads it when its turn comes.
   * @returns true: send more. false: the message is queued, but you should wait for `drained` or the drain handler.
   *   undefined: the message is not sent, because the connection is closing or the policy `onOverflow` dropped it.
   * @throws {TypeError} if the data cannot be sent as a message.
   * @throws {RangeError} if `onOverflow` is "throw" and the buffer is full.
   */
  send(data: Sendable, options?: SendOptions): boolean | undefined {
    return this.#session.send(data, options);
  }

  /** Sends bytes as a binary message. */
  sendBinary(bytes: Exclude<Sendable, string>): boolean | undefined {
    return this.send(bytes, { type: "binary" });
  }

  /**
   * Sends the JSON of a value, as text.
   *
   * @throws {TypeError} if the value has no JSON form, such as undefined.
   */
  sendJson(value: unknown): boolean | undefined {
    return this.send(toJson(value));
  }

  /** The same as `send`: in a browser, `send` does not wait for handlers to return. */
  sendNow(data: Sendable, options?: SendOptions): boolean | undefined {
    return this.send(data, options);
  }

  /** The same as `sendBinary`. */
  sendBinaryNow(bytes: Exclude<Sendable, string>): boolean | undefined {
    return this.sendBinary(bytes);
  }

  /**
   * Sends a text or binary message, or closes the connection for a message of type "close".
   *
   * @throws {TypeError} for a Ping, a Pong, or a part of a message: a page cannot send them.
   */
  sendMessage(message: Message): boolean | undefined {
    assertValidMessage(message);
    const { type, data, partial, code } = message;
    if (partial) throw new TypeError("a browser sends whole messages: this one is a part");
    if (type === "text" || type === "binary") return this.send(data, { type });
    if (type !== "close") throw new TypeError(`a page cannot send a ${type}`);
    this.#session.close(code ?? CloseCode.NormalClosure, data as string);
    return undefined;
  }

  /** The same as `sendMessage`: the browser fragments long messages itself. */
  sendAll(message: Message): boolean | undefined {
    return this.sendMessage(message);
  }

  /** Resolves when the buffer has room again (at once if it has room now), and when the connection is closed. */
  drained(): Promise<void> {
    return this.#session.drained();
  }

  /** Does nothing: a browser does not delay frames. */
  flush(): void {}

  // Receiving ───────────────────────────────────────────────────────────────────────────────────

  /**
   * The next message; undefined once the connection is closed and every message was received. Only for connections
   * without a message handler.
   */
  receive(options: ReceiveOptions = {}): Promise<AnyMessage | undefined> {
    return this.#session.inbox.receive(options.signal);
  }

  /** The next message if it has arrived already, else undefined. Never waits. */
  tryReceive(): AnyMessage | undefined {
    return this.#session.inbox.tryReceive();
  }

  /**
   * The next message.
   *
   * @param maxMessageSize - the longest message, in bytes. Default: that of the connection.
   * @throws {LimitError} if the message is longer; the connection is then closed.
   */
  receiveAll(
    maxMessageSize: number = this.maxMessageSize,
    options: ReceiveOptions = {},
  ): Promise<AnyMessage | undefined> {
    return this.#session.inbox.receiveAll(maxMessageSize, options.signal);
  }

  /** Messages until the connection is closed. Leaving the loop closes it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<AnyMessage, void, undefined> {
    try {
      for (let message: AnyMessage | undefined; (message = await this.receive()) !== undefined; )
        yield message;
    } finally {
      // Code after the loop may close with another code: it runs before this close.
      setTimeout(() => void this.close());
    }
  }

  /**
   * The messages as web streams, in place of `receive`. The readable gives strings and bytes; the writable takes the
   * data that `send` takes. A write resolves when the buffer has room. The browser keeps reading while the readable is
   * full; messages then queue, up to `maxQueuedAmount`. Closing the writable closes the connection with 1000.
   * Cancelling or aborting closes it with the code of a WebSocketError, or without a code. If the peer closes with 1000
   * or without a code, the readable ends; with any other code, it fails with a WebSocketError.
   *
   * @throws {InvalidStateError} if the connection has a message handler or another stream.
   */
  stream(): MessageStreams {
    return streamsOf(this, this.handlers.message !== undefined);
  }

  /** Stops calling the message handler. The browser keeps reading; messages queue, up to `maxQueuedAmount`. */
  pause(): void {
    if (this.state === "open") this.#session.isPaused = true;
  }

  resume(): void {
    this.#session.resume();
  }

  get isPaused(): boolean {
    return this.#session.isPaused;
  }

  // Closing ─────────────────────────────────────────────────────────────────────────────────────

  /** Resolves once the connection is closed. */
  get closed(): Promise<Closed> {
    return this.#session.closed;
  }

  /**
   * Starts the closing handshake (§7.1.2) after the queued messages. A second call has no effect. The browser does not
   * deliver messages that arrive after this call.
   *
   * @param code - 1000 or 3000 to 4999: a page cannot send another code. Default 1000.
   * @param reason - at most 123 bytes of UTF-8.
   * @returns the code and reason of the close, once the connection is closed.
   * @throws {RangeError | TypeError} if the code or the reason cannot be sent.
   */
  close(code: number = CloseCode.NormalClosure, reason = ""): Promise<Closed> {
    this.#session.close(code, reason);
    return this.closed;
  }

  /** Ends the connection without the closing handshake. No more messages are delivered; the close code is 1006. */
  terminate(): void {
    this.#session.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** The same as `terminate`. */
  [Symbol.dispose](): void {
    this.terminate();
  }

  toString(): string {
    return `Connection(${this.role} ${this.url} ${this.state})`;
  }

  toJSON(): object {
    const { role, url, protocol, extensions, state, bufferedAmount, closeCode, closeReason, counters } = this;
    return { role, url, protocol, extensions, state, bufferedAmount, closeCode, closeReason, counters };
  }
}

/** Whether a value is a Connection. */
export function isConnection(value: unknown): value is Connection {
  return value instanceof Connection;
}
