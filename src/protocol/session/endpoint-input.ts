/**
 * The receiving half of an endpoint: bytes in, messages and control frames out. `endpoint.ts` knows what control frames
 * and violations mean for the connection. It is a base class, not a member, so that an event costs no further call.
 */

import {
  type BytesClass,
  type Decompressor,
  type FrameDecoder,
  Opcode,
  type ProtocolError,
  type Role,
} from "../../codec/index.js";
import { assertByteCounts } from "../connection/buffer-limits.js";
import type { DeflateParameters } from "../handshake/deflate-offer.js";
import { giveDecoder, type PooledDecoder, takeDecoder } from "./decoder-pool.js";
import { DEFAULT_MAX_MESSAGE_SIZE, type EndpointOptions } from "./endpoint-options.js";
import { LentMessage, Message, messageTooBig } from "./message.js";
import { type Delivery, MessageAssembler } from "./message-assembler.js";
import { decompressorFor } from "./message-compression.js";

/**
 * open: chunks are taken. ended: no more are taken; the events of those that came are delivered. stopped: nothing that
 * came counts any more.
 */
type InputState = "open" | "ended" | "stopped";

export abstract class EndpointInput implements Delivery {
  readonly role: Role;
  readonly maxMessageSize: number;
  readonly partial: boolean;
  /** See `EndpointOptions`. It may be changed between two messages. */
  streamFrom: number;
  readonly maxStreamSize: number;
  readonly textAsBytes: boolean;
  readonly borrow: boolean;
  /**
   * Whether messages that come whole in one frame, and control frames, are lent until the next event is asked for, as
   * `borrow` has it. A caller that copies each message anyway may set it. Default: `borrow`.
   */
  lends: boolean;
  /** The agreed parameters of compression; undefined: no compression. */
  readonly perMessageDeflate: DeflateParameters | undefined;
  /**
   * Bytes that may be inflated until `nextEvent` returns null although there is more (`hasUnread`). It counts down;
   * set it again to go on. Default Infinity.
   */
  inflateBudget = Infinity;
  /**
   * Whether a Ping that the endpoint answers itself makes no event: a flood of them then costs no memory. Default false.
   */
  answersQuietly = false;
  /** Events that were asked for: a message is lent until the next one. */
  loans = 0;
  framesIn = 0;
  messagesIn = 0;
  /** Frames, and parts of frames, of messages that did not come whole and plain in one frame. */
  partsIn = 0;
  bytesIn = 0;

  readonly #maxFrameSize: number;
  readonly #View: BytesClass;
  #input: InputState = "open";
  /** While there is something to decode, or something is half received. */
  #pooled: PooledDecoder | undefined = undefined;
  /** For the message under way, if it does not come whole and plain in one frame. */
  #assembler: MessageAssembler | undefined = undefined;
  /** Since the first compressed message. */
  #decompressor: Decompressor | undefined = undefined;

  /** @throws {TypeError | RangeError} for options that make no sense. */
  constructor(options: EndpointOptions) {
    const { role, maxFrameSize, maxMessageSize = DEFAULT_MAX_MESSAGE_SIZE, text = "string" } = options;
    if (role !== "client" && role !== "server") {
      throw new TypeError(`role must be "client" or "server", not ${String(role)}`);
    }
    assertByteCounts(maxFrameSize === undefined ? { maxMessageSize } : { maxFrameSize, maxMessageSize });
    if (text !== "string" && text !== "bytes") {
      throw new TypeError(`text must be "string" or "bytes", not ${String(text)}`);
    }
    const { streamFrom = Infinity, maxStreamSize = Infinity } = options;
    assertByteCounts({ streamFrom, maxStreamSize });
    if (streamFrom !== Infinity && streamFrom > maxMessageSize) {
      throw new RangeError(`streamFrom must be at most maxMessageSize, ${maxMessageSize}, not ${streamFrom}`);
    }
    this.role = role;
    this.maxMessageSize = maxMessageSize;
    this.streamFrom = streamFrom;
    this.maxStreamSize = maxStreamSize;
    this.partial = options.partial ?? false;
    this.textAsBytes = text === "bytes";
    this.borrow = this.lends = options.borrow ?? false;
    this.perMessageDeflate = options.perMessageDeflate;
    this.#maxFrameSize = maxFrameSize ?? Infinity;
    this.#View = options.bytesClass ?? Uint8Array;
  }

  /** Answers a Ping that makes no event. Returns false if it must make one. */
  protected abstract answerQuietly(decoder: FrameDecoder): boolean;

  /** Judges a control frame and makes its event. A Close is the last event. */
  protected abstract control(opcode: Opcode, payload: Uint8Array): Message;

  /** The peer broke a rule, and every event before was delivered. No event follows. */
  protected abstract violated(error: ProtocolError): void;

  /**
   * Takes the next chunk from the transport. Its events come from `nextEvent`. Never throws for what the peer did.
   *
   * @param chunk - the endpoint's from here on: unmasked in place. One in `receiveBuffer()` is used up, or
   *   copied by `retain`, before the next read.
   */
  receiveData(chunk: Uint8Array): void {
    if (this.#input === "open") {
      if (this.#pooled === undefined) {
        // RFC 7692 §6: RSV1 has a meaning once the extension was negotiated.
        const allowRsv1 = this.perMessageDeflate !== undefined;
        this.#pooled = takeDecoder(this.role, this.#maxFrameSize, allowRsv1, this.bytesIn);
      }
      this.#pooled.decoder.push(chunk);
    }
    this.bytesIn += chunk.length;
  }

  /**
   * The next event: a message (or a part of one, if `partial`), a ping, a pong or a close.
   *
   * @returns null when there is no more for now. Then `error` tells whether the peer broke a rule, and `hasUnread`
   *   whether the budget ended before the bytes did.
   */
  nextEvent(): Message | null {
    this.loans++;
    if (this.#assembler !== undefined || this.#input === "stopped") {
      const event = this.#endEvent();
      if (event !== null || this.#assembler?.hasMore === true) return event;
    }
    if (this.#pooled === undefined) return null;
    const { decoder } = this.#pooled;
    while (decoder.next()) {
      const opcode = decoder.wholeOpcode;
      // Most frames: whole, the whole of their message, and not compressed.
      if (opcode !== Opcode.Continuation) {
        this.framesIn++;
        if (opcode === Opcode.Binary && !this.lends && decoder.length <= this.maxMessageSize) {
          this.messagesIn++;
          return new Message(decoder.takePayload(this.#View), "binary");
        }
        if (opcode === Opcode.Text || opcode === Opcode.Binary) return this.#wholeMessage(decoder, opcode);
        if (opcode !== Opcode.Ping || !this.answersQuietly || !this.answerQuietly(decoder)) {
          return this.#control(decoder);
        }
        continue;
      }
      const event = this.#part(decoder);
      if (event !== null) return event;
      if (this.#assembler?.hasMore === true || this.#input === "stopped") return null;
    }
    this.#endChunk(decoder);
    return null;
  }

  /** The event before was handled: ends its loan, and goes on with the message that it was a part of. */
  #endEvent(): Message | null {
    if (this.#input === "stopped") this.#forget();
    const assembler = this.#assembler;
    if (assembler === undefined) return null;
    assembler.endLoan();
    if (assembler.hasMore) return this.#settle(assembler, assembler.more(this));
    if (assembler.isDone) this.#assembler = undefined;
    return null;
  }

  /** A message that came whole and plain in one frame. */
  #wholeMessage(decoder: FrameDecoder, opcode: Opcode): Message | null {
    const isStream = decoder.length >= this.streamFrom;
    const limit = isStream ? this.maxStreamSize : this.maxMessageSize;
    if (decoder.length > limit) {
      const { frameOffset, headerLength } = decoder;
      const offset = frameOffset + Math.min(headerLength, 2) - 1;
      this.#violate(messageTooBig(offset, limit, decoder.length, isStream ? "maxStreamSize" : undefined));
      return null;
    }
    this.messagesIn++;
    const isText = opcode === Opcode.Text;
    // A frame that is whole in one part fits the kernel's memory, so its text fits into a string.
    if (isText && !this.textAsBytes) return new Message(decoder.text(), "text");
    const type = isText ? "text" : "binary";
    if (!this.lends) return new Message(decoder.takePayload(this.#View), type);
    return new LentMessage(type, decoder, this) as unknown as Message;
  }

  /** A part of a message. Returns the event that it completes, if it does. */
  #part(decoder: FrameDecoder): Message | null {
    if (decoder.isFirstPart) this.framesIn++;
    if (decoder.isFirstPart && decoder.opcode !== Opcode.Continuation) {
      const decompressor = decoder.rsv1 ? this.#inflater : undefined;
      this.#assembler = new MessageAssembler(decoder.opcode, decompressor, this);
    }
    const assembler = this.#assembler as MessageAssembler;
    this.partsIn++;
    return this.#settle(assembler, assembler.take(decoder, this));
  }

  get #inflater(): Decompressor {
    const parameters = this.perMessageDeflate as DeflateParameters;
    this.#decompressor ??= decompressorFor(this.role, parameters, this.maxMessageSize);
    return this.#decompressor;
  }

  #settle({ error, isDone }: MessageAssembler, message: Message | null): Message | null {
    if (message !== null && isDone) this.messagesIn++;
    if (error !== undefined) this.#violate(error);
    return message;
  }

  #control(decoder: FrameDecoder): Message {
    const { opcode } = decoder;
    const payload = this.lends ? decoder.borrowedPayload : decoder.payload;
    if (opcode === Opcode.Close) {
      this.#input = "ended";
      this.#forget();
    }
    return this.control(opcode, payload);
  }

  /** Nothing is left to decode. */
  #endChunk(decoder: FrameDecoder): void {
    if (decoder.error !== undefined) {
      this.#violate(decoder.error);
    } else if (this.#input === "ended") {
      this.#forget();
    } else if (decoder.isBetweenMessages) {
      giveDecoder(this.#pooled as PooledDecoder);
      this.#pooled = undefined;
    }
  }

  #violate(error: ProtocolError): void {
    this.#input = "stopped";
    this.#forget();
    this.violated(error);
  }

  /** No more bytes come. `discard`: the events that were not delivered yet are dropped. */
  protected endInput(discard: boolean): void {
    if (this.#input === "open") this.#input = "ended";
    if (discard || !this.hasUnread) this.#forget();
  }

  /** Nothing that was received counts any more. A message that is lent stays valid until the next event is asked for. */
  protected stopInput(): void {
    this.#input = "stopped";
    if (!this.lends) this.#forget();
  }

  /** Drops a message that is half received, and the memory of decompression. */
  #forget(): void {
    this.#pooled = undefined;
    this.#assembler = undefined;
    this.#decompressor?.release();
  }

  /** Whether bytes were received whose events `nextEvent` has not returned. */
  get hasUnread(): boolean {
    return this.#assembler?.hasMore === true || this.#pooled?.decoder.hasUnread === true;
  }

  /** Whether the bytes that were received end with a message: the next one begins a frame. */
  get isBetweenMessages(): boolean {
    return this.#pooled === undefined;
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
}
