/**
 * Match finding for all levels but the fast one: looks at more candidates, and holds a match back to see whether a
 * longer one begins at the next byte.
 */

import {
  BASE,
  CHAINS,
  LEVEL,
  MATCH_LENGTH_LIMIT,
  SHIFT,
  SHORT_SHIFT,
  SHORT_TABLE,
  SYMBOLS_END,
  SYMBOLS_LIMIT,
  TABLE,
} from "./deflate-layout";
import { addLiteral, addMatch, commonLength, enterPositions, HASH_FACTOR, HASHED_LENGTH } from "./match";
import { DEFLATE_WINDOW, DEFLATE_WINDOW_SIZE } from "./memory";

/** A match of three bytes farther away takes about as many bits as three literals. */
const SHORT_DISTANCE_LIMIT: usize = 4096;
/** For each level from 2 on: */
const EFFORTS = memory.data<u16>([
  // Candidates that are looked at · a quarter of them if the match held back is this long · none then · a match
  // that is long enough to look no further.
  2,
  258, 8, 32, 2, 258, 32, 128, 16, 4, 4, 16, 32, 8, 16, 32, 128, 8, 16, 128, 256, 8, 32, 128, 1024, 32, 128,
  258, 4096, 32, 258, 258,
]);

// What a search finds ─ u32: bits 0–15 distance · 16–31 length; 0: nothing
const LENGTH_SHIFT: u32 = 16;
const DISTANCE_MASK: u32 = 0xffff;

/** Finds the longest match of more than `least` bytes in a chain that begins at the offset `candidate`. */
function longestInChain(
  block: usize,
  position: usize,
  candidate: u32,
  least: usize,
  limit: usize,
  nice: usize,
  depth: u32,
): u32 {
  if (least >= limit) return 0;
  const window = <usize>load<u32>(block, DEFLATE_WINDOW);
  const windowSize = load<u32>(block, DEFLATE_WINDOW_SIZE);
  const chains = <usize>load<u32>(block, CHAINS);
  const base = load<u32>(block, BASE);
  const mask = windowSize - 1;
  const sequence = load<u32>(position);
  const offset = <u32>(position - window);
  const reach = offset > windowSize ? offset - windowSize : 0;
  let tail = load<u32>(position + least - 3);
  let found: u32 = 0;
  // Each candidate must lie before the last: no stale chain goes in circles.
  for (let bound = offset; candidate < bound && candidate >= reach; ) {
    const source = window + candidate;
    if (load<u32>(source + least - 3) == tail && load<u32>(source) == sequence) {
      const length = commonLength(position, source, limit);
      if (length > least) {
        found = ((<u32>length) << LENGTH_SHIFT) | (offset - candidate);
        if (length >= nice || length >= limit) break;
        least = length;
        tail = load<u32>(position + length - 3);
      }
    }
    if (--depth == 0) break;
    bound = candidate;
    candidate = load<u16>(chains + (((candidate + base) & mask) << 1));
  }
  return found;
}

/** Finds the longest match of more than `least` bytes among the two offsets of a bucket. */
function longestInBucket(block: usize, position: usize, offsets: u32, least: usize, limit: usize): u32 {
  const window = <usize>load<u32>(block, DEFLATE_WINDOW);
  const windowSize = load<u32>(block, DEFLATE_WINDOW_SIZE);
  const sequence = load<u32>(position);
  let found: u32 = 0;
  for (let i = 0; i < 2; i++, offsets >>>= 16) {
    const source = window + (offsets & 0xffff);
    if (position - source - 1 < windowSize && load<u32>(source) == sequence) {
      const length = commonLength(position, source, limit);
      if (length > least) {
        found = ((<u32>length) << LENGTH_SHIFT) | <u32>(position - source);
        least = length;
      }
    }
  }
  return found;
}

/** What `matchFast` does, better and slower. */
export function matchLazily(block: usize, position: usize, end: usize): usize {
  const effort = EFFORTS + ((load<u32>(block, LEVEL) - 2) << 3);
  const depth = <u32>load<u16>(effort);
  const good = <u32>load<u16>(effort, 2);
  const lazy = <u32>load<u16>(effort, 4);
  const nice = <usize>load<u16>(effort, 6);
  const window = <usize>load<u32>(block, DEFLATE_WINDOW);
  const windowSize = load<u32>(block, DEFLATE_WINDOW_SIZE);
  const mask = windowSize - 1;
  const nearby = min<usize>(windowSize, SHORT_DISTANCE_LIMIT);
  const table = <usize>load<u32>(block, TABLE);
  const shift = load<u32>(block, SHIFT);
  const chains = <usize>load<u32>(block, CHAINS);
  const base = load<u32>(block, BASE);
  const shortTable = <usize>load<u32>(block, SHORT_TABLE);
  const shortShift = load<u32>(block, SHORT_SHIFT);
  let symbols = <usize>load<u32>(block, SYMBOLS_END);
  // Whether the byte before the position still waits to become a symbol, and the match that begins with it, if any.
  let waits = false;
  let held: u32 = 0;
  while (position + HASHED_LENGTH <= end && symbols < SYMBOLS_LIMIT) {
    const sequence = load<u32>(position);
    const offset = <u32>(position - window);
    const hash = (sequence * HASH_FACTOR) >>> shift;
    const heldLength = held >> LENGTH_SHIFT;
    const limit = min(MATCH_LENGTH_LIMIT, end - position);
    let found: u32 = 0;
    if (chains) {
      const entry = table + (hash << 1);
      const shortEntry = shortTable + ((((sequence << 8) * HASH_FACTOR) >>> shortShift) << 1);
      const newest = <u32>load<u16>(entry);
      const source = window + load<u16>(shortEntry);
      store<u16>(entry, offset);
      store<u16>(shortEntry, offset);
      store<u16>(chains + (((offset + base) & mask) << 1), newest);
      if (heldLength < lazy) {
        const tries = heldLength < good ? depth : depth >> 2;
        found = longestInChain(block, position, newest, max(heldLength, 3), limit, nice, tries);
        const isNear = position - source - 1 < nearby;
        if ((found | held) == 0 && isNear && (load<u32>(source) ^ sequence) << 8 == 0) {
          found = (3 << LENGTH_SHIFT) | <u32>(position - source);
        }
      }
    } else {
      const bucket = table + (hash << 2);
      const offsets = load<u32>(bucket);
      store<u32>(bucket, (offsets << 16) | offset);
      if (heldLength < lazy) {
        found = longestInBucket(block, position, offsets, max(heldLength, 3), limit);
      }
    }
    if (held == 0 || found) {
      if (waits) {
        addLiteral(symbols, position - 1);
        symbols += 4;
      }
      waits = true;
      held = found;
      position++;
    } else {
      const next = position - 1 + heldLength;
      addMatch(symbols, heldLength, held & DISTANCE_MASK);
      symbols += 4;
      enterPositions(block, position + 1, min(next + 3, end), 1);
      position = next;
      waits = false;
      held = 0;
    }
  }
  if (held) {
    const next = position - 1 + (held >> LENGTH_SHIFT);
    addMatch(symbols, held >> LENGTH_SHIFT, held & DISTANCE_MASK);
    symbols += 4;
    enterPositions(block, position, min(next + 3, end), 1);
    position = next;
  } else if (waits) {
    addLiteral(symbols, position - 1);
    symbols += 4;
  }
  if (symbols < SYMBOLS_LIMIT) {
    for (; position < end; position++, symbols += 4) addLiteral(symbols, position);
  }
  store<u32>(block, <u32>symbols, SYMBOLS_END);
  return position;
}
