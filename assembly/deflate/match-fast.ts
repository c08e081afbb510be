/**
 * Match finding for the fast level: takes the first match that it finds, looks at two places for it, and hurries
 * where there are none.
 */

import {
  MATCH_LENGTH_LIMIT,
  SHIFT,
  SYMBOLS_AT_ONCE,
  SYMBOLS_END,
  SYMBOLS_LIMIT,
  TABLE,
} from "./deflate-layout";
import { addLiteral, addMatch, commonLength, HASH_FACTOR, HASHED_LENGTH } from "./match";
import { DEFLATE_WINDOW, DEFLATE_WINDOW_SIZE } from "./memory";

/** A match this long needs no rival. */
const NICE_LENGTH: usize = 32;
/** After each so many bytes without a match, one more is passed over at a time. */
const PATIENCE: u32 = 32;

/**
 * Turns bytes into symbols from `position` up to `end`, or until the symbols are many enough for a block. A table
 * entry is only a hint: a candidate must lie before the position and within the window,
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
    const newer = window + (offsets & 0xffff);
    const older = window + (offsets >>> 16);
    const isOlderNear = position - older - 1 < windowSize;
    const limit = min(MATCH_LENGTH_LIMIT, end - position);
    let source = newer;
    let length: usize = 0;
    if (position - newer - 1 < windowSize && load<u32>(newer) == sequence) {
      length = commonLength(position, newer, limit);
      // What makes a match longer than this one agrees in the byte behind it.
      const last = length - 3;
      if (length < NICE_LENGTH && isOlderNear && load<u32>(older + last) == load<u32>(position + last)) {
        const rival = load<u32>(older) == sequence ? commonLength(position, older, limit) : 0;
        if (rival > length) {
          length = rival;
          source = older;
        }
      }
    } else if (isOlderNear && load<u32>(older) == sequence) {
      length = commonLength(position, older, limit);
      source = older;
    } else {
      addLiteral(symbols, position);
      symbols += 4;
      position++;
      misses++;
      if (misses >= PATIENCE) {
        let hurry = min<usize>(misses / PATIENCE, min<usize>(SYMBOLS_AT_ONCE - 1, end - position));
        for (; hurry; hurry--, position++, symbols += 4) addLiteral(symbols, position);
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
