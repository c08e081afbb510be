/**
 * One side of an open connection, without I/O (RFC 6455 §5 to §7): bytes in, events out; calls in, bytes out. It
 * knows no socket and no clock, so the same calls always give the same answers.
 *
 * Rules for whoever edits this file:
 * 1. Whatever changes `state` is here, and only in `#sendClose`, `#receiveClose`, `fail` and `receiveEof`.
 * 2. What the peer did wrong is data (`error`) and goes through `fail`; what the caller did wrong is thrown.
 * 3. Nothing is handed out that the next `receiveData` may overwrite, unless `borrow` says so.
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
import type { DeflateParameters } from "../handshake/deflate-offer.js";
import { truncateReason } from "./close-reason.js";
import { giveDecoder, takeDecoder } from "./decoder-pool.js";
import { Message, type MessageType, messageTooBig } from "./message.js";
import { type Delivery, MessageAssembler } from "./message-assembler.js";
import { decompressorFor, MessageCompression } from "./message-compression.js";
import { MessageSender, noteValidText, type SendOptions } from "./message-sender.js";
import { Output } from "./output.js";
import type { PreparedMessage } from "./prepared-message.js";

/** Bytes that a message may have by default: 16 MiB. */
export const DEFAULT_MAX_MESSAGE_SIZE = 1 << 24;

export interface EndpointOptions {
  /** Our side. */
  readonly role: Role;
  /** Greatest payload of one frame, in bytes, both ways; judged on the header. Default 1 MiB. */
  readonly maxFrameSize?: number | undefined;
  /**
   * Greatest message, in bytes, that is received; judged on the header of the frame that exceeds it, and by
   * bytes, however many fragments they come in. Default 16 MiB.
   */
  readonly maxMessageSize?: number | undefined;
  /** Deliver parts of messages as they arrive, instead of messages once they are whole. Default false. */
  readonly partial?: boolean | undefined;
  /** What text is delivered as: strings, or their bytes, which are valid UTF-8. Default "string". */
  readonly text?: "string" | "bytes" | undefined;
  /** Answer a Ping with a Pong (§5.5.2). If false, the caller sends it. Default true. */
  readonly autoPong?: boolean | undefined;
  /** Answer a Close with a Close (§5.5.1). If false, the caller sends it. Default true. */
  readonly autoClose?: boolean | undefined;
  /**
   * Deliver bytes that are valid only until the next event is asked for or anything is received. Spares a copy of
   * each binary message. Default false: bytes are the caller's to keep.
   */
  readonly borrow?: boolean | undefined;
  /** What the handshake agreed on for compression (RFC 7692). Default: there is none. */
  readonly perMessageDeflate?: DeflateParameters | undefined;
}

/** open: messages go both ways. closing: a Close was sent or received (§7.1.3). closed: the transport ended. */
export type EndpointState = "open" | "closing" | "closed";

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
 * Not asking for events is backpressure: what was received waits.
 */
export class Endpoint implements Delivery {
  readonly role: Role;
  readonly maxFrameSize: number;
  readonly maxMessageSize: number;
  readonly partial: boolean;
  readonly textAsBytes: boolean;
  readonly borrow: boolean;
  /** What was agreed on for compression; undefined: nothing. */
  readonly perMessageDeflate: DeflateParameters | undefined;
  /** Frames that wait for `takeOutput`, which appends a Pong if one is due. */
  readonly output: Output;
  state: EndpointState = "open";
  /** What the peer did wrong, once every event before it was delivered. */
  error: ProtocolError | undefined = undefined;
  /**
   * §7.1.5: the code of the Close that was received; 1005 if it had none, 1006 if the transport ended without
   * one. Undefined before.
   */
  closeCode: number | undefined = undefined;
  /** §7.1.6: the reason that came with it. */
  closeReason = "";
  closeSent = false;
  closeReceived = false;
  /** Whether the connection was failed (§7.1.7): nothing that the peer sends counts any more. */
  failed = false;
  /**
   * Whether to end the transport's sending side once the output is written: §7.1.1, the server does so when the
   * closing handshake is complete, and whoever fails the connection.
   */
  wantsEnd = false;
  framesIn = 0;
  messagesIn = 0;
  bytesIn = 0;
  bytesOut = 0;

  /** While there is something to decode, or something is half received. */
  #decoder: FrameDecoder | undefined = undefined;
  readonly #sender: MessageSender;
  readonly #autoPong: boolean;
  readonly #autoClose: boolean;
  /** For the message under way, if it does not come whole and plain in one frame. */
  #assembler: MessageAssembler | undefined = undefined;
  /** Since the first compressed message. */
  #decompressor: Decompressor | undefined = undefined;
  /** The payload of the Ping to answer. §5.5.3: only the most recent one needs an answer. */
  #pong: Uint8Array | undefined = undefined;

  /** @throws {TypeError | RangeError} for options that make no sense. */
  constructor(options: EndpointOptions) {
    const {
      role,
      maxFrameSize = DEFAULT_MAX_FRAME_SIZE,
      maxMessageSize = DEFAULT_MAX_MESSAGE_SIZE,
    } = options;
    const { text = "string", autoPong = true, autoClose = true, partial = false, borrow = false } = options;
    assertByteCounts({ maxMessageSize });
    if (text !== "string" && text !== "bytes") {
      throw new TypeError(`text must be "string" or "bytes", not ${String(text)}`);
    }
    // A decoder knows what is wrong with a frame size.
    giveDecoder(takeDecoder(role, maxFrameSize, false, 0), role, maxFrameSize, false);
    this.role = role;
    this.maxFrameSize = maxFrameSize;
    this.maxMessageSize = maxMessageSize;
    this.partial = partial;
    this.textAsBytes = text === "bytes";
    this.borrow = borrow;
    this.output = new Output(role);
    this.perMessageDeflate = options.perMessageDeflate;
    const compression = this.perMessageDeflate && new MessageCompression(role, this.perMessageDeflate);
    this.#sender = new MessageSender(this.output, maxFrameSize, compression);
    this.#autoPong = autoPong;
    this.#autoClose = autoClose;
  }

  /**
   * Takes the next chunk from the transport. Its events come from `nextEvent`. Never throws for what the peer did.
   *
   * @param chunk - the endpoint's from here on: unmasked in place. One in `receiveBuffer()` is used up, or
   *   copied by `retain`, before the next read.
   */
  receiveData(chunk: Uint8Array): void {
    if (!this.failed && !this.closeReceived) {
      // RFC 7692 §6: RSV1 has a meaning once the extension was negotiated.
      const allowRsv1 = this.perMessageDeflate !== undefined;
      this.#decoder ??= takeDecoder(this.role, this.maxFrameSize, allowRsv1, this.bytesIn);
      this.#decoder.push(chunk);
    }
    this.bytesIn += chunk.length;
  }

  /**
   * The transport ended: nothing more comes. §7.1.5: without a Close before, the close code is 1006.
   *
   * @param discard - whether nobody will ask for what was not delivered yet. Default false.
   */
  receiveEof(discard = false): void {
    this.closeCode ??= CloseCode.AbnormalClosure;
    this.state = "closed";
    this.wantsEnd = true;
    if (discard || !this.#hasUnread) this.#forget();
  }

  /**
   * The next thing that the peer sent: a message (or a part of one, if `partial`), a ping, a pong or a close.
   *
   * @returns null when there is nothing more for now; then `error` says whether the peer broke a rule.
   */
  nextEvent(): Message | null {
    if (this.textAsBytes) noteValidText(undefined);
    if (this.failed) this.#forget();
    if (this.#assembler !== undefined) {
      const event = this.#resume(this.#assembler);
      if (event !== null) return event;
    }
    const decoder = this.#decoder;
    if (decoder === undefined) return null;
    while (!this.failed && decoder.next()) {
      if (decoder.isFirstPart) this.framesIn++;
      const { opcode, fin } = decoder;
      const isWhole = fin && decoder.isFirstPart && decoder.isLastPart && !decoder.rsv1;
      if (isWhole && (opcode === Opcode.Text || opcode === Opcode.Binary)) {
        if (decoder.length > this.maxMessageSize) return this.#failTooBig(decoder, decoder.length);
        this.messagesIn++;
        if (opcode === Opcode.Text && !this.textAsBytes) return new Message(decoder.text(), "text");
        const bytes = this.borrow ? decoder.borrowedPayload : decoder.payload;
        if (opcode !== Opcode.Text) return new Message(bytes, "binary");
        noteValidText(bytes);
        return new Message(bytes, "text");
      }
      const event = isControl(opcode) ? this.#control(decoder) : this.#part(decoder);
      if (event !== null) return event;
    }
    if (decoder.error !== undefined && !this.failed) {
      this.fail(decoder.error.closeCode, decoder.error.message, decoder.error);
    }
    if (decoder.hasEnded) this.#decoder = undefined;
    else if (decoder.isBetweenMessages) this.#giveBack(decoder);
    if (this.state === "closed") this.#forget();
    return null;
  }

  #giveBack(decoder: FrameDecoder): void {
    giveDecoder(decoder, this.role, this.maxFrameSize, this.perMessageDeflate !== undefined);
    this.#decoder = undefined;
  }

  /** A part of a message. Returns what is to be delivered, if anything is. */
  #part(decoder: FrameDecoder): Message | null {
    if (decoder.isFirstPart && decoder.opcode !== Opcode.Continuation) {
      const decompressor = decoder.rsv1 ? this.#inflater() : undefined;
      this.#assembler = new MessageAssembler(decoder.opcode, decompressor, this);
    }
    const assembler = this.#assembler as MessageAssembler;
    return this.#settle(assembler, assembler.take(decoder));
  }

  #inflater(): Decompressor {
    return (this.#decompressor ??= decompressorFor(
      this.role,
      this.perMessageDeflate as DeflateParameters,
      this.maxMessageSize,
    ));
  }

  /** Goes on with the message before, of which more may be to deliver. */
  #resume(assembler: MessageAssembler): Message | null {
    assembler.takeBack();
    if (assembler.hasMore) return this.#settle(assembler, assembler.more());
    if (assembler.isDone) this.#assembler = undefined;
    return null;
  }

  #settle(assembler: MessageAssembler, message: Message | null): Message | null {
    const { error, isDone } = assembler;
    if (error !== undefined) this.fail(error.closeCode, error.message, error);
    if (message === null || !isDone) return message;
    this.messagesIn++;
    if (this.textAsBytes && message.type === "text" && !this.partial)
      noteValidText(message.data as Uint8Array);
    return message;
  }

  #control({ opcode, payload }: FrameDecoder): Message {
    if (opcode === Opcode.Close) return this.#receiveClose(payload);
    // §5.5.2: "Upon receipt of a Ping frame, an endpoint MUST send a Pong frame in response, unless it already
    // received a Close frame."
    if (opcode === Opcode.Ping && this.#autoPong && !this.closeSent) this.#pong = payload;
    return new Message(payload, TYPE_OF[opcode] as MessageType);
  }

  /** §5.5.1: "the endpoint typically echos the status code it received". */
  #receiveClose(payload: Uint8Array): Message {
    const { code, reason } = decodeCloseBody(payload);
    this.closeReceived = true;
    this.#decompressor?.release();
    this.closeCode = code ?? CloseCode.NoStatusReceived;
    this.closeReason = reason;
    // What arrived before the transport ended may be asked for behind it.
    if (this.state === "closed") return new Message(reason, "close", false, code);
    this.state = "closing";
    if (this.closeSent) this.wantsEnd ||= this.role === "server";
    else if (this.#autoClose) this.#sendClose(code, "");
    return new Message(reason, "close", false, code);
  }

  #sendClose(code: number | undefined, reason: string): void {
    const body = encodeCloseBody(code, reason);
    this.#sendPong();
    this.#sender.control(Opcode.Close, body);
    this.closeSent = true;
    this.#sender.release();
    this.state = "closing";
    // §7.1.1: "the server MUST close the TCP connection immediately", the client waits for that.
    if (this.closeReceived && this.role === "server") this.wantsEnd = true;
  }

  #failTooBig({ frameOffset, headerLength }: FrameDecoder, actual: number): null {
    const offset = frameOffset + Math.min(headerLength, 2) - 1;
    const error = messageTooBig(offset, this.maxMessageSize, actual);
    this.fail(error.closeCode, error.message, error);
    return null;
  }

  /**
   * Fails the connection (§7.1.7): sends a Close if none was sent, ignores what comes, and wants the transport to
   * end.
   *
   * @param error - what the peer did wrong, if anything; becomes `error`.
   */
  fail(code: number, reason = "", error?: ProtocolError): void {
    this.error ??= error;
    if (this.state === "closed") return;
    if (!this.closeSent) this.#sendClose(code, truncateReason(reason));
    this.failed = this.wantsEnd = true;
    // What is lent may be in use by whoever calls this. It goes back when the next event is asked for.
    if (!this.borrow || this.#assembler?.hasMore !== true) this.#forget();
  }

  /** Whether something was received that `nextEvent` has not come to. */
  get #hasUnread(): boolean {
    return this.#decoder?.hasUnread === true || this.#assembler?.hasMore === true;
  }

  /** Lets go of what was half received, and of what compression remembers. */
  #forget(): void {
    this.#decoder = undefined;
    this.#assembler = undefined;
    this.#pong = undefined;
    this.#decompressor?.release();
    this.#sender.release();
  }

  /**
   * Sends a message, in fragments if it is longer than `maxFrameSize`.
   *
   * @param data - copied, except for a prepared message.
   * @throws {InvalidStateError} once a Close was sent or received, and for a message between the parts of another.
   * @throws {TypeError} for data that is no message.
   */
  send(data: string | Uint8Array | PreparedMessage, options?: SendOptions): void {
    this.#assertOpen("a message");
    this.#sender.send(data, options);
  }

  /**
   * Sends a Ping (§5.5.2).
   *
   * @param payload - at most 125 bytes.
   */
  ping(payload: string | Uint8Array = ""): void {
    this.#assertOpen("a Ping");
    this.#sender.control(Opcode.Ping, payload);
  }

  /** Sends a Pong (§5.5.3), asked for or not. */
  pong(payload: string | Uint8Array = ""): void {
    this.#assertOpen("a Pong");
    this.#sender.control(Opcode.Pong, payload);
  }

  #assertOpen(what: string): void {
    if (this.state === "open") return;
    throw new InvalidStateError(`${what} can be sent while the connection is open, not ${this.state}`);
  }

  /**
   * Begins the closing handshake, or answers the peer's (§7.1.2). A second call does nothing.
   *
   * @param code - 1000, or 3000 to 4999, or another that may be sent; undefined for a Close without a body.
   * @throws {RangeError | TypeError} as `encodeCloseBody` does.
   */
  close(code?: number, reason = ""): void {
    if (this.closeSent || this.state === "closed") {
      encodeCloseBody(code, reason);
      return;
    }
    this.#sendClose(code, reason);
  }

  /** Whether the message that is being sent in parts lacks its last one. */
  get isSendingParts(): boolean {
    return this.#sender.isSendingParts;
  }

  get framesOut(): number {
    return this.#sender.frames;
  }

  get messagesOut(): number {
    return this.#sender.messages;
  }

  /** Whether a Pong waits to be sent; `takeOutput` appends it. A flood of Pings leaves one. */
  get hasPong(): boolean {
    return this.#pong !== undefined;
  }

  #sendPong(): void {
    if (this.#pong === undefined) return;
    this.#sender.control(Opcode.Pong, this.#pong);
    this.#pong = undefined;
  }

  /**
   * Bytes for the transport, in order. They must not be changed; whoever has written them says so by
   * `output.recycle`, or leaves them to the garbage collector.
   */
  takeOutput(): readonly Uint8Array[] {
    if (this.#pong !== undefined) this.#sendPong();
    if (this.output.length === 0) return NO_OUTPUT;
    this.bytesOut += this.output.length;
    return this.output.take();
  }

  /** Copies what `nextEvent` has not delivered of a chunk in `receiveBuffer()`, which will be overwritten. */
  retain(): void {
    if (this.#assembler?.hasMore === true) this.#decompressor?.retain();
    this.#decoder?.retain();
  }

  /** Payload bytes held of a message that is not complete yet. */
  get retainedLength(): number {
    return (this.#assembler?.retainedLength ?? 0) + (this.#decoder?.retainedLength ?? 0);
  }

  /** What went through until now. */
  get counters(): Counters {
    const { framesIn, framesOut, messagesIn, messagesOut, bytesIn, bytesOut } = this;
    return { framesIn, framesOut, messagesIn, messagesOut, bytesIn, bytesOut };
  }
}
