/**
 * UTF-8 (RFC 3629 §4) by vectors: validation that can stop and go on between any two bytes and names
 * the first byte which makes the text invalid, and transcoding to and from UTF-16. Knows bytes; no frames.
 *
 * The vector test is the lookup algorithm of John Keiser and Daniel Lemire, "Validating UTF-8 In Less
 * Than One Instruction Per Byte" (2021). It says that a block is wrong, not where; the byte-wise
 * automaton, which runs only then and at the edges of a range, says where.
 *
 * A UTF-8 state is one u32: 0 between two characters; inside one,
 *   bits 0–7 continuation bytes still to come · 8–15 least, 16–23 greatest value of the next one;
 * and UTF8_INVALID once the text is invalid.
 */

import { firstBytes, gather } from "./mask";
import { RESULT, RESULT_ASCII, RESULT_POSITION, TABLES, UTF8_INVALID } from "./memory";

/** §4: the state after `byte`, given the state before it. */
function step(state: u32, byte: u32): u32 {
  if (state == 0) {
    if (byte < 0x80) return 0;
    if (byte < 0xc2) return UTF8_INVALID; // a continuation byte, or the start of an overlong form
    if (byte < 0xe0) return 0xbf8001;
    if (byte < 0xf0) {
      if (byte == 0xe0) return 0xbfa002; // below: overlong
      return byte == 0xed ? 0x9f8002 : 0xbf8002; // above 9f: surrogates
    }
    if (byte == 0xf0) return 0xbf9003; // below: overlong
    if (byte < 0xf4) return 0xbf8003;
    return byte == 0xf4 ? 0x8f8003 : UTF8_INVALID; // above: past U+10FFFF
  }
  if (byte < ((state >> 8) & 0xff) || byte > state >> 16) return UTF8_INVALID;
  const left = (state & 0xff) - 1;
  return left ? 0xbf8000 | left : 0;
}

/** Byte by byte. Stops at the first invalid byte and leaves its address in RESULT_POSITION. */
function validateBytes(start: usize, end: usize, state: u32): u32 {
  for (; start < end; start++) {
    state = step(state, load<u8>(start));
    if (state == UTF8_INVALID) {
      store<u32>(RESULT, <u32>start, RESULT_POSITION);
      return state;
    }
  }
  return state;
}

// TABLES ─ vectors, by their place. In memory because V8 rebuilds a vector constant at every use: with
// constants, validation ran at half this speed on Node 24 (`bench/micro/utf8.ts`).
const FIRST_HIGH: usize = 0;
const FIRST_LOW: usize = 16;
const SECOND_HIGH: usize = 32;
const LOW_NIBBLE: usize = 48;
const THIRD: usize = 64;
const FOURTH: usize = 80;
const TOP_BIT: usize = 96;
const CONTINUATION_END: usize = 112;
const THREE_BYTE_END: usize = 128;
const TAIL_BITS: usize = 144;
const LEAD_OF_TWO_BITS: usize = 160;
const ONE_BYTE_END: usize = 176;
const TWO_BYTE_END: usize = 192;

// Each bit of the first three stands for one kind of error in a pair of bytes: 1 too short, 2 too long, 4
// overlong of three bytes, 8 too large, 0x10 surrogate, 0x20 overlong of two, 0x40 overlong of four or too
// large, 0x80 two continuation bytes in a row (an error unless the last test expects it).
v128.store(
  TABLES,
  i8x16(2, 2, 2, 2, 2, 2, 2, 2, -0x80, -0x80, -0x80, -0x80, 0x21, 0x01, 0x15, 0x49),
  FIRST_HIGH,
);
v128.store(
  TABLES,
  i8x16(
    -0x19,
    -0x5d,
    -0x7d,
    -0x7d,
    -0x75,
    -0x35,
    -0x35,
    -0x35,
    -0x35,
    -0x35,
    -0x35,
    -0x35,
    -0x35,
    -0x25,
    -0x35,
    -0x35,
  ),
  FIRST_LOW,
);
v128.store(TABLES, i8x16(1, 1, 1, 1, 1, 1, 1, 1, -0x1a, -0x52, -0x46, -0x46, 1, 1, 1, 1), SECOND_HIGH);
v128.store(TABLES, i8x16.splat(0x0f), LOW_NIBBLE);
v128.store(TABLES, i8x16.splat(0x60), THIRD);
v128.store(TABLES, i8x16.splat(0x70), FOURTH);
v128.store(TABLES, i8x16.splat(-0x80), TOP_BIT);
v128.store(TABLES, i8x16.splat(-0x41), CONTINUATION_END);
v128.store(TABLES, i8x16.splat(-0x11), THREE_BYTE_END);
v128.store(TABLES, i16x8.splat(0x3f), TAIL_BITS);
v128.store(TABLES, i16x8.splat(0x1f), LEAD_OF_TWO_BITS);
v128.store(TABLES, i16x8.splat(0x7f), ONE_BYTE_END);
v128.store(TABLES, i16x8.splat(0xdf), TWO_BYTE_END);

/**
 * The non-zero bytes of the result are the errors that `input` shows, given the vector before it. A
 * character cut by the end of `input` is not one yet.
 */
function errorsIn(input: v128, before: v128): v128 {
  const back1 = i8x16.shuffle(before, input, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30);
  const back2 = i8x16.shuffle(before, input, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29);
  const back3 = i8x16.shuffle(before, input, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28);
  const nibble = v128.load(TABLES, LOW_NIBBLE);
  // A 16-bit shift and a mask: there is no 8-bit shift in the processor.
  const firstHigh = i8x16.swizzle(v128.load(TABLES, FIRST_HIGH), v128.and(i16x8.shr_u(back1, 4), nibble));
  const firstLow = i8x16.swizzle(v128.load(TABLES, FIRST_LOW), v128.and(back1, nibble));
  const secondHigh = i8x16.swizzle(v128.load(TABLES, SECOND_HIGH), v128.and(i16x8.shr_u(input, 4), nibble));
  const pairs = v128.and(v128.and(firstHigh, firstLow), secondHigh);
  // Bytes two after a lead of three or more, or three after a lead of four, must be continuations.
  const third = i8x16.sub_sat_u(back2, v128.load(TABLES, THIRD));
  const fourth = i8x16.sub_sat_u(back3, v128.load(TABLES, FOURTH));
  const expected = v128.and(v128.or(third, fourth), v128.load(TABLES, TOP_BIT));
  return v128.xor(expected, pairs);
}

/** Whether a range that starts between two characters and ends between two (in length) is valid. */
function isValid(start: usize, end: usize): bool {
  const wide = start + ((end - start) & ~63);
  const whole = start + ((end - start) & ~15);
  let before = i64x2.splat(0);
  let errors = i64x2.splat(0);
  for (; start < wide; start += 64) {
    const a = v128.load(start);
    const b = v128.load(start, 16);
    const c = v128.load(start, 32);
    const d = v128.load(start, 48);
    // `before` takes part: ASCII after a character that was cut short is an error.
    const seen = v128.or(v128.or(v128.or(a, b), v128.or(c, d)), before);
    if (i8x16.bitmask(seen)) {
      errors = v128.or(errors, v128.or(errorsIn(a, before), errorsIn(b, a)));
      errors = v128.or(errors, v128.or(errorsIn(c, b), errorsIn(d, c)));
    }
    before = d;
  }
  for (; start < whole; start += 16) {
    const a = v128.load(start);
    errors = v128.or(errors, errorsIn(a, before));
    before = a;
  }
  // The rest, padded with zeros: a sequence that the end cuts shows as an error.
  const rest = v128.and(v128.load(start), firstBytes(<i32>(end - start)));
  errors = v128.or(errors, errorsIn(rest, before));
  return !v128.any_true(errors);
}

/** The last address at or before `end` that does not cut a character whose lead is in the range. */
function lastBoundary(start: usize, end: usize): usize {
  for (let back: usize = 1; back <= 3 && end - start >= back; back++) {
    const byte = load<u8>(end - back);
    if (byte < 0x80) return end;
    if (byte >= 0xc0) {
      const length: usize = byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
      return length > back ? end - back : end;
    }
  }
  return end;
}

/**
 * Validates a range that holds at least one byte of 0x80 or more, or follows a cut character.
 *
 * Any alignment; reads up to 16 bytes past `end`.
 *
 * @returns the state after the range, or UTF8_INVALID with the address of the first invalid byte in
 *   RESULT_POSITION.
 */
export function continueUtf8(start: usize, end: usize, state: u32): u32 {
  while (state != 0 && start < end) {
    state = validateBytes(start, start + 1, state);
    if (state == UTF8_INVALID) return state;
    start++;
  }
  const boundary = lastBoundary(start, end);
  if (isValid(start, boundary)) return validateBytes(boundary, end, state);
  return validateBytes(start, end, state);
}

/**
 * Validates a range, going on from `state` (0 at the beginning of a text).
 *
 * Any alignment; reads up to 16 bytes past `end`. RESULT_ASCII tells whether the range was ASCII.
 *
 * @returns the state after the range: 0 if the text may end here; UTF8_INVALID with the address of the
 *   first byte that makes the text invalid in RESULT_POSITION.
 */
export function validateUtf8(start: usize, end: usize, state: u32): u32 {
  const ascii = !i8x16.bitmask(gather(start, <u32>(end - start)));
  store<u32>(RESULT, ascii ? 1 : 0, RESULT_ASCII);
  if (ascii && (state == 0 || start == end)) return state;
  return continueUtf8(start, end, state);
}

// TABLES + LEADS ─ for each set of bits among the lowest eight, eight bytes: the places of those bits, in order.
const LEADS: usize = TABLES + 256;

for (let set: u32 = 0; set < 256; set++) {
  let entry: usize = LEADS + (set << 3);
  for (let place: u32 = 0; place < 8; place++) {
    if ((set >> place) & 1) store<u8>(entry++, place);
  }
}

/**
 * Transcodes valid UTF-8 to UTF-16 (little-endian). The caller has validated it: on other bytes the
 * output is meaningless, though never longer than one unit a byte.
 *
 * Any alignment; reads up to 16 bytes past `end`, writes up to 16 past the last unit; the two ranges must
 * not overlap.
 *
 * @returns how many code units were written.
 */
export function utf8ToUtf16(start: usize, end: usize, destination: usize): u32 {
  const first = destination;
  while (start < end) {
    const input = v128.load(start);
    const left = end - start;
    if (!i8x16.bitmask(input) && left >= 16) {
      v128.store(destination, i16x8.extend_low_i8x16_u(input));
      v128.store(destination, i16x8.extend_high_i8x16_u(input), 16);
      start += 16;
      destination += 32;
      continue;
    }
    // The characters that begin in the next eight bytes, all at once. Those that began before are done, so
    // the continuation bytes in front are passed over.
    let leads = i8x16.bitmask(i8x16.gt_s(input, v128.load(TABLES, CONTINUATION_END))) & 0xff;
    if (left < 8) leads &= (1 << (<u32>left)) - 1;
    const four = i8x16.bitmask(i8x16.gt_u(input, v128.load(TABLES, THREE_BYTE_END))) & leads;
    if (four) {
      destination = transcodeBytes(start, leads, destination);
    } else {
      const places = v128.load64_zero(LEADS + (leads << 3));
      const shifted = i8x16.shuffle(input, input, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0);
      const twice = i8x16.shuffle(input, input, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1);
      const tail = v128.load(TABLES, TAIL_BITS);
      const lead = i16x8.extend_low_i8x16_u(i8x16.swizzle(input, places));
      const next = v128.and(i16x8.extend_low_i8x16_u(i8x16.swizzle(shifted, places)), tail);
      const last = v128.and(i16x8.extend_low_i8x16_u(i8x16.swizzle(twice, places)), tail);
      const ofTwo = v128.or(i16x8.shl(v128.and(lead, v128.load(TABLES, LEAD_OF_TWO_BITS)), 6), next);
      const ofThree = v128.or(v128.or(i16x8.shl(lead, 12), i16x8.shl(next, 6)), last);
      const upToTwo = v128.bitselect(ofTwo, lead, i16x8.gt_s(lead, v128.load(TABLES, ONE_BYTE_END)));
      const isThree = i16x8.gt_s(lead, v128.load(TABLES, TWO_BYTE_END));
      v128.store(destination, v128.bitselect(ofThree, upToTwo, isThree));
      destination += popcnt(leads) << 1;
    }
    start += 8;
  }
  return <u32>((destination - first) >> 1);
}

/** Transcodes the characters whose leads are the bits of `leads`, one by one; returns where it stopped. */
function transcodeBytes(start: usize, leads: u32, destination: usize): usize {
  for (; leads; leads &= leads - 1) {
    const at = start + ctz(leads);
    const lead = <u32>load<u8>(at);
    const next = <u32>load<u8>(at, 1) & 0x3f;
    const third = <u32>load<u8>(at, 2) & 0x3f;
    if (lead < 0x80) {
      store<u16>(destination, lead);
    } else if (lead < 0xe0) {
      store<u16>(destination, ((lead & 0x1f) << 6) | next);
    } else if (lead < 0xf0) {
      store<u16>(destination, (lead << 12) | (next << 6) | third);
    } else {
      const point = ((lead & 0x07) << 18) | (next << 12) | (third << 6) | (<u32>load<u8>(at, 3) & 0x3f);
      // The high surrogate, 0xd800 + ((point - 0x10000) >> 10), then the low one.
      store<u16>(destination, 0xd7c0 + (point >> 10));
      store<u16>(destination, 0xdc00 | (point & 0x3ff), 2);
      destination += 2;
    }
    destination += 2;
  }
  return destination;
}

/**
 * Transcodes UTF-16 (little-endian) to UTF-8; a lone surrogate becomes U+FFFD.
 *
 * Any alignment; reads up to 16 bytes past `end`, writes up to 16 past the last byte; the two ranges must not
 * overlap.
 *
 * @returns how many bytes were written: at most three a unit.
 */
export function utf16ToUtf8(start: usize, end: usize, destination: usize): u32 {
  const first = destination;
  while (start + 16 <= end) {
    const units = v128.load(start);
    const aboveTwo = v128.and(units, i16x8.splat(<i16>0xf800));
    if (!v128.any_true(v128.and(units, i16x8.splat(<i16>0xff80)))) {
      v128.store(destination, i8x16.narrow_i16x8_u(units, units));
      destination += 8;
    } else if (!v128.any_true(aboveTwo)) {
      const isTwo = i16x8.gt_s(units, i16x8.splat(<i16>0x7f));
      const lead = i16x8.shr_u(units, 6);
      const tail = v128.and(i16x8.shl(units, 8), i16x8.splat(<i16>0x3f00));
      const ofTwo = v128.or(v128.or(lead, tail), i16x8.splat(<i16>0x80c0));
      const keep = i8x16.bitmask(v128.or(isTwo, i16x8.splat(<i16>0x00ff)));
      destination = storeKept(v128.bitselect(ofTwo, units, isTwo), keep, destination);
    } else if (!v128.any_true(i16x8.eq(aboveTwo, i16x8.splat(<i16>0xd800)))) {
      destination = encodeFour(i32x4.extend_low_i16x8_u(units), destination);
      destination = encodeFour(i32x4.extend_high_i16x8_u(units), destination);
    } else {
      // A pair of surrogates is not parted.
      const isCut = start + 16 < end && isHigh(load<u16>(start, 14)) && isLow(load<u16>(start, 16));
      const stop = start + (isCut ? 18 : 16);
      destination = encodeUnits(start, stop, destination);
      start = stop;
      continue;
    }
    start += 16;
  }
  return <u32>(encodeUnits(start, end, destination) - first);
}

/** Four units that are not surrogates, as 32-bit numbers. Returns where it stopped. */
function encodeFour(units: v128, destination: usize): usize {
  const isMore = i32x4.gt_s(units, i32x4.splat(0x7f));
  const isThree = i32x4.gt_s(units, i32x4.splat(0x7ff));
  const second = v128.and(i32x4.shl(units, 2), i32x4.splat(0x3f00));
  const third = v128.and(i32x4.shl(units, 16), i32x4.splat(0x3f0000));
  const ofThree = v128.or(v128.or(i32x4.shr_u(units, 12), i32x4.splat(0x8080e0)), v128.or(second, third));
  if (i32x4.all_true(isThree)) {
    const close = i8x16.shuffle(ofThree, ofThree, 0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, 15, 15, 15, 15);
    v128.store(destination, close);
    return destination + 12;
  }
  const tail = v128.and(i32x4.shl(units, 8), i32x4.splat(0x3f00));
  const ofTwo = v128.or(v128.or(i32x4.shr_u(units, 6), i32x4.splat(0x80c0)), tail);
  const bytes = v128.bitselect(ofThree, v128.bitselect(ofTwo, units, isMore), isThree);
  const more = v128.and(isMore, i32x4.splat(0xff00));
  const keep = v128.or(v128.or(more, v128.and(isThree, i32x4.splat(0xff0000))), i32x4.splat(0xff));
  return storeKept(bytes, i8x16.bitmask(keep), destination);
}

/** Stores the bytes whose bits are set in `keep`, close together. Returns where it stopped. */
function storeKept(bytes: v128, keep: u32, destination: usize): usize {
  const low = keep & 0xff;
  const high = keep >> 8;
  v128.store(destination, i8x16.swizzle(bytes, v128.load64_zero(LEADS + (low << 3))));
  destination += popcnt(low);
  const upper = i8x16.shuffle(bytes, bytes, 8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7);
  v128.store(destination, i8x16.swizzle(upper, v128.load64_zero(LEADS + (high << 3))));
  return destination + popcnt(high);
}

function isHigh(unit: u32): bool {
  return (unit & 0xfc00) == 0xd800;
}

function isLow(unit: u32): bool {
  return (unit & 0xfc00) == 0xdc00;
}

/** Unit by unit; no pair of surrogates crosses `end`. Returns where it stopped. */
function encodeUnits(start: usize, end: usize, destination: usize): usize {
  for (; start < end; start += 2) {
    let point = <u32>load<u16>(start);
    if (point < 0x80) {
      store<u8>(destination++, point);
      continue;
    }
    if (point < 0x800) {
      store<u8>(destination++, 0xc0 | (point >> 6));
    } else {
      const next = start + 2 < end ? <u32>load<u16>(start, 2) : 0;
      if (isHigh(point) && isLow(next)) {
        point = 0x10000 + ((point & 0x3ff) << 10) + (next & 0x3ff);
        start += 2;
        store<u8>(destination++, 0xf0 | (point >> 18));
        store<u8>(destination++, 0x80 | ((point >> 12) & 0x3f));
      } else {
        if (isHigh(point) || isLow(point)) point = 0xfffd;
        store<u8>(destination++, 0xe0 | (point >> 12));
      }
      store<u8>(destination++, 0x80 | ((point >> 6) & 0x3f));
    }
    store<u8>(destination++, 0x80 | (point & 0x3f));
  }
  return destination;
}
