/**
 * Frames into bytes (RFC 6455 §5): appends frame after frame to one growing buffer, so that many leave in
 * one write. Knows no message beyond a frame, no socket.
 */

import { SCRATCH } from "../kernel/index.js";
import { assertBytes } from "./bytes.js";
import { assertCloseBody, encodeCloseBody } from "./close-body.js";
import { InvalidStateError } from "./errors.js";
import type { FrameDecoder } from "./frame-decoder.js";
import {
  checkPayloadLength,
  firstByte,
  headerLengthFor,
  MAX_HEADER_LENGTH,
  writeHeader,
} from "./frame-header.js";
import { EMPTY, writable, writeUtf8 } from "./host.js";
import { maskWith, nextMaskingKey, rotateMaskingKey } from "./masking.js";
import { Opcode } from "./opcode.js";
import type { Role } from "./role.js";
import { encodeAtScratch, isEncodedByKernel, MAX_ENCODED_UNITS } from "./utf8.js";
import { workspace } from "./workspace.js";

/** Bytes of a new slab: hundreds of small frames, and still cheap to drop. */
const SLAB_LENGTH = 0x4000;

/** A slab that grew beyond this is let go when it can be: 2 MiB. */
const MAX_KEPT_LENGTH = 1 << 21;

/** Up to this many units a loop here is faster than a call of the host's encoder (`bench/micro/encode.ts`). */
const LOOP_UNITS = 20;

/** UTF-8 takes at most three bytes for a UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;

/** First bytes of messages in one frame: FIN and the opcode. */
const MASK = 0x80;
const FIN_TEXT = 0x81;
const FIN_BINARY = 0x82;

/** Up to this many bytes a loop copies faster than a call. */
const LOOP_LENGTH = 8;

/** Up to this many bytes a loop over 32-bit words masks faster than the kernel, which is reached by two copies. */
const WORDS_LENGTH = 128;

export interface FrameEncoderOptions {
  /** Our side: a client masks every frame, a server none (§5.1). */
  readonly role: Role;
  /**
   * Draws a masking key, as a 32-bit number. Default: from the host's cryptographic generator (§10.3).
   * For tests that want the same bytes every time.
   */
  readonly generateMaskingKey?: () => number;
}

/** Header bits of a frame to be sent. */
export interface FrameBits {
  /** Whether the frame is the last of its message. Default true. */
  readonly fin?: boolean;
  /** For an extension that gives RSV1 a meaning. Default false. */
  readonly rsv1?: boolean;
}

/**
 * Encodes frames.
 *
 * ```ts
 * const encoder = new FrameEncoder({ role: "server" });
 * encoder.text("hello");
 * encoder.binary(bytes);
 * socket.write(encoder.take());
 * ```
 */
export class FrameEncoder {
  readonly #masked: boolean;
  readonly #nextKey: () => number;
  #slab: Uint8Array = EMPTY;
  #memory: ArrayBufferLike = EMPTY.buffer;
  /** The same memory, for 32-bit words at any address. */
  #words = viewOf(EMPTY);
  /** What `take` would return lies from `#start` to `#end`. */
  #start = 0;
  #end = 0;
  /** Views of the slab that were taken and not recycled. */
  #outstanding = 0;

  /** @throws {TypeError} for a role that is neither. */
  constructor(options: FrameEncoderOptions) {
    const { role, generateMaskingKey = nextMaskingKey } = options;
    if (role !== "client" && role !== "server") {
      throw new TypeError(`role must be "client" or "server", not ${String(role)}`);
    }
    this.#masked = role === "client";
    this.#nextKey = generateMaskingKey;
  }

  /** Bytes appended since the last `take`. */
  get length(): number {
    return this.#end - this.#start;
  }

  /**
   * Appends a frame.
   *
   * @param payload - bytes, copied; or a string, encoded as UTF-8 (a lone surrogate becomes U+FFFD).
   * @throws {RangeError} for a frame that §5.2 or §5.5 does not allow.
   * @throws {TypeError} for any other payload.
   */
  frame(opcode: Opcode, payload: Uint8Array | string, bits?: FrameBits): void {
    const first = firstByte(opcode, bits?.fin ?? true, bits?.rsv1 ?? false);
    if (opcode === Opcode.Close) assertCloseBody(payload);
    if (typeof payload === "string") this.#text(first, opcode, payload);
    else this.#bytes(first, opcode, payload);
  }

  /**
   * Appends the header of a frame alone. The caller sends the payload itself behind what `take` then returns, and
   * so spares a copy of it. For a server: a client masks payloads, and must copy them for that.
   *
   * @param payloadLength - in bytes.
   * @throws {RangeError} for a frame that §5.2 or §5.5 does not allow, and for a length that is none.
   * @throws {InvalidStateError} when the role is "client".
   */
  header(opcode: Opcode, payloadLength: number, bits?: FrameBits): void {
    const first = firstByte(opcode, bits?.fin ?? true, bits?.rsv1 ?? false);
    if (this.#masked) throw new InvalidStateError("a client masks payloads: its frames are encoded whole");
    if (!Number.isSafeInteger(payloadLength) || payloadLength < 0) {
      throw new RangeError(`payloadLength must be a number of bytes, not ${String(payloadLength)}`);
    }
    checkPayloadLength(opcode, payloadLength);
    this.#reserve(MAX_HEADER_LENGTH, 0);
    this.#end = writeHeader(this.#slab, this.#end, first, payloadLength, false);
  }

  /**
   * Appends a frame with the current payload of a decoder, which is copied without a view of it being made: for a
   * message that goes on, or back, at once.
   *
   * @throws {RangeError} for a frame that §5.2 or §5.5 does not allow.
   */
  forward(opcode: Opcode, decoder: FrameDecoder, bits?: FrameBits): void {
    const first = firstByte(opcode, bits?.fin ?? true, bits?.rsv1 ?? false);
    if (opcode === Opcode.Close) assertCloseBody(decoder.payload);
    const { length } = decoder;
    checkPayloadLength(opcode, length);
    const key = this.#masked ? this.#nextKey() : 0;
    this.#reserve(MAX_HEADER_LENGTH + length, 0);
    const at = this.#begin(first, length, key);
    decoder.copyPayload(this.#slab, at);
    this.#end = at + length;
    if (!this.#masked) return;
    if (length <= WORDS_LENGTH) maskWords(this.#words, at, at + length, key);
    else maskWith(key, this.#slab.subarray(at, at + length), this.#slab, at, length);
  }

  /** Appends a text frame. */
  text(message: string, bits?: FrameBits): void {
    if (bits !== undefined || typeof message !== "string") this.frame(Opcode.Text, message, bits);
    else if (message.length <= LOOP_UNITS) this.#shortText(message);
    else this.#text(FIN_TEXT, Opcode.Text, message);
  }

  /** Appends a binary frame; the bytes are copied. */
  binary(message: Uint8Array, bits?: FrameBits): void {
    if (bits !== undefined || typeof message === "string") {
      this.frame(Opcode.Binary, message, bits);
      return;
    }
    this.#bytes(FIN_BINARY, Opcode.Binary, message);
  }

  /** Appends a Ping frame (§5.5.2) of at most 125 bytes. */
  ping(payload: Uint8Array | string = EMPTY): void {
    this.frame(Opcode.Ping, payload);
  }

  /** Appends a Pong frame (§5.5.3) of at most 125 bytes. */
  pong(payload: Uint8Array | string = EMPTY): void {
    this.frame(Opcode.Pong, payload);
  }

  /** Appends a Close frame (§5.5.1); see `encodeCloseBody` for its errors. */
  close(code?: number, reason?: string): void {
    this.frame(Opcode.Close, encodeCloseBody(code, reason));
  }

  /**
   * All bytes appended since the last call, in one view. They are the caller's; the encoder goes on behind
   * them and never changes them, unless told so by `recycle`.
   */
  take(): Uint8Array {
    const bytes = this.#slab.subarray(this.#start, this.#end);
    this.#start = this.#end;
    this.#outstanding++;
    return bytes;
  }

  /**
   * Says that bytes taken earlier were written, and are not needed any more: their memory, which is warm,
   * is used again once that is true of all of them. Bytes not yet taken stay.
   *
   * @param taken - what `take` returned; default: everything that it ever returned.
   */
  recycle(taken?: Uint8Array): void {
    if (taken === undefined) this.#outstanding = 0;
    else if (taken.buffer === this.#memory) this.#outstanding--;
    if (this.#outstanding > 0 || this.#start !== this.#end) return;
    if (this.#slab.length > MAX_KEPT_LENGTH) this.#slab = EMPTY;
    this.#start = this.#end = 0;
  }

  /** Makes room for `length` more bytes, behind `written` ones that follow `#end` already. */
  #reserve(length: number, written: number): void {
    if (this.#slab.length - this.#end - written < length) this.#grow(length, written);
  }

  #grow(length: number, written: number): void {
    const held = this.#end - this.#start;
    const kept = held + written;
    // Cleared memory: through the `buffer` of taken bytes a user can reach bytes that are not written yet.
    const grown = writable(new Uint8Array(Math.max(SLAB_LENGTH, kept + length, 2 * kept)));
    grown.set(this.#slab.subarray(this.#start, this.#end + written));
    this.#slab = grown;
    this.#memory = grown.buffer;
    this.#words = viewOf(grown);
    this.#start = 0;
    this.#end = held;
    this.#outstanding = 0;
  }

  /** Writes a header with its masking key, for which there is room. Returns where the payload goes. */
  #begin(first: number, payloadLength: number, key: number): number {
    const slab = this.#slab;
    let at = this.#end;
    if (payloadLength < 126) {
      slab[at] = first;
      slab[at + 1] = this.#masked ? MASK | payloadLength : payloadLength;
      at += 2;
    } else {
      at = writeHeader(slab, at, first, payloadLength, this.#masked);
    }
    if (!this.#masked) return at;
    this.#words.setInt32(at, key, true);
    return at + 4;
  }

  #bytes(first: number, opcode: number, payload: Uint8Array): void {
    assertBytes(payload, "a payload that is not a string");
    const { length } = payload;
    checkPayloadLength(opcode, length);
    // Drawn first: it may be a function of the user's, which may use this encoder.
    const key = this.#masked ? this.#nextKey() : 0;
    this.#reserve(MAX_HEADER_LENGTH + length, 0);
    const slab = this.#slab;
    const at = this.#begin(first, length, key);
    this.#end = at + length;
    if (this.#masked && length > WORDS_LENGTH) {
      maskWith(key, payload, slab, at, length);
      return;
    }
    if (length > LOOP_LENGTH) slab.set(payload, at);
    else for (let i = 0; i < length; i++) slab[at + i] = payload[i];
    if (this.#masked) maskWords(this.#words, at, at + length, key);
  }

  /** A message of at most LOOP_UNITS units. Its header has the short form of the length. */
  #shortText(text: string): void {
    const key = this.#masked ? this.#nextKey() : 0;
    this.#reserve(MAX_HEADER_LENGTH + text.length * MAX_BYTES_PER_UNIT, 0);
    const slab = this.#slab;
    const start = this.#end;
    const at = this.#masked ? start + 6 : start + 2;
    const length = writeShort(text, slab, at);
    slab[start] = FIN_TEXT;
    slab[start + 1] = this.#masked ? MASK | length : length;
    this.#end = at + length;
    if (!this.#masked) return;
    this.#words.setInt32(start + 2, key, true);
    maskWords(this.#words, at, at + length, key);
  }

  #text(first: number, opcode: number, text: string): void {
    const units = text.length;
    // UTF-8 has at least a byte for each unit, so a text that is too long is refused before it is written.
    checkPayloadLength(opcode, units);
    const key = this.#masked ? this.#nextKey() : 0;
    const most = units > MAX_ENCODED_UNITS ? units : units * MAX_BYTES_PER_UNIT;
    this.#reserve(MAX_HEADER_LENGTH + most, 0);
    // Most text is ASCII: write it where it then belongs, and move it where it is not.
    const guess = headerLengthFor(units, this.#masked);
    const length = units > MAX_ENCODED_UNITS ? this.#pieces(text, guess, key) : this.#piece(text, guess, key);
    checkPayloadLength(opcode, length);
    const header = headerLengthFor(length, this.#masked);
    const end = this.#end;
    if (header !== guess) this.#slab.copyWithin(end + header, end + guess, end + guess + length);
    this.#begin(first, length, key);
    this.#end = end + header + length;
  }

  /** Writes a text, masked if need be, `written` bytes behind the end. Returns its length in bytes. */
  #piece(text: string, written: number, key: number): number {
    const at = this.#end + written;
    const isMaskedByKernel = this.#masked && text.length > WORDS_LENGTH;
    if (isMaskedByKernel || isEncodedByKernel(text)) return writeByKernel(text, this.#slab, at, key);
    const isShort = text.length <= LOOP_UNITS;
    const length = isShort ? writeShort(text, this.#slab, at) : writeUtf8(text, this.#slab, at);
    if (this.#masked) maskWords(this.#words, at, at + length, key);
    return length;
  }

  /** The same for a long text: makes room piece by piece, for what the ones before really took. */
  #pieces(text: string, written: number, key: number): number {
    let length = 0;
    for (let start = 0; start < text.length; ) {
      let end = Math.min(start + MAX_ENCODED_UNITS, text.length);
      // Two surrogates that are one character are not parted.
      if (end < text.length && (text.charCodeAt(end - 1) & 0xfc00) === 0xd800) end--;
      const rest = text.length - end;
      this.#reserve((end - start) * MAX_BYTES_PER_UNIT + rest, written + length);
      const piece = this.#piece(text.slice(start, end), written + length, rotateMaskingKey(key, length));
      length += piece;
      start = end;
    }
    return length;
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Masks the bytes from `at` to `end`. */
function maskWords(words: DataView, at: number, end: number, key: number): void {
  const whole = end - ((end - at) & 3);
  for (; at < whole; at += 4) words.setInt32(at, words.getInt32(at, true) ^ key, true);
  for (let shift = 0; at < end; at++, shift += 8) words.setUint8(at, words.getUint8(at) ^ (key >>> shift));
}

/** Writes UTF-8 and returns its length in bytes. A lone surrogate becomes U+FFFD. */
function writeShort(text: string, target: Uint8Array, offset: number): number {
  let at = offset;
  for (let i = 0; i < text.length; i++) {
    let point = text.charCodeAt(i);
    if (point < 0x80) {
      target[at++] = point;
      continue;
    }
    if ((point & 0xf800) === 0xd800) {
      point = text.codePointAt(i) as number;
      if (point > 0xffff) i++;
      else point = 0xfffd;
    }
    if (point < 0x800) {
      target[at++] = 0xc0 | (point >>> 6);
    } else {
      if (point < 0x10000) {
        target[at++] = 0xe0 | (point >>> 12);
      } else {
        target[at++] = 0xf0 | (point >>> 18);
        target[at++] = 0x80 | ((point >>> 12) & 0x3f);
      }
      target[at++] = 0x80 | ((point >>> 6) & 0x3f);
    }
    target[at++] = 0x80 | (point & 0x3f);
  }
  return at - offset;
}

/** Writes UTF-8, masked (with 0: not), of at most MAX_ENCODED_UNITS units and returns its length in bytes. */
function writeByKernel(text: string, target: Uint8Array, offset: number, key: number): number {
  const space = workspace();
  const length = encodeAtScratch(space, text);
  if (key !== 0) space.kernel.mask(SCRATCH, SCRATCH, length, key);
  target.set(space.scratch(length), offset);
  return length;
}
