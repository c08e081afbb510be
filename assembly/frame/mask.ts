/**
 * Masking (RFC 6455 §5.3): payload byte i is combined with byte i mod 4 of the masking key by XOR.
 * Knows bytes and a key; no frames.
 */

/** Byte i is 0xff where i < `count`, else 0: what a last, partial vector may change. */
export function firstBytes(count: i32): v128 {
  return i8x16.lt_s(i8x16(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15), i8x16.splat(<i8>count));
}

/**
 * Masks `length` bytes from `source` into `destination`. Masking is its own inverse, so it unmasks
 * too. Calls compose: pass the returned key on to continue where this call stopped.
 *
 * Any alignment. `destination` may equal `source`; otherwise the two must not overlap. Reads up to 16
 * bytes past either end and writes back past `destination`'s only what it read there.
 *
 * @param key - the masking key, its lowest byte for the first byte of `source`.
 * @returns the key rotated by `length` bytes.
 */
export function mask(destination: usize, source: usize, length: u32, key: u32): u32 {
  const keys = i32x4.splat(key);
  const wide = source + (length & ~63);
  const whole = source + (length & ~15);
  for (; source < wide; source += 64, destination += 64) {
    v128.store(destination, v128.xor(v128.load(source), keys));
    v128.store(destination, v128.xor(v128.load(source, 16), keys), 16);
    v128.store(destination, v128.xor(v128.load(source, 32), keys), 32);
    v128.store(destination, v128.xor(v128.load(source, 48), keys), 48);
  }
  for (; source < whole; source += 16, destination += 16) {
    v128.store(destination, v128.xor(v128.load(source), keys));
  }
  const rest = <i32>(length & 15);
  if (rest) {
    const masked = v128.xor(v128.load(source), keys);
    v128.store(destination, v128.bitselect(masked, v128.load(destination), firstBytes(rest)));
  }
  return rotr<u32>(key, (length & 3) << 3);
}

/**
 * Unmasks a range in place, as `mask` does, and gathers the union of its bytes.
 *
 * @returns a vector whose bytes have their top bit set where a byte of the range had: nowhere, if the
 *   range is ASCII.
 */
export function unmaskAndGather(start: usize, length: u32, key: u32): v128 {
  const keys = i32x4.splat(key);
  const wide = start + (length & ~63);
  const whole = start + (length & ~15);
  let seen = i64x2.splat(0);
  for (; start < wide; start += 64) {
    const a = v128.xor(v128.load(start), keys);
    const b = v128.xor(v128.load(start, 16), keys);
    const c = v128.xor(v128.load(start, 32), keys);
    const d = v128.xor(v128.load(start, 48), keys);
    v128.store(start, a);
    v128.store(start, b, 16);
    v128.store(start, c, 32);
    v128.store(start, d, 48);
    seen = v128.or(seen, v128.or(v128.or(a, b), v128.or(c, d)));
  }
  for (; start < whole; start += 16) {
    const a = v128.xor(v128.load(start), keys);
    v128.store(start, a);
    seen = v128.or(seen, a);
  }
  const rest = <i32>(length & 15);
  if (rest) {
    const within = firstBytes(rest);
    const a = v128.xor(v128.load(start), v128.and(keys, within));
    v128.store(start, a);
    seen = v128.or(seen, v128.and(a, within));
  }
  return seen;
}

/** The same union for bytes that were never masked; changes nothing. */
export function gather(start: usize, length: u32): v128 {
  const wide = start + (length & ~63);
  const whole = start + (length & ~15);
  let seen = i64x2.splat(0);
  for (; start < wide; start += 64) {
    const ab = v128.or(v128.load(start), v128.load(start, 16));
    const cd = v128.or(v128.load(start, 32), v128.load(start, 48));
    seen = v128.or(seen, v128.or(ab, cd));
  }
  for (; start < whole; start += 16) seen = v128.or(seen, v128.load(start));
  const rest = <i32>(length & 15);
  if (rest) seen = v128.or(seen, v128.and(v128.load(start), firstBytes(rest)));
  return seen;
}
