/**
 * Match finding for the fast level: takes the first match that it finds, looks at two places for it, and hurries
 * where there are none.
 */

import { DEFLATE_WINDOW, DEFLATE_WINDOW_SIZE } from "./compression-memory";
import {
  MATCH_LENGTH_LIMIT,
  SHIFT,
  SYMBOLS_AT_ONCE,
  SYMBOLS_END,
  SYMBOLS_LIMIT,
  TABLE,
} from "./deflate-layout";
import { addLiteral, addMatch, HASH_FACTOR, HASHED_LENGTH } from "./match";

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
  while (position + HASHED_LENGTH <= end && symbols < SYMBOLS_LIMIT) {
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
        addLiteral(symbols, position);
      }
      continue;
    }
    misses = 0;
    addMatch(symbols, length, <u32>(position - source));
    symbols += 4;
    const next = position + length;
    const last = min(next, end - 3);
    for (position++; position < last; position++) {
      const passed = table + (((load<u32>(position) * HASH_FACTOR) >>> shift) << 2);
      store<u32>(passed, (load<u32>(passed) << 16) | (<u32>(position - window) & 0xffff));
    }
    position = next;
  }
  if (symbols < SYMBOLS_LIMIT) {
    for (; position < end; position++, symbols += 4) addLiteral(symbols, position);
  }
  store<u32>(block, <u32>symbols, SYMBOLS_END);
  return position;
}
