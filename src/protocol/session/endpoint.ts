/**
 * One side of an open connection, without I/O (RFC 6455 §5 to §7): bytes in, events out; calls in, bytes out. It
 * knows no socket and no clock, so the same calls always give the same answers. `endpoint-phase.ts` draws its phases,
 * `endpoint-input.ts` is its receiving half.
 *
 * Rules for changes to this file:
 * 1. `#step` alone changes the phase.
 * 2. What the peer did wrong is data (`error`) and goes through `fail`; what the caller did wrong is thrown.
 * 3. No event holds bytes that the next `receiveData` may overwrite, unless `borrow` is set.
 */

import {
  CloseCode,
  DEFAULT_MAX_FRAME_SIZE,
  decodeCloseBody,
  encodeCloseBody,
  type FrameDecoder,
  InvalidStateError,
  Opcode,
  type ProtocolError,
} from "../../codec/index.js";
import type { Counters } from "../connection/counters.js";
import { type Bytes, toBytes } from "./bytes.js";
import { truncateReason } from "./close-reason.js";
import { EndpointInput } from "./endpoint-input.js";
import type { EndpointOptions } from "./endpoint-options.js";
import { type EndpointPhase, type EndpointState, type Step, TRANSITIONS } from "./endpoint-phase.js";
import { FrameQueue } from "./frame-queue.js";
import { Message } from "./message.js";
import { MessageCompression } from "./message-compression.js";
import {
  MessageFramer,
  type MessageInit,
  type PartOptions,
  type Place,
  type SendOptions,
} from "./message-framer.js";
import type { PreparedBatch } from "./prepared-batch.js";

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
export class Endpoint extends EndpointInput {
  /** Greatest payload of a frame that is sent; of one that is received, too, if the option was set. */
  readonly maxFrameSize: number;
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
   * Whether the transport is backed up. Then of several Pings only the newest is answered (§5.5.3), by a Pong that
   * waits until this is false again. Default false: each Ping gets its Pong, in order.
   */
  isBackedUp = false;
  readonly #framer: MessageFramer;
  readonly #autoPong: boolean;
  readonly #autoClose: boolean;
  readonly #explainFailures: boolean;
  /** The payload of the newest Ping that was not answered because the transport was backed up. */
  #heldPong: Uint8Array | undefined = undefined;

  /** @throws {TypeError | RangeError} for options that make no sense. */
  constructor(options: EndpointOptions) {
    super(options);
    const { maxFrameSize = DEFAULT_MAX_FRAME_SIZE, autoPong = true, autoClose = true } = options;
    const { explainFailures = true } = options;
    const { role, perMessageDeflate } = this;
    this.maxFrameSize = maxFrameSize;
    this.outbox = new FrameQueue(role);
    const compression = perMessageDeflate && new MessageCompression(role, perMessageDeflate);
    this.#framer = new MessageFramer(this.outbox, maxFrameSize, compression);
    this.#autoPong = autoPong;
    this.#autoClose = autoClose;
    this.#explainFailures = explainFailures;
  }

  #step(step: Step): void {
    const next = TRANSITIONS[this.phase][step];
    if (next === undefined) throw new InvalidStateError(`there is no ${step} in the phase ${this.phase}`);
    this.phase = next;
    // Messages are sent while the phase is "open", and no step leads back to it.
    this.#framer.release();
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
   * The transport ended: no more bytes come. §7.1.5: without a Close before, the close code is 1006.
   *
   * @param discard - whether the events that were not delivered yet are dropped. Default false.
   */
  receiveEof(discard = false): void {
    this.closeCode ??= CloseCode.AbnormalClosure;
    if (this.phase !== "ended") this.#step("end");
    this.#heldPong = undefined;
    this.endInput(discard);
  }

  protected control(opcode: Opcode, payload: Uint8Array): Message {
    if (opcode === Opcode.Close) return this.#receiveClose(payload);
    if (opcode === Opcode.Pong) return new Message(payload, "pong");
    if (this.#autoPong) this.#answer(payload);
    return new Message(payload, "ping");
  }

  protected answerQuietly(decoder: FrameDecoder): boolean {
    if (!this.#autoPong || this.phase !== "open" || this.isBackedUp || this.#heldPong !== undefined)
      return false;
    this.#framer.pongFor(decoder);
    return true;
  }

  protected violated(error: ProtocolError): void {
    this.fail(error.closeCode, this.#explainFailures ? error.message : "", error);
  }

  /**
   * §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already received
   * a Close frame." After a Close of ours none may be sent (§5.5.1).
   */
  #answer(payload: Uint8Array): void {
    if (this.phase !== "open") return;
    // §5.5.3: an endpoint that "has not yet sent Pong frame(s) in response to previous Ping frame(s) … MAY elect to
    // send a Pong frame for only the most recently processed Ping frame".
    if (this.isBackedUp || this.#heldPong !== undefined) this.#heldPong = new Uint8Array(payload);
    else this.#framer.control(Opcode.Pong, payload);
  }

  /** §5.5.1: "the endpoint typically echos the status code it received". */
  #receiveClose(payload: Uint8Array): Message {
    const { code, reason } = decodeCloseBody(payload);
    this.closeCode = code ?? CloseCode.NoStatusReceived;
    this.closeReason = reason;
    // In the phase "ended" too: bytes that arrived before the transport ended may be asked for afterwards.
    const isOurTurn = this.phase === "open";
    if (isOurTurn || this.phase === "close-sent") this.#step("receiveClose");
    if (isOurTurn && this.#autoClose) this.#sendClose(code, "");
    return new Message(reason, "close", false, code);
  }

  // Sending ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends a whole message, in fragments if it is longer than `maxFrameSize`. While another is being sent in parts,
   * it waits behind that one.
   *
   * @param data - copied, except for a prepared message, and with `copy: false`.
   * @throws {InvalidStateError} once a Close was sent or received.
   * @throws {TypeError} for data that is not a message.
   */
  send(data: MessageInit, options?: SendOptions): void {
    if (this.phase !== "open") this.#assertOpen("a message");
    this.#framer.send(data, options);
  }

  /**
   * Sends prepared messages one behind the other.
   *
   * @param left - positions of messages in the batch that are left out.
   * @throws {InvalidStateError} once a Close was sent or received.
   */
  sendBatch(batch: PreparedBatch, left?: ReadonlySet<number>): void {
    if (this.phase !== "open") this.#assertOpen("a message");
    this.#framer.sendBatch(batch, left);
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
    this.stopInput();
  }

  /** Whether a message was begun in parts and lacks its last. */
  get isSendingParts(): boolean {
    return this.#framer.isSendingParts;
  }

  get framesOut(): number {
    return this.#framer.frames;
  }

  get bytesOut(): number {
    return this.outbox.bytesTaken;
  }

  /** Frames that did not end their message. */
  get partsOut(): number {
    return this.#framer.parts;
  }

  get messagesOut(): number {
    return this.#framer.messages;
  }

  /** Bytes that wait to be sent: frames, and messages behind one that is sent in parts. */
  get queuedLength(): number {
    return this.outbox.length + this.#framer.waitingLength;
  }

  /** Those of them that are of messages behind one that is sent in parts, or behind a place that was reserved. */
  get waitingLength(): number {
    return this.#framer.waitingLength;
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
    this.#framer.taken();
    return this.outbox.take();
  }

  /** Drops the frames that wait, because no transport will take them. They do not count as sent. */
  discardOutput(): void {
    this.#heldPong = undefined;
    this.outbox.clear();
    this.#framer.discard();
  }

  /** Totals since the connection opened. */
  get counters(): Counters {
    const { framesIn, framesOut, messagesIn, messagesOut, bytesIn, bytesOut } = this;
    return { framesIn, framesOut, messagesIn, messagesOut, bytesIn, bytesOut };
  }
}
