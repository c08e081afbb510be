/**
 * Frames out of chunks (RFC 6455 §5): a cursor over what the kernel found. One scan for each chunk;
 * between two frames nothing is allocated. Knows no message beyond the order of fragments, no handshake.
 */

import { type Kernel, layout } from "../kernel/index.js";
import { judgeCloseBody } from "./close-body.js";
import { InvalidStateError, type ProtocolError, protocolError } from "./errors.js";
import { isControl, Opcode } from "./opcode.js";
import { PayloadBuffer } from "./payload-buffer.js";
import type { Role } from "./role.js";
import { textAt, textOf } from "./utf8.js";
import { type WindowHolder, type Workspace, workspace } from "./workspace.js";

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

const STATE_WORD = layout.STATE >> 2;
const STATE_WORDS = layout.STATE_LENGTH >> 2;
const REMAINING_DOUBLE = (layout.STATE + layout.STATE_REMAINING) >> 3;
const STATUS_WORD = (layout.RESULT + layout.RESULT_STATUS) >> 2;
const POSITION_WORD = (layout.RESULT + layout.RESULT_POSITION) >> 2;
const LENGTH_DOUBLE = (layout.RESULT + layout.RESULT_LENGTH) >> 3;
const RECORDS_WORD = layout.RECORDS >> 2;
const RECORD_WORDS = layout.RECORD_LENGTH >> 2;
const FIRST_AND_LAST = layout.RECORD_FIRST | layout.RECORD_LAST;

/** §5.1: frames of a client are masked, frames of a server are not. */
const MASK_OPTION = {
  server: layout.OPTION_REQUIRE_MASK,
  client: layout.OPTION_FORBID_MASK,
  any: 0,
} as const;

const EMPTY: Uint8Array = new Uint8Array(0);

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
export class FrameDecoder implements WindowHolder {
  /** Opcode of the current frame. */
  opcode: number = Opcode.Continuation;
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

  readonly #space: Workspace;
  readonly #kernel: Kernel;
  readonly #options: number;
  readonly #maxFrameSize: number;
  readonly #partial: boolean;
  /** What STATE was when the last scan ended. */
  readonly #state = new Int32Array(STATE_WORDS);
  readonly #parts = new PayloadBuffer();

  #chunk: Uint8Array = EMPTY;
  /** Bytes of `#chunk` scanned so far. */
  #scanned = 0;
  /** Chunks that came before `#chunk` was finished. */
  readonly #waiting: Uint8Array[] = [];

  /** The records of the last scan: the kernel's, or our copy after an eviction. */
  #records: Int32Array;
  #cursor = 0;
  #end = 0;
  /** Payload bytes that the unfinished frame at the end of the last scan still lacks. */
  #remaining = 0;
  /** Bytes of `#chunk` before those of the last scan; and of the stream. */
  #pieceOffset = 0;
  #streamOffset = 0;
  #pieceLength = 0;
  /** Whether the last scan is still in the window; whether the chunk lacks what was unmasked there. */
  #inWindow = false;
  #stillMasked = false;
  #violation: ProtocolError | undefined = undefined;
  #closed = false;

  /** Of the current payload: its address in the window, its length, and the bytes once asked for. */
  #address = 0;
  #length = 0;
  #payload: Uint8Array | undefined = EMPTY;

  /** @throws {TypeError | RangeError} for options that make no sense. */
  constructor(options: FrameDecoderOptions) {
    const { role, maxFrameSize = DEFAULT_MAX_FRAME_SIZE, allowRsv1, partial = false, midMessage } = options;
    const maskOption = MASK_OPTION[role];
    if (maskOption === undefined) {
      throw new TypeError(`role must be "client", "server" or "any", not ${String(role)}`);
    }
    if (typeof maxFrameSize !== "number" || !(maxFrameSize >= 0)) {
      throw new RangeError(
        `maxFrameSize must be a number of bytes from 0 to Infinity, not ${String(maxFrameSize)}`,
      );
    }
    this.#options =
      maskOption |
      (allowRsv1 === true ? layout.OPTION_ALLOW_RSV1 : 0) |
      (midMessage === true ? layout.OPTION_MID_MESSAGE : 0);
    this.#maxFrameSize = maxFrameSize;
    this.#partial = partial;
    this.#space = workspace();
    this.#kernel = this.#space.kernel;
    this.#records = this.#kernel.words;
  }

  /**
   * Takes the next chunk of the stream. Its frames come from `next`; several chunks may wait.
   *
   * @param chunk - the decoder's from here on: payloads are unmasked in it, and handed out as views of it.
   * @throws {TypeError} when it is not a Uint8Array.
   */
  push(chunk: Uint8Array): void {
    if (!(chunk instanceof Uint8Array)) throw new TypeError("a chunk must be a Uint8Array");
    if (this.#closed || this.#violation !== undefined || chunk.length === 0) return;
    if (this.#scanned === this.#chunk.length && this.#cursor === this.#end) {
      this.#chunk = chunk;
      this.#scanned = 0;
    } else {
      this.#waiting.push(chunk);
    }
  }

  /**
   * Moves to the next frame (or part of one, if `partial`).
   *
   * @returns false when the chunks at hand hold no further one: push more, or look at `error`.
   */
  next(): boolean {
    for (;;) {
      if (this.#cursor === this.#end) {
        if (!this.#scan()) return false;
        continue;
      }
      const records = this.#records;
      const record = this.#cursor;
      this.#cursor = record + RECORD_WORDS;
      const word = records[record];
      this.#address = records[record + 1];
      this.#length = records[record + 2];
      this.#payload = undefined;
      if (word & layout.RECORD_FIRST) {
        this.opcode = word & 0x0f;
        this.fin = (word & 0x80) !== 0;
        this.rsv1 = (word & 0x40) !== 0;
        this.masked = (word & layout.RECORD_MASKED) !== 0;
        this.headerLength = word >>> layout.RECORD_HEADER_SHIFT;
        this.maskingKey = records[record + 3];
        this.frameOffset = this.#offsetOf(this.#address) - this.headerLength;
        this.payloadLength = this.#length;
        if (!(word & layout.RECORD_LAST)) this.payloadLength += this.#remaining;
      }
      if ((word & FIRST_AND_LAST) === FIRST_AND_LAST) {
        this.isFirstPart = this.isLastPart = true;
        this.isAscii = (word & layout.RECORD_ASCII) !== 0;
        return this.opcode === Opcode.Close ? this.#close(this.payload) : true;
      }
      if (this.#takePart(word)) return true;
    }
  }

  /** One part of a frame that did not arrive in one piece. Returns whether there is something to deliver. */
  #takePart(word: number): boolean {
    const first = (word & layout.RECORD_FIRST) !== 0;
    const last = (word & layout.RECORD_LAST) !== 0;
    const ascii = (word & layout.RECORD_ASCII) !== 0;
    if (this.#partial && !isControl(this.opcode)) {
      this.isFirstPart = first;
      this.isLastPart = last;
      this.isAscii = ascii;
      return true;
    }
    this.isAscii = ascii && (first || this.isAscii);
    this.#parts.append(this.payload);
    if (!last) return false;
    this.#payload = this.#parts.take();
    this.#length = this.#payload.length;
    return this.opcode === Opcode.Close ? this.#close(this.#payload) : true;
  }

  /** A Close frame is complete. §5.5.1: nothing may follow it, so nothing that does is looked at. */
  #close(body: Uint8Array): boolean {
    const wrong = judgeCloseBody(body);
    this.#closed = true;
    this.#cursor = this.#end;
    this.#violation = undefined;
    this.#waiting.length = 0;
    this.#scanned = this.#chunk.length;
    if (wrong === undefined) return true;
    const offset = this.frameOffset + this.headerLength + wrong.index;
    this.error = protocolError(wrong.status, offset, wrong.detail);
    this.#release();
    return false;
  }

  /**
   * The current payload, unmasked: a view of the chunk it came in, or new bytes when it came in several.
   * It is the caller's, and nothing overwrites it.
   */
  get payload(): Uint8Array {
    return (this.#payload ??= this.#viewPayload());
  }

  #viewPayload(): Uint8Array {
    if (this.#length === 0) return EMPTY;
    if (this.#stillMasked) this.#unmaskChunk();
    const start = this.#address - layout.WINDOW + this.#pieceOffset;
    return this.#chunk.subarray(start, start + this.#length);
  }

  /** Copies what the kernel unmasked in the window back over the chunk: one move for all its frames. */
  #unmaskChunk(): void {
    this.#chunk.set(this.#space.window(this.#pieceLength), this.#pieceOffset);
    this.#stillMasked = false;
  }

  /**
   * The current payload as a string, for a whole message of text in one frame; its bytes were validated.
   *
   * @throws {InvalidStateError} for any other frame: a fragment may begin or end inside a character, and
   *   only an uncompressed text message is text here.
   */
  text(): string {
    const whole = this.fin && this.isFirstPart && this.isLastPart;
    if (this.opcode !== Opcode.Text || !whole || this.rsv1) {
      throw new InvalidStateError("text() is for a whole, uncompressed text message; use payload");
    }
    if (this.#length === 0) return "";
    if (this.#payload === undefined && this.#inWindow) {
      return textAt(this.#space, this.#address, this.#address + this.#length, this.isAscii);
    }
    return textOf(this.payload, this.isAscii);
  }

  /** Payload bytes held of a frame that is not complete yet. */
  get retainedLength(): number {
    return this.#parts.length;
  }

  /** Whether the stream stands between two messages: it may end here without cutting anything. */
  get isBetweenMessages(): boolean {
    const at = (field: number) => this.#state[field >> 2];
    return (
      this.#cursor === this.#end &&
      this.#scanned === this.#chunk.length &&
      at(layout.STATE_FRAME) === 0 &&
      at(layout.STATE_MESSAGE) === 0 &&
      at(layout.STATE_SPILL_LENGTH) === 0
    );
  }

  #offsetOf(address: number): number {
    return this.#streamOffset + (address - layout.WINDOW);
  }

  /** Scans the next piece of the chunks at hand. Returns whether there may be records. */
  #scan(): boolean {
    if (this.#violation !== undefined) {
      this.error = this.#violation;
      this.#release();
      return false;
    }
    if (this.#scanned === this.#chunk.length) {
      const chunk = this.#waiting.shift();
      if (chunk === undefined) {
        this.#release();
        return false;
      }
      this.#chunk = chunk;
      this.#scanned = 0;
    }
    const kernel = this.#kernel;
    const words = kernel.words;
    const staged = Math.min(this.#chunk.length - this.#scanned, layout.WINDOW_LENGTH);
    const whole = staged === this.#chunk.length;
    this.#space.lease(this);
    kernel.bytes.set(
      whole ? this.#chunk : this.#chunk.subarray(this.#scanned, this.#scanned + staged),
      layout.WINDOW,
    );

    for (let i = 0; i < STATE_WORDS; i++) words[STATE_WORD + i] = this.#state[i];
    const end = layout.WINDOW + staged;
    const count = kernel.scan(layout.WINDOW, end, this.#options, this.#maxFrameSize);
    for (let i = 0; i < STATE_WORDS; i++) this.#state[i] = words[STATE_WORD + i];

    this.#streamOffset += this.#pieceLength;
    this.#pieceOffset = this.#scanned;
    // A violation may lie in a header that began in the chunk before.
    this.#pieceLength = Math.max(words[POSITION_WORD] - layout.WINDOW, 0);
    this.#remaining = this.#space.doubles[REMAINING_DOUBLE];
    this.#records = words;
    this.#cursor = RECORDS_WORD;
    this.#end = RECORDS_WORD + count * RECORD_WORDS;
    this.#inWindow = true;
    this.#stillMasked = (this.#options & layout.OPTION_FORBID_MASK) === 0;
    const status = words[STATUS_WORD];
    if (status > layout.STATUS_FULL) {
      this.#violation = this.#describe(status, words[POSITION_WORD]);
      this.#waiting.length = 0;
      this.#scanned = this.#chunk.length;
    } else {
      this.#scanned += this.#pieceLength;
    }
    return true;
  }

  /** The error for a status of the last scan. */
  #describe(status: number, address: number): ProtocolError {
    const byte = this.#kernel.bytes[address];
    let detail = 0;
    if (status === layout.STATUS_CONTROL_TOO_LONG || status === layout.STATUS_CLOSE_BODY_OF_ONE) {
      detail = byte & 0x7f;
    } else if (status >= layout.STATUS_LENGTH_NOT_MINIMAL && status <= layout.STATUS_FRAME_TOO_BIG) {
      detail = this.#space.doubles[LENGTH_DOUBLE];
    } else if (status !== layout.STATUS_INVALID_UTF8) {
      detail = byte & 0x0f;
    }
    return protocolError(status, this.#offsetOf(address), detail, this.#maxFrameSize);
  }

  /** Another decoder is about to scan: keeps the records that were not read yet. */
  evict(): void {
    if (this.#stillMasked) this.#unmaskChunk();
    this.#records = this.#records.slice(this.#cursor, this.#end);
    this.#end -= this.#cursor;
    this.#cursor = 0;
    this.#inWindow = false;
  }

  /** Nothing is left to deliver: holds on to no chunk and to no window. */
  #release(): void {
    if (this.#space.holder === this) this.#space.holder = undefined;
    this.#inWindow = this.#stillMasked = false;
    this.#records = this.#kernel.words;
    this.#chunk = EMPTY;
    this.#scanned = 0;
    this.#payload = EMPTY;
    this.#length = 0;
    if (this.error !== undefined) this.#parts.clear();
  }
}
