/**
 * DEFLATE by the letter of RFC 1951, to see what zlib does not tell: which blocks a stream is made of, and whether
 * a distance reaches farther than was agreed. Slow, and plainly right.
 */

import assert from "node:assert/strict";

export interface SeenBlock {
  readonly type: "stored" | "fixed" | "dynamic";
  /** Bytes that it stands for. */
  length: number;
  literals: number;
  matches: number;
  longestCode: number;
}

interface Code {
  /** How many symbols have a code of each length. */
  readonly counts: Uint16Array;
  /** The symbols in the order of their codes. */
  readonly symbols: Uint16Array;
  readonly longest: number;
}

const LENGTH_BASES = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115,
];
LENGTH_BASES.push(131, 163, 195, 227, 258);
const LENGTH_EXTRA_BITS = [
  0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0,
];
const ORDER = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/** §3.2.2. Fails unless the code is complete: there are decoders that take no other. */
function makeCode(lengths: readonly number[]): Code {
  const longest = Math.max(...lengths);
  const counts = new Uint16Array(16);
  const symbols: number[] = [];
  let left = 1;
  for (let length = 1; length <= longest; length++) {
    lengths.forEach((own, symbol) => {
      if (own !== length) return;
      counts[length]++;
      symbols.push(symbol);
    });
    left = 2 * left - counts[length];
  }
  assert.equal(left, 0, "the code is complete");
  return { counts, symbols: Uint16Array.from(symbols), longest };
}

const repeat = (count: number, value: number): number[] => new Array<number>(count).fill(value);
const FIXED_LITERALS = makeCode([...repeat(144, 8), ...repeat(112, 9), ...repeat(24, 7), ...repeat(8, 8)]);
const FIXED_DISTANCES = makeCode(repeat(32, 5));

/** Inflates the messages of a stream, one after the other, each with the empty block at its end. */
export class StrictInflater {
  readonly windowSize: number;
  /** Of the message that was inflated last. */
  blocks: SeenBlock[] = [];
  /** The farthest that any match has reached back. */
  farthest = 0;
  /** Each match of that message, where it begins in it, and its length and distance. */
  matches: { readonly at: number; readonly length: number; readonly distance: number }[] = [];
  #history = new Uint8Array(1 << 16);
  #length = 0;
  #bytes: Uint8Array = new Uint8Array(0);
  #bit = 0;

  constructor(windowBits: number) {
    this.windowSize = 1 << windowBits;
  }

  /** The message; fails unless it ends on the last byte, with an empty stored block. */
  inflate(bytes: Uint8Array): Uint8Array {
    this.#bytes = bytes;
    this.#bit = 0;
    this.blocks = [];
    this.matches = [];
    const start = this.#length;
    while (this.#bit < bytes.length * 8) this.#inflateBlock(start);
    const last = this.blocks.pop();
    assert.deepEqual(
      [last?.type, last?.length],
      ["stored", 0],
      "the last block of a message is stored and empty",
    );
    return this.#history.slice(start, this.#length);
  }

  /** Takes bytes into the history that were not inflated. */
  add(bytes: Uint8Array): void {
    for (const byte of bytes) this.#put(byte);
  }

  /** Forgets the history. */
  reset(): void {
    this.#length = 0;
  }

  #inflateBlock(start: number): void {
    assert.equal(this.#read(1), 0, "no block is the final one");
    const type = this.#read(2);
    assert.ok(type < 3, "a block type");
    const names = ["stored", "fixed", "dynamic"] as const;
    const block: SeenBlock = { type: names[type], length: 0, literals: 0, matches: 0, longestCode: 0 };
    this.blocks.push(block);
    const before = this.#length;
    if (type === 0) this.#copyStored();
    else if (type === 1) this.#inflateSymbols(block, FIXED_LITERALS, FIXED_DISTANCES, start);
    else this.#inflateDynamic(block, start);
    block.length = this.#length - before;
  }

  #copyStored(): void {
    while (this.#bit % 8 !== 0) assert.equal(this.#read(1), 0, "padding is zero");
    const length = this.#read(16);
    assert.equal(this.#read(16), ~length & 0xffff, "NLEN");
    for (let i = 0; i < length; i++) this.#put(this.#read(8));
  }

  #inflateDynamic(block: SeenBlock, start: number): void {
    const literalCount = this.#read(5) + 257;
    const distanceCount = this.#read(5) + 1;
    const orderCount = this.#read(4) + 4;
    assert.ok(literalCount <= 286 && distanceCount <= 30, "codes that mean something");
    const own = repeat(19, 0);
    for (let i = 0; i < orderCount; i++) own[ORDER[i]] = this.#read(3);
    const code = makeCode(own);
    const lengths: number[] = [];
    while (lengths.length < literalCount + distanceCount) {
      const symbol = this.#decode(code);
      if (symbol < 16) lengths.push(symbol);
      else if (symbol === 16) lengths.push(...repeat(3 + this.#read(2), lengths.at(-1)!));
      else lengths.push(...repeat(symbol === 17 ? 3 + this.#read(3) : 11 + this.#read(7), 0));
    }
    assert.equal(lengths.length, literalCount + distanceCount, "no run goes over the end");
    assert.ok(literalCount === 257 || lengths[literalCount - 1] > 0, "no zeros behind the literals");
    assert.ok(distanceCount === 1 || lengths.at(-1)! > 0, "no zeros behind the distances");
    assert.ok(orderCount === 4 || own[ORDER[orderCount - 1]] > 0, "no zeros at the end of the order");
    const literals = makeCode(lengths.slice(0, literalCount));
    block.longestCode = literals.longest;
    this.#inflateSymbols(block, literals, makeCode(lengths.slice(literalCount)), start);
  }

  #inflateSymbols(block: SeenBlock, literals: Code, distances: Code, start: number): void {
    for (;;) {
      const symbol = this.#decode(literals);
      if (symbol === 256) return;
      if (symbol < 256) {
        block.literals++;
        this.#put(symbol);
        continue;
      }
      assert.ok(symbol < 286, "a length code that means something");
      const length = LENGTH_BASES[symbol - 257] + this.#read(LENGTH_EXTRA_BITS[symbol - 257]);
      const slot = this.#decode(distances);
      assert.ok(slot < 30, "a distance code that means something");
      const extraBits = Math.max(0, (slot >> 1) - 1);
      const base = slot < 2 ? slot + 1 : ((2 + (slot & 1)) << extraBits) + 1;
      const distance = base + this.#read(extraBits);
      assert.ok(distance <= Math.min(this.#length, this.windowSize), `a distance of ${distance}`);
      this.farthest = Math.max(this.farthest, distance);
      this.matches.push({ at: this.#length - start, length, distance });
      block.matches++;
      for (let i = 0; i < length; i++) this.#put(this.#history[this.#length - distance]);
    }
  }

  #put(byte: number): void {
    if (this.#length === this.#history.length) {
      const grown = new Uint8Array(2 * this.#length);
      grown.set(this.#history);
      this.#history = grown;
    }
    this.#history[this.#length++] = byte;
  }

  #read(count: number): number {
    const bytes = this.#bytes;
    let value = 0;
    for (let i = 0; i < count; i++, this.#bit++) {
      value |= ((bytes[this.#bit >> 3] >> (this.#bit & 7)) & 1) << i;
    }
    if (this.#bit > bytes.length * 8) throw new Error("the stream ends too early");
    return value;
  }

  #decode({ counts, symbols, longest }: Code): number {
    let code = 0;
    let first = 0;
    let index = 0;
    for (let length = 1; length <= longest; length++) {
      code |= this.#read(1);
      const count = counts[length];
      if (code - first < count) return symbols[index + code - first];
      index += count;
      first = (first + count) << 1;
      code <<= 1;
    }
    throw new Error("a code that no symbol has");
  }
}
