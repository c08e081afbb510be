/** Masking (RFC 6455 §5.3): keys, and payload bytes combined with them. Knows no frames. */

import { SCRATCH } from "../kernel/index.js";
import { assertBytes } from "./bytes.js";
import { SCRATCH_PIECE, workspace } from "./workspace.js";

/** Up to this many bytes a loop in JavaScript is as fast as a call of the kernel (`bench/micro/masking.ts`). */
const LOOP_LENGTH = 16;

/** Up to this many bytes a loop over 32-bit words is faster still, if a view of them exists. */
const WORDS_LENGTH = 128;
/** No ArrayBuffer larger than this is kept alive for its view. */
const MAX_VIEWED_LENGTH = 0x20000;

/**
 * Keys drawn at a time. §5.3: "The masking key needs to be unpredictable", so they come from the host's
 * cryptographic generator; a call of it costs about a microsecond, whether for 4 bytes or for these.
 */
const POOLED_KEYS = 1024;
const pool = /* @__PURE__ */ new Int32Array(POOLED_KEYS);
let drawn = POOLED_KEYS;

/** A fresh masking key as a 32-bit number, its lowest byte first on the wire. */
export function nextMaskingKey(): number {
  if (drawn === POOLED_KEYS) {
    crypto.getRandomValues(pool);
    drawn = 0;
  }
  const key = pool[drawn];
  pool[drawn++] = 0; // a used key must not stay readable
  return key;
}

/** A fresh masking key: four unpredictable bytes, the caller's own. */
export function generateMaskingKey(): Uint8Array<ArrayBuffer> {
  const key = new Uint8Array(4);
  writeMaskingKey(key, 0, nextMaskingKey());
  return key;
}

/** A key of four bytes as a 32-bit number, byte 0 lowest. */
export function readMaskingKey(key: ArrayLike<number>): number {
  return key[0] | (key[1] << 8) | (key[2] << 16) | (key[3] << 24);
}

/** The key that goes on `length` bytes later. */
export function rotateMaskingKey(key: number, length: number): number {
  const bits = (length & 3) << 3;
  return bits === 0 ? key : (key >>> bits) | (key << (32 - bits));
}

/** The inverse of `readMaskingKey`. */
export function writeMaskingKey(target: Uint8Array, offset: number, key: number): void {
  target[offset] = key;
  target[offset + 1] = key >>> 8;
  target[offset + 2] = key >>> 16;
  target[offset + 3] = key >>> 24;
}

/**
 * Masks `length` bytes of `source` into `output` at `offset`, exactly as bufferutil's `mask` does.
 *
 * @param source - at least `length` bytes; may be the same bytes as `output`, but not overlap it otherwise.
 * @param mask - the masking key, four bytes.
 * @param output - mutated; has room for `offset + length` bytes.
 * @throws {RangeError} when `source` or `output` is too short.
 * @see RFC 6455 §5.3
 */
export function mask(
  source: Uint8Array,
  mask: ArrayLike<number>,
  output: Uint8Array,
  offset: number,
  length: number,
): void {
  assertBytes(source, "source");
  assertBytes(output, "output");
  if (length > source.length || offset + length > output.length) {
    throw new RangeError(
      `length ${length} exceeds source (${source.length}) or output after offset ${offset} (${output.length})`,
    );
  }
  maskWith(readMaskingKey(mask), source, output, offset, length);
}

/**
 * Unmasks `buffer` in place, exactly as bufferutil's `unmask` does.
 *
 * @param buffer - mutated.
 * @param mask - the masking key, four bytes.
 * @see RFC 6455 §5.3
 */
export function unmask(buffer: Uint8Array, mask: ArrayLike<number>): void {
  assertBytes(buffer, "buffer");
  maskWith(readMaskingKey(mask), buffer, buffer, 0, buffer.length);
}

/**
 * Masks (or, with the same key, unmasks) a copy of `data`.
 *
 * @param key - four bytes.
 * @returns new bytes; `data` stays as it is.
 * @throws {RangeError} when the key is not four bytes.
 * @see RFC 6455 §5.3
 */
export function applyMask(data: Uint8Array, key: ArrayLike<number>): Uint8Array<ArrayBuffer> {
  assertBytes(data, "data");
  if (key.length !== 4) throw new RangeError(`a masking key has 4 bytes, not ${key.length}`);
  const output = new Uint8Array(data.length);
  maskWith(readMaskingKey(key), data, output, 0, data.length);
  return output;
}

/** Masks `length` bytes with a key given as a number. `output` may be the same bytes as `source`. */
export function maskWith(
  key: number,
  source: Uint8Array,
  output: Uint8Array,
  offset: number,
  length: number,
): void {
  if (length <= LOOP_LENGTH) {
    for (let i = 0; i < length; i++) output[offset + i] = source[i] ^ (key >>> ((i & 3) << 3));
    return;
  }
  if (length <= WORDS_LENGTH && source === output && offset === 0 && maskWords(key, output, length)) return;
  const space = workspace();
  for (let done = 0; done < length; ) {
    const piece = Math.min(length - done, SCRATCH_PIECE);
    const whole = piece === source.length;
    space.kernel.bytes.set(whole ? source : source.subarray(done, done + piece), SCRATCH);
    key = space.kernel.mask(SCRATCH, SCRATCH, piece, key);
    output.set(space.scratch(piece), offset + done);
    done += piece;
  }
}

/** The ArrayBuffer masked last, and its words once it was masked twice in a row: one chunk, many frames. */
let lastBuffer: ArrayBufferLike | undefined;
let lastWords: Int32Array | undefined;

/** Masks the first bytes in place by 32-bit words, if a view of them exists. Returns whether it does. */
function maskWords(key: number, bytes: Uint8Array, length: number): boolean {
  const { buffer } = bytes;
  if (buffer !== lastBuffer) {
    // A new view costs more than it saves, so a buffer must come twice.
    lastBuffer = buffer.byteLength <= MAX_VIEWED_LENGTH && !isResizable(buffer) ? buffer : undefined;
    lastWords = undefined;
    return false;
  }
  const view = (lastWords ??= new Int32Array(buffer, 0, buffer.byteLength >>> 2));
  const start = bytes.byteOffset;
  const head = Math.min(-start & 3, length);
  const words = (length - head) >>> 2;
  for (let i = 0; i < head; i++) bytes[i] ^= key >>> ((i & 3) << 3);
  const wordKey = rotateMaskingKey(key, head);
  const first = (start + head) >>> 2;
  for (let i = first; i < first + words; i++) view[i] ^= wordKey;
  for (let i = head + words * 4; i < length; i++) bytes[i] ^= key >>> ((i & 3) << 3);
  return true;
}

/** Whether a buffer can change its length: a view that is kept would not follow it. */
function isResizable(buffer: ArrayBufferLike): boolean {
  const { resizable, growable } = buffer as { resizable?: boolean; growable?: boolean };
  return resizable === true || growable === true;
}
