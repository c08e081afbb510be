/** A connection in a browser: the interface of Node's, as far as a page's WebSocket can keep it. */

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

/** Functions that a connection calls. */
export interface ConnectionHandlers<Data = unknown> extends Handlers<Connection<Data>> {}

export interface ReceiveOptions {
  /** Ends the wait with its reason. No message is lost: a later call gets it. */
  readonly signal?: AbortSignal | undefined;
}

export interface CreateConnectionOptions<Data = undefined>
  extends ConnectionOptions,
    ConnectionHandlers<Data> {
  /** Our side: "server" for the server's end of a pair of WebSockets. Default "client". */
  readonly role?: Role | undefined;
  /** What `connection.data` begins with. */
  readonly data?: Data;
}

/**
 * A connection. `connect` makes them, and `createConnection`.
 *
 * Messages go to `handlers.message` if there is one, as they arrive; else they wait for `receive`.
 */
export class Connection<Data = unknown> implements AsyncIterable<AnyMessage> {
  readonly role: Role;
  /** Without credentials: it is for logs, too. */
  readonly url: string;
  /** Name or address, and the port if it is not the default. */
  readonly host: string;
  /** §1.9: the subprotocol in use, "" for none. */
  readonly protocol: string;
  /** §9: the extensions in use, as the server accepted them, "" for none. */
  readonly extensions: string;
  /** Bytes; of every message that is received. */
  readonly maxMessageSize: number;
  /** The browser's. For looking only: sending by it breaks the connection. */
  readonly socket: WebSocket;
  /** Yours. */
  data: Data;
  readonly #session: WebSocketSession<Connection<Data>>;

  /**
   * Use `connect` or `createConnection`.
   *
   * @param watch - given what the open handler returned; returns the same.
   */
  constructor(
    socket: WebSocket,
    options: Omit<CreateConnectionOptions<Data>, "role">,
    role: Role,
    watch: (returned: unknown) => unknown = (returned) => returned,
  ) {
    const settings = settingsOf(options);
    // Where a server is at the edge of a network, its WebSockets lack what a client's have.
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

  /** Called from now on; one object may serve many connections. */
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

  /** Totals so far; a page does not see frames. */
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
   * @returns true: go on. false: the message is queued, but you should wait for `drained` or the drain handler.
   *   undefined: the message is not sent, because the connection closes or the policy `onOverflow` dropped it.
   * @throws {TypeError} for data that is not a message.
   * @throws {RangeError} if `onOverflow` is "throw" and too much waits.
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
   * @throws {TypeError} for a value that has none.
   */
  sendJson(value: unknown): boolean | undefined {
    return this.send(toJson(value));
  }

  /** `send`: a browser does not wait for handlers to return. */
  sendNow(data: Sendable, options?: SendOptions): boolean | undefined {
    return this.send(data, options);
  }

  /** `sendBinary`. */
  sendBinaryNow(bytes: Exclude<Sendable, string>): boolean | undefined {
    return this.sendBinary(bytes);
  }

  /**
   * Sends a message, or the Close that it stands for.
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

  /** `sendMessage`: the browser fragments long messages itself. */
  sendAll(message: Message): boolean | undefined {
    return this.sendMessage(message);
  }

  /** Resolves when it is worth sending again, at once if it is; and when the connection is closed. */
  drained(): Promise<void> {
    return this.#session.drained();
  }

  /** Does nothing: a browser holds nothing back. */
  flush(): void {}

  // Receiving ───────────────────────────────────────────────────────────────────────────────────

  /**
   * The next message; undefined once the connection is closed and all that arrived was received. For connections
   * without a message handler.
   */
  receive(options: ReceiveOptions = {}): Promise<AnyMessage | undefined> {
    return this.#session.inbox.receive(options.signal);
  }

  /** The next message if it is here already; never waits. */
  tryReceive(): AnyMessage | undefined {
    return this.#session.inbox.tryReceive();
  }

  /**
   * The next message.
   *
   * @param maxMessageSize - bytes; default: the connection's.
   * @throws {LimitError} when it is longer; the connection is then closed.
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
      // If the loop was left by an error, or to close with another code, that is to come first.
      setTimeout(() => void this.close());
    }
  }

  /**
   * The messages as web streams, in place of `receive`: strings and bytes to read, what `send` takes to write. A write
   * is done when it is worth sending more. The browser reads on while the readable is full: what arrives waits, see
   * `maxQueuedAmount`. Closing the writable closes with 1000; cancelling and aborting close without a code, or with that
   * of a WebSocketError. A close of the peer's with 1000 or no code is the end; any other is a WebSocketError.
   *
   * @throws {InvalidStateError} where there is a message handler, or another stream of this connection.
   */
  stream(): MessageStreams {
    return streamsOf(this, this.handlers.message !== undefined);
  }

  /** Stops calling the message handler. The browser goes on reading: what arrives waits, see `maxQueuedAmount`. */
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
   * Begins the closing handshake (§7.1.2), behind queued messages. A second call changes nothing. The browser delivers
   * nothing that arrives after it.
   *
   * @param code - 1000 or 3000 to 4999: a page can send no other; undefined is 1000.
   * @param reason - at most 123 bytes of UTF-8.
   * @returns how it closed, once it has.
   * @throws {RangeError | TypeError} for a code or a reason that cannot be sent.
   */
  close(code: number = CloseCode.NormalClosure, reason = ""): Promise<Closed> {
    this.#session.close(code, reason);
    return this.closed;
  }

  /** Does not wait for the closing handshake: nothing more is delivered, and the connection counts as lost (1006). */
  terminate(): void {
    this.#session.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** `terminate`. */
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
