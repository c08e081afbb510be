/**
 * Frames into bytes (RFC 6455 §5): appends frame after frame to one growing buffer, so that many leave in
 * one write. Knows no message beyond a frame, no socket.
 */

import { SCRATCH, WINDOW_LENGTH } from "../kernel/index.js";
import { assertBytes } from "./bytes.js";
import { assertCloseBody, encodeCloseBody } from "./close-body.js";
import { checkPayloadLength, firstByte, headerLengthFor, writeHeader } from "./frame-header.js";
import { EMPTY, utf8Length, writable, writeUtf8 } from "./host.js";
import { maskWith, nextMaskingKey, writeMaskingKey } from "./masking.js";
import { Opcode } from "./opcode.js";
import type { Role } from "./role.js";
import { workspace } from "./workspace.js";

/** Bytes of a new slab: some hundreds of small frames, and still cheap to drop. */
const SLAB_LENGTH = 0x4000;

/** A slab that grew beyond this is let go when it can be: 2 MiB. */
const MAX_KEPT_LENGTH = 1 << 21;

/** Up to this many units a loop here is faster than a call of the host's encoder (`bench/micro/encode.ts`). */
const LOOP_UNITS = 24;

/** UTF-8 takes at most three bytes for a UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;

/** Above this many units the length in UTF-8 is worth counting before memory is reserved for it. */
const EXACT_UNITS = 0x8000;

/** First bytes of messages in one frame: FIN and the opcode. */
const FIN_TEXT = 0x81;
const FIN_BINARY = 0x82;

/** Up to this many bytes a loop copies faster than a call. */
const LOOP_LENGTH = 16;

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

  /** Appends a text frame. */
  text(message: string, bits?: FrameBits): void {
    if (bits === undefined && typeof message === "string") this.#text(FIN_TEXT, Opcode.Text, message);
    else this.frame(Opcode.Text, message, bits);
  }

  /** Appends a binary frame; the bytes are copied. */
  binary(message: Uint8Array, bits?: FrameBits): void {
    if (bits !== undefined || typeof message === "string") {
      this.frame(Opcode.Binary, message, bits);
      return;
    }
    const { length } = message;
    const end = this.#end;
    const slab = this.#slab;
    if (this.#masked || !(length <= LOOP_LENGTH) || slab.length - end < LOOP_LENGTH + 2) {
      this.#bytes(FIN_BINARY, Opcode.Binary, message);
      return;
    }
    // What takes no longer than its checks would.
    assertBytes(message, "a payload that is not a string");
    slab[end] = FIN_BINARY;
    slab[end + 1] = length;
    for (let i = 0; i < length; i++) slab[end + 2 + i] = message[i];
    this.#end = end + 2 + length;
  }

  /** Appends a Ping frame (§5.5.2) of at most 125 bytes. */
  ping(payload: Uint8Array | string = EMPTY): void {
    this.frame(Opcode.Ping, payload);
  }

  /** Appends a Pong frame (§5.5.3) of at most 125 bytes. */
  pong(payload: Uint8Array | string = EMPTY): void {
    this.frame(Opcode.Pong, payload);
  }

  /** Appends a Close frame (§5.5.1); see `encodeCloseBody` for what is refused. */
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
   * Says that nobody needs bytes taken earlier any more, because they were written: their memory, which is warm,
   * is used again once that is true of all of them. Bytes not yet taken stay.
   *
   * @param taken - what `take` returned; default: everything that it ever returned.
   */
  recycle(taken?: Uint8Array): void {
    if (taken === undefined) this.#outstanding = 0;
    else if (taken.buffer === this.#slab.buffer) this.#outstanding--;
    if (this.#outstanding > 0 || this.#start !== this.#end) return;
    if (this.#slab.length > MAX_KEPT_LENGTH) this.#slab = EMPTY;
    this.#start = this.#end = 0;
  }

  /** Makes room for `length` more bytes. */
  #reserve(length: number): void {
    if (this.#slab.length - this.#end >= length) return;
    const held = this.#end - this.#start;
    // Cleared memory: what is not written yet can be reached through the buffer of what is taken.
    const grown = writable(new Uint8Array(Math.max(SLAB_LENGTH, held + length, 2 * held)));
    grown.set(this.#slab.subarray(this.#start, this.#end));
    this.#slab = grown;
    this.#start = 0;
    this.#end = held;
    this.#outstanding = 0;
  }

  #bytes(first: number, opcode: number, payload: Uint8Array): void {
    assertBytes(payload, "a payload that is not a string");
    const length = payload.length;
    checkPayloadLength(opcode, length);
    // Drawn first: it may be somebody's function, which may use this encoder.
    const key = this.#masked ? this.#nextKey() : 0;
    this.#reserve(headerLengthFor(length, this.#masked) + length);
    const slab = this.#slab;
    const at = writeHeader(slab, this.#end, first, length, this.#masked);
    if (this.#masked) {
      writeMaskingKey(slab, at, key);
      maskWith(key, payload, slab, at + 4, length);
      this.#end = at + 4 + length;
    } else {
      slab.set(payload, at);
      this.#end = at + length;
    }
  }

  #text(first: number, opcode: number, text: string): void {
    const units = text.length;
    // UTF-8 has at least a byte for each unit, so a text that is too long is refused before it is written.
    checkPayloadLength(opcode, units);
    const key = this.#masked ? this.#nextKey() : 0;
    const most = units > EXACT_UNITS ? utf8Length(text) : units * MAX_BYTES_PER_UNIT;
    this.#reserve(headerLengthFor(most, this.#masked) + most);
    const slab = this.#slab;
    // Most text is ASCII: write it where it then belongs, and move it where it is not.
    const guess = this.#end + headerLengthFor(units, this.#masked);
    const length =
      units <= LOOP_UNITS
        ? writeShort(text, slab, guess, key)
        : this.#masked
          ? writeMasked(text, most, slab, guess, key)
          : writeUtf8(text, slab, guess);
    checkPayloadLength(opcode, length);
    const start = this.#end + headerLengthFor(length, this.#masked);
    if (start !== guess) slab.copyWithin(start, guess, guess + length);
    const at = writeHeader(slab, this.#end, first, length, this.#masked);
    if (this.#masked) writeMaskingKey(slab, at, key);
    this.#end = start + length;
  }
}

/** Writes UTF-8, masked (with 0: not), and returns its length in bytes. A lone surrogate becomes U+FFFD. */
function writeShort(text: string, target: Uint8Array, offset: number, key: number): number {
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let point = text.charCodeAt(i);
    if (point < 0x80) {
      target[offset + length] = point ^ (key >>> ((length++ & 3) << 3));
      continue;
    }
    if ((point & 0xf800) === 0xd800) {
      point = text.codePointAt(i) as number;
      if (point > 0xffff) i++;
      else point = 0xfffd;
    }
    const tails = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
    for (let tail = tails; tail >= 0; tail--) {
      const bits = point >>> (6 * tail);
      // The lead of n tails begins with n + 1 ones and a zero: 110, 1110, 11110.
      const byte = tail < tails ? 0x80 | (bits & 0x3f) : ((0xf00 >>> (tails + 1)) & 0xff) | bits;
      target[offset + length] = byte ^ (key >>> ((length++ & 3) << 3));
    }
  }
  return length;
}

/** Writes masked UTF-8 and returns its length in bytes; `most` is what it can be. */
function writeMasked(text: string, most: number, target: Uint8Array, offset: number, key: number): number {
  if (most > WINDOW_LENGTH) {
    const length = writeUtf8(text, target, offset);
    maskWith(key, target.subarray(offset, offset + length), target, offset, length);
    return length;
  }
  const space = workspace();
  const length = writeUtf8(text, space.memory, SCRATCH);
  space.kernel.mask(SCRATCH, SCRATCH, length, key);
  target.set(space.scratch(length), offset);
  return length;
}
