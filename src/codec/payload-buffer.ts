/**
 * Bytes that arrive in parts and are wanted in one piece. Retains at most about four times what has arrived,
 * however it was cut, and at most 16 KiB for what was only announced.
 */

import { assertBytes } from "./bytes.js";
import { allocate, EMPTY } from "./host.js";
import { textOfParts } from "./utf8.js";

/**
 * What may be reserved beyond what has arrived: a stream of tiny parts is then not a stream of growths, and
 * a small payload gets its memory once.
 */
const LEAST_CAPACITY = 256;
const MAX_RESERVE = 0x4000;

/** Memory grows by this factor; what is reserved and not written yet takes no page of the system's. */
const GROWTH = 3;

/** From this length on, a piece of a payload of unknown length is not copied to make it longer: 1 MiB. */
const LONG_PIECE = 1 << 20;

/** Memory of a payload that was borrowed and given back; it is warm, so the next one gets it. */
let spare: Uint8Array | undefined;
/** What was lent last, if it may become the spare. */
let lent: ArrayBufferLike | undefined;
const LEAST_SPARE_LENGTH = 0x10000;
const MOST_SPARE_LENGTH = 0x400000;

/** A part shorter than this costs less copied than kept: a view is an object of some 200 bytes. */
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
  /** What follows them: bytes copied out of small parts. */
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
   * @param expected - bytes announced in all, if they were: at most 16 KiB, or as much again as has arrived,
   *   are reserved on their account.
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
      // Where the length is not known, copying what is long already would take longer than one copy at the end.
      if (this.#tailLength >= LONG_PIECE && expected < this.#length) {
        this.#endTail();
        needed = part.length;
        this.#tail = roomFor(Math.max(LONG_PIECE, needed));
      }
    }
    if (needed > this.#tail.length) {
      const isFirst = this.#length === part.length;
      const capacity = Math.max(GROWTH * needed, isFirst && expected > 0 ? MAX_RESERVE : LEAST_CAPACITY);
      // What the tail comes to, as far as announced: it then ends without slack, and `take` need not copy.
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
   * @returns what the bytes say, which must be valid UTF-8.
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

  /** Forgets everything. */
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

/** Gives back what the last `take` lent: it is read no more. */
export function reuse(taken: Uint8Array): void {
  const length = taken.buffer.byteLength;
  if (taken.buffer !== lent) return;
  lent = undefined;
  if (length < LEAST_SPARE_LENGTH || length > MOST_SPARE_LENGTH || length < (spare?.length ?? 0)) return;
  spare = new Uint8Array(taken.buffer);
}
