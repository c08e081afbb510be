/** The codes that `assembly/deflate/huffman.ts` makes: complete, in order, no longer than may be, and short. */

import assert from "node:assert/strict";
import { before, describe, it } from "node:test";
import { instantiateAssembly } from "../../support/assembly.js";
import { randomNumbers } from "../../support/property.js";

interface Huffman {
  makeCode(
    counts: number,
    symbolCount: number,
    limit: number,
    extraBits: number,
    lengths: number,
    codes: number,
  ): number;
  readonly memory: WebAssembly.Memory;
}

interface Made {
  readonly used: number;
  readonly lengths: Uint8Array;
  readonly codes: Uint32Array;
}

/** Where the test puts its own: far from DEFLATE_TABLES. */
const COUNTS = 0x100000;
const LENGTHS = 0x110000;
const CODES = 0x120000;
const EXTRA_BITS = 0x130000;
const CANARY = 0xa5;

let huffman: Huffman;
before(async () => {
  huffman = await instantiateAssembly<Huffman>("deflate/huffman");
});

function make(counts: readonly number[], limit: number): Made {
  const { buffer } = huffman.memory;
  const bytes = new Uint8Array(buffer);
  bytes.fill(CANARY, LENGTHS, LENGTHS + 0x1000);
  bytes.fill(CANARY, CODES, CODES + 0x1000);
  new Uint32Array(buffer, COUNTS, counts.length).set(counts);
  for (let i = 0; i < counts.length; i++) bytes[EXTRA_BITS + i] = i % 14;
  const used = huffman.makeCode(COUNTS, counts.length, limit, EXTRA_BITS, LENGTHS, CODES);
  assert.ok(bytes.subarray(LENGTHS + counts.length, LENGTHS + 0x1000).every((byte) => byte === CANARY));
  assert.ok(bytes.subarray(CODES + 4 * counts.length, CODES + 0x1000).every((byte) => byte === CANARY));
  return {
    used,
    lengths: bytes.slice(LENGTHS, LENGTHS + counts.length),
    codes: new Uint32Array(buffer, CODES, counts.length).slice(),
  };
}

function costOf(counts: readonly number[], lengths: ArrayLike<number>): number {
  return counts.reduce((sum, count, symbol) => sum + count * lengths[symbol], 0);
}

/** What the best code with such a limit takes: by packages of coins (Larmore and Hirschberg, 1990). */
function leastCost(counts: readonly number[], limit: number): number {
  const coins = counts.filter((count) => count > 0).sort((a, b) => a - b);
  if (coins.length < 2) return coins[0] ?? 0;
  let row = coins;
  for (let level = 1; level < limit; level++) {
    const packages: number[] = [];
    for (let i = 0; i + 1 < row.length; i += 2) packages.push(row[i] + row[i + 1]);
    row = [...packages, ...coins].sort((a, b) => a - b);
  }
  return row.slice(0, 2 * coins.length - 2).reduce((sum, weight) => sum + weight, 0);
}

/** Checks all that RFC 1951 §3.2.2 says of a code; returns what it costs. */
function check(counts: readonly number[], limit: number): number {
  const { used, lengths, codes } = make(counts, limit);
  const coded = [...lengths].filter((length) => length > 0);
  assert.ok(Math.max(...coded) <= limit, "no code is longer than the limit");
  assert.equal(
    coded.reduce((sum, length) => sum + 2 ** -length, 0),
    1,
    "the code is complete",
  );
  const symbols = counts.filter((count) => count > 0).length;
  assert.equal(coded.length, Math.max(2, symbols), "exactly the symbols with a count have a code");
  assert.equal(used, lengths.findLastIndex((length) => length > 0) + 1);
  let next = 0;
  for (let length = 1; length <= limit; length++, next <<= 1) {
    for (let symbol = 0; symbol < counts.length; symbol++) {
      if (lengths[symbol] !== length) continue;
      const reversed = [...next.toString(2).padStart(length, "0")].reverse().join("");
      const entry = Number.parseInt(reversed, 2) | (length << 16) | ((length + (symbol % 14)) << 24);
      assert.equal(codes[symbol], entry >>> 0, `the entry of ${symbol}`);
      next++;
    }
  }
  for (const [symbol, count] of counts.entries()) {
    if (count > 0) assert.ok(lengths[symbol] > 0);
  }
  return costOf(counts, lengths);
}

function fibonacci(length: number): number[] {
  const numbers = [1, 1];
  while (numbers.length < length) numbers.push(numbers.at(-1)! + numbers.at(-2)!);
  return numbers;
}

describe("makeCode", () => {
  it("gives two symbols a code of one bit each when fewer have a count", () => {
    for (const counts of [
      [0, 0, 0, 0],
      [0, 0, 5, 0],
      [7, 0, 0, 0],
      [0, 7, 0, 0],
      [3, 9, 0, 0],
    ]) {
      check(counts, 15);
      const two = counts.filter((count) => count > 0).length === 2;
      assert.equal(check(counts, 7), two ? 12 : Math.max(...counts));
    }
    assert.deepEqual([...make([0, 0, 5, 0], 15).lengths], [1, 0, 1, 0]);
    assert.deepEqual([...make([0, 0, 0, 0], 15).lengths], [1, 1, 0, 0]);
    assert.deepEqual([...make([4, 0, 0, 0], 15).lengths], [1, 1, 0, 0]);
  });

  it("makes the best code where no limit is in the way", () => {
    const random = randomNumbers(1);
    for (let round = 0; round < 3000; round++) {
      const size = 1 + (random() % 286);
      const bits = 1 + (random() % 6);
      const counts = Array.from({ length: size }, () => (random() % 3 ? random() % (1 << bits) : 0));
      if (size < 2) counts.push(0);
      assert.equal(check(counts, 15), leastCost(counts, 15), counts.join());
    }
  });

  it("keeps to the limit with counts that ask for more, at little cost", () => {
    for (const limit of [7, 15]) {
      // Their sum must stay below 2^15: 20 numbers, and a tree 19 deep.
      for (let length = 2; length <= 20; length++) {
        const counts = fibonacci(length);
        const cost = check(counts, limit);
        const least = leastCost(counts, limit);
        assert.ok(
          cost >= least && cost <= (limit === 7 ? 1.12 : 1.03) * least,
          `${length} within ${limit}: ${cost}, not ${least}`,
        );
        assert.equal(check([...counts].reverse(), limit), cost);
      }
    }
    const deepest = make(fibonacci(20), 15).lengths;
    assert.equal(Math.max(...deepest), 15);
  });

  it("keeps to it for all that may be counted", () => {
    const random = randomNumbers(2);
    for (let round = 0; round < 3000; round++) {
      const [size, limit] = [
        [19, 7],
        [30, 15],
        [286, 15],
      ][round % 3];
      const counts = new Array<number>(size).fill(0);
      // Each symbol is so many times as frequent as the one before it.
      const factor = 1 + (random() % 200) / 100;
      let left = 32_000;
      for (let value = 1; value < left; value *= factor) {
        const symbol = random() % size;
        if (counts[symbol] === 0) {
          counts[symbol] = Math.floor(value);
          left -= counts[symbol];
        } else if (random() % 20 === 0) break;
      }
      const cost = check(counts, limit);
      const least = leastCost(counts, limit);
      assert.ok(
        cost >= least && cost <= (limit === 7 ? 1.12 : 1.03) * least,
        `${counts.join()}: ${cost}, not ${least}`,
      );
    }
  });

  it("takes every symbol that there is", () => {
    assert.equal(check(new Array<number>(286).fill(1), 15), leastCost(new Array<number>(286).fill(1), 15));
    assert.equal(check(new Array<number>(19).fill(100), 7), leastCost(new Array<number>(19).fill(100), 7));
    const one = [32_000, ...new Array<number>(285).fill(1)];
    assert.equal(check(one, 15), leastCost(one, 15));
  });
});
