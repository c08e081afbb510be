/**
 * Frames out of chunks (RFC 6455 §5): a cursor over what the kernel found. One scan for each chunk;
 * between two frames nothing is allocated. Knows no message beyond the order of fragments, no handshake.
 */

import {
  OPTION_ALLOW_RSV1,
  OPTION_FORBID_MASK,
  OPTION_REQUIRE_MASK,
  RECORD_ASCII,
  RECORD_FIRST,
  RECORD_HEADER_SHIFT,
  RECORD_LAST,
  RECORD_LENGTH,
  RECORD_MASKED,
} from "../kernel/index.js";
import { assertBytes, type BytesClass } from "./bytes.js";
import { ChunkScanner, FIRST_RECORD } from "./chunk-scanner.js";
import { judgeCloseBody } from "./close-body.js";
import { InvalidStateError, type ProtocolError, protocolError } from "./errors.js";
import { EMPTY } from "./host.js";
import { Opcode } from "./opcode.js";
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
   * 1 MiB. Lower it where messages are small; Infinity leaves the limit to the code that collects payloads.
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

/** Bits of a record's word that are the frame's first byte (§5.2). */
const OPCODE = 0x0f;
const RSV1 = 0x40;
const FIN = 0x80;
/** The bit of an opcode that all control frames have, and no data frame. */
const CONTROL = 0x08;
/** What the word of a frame that is whole in one record has. */
const FIRST_AND_LAST = RECORD_FIRST | RECORD_LAST;
/** Our own bit in `#word`, which no record has: the frame is in several records. */
const SPLIT = 0x1000;

/** The bits of a frame that is a whole, uncompressed message, and those that tell it from all others. */
const WHOLE = FIRST_AND_LAST | FIN;
const WHOLE_BITS = WHOLE | RSV1;

/** Where the current payload lies. */
const IN_RECORD = 0;
const IN_PARTS = 1;
/** There is no current frame. */
const NOWHERE = 2;

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
  /** What the peer did wrong, once everything before it was delivered. */
  error: ProtocolError | undefined = undefined;

  readonly #scanner: ChunkScanner;
  readonly #partial: boolean;
  /** The index of the next record in the scanner's. */
  #next = FIRST_RECORD;
  #closed = false;

  // The current frame: the words of its record, from which the getters below read what the header said.
  /** The record's word, perhaps with SPLIT. */
  #word = SPLIT | FIRST_AND_LAST;
  /** The payload's address in the last piece, and its length. */
  #address = 0;
  #length = 0;
  /** As a signed number. */
  #maskingKey = 0;
  /** The payload, once it was asked for. */
  #payload: Uint8Array | undefined = EMPTY;
  #source: typeof IN_RECORD | typeof IN_PARTS | typeof NOWHERE = NOWHERE;
  /** With SPLIT: what the first record of the frame told. */
  #splitOffset = 0;
  #splitLength = 0;
  /** Parts of a frame that is to be delivered whole. */
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
    const scanOptions = MASK_OPTION[role] | (allowRsv1 === true ? OPTION_ALLOW_RSV1 : 0);
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
    // A payload that was delivered and never asked for.
    if (this.#source === IN_PARTS) this.#parts.clear();
    this.#source = IN_RECORD;
    const scanner = this.#scanner;
    for (;;) {
      const at = this.#next;
      if (at === scanner.end) {
        if (!this.#advance()) return false;
        continue;
      }
      this.#next = at + RECORD_WORDS;
      const { records } = scanner;
      const word = records[at];
      this.#address = records[at + 1];
      this.#length = records[at + 2];
      this.#payload = undefined;
      if ((word & (FIRST_AND_LAST | CONTROL)) === FIRST_AND_LAST) {
        // What most frames are: a data frame that is all here.
        this.#word = word;
        this.#maskingKey = records[at + 3];
        return true;
      }
      if (word & RECORD_FIRST) this.#maskingKey = records[at + 3];
      if ((word & FIRST_AND_LAST) !== FIRST_AND_LAST) {
        if (this.#takePart(word)) return true;
      } else {
        this.#word = word;
        return this.opcode === Opcode.Close ? this.#close(this.payload) : true;
      }
    }
  }

  /** The records are read: scans on in the chunk or in the next one. Returns false when nothing is left. */
  #advance(): boolean {
    const scanner = this.#scanner;
    if (scanner.violation !== undefined || !scanner.open()) {
      this.#release();
      return false;
    }
    scanner.scan();
    this.#next = FIRST_RECORD;
    return true;
  }

  /** One part of a frame that is in several records. Returns whether there is something to deliver. */
  #takePart(word: number): boolean {
    const before = this.#word;
    if (word & RECORD_FIRST) {
      this.#splitOffset = this.#offsetOf(word);
      this.#splitLength = this.#length + this.#scanner.remaining;
    }
    this.#word = word | SPLIT;
    if (this.#partial && !(word & CONTROL)) return true;
    // Of a frame that is put together, all parts must be ASCII.
    const notAscii = word & RECORD_FIRST ? 0 : ~before & RECORD_ASCII;
    this.#word = ((word | SPLIT) & ~notAscii) | RECORD_FIRST;
    this.#parts.append(this.borrowedPayload, this.#splitLength, this.#scanner.isInPlace);
    if (!(word & RECORD_LAST)) return false;
    this.#source = IN_PARTS;
    this.#length = this.#parts.length;
    this.#payload = undefined;
    return this.opcode === Opcode.Close ? this.#close(this.payload) : true;
  }

  /** Bytes of the stream before the frame that the current record begins. */
  #offsetOf(word: number): number {
    return this.#scanner.streamOffsetOf(this.#address) - (word >>> RECORD_HEADER_SHIFT);
  }

  /** A Close frame is complete. §5.5.1: nothing may follow it, so nothing that does is looked at. */
  #close(body: Uint8Array): boolean {
    const wrong = judgeCloseBody(body);
    this.#closed = true;
    this.#scanner.stop();
    this.#next = this.#scanner.end;
    if (wrong === undefined) return true;
    const offset = this.frameOffset + this.headerLength + wrong.index;
    this.#scanner.violation = protocolError(wrong.status, offset, wrong.detail);
    this.#release();
    return false;
  }

  /** Opcode of the current frame. */
  get opcode(): Opcode {
    return (this.#word & OPCODE) as Opcode;
  }

  /**
   * Opcode of the current frame, if it is all of its message (or a control frame), whole at hand, without RSV1. Else 0,
   * the opcode of a continuation.
   */
  get wholeOpcode(): Opcode {
    const word = this.#word;
    return ((word & WHOLE_BITS) === WHOLE ? word & OPCODE : Opcode.Continuation) as Opcode;
  }

  /** Whether the current frame is the last of its message. */
  get fin(): boolean {
    return (this.#word & FIN) !== 0;
  }

  /** Whether the current frame has RSV1. */
  get rsv1(): boolean {
    return (this.#word & RSV1) !== 0;
  }

  /** Whether the current frame was masked on the wire. */
  get masked(): boolean {
    return (this.#word & RECORD_MASKED) !== 0;
  }

  /** The masking key as a number, its lowest byte first on the wire; 0 without one. */
  get maskingKey(): number {
    return this.#maskingKey >>> 0;
  }

  /** Length of the current frame's header, masking key included, in bytes. */
  get headerLength(): number {
    return this.#word >>> RECORD_HEADER_SHIFT;
  }

  /** Payload length that the current frame's header announced, in bytes. */
  get payloadLength(): number {
    return this.#word & SPLIT ? this.#splitLength : this.#length;
  }

  /** Bytes of the stream before the current frame. */
  get frameOffset(): number {
    return this.#word & SPLIT ? this.#splitOffset : this.#offsetOf(this.#word);
  }

  /** Whether the current payload begins its frame. Always, unless `partial`. */
  get isFirstPart(): boolean {
    return (this.#word & RECORD_FIRST) !== 0;
  }

  /** Whether the current payload ends its frame. Always, unless `partial`. */
  get isLastPart(): boolean {
    return (this.#word & RECORD_LAST) !== 0;
  }

  /** Whether every byte of the current payload is below 0x80; known for frames of text messages only. */
  get isAscii(): boolean {
    return (this.#word & RECORD_ASCII) !== 0;
  }

  /** Bytes of the current payload. */
  get length(): number {
    return this.#length;
  }

  /**
   * The current payload, unmasked: a view of the chunk it came in, or other bytes when it came in several pieces
   * or in `receiveBuffer()`.
   * It is the caller's, and nothing overwrites it; copy it before you transfer its memory elsewhere, for the
   * chunk may hold frames still to be read.
   */
  get payload(): Uint8Array {
    if (this.#payload === undefined) {
      this.#payload =
        this.#source === IN_PARTS ? this.#parts.take() : this.#scanner.payloadAt(this.#address, this.#length);
    }
    return this.#payload;
  }

  /**
   * The same, for a caller that asks once: the decoder does not keep it, and `payload` is empty from then on. A decoder
   * lives long, and a reference to each new view would cost more than the view.
   *
   * @param View - makes the view where a view of its own is made: short payloads in the kernel's memory.
   */
  takePayload(View: BytesClass = Uint8Array): Uint8Array {
    if (this.#payload !== undefined || this.#source !== IN_RECORD) return this.payload;
    this.#payload = EMPTY;
    return this.#scanner.payloadAt(this.#address, this.#length, View);
  }

  /**
   * The current payload for a caller that is done with it before the next call of `next`, `push` or `retain`, and
   * before any other decoder is used: for a chunk in `receiveBuffer()` a view of that, which spares a copy;
   * otherwise the same as `payload`.
   */
  get borrowedPayload(): Uint8Array {
    if (this.#payload !== undefined || this.#source !== IN_RECORD) return this.payload;
    return this.#scanner.borrowAt(this.#address, this.#length);
  }

  /**
   * Copies the current payload, unmasked, without making a view of it: for a payload that goes on at once.
   *
   * @param target - mutated from `offset` on.
   * @throws {RangeError} when it has no room for `length` bytes there.
   */
  copyPayload(target: Uint8Array, offset: number): void {
    if (!(offset >= 0 && offset + this.#length <= target.length)) {
      throw new RangeError(`${this.#length} bytes do not fit into ${target.length} from ${offset} on`);
    }
    if (this.#payload !== undefined || this.#source !== IN_RECORD) target.set(this.payload, offset);
    else this.#scanner.copyAt(this.#address, this.#length, target, offset);
  }

  /**
   * Copies the unread part of a chunk in `receiveBuffer()`, which is about to be overwritten. Without
   * such a chunk it does nothing.
   */
  retain(): void {
    if (this.#source === IN_RECORD && this.#payload === undefined) {
      this.#payload = this.#scanner.payloadAt(this.#address, this.#length);
    }
    this.#scanner.retain();
  }

  /**
   * The current payload as a string, for a whole message of text in one frame; its bytes were validated.
   *
   * @throws {InvalidStateError} for any other frame: a fragment may begin or end inside a character, and
   *   only an uncompressed text message is text here.
   */
  text(): string {
    const word = this.#word;
    if ((word & (WHOLE_BITS | OPCODE)) !== (WHOLE | Opcode.Text) || this.#source === NOWHERE) {
      throw new InvalidStateError("text() is for a whole, uncompressed text message; use payload");
    }
    if (this.#length === 0) return "";
    const isAscii = (word & RECORD_ASCII) !== 0;
    if (this.#payload === undefined) {
      if (this.#source === IN_PARTS) return textOfParts(this.#parts, isAscii);
      const { inKernel, space } = this.#scanner;
      if (inKernel) return textAt(space, this.#address, this.#address + this.#length, isAscii);
    }
    return textOf(this.payload, isAscii);
  }

  /** Whether the current chunk lies in `receiveBuffer()`, and so will be overwritten. */
  get isInReceiveBuffer(): boolean {
    return this.#scanner.isInPlace;
  }

  /** Payload bytes held of a frame that is not complete yet. */
  get retainedLength(): number {
    return this.#source === IN_PARTS ? 0 : this.#parts.length;
  }

  /** Whether the stream stands between two messages: it may end here without cutting anything. */
  get isBetweenMessages(): boolean {
    return this.#next === this.#scanner.end && this.#scanner.isAtRest;
  }

  /** Whether bytes that were pushed wait to be looked at. */
  get hasUnread(): boolean {
    return this.#next !== this.#scanner.end || !this.#scanner.isDone;
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
    if (this.#closed || this.error !== undefined || !this.isBetweenMessages) {
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
