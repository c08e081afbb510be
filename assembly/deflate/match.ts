/**
 * What all ways to find matches share: entering positions in the tables, and adding symbols to the block.
 *
 * A hash table holds offsets in the window. For the levels without chains two of them make a bucket, a u32 with
 * the newer one in its lower half. Otherwise an entry is the newest position with a hash, and the chains tell for
 * each position which one was the newest before it. An entry is only a hint: slides and
 * drops leave stale ones. A candidate must lie before the position, not farther away than the window is large, and
 * be the same in its bytes.
 */

import {
  BASE,
  CHAINS,
  COUNTS,
  DISTANCE_CODE_SHIFT,
  DISTANCE_COUNTS,
  DISTANCE_EXTRA_SHIFT,
  LENGTH_SYMBOLS,
  LITERAL,
  SHIFT,
  SHORT_SHIFT,
  SHORT_TABLE,
  TABLE,
} from "./deflate-layout";
import { DEFLATE_WINDOW, DEFLATE_WINDOW_SIZE } from "./memory";

/** 2^32 divided by the golden ratio: spreads the bits of four bytes over the top of the product. */
export const HASH_FACTOR: u32 = 0x9e3779b1;
/** Bytes that are hashed: the shortest match, but for those of the short table. */
export const HASHED_LENGTH: usize = 4;

/** How many bytes are the same at `position` and `source`, up to `limit`; four of them are known to be. */
export function commonLength(position: usize, source: usize, limit: usize): usize {
  for (let length = HASHED_LENGTH; length < limit; length += 8) {
    const difference = load<u64>(position + length) ^ load<u64>(source + length);
    if (difference) return min(limit, length + <usize>(ctz(difference) >> 3));
  }
  return limit;
}

/** Adds the byte at `position` to the symbols. */
export function addLiteral(symbols: usize, position: usize): void {
  const byte = <u32>load<u8>(position);
  const count = COUNTS + (byte << 2);
  store<u32>(symbols, byte | LITERAL);
  store<u32>(count, load<u32>(count) + 1);
}

/** Adds a match to the symbols. */
export function addMatch(symbols: usize, length: usize, distance: u32): void {
  const symbol = <u32>load<u16>(LENGTH_SYMBOLS + ((length - 3) << 1));
  // RFC 1951 §3.2.5: two codes for each power of two, told apart by the bit below the highest.
  let code = distance - 1;
  let extra: u32 = 0;
  if (distance > 2) {
    const extraBits = 30 - clz(code);
    extra = code & ((1 << extraBits) - 1);
    code = (extraBits << 1) + (code >> extraBits);
  }
  const lengthCount = COUNTS + ((symbol & 0x1ff) << 2);
  const distanceCount = DISTANCE_COUNTS + (code << 2);
  store<u32>(symbols, symbol | (code << DISTANCE_CODE_SHIFT) | (extra << DISTANCE_EXTRA_SHIFT));
  store<u32>(lengthCount, load<u32>(lengthCount) + 1);
  store<u32>(distanceCount, load<u32>(distanceCount) + 1);
}

/** Enters each `step`th position from `start` on in the tables, as long as the hashed bytes end at or before `end`. */
export function enterPositions(block: usize, start: usize, end: usize, step: usize): void {
  const window = <usize>load<u32>(block, DEFLATE_WINDOW);
  const mask = load<u32>(block, DEFLATE_WINDOW_SIZE) - 1;
  const table = <usize>load<u32>(block, TABLE);
  const shift = load<u32>(block, SHIFT);
  const chains = <usize>load<u32>(block, CHAINS);
  const base = load<u32>(block, BASE);
  const shortTable = <usize>load<u32>(block, SHORT_TABLE);
  const shortShift = load<u32>(block, SHORT_SHIFT);
  for (let position = start; position + HASHED_LENGTH <= end; position += step) {
    const sequence = load<u32>(position);
    const offset = <u32>(position - window);
    const hash = (sequence * HASH_FACTOR) >>> shift;
    if (chains) {
      const entry = table + (hash << 1);
      store<u16>(chains + (((offset + base) & mask) << 1), load<u16>(entry));
      store<u16>(entry, offset);
      store<u16>(shortTable + ((((sequence << 8) * HASH_FACTOR) >>> shortShift) << 1), offset);
    } else {
      const bucket = table + (hash << 2);
      store<u32>(bucket, (load<u32>(bucket) << 16) | offset);
    }
  }
}
