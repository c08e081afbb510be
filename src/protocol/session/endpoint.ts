/**
 * One side of an open connection, without I/O (RFC 6455 §5 to §7): bytes in, events out; calls in, bytes out. It
 * knows no socket and no clock, so the same calls always give the same answers. `endpoint-phase.ts` draws its phases.
 *
 * Rules for changes to this file:
 * 1. `#step` alone changes the phase.
 * 2. What the peer did wrong is data (`error`) and goes through `fail`; what the caller did wrong is thrown.
 * 3. No event holds bytes that the next `receiveData` may overwrite, unless `borrow` is set.
 */

import {
  CloseCode,
  DEFAULT_MAX_FRAME_SIZE,
  type Decompressor,
  decodeCloseBody,
  encodeCloseBody,
  type FrameDecoder,
  InvalidStateError,
  isControl,
  Opcode,
  type ProtocolError,
  type Role,
} from "../../codec/index.js";
import { assertByteCounts } from "../connection/buffer-limits.js";
import type { Counters } from "../connection/counters.js";
import { type Bytes, toBytes } from "./bytes.js";
import { truncateReason } from "./close-reason.js";
import { giveDecoder, type PooledDecoder, takeDecoder } from "./decoder-pool.js";
import { FrameQueue } from "./frame-queue.js";
import { DEFAULT_MAX_MESSAGE_SIZE, type EndpointOptions } from "./endpoint-options.js";
import { type EndpointPhase, type EndpointState, type Step, TRANSITIONS } from "./endpoint-phase.js";
import { LentMessage, MAX_TEXT_LENGTH, Message, type MessageType, messageTooBig } from "./message.js";
import { type Delivery, MessageAssembler } from "./message-assembler.js";
import { decompressorFor, MessageCompression } from "./message-compression.js";
import {
  MessageFramer,
  type MessageInit,
  type PartOptions,
  type Place,
  type SendOptions,
} from "./message-framer.js";
import type { DeflateParameters } from "../handshake/deflate-offer.js";

const TYPE_OF: Readonly<Partial<Record<Opcode, MessageType>>> = {
  [Opcode.Text]: "text",
  [Opcode.Binary]: "binary",
  [Opcode.Ping]: "ping",
  [Opcode.Pong]: "pong",
};

const NO_OUTPUT: readonly Uint8Array[] = [];

/**
 * The protocol of one side of a connection.
 *
 * ```ts
 * const endpoint = new Endpoint({ role: "server" });
 * endpoint.receiveData(chunk);
 * for (let event; (event = endpoint.nextEvent()) !== null; ) handle(event);
 * for (const bytes of endpoint.takeOutput()) socket.write(bytes);
 * if (endpoint.wantsEnd) socket.end();
 * ```
 *
 * To apply backpressure, do not ask for events: the bytes that were received wait.
 */
export class Endpoint implements Delivery {
  readonly role: Role;
  /** Greatest payload of a frame that is sent; of one that is received, too, if the option was set. */
  readonly maxFrameSize: number;
  readonly maxMessageSize: number;
  readonly partial: boolean;
  readonly textAsBytes: boolean;
  readonly borrow: boolean;
  /**
   * Whether messages that come whole in one frame, and control frames, are lent until the next event is asked for, as
   * `borrow` has it. A caller that copies each message anyway may set it. Default: `borrow`.
   */
  lends: boolean;
  /** What was agreed on for compression; undefined: nothing. */
  readonly perMessageDeflate: DeflateParameters | undefined;
  /** Frames that wait for `takeOutput`. */
  readonly outbox: FrameQueue;
  phase: EndpointPhase = "open";
  /** What the peer did wrong, once every event before it was delivered. */
  error: ProtocolError | undefined = undefined;
  /**
   * §7.1.5: the code of the Close that was received; 1005 if it had none, 1006 if the transport ended without
   * one. Undefined before.
   */
  closeCode: number | undefined = undefined;
  /** §7.1.6: the reason that came with it. */
  closeReason = "";
  /**
   * Bytes that may be inflated until `nextEvent` returns null although there is more (`hasUnread`). It counts down;
   * set it again to go on. Default Infinity.
   */
  inflateBudget = Infinity;
  /**
   * Whether the transport is backed up. Then of several Pings only the newest is answered (§5.5.3), by a Pong that
   * waits until this is false again. Default false: each Ping gets its Pong, in order.
   */
  isBackedUp = false;
  framesIn = 0;
  messagesIn = 0;
  bytesIn = 0;
  bytesOut = 0;

  readonly #framer: MessageFramer;
  readonly #autoPong: boolean;
  readonly #autoClose: boolean;
  readonly #maxReceivedFrame: number;
  /** While there is something to decode, or something is half received. */
  #pooled: PooledDecoder | undefined = undefined;
  /** For the message under way, if it does not come whole and plain in one frame. */
  #assembler: MessageAssembler | undefined = undefined;
  /** Since the first compressed message. */
  #decompressor: Decompressor | undefined = undefined;
  /** The payload of the newest Ping that was not answered because the transport was backed up. */
  #heldPong: Uint8Array | undefined = undefined;
  /** With `borrow`, since the first message. */
  #lent: LentMessage | undefined = undefined;

  /** @throws {TypeError | RangeError} for options that make no sense. */
  constructor(options: EndpointOptions) {
    const { role, maxFrameSize, maxMessageSize = DEFAULT_MAX_MESSAGE_SIZE } = options;
    const { text = "string", autoPong = true, autoClose = true, partial = false, borrow = false } = options;
    if (role !== "client" && role !== "server") {
      throw new TypeError(`role must be "client" or "server", not ${String(role)}`);
    }
    assertByteCounts(maxFrameSize === undefined ? { maxMessageSize } : { maxFrameSize, maxMessageSize });
    if (text !== "string" && text !== "bytes") {
      throw new TypeError(`text must be "string" or "bytes", not ${String(text)}`);
    }
    this.role = role;
    this.maxFrameSize = maxFrameSize ?? DEFAULT_MAX_FRAME_SIZE;
    this.#maxReceivedFrame = maxFrameSize ?? Infinity;
    this.maxMessageSize = maxMessageSize;
    this.partial = partial;
    this.textAsBytes = text === "bytes";
    this.borrow = this.lends = borrow;
    this.outbox = new FrameQueue(role);
    this.perMessageDeflate = options.perMessageDeflate;
    const compression = this.perMessageDeflate && new MessageCompression(role, this.perMessageDeflate);
    this.#framer = new MessageFramer(this.outbox, this.maxFrameSize, compression);
    this.#autoPong = autoPong;
    this.#autoClose = autoClose;
  }

  #step(step: Step): void {
    const next = TRANSITIONS[this.phase][step];
    if (next === undefined) throw new InvalidStateError(`there is no ${step} in the phase ${this.phase}`);
    this.phase = next;
  }

  get state(): EndpointState {
    const { phase } = this;
    return phase === "open" ? "open" : phase === "ended" ? "closed" : "closing";
  }

  /** Whether a Close was sent; in the phase "ended" that is no longer known. */
  get closeSent(): boolean {
    const { phase } = this;
    return phase === "close-sent" || phase === "close-exchanged" || phase === "failed";
  }

  /** Whether the connection was failed (§7.1.7): nothing that the peer sends counts any more. */
  get failed(): boolean {
    return this.phase === "failed";
  }

  /**
   * Whether to end the transport's sending side once the output is written. §7.1.1: the server does so when the
   * closing handshake is complete, and the side that fails the connection.
   */
  get wantsEnd(): boolean {
    const { phase } = this;
    return phase === "failed" || phase === "ended" || (phase === "close-exchanged" && this.role === "server");
  }

  // Receiving ───────────────────────────────────────────────────────────────────────────────────

  /**
   * Takes the next chunk from the transport. Its events come from `nextEvent`. Never throws for what the peer did.
   *
   * @param chunk - the endpoint's from here on: unmasked in place. One in `receiveBuffer()` is used up, or
   *   copied by `retain`, before the next read.
   */
  receiveData(chunk: Uint8Array): void {
    const { phase } = this;
    if (phase === "open" || phase === "close-sent") {
      if (this.#pooled === undefined) {
        // RFC 7692 §6: RSV1 has a meaning once the extension was negotiated.
        const allowRsv1 = this.perMessageDeflate !== undefined;
        this.#pooled = takeDecoder(this.role, this.#maxReceivedFrame, allowRsv1, this.bytesIn);
      }
      this.#pooled.decoder.push(chunk);
    }
    this.bytesIn += chunk.length;
  }

  /**
   * The transport ended: no more bytes come. §7.1.5: without a Close before, the close code is 1006.
   *
   * @param discard - whether the events that were not delivered yet are dropped. Default false.
   */
  receiveEof(discard = false): void {
    this.closeCode ??= CloseCode.AbnormalClosure;
    if (this.phase !== "ended") this.#step("end");
    if (discard || !this.hasUnread) this.#forget();
  }

  /**
   * The next event: a message (or a part of one, if `partial`), a ping, a pong or a close.
   *
   * @returns null when there is no more for now. Then `error` tells whether the peer broke a rule, and `hasUnread`
   *   whether the budget ended before the bytes did.
   */
  nextEvent(): Message | null {
    if (this.#assembler !== undefined || this.#lent !== undefined || this.phase === "failed") {
      const event = this.#endEvent();
      if (event !== null || this.#assembler?.hasMore === true) return event;
    }
    if (this.#pooled === undefined) return null;
    const { decoder } = this.#pooled;
    while (decoder.next()) {
      if (decoder.isFirstPart) this.framesIn++;
      const { opcode } = decoder;
      // Most frames: whole, the whole of their message, and not compressed.
      if (decoder.fin && decoder.isFirstPart && decoder.isLastPart && !decoder.rsv1 && opcode !== 0) {
        if (opcode === Opcode.Binary && !this.lends && decoder.length <= this.maxMessageSize) {
          this.messagesIn++;
          return new Message(decoder.payload, "binary");
        }
        if (!isControl(opcode)) return this.#wholeMessage(decoder);
      }
      const event = isControl(opcode) ? this.#control(decoder) : this.#part(decoder);
      if (event !== null) return event;
      if (this.#assembler?.hasMore === true || this.phase === "failed") return null;
    }
    this.#endChunk(decoder);
    return null;
  }

  /** The event before was handled: ends its loan, and goes on with the message that it was a part of. */
  #endEvent(): Message | null {
    this.#lent?.return();
    if (this.phase === "failed") this.#forget();
    const assembler = this.#assembler;
    if (assembler === undefined) return null;
    assembler.endLoan();
    if (assembler.hasMore) return this.#settle(assembler, assembler.more(this));
    if (assembler.isDone) this.#assembler = undefined;
    return null;
  }

  /** A message that came whole and plain in one frame. */
  #wholeMessage(decoder: FrameDecoder): Message | null {
    const isText = decoder.opcode === Opcode.Text;
    const isString = isText && !this.textAsBytes;
    const limit = isString ? Math.min(this.maxMessageSize, MAX_TEXT_LENGTH) : this.maxMessageSize;
    if (decoder.length > limit) {
      const { frameOffset, headerLength } = decoder;
      const error = messageTooBig(frameOffset + Math.min(headerLength, 2) - 1, limit, decoder.length);
      this.fail(error.closeCode, error.message, error);
      return null;
    }
    this.messagesIn++;
    if (isString) return new Message(decoder.text(), "text");
    const type = isText ? "text" : "binary";
    if (!this.lends) return new Message(decoder.payload, type);
    return (this.#lent ??= new LentMessage()).lend(decoder, type);
  }

  /** Nothing is left to decode. */
  #endChunk(decoder: FrameDecoder): void {
    if (decoder.error !== undefined) {
      if (this.phase !== "failed") this.fail(decoder.error.closeCode, decoder.error.message, decoder.error);
    }
    if (decoder.hasEnded || this.phase === "failed") {
      this.#pooled = undefined;
    } else if (decoder.isBetweenMessages) {
      giveDecoder(this.#pooled as PooledDecoder);
      this.#pooled = undefined;
    }
    if (this.phase === "ended") this.#forget();
  }

  /** A part of a message. Returns the event that it completes, if it does. */
  #part(decoder: FrameDecoder): Message | null {
    if (decoder.isFirstPart && decoder.opcode !== Opcode.Continuation) {
      const isString = decoder.opcode === Opcode.Text && !this.textAsBytes;
      const decompressor = decoder.rsv1 ? this.#inflater(isString) : undefined;
      this.#assembler = new MessageAssembler(decoder.opcode, decompressor, this);
    }
    const assembler = this.#assembler as MessageAssembler;
    return this.#settle(assembler, assembler.take(decoder, this));
  }

  #inflater(isString: boolean): Decompressor {
    const parameters = this.perMessageDeflate as DeflateParameters;
    this.#decompressor ??= decompressorFor(this.role, parameters, this.maxMessageSize);
    this.#decompressor.maxLength =
      isString && !this.partial ? Math.min(this.maxMessageSize, MAX_TEXT_LENGTH) : this.maxMessageSize;
    return this.#decompressor;
  }

  #settle(assembler: MessageAssembler, message: Message | null): Message | null {
    const { error, isDone } = assembler;
    if (error !== undefined) this.fail(error.closeCode, error.message, error);
    if (message !== null && isDone) this.messagesIn++;
    return message;
  }

  #control(decoder: FrameDecoder): Message {
    const { opcode } = decoder;
    const payload = this.lends ? decoder.borrowedPayload : decoder.payload;
    if (opcode === Opcode.Close) return this.#receiveClose(payload);
    if (opcode === Opcode.Ping && this.#autoPong) this.#answer(payload);
    return new Message(payload, TYPE_OF[opcode] as MessageType);
  }

  /**
   * §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already received
   * a Close frame." After a Close of ours none may be sent (§5.5.1).
   */
  #answer(payload: Uint8Array): void {
    if (this.phase !== "open" && this.phase !== "close-received") return;
    // §5.5.3: an endpoint that "has not yet sent Pong frame(s) in response to previous Ping frame(s) … MAY elect to
    // send a Pong frame for only the most recently processed Ping frame".
    if (this.isBackedUp || this.#heldPong !== undefined) this.#heldPong = new Uint8Array(payload);
    else this.#framer.control(Opcode.Pong, payload);
  }

  /** §5.5.1: "the endpoint typically echos the status code it received". */
  #receiveClose(payload: Uint8Array): Message {
    const { code, reason } = decodeCloseBody(payload);
    this.#decompressor?.release();
    this.closeCode = code ?? CloseCode.NoStatusReceived;
    this.closeReason = reason;
    // In the phase "ended" too: bytes that arrived before the transport ended may be asked for afterwards.
    const isOurTurn = this.phase === "open";
    if (isOurTurn || this.phase === "close-sent") this.#step("receiveClose");
    if (isOurTurn && this.#autoClose) this.#sendClose(code, "");
    return new Message(reason, "close", false, code);
  }

  /** Whether bytes were received whose events `nextEvent` has not returned. */
  get hasUnread(): boolean {
    return this.#assembler?.hasMore === true || this.#pooled?.decoder.hasUnread === true;
  }

  /** Copies the unread bytes of a chunk in `receiveBuffer()`, which will be overwritten. */
  retain(): void {
    if (this.#pooled === undefined) return;
    if (this.#assembler?.hasMore === true) this.#decompressor?.retain();
    this.#pooled.decoder.retain();
  }

  /** Payload bytes held of a message that is not complete yet. */
  get retainedLength(): number {
    return (this.#assembler?.retainedLength ?? 0) + (this.#pooled?.decoder.retainedLength ?? 0);
  }

  // Sending ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends a whole message, in fragments if it is longer than `maxFrameSize`. While another is being sent in parts,
   * it waits behind that one.
   *
   * @param data - copied, except for a prepared message, and with `copy: false`.
   * @throws {InvalidStateError} once a Close was sent or received.
   * @throws {TypeError} for data that is no message.
   */
  send(data: MessageInit, options?: SendOptions): void {
    if (this.phase !== "open") this.#assertOpen("a message");
    this.#framer.send(data, options);
  }

  /**
   * Sends a part of a message (§5.4).
   *
   * @throws {InvalidStateError} once a Close was sent or received, and for a part of another type than the message
   *   that was begun.
   */
  sendPart(data: string | Bytes, options: PartOptions): void {
    this.#assertOpen("a message");
    this.#framer.sendPart(data, options);
  }

  /** Keeps the place of a message whose data comes later; see `MessageFramer`. */
  reserve(length: number, options?: SendOptions): Place {
    this.#assertOpen("a message");
    return this.#framer.reserve(length, options);
  }

  /**
   * Sends a Ping (§5.5.2).
   *
   * @param payload - at most 125 bytes; copied.
   */
  ping(payload: string | Bytes = ""): void {
    this.#assertOpen("a Ping");
    this.#framer.control(Opcode.Ping, typeof payload === "string" ? payload : toBytes(payload));
  }

  /** Sends a Pong (§5.5.3), asked for or not; its payload is copied. */
  pong(payload: string | Bytes = ""): void {
    this.#assertOpen("a Pong");
    this.#framer.control(Opcode.Pong, typeof payload === "string" ? payload : toBytes(payload));
  }

  #assertOpen(what: string): void {
    if (this.phase === "open") return;
    throw new InvalidStateError(`${what} can be sent while the connection is open, not ${this.state}`);
  }

  /**
   * Begins the closing handshake, or answers the peer's (§7.1.2). A second call does nothing.
   *
   * @param code - 1000, or 3000 to 4999, or another that may be sent; undefined for a Close without a body.
   * @throws {RangeError | TypeError} as `encodeCloseBody` does.
   */
  close(code?: number, reason = ""): void {
    if (this.phase === "open" || this.phase === "close-received") this.#sendClose(code, reason);
    else encodeCloseBody(code, reason);
  }

  #sendClose(code: number | undefined, reason: string): void {
    const body = encodeCloseBody(code, reason);
    this.#sendHeldPong();
    this.#framer.control(Opcode.Close, body);
    this.#step("sendClose");
    this.#framer.release();
  }

  /**
   * Fails the connection (§7.1.7): sends a Close if none was sent, ignores further input, and wants the transport to
   * end.
   *
   * @param error - what the peer did wrong, if that is the cause; becomes `error`.
   */
  fail(code: number, reason = "", error?: ProtocolError): void {
    this.error ??= error;
    if (this.phase === "ended" || this.phase === "failed") return;
    if (!this.closeSent) this.#sendClose(code, truncateReason(reason));
    this.#step("fail");
    // The caller may still use a lent message. Its memory goes back when the next event is asked for.
    if (!this.borrow) this.#forget();
  }

  /** Drops a message that is half received, and the memory of compression. */
  #forget(): void {
    this.#pooled = undefined;
    this.#assembler = undefined;
    this.#heldPong = undefined;
    this.#decompressor?.release();
    this.#framer.release();
  }

  /** Whether a message was begun in parts and lacks its last. */
  get isSendingParts(): boolean {
    return this.#framer.isSendingParts;
  }

  get framesOut(): number {
    return this.#framer.frames;
  }

  get messagesOut(): number {
    return this.#framer.messages;
  }

  /** Bytes that wait to be sent: frames, and messages behind one that is sent in parts. */
  get queuedLength(): number {
    return this.outbox.length + this.#framer.waitingLength;
  }

  #sendHeldPong(): void {
    if (this.#heldPong === undefined) return;
    this.#framer.control(Opcode.Pong, this.#heldPong);
    this.#heldPong = undefined;
  }

  /** Whether `takeOutput` would return anything. */
  get hasOutput(): boolean {
    return this.outbox.length > 0 || (this.#heldPong !== undefined && !this.isBackedUp);
  }

  /**
   * Bytes for the transport, in order. They must not be changed. Once they are written, give them to
   * `outbox.recycle`, or leave them to the garbage collector.
   */
  takeOutput(): readonly Uint8Array[] {
    if (this.#heldPong !== undefined && !this.isBackedUp) this.#sendHeldPong();
    const { length } = this.outbox;
    if (length === 0) return NO_OUTPUT;
    this.bytesOut += length;
    return this.outbox.take();
  }

  /** Drops the frames that wait, because no transport will take them. They do not count as sent. */
  discardOutput(): void {
    this.#heldPong = undefined;
    this.outbox.recycle(this.outbox.take());
    this.#framer.release();
  }

  /** Totals since the connection opened. */
  get counters(): Counters {
    const { framesIn, framesOut, messagesIn, messagesOut, bytesIn, bytesOut } = this;
    return { framesIn, framesOut, messagesIn, messagesOut, bytesIn, bytesOut };
  }
}
