/**
 * Match finding for the fast level: takes the first match that it finds, looks at two places for it, and hurries
 * where there are none.
 */

import { DEFLATE_WINDOW, DEFLATE_WINDOW_SIZE } from "./compression-memory";
import {
  COUNTS,
  DISTANCE_CODE_SHIFT,
  DISTANCE_COUNTS,
  DISTANCE_EXTRA_SHIFT,
  LENGTH_SYMBOLS,
  LITERAL,
  MATCH_LENGTH_LIMIT,
  SHIFT,
  SYMBOLS_AT_ONCE,
  SYMBOLS_END,
  SYMBOLS_LIMIT,
  TABLE,
} from "./deflate-layout";

/** 2^32 divided by the golden ratio: spreads the bits of four bytes over the top of the product. */
export const HASH_FACTOR: u32 = 0x9e3779b1;
/** A match this long needs no rival. */
const NICE_LENGTH: usize = 32;
/** After so many bytes without a match (in bits), one more is passed over at a time. */
const PATIENCE: u32 = 6;

/**
 * Turns bytes into symbols from `position` up to `end`, or until the symbols are many enough for a block. A table
 * entry is a hint and no more: whatever it says, a candidate must lie before the position and within the window,
 * and begin with the same bytes.
 *
 * @returns the address of the first byte that is not among the symbols.
 */
export function matchFast(block: usize, position: usize, end: usize): usize {
  const window = <usize>load<u32>(block, DEFLATE_WINDOW);
  const windowSize = load<u32>(block, DEFLATE_WINDOW_SIZE);
  const table = <usize>load<u32>(block, TABLE);
  const shift = load<u32>(block, SHIFT);
  let symbols = <usize>load<u32>(block, SYMBOLS_END);
  let misses: u32 = 0;
  while (position + 4 <= end && symbols < SYMBOLS_LIMIT) {
    const sequence = load<u32>(position);
    // A bucket is two offsets, the newer one below the older.
    const bucket = table + (((sequence * HASH_FACTOR) >>> shift) << 2);
    const offsets = load<u32>(bucket);
    store<u32>(bucket, (offsets << 16) | (<u32>(position - window) & 0xffff));
    const older = window + (offsets >>> 16);
    let source = window + (offsets & 0xffff);
    let length: usize = 0;
    const limit = min(MATCH_LENGTH_LIMIT, end - position);
    if (position - source - 1 < windowSize && load<u32>(source) == sequence) {
      length = 4;
      while (length < limit) {
        const difference = load<u64>(position + length) ^ load<u64>(source + length);
        if (difference) {
          length += <usize>(ctz(difference) >> 3);
          break;
        }
        length += 8;
      }
      if (length > limit) length = limit;
    }
    if (length < NICE_LENGTH && position - older - 1 < windowSize && load<u32>(older) == sequence) {
      let rival: usize = 4;
      while (rival < limit) {
        const difference = load<u64>(position + rival) ^ load<u64>(older + rival);
        if (difference) {
          rival += <usize>(ctz(difference) >> 3);
          break;
        }
        rival += 8;
      }
      if (rival > limit) rival = limit;
      if (rival > length) {
        length = rival;
        source = older;
      }
    }
    if (length == 0) {
      const left = min<usize>(1 + (misses++ >> PATIENCE), min<usize>(SYMBOLS_AT_ONCE, end - position));
      for (const next = position + left; position < next; position++, symbols += 4) {
        const byte = <u32>load<u8>(position);
        const count = COUNTS + (byte << 2);
        store<u32>(symbols, byte | LITERAL);
        store<u32>(count, load<u32>(count) + 1);
      }
      continue;
    }
    misses = 0;
    const symbol = <u32>load<u16>(LENGTH_SYMBOLS + ((length - 3) << 1));
    const distance = <u32>(position - source) - 1;
    // §3.2.5: two codes for each power of two, told apart by the bit below the highest.
    let code = distance;
    let extra: u32 = 0;
    if (distance >= 2) {
      const extraBits = 30 - clz(distance);
      code = (extraBits << 1) + (distance >> extraBits);
      extra = distance & ((1 << extraBits) - 1);
    }
    const lengthCount = COUNTS + ((symbol & 0x1ff) << 2);
    const distanceCount = DISTANCE_COUNTS + (code << 2);
    store<u32>(lengthCount, load<u32>(lengthCount) + 1);
    store<u32>(distanceCount, load<u32>(distanceCount) + 1);
    store<u32>(symbols, symbol | (code << DISTANCE_CODE_SHIFT) | (extra << DISTANCE_EXTRA_SHIFT));
    symbols += 4;
    const next = position + length;
    const last = min(next, end - 3);
    for (position++; position < last; position++) {
      const passed = table + (((load<u32>(position) * HASH_FACTOR) >>> shift) << 2);
      store<u32>(passed, (load<u32>(passed) << 16) | (<u32>(position - window) & 0xffff));
    }
    position = next;
  }
  if (position + 4 > end && symbols < SYMBOLS_LIMIT) {
    for (; position < end; position++, symbols += 4) {
      const byte = <u32>load<u8>(position);
      const count = COUNTS + (byte << 2);
      store<u32>(symbols, byte | LITERAL);
      store<u32>(count, load<u32>(count) + 1);
    }
  }
  store<u32>(block, <u32>symbols, SYMBOLS_END);
  return position;
}
