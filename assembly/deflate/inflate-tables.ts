/**
 * The codes of DEFLATE (RFC 1951 §3.2.2, §3.2.5–§3.2.7) as tables that `inflate-symbols.ts` looks symbols up in.
 * Knows code lengths and tables; no stream, no input.
 *
 * A table is indexed by the next bits of the input, lowest first, and has as many entries as its longest code needs,
 * up to a number of bits; longer codes go on in a subtable. An entry is one u32:
 *   bits 0–7 of the input that the symbol takes, extra bits included; 0 if a subtable follows
 *   bits 8–11 of those, the bits of its code; or how many bits the subtable is indexed by
 *   bits 12–15 ENTRY_ flags
 *   bits 16–31 the literal, or the least length or distance; or where in the table the subtable begins
 */

import { INFLATE_TABLES } from "./memory";

export const ENTRY_LITERAL: u32 = 0x1000;
/** Neither a literal nor a length nor a distance: one of the next two, or a code without meaning. */
export const ENTRY_EXCEPTION: u32 = 0x2000;
export const ENTRY_END: u32 = 0x4000;
export const ENTRY_SUBTABLE: u32 = 0x8000;

/** Bits that index a table, and not a subtable. */
export const LITERAL_BITS: u32 = 11;
export const DISTANCE_BITS: u32 = 8;
const CODE_LENGTH_BITS: u32 = 7;

// INFLATE_TABLES ─ of the block under way, until the call returns: 2342 and 402 entries at most, which is what
// any code of 288 and of 32 symbols needs with these numbers of bits.
export const LITERALS: usize = INFLATE_TABLES;
export const DISTANCES: usize = INFLATE_TABLES + 0x24a0;
const SORTED: usize = INFLATE_TABLES + 0x3880;
const COUNTS: usize = INFLATE_TABLES + 0x3ac0;
const PLACES: usize = INFLATE_TABLES + 0x3b00;
/** The masks for the indices of LITERALS and DISTANCES. */
export const LITERAL_MASK: usize = INFLATE_TABLES + 0x3c80;
export const DISTANCE_MASK: usize = INFLATE_TABLES + 0x3c84;
/** The lengths of the codes for code lengths, while a header is read: the table for them lies in LITERALS. */
export const CODE_LENGTHS: usize = INFLATE_TABLES + 0x3c60;

// INFLATE_TABLES ─ constants, written when the module starts.
export const FIXED_LITERALS: usize = INFLATE_TABLES + 0x2b00;
export const FIXED_DISTANCES: usize = INFLATE_TABLES + 0x3300;
export const FIXED_LITERAL_MASK: u32 = 0x1ff;
export const FIXED_DISTANCE_MASK: u32 = 0x1f;
/** The entries of all symbols, without their codes. */
const LITERAL_SYMBOLS: usize = INFLATE_TABLES + 0x3380;
const DISTANCE_SYMBOLS: usize = INFLATE_TABLES + 0x3800;
/** For each distance below 16, where each byte of a vector comes from, and the whole periods that it holds. */
export const PATTERNS: usize = INFLATE_TABLES + 0x3b40;
export const STRIDES: usize = INFLATE_TABLES + 0x3c40;

export const LITERAL_COUNT: u32 = 288;
export const DISTANCE_COUNT: u32 = 32;
const END_OF_BLOCK: u32 = 256;
/** Bytes from which on copying them as one takes less time than by vectors. */
const WORTH_A_CALL: usize = 1024;
/** §3.2.7: the longest code. */
const LONGEST: u32 = 15;

for (let symbol: u32 = 0; symbol < LITERAL_COUNT; symbol++) {
  let entry = ENTRY_EXCEPTION; // §3.2.6: 286 and 287 "will never actually occur in the compressed data"
  if (symbol < END_OF_BLOCK) {
    entry = ENTRY_LITERAL | (symbol << 16);
  } else if (symbol == END_OF_BLOCK) {
    entry = ENTRY_EXCEPTION | ENTRY_END;
  } else if (symbol < 286) {
    // §3.2.5: eight lengths without extra bits, then four codes for each number of them; and 258.
    const code = symbol - 257;
    const extra = code < 8 || code == 28 ? 0 : (code >> 2) - 1;
    const least = code < 8 ? 3 + code : code == 28 ? 258 : 3 + ((4 + (code & 3)) << extra);
    entry = (least << 16) | extra;
  }
  store<u32>(LITERAL_SYMBOLS + (symbol << 2), entry);
}
for (let code: u32 = 0; code < DISTANCE_COUNT; code++) {
  const extra = code < 2 ? 0 : (code >> 1) - 1;
  const least = code < 2 ? 1 + code : 1 + ((2 + (code & 1)) << extra);
  store<u32>(DISTANCE_SYMBOLS + (code << 2), code < 30 ? (least << 16) | extra : ENTRY_EXCEPTION);
}
for (let distance: u32 = 1; distance < 16; distance++) {
  for (let i: u32 = 0; i < 16; i++) store<u8>(PATTERNS + (distance << 4) + i, i % distance);
  store<u8>(STRIDES + distance, 16 - (16 % distance));
}
// §3.2.6: the fixed code, by its lengths.
memory.fill(LITERALS, 8, LITERAL_COUNT);
memory.fill(LITERALS + 144, 9, 112);
memory.fill(LITERALS + 256, 7, 24);
buildTable(LITERALS, LITERAL_COUNT, LITERAL_SYMBOLS, FIXED_LITERALS, LITERAL_BITS);
memory.fill(LITERALS, 5, DISTANCE_COUNT);
buildTable(LITERALS, DISTANCE_COUNT, DISTANCE_SYMBOLS, FIXED_DISTANCES, DISTANCE_BITS);

/** Makes LITERALS and DISTANCES of the code lengths of a block; false if they make no codes. */
export function buildTables(lengths: usize): bool {
  // Without an end the block could not be left.
  if (!load<u8>(lengths, END_OF_BLOCK)) return false;
  const distances = lengths + LITERAL_COUNT;
  const literalMask = buildTable(lengths, LITERAL_COUNT, LITERAL_SYMBOLS, LITERALS, LITERAL_BITS);
  const distanceMask = buildTable(distances, DISTANCE_COUNT, DISTANCE_SYMBOLS, DISTANCES, DISTANCE_BITS);
  store<u32>(LITERAL_MASK, literalMask);
  store<u32>(DISTANCE_MASK, distanceMask);
  return literalMask != 0 && distanceMask != 0;
}

/** Makes a table of CODE_LENGTHS, in LITERALS; returns its mask, or 0 if they make no code. */
export function buildCodeLengthTable(): u32 {
  const mask = buildTable(CODE_LENGTHS, 32, LITERAL_SYMBOLS, LITERALS, CODE_LENGTH_BITS);
  if (load<u32>(LITERALS, 4) & ENTRY_EXCEPTION && mask) {
    // zlib refuses a single code, and takes none at all for one whose every bit says 0: the end is missing then.
    if (load<u32>(COUNTS, 4)) return 0;
    store<u32>(LITERALS, 1);
    store<u32>(LITERALS, 1, 4);
  }
  return mask;
}

/** The code that follows another one in order: codes lie in the input with their first bit lowest. */
function nextCode(code: u32, length: u32): u32 {
  // Adding 1 from the top: the highest 0 becomes 1, the 1s above it become 0.
  const top = <u32>0x80000000 >> clz(code ^ ((1 << length) - 1));
  return (code & (top - 1)) | top;
}

/**
 * Makes the table of a code.
 *
 * @param lengths - the length of the code of each symbol, 0 for none; zeros up to a multiple of 16 of them.
 * @param count - of symbols: such a multiple.
 * @param symbols - the entries of the symbols, without their codes.
 * @returns the mask for indices of the table, or 0 if the lengths make no code that zlib accepts: more codes
 *   than there are, or fewer, unless it is a single one of one bit or none at all.
 */
function buildTable(lengths: usize, count: u32, symbols: usize, table: usize, tableBits: u32): u32 {
  const none = i64x2.splat(0);
  for (let at: usize = 0; at < 64; at += 16) v128.store(COUNTS + at, none);
  for (let at: u32 = 0; at < count; at += 16) {
    let used = i8x16.bitmask(i8x16.ne(v128.load(lengths + at), none));
    for (; used; used &= used - 1) {
      const counter = COUNTS + ((<u32>load<u8>(lengths + at + ctz(used))) << 2);
      store<u32>(counter, load<u32>(counter) + 1);
    }
  }

  // Codes of the next length that are not taken by shorter ones, and the place of the first among all.
  let free: i32 = 1;
  let place: u32 = 0;
  let shortest: u32 = 0;
  let longest: u32 = 0;
  for (let length: u32 = 1; length <= LONGEST; length++) {
    const taken = load<u32>(COUNTS + (length << 2));
    store<u32>(PLACES + (length << 2), SORTED + (place << 1));
    free = (free << 1) - taken;
    if (free < 0) return 0;
    if (!taken) continue;
    place += taken;
    longest = length;
    if (!shortest) shortest = length;
  }
  if (free > 0 && longest > 1) return 0;

  for (let at: u32 = 0; at < count; at += 16) {
    let used = i8x16.bitmask(i8x16.ne(v128.load(lengths + at), none));
    for (; used; used &= used - 1) {
      const symbol = at + ctz(used);
      const pointer = PLACES + ((<u32>load<u8>(lengths + symbol)) << 2);
      const sorted = load<u32>(pointer);
      store<u16>(sorted, symbol);
      store<u32>(pointer, sorted + 2);
    }
  }
  if (free > 0) {
    const missing = ENTRY_EXCEPTION | 0x101;
    store<u32>(table, longest ? load<u32>(symbols + ((<u32>load<u16>(SORTED)) << 2)) + 0x101 : missing);
    store<u32>(table, missing, 4);
    return 1;
  }

  let sorted: usize = SORTED;
  let code: u32 = 0;
  const bits = min(longest, tableBits);
  let length = shortest;
  for (;;) {
    for (let left = load<u32>(COUNTS + (length << 2)); left; left--) {
      const entry = load<u32>(symbols + ((<u32>load<u16>(sorted)) << 2)) + length * 0x101;
      sorted += 2;
      store<u32>(table + (code << 2), entry);
      code = nextCode(code, length);
    }
    if (length >= bits) break;
    // The entries are right for both values of the next bit.
    const size: usize = 4 << length;
    if (size < 16) store<u64>(table + size, load<u64>(table));
    else if (size >= WORTH_A_CALL) memory.copy(table + size, table, size);
    else for (let at: usize = 0; at < size; at += 16) v128.store(table + size + at, v128.load(table + at));
    length++;
  }
  const mask: u32 = (1 << bits) - 1;
  if (longest > bits) buildSubtables(symbols, table, bits, longest, sorted, code);
  return mask;
}

/** Continues with the codes that are longer than the index of the table. */
function buildSubtables(
  symbols: usize,
  table: usize,
  bits: u32,
  longest: u32,
  sorted: usize,
  code: u32,
): void {
  const mask: u32 = (1 << bits) - 1;
  let end: u32 = 1 << bits;
  let subtable = table;
  let subtableBits: u32 = 0;
  let prefix: u32 = 0xffffffff;
  for (let length = bits + 1; length <= longest; length++) {
    for (let left = load<u32>(COUNTS + (length << 2)); left; left--) {
      if ((code & mask) != prefix) {
        prefix = code & mask;
        // As many bits as the codes that begin like this one take, shortest first.
        subtableBits = length - bits;
        for (let taken = left; taken < <u32>(1 << subtableBits); ) {
          subtableBits++;
          taken = (taken << 1) + load<u32>(COUNTS + ((bits + subtableBits) << 2));
        }
        subtable = table + (end << 2);
        store<u32>(
          table + (prefix << 2),
          (end << 16) | (subtableBits << 8) | ENTRY_EXCEPTION | ENTRY_SUBTABLE,
        );
        end += 1 << subtableBits;
      }
      const entry = load<u32>(symbols + ((<u32>load<u16>(sorted)) << 2)) + length * 0x101;
      sorted += 2;
      const step: u32 = 1 << (length - bits);
      for (let at = code >> bits; at < <u32>(1 << subtableBits); at += step) {
        store<u32>(subtable + (at << 2), entry);
      }
      code = nextCode(code, length);
    }
  }
}
