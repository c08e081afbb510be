/**
 * Blocks (RFC 1951 §3.2.3): weighs the three ways to write the symbols of the block under way, and writes the
 * shortest. Knows symbols and the bytes they stand for; not how they were found.
 */

import {
  BIT_COUNT,
  BITS,
  BLOCK_START,
  CODE_LENGTHS,
  CODES,
  CODES_LENGTH,
  COUNTS,
  DISTANCE_CODE_LENGTHS,
  DISTANCE_CODE_SHIFT,
  DISTANCE_CODES,
  DISTANCE_COUNTS,
  DISTANCE_EXTRA_BITS,
  DISTANCE_EXTRA_SHIFT,
  END_OF_BLOCK,
  ENTROPIES,
  ENTROPY_SHIFT,
  ESTIMATED_LIMIT,
  EXTRA_BITS,
  FIXED_CODES,
  HEADER,
  HEADER_CODE_LENGTHS,
  HEADER_CODES,
  HEADER_COUNTS,
  HEADER_EXTRA_BITS,
  LENGTH_EXTRA_SHIFT,
  LITERAL_CODES,
  OUTPUT_END,
  SOURCE_LOST,
  SYMBOLS_END,
} from "./deflate-layout";
import { makeCode } from "./huffman";
import { DEFLATE_WINDOW, SYMBOLS } from "./memory";

/** BTYPE. */
export const STORED: u32 = 0;
const FIXED: u32 = 1;
const DYNAMIC: u32 = 2;

/** With fewer symbols, a code of their own hardly ever makes up for its description, and takes time to make. */
const DYNAMIC_LEAST: u32 = 64;
/** The order in which the lengths of the code for code lengths are written (§3.2.7). */
const HEADER_ORDER = memory.data<u8>([16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15]);
const HEADER_ALPHABET: u32 = 19;

/** Begins a block unless one is under way. Its source begins at `start` in the window. */
export function beginBlock(block: usize, start: u32): void {
  if (load<u32>(block, SYMBOLS_END) != SYMBOLS) return;
  memory.fill(COUNTS, 0, CODES_LENGTH);
  store<u32>(block, start, BLOCK_START);
}

function sumOf(lanes: v128): u32 {
  const both = i8x16.shuffle(lanes, lanes, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  const pairs = i32x4.add(lanes, both);
  return i32x4.extract_lane(pairs, 0) + i32x4.extract_lane(pairs, 1);
}

/** Bits that all that was counted takes with these codes, extra bits included. */
function weigh(codes: usize): u32 {
  let sum = i32x4.splat(0);
  for (let at: usize = 0; at < CODES_LENGTH; at += 16) {
    const bits = i32x4.shr_u(v128.load(codes + at), 24);
    sum = i32x4.add(sum, i32x4.mul(v128.load(COUNTS + at), bits));
  }
  return sumOf(sum);
}

/**
 * Estimates whether codes of their own may pay for `symbols` symbols, fewer than ESTIMATED_LIMIT, so that they are
 * not made in vain. What they may take is the entropy of the counts: for each alphabet the sum of
 * count × log(total / count). Their description was found to take about 120 bits and 3.75 for each code; one block
 * in 200 for which it takes less is missed by this.
 */
function worthCodes(symbols: u32): bool {
  let fixed = i32x4.splat(0);
  let used: u32 = 0;
  let entropy: u32 = 0;
  for (let at: usize = 0; at < CODES_LENGTH; at += 16) {
    const counts = v128.load(COUNTS + at);
    if (!v128.any_true(counts)) continue;
    const lengths = v128.and(i32x4.shr_u(v128.load(FIXED_CODES + at), 16), i32x4.splat(0xff));
    fixed = i32x4.add(fixed, i32x4.mul(counts, lengths));
    used += 4 - popcnt(i32x4.bitmask(i32x4.eq(counts, i32x4.splat(0))));
    entropy -= load<u16>(ENTROPIES + (i32x4.extract_lane(counts, 0) << 1));
    entropy -= load<u16>(ENTROPIES + (i32x4.extract_lane(counts, 1) << 1));
    entropy -= load<u16>(ENTROPIES + (i32x4.extract_lane(counts, 2) << 1));
    entropy -= load<u16>(ENTROPIES + (i32x4.extract_lane(counts, 3) << 1));
  }
  let distances = i32x4.splat(0);
  for (let at: usize = 0; at < DISTANCE_CODES << 2; at += 16) {
    distances = i32x4.add(distances, v128.load(DISTANCE_COUNTS + at));
  }
  entropy += load<u16>(ENTROPIES + ((symbols + 1) << 1)) + load<u16>(ENTROPIES + (sumOf(distances) << 1));
  return sumOf(fixed) >= (entropy >> ENTROPY_SHIFT) + 120 + ((used * 15) >> 2);
}

/** Adds one symbol to HEADER; returns where the next one goes. */
function addToHeader(end: usize, symbol: u32, extra: u32): usize {
  store<u16>(end, symbol | (extra << 8));
  const count = HEADER_COUNTS + (symbol << 2);
  store<u32>(count, load<u32>(count) + 1);
  return end + 2;
}

/** Adds `count` code lengths that are all `length`, as runs where there is one (§3.2.7). */
function addRun(end: usize, length: u32, count: u32): usize {
  if (length == 0) {
    for (; count >= 11; count -= min(count, 138)) end = addToHeader(end, 18, min(count, 138) - 11);
    if (count >= 3) return addToHeader(end, 17, count - 3);
  } else {
    end = addToHeader(end, length, 0);
    count--;
    for (; count >= 3; count -= min(count, 6)) end = addToHeader(end, 16, min(count, 6) - 3);
  }
  for (; count > 0; count--) end = addToHeader(end, length, 0);
  return end;
}

/** Puts the code lengths into HEADER, as one sequence without the zeros at the ends; returns its end. */
function describeCodes(literalCodes: u32, distanceCodes: u32): usize {
  memory.fill(HEADER_COUNTS, 0, HEADER_ALPHABET << 2);
  let end = HEADER;
  let length = <u32>load<u8>(CODE_LENGTHS);
  let count: u32 = 1;
  for (let code: u32 = 1; code < literalCodes + distanceCodes; code++) {
    const at = code < literalCodes ? CODE_LENGTHS + code : DISTANCE_CODE_LENGTHS + code - literalCodes;
    const next = <u32>load<u8>(at);
    if (next == length) {
      count++;
    } else {
      end = addRun(end, length, count);
      length = next;
      count = 1;
    }
  }
  return addRun(end, length, count);
}

// A header ─ what `makeHeader` computes ──────────────────────────────────────────────────────
// bits 0–8 literal and length codes · 9–13 distance codes · 14–18 lengths of the code for code lengths
const HEADER_DISTANCE_SHIFT: u32 = 9;
const HEADER_ORDER_SHIFT: u32 = 14;

/** Makes the codes from the counts, and their description. Returns the numbers of codes in it. */
function makeHeader(): u32 {
  const literalCodes = max<u32>(makeCode(COUNTS, 286, 15, EXTRA_BITS, CODE_LENGTHS, CODES), 257);
  const distanceCodes = makeCode(
    DISTANCE_COUNTS,
    30,
    15,
    DISTANCE_EXTRA_BITS,
    DISTANCE_CODE_LENGTHS,
    CODES + (LITERAL_CODES << 2),
  );
  const end = describeCodes(literalCodes, distanceCodes);
  // How long it is stands where no symbol of its alphabet does.
  store<u32>(HEADER_COUNTS, <u32>(end - HEADER), HEADER_ALPHABET << 2);
  makeCode(HEADER_COUNTS, HEADER_ALPHABET, 7, HEADER_EXTRA_BITS, HEADER_CODE_LENGTHS, HEADER_CODES);
  let ordered = HEADER_ALPHABET;
  while (load<u8>(HEADER_CODE_LENGTHS + load<u8>(HEADER_ORDER + ordered - 1)) == 0) ordered--;
  return literalCodes | (distanceCodes << HEADER_DISTANCE_SHIFT) | (ordered << HEADER_ORDER_SHIFT);
}

/** Bits of the description of codes, HLIT, HDIST and HCLEN included. */
function weighHeader(header: u32): u32 {
  let bits: u32 = 14 + 3 * (header >> HEADER_ORDER_SHIFT);
  for (let symbol: u32 = 0; symbol < HEADER_ALPHABET; symbol++) {
    const count = load<u32>(HEADER_COUNTS + (symbol << 2));
    if (count) bits += count * (load<u32>(HEADER_CODES + (symbol << 2)) >> 24);
  }
  return bits;
}

/** Appends up to 32 bits. */
function writeBits(block: usize, value: u64, length: u32): void {
  const bits = load<u64>(block, BITS) | (value << load<u32>(block, BIT_COUNT));
  const count = load<u32>(block, BIT_COUNT) + length;
  const output = <usize>load<u32>(block, OUTPUT_END);
  store<u64>(output, bits);
  store<u32>(block, <u32>output + (count >> 3), OUTPUT_END);
  store<u64>(block, bits >> (count & ~7), BITS);
  store<u32>(block, count & 7, BIT_COUNT);
}

/** Writes BFINAL, which is never set, and BTYPE. */
function writeType(block: usize, type: u32): void {
  writeBits(block, (<u64>type) << 1, 3);
}

function writeHeader(block: usize, header: u32): void {
  const ordered = header >> HEADER_ORDER_SHIFT;
  const distanceCodes = (header >> HEADER_DISTANCE_SHIFT) & 0x1f;
  writeBits(block, ((header & 0x1ff) - 257) | ((distanceCodes - 1) << 5) | ((ordered - 4) << 10), 14);
  for (let i: u32 = 0; i < ordered; i++) {
    writeBits(block, load<u8>(HEADER_CODE_LENGTHS + load<u8>(HEADER_ORDER + i)), 3);
  }
  const end = HEADER + load<u32>(HEADER_COUNTS, HEADER_ALPHABET << 2);
  for (let at = HEADER; at < end; at += 2) {
    const item = <u32>load<u16>(at);
    const entry = load<u32>(HEADER_CODES + ((item & 0xff) << 2));
    writeBits(block, (entry & 0xffff) | ((item >> 8) << ((entry >> 16) & 0xff)), entry >> 24);
  }
}

/** Writes all symbols of the block, and its end. */
function writeSymbols(block: usize, codes: usize): void {
  const distanceCodes = codes + (LITERAL_CODES << 2);
  let bits = load<u64>(block, BITS);
  let count = <u64>load<u32>(block, BIT_COUNT);
  let output = <usize>load<u32>(block, OUTPUT_END);
  const end = <usize>load<u32>(block, SYMBOLS_END);
  store<u32>(end, END_OF_BLOCK | (31 << DISTANCE_CODE_SHIFT));
  for (let at: usize = SYMBOLS; at <= end; at += 4) {
    // Without branches, of which a literal would need fewer bits: the next symbol is unpredictable. At most
    // 7 + (15 + 5) + (15 + 13) bits at a time.
    const symbol = load<u32>(at);
    const entry = load<u32>(codes + ((symbol & 0x1ff) << 2));
    const far = load<u32>(distanceCodes + (((symbol >> DISTANCE_CODE_SHIFT) & 0x1f) << 2));
    const first = (entry & 0xffff) | (((symbol >> LENGTH_EXTRA_SHIFT) & 0x1f) << ((entry >> 16) & 0xff));
    const second = (far & 0xffff) | ((symbol >> DISTANCE_EXTRA_SHIFT) << ((far >> 16) & 0xff));
    const value = <u64>first | ((<u64>second) << (entry >> 24));
    bits |= value << count;
    count += <u64>((entry >> 24) + (far >> 24));
    store<u64>(output, bits);
    output += <usize>(count >> 3);
    bits >>= count & ~7;
    count &= 7;
  }
  store<u64>(block, bits, BITS);
  store<u32>(block, <u32>count, BIT_COUNT);
  store<u32>(block, <u32>output, OUTPUT_END);
}

/** Writes a stored block (§3.2.4) of up to 65,535 bytes. */
export function writeStored(block: usize, source: usize, length: u32): void {
  writeType(block, STORED);
  // "Any bits of input up to the next byte boundary are ignored."
  writeBits(block, 0, (8 - load<u32>(block, BIT_COUNT)) & 7);
  writeBits(block, length | ((~length & 0xffff) << 16), 32);
  const output = <usize>load<u32>(block, OUTPUT_END);
  memory.copy(output, source, length);
  store<u32>(block, <u32>output + length, OUTPUT_END);
}

/** Bytes that the symbols of the block under way stand for. Meaningless when its source is lost. */
function sourceLength(block: usize, end: u32): u32 {
  return end - load<u32>(block, BLOCK_START);
}

/** Bits that the block takes when it is stored. */
function weighStored(block: usize, end: u32): u32 {
  if (load<u32>(block, BLOCK_START) == SOURCE_LOST) return u32.MAX_VALUE;
  const padding = (8 - ((load<u32>(block, BIT_COUNT) + 3) & 7)) & 7;
  return 3 + padding + 32 + (sourceLength(block, end) << 3);
}

/**
 * Ends the block under way, whose source ends at `end` in the window.
 *
 * @param onlyStored - write it only if stored is the shortest way to write it.
 */
export function endBlock(block: usize, end: u32, onlyStored: bool): void {
  store<u32>(COUNTS, 1, END_OF_BLOCK << 2);
  const symbols = (load<u32>(block, SYMBOLS_END) - <u32>SYMBOLS) >> 2;
  let shortest: u32 = 3 + weigh(FIXED_CODES);
  let type = FIXED;
  let header: u32 = 0;
  if (symbols >= DYNAMIC_LEAST && (symbols + 1 >= ESTIMATED_LIMIT || worthCodes(symbols))) {
    header = makeHeader();
    const dynamic: u32 = 3 + weighHeader(header) + weigh(CODES);
    if (dynamic < shortest) {
      shortest = dynamic;
      type = DYNAMIC;
    }
  }
  if (weighStored(block, end) <= shortest) type = STORED;
  if (type == STORED) {
    const window = <usize>load<u32>(block, DEFLATE_WINDOW);
    writeStored(block, window + load<u32>(block, BLOCK_START), sourceLength(block, end));
  } else if (onlyStored) {
    return;
  } else {
    writeType(block, type);
    if (type == DYNAMIC) writeHeader(block, header);
    writeSymbols(block, type == DYNAMIC ? CODES : FIXED_CODES);
  }
  store<u32>(block, <u32>SYMBOLS, SYMBOLS_END);
}
