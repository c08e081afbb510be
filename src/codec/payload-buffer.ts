/**
 * Bytes that arrive in parts and are wanted in one piece. Retains at most about twice what has arrived,
 * however it was cut, and reserves nothing for what was only announced.
 */

import { allocate } from "./host.js";

/** What the first copied part reserves: enough that a stream of tiny parts is not a stream of growths. */
const LEAST_CAPACITY = 256;

const EMPTY: Uint8Array = new Uint8Array(0);

export class PayloadBuffer {
  /** Finished pieces, in order; what follows them is `#tail`. */
  #pieces: Uint8Array[] = [];
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
   */
  append(part: Uint8Array): void {
    if (part.length === 0) return;
    this.#length += part.length;
    if (part.length * 2 >= part.buffer.byteLength) {
      this.#endTail();
      this.#pieces.push(part);
    } else {
      this.#copy(part);
    }
  }

  #copy(part: Uint8Array): void {
    const needed = this.#tailLength + part.length;
    if (needed > this.#tail.length) {
      const grown = allocate(Math.max(needed, 2 * this.#tailLength, LEAST_CAPACITY));
      grown.set(this.#tail.subarray(0, this.#tailLength));
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

  /** Everything in one piece; it is the caller's, and the buffer is empty again. */
  take(): Uint8Array {
    this.#endTail();
    const pieces = this.#pieces;
    let whole = pieces.length > 0 ? pieces[0] : EMPTY;
    if (pieces.length > 1) {
      whole = allocate(this.#length);
      let offset = 0;
      for (const piece of pieces) {
        whole.set(piece, offset);
        offset += piece.length;
      }
    }
    this.clear();
    return whole;
  }

  /** Forgets everything. */
  clear(): void {
    this.#pieces = [];
    this.#tail = EMPTY;
    this.#tailLength = 0;
    this.#length = 0;
  }
}
