/**
 * Literals and matches of a block of DEFLATE (RFC 1951 §3.2.3): many at a time while there is plenty of input and
 * of room, and one by one where either may end. Knows tables, bits and a window; no headers of blocks.
 *
 * A place in the input is one u32, eight times the address of a byte plus the number of its bits that are consumed.
 * Both functions return where they stopped and leave the POSITION of the block as they found or made it. Bytes
 * behind the end of the input are loaded at times; no symbol that takes a bit of them is used.
 */

import { RESULT, RESULT_STATUS } from "../frame/memory";
import {
  DISTANCE_BITS,
  ENTRY_END,
  ENTRY_EXCEPTION,
  ENTRY_LITERAL,
  ENTRY_SUBTABLE,
  LITERAL_BITS,
  PATTERNS,
  STRIDES,
} from "./inflate-tables";
import {
  INFLATE_CAPACITY,
  INFLATE_DISTANCE,
  INFLATE_FULL,
  INFLATE_MORE,
  INFLATE_POSITION,
  INFLATE_REMAINING,
  INFLATE_WINDOW,
  INFLATE_WINDOW_SIZE,
  STATUS_DISTANCE,
  STATUS_SYMBOL,
} from "./memory";

/** RESULT_STATUS while a call goes on: the block has come to its end. */
export const BLOCK_ENDED: i32 = -1;

const LONGEST_MATCH: usize = 258;
/** What the loop for many symbols may write before a match. */
const MOST_LITERALS: usize = 3;
/** Room for a round of that loop. What it overwrites behind its output lies in the window or in the slack. */
const ROOM: usize = MOST_LITERALS + LONGEST_MATCH;
/** Bits that a round takes at most: two literals out of the table, and the longest length and distance. */
const MOST_BITS: u32 = 2 * LITERAL_BITS + (15 + 5) + (15 + 13);

/** The entry of the code that the lowest bits of `bits` begin with. */
function lookUp(bits: u64, table: usize, mask: u32, tableBits: u32): u32 {
  const entry = load<u32>(table + ((<u32>bits & mask) << 2));
  return entry & ENTRY_SUBTABLE ? inSubtable(bits, table, entry, tableBits) : entry;
}

function inSubtable(bits: u64, table: usize, entry: u32, tableBits: u32): u32 {
  const index = <u32>(bits >> tableBits) & ((1 << ((entry >> 8) & 15)) - 1);
  return load<u32>(table + (((entry >> 16) + index) << 2));
}

/** The length or distance of an entry whose extra bits lie behind its code at the bottom of `bits`. */
function extend(entry: u32, bits: u64): u32 {
  const taken = <u32>bits & ((1 << (entry & 31)) - 1);
  return (entry >> 16) + (taken >> ((entry >> 8) & 15));
}

/** Writes a match; up to 15 bytes behind it are overwritten too. */
export function copyMatch(output: usize, distance: usize, length: usize): void {
  const end = output + length;
  let source = output - distance;
  if (distance >= 16) {
    do {
      v128.store(output, v128.load(source));
      source += 16;
      output += 16;
    } while (output < end);
  } else {
    // The bytes of the period, over and over.
    const pattern = i8x16.swizzle(v128.load(source), v128.load(PATTERNS + (distance << 4)));
    const stride = <usize>load<u8>(STRIDES + distance);
    do {
      v128.store(output, pattern);
      output += stride;
    } while (output < end);
  }
}

/**
 * Symbols while any round has input and room enough. A round is up to three literals and a match; it leaves
 * ends and errors to `inflateSymbols`.
 */
export function inflateRounds(
  block: usize,
  bit: u32,
  end: u32,
  literals: usize,
  literalMask: u32,
  distances: usize,
  distanceMask: u32,
): u32 {
  const window = block + INFLATE_WINDOW;
  const windowSize = load<u32>(block, INFLATE_WINDOW_SIZE);
  let output = window + load<u32>(block, INFLATE_POSITION);
  const lastOutput = window + load<u32>(block, INFLATE_CAPACITY) - ROOM;
  if (bit + MOST_BITS > end || output > lastOutput) return bit;

  // `input` points to the bits that are not loaded yet; `bits` holds loaded bits that are not taken. Their number is in the
  // lowest eight bits of `left`; higher bits do not matter, so whole entries are subtracted from it, and added back:
  // that may make it more than 63. A round begins with 56 at least.
  const lastInput = (end + 56 - MOST_BITS) >> 3;
  let input = <usize>(bit >> 3);
  let bits = load<u64>(input) >> (bit & 7);
  let left: u64 = 56 - (bit & 7);
  input += 7;
  bits |= load<u64>(input) << left;
  input += 7 - (<u32>(left >> 3) & 7);
  left |= 56;
  let entry = load<u32>(literals + ((<u32>bits & literalMask) << 2));
  do {
    let before = bits;
    bits >>= entry;
    left -= entry;
    if (entry & ENTRY_LITERAL) {
      store<u8>(output, entry >> 16);
      entry = load<u32>(literals + ((<u32>bits & literalMask) << 2));
      before = bits;
      bits >>= entry;
      left -= entry;
      output++;
      if (entry & ENTRY_LITERAL) {
        store<u8>(output, entry >> 16);
        entry = load<u32>(literals + ((<u32>bits & literalMask) << 2));
        before = bits;
        bits >>= entry;
        left -= entry;
        output++;
        if (entry & ENTRY_LITERAL) {
          store<u8>(output++, entry >> 16);
          entry = load<u32>(literals + ((<u32>bits & literalMask) << 2));
          bits |= load<u64>(input) << left;
          input += 7 - (<u32>(left >> 3) & 7);
          left |= 56;
          continue;
        }
      }
    }
    if (entry & ENTRY_EXCEPTION) {
      if (!(entry & ENTRY_SUBTABLE)) {
        left += entry;
        break;
      }
      // It took nothing yet.
      entry = inSubtable(bits, literals, entry, LITERAL_BITS);
      if (entry & ENTRY_EXCEPTION) break;
      bits >>= entry;
      left -= entry;
      if (entry & ENTRY_LITERAL) {
        store<u8>(output++, entry >> 16);
        bits |= load<u64>(input) << left;
        input += 7 - (<u32>(left >> 3) & 7);
        left |= 56;
        entry = load<u32>(literals + ((<u32>bits & literalMask) << 2));
        continue;
      }
    }
    const length = extend(entry, before);
    if ((<u32>left & 63) < 28) {
      bits |= load<u64>(input) << left;
      input += 7 - (<u32>(left >> 3) & 7);
      left |= 56;
    }
    let distanceEntry = load<u32>(distances + ((<u32>bits & distanceMask) << 2));
    if (distanceEntry & ENTRY_EXCEPTION) {
      if (distanceEntry & ENTRY_SUBTABLE)
        distanceEntry = inSubtable(bits, distances, distanceEntry, DISTANCE_BITS);
      if (distanceEntry & ENTRY_EXCEPTION) {
        left += entry;
        break;
      }
    }
    const distance = extend(distanceEntry, bits);
    if (distance > windowSize || distance > <u32>(output - window)) {
      left += entry;
      break;
    }
    bits >>= distanceEntry;
    left -= distanceEntry;
    bits |= load<u64>(input) << left;
    input += 7 - (<u32>(left >> 3) & 7);
    left |= 56;
    entry = load<u32>(literals + ((<u32>bits & literalMask) << 2));
    copyMatch(output, distance, length);
    output += length;
  } while (input <= lastInput && output <= lastOutput);
  store<u32>(block, <u32>(output - window), INFLATE_POSITION);
  return ((<u32>input) << 3) - (<u32>left & 0xff);
}

/** One symbol after the other, up to the end of the block, of the input or of the room. */
export function inflateSymbols(
  block: usize,
  bit: u32,
  end: u32,
  literals: usize,
  literalMask: u32,
  distances: usize,
  distanceMask: u32,
): u32 {
  bit = inflateRounds(block, bit, end, literals, literalMask, distances, distanceMask);
  const window = block + INFLATE_WINDOW;
  const windowSize = load<u32>(block, INFLATE_WINDOW_SIZE);
  const full = window + load<u32>(block, INFLATE_CAPACITY);
  let output = window + load<u32>(block, INFLATE_POSITION);
  let status = INFLATE_MORE;
  for (;;) {
    const bits = load<u64>(bit >> 3) >> (bit & 7);
    const entry = lookUp(bits, literals, literalMask, LITERAL_BITS);
    let next = bit + (entry & 0xff);
    if (next > end) break;
    if (entry & ENTRY_LITERAL) {
      if (output == full) {
        status = INFLATE_FULL;
        break;
      }
      store<u8>(output++, entry >> 16);
      bit = next;
      continue;
    }
    if (entry & ENTRY_EXCEPTION) {
      status = entry & ENTRY_END ? BLOCK_ENDED : STATUS_SYMBOL;
      bit = next;
      break;
    }
    const length = extend(entry, bits);
    const distanceBits = bits >> (entry & 0xff);
    const distanceEntry = lookUp(distanceBits, distances, distanceMask, DISTANCE_BITS);
    next += distanceEntry & 0xff;
    if (next > end) break;
    if (distanceEntry & ENTRY_EXCEPTION) {
      status = STATUS_SYMBOL;
      break;
    }
    const distance = extend(distanceEntry, distanceBits);
    if (distance > windowSize || distance > <u32>(output - window)) {
      status = STATUS_DISTANCE;
      break;
    }
    bit = next;
    const here = min(length, <u32>(full - output));
    if (here) copyMatch(output, distance, here);
    output += here;
    if (here < length) {
      store<u32>(block, length - here, INFLATE_REMAINING);
      store<u32>(block, distance, INFLATE_DISTANCE);
      status = INFLATE_FULL;
      break;
    }
  }
  store<u32>(block, <u32>(output - window), INFLATE_POSITION);
  store<i32>(RESULT, status, RESULT_STATUS);
  return bit;
}
