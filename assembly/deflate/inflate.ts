/**
 * INFLATE (RFC 1951) for streams that arrive in pieces: the blocks and their headers, and the state kept when the
 * input or the room ends anywhere. The symbols are `inflate-symbols.ts`, their codes `inflate-tables.ts`.
 *
 * Between two calls a stream stands before a header, before a symbol, inside a stored block or inside a match: of a
 * header or symbol that is not all here nothing is consumed, and its bytes are kept as the spill. A header may take
 * 290 bytes, a symbol 7.
 */

import { RESULT, RESULT_POSITION, RESULT_STATUS } from "../frame/memory";
import { BLOCK_ENDED, copyMatch, inflateSymbols } from "./inflate-symbols";
import {
  buildCodeLengthTable,
  buildTables,
  CODE_LENGTHS,
  DISTANCE_MASK,
  DISTANCES,
  FIXED_DISTANCE_MASK,
  FIXED_DISTANCES,
  FIXED_LITERAL_MASK,
  FIXED_LITERALS,
  LITERAL_COUNT,
  LITERAL_MASK,
  LITERALS,
} from "./inflate-tables";
import {
  INFLATE_AT_BLOCK,
  INFLATE_BIT_OFFSET,
  INFLATE_CAPACITY,
  INFLATE_DISTANCE,
  INFLATE_FULL,
  INFLATE_LENGTHS,
  INFLATE_MORE,
  INFLATE_POSITION,
  INFLATE_REMAINING,
  INFLATE_SLACK,
  INFLATE_SPILL,
  INFLATE_SPILL_LENGTH,
  INFLATE_STATE,
  INFLATE_WINDOW,
  INFLATE_WINDOW_SIZE,
  RESULT_OUTPUT_END,
  RESULT_OUTPUT_START,
  STATUS_BLOCK_TYPE,
  STATUS_CODE_LENGTHS,
  STATUS_STORED_LENGTH,
} from "./memory";

// STATE beside INFLATE_AT_BLOCK: the block under way, and whether it is a final one (BFINAL).
const IN_STORED: u32 = 1;
const IN_FIXED: u32 = 2;
const IN_DYNAMIC: u32 = 3;
const FINAL: u32 = 4;

/** §3.2.7: the order in which a header gives the lengths of the codes for code lengths. */
const CODE_LENGTH_ORDER = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);

/**
 * Prepares a block for a stream without history.
 *
 * @param windowBits - 8 to 15: a distance may reach back 1 << windowBits bytes.
 * @param capacity - bytes of the window: at least 1024 more than that, so that one call has room for any match.
 * @returns the length of the block.
 */
export function inflateInit(block: usize, windowBits: i32, capacity: i32): i32 {
  memory.fill(block, 0, INFLATE_LENGTHS);
  store<u32>(block, 1 << windowBits, INFLATE_WINDOW_SIZE);
  store<u32>(block, capacity, INFLATE_CAPACITY);
  return INFLATE_WINDOW + capacity + INFLATE_SLACK;
}

/**
 * Inflates the bytes from `start` to `end`, going on with the stream of the block. The 640 bytes before `start` may
 * be written: what the last call left is put there. Up to 16 past `end` may be read.
 *
 * @returns INFLATE_MORE when all is consumed, INFLATE_FULL when it stopped before RESULT_POSITION for want of room,
 *   else the rule that was broken; after that, the stream is at its end. RESULT_OUTPUT_START and RESULT_OUTPUT_END
 *   give the inflated bytes, in any case.
 */
export function inflate(block: usize, start: usize, end: usize): i32 {
  slide(block);
  const window = block + INFLATE_WINDOW;
  store<u32>(RESULT, <u32>(window + load<u32>(block, INFLATE_POSITION)), RESULT_OUTPUT_START);
  const spilled = load<u32>(block, INFLATE_SPILL_LENGTH);
  if (spilled) memory.copy(start - spilled, block + INFLATE_SPILL, spilled);
  let bit = ((<u32>(start - spilled)) << 3) + load<u32>(block, INFLATE_BIT_OFFSET);
  const endBit = (<u32>end) << 3;

  if ((load<u32>(block, INFLATE_STATE) & 3) == IN_DYNAMIC) buildTables(block + INFLATE_LENGTHS);
  let status: i32;
  do {
    const state = load<u32>(block, INFLATE_STATE);
    const kind = state & 3;
    if (state == INFLATE_AT_BLOCK) {
      bit = beginBlock(block, bit, endBit);
    } else if (kind == IN_STORED) {
      bit = inflateStored(block, bit, endBit);
    } else {
      bit = inflateCoded(block, bit, endBit, kind == IN_FIXED);
    }
    status = load<i32>(RESULT, RESULT_STATUS);
    if (status == BLOCK_ENDED && state != INFLATE_AT_BLOCK) {
      store<u32>(block, INFLATE_AT_BLOCK, INFLATE_STATE);
      // RFC 7692 §7.2.3.4: after a final block the next one begins on a byte boundary.
      if (state & FINAL) bit = (bit + 7) & ~7;
    }
  } while (status == BLOCK_ENDED);

  // With no room left whole bytes stay where they are, and only one that was begun is kept; else all are.
  const first = <usize>(bit >> 3);
  const position = status == INFLATE_MORE ? end : <usize>((bit + 7) >> 3);
  store<u32>(block, bit & 7, INFLATE_BIT_OFFSET);
  store<u32>(block, <u32>(position - first), INFLATE_SPILL_LENGTH);
  if (position != first) memory.copy(block + INFLATE_SPILL, first, position - first);
  store<u32>(RESULT, <u32>position, RESULT_POSITION);
  store<u32>(RESULT, <u32>(window + load<u32>(block, INFLATE_POSITION)), RESULT_OUTPUT_END);
  return status;
}

/** Drops history that no distance reaches, once less than half of the room is left. */
function slide(block: usize): void {
  const windowSize = load<u32>(block, INFLATE_WINDOW_SIZE);
  const capacity = load<u32>(block, INFLATE_CAPACITY);
  const position = load<u32>(block, INFLATE_POSITION);
  if (capacity - position >= (capacity - windowSize) >> 1) return;
  const window = block + INFLATE_WINDOW;
  memory.copy(window, window + position - windowSize, windowSize);
  store<u32>(block, windowSize, INFLATE_POSITION);
}

/** Ends a step: the call goes on if the status is BLOCK_ENDED. */
function leave(status: i32, bit: u32): u32 {
  store<i32>(RESULT, status, RESULT_STATUS);
  return bit;
}

/** §3.2.3: reads the header of a block, or nothing if it is not all here. */
function beginBlock(block: usize, bit: u32, end: u32): u32 {
  if (bit + 3 > end) return leave(INFLATE_MORE, bit);
  const header = <u32>load<u16>(bit >> 3) >> (bit & 7);
  const final = header & 1 ? FINAL : 0;
  const type = (header >> 1) & 3;
  if (type == 3) return leave(STATUS_BLOCK_TYPE, bit);
  let next = bit + 3;
  if (type == 0) {
    // §3.2.4: LEN and NLEN, its complement, from the next byte on.
    next = ((next + 7) & ~7) + 32;
    if (next > end) return leave(INFLATE_MORE, bit);
    const lengths = load<u32>((next >> 3) - 4);
    if (((lengths >> 16) ^ (lengths & 0xffff)) != 0xffff) return leave(STATUS_STORED_LENGTH, bit);
    store<u32>(block, lengths & 0xffff, INFLATE_REMAINING);
    store<u32>(block, IN_STORED | final, INFLATE_STATE);
  } else if (type == 1) {
    store<u32>(block, IN_FIXED | final, INFLATE_STATE);
  } else {
    next = readCodeLengths(block + INFLATE_LENGTHS, next, end);
    if (load<i32>(RESULT, RESULT_STATUS) != BLOCK_ENDED) return bit;
    if (!buildTables(block + INFLATE_LENGTHS)) return leave(STATUS_CODE_LENGTHS, bit);
    store<u32>(block, IN_DYNAMIC | final, INFLATE_STATE);
  }
  return leave(BLOCK_ENDED, next);
}

/** §3.2.7: reads the code lengths of a dynamic block. */
function readCodeLengths(lengths: usize, bit: u32, end: u32): u32 {
  if (bit + 14 > end) return leave(INFLATE_MORE, bit);
  const counts = load<u32>(bit >> 3) >> (bit & 7);
  const literalCount = (counts & 31) + 257;
  const distanceCount = ((counts >> 5) & 31) + 1;
  const codeLengthCount = ((counts >> 10) & 15) + 4;
  if (literalCount > 286 || distanceCount > 30) return leave(STATUS_CODE_LENGTHS, bit);
  bit += 14;
  if (bit + 3 * codeLengthCount > end) return leave(INFLATE_MORE, bit);
  const zeros = i64x2.splat(0);
  v128.store(CODE_LENGTHS, zeros);
  v128.store(CODE_LENGTHS, zeros, 16);
  let threes = load<u64>(bit >> 3) >> (bit & 7);
  for (let i: u32 = 0; i < codeLengthCount; i++, threes >>= 3) {
    store<u8>(CODE_LENGTHS + load<u8>(CODE_LENGTH_ORDER + i), <u32>threes & 7);
  }
  bit += 3 * codeLengthCount;
  const mask = buildCodeLengthTable();
  if (!mask) return leave(STATUS_CODE_LENGTHS, bit);

  // Bytes written beyond the end below land in the spill, which is empty during a call.
  const total = literalCount + distanceCount;
  let count: u32 = 0;
  let bits: u64 = 0;
  let here: u32 = 0;
  while (count < total) {
    if (here < 14) {
      bits = load<u64>(bit >> 3) >> (bit & 7);
      here = 57;
    }
    const entry = load<u32>(LITERALS + ((<u32>bits & mask) << 2));
    const symbol = entry >> 16;
    let taken = entry & 0xff;
    if (symbol < 16) {
      bit += taken;
      if (bit > end) return leave(INFLATE_MORE, bit);
      store<u8>(lengths + count++, symbol);
    } else {
      // 16 repeats the length before it 3 to 6 times, 17 and 18 repeat 0, 3 to 10 and 11 to 138 times.
      const extra: u32 = symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
      const more = <u32>(bits >> taken) & ((1 << extra) - 1);
      taken += extra;
      bit += taken;
      if (bit > end) return leave(INFLATE_MORE, bit);
      const next = count + more + (symbol == 18 ? 11 : 3);
      if ((symbol == 16 && !count) || next > total) return leave(STATUS_CODE_LENGTHS, bit);
      const sixteen = i8x16.splat(symbol == 16 ? load<u8>(lengths + count - 1) : 0);
      for (; count < next; count += 16) v128.store(lengths + count, sixteen);
      count = next;
    }
    bits >>= taken;
    here -= taken;
  }
  v128.store(lengths + total, zeros);
  v128.store(lengths + total, zeros, 16);
  // Those of distances have their own place; behind both lie zeros.
  const first = v128.load(lengths + literalCount);
  const second = v128.load(lengths + literalCount, 16);
  v128.store(lengths + literalCount, zeros);
  v128.store(lengths + literalCount, zeros, 16);
  v128.store(lengths + LITERAL_COUNT, first);
  v128.store(lengths + LITERAL_COUNT, second, 16);
  return leave(BLOCK_ENDED, bit);
}

/** §3.2.4: as much of a stored block as there is input and room for. */
function inflateStored(block: usize, bit: u32, end: u32): u32 {
  const position = load<u32>(block, INFLATE_POSITION);
  const remaining = load<u32>(block, INFLATE_REMAINING);
  const room = load<u32>(block, INFLATE_CAPACITY) - position;
  const available = min(remaining, (end - bit) >> 3);
  const here = min(available, room);
  memory.copy(block + INFLATE_WINDOW + position, bit >> 3, here);
  store<u32>(block, position + here, INFLATE_POSITION);
  store<u32>(block, remaining - here, INFLATE_REMAINING);
  const status = here == remaining ? BLOCK_ENDED : here < available ? INFLATE_FULL : INFLATE_MORE;
  return leave(status, bit + (here << 3));
}

/** §3.2.5, §3.2.6: the rest of a match that found no room, and symbols. */
function inflateCoded(block: usize, bit: u32, end: u32, fixed: bool): u32 {
  const remaining = load<u32>(block, INFLATE_REMAINING);
  if (remaining) {
    const position = load<u32>(block, INFLATE_POSITION);
    copyMatch(block + INFLATE_WINDOW + position, load<u32>(block, INFLATE_DISTANCE), remaining);
    store<u32>(block, position + remaining, INFLATE_POSITION);
    store<u32>(block, 0, INFLATE_REMAINING);
  }
  if (fixed) {
    return inflateSymbols(
      block,
      bit,
      end,
      FIXED_LITERALS,
      FIXED_LITERAL_MASK,
      FIXED_DISTANCES,
      FIXED_DISTANCE_MASK,
    );
  }
  const literalMask = load<u32>(LITERAL_MASK);
  return inflateSymbols(block, bit, end, LITERALS, literalMask, DISTANCES, load<u32>(DISTANCE_MASK));
}
