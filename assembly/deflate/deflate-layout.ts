/**
 * Where `deflate` keeps things: the part of a stream's block behind what `compression-memory.ts` names, and
 * DEFLATE_TABLES. Numbers, and the constants among the tables, which are written when the module starts.
 */

import { DEFLATE_TABLES, SYMBOL_CAPACITY, SYMBOLS } from "./memory";

// A block, from where its public part ends ────────────────────────────────────────────────────
// 16 LEVEL         u32
// 20 TABLE         u32  address of the hash table: offsets in the window, u16
// 24 TABLE_LENGTH  u32  bytes of it and of the short table, which lies behind it
// 28 SHIFT         u32  what takes a product to its index in the hash table
// 32 SHORT_TABLE   u32  address of the table for matches of three bytes, of levels with chains
// 36 SHORT_SHIFT   u32  likewise
// 40 CHAINS        u32  address of the chains, one u16 for each byte that a distance reaches; 0: none
// 44 BASE          u32  added to an offset to find its chain: the sum of all slides
// 48 BLOCK_START   u32  where in WINDOW the source of the block under way begins, or SOURCE_LOST
// 52 SYMBOLS_END   u32  address behind its last symbol; SYMBOLS when no block is under way
// 56 BITS          u64  bits that fill no byte yet, …
// 64 BIT_COUNT     u32  … and how many: 0 to 7 between two calls
// 68 OUTPUT_END    u32  address behind the last byte of OUTPUT
// 80 hash table, short table, chains, window and slack
export const LEVEL: usize = 16;
export const TABLE: usize = 20;
export const TABLE_LENGTH: usize = 24;
export const SHIFT: usize = 28;
export const SHORT_TABLE: usize = 32;
export const SHORT_SHIFT: usize = 36;
export const CHAINS: usize = 40;
export const BASE: usize = 44;
export const BLOCK_START: usize = 48;
export const SYMBOLS_END: usize = 52;
export const BITS: usize = 56;
export const BIT_COUNT: usize = 64;
export const OUTPUT_END: usize = 68;
export const RECORD_LENGTH: usize = 80;
/** Bytes behind the window that may be read. */
export const WINDOW_SLACK: usize = 32;
/** BLOCK_START: a slide has moved the window past it. */
export const SOURCE_LOST: u32 = 0xffffffff;

// A symbol ─ u32: the input of a Huffman code, and its extra bits (RFC 1951 §3.2.5) ───
//  0–8 literal, end of block or length code · 9–13 extra bits of the length
//  14–18 distance code · 19–31 extra bits of the distance
export const LENGTH_EXTRA_SHIFT: u32 = 9;
export const DISTANCE_CODE_SHIFT: u32 = 14;
export const DISTANCE_EXTRA_SHIFT: u32 = 19;
/** A literal is its byte and this: a distance code that is none and takes no bits. */
export const LITERAL: u32 = 31 << 14;

export const LITERAL_CODES: u32 = 288;
export const DISTANCE_CODES: u32 = 32;
export const END_OF_BLOCK: u32 = 256;
export const MATCH_LENGTH_LIMIT: usize = 258;
/** Match finding stops here, at the latest: it may write this many symbols before it looks again. */
export const SYMBOLS_AT_ONCE: i32 = 16;
export const SYMBOLS_LIMIT: usize = SYMBOLS + ((SYMBOL_CAPACITY - SYMBOLS_AT_ONCE) << 2);

// DEFLATE_TABLES ──────────────────────────────────────────────────────────────────────────────
// Tables of codes have an entry for each literal and length code, then one for each distance code; so have
// the counts. An entry of a code: bits 0–15 the code, first bit lowest · 16–23 its length · 24–31 its length
// and the extra bits' together.
export const COUNTS: usize = DEFLATE_TABLES;
export const DISTANCE_COUNTS: usize = COUNTS + (LITERAL_CODES << 2);
export const CODES_LENGTH: usize = (LITERAL_CODES + DISTANCE_CODES) << 2;
/** The codes made for a block. */
export const CODES: usize = COUNTS + CODES_LENGTH;
/** Those of RFC 1951 §3.2.6. */
export const FIXED_CODES: usize = CODES + CODES_LENGTH;
/** Counts and codes of the code that code lengths are written in. */
export const HEADER_COUNTS: usize = FIXED_CODES + CODES_LENGTH;
export const HEADER_CODES: usize = HEADER_COUNTS + 128;
/** Code lengths, a byte each: of literals and lengths, of distances, of code lengths. */
export const CODE_LENGTHS: usize = HEADER_CODES + 128;
export const DISTANCE_CODE_LENGTHS: usize = CODE_LENGTHS + LITERAL_CODES;
export const HEADER_CODE_LENGTHS: usize = DISTANCE_CODE_LENGTHS + DISTANCE_CODES;
/** How many extra bits follow each code: literals and lengths, distances, code lengths. A byte each. */
export const EXTRA_BITS: usize = HEADER_CODE_LENGTHS + 32;
export const DISTANCE_EXTRA_BITS: usize = EXTRA_BITS + LITERAL_CODES;
export const HEADER_EXTRA_BITS: usize = DISTANCE_EXTRA_BITS + DISTANCE_CODES;
/** The code lengths of a block in run lengths, u16 each: the symbol, and from bit 8 on its extra bits. */
export const HEADER: usize = HEADER_EXTRA_BITS + 32;
/** For each length of a match, less three: bits 0–13 of its symbol. u16 each. */
export const LENGTH_SYMBOLS: usize = HEADER + 704;
/** What `huffman.ts` sorts, u32 each: two times a whole alphabet and a bit. */
export const SORTING: usize = LENGTH_SYMBOLS + 512;
export const SORTED: usize = SORTING + 1280;
/** Weights and parents of inner nodes. */
export const NODES: usize = SORTED + 1280;
/** Three tables of 32 u32 for the digits of counts; later how many codes have each length. */
export const DIGITS: usize = NODES + 1280;
/** For each count below ESTIMATED_LIMIT: the count times its logarithm, see `worthCodes`. u16 each. */
export const ENTROPIES: usize = DIGITS + 384;
export const ESTIMATED_LIMIT: u32 = 192;
/** Parts of a bit in ENTROPIES. */
export const ENTROPY_SHIFT: u32 = 4;

/** Writes the entry of a code that is given in the order of RFC 1951 §3.2.2, first bit highest. */
export function storeCode(entry: usize, code: u32, length: u32, extraBits: u32): void {
  let reversed = ((code & 0x5555) << 1) | ((code >> 1) & 0x5555);
  reversed = ((reversed & 0x3333) << 2) | ((reversed >> 2) & 0x3333);
  reversed = ((reversed & 0x0f0f) << 4) | ((reversed >> 4) & 0x0f0f);
  reversed = ((reversed & 0x00ff) << 8) | (reversed >> 8);
  store<u32>(entry, (reversed >> (16 - length)) | (length << 16) | ((length + extraBits) << 24));
}

// §3.2.5: lengths. The extra bits grow by one every four codes; code 285 is the length 258, without any.
for (let length: u32 = 0, code: u32 = 257; code < 285; code++) {
  const extraBits = code < 265 ? 0 : (code - 261) >> 2;
  store<u8>(EXTRA_BITS + code, extraBits);
  for (let extra: u32 = 0; extra < 1 << extraBits; extra++, length++) {
    store<u16>(LENGTH_SYMBOLS + (length << 1), code | (extra << LENGTH_EXTRA_SHIFT));
  }
}
store<u16>(LENGTH_SYMBOLS + (255 << 1), 285);
for (let code: u32 = 4; code < 30; code++) store<u8>(DISTANCE_EXTRA_BITS + code, (code >> 1) - 1);
store<u8>(HEADER_EXTRA_BITS, 2, 16);
store<u8>(HEADER_EXTRA_BITS, 3, 17);
store<u8>(HEADER_EXTRA_BITS, 7, 18);

// The logarithm to base 2, straight between the powers of two, which is precise enough.
for (let count: u32 = 1; count < ESTIMATED_LIMIT; count++) {
  const whole = 31 - clz(count);
  const logarithm = (whole << ENTROPY_SHIFT) + (((count << ENTROPY_SHIFT) >> whole) - (1 << ENTROPY_SHIFT));
  store<u16>(ENTROPIES + (count << 1), count * logarithm);
}

// §3.2.6: the fixed codes.
for (let symbol: u32 = 0; symbol < LITERAL_CODES; symbol++) {
  let length: u32 = 8;
  let code = symbol + 0x30;
  if (symbol >= 144) {
    length = 9;
    code = symbol + 0x100;
  }
  if (symbol >= 256) {
    length = 7;
    code = symbol - 256;
  }
  if (symbol >= 280) {
    length = 8;
    code = symbol - 88;
  }
  storeCode(FIXED_CODES + (symbol << 2), code, length, load<u8>(EXTRA_BITS + symbol));
}
for (let symbol: u32 = 0; symbol < 30; symbol++) {
  const entry = FIXED_CODES + ((LITERAL_CODES + symbol) << 2);
  storeCode(entry, symbol, 5, load<u8>(DISTANCE_EXTRA_BITS + symbol));
}
