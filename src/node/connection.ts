/** A connection: the object that users hold, the same on both sides. */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { inspect } from "node:util";
import { CloseCode, InvalidStateError, utf8Length } from "../codec/index.js";
import {
  type AnyMessage,
  assertHandlers,
  assertValidMessage,
  type Bytes,
  type Message,
  type SendOptions,
  toJson,
} from "../protocol/index.js";
import {
  HANDLER_HINTS,
  HANDLER_NAMES,
  type Handlers,
  hasHandler,
  type SessionContext,
} from "./connection-options.js";
import { ConnectionStatus, session } from "./connection-status.js";
import { type MessageStreams, messagesOf, streamsOf } from "./connection-streams.js";
import type {
  Closed,
  ConnectionSnapshot,
  ConnectionSocket,
  MessageOptions,
  Opening,
  ReceiveOptions,
} from "./connection-types.js";
import { type ConnectionDuplexOptions, duplexOf } from "./duplex.js";
import { type StreamOptions, type StreamSource, sendStream } from "./send-stream.js";
import type { Sendable } from "./writer.js";

/** Handlers of a connection, on either side. Without a type argument: for connections with data of any type. */
export type ConnectionHandlers<Data = unknown> = Handlers<Connection<Data>>;

/** The same on a server, where every connection was opened by a request. */
export type ServerHandlers<Data = unknown> = Handlers<Connection<Data>, IncomingMessage>;

/** For the package's own modules: begins a connection. */
export const begin: unique symbol = Symbol("hawser.begin");

/**
 * A connection. `serve`, `createUpgradeHandler` and `connect` make them. Without a type argument: one whose data may be
 * of any type.
 *
 * Messages go to `handlers.message` if there is one, as they arrive; else they wait for `receive`, and while too
 * many wait, the socket is not read.
 */
export class Connection<Data = unknown>
  extends ConnectionStatus<Data, Connection<Data>>
  implements AsyncIterable<AnyMessage>
{
  /** Use `connect`, `serve` or `createUpgradeHandler`. */
  constructor(socket: Duplex, opening: Opening, handlers: ConnectionHandlers<Data>, context: SessionContext) {
    super(socket, opening, handlers, context);
  }

  /**
   * Runs the open handler, or another, and begins to read.
   *
   * @param head - bytes that came with the handshake.
   * @internal
   */
  [begin](opened: () => unknown, head?: Uint8Array): void {
    this[session].dispatcher.run(opened);
    this[session].start(head);
  }

  /** Called from now on; one object may serve many connections. */
  get handlers(): ConnectionHandlers<Data> {
    return this[session].handlers;
  }

  set handlers(handlers: ConnectionHandlers<Data>) {
    assertHandlers(handlers, HANDLER_NAMES, HANDLER_HINTS, "connection.handlers", this.handlers);
    this[session].handlers = handlers;
  }

  // Sending ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends a whole message, in fragments if it is longer than `maxFrameSize`. Frames wait in the outbox and leave in one
   * write when the handlers that are running return. While another message is sent in parts, this one waits behind it.
   *
   * @param data - a string, bytes (any view, ArrayBuffer, Blob or File), a prepared message, or a message that was
   *   received. Bytes are copied, unless `copy` is false; a Blob is read, and keeps its place in the order.
   * @returns true: go on. false: the message is queued, but you should wait for `drained` or the drain handler.
   *   undefined: the message is not sent, because the connection closes or the policy `onOverflow` dropped it.
   * @throws {TypeError} for data that is not a message, and for a part of one: see `sendAll`.
   * @throws {RangeError} if `onOverflow` is "throw" and too much waits.
   */
  send(data: Sendable, options?: SendOptions): boolean | undefined {
    return this[session].writer.send(data, options);
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
  sendJson(value: unknown, options?: Omit<SendOptions, "type">): boolean | undefined {
    return this.send(toJson(value), options);
  }

  /**
   * Sends a message, and all frames that were queued before it, before it returns: for handlers that run long and
   * send on the way.
   */
  sendNow(data: Sendable, options?: SendOptions): boolean | undefined {
    const more = this.send(data, options);
    this.flush();
    return more;
  }

  /** `sendBinary`, at once. */
  sendBinaryNow(bytes: Exclude<Sendable, string>): boolean | undefined {
    return this.sendNow(bytes, { type: "binary" });
  }

  /**
   * Sends a message, or a part of one, in one frame; or the control frame that it stands for.
   *
   * @throws {RangeError} when it is longer than `maxFrameSize`; `sendAll` cuts it.
   */
  sendMessage(message: Message, options?: MessageOptions): boolean | undefined {
    assertValidMessage(message);
    const data: string | Uint8Array = message.data;
    const length = typeof data === "string" ? utf8Length(data) : data.length;
    if (length > this.maxFrameSize) {
      throw new RangeError(
        `a message must have at most ${this.maxFrameSize} bytes (maxFrameSize), not ${length}: see sendAll`,
      );
    }
    return this.sendAll(message, options);
  }

  /**
   * Sends a message in as many frames as it takes; or the control frame that it stands for. A `partial` message begins
   * or continues a message in parts (§5.4); the first that is not partial ends it. If the policy "drop" drops the
   * first part, the others of that message are dropped, too.
   *
   * @param options - what the first part says about `compress` holds for the whole message.
   */
  sendAll(message: Message, options?: MessageOptions): boolean | undefined {
    assertValidMessage(message);
    const { type, partial, code } = message;
    const data: string | Uint8Array = message.data;
    const { writer, endpoint } = this[session];
    if (type === "text" || type === "binary") {
      const { compress, copy } = options ?? {};
      const sending = { type, compress, copy };
      const isBehindStream = writer.streams !== undefined;
      if (partial && isBehindStream) {
        throw new InvalidStateError("a message is being sent by sendStream: no other can be sent in parts");
      }
      if (!partial && (isBehindStream || !writer.isSendingParts)) return writer.send(data, sending);
      return writer.sendPart(data, { ...sending, final: !partial });
    }
    if (type === "close") {
      this[session].close(code ?? CloseCode.NormalClosure, data as string);
      return undefined;
    }
    if (!writer.mayQueue()) return undefined;
    endpoint[type](data);
    return writer.queued();
  }

  /**
   * Sends one message in fragments, as its source gives the parts, and waits for the peer in between. The message begins
   * with the first part; whole messages that you send from then on wait behind it, control frames do not.
   *
   * @param source - strings, or bytes, which are copied: an iterable, a web or Node stream, or a Blob.
   * @returns resolves when the last part is queued. It rejects if the source fails, `signal` is aborted, or the
   *   connection closes before. A message that was begun cannot be taken back: the connection then closes with 1011.
   *   You may ignore the promise.
   * @throws {TypeError} for a source that gives no parts, and for options that make no sense.
   */
  sendStream(source: StreamSource, options?: StreamOptions): Promise<void> {
    return sendStream(this[session], source, options);
  }

  /** Resolves when there is room to send, at once if there is; and when the connection closes. */
  drained(): Promise<void> {
    return this[session].writer.drained();
  }

  /** Writes the outbox now. */
  flush(): void {
    this[session].writer.flush();
  }

  /**
   * Sends a Ping (§5.5.2).
   *
   * @param payload - at most 125 bytes; default: bytes that no other Ping has.
   * @returns the milliseconds until its Pong came. It rejects with an InvalidStateError when the connection closes
   *   before, is not open, or 1,000 Pings wait for their Pong. You may ignore the promise.
   * @throws {RangeError} for a payload that is too long.
   */
  ping(payload?: string | Bytes): Promise<number> {
    return this[session].ping(payload);
  }

  /**
   * Sends a Pong (§5.5.3): for `autoPong: false`, or unsolicited. A connection that closes sends none; and where too
   * much waits, a Pong is a message like any other.
   */
  pong(payload: string | Bytes = ""): void {
    const { writer, endpoint } = this[session];
    if (!writer.mayQueue()) return;
    endpoint.pong(payload);
    writer.queued();
  }

  // Receiving ───────────────────────────────────────────────────────────────────────────────────

  /**
   * The next message; undefined once the connection is closed and every message that arrived was received. For
   * connections without a message handler.
   */
  receive(options: ReceiveOptions = {}): Promise<AnyMessage | undefined> {
    return this[session].dispatcher.inbox.receive(options.signal);
  }

  /** The next message if it is here already; never waits. */
  tryReceive(): AnyMessage | undefined {
    return this[session].dispatcher.inbox.tryReceive();
  }

  /**
   * The next message, its parts put together if they are delivered one by one (`partial`).
   *
   * @param maxMessageSize - bytes; default: the connection's.
   * @throws {LimitError} when it is longer; the connection is then closed with 1009.
   */
  receiveAll(
    maxMessageSize: number = this.maxMessageSize,
    options: ReceiveOptions = {},
  ): Promise<AnyMessage | undefined> {
    return this[session].dispatcher.inbox.receiveAll(maxMessageSize, options.signal);
  }

  /** Messages until the connection is closed. Leaving the loop closes it. */
  [Symbol.asyncIterator](): AsyncGenerator<AnyMessage, void, undefined> {
    return messagesOf(this);
  }

  /**
   * The messages as web streams, in place of `receive`: strings and bytes to read, what `send` takes to write. The
   * socket is not read while the readable is full; a write is done when there is room for the next. Closing the writable
   * closes with 1000. Cancelling and aborting close with 1011, or with the code of a WebSocketError. A close of the
   * peer's with 1000 or no code is the end; any other one, and none, is a WebSocketError.
   *
   * @throws {InvalidStateError} where there is a message handler, or another stream of this connection.
   */
  stream(): MessageStreams {
    return streamsOf(this, hasHandler(this.handlers, "message"));
  }

  /**
   * The same as Node's Duplex of bytes; in object mode, of messages. `end()` closes with 1000, and `destroy` cuts.
   */
  duplex(options: ConnectionDuplexOptions = {}): Duplex {
    return duplexOf(this, hasHandler(this.handlers, "message"), options);
  }

  /**
   * Stops reading, and delivering the messages that were read, at once. A connection that closes is read again, unless
   * `deliverWhileClosing` is set: then `resume`, or `closeTimeoutMs` cuts it.
   */
  pause(): void {
    this[session].pause();
  }

  resume(): void {
    this[session].resume();
  }

  get isPaused(): boolean {
    return this[session].isPaused;
  }

  // Closing ─────────────────────────────────────────────────────────────────────────────────────

  /** Resolves once the connection is closed. */
  get closed(): Promise<Closed> {
    return this[session].closed;
  }

  /**
   * Begins the closing handshake (§7.1.2), behind the frames that are queued. A second call changes nothing. Messages
   * that arrive from now on are dropped, unless `deliverWhileClosing` is set.
   *
   * @param code - 1000, 3000 to 4999, or another that may be sent; undefined is 1000. The codes that `close` handlers
   *   report and no frame may carry can be passed on: 1005 sends a Close without a code, 1006 and 1015 send 1011.
   * @param reason - at most 123 bytes of UTF-8.
   * @returns how it closed, once it has.
   * @throws {RangeError | TypeError} for a code or a reason that cannot be sent.
   */
  close(code: number = CloseCode.NormalClosure, reason = ""): Promise<Closed> {
    const isReported = code === CloseCode.NoStatusReceived && reason === "";
    this[session].close(isReported ? undefined : sendable(code), reason);
    return this.closed;
  }

  /** Cuts the connection without a closing handshake. Frames that are queued are lost, and not counted as sent. */
  terminate(): void {
    this[session].terminate();
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
    return this[session].writer.frames;
  }

  /** Replaces the frames that wait: by some of them, in another order, or by other whole frames. */
  set outbox(frames: readonly Uint8Array[]) {
    this[session].writer.frames = frames;
  }

  /** Replaces the frames that wait by the result of `update`. */
  updateOutbox(update: (frames: readonly Uint8Array[]) => readonly Uint8Array[]): void {
    this.outbox = update(this.outbox);
  }

  /** The stream that the bytes go through: the socket. */
  get transport(): ConnectionSocket {
    return this[session].transport.socket;
  }

  /** Goes on over another transport, from the next chunk on. The one before stays open, paused, and is yours. */
  set transport(transport: Duplex) {
    this[session].move(transport);
  }

  /** Goes on over the result of `update`. */
  updateTransport(update: (transport: Duplex) => Duplex): void {
    this.transport = update(this.transport);
  }

  /** Another connection over `transport`, open already, with the options, handlers and outbox of this one. */
  withTransport(transport: Duplex): Connection<Data> {
    const { settings, liveness } = this[session].context;
    const connection = new Connection(transport, this, this.handlers, {
      settings,
      liveness,
      onGone: undefined,
    });
    connection.data = this.data;
    connection[begin](() => {
      connection.outbox = this.outbox;
    });
    return connection;
  }

  /** The state of the connection now; the snapshot does not change with it. */
  clone(): ConnectionSnapshot {
    const { url, host, protocol, extensions, perMessageDeflate, state, transport } = this;
    const { fd, outbox, bufferedAmount, counters } = this;
    const opening = { url, host, protocol, extensions, perMessageDeflate };
    return { ...opening, state, transport, fd, outbox, bufferedAmount, counters };
  }

  override toString(): string {
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

/** The code to send for one that a connection reported: 1006 and 1015 may not be sent (§7.4.1). */
function sendable(code: number): number {
  const isAbnormal = code === CloseCode.AbnormalClosure || code === CloseCode.TlsHandshake;
  return isAbnormal ? CloseCode.InternalError : code;
}

/** Whether a value is a Connection. */
export function isConnection(value: unknown): value is Connection {
  return value instanceof Connection;
}
