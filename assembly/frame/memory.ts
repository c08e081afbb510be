/**
 * The map of linear memory. Everything the kernel touches has a fixed address, so the views that
 * TypeScript makes over it never die: the memory neither grows nor is shared.
 *
 * ┌─────────┬────────────┬──────────────────────────────────────────────────────────────────┐
 * │ 0x00000 │       64 B │ never used, so that address 0 is always a mistake                │
 * │ 0x00040 │       64 B │ STATE    what one decoder keeps between two scans (below)        │
 * │ 0x00080 │       64 B │ RESULT   how the last call ended (below)                         │
 * │ 0x00100 │     16 KiB │ RECORDS  one record for each frame, or part of one, of a scan    │
 * │ 0x04200 │   2.25 KiB │ TABLES   constants of `utf8.ts`, written when the module starts  │
 * │ 0x05000 │     64 KiB │ WINDOW   the chunk being scanned, unmasked here in place         │
 * │ 0x16000 │     64 KiB │ SCRATCH  bytes of one-shot calls: mask, validate                 │
 * │ 0x27000 │    128 KiB │ UTF16    what `utf8ToUtf16` writes and `utf16ToUtf8` reads        │
 * │ 0x48000 │    512 KiB │ RECEIVE  where sockets may read to; scanned where it lies        │
 * │ 0xC9000 │            │ end: 12.6 pages, rounded up to 13                                │
 * └─────────┴────────────┴──────────────────────────────────────────────────────────────────┘
 *
 * Before WINDOW, before RECEIVE and after each region lies slack that never holds data: a header
 * that was split between two chunks is joined just before the scanned bytes, and vector loops may
 * read up to 16 bytes past the end of a region and write up to 16 past it.
 *
 * This file holds numbers only. The build copies it to `src/kernel/generated/layout.ts` without the
 * types of AssemblyScript, so that TypeScript reads the same list.
 */

export const STATE: i32 = 0x00040;
export const RESULT: i32 = 0x00080;
export const RECORDS: i32 = 0x00100;
export const TABLES: i32 = 0x04200;
export const WINDOW: i32 = 0x05000;
export const SCRATCH: i32 = 0x16000;
export const UTF16: i32 = 0x27000;
export const RECEIVE: i32 = 0x48000;

/** Bytes of WINDOW and of SCRATCH. UTF16 takes the same number of code units. */
export const WINDOW_LENGTH: i32 = 0x10000;
/** Bytes of RECEIVE: what one read may bring. */
export const RECEIVE_LENGTH: i32 = 0x80000;
/** Records that fit in RECORDS; a scan that fills it stops, and the next one goes on. */
export const RECORD_CAPACITY: i32 = 1024;

// STATE ─ offsets in bytes ────────────────────────────────────────────────────────────────────
//  0 FRAME         u32  first word of the record of the frame whose payload is under way, or 0
//  4 MASKING_KEY   u32  rotated so that its lowest byte is for the next payload byte
//  8 REMAINING     f64  payload bytes of that frame still to come
// 16 MESSAGE       u32  opcode of the message under way | RSV1 of its first frame, or a MESSAGE_ number
// 20 UTF8          u32  see `utf8.ts`; 0 between two characters
// 24 SPILL_LENGTH  u32  bytes of a header that the last chunk cut
// 28 SPILL         14 B those bytes
export const STATE_FRAME: i32 = 0;
export const STATE_MASKING_KEY: i32 = 4;
export const STATE_REMAINING: i32 = 8;
export const STATE_MESSAGE: i32 = 16;
export const STATE_UTF8: i32 = 20;
export const STATE_SPILL_LENGTH: i32 = 24;
export const STATE_SPILL: i32 = 28;
export const STATE_LENGTH: i32 = 48;
/** No message is under way. */
export const MESSAGE_NONE: i32 = 0;
/** Not known yet: the stream may begin inside a message, and has brought no data frame. */
export const MESSAGE_ANY: i32 = 0x10;
/** One is under way whose first frame was not seen. */
export const MESSAGE_UNKNOWN: i32 = 0x20;

// RESULT ─ offsets in bytes ───────────────────────────────────────────────────────────────────
//  0 STATUS        u32  a STATUS_ number
//  4 POSITION      u32  address: of the violation, or of the first byte not consumed
//  8 LENGTH        f64  the payload length, when that is what broke a rule
// 16 ASCII         u32  1 when every byte of a validated range was below 0x80
export const RESULT_STATUS: i32 = 0;
export const RESULT_POSITION: i32 = 4;
export const RESULT_LENGTH: i32 = 8;
export const RESULT_ASCII: i32 = 16;

// A record ─ four u32 ─────────────────────────────────────────────────────────────────────────
//  0  bits 0–7 the frame's first byte (FIN, RSV1–3, opcode) · 8 MASK · 9 first part · 10 last part
//     · 11 every byte of this part is ASCII (text only) · 16–19 header length
//  4  address of the payload bytes, which are unmasked
//  8  how many of them are here
// 12  the masking key, rotated to the first byte of this part
export const RECORD_LENGTH: i32 = 16;
export const RECORD_MASKED: i32 = 0x100;
export const RECORD_FIRST: i32 = 0x200;
export const RECORD_LAST: i32 = 0x400;
export const RECORD_ASCII: i32 = 0x800;
export const RECORD_HEADER_SHIFT: i32 = 16;

// Options of a scan ───────────────────────────────────────────────────────────────────────────
/** Frames must be masked: we are the server (§5.1). */
export const OPTION_REQUIRE_MASK: i32 = 1;
/** Frames must not be masked: we are the client (§5.1). */
export const OPTION_FORBID_MASK: i32 = 2;
/** An extension that gives RSV1 a meaning on the first frame of a message was negotiated. */
export const OPTION_ALLOW_RSV1: i32 = 4;
/** More of the chunk lies behind the end: a frame that the end cuts is left for the next scan, which begins with it. */
export const OPTION_MORE: i32 = 8;

// Status numbers: the rule that was broken ────────────────────────────────────────────────────
export const STATUS_OK: i32 = 0;
/** RECORDS is full, or OPTION_MORE left a frame; scan again from POSITION. */
export const STATUS_FULL: i32 = 1;
export const STATUS_RSV_2_3: i32 = 2;
export const STATUS_RSV_1: i32 = 3;
export const STATUS_RESERVED_OPCODE: i32 = 4;
export const STATUS_FRAGMENTED_CONTROL: i32 = 5;
export const STATUS_UNEXPECTED_CONTINUATION: i32 = 6;
export const STATUS_EXPECTED_CONTINUATION: i32 = 7;
export const STATUS_EXPECTED_MASK: i32 = 8;
export const STATUS_UNEXPECTED_MASK: i32 = 9;
export const STATUS_CONTROL_TOO_LONG: i32 = 10;
export const STATUS_CLOSE_BODY_OF_ONE: i32 = 11;
export const STATUS_LENGTH_NOT_MINIMAL: i32 = 12;
export const STATUS_LENGTH_TOP_BIT: i32 = 13;
export const STATUS_LENGTH_UNSAFE: i32 = 14;
export const STATUS_FRAME_TOO_BIG: i32 = 15;
export const STATUS_INVALID_UTF8: i32 = 16;

/** The UTF-8 state of text that is already invalid. */
export const UTF8_INVALID: i32 = -1;
