/**
 * DEFLATE (RFC 1951) for messages (RFC 7692 §7.2.1): takes bytes that the caller has put behind the history of
 * a stream, finds in it what they repeat, and writes blocks of them to OUTPUT. Knows bytes and the block of the
 * stream; no messages but their ends.
 *
 * OUTPUT is never too short. Its bytes come from symbols of earlier calls, 2^14 at most, and from fewer than
 * 65,536 new bytes. A block is written in the shortest of three ways, so it is no longer than with the fixed codes:
 * a symbol then takes 31 bits at most (8 + 5 for a length and 5 + 13 for a distance), which is 63,488 bytes for the
 * earlier ones. A new byte takes 31 bits in three at most, as no match is shorter than that: 84,655 bytes. The
 * rest of 163,840 is for the headers and ends of some blocks, 40 bits each, of which five are not reached, and the
 * empty block at the end.
 */

import { beginBlock, endBlock, writeStored } from "./deflate-block";
import {
  BASE,
  BIT_COUNT,
  BITS,
  BLOCK_START,
  CHAINS,
  LEVEL,
  OUTPUT_END,
  RECORD_LENGTH,
  SHIFT,
  SHORT_SHIFT,
  SHORT_TABLE,
  SOURCE_LOST,
  SYMBOLS_END,
  TABLE,
  TABLE_LENGTH,
  WINDOW_SLACK,
} from "./deflate-layout";
import { enterPositions, HASHED_LENGTH } from "./match";
import { matchFast } from "./match-fast";
import { matchLazily } from "./match-lazy";
import {
  DEFLATE_CAPACITY,
  DEFLATE_POSITION,
  DEFLATE_WINDOW,
  DEFLATE_WINDOW_SIZE,
  OUTPUT,
  SYMBOLS,
} from "./memory";

/** Levels from this one on find matches by chains. */
const CHAINS_LEAST: u32 = 4;

function tableLength(level: u32, hashBits: u32): u32 {
  return level == 0 ? 0 : 2 << hashBits;
}

/** The table for matches of three bytes has an eighth of the entries. */
function shortTableLength(level: u32, hashBits: u32): u32 {
  return level < CHAINS_LEAST ? 0 : 2 << (hashBits - 3);
}

function chainsLength(level: u32, windowBits: u32): u32 {
  return level < CHAINS_LEAST ? 0 : 2 << windowBits;
}

/** How long a block is that `deflateInit` prepares. */
export function deflateLength(windowBits: i32, level: i32, hashBits: i32, capacity: i32): i32 {
  const tables = tableLength(level, hashBits) + shortTableLength(level, hashBits);
  const length = RECORD_LENGTH + tables + chainsLength(level, windowBits) + capacity + WINDOW_SLACK;
  return <i32>((length + 15) & ~15);
}

/**
 * Prepares a block for a stream without history.
 *
 * @param windowBits - 8 to 15: how far distances reach back.
 * @param level - 0 (stored blocks only) to 9.
 * @param hashBits - 9 to 16: how many offsets the hash table holds.
 * @param capacity - bytes of the window: at least 1,024 more than distances reach back, at most 65,000.
 * @returns the length of the block.
 */
export function deflateInit(block: usize, windowBits: i32, level: i32, hashBits: i32, capacity: i32): i32 {
  const table = block + RECORD_LENGTH;
  const shortTable = table + tableLength(level, hashBits);
  const chains = shortTable + shortTableLength(level, hashBits);
  memory.fill(block, 0, RECORD_LENGTH);
  store<u32>(block, 1 << windowBits, DEFLATE_WINDOW_SIZE);
  store<u32>(block, capacity, DEFLATE_CAPACITY);
  store<u32>(block, <u32>chains + chainsLength(level, windowBits), DEFLATE_WINDOW);
  store<u32>(block, level, LEVEL);
  store<u32>(block, <u32>table, TABLE);
  store<u32>(block, <u32>(chains - table), TABLE_LENGTH);
  // Without chains, two entries make a bucket.
  store<u32>(block, (<u32>level < CHAINS_LEAST ? 33 : 32) - hashBits, SHIFT);
  store<u32>(block, <u32>shortTable, SHORT_TABLE);
  store<u32>(block, 35 - hashBits, SHORT_SHIFT);
  if (<u32>level >= CHAINS_LEAST) {
    store<u32>(block, <u32>chains, CHAINS);
    memory.fill(chains, 0, chainsLength(level, windowBits));
  }
  deflateReset(block);
  return deflateLength(windowBits, level, hashBits, capacity);
}

/** Gives up the block under way and the bits before it. */
function abandonBlock(block: usize): void {
  store<u32>(block, <u32>SYMBOLS, SYMBOLS_END);
  store<u64>(block, 0, BITS);
  store<u32>(block, 0, BIT_COUNT);
}

/** Forgets the history, so that nothing that follows depends on it. */
export function deflateReset(block: usize): void {
  // No need to clear the chains: they are entered from the table only.
  memory.fill(load<u32>(block, TABLE), 0, load<u32>(block, TABLE_LENGTH));
  store<u32>(block, 0, DEFLATE_POSITION);
  store<u32>(block, 0, BASE);
  abandonBlock(block);
}

/** Subtracts from each u16 of a range, whose length is a multiple of 16; what would be negative becomes 0. */
function rebase(start: usize, length: usize, by: u32): void {
  const subtrahend = i16x8.splat(<i16>by);
  for (const end = start + length; start < end; start += 16) {
    v128.store(start, i16x8.sub_sat_u(v128.load(start), subtrahend));
  }
}

/** Moves the history to the front of the window, and drops bytes that no distance reaches. Also inside a message. */
export function deflateSlide(block: usize): void {
  const windowSize = load<u32>(block, DEFLATE_WINDOW_SIZE);
  const position = load<u32>(block, DEFLATE_POSITION);
  if (position <= windowSize) return;
  const by = position - windowSize;
  const window = <usize>load<u32>(block, DEFLATE_WINDOW);
  memory.copy(window, window + by, windowSize);
  store<u32>(block, windowSize, DEFLATE_POSITION);
  rebase(load<u32>(block, TABLE), load<u32>(block, TABLE_LENGTH), by);
  const chains = <usize>load<u32>(block, CHAINS);
  if (chains) {
    rebase(chains, windowSize << 1, by);
    store<u32>(block, load<u32>(block, BASE) + by, BASE);
  }
  const start = load<u32>(block, BLOCK_START);
  if (start != SOURCE_LOST) store<u32>(block, start < by ? SOURCE_LOST : start - by, BLOCK_START);
}

/** Takes `length` bytes behind the history into it, without deflating them. */
export function deflateSkip(block: usize, length: i32): void {
  const start = load<u32>(block, DEFLATE_POSITION);
  store<u32>(block, start + length, DEFLATE_POSITION);
  if (load<u32>(block, LEVEL) == 0) return;
  // Every other position is enough: a repetition is then found at its second byte at the latest.
  const from = <usize>load<u32>(block, DEFLATE_WINDOW) + start;
  enterPositions(block, from, from + length, 2);
}

/**
 * Takes the last `length` bytes of the history away, as when what they were deflated to was not sent. The tables
 * go on pointing at them, which is why an entry is never more than a hint.
 */
export function deflateDrop(block: usize, length: i32): void {
  const position = load<u32>(block, DEFLATE_POSITION);
  abandonBlock(block);
  if (<u32>length > position) deflateReset(block);
  else store<u32>(block, position - length, DEFLATE_POSITION);
}

/**
 * Deflates `length` bytes that lie behind the history, and takes them into it.
 *
 * @param flush - 1 at the end of a message: ends with an empty stored block, on a byte boundary (RFC 7692
 *   §7.2.1). Else the block under way goes on with the next call.
 * @returns how many bytes OUTPUT holds.
 */
export function deflate(block: usize, length: i32, flush: i32): i32 {
  const start = load<u32>(block, DEFLATE_POSITION);
  const end = start + length;
  const window = <usize>load<u32>(block, DEFLATE_WINDOW);
  store<u32>(block, end, DEFLATE_POSITION);
  store<u32>(block, <u32>OUTPUT, OUTPUT_END);
  const level = load<u32>(block, LEVEL);
  if (level == 0) {
    if (length) writeStored(block, window + start, length);
  } else {
    // The last positions of the history, whose bytes did not suffice to enter them.
    const unhashed = window + start - min<u32>(start, <u32>HASHED_LENGTH - 1);
    enterPositions(block, unhashed, window + min(end, start + <u32>HASHED_LENGTH - 1), 1);
    for (let position = start; position < end; ) {
      beginBlock(block, position);
      const from = window + position;
      const next = level == 1 ? matchFast(block, from, window + end) : matchLazily(block, from, window + end);
      position = <u32>(next - window);
      if (position < end) endBlock(block, position, false);
    }
    const symbols = load<u32>(block, SYMBOLS_END) - <u32>SYMBOLS;
    if (flush && symbols > 0) endBlock(block, end, false);
    else if (!flush) keepSource(block, end);
  }
  if (flush) writeStored(block, window, 0);
  return <i32>(load<u32>(block, OUTPUT_END) - <u32>OUTPUT);
}

/**
 * Ends the block under way if it should be stored, and if the next slide may take a part of its source away.
 */
function keepSource(block: usize, end: u32): void {
  if (load<u32>(block, SYMBOLS_END) == SYMBOLS) return;
  const start = load<u32>(block, BLOCK_START);
  if (start == SOURCE_LOST || end - start <= load<u32>(block, DEFLATE_WINDOW_SIZE)) return;
  const symbols = (load<u32>(block, SYMBOLS_END) - <u32>SYMBOLS) >> 2;
  // With fewer symbols there are matches enough to make it worth deflating.
  if (symbols > end - start - ((end - start) >> 2)) endBlock(block, end, true);
}
