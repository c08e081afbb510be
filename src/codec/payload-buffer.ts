/**
 * Bytes that arrive in parts and are delivered in one piece. Holds at most about four times the bytes that arrived,
 * wherever they were cut, and at most 16 KiB for an announcement alone.
 */

import { assertBytes } from "./bytes.js";
import { allocate, EMPTY } from "./host.js";
import { textOfParts } from "./utf8.js";

/**
 * Bytes that are reserved beyond those that arrived: so tiny parts do not each allocate, and a small payload gets its
 * memory once.
 */
const LEAST_CAPACITY = 256;
const MAX_RESERVE = 0x4000;

/** Memory grows by this factor; the system provides no page for memory that was not written to. */
const GROWTH = 3;

/** From this length on, a piece of a payload of unknown length is not copied to make it longer: 1 MiB. */
const LONG_PIECE = 1 << 20;

/** Memory of a payload that was lent and given back; it is warm, so the next payload gets it. */
let spare: Uint8Array | undefined;
/** The memory that was lent last, if it may become the spare. */
let lent: ArrayBufferLike | undefined;
const LEAST_SPARE_LENGTH = 0x10000;
const MOST_SPARE_LENGTH = 0x400000;

/** A part shorter than this is copied, because a view is an object of some 200 bytes. */
const LEAST_KEPT_LENGTH = 1024;

/**
 * Collects the parts of a payload.
 *
 * ```ts
 * const buffer = new PayloadBuffer();
 * while (decoder.next()) buffer.append(decoder.payload);
 * const whole = buffer.take();
 * ```
 */
export class PayloadBuffer {
  /** Finished pieces, in order. */
  #pieces: Uint8Array[] = [];
  /** The bytes behind them, copied from small parts. */
  #tail = EMPTY;
  #tailLength = 0;
  #length = 0;

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  /**
   * Appends a part. One that fills most of its ArrayBuffer is kept as it is; of a smaller one the bytes
   * are copied, so that a few bytes never keep a large chunk alive.
   *
   * @param part - the buffer's from now on; must not change before `take`.
   * @param expected - bytes announced in all, 0 if unknown: at most 16 KiB, or twice the bytes that arrived, are
   *   reserved for them.
   * @param copy - whether the bytes must be copied, however many: then `part` stays the caller's. Default false.
   */
  append(part: Uint8Array, expected = 0, copy = false): void {
    assertBytes(part, "part");
    if (part.length === 0) return;
    this.#length += part.length;
    if (!copy && part.length >= LEAST_KEPT_LENGTH && part.length * 2 >= part.buffer.byteLength) {
      this.#endTail();
      this.#pieces.push(part);
    } else {
      this.#copy(part, expected);
    }
  }

  #copy(part: Uint8Array, expected: number): void {
    let needed = this.#tailLength + part.length;
    if (needed > this.#tail.length) {
      // If the length is unknown, copying a long piece to enlarge it would take longer than one copy at the end.
      if (this.#tailLength >= LONG_PIECE && expected < this.#length) {
        this.#endTail();
        needed = part.length;
        this.#tail = roomFor(Math.max(LONG_PIECE, needed));
      }
    }
    if (needed > this.#tail.length) {
      const isFirst = this.#length === part.length;
      const capacity = Math.max(GROWTH * needed, isFirst && expected > 0 ? MAX_RESERVE : LEAST_CAPACITY);
      // The tail's final length, if it was announced: then it has no slack, and `take` need not copy.
      const announced = expected - (this.#length - needed);
      const grown = roomFor(announced >= needed ? Math.min(announced, capacity) : capacity);
      if (this.#tailLength > 0) grown.set(this.#tail.subarray(0, this.#tailLength));
      this.#tail = grown;
    }
    this.#tail.set(part, this.#tailLength);
    this.#tailLength = needed;
  }

  #endTail(): void {
    if (this.#tailLength > 0) this.#pieces.push(this.#tail.subarray(0, this.#tailLength));
    this.#tail = EMPTY;
    this.#tailLength = 0;
  }

  /**
   * Everything in one piece; the buffer is empty again.
   *
   * @param borrow - whether the caller gives the memory back by `reuse`, and exposes none of it behind the bytes.
   *   Default false: it is the caller's.
   */
  take(borrow = false): Uint8Array {
    // One piece and no tail is a part as it came, and not ours to use again.
    const isOwn = this.#pieces.length !== 1 || this.#tailLength > 0;
    const hasSlack = !borrow && this.#pieces.length === 0 && this.#tailLength < this.#tail.length;
    this.#endTail();
    let whole = EMPTY;
    if (this.#pieces.length === 1 && !hasSlack) {
      whole = this.#pieces[0];
    } else if (this.#pieces.length > 0) {
      // Also for one piece with room behind it: that memory was never written, and must not be seen.
      whole = allocate(this.#length);
      this.copyTo(whole);
    }
    if (borrow) lent = isOwn ? whole.buffer : undefined;
    this.clear();
    return whole;
  }

  /**
   * Everything as a string; the buffer is empty again.
   *
   * @param ascii - whether every byte is known to be below 0x80. Default false.
   * @returns the text of the bytes, which must be valid UTF-8.
   */
  takeText(ascii = false): string {
    const text = textOfParts(this, ascii);
    this.clear();
    return text;
  }

  /** Writes everything to the beginning of `target`, and keeps it. */
  copyTo(target: Uint8Array): void {
    let offset = 0;
    for (const piece of this.#pieces) {
      target.set(piece, offset);
      offset += piece.length;
    }
    target.set(this.#tail.subarray(0, this.#tailLength), offset);
  }

  /** Drops everything. */
  clear(): void {
    if (this.#length === 0) return;
    this.#pieces = [];
    this.#tail = EMPTY;
    this.#tailLength = 0;
    this.#length = 0;
  }
}

/** New memory, or the spare if that is not much larger. */
function roomFor(length: number): Uint8Array {
  const kept = spare;
  if (kept === undefined || kept.length < length || length < LEAST_SPARE_LENGTH) return allocate(length);
  spare = undefined;
  return kept;
}

/** Gives back the memory that the last `take` lent: the caller reads it no more. */
export function reuse(taken: Uint8Array): void {
  const length = taken.buffer.byteLength;
  if (taken.buffer !== lent) return;
  lent = undefined;
  if (length < LEAST_SPARE_LENGTH || length > MOST_SPARE_LENGTH || length < (spare?.length ?? 0)) return;
  spare = new Uint8Array(taken.buffer);
}
