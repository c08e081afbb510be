/** A connection, the same object on both sides: what users hold. */

import type { Duplex } from "node:stream";
import { inspect } from "node:util";
import { CloseCode, type Role, utf8Length } from "../codec/index.js";
import {
  assertValidMessage,
  type Counters,
  type DeflateParameters,
  type Message,
  type SendOptions,
} from "../protocol/index.js";
import type { ConnectionHandlers } from "./connection-options.js";
import { type Closed, type ConnectionContext, Driver } from "./driver.js";
import type { Sendable } from "./outbox.js";

/** open, closing (a Close was sent or received, §7.1.3), closed (the socket is gone, §7.1.4). */
export type ConnectionState = "open" | "closing" | "closed";

/** What the opening handshake brought. */
export interface Opening {
  /** The whole URL. */
  readonly url: string;
  /** Name or address, and the port if it is not the default. */
  readonly host: string;
  /** The subprotocol in use, "" for none. */
  readonly protocol: string;
  /** The Sec-WebSocket-Extensions header of the response, "" for none. */
  readonly extensions: string;
  /** What was agreed on for compression, if anything. */
  readonly perMessageDeflate: DeflateParameters | undefined;
}

/** What can be said of a connection at some moment. */
export interface ConnectionSnapshot extends Opening {
  readonly state: ConnectionState;
  readonly transport: Duplex;
  readonly fd: number;
  readonly outbox: readonly Uint8Array[];
  readonly bufferedAmount: number;
  readonly counters: Counters;
}

/** For the package's own modules: what begins a connection. */
export const begin: unique symbol = Symbol("hawser.begin");

/**
 * A connection. `serve`, `createUpgradeHandler` and `connect` make them.
 *
 * Messages go to `handlers.message` if there is one, as they arrive; else they wait for `receive`, and while too
 * many wait, the socket is not read.
 */
export class Connection<Data = unknown> implements AsyncIterable<Message> {
  readonly url: string;
  readonly host: string;
  /** §1.9: the subprotocol in use, "" for none. */
  readonly protocol: string;
  /** §9: the extensions in use, as the server accepted them, "" for none. */
  readonly extensions: string;
  /** Yours; what `authorize` said, at first. */
  data: Data = undefined as Data;
  readonly #driver: Driver<Data>;

  /** Use `connect`, `serve` or `createUpgradeHandler`. */
  constructor(
    socket: Duplex,
    opening: Opening,
    handlers: ConnectionHandlers<Data>,
    context: ConnectionContext,
  ) {
    this.url = opening.url;
    this.host = opening.host;
    this.protocol = opening.protocol;
    this.extensions = opening.extensions;
    this.#driver = new Driver(this, socket, handlers, context, opening.perMessageDeflate);
  }

  /**
   * Runs the open handler, or another, and begins to read.
   *
   * @param head - bytes that came with the handshake.
   * @internal
   */
  [begin](opened: () => unknown, head?: Uint8Array): void {
    this.#driver.run(opened);
    this.#driver.start(head);
  }

  /** Called from now on; one object may serve many connections. */
  get handlers(): ConnectionHandlers<Data> {
    return this.#driver.handlers;
  }

  set handlers(handlers: ConnectionHandlers<Data>) {
    this.#driver.handlers = handlers;
  }

  get role(): Role {
    return this.#driver.endpoint.role;
  }

  get state(): ConnectionState {
    return this.#driver.isGone ? "closed" : this.#driver.endpoint.state;
  }

  /** What was agreed on for compression; undefined: nothing is compressed. */
  get perMessageDeflate(): DeflateParameters | undefined {
    return this.#driver.endpoint.perMessageDeflate;
  }

  /** Whether messages can be sent. */
  get connected(): boolean {
    return this.state === "open";
  }

  /** Bytes; of every frame that is received or sent. */
  get maxFrameSize(): number {
    return this.#driver.endpoint.maxFrameSize;
  }

  /** Bytes; of every message that is received. */
  get maxMessageSize(): number {
    return this.#driver.endpoint.maxMessageSize;
  }

  /** The socket, TLS or not. Look at it; what is read or written past the connection breaks it. */
  get socket(): Duplex {
    return this.#driver.pump.socket;
  }

  /** The file descriptor of the socket, of the one under it with TLS; -1 where there is none any more. */
  get fd(): number {
    return this.#driver.pump.fd;
  }

  /** What went wrong first, if anything did. */
  get error(): Error | undefined {
    return this.#driver.error;
  }

  /** §7.1.5; undefined while nothing was received that says it. */
  get closeCode(): number | undefined {
    return this.#driver.endpoint.closeCode;
  }

  get closeReason(): string {
    return this.#driver.endpoint.closeReason;
  }

  /** What went through until now. */
  get counters(): Counters {
    return this.#driver.endpoint.counters;
  }

  /** Bytes that wait: in the outbox, and in the socket until the system takes them. */
  get bufferedAmount(): number {
    return this.#driver.outbox.bufferedAmount;
  }

  /** Payload bytes held of a message that is not complete yet. */
  get retainedLength(): number {
    return this.#driver.endpoint.retainedLength;
  }

  // Sending ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends a message, in fragments if it is longer than `maxFrameSize`. It waits in the outbox, which leaves in one
   * write when the handlers that are running return.
   *
   * @param data - copied, but for a prepared message.
   * @returns false when it is time to wait for `drained` or the drain handler; and when nothing is sent any more,
   *   because the connection closes or the overflow policy drops it.
   * @throws {TypeError} for what is no message.
   * @throws {RangeError} if `onOverflow` is "throw", and too much waits.
   * @throws {InvalidStateError} for another message between the parts of one.
   */
  send(data: Sendable, options?: SendOptions): boolean {
    return this.#driver.outbox.send(data, options);
  }

  /** Sends bytes as a binary message. */
  sendBinary(bytes: Exclude<Sendable, string>): boolean {
    return this.send(bytes, { type: "binary" });
  }

  /**
   * Sends a message, and everything that was queued before it, before it returns: for handlers that run long and
   * send on the way.
   */
  sendNow(data: Sendable, options?: SendOptions): boolean {
    const more = this.send(data, options);
    this.flush();
    return more;
  }

  /** `sendBinary`, at once. */
  sendBinaryNow(bytes: Exclude<Sendable, string>): boolean {
    return this.sendNow(bytes, { type: "binary" });
  }

  /**
   * Sends a message, or a part of one, in one frame; or the control frame that it stands for.
   *
   * @throws {RangeError} when it is longer than `maxFrameSize`; `sendAll` cuts it.
   */
  sendMessage(message: Message): boolean {
    assertValidMessage(message);
    const length = typeof message.data === "string" ? utf8Length(message.data) : message.data.length;
    if (length > this.maxFrameSize) {
      throw new RangeError(
        `a message must have at most ${this.maxFrameSize} bytes, not ${length}: see sendAll`,
      );
    }
    return this.sendAll(message);
  }

  /** Sends a message in as many frames as it takes; or the control frame that it stands for. */
  sendAll(message: Message): boolean {
    assertValidMessage(message);
    const { type, data, partial, code } = message;
    if (type === "text" || type === "binary") return this.send(data, { type, partial });
    if (type === "close") {
      this.#driver.close(code ?? CloseCode.NormalClosure, data as string);
      return false;
    }
    const { outbox, endpoint } = this.#driver;
    if (!outbox.mayQueue()) return false;
    endpoint[type](data);
    return outbox.queued();
  }

  /** Resolves when it is worth sending again, at once if it is; and when the connection is closed. */
  drained(): Promise<void> {
    return this.#driver.outbox.drained();
  }

  /** Writes the outbox now. */
  flush(): void {
    this.#driver.outbox.flush();
  }

  /**
   * Sends a Ping (§5.5.2).
   *
   * @param payload - at most 125 bytes; default: some that no other Ping has.
   * @returns the milliseconds until its Pong came; rejects with an InvalidStateError when the connection closes
   *   before, or is not open. Whoever does not look at it is not troubled by that.
   * @throws {RangeError} for a payload that is too long.
   */
  ping(payload?: string | Uint8Array): Promise<number> {
    return this.#driver.ping(typeof payload === "string" ? Buffer.from(payload) : payload);
  }

  /**
   * Sends a Pong (§5.5.3): for `autoPong: false`, or unsolicited. A connection that closes sends none; and where too
   * much waits, a Pong is a message like any other.
   */
  pong(payload: string | Uint8Array = ""): void {
    if (!this.#driver.outbox.mayQueue()) return;
    this.#driver.endpoint.pong(payload);
    this.#driver.outbox.queued();
  }

  // Receiving ───────────────────────────────────────────────────────────────────────────────────

  /**
   * The next message; undefined once the connection is closed and all that arrived was received. For connections
   * without a message handler.
   */
  receive(): Promise<Message | undefined> {
    return this.#driver.inbox.receive();
  }

  /** The next message if it is here already; never waits. */
  tryReceive(): Message | undefined {
    return this.#driver.inbox.tryReceive();
  }

  /**
   * The next message, its parts put together if they are delivered one by one (`partial`).
   *
   * @param maxMessageSize - bytes; default: the connection's.
   * @throws {LimitError} when it is longer; the connection is then closed with 1009.
   */
  receiveAll(maxMessageSize: number = this.maxMessageSize): Promise<Message | undefined> {
    return this.#driver.inbox.receiveAll(maxMessageSize);
  }

  /** Messages until the connection is closed. Leaving the loop closes it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    try {
      for (let message: Message | undefined; (message = await this.receive()) !== undefined; ) yield message;
    } finally {
      // If the loop was left by an error, or to close with another code, that is to come first.
      process.nextTick(() => void this.close());
    }
  }

  /** Stops reading, and delivering what was read, at once. A connection that closes is read again. */
  pause(): void {
    this.#driver.pause();
  }

  resume(): void {
    this.#driver.resume();
  }

  get isPaused(): boolean {
    return this.#driver.isPaused;
  }

  // Closing ─────────────────────────────────────────────────────────────────────────────────────

  /** Resolves once the connection is closed. */
  get closed(): Promise<Closed> {
    return this.#driver.closed;
  }

  /**
   * Begins the closing handshake (§7.1.2), behind what was queued. A second call changes nothing.
   *
   * @param code - 1000, 3000 to 4999, or another that may be sent; undefined is 1000.
   * @param reason - at most 123 bytes of UTF-8.
   * @returns how it closed, once it has.
   * @throws {RangeError | TypeError} for a code or a reason that cannot be sent.
   */
  close(code: number = CloseCode.NormalClosure, reason = ""): Promise<Closed> {
    this.#driver.close(code, reason);
    return this.closed;
  }

  /** Cuts the connection, without a closing handshake; what is queued is lost. */
  terminate(): void {
    this.#driver.terminate();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /** `terminate`. */
  [Symbol.dispose](): void {
    this.terminate();
  }

  // Outbox and transport, as values ─────────────────────────────────────────────────────────────

  /** Encoded frames that wait for the end of this turn, in order; copies. */
  get outbox(): readonly Uint8Array[] {
    return this.#driver.outbox.frames;
  }

  /** Replaces what waits: by some of it, in another order, or by other whole frames. */
  set outbox(frames: readonly Uint8Array[]) {
    this.#driver.outbox.frames = frames;
  }

  /** Replaces what waits by what `update` makes of it. */
  updateOutbox(update: (frames: readonly Uint8Array[]) => readonly Uint8Array[]): void {
    this.outbox = update(this.outbox);
  }

  /** What bytes go through: the socket. */
  get transport(): Duplex {
    return this.#driver.pump.socket;
  }

  /** Goes on over another transport, from the next chunk on. The one before stays open, paused, and is yours. */
  set transport(transport: Duplex) {
    this.#driver.move(transport);
  }

  /** Goes on over what `update` makes of the transport. */
  updateTransport(update: (transport: Duplex) => Duplex): void {
    this.transport = update(this.transport);
  }

  /** Another connection over `transport`, open already, with the options, handlers and outbox of this one. */
  withTransport(transport: Duplex): Connection<Data> {
    const { settings, liveness } = this.#driver.context;
    const connection = new Connection(transport, this, this.handlers, { settings, liveness });
    connection.data = this.data;
    connection[begin](() => {
      connection.outbox = this.outbox;
    });
    return connection;
  }

  /** What is now; it does not change with the connection. */
  clone(): ConnectionSnapshot {
    const { url, host, protocol, extensions, perMessageDeflate, state, transport } = this;
    const { fd, outbox, bufferedAmount, counters } = this;
    const opening = { url, host, protocol, extensions, perMessageDeflate };
    return { ...opening, state, transport, fd, outbox, bufferedAmount, counters };
  }

  toString(): string {
    return `Connection(${this.role} ${this.url} ${this.state})`;
  }

  toJSON(): object {
    const { role, url, protocol, extensions, state, bufferedAmount, closeCode, closeReason, counters } = this;
    return { role, url, protocol, extensions, state, bufferedAmount, closeCode, closeReason, counters };
  }

  [inspect.custom](): string {
    return this.toString();
  }
}

/** Whether a value is a Connection. */
export function isConnection(value: unknown): value is Connection {
  return value instanceof Connection;
}
