/**
 * Frames out of chunks (RFC 6455 §5): a cursor over what the kernel found. One scan for each chunk;
 * between two frames nothing is allocated. Knows no message beyond the order of fragments, no handshake.
 */

import {
  OPTION_ALLOW_RSV1,
  OPTION_DEFER_UNMASK,
  OPTION_FORBID_MASK,
  OPTION_REQUIRE_MASK,
  RECORD_ASCII,
  RECORD_DEFERRED,
  RECORD_FIRST,
  RECORD_HEADER_SHIFT,
  RECORD_LAST,
  RECORD_LENGTH,
  RECORD_MASKED,
} from "../kernel/index.js";
import { assertBytes } from "./bytes.js";
import { ChunkScanner } from "./chunk-scanner.js";
import { judgeCloseBody } from "./close-body.js";
import { InvalidStateError, type ProtocolError, protocolError } from "./errors.js";
import { EMPTY } from "./host.js";
import { maskWith, rotateMaskingKey } from "./masking.js";
import { isControl, Opcode } from "./opcode.js";
import { PayloadBuffer } from "./payload-buffer.js";
import type { Role } from "./role.js";
import { textAt, textOf, textOfParts } from "./utf8.js";

/** Bytes of payload that one frame may have by default: 1 MiB. */
export const DEFAULT_MAX_FRAME_SIZE = 1 << 20;

export interface FrameDecoderOptions {
  /**
   * Our side: a server wants masked frames, a client unmasked ones (§5.1). "any" takes both, for tools
   * that look at the frames of either side.
   */
  readonly role: Role | "any";
  /**
   * Greatest payload length of one frame, in bytes; judged on the header, before any payload. Default
   * 1 MiB. Lower it where messages are small; Infinity leaves the limit to whoever collects payloads.
   */
  readonly maxFrameSize?: number;
  /**
   * Whether a negotiated extension gives RSV1 a meaning (as RFC 7692 §6 does) on the first frame of a
   * message. The text of such a message is not validated here: it is not text yet. Default false.
   */
  readonly allowRsv1?: boolean;
  /**
   * Deliver payloads of data frames in parts, as they arrive, instead of each frame once it is complete:
   * `next` then stops at each part, and `isFirstPart` and `isLastPart` tell where in the frame it lies.
   * Control frames still come whole. Default false.
   */
  readonly partial?: boolean;
  /** Whether the stream may begin inside a message: with a continuation frame. Default false. */
  readonly midMessage?: boolean;
}

const RECORD_WORDS = RECORD_LENGTH >> 2;

/** Where the current payload lies. */
const IN_RECORD = 0;
const IN_SPAN = 1;
const IN_PARTS = 2;
/** There is no current frame. */
const NOWHERE = 3;

const FIRST_AND_LAST = RECORD_FIRST | RECORD_LAST;

/** §5.1: frames of a client are masked, frames of a server are not. */
const MASK_OPTION = {
  server: OPTION_REQUIRE_MASK,
  client: OPTION_FORBID_MASK,
  any: 0,
} as const;

/**
 * Decodes frames from a stream of bytes, cut into chunks anywhere.
 *
 * ```ts
 * const decoder = new FrameDecoder({ role: "server" });
 * decoder.push(chunk);
 * while (decoder.next()) handle(decoder.opcode, decoder.payload);
 * if (decoder.error) fail(decoder.error.closeCode);
 * ```
 *
 * Frames that arrived intact before a violation come first. After a violation, and after a Close frame
 * (§5.5.1), nothing more comes and further chunks are ignored.
 */
export class FrameDecoder {
  /** Opcode of the current frame. */
  opcode: Opcode = Opcode.Continuation;
  /** Whether the current frame is the last of its message. */
  fin = false;
  rsv1 = false;
  masked = false;
  /** Length of the current frame's header, masking key included, in bytes. */
  headerLength = 0;
  /** Payload length that the current frame's header announced, in bytes. */
  payloadLength = 0;
  /** The masking key as a number, its lowest byte first on the wire; 0 without one. */
  maskingKey = 0;
  /** Bytes of the stream before the current frame. */
  frameOffset = 0;
  /** Whether the current payload begins its frame. Always, unless `partial`. */
  isFirstPart = true;
  /** Whether the current payload ends its frame. Always, unless `partial`. */
  isLastPart = true;
  /** Whether every byte of the current payload is below 0x80; known for frames of text messages only. */
  isAscii = false;
  /** What the peer did wrong, once everything before it was delivered. */
  error: ProtocolError | undefined = undefined;

  readonly #scanner: ChunkScanner;
  readonly #partial: boolean;
  /** How much of the scanner's records was read, in words. */
  #read = 0;
  #closed = false;

  #source: typeof IN_RECORD | typeof IN_SPAN | typeof IN_PARTS | typeof NOWHERE = NOWHERE;
  /** Of the current payload: its length, and the bytes once somebody asked for them. */
  #length = 0;
  #payload: Uint8Array | undefined = EMPTY;
  /** IN_RECORD: its address in the window. */
  #address = 0;
  /** IN_SPAN: a stretch of the chunk, still masked with `#spanKey`. */
  #spanStart = 0;
  #spanLength = 0;
  #spanKey = 0;
  /** Whether the frame under way needs no scan, for it is not text: its bytes become the span. */
  #passing = false;
  /** IN_PARTS: what came in several chunks. */
  readonly #parts = new PayloadBuffer();

  /** @throws {TypeError | RangeError} for options that make no sense. */
  constructor(options: FrameDecoderOptions) {
    const { role, maxFrameSize = DEFAULT_MAX_FRAME_SIZE, allowRsv1, partial = false, midMessage } = options;
    if (!Object.hasOwn(MASK_OPTION, role)) {
      throw new TypeError(`role must be "client", "server" or "any", not ${String(role)}`);
    }
    if (typeof maxFrameSize !== "number" || !(maxFrameSize >= 0)) {
      throw new RangeError(
        `maxFrameSize must be a number of bytes from 0 to Infinity, not ${String(maxFrameSize)}`,
      );
    }
    const scanOptions =
      MASK_OPTION[role] | (allowRsv1 === true ? OPTION_ALLOW_RSV1 : 0) | (partial ? 0 : OPTION_DEFER_UNMASK);
    this.#partial = partial;
    this.#scanner = new ChunkScanner(scanOptions, maxFrameSize, midMessage === true);
  }

  /**
   * Takes the next chunk of the stream. Its frames come from `next`; several chunks may wait.
   *
   * @param chunk - the decoder's from here on: payloads are unmasked in it, and handed out as views of it.
   * @throws {TypeError} when it is not a Uint8Array.
   */
  push(chunk: Uint8Array): void {
    assertBytes(chunk, "a chunk");
    if (this.#closed || this.#scanner.violation !== undefined || chunk.length === 0) return;
    this.#scanner.push(chunk);
  }

  /**
   * Moves to the next frame (or part of one, if `partial`).
   *
   * @returns false when the chunks at hand hold no further one: push more, or look at `error`. What the
   *   header of an unfinished frame says can then already be read.
   * @throws {InvalidStateError} when the memory of a chunk was transferred away before its frames were read.
   */
  next(): boolean {
    if (this.#source !== IN_RECORD) this.#forgetPayload();
    const scanner = this.#scanner;
    for (;;) {
      const record = scanner.base + this.#read;
      if (record === scanner.end) {
        if (!this.#advance()) return false;
        if (this.#passing && this.#pass()) return true;
        continue;
      }
      const { records } = scanner;
      this.#read += RECORD_WORDS;
      const word = records[record];
      this.#address = records[record + 1];
      this.#length = records[record + 2];
      this.#payload = undefined;
      if (word & RECORD_FIRST) {
        this.opcode = (word & 0x0f) as Opcode;
        this.fin = (word & 0x80) !== 0;
        this.rsv1 = (word & 0x40) !== 0;
        this.masked = (word & RECORD_MASKED) !== 0;
        this.headerLength = word >>> RECORD_HEADER_SHIFT;
        this.maskingKey = records[record + 3] >>> 0;
        this.frameOffset = scanner.streamOffsetOf(this.#address) - this.headerLength;
        this.payloadLength = this.#length;
        if (!(word & RECORD_LAST)) this.payloadLength += scanner.remaining;
      }
      if ((word & FIRST_AND_LAST) === FIRST_AND_LAST) {
        this.isFirstPart = this.isLastPart = true;
        this.isAscii = (word & RECORD_ASCII) !== 0;
        return this.opcode === Opcode.Close ? this.#close(this.payload) : true;
      }
      if (this.#takePart(word, records[record + 3])) return true;
    }
  }

  /** The records are read: moves on in the chunk or to the next. Returns false when nothing is left. */
  #advance(): boolean {
    const scanner = this.#scanner;
    if (scanner.violation !== undefined || !scanner.open()) {
      this.#release();
      return false;
    }
    if (!this.#passing) {
      scanner.scan();
      this.#read = 0;
    }
    return true;
  }

  #forgetPayload(): void {
    if (this.#source === IN_PARTS) this.#parts.clear();
    if (this.#source === IN_SPAN) this.#spanLength = 0;
    this.#source = IN_RECORD;
  }

  /** One part of a frame that is not in one record. Returns whether there is something to deliver. */
  #takePart(word: number, maskingKey: number): boolean {
    const first = (word & RECORD_FIRST) !== 0;
    const last = (word & RECORD_LAST) !== 0;
    const ascii = (word & RECORD_ASCII) !== 0;
    if (this.#partial && !isControl(this.opcode)) {
      this.isFirstPart = first;
      this.isLastPart = last;
      this.isAscii = ascii;
      return true;
    }
    if (word & RECORD_DEFERRED) {
      this.#passing = true;
      this.#spanStart = this.#scanner.chunkOffsetOf(this.#address);
      this.#spanLength = this.#length;
      this.#spanKey = maskingKey;
      if (this.#scanner.isChunkDone) this.#endSpan();
      return false;
    }
    this.isAscii = ascii && (first || this.isAscii);
    this.#parts.append(this.borrowedPayload, 0, this.payloadLength, this.#scanner.isInPlace);
    return last && this.#deliverParts();
  }

  #deliverParts(): boolean {
    this.isFirstPart = this.isLastPart = true;
    this.#source = IN_PARTS;
    this.#length = this.#parts.length;
    this.#payload = undefined;
    return this.opcode === Opcode.Close ? this.#close(this.payload) : true;
  }

  /** Passes over bytes that belong to the span. Returns whether they complete the frame. */
  #pass(): boolean {
    this.#spanLength += this.#scanner.pass(this.fin);
    if (this.#scanner.remaining > 0) {
      this.#endSpan();
      return false;
    }
    this.#passing = false;
    this.isAscii = false;
    if (this.#parts.length > 0 || this.#scanner.isInPlace) {
      this.#endSpan();
      return this.#deliverParts();
    }
    this.#source = IN_SPAN;
    this.#length = this.#spanLength;
    this.#payload = undefined;
    this.isFirstPart = this.isLastPart = true;
    return true;
  }

  /** The chunk ends, and with it the span: the next one begins with the next chunk. */
  #endSpan(): void {
    const span = this.#scanner.view(this.#spanStart, this.#spanLength);
    this.#parts.append(span, this.#spanKey, this.payloadLength, this.#scanner.isInPlace);
    this.#spanKey = rotateMaskingKey(this.#spanKey, this.#spanLength);
    this.#spanStart = this.#spanLength = 0;
  }

  /** A Close frame is complete. §5.5.1: nothing may follow it, so nothing that does is looked at. */
  #close(body: Uint8Array): boolean {
    const wrong = judgeCloseBody(body);
    this.#closed = true;
    this.#scanner.stop();
    this.#read = this.#scanner.end - this.#scanner.base;
    if (wrong === undefined) return true;
    const offset = this.frameOffset + this.headerLength + wrong.index;
    this.#scanner.violation = protocolError(wrong.status, offset, wrong.detail);
    this.#release();
    return false;
  }

  /**
   * The current payload, unmasked: a view of the chunk it came in, or other bytes when it came in several pieces
   * or in `receiveBuffer()`.
   * It is the caller's, and nothing overwrites it; copy it before you transfer its memory elsewhere, for the
   * chunk may hold frames still to be read.
   */
  get payload(): Uint8Array {
    return (this.#payload ??= this.#viewPayload());
  }

  #viewPayload(): Uint8Array {
    if (this.#length === 0) return EMPTY;
    if (this.#source === IN_PARTS) return this.#parts.take();
    const scanner = this.#scanner;
    if (this.#source === IN_SPAN) {
      const span = scanner.view(this.#spanStart, this.#length);
      if (this.#spanKey !== 0) maskWith(this.#spanKey, span, span, 0, span.length);
      return span;
    }
    return scanner.payloadAt(this.#address, this.#length);
  }

  /**
   * The current payload for whoever is done with it before the next call of `next`, `push` or `retain`, and
   * before any other decoder is used: for a chunk in `receiveBuffer()` a view of that, which spares a copy;
   * otherwise the same as `payload`.
   */
  get borrowedPayload(): Uint8Array {
    if (this.#payload !== undefined || this.#source !== IN_RECORD) return this.payload;
    return this.#length === 0 ? EMPTY : this.#scanner.borrowAt(this.#address, this.#length);
  }

  /**
   * Copies what is still to be read of a chunk in `receiveBuffer()`, which is about to be overwritten. Without
   * such a chunk it does nothing.
   */
  retain(): void {
    if (this.#source === IN_RECORD && this.#payload === undefined) this.#payload = this.#viewPayload();
    this.#scanner.retain();
  }

  /**
   * The current payload as a string, for a whole message of text in one frame; its bytes were validated.
   *
   * @throws {InvalidStateError} for any other frame: a fragment may begin or end inside a character, and
   *   only an uncompressed text message is text here.
   */
  text(): string {
    const whole = this.fin && this.isFirstPart && this.isLastPart && this.#source !== NOWHERE;
    if (this.opcode !== Opcode.Text || !whole || this.rsv1) {
      throw new InvalidStateError("text() is for a whole, uncompressed text message; use payload");
    }
    if (this.#length === 0) return "";
    if (this.#payload === undefined) {
      if (this.#source === IN_PARTS) return textOfParts(this.#parts, this.isAscii);
      const { inKernel, space } = this.#scanner;
      if (inKernel) return textAt(space, this.#address, this.#address + this.#length, this.isAscii);
    }
    return textOf(this.payload, this.isAscii);
  }

  /** Whether the current chunk lies in `receiveBuffer()`, and so will be overwritten. */
  get isInReceiveBuffer(): boolean {
    return this.#scanner.isInPlace;
  }

  /** Bytes of the current payload. */
  get length(): number {
    return this.#length;
  }

  /** Payload bytes held of a frame that is not complete yet. */
  get retainedLength(): number {
    return this.#source === IN_PARTS ? 0 : this.#parts.length;
  }

  /** Whether the stream stands between two messages: it may end here without cutting anything. */
  get isBetweenMessages(): boolean {
    const scanner = this.#scanner;
    return scanner.base + this.#read === scanner.end && scanner.isAtRest;
  }

  /** Whether bytes that were pushed wait to be looked at. */
  get hasUnread(): boolean {
    const scanner = this.#scanner;
    return scanner.base + this.#read !== scanner.end || !scanner.isDone;
  }

  /** Whether nothing more comes: a Close frame was delivered, or the peer broke a rule. */
  get hasEnded(): boolean {
    return this.#closed || this.error !== undefined;
  }

  /**
   * Begins another stream, when this one stands between two messages: then a decoder remembers nothing.
   *
   * @param streamOffset - what offsets count from: bytes of that stream before its next chunk. Default 0.
   * @throws {InvalidStateError} at any other place, and when this stream has ended.
   */
  restart(streamOffset = 0): void {
    if (this.hasEnded || !this.isBetweenMessages) {
      throw new InvalidStateError("another stream can be begun only between two messages");
    }
    this.#scanner.restart(streamOffset);
  }

  /** Nothing is left to deliver. */
  #release(): void {
    this.error = this.#scanner.violation;
    if (this.error !== undefined) this.#parts.clear();
    this.#scanner.release();
    this.#source = NOWHERE;
    this.#payload = EMPTY;
    this.#length = 0;
  }
}
