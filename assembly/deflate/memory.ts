/**
 * The map of the memory of a compression module: tables and buffers that every call overwrites, and blocks, one
 * for each stream that has something to remember. Each instance is one shard of at most a few hundred streams;
 * its memory neither grows nor is shared, so views over it never die, and a shard without streams is dropped.
 *
 * ┌─────────┬────────────┬──────────────────────────────────────────────────────────────────┐
 * │ 0x00000 │       64 B │ never used, so that address 0 is always a mistake                │
 * │ 0x00080 │       64 B │ RESULT          how the last call ended (`memory.ts`, and below) │
 * │ 0x04200 │   2.25 KiB │ TABLES          of `utf8.ts`                                     │
 * │ 0x05000 │     16 KiB │ INFLATE_TABLES  codes of the block being inflated; constants     │
 * │ 0x09000 │     28 KiB │ DEFLATE_TABLES  counts and codes of the block being deflated     │
 * │ 0x10400 │     64 KiB │ INPUT           compressed bytes to inflate                      │
 * │ 0x21000 │    160 KiB │ OUTPUT          compressed bytes that were deflated              │
 * │ 0x4A000 │     64 KiB │ SYMBOLS         literals and matches of the block being deflated │
 * │ 0x5A080 │   ~7.8 KiB │ STATICS         constants, placed by the compiler                │
 * │ 0x5C000 │  3,728 KiB │ BLOCKS          what streams keep between two calls              │
 * │ 0x400000│            │ end: 64 pages                                                    │
 * └─────────┴────────────┴──────────────────────────────────────────────────────────────────┘
 *
 * Nothing but BLOCKS keeps anything between two calls, so calls for different streams may alternate; except that
 * `deflate` without a flush leaves the block under way in SYMBOLS and DEFLATE_TABLES, for the next call to go on with.
 * Before INPUT lie 1 KiB for what the last call left unread; behind each region lies slack that loops may read and
 * write 32 bytes into.
 *
 * This file holds numbers only, as `memory.ts` does, and is copied for TypeScript in the same way.
 */

export const INFLATE_TABLES: i32 = 0x05000;
export const DEFLATE_TABLES: i32 = 0x09000;
export const INPUT: i32 = 0x10400;
export const OUTPUT: i32 = 0x21000;
export const SYMBOLS: i32 = 0x4a000;
export const BLOCKS: i32 = 0x5c000;
export const BLOCKS_END: i32 = 0x400000;

/** Bytes of INPUT: what one call of `inflate` may be given. */
export const INPUT_LENGTH: i32 = 0x10000;
/** Bytes of OUTPUT: what one call of `deflate` can make. */
export const OUTPUT_LENGTH: i32 = 0x28000;
/** Symbols that a deflated block has at most. */
export const SYMBOL_CAPACITY: i32 = 0x4000;

// RESULT of `inflate` ─ offsets in bytes; `memory.ts` has STATUS (0) and POSITION (4), ASCII (16) ──
//  4 POSITION      u32  address of the first byte of the input that was not consumed
// 20 OUTPUT_START  u32  address of the bytes that this call inflated: in the window of the stream, until its next call
// 24 OUTPUT_END    u32
export const RESULT_OUTPUT_START: i32 = 20;
export const RESULT_OUTPUT_END: i32 = 24;

// A block of `inflate` ─ offsets in bytes ─────────────────────────────────────────────────────
//  0 WINDOW_SIZE   u32  bytes that a distance may reach back
//  4 CAPACITY      u32  bytes of WINDOW: WINDOW_SIZE and room for what one call inflates
//  8 POSITION      u32  of the next byte in WINDOW; the bytes before it are history
// 12 STATE         u32  INFLATE_AT_BLOCK, or a number of `inflate`'s own
// 16 BIT_OFFSET    u32  bits of the first byte of SPILL that were consumed: 0 to 7
// 20 SPILL_LENGTH  u32  bytes of input that did not make a whole symbol or header yet
// 24 REMAINING     u32  bytes of a stored block, or of a match, still to come
// 28 DISTANCE      u32  of that match
// 64 LENGTHS     320 B  code lengths of the block under way, to make its codes again: 288 and 32
// 384 SPILL      640 B  such bytes; of a header they are 290 at most
// 1024 WINDOW           CAPACITY bytes, and INFLATE_SLACK behind them
export const INFLATE_WINDOW_SIZE: i32 = 0;
export const INFLATE_CAPACITY: i32 = 4;
export const INFLATE_POSITION: i32 = 8;
export const INFLATE_STATE: i32 = 12;
export const INFLATE_BIT_OFFSET: i32 = 16;
export const INFLATE_SPILL_LENGTH: i32 = 20;
export const INFLATE_REMAINING: i32 = 24;
export const INFLATE_DISTANCE: i32 = 28;
export const INFLATE_LENGTHS: i32 = 64;
export const INFLATE_SPILL: i32 = 384;
export const INFLATE_WINDOW: i32 = 1024;
export const INFLATE_SLACK: i32 = 64;
/** STATE: between two blocks. */
export const INFLATE_AT_BLOCK: i32 = 0;

// How `inflate` ended ─────────────────────────────────────────────────────────────────────────
/** The input is consumed, but for what a spill keeps. */
export const INFLATE_MORE: i32 = 0;
/** The window has no room: take the inflated bytes, and go on from POSITION. */
export const INFLATE_FULL: i32 = 1;
// Or the error in the data (RFC 1951 §3.2), numbered apart from the statuses of a scan.
/** A block of type 3. */
export const STATUS_BLOCK_TYPE: i32 = 48;
/** LEN and NLEN of a stored block do not agree. */
export const STATUS_STORED_LENGTH: i32 = 49;
/** Code lengths that make no code. */
export const STATUS_CODE_LENGTHS: i32 = 50;
/** A code for no symbol, or for one that has no meaning. */
export const STATUS_SYMBOL: i32 = 51;
/** A match that reaches back beyond the window or the beginning. */
export const STATUS_DISTANCE: i32 = 52;

// A block of `deflate` ─ offsets in bytes ─────────────────────────────────────────────────────
//  0 WINDOW_SIZE   u32  bytes that a distance may reach back
//  4 CAPACITY      u32  bytes of WINDOW: WINDOW_SIZE and room for new data
//  8 POSITION      u32  of the next byte in WINDOW; the bytes before it are history
// 12 WINDOW        u32  address of the window
// 16 …             the rest is `deflate`'s own
export const DEFLATE_WINDOW_SIZE: i32 = 0;
export const DEFLATE_CAPACITY: i32 = 4;
export const DEFLATE_POSITION: i32 = 8;
export const DEFLATE_WINDOW: i32 = 12;
