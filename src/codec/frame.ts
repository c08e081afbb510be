/**
 * One frame at a time (RFC 6455 §5): for tests, tools and small programs. Built on FrameDecoder and FrameEncoder,
 * which servers use.
 */

import { assertBytes } from "./bytes.js";
import { encodeCloseBody } from "./close-body.js";
import { DEFAULT_MAX_FRAME_SIZE, FrameDecoder } from "./frame-decoder.js";
import { type FrameBits, FrameEncoder } from "./frame-encoder.js";
import { MAX_HEADER_LENGTH } from "./frame-header.js";
import { nextMaskingKey, readMaskingKey, writeMaskingKey } from "./masking.js";
import { Opcode } from "./opcode.js";
import type { Role } from "./role.js";

/** A frame. */
export interface Frame {
  readonly opcode: Opcode;
  /** Whether it is the last of its message. */
  readonly fin: boolean;
  readonly rsv1: boolean;
  /** Whether its payload was masked on the wire. */
  readonly masked: boolean;
  /** Four bytes; undefined unless `masked`. */
  readonly maskingKey: Uint8Array | undefined;
  /** Length of its header, masking key included, in bytes. */
  readonly headerLength: number;
  /** Unmasked; the caller's. */
  readonly payload: Uint8Array;
}

export interface FrameDecodeResult {
  /** Undefined while the bytes do not hold all of it. */
  readonly frame: Frame | undefined;
  /** Bytes that the frame took; 0 without one. */
  readonly bytesConsumed: number;
}

export interface DecodeFrameOptions {
  /** Our side; then MASK must be as §5.1 says. Default "any": a frame may be masked or not. */
  readonly role?: Role | "any";
  /** Greatest payload length, in bytes. Default 1 MiB. */
  readonly maxFrameSize?: number;
  /** Whether RSV1 has a meaning. Default false. */
  readonly allowRsv1?: boolean;
}

export interface EncodeFrameOptions extends FrameBits {
  /** True to mask with a fresh key, as a client must; four bytes to mask with these. Default false. */
  readonly mask?: boolean | Uint8Array;
}

/** One encoder for each side serves every call; after a frame longer than this its memory is dropped. */
const encoders: { [role in Role]?: FrameEncoder } = {};
const KEPT_FRAME_LENGTH = 0x1000;
let givenKey = 0;

/**
 * Decodes the frame at the beginning of `bytes`, at any position in a message.
 *
 * @param bytes - left as they are; the payload is a copy.
 * @throws {ProtocolError} for a header that breaks a rule, and for a complete frame whose payload does.
 */
export function decodeFrame(bytes: Uint8Array, options: DecodeFrameOptions = {}): FrameDecodeResult {
  const { role = "any", maxFrameSize = DEFAULT_MAX_FRAME_SIZE, allowRsv1 = false } = options;
  assertBytes(bytes, "bytes");
  const decoder = new FrameDecoder({ role, maxFrameSize, allowRsv1, midMessage: true });
  // Copies: a decoder unmasks its chunks in place.
  decoder.push(new Uint8Array(bytes.subarray(0, MAX_HEADER_LENGTH)));
  let complete = decoder.next();
  if (!complete && decoder.error === undefined && decoder.headerLength > 0) {
    const length = decoder.headerLength + decoder.payloadLength;
    if (length <= bytes.length) {
      decoder.push(new Uint8Array(bytes.subarray(MAX_HEADER_LENGTH, length)));
      complete = decoder.next();
    }
  }
  if (decoder.error !== undefined) throw decoder.error;
  if (!complete) return { frame: undefined, bytesConsumed: 0 };
  const { fin, rsv1, masked, headerLength, payload, payloadLength } = decoder;
  let maskingKey: Uint8Array | undefined;
  if (masked) {
    maskingKey = new Uint8Array(4);
    writeMaskingKey(maskingKey, 0, decoder.maskingKey);
  }
  const opcode = decoder.opcode as Opcode;
  const frame = { opcode, fin, rsv1, masked, maskingKey, headerLength, payload };
  return { frame, bytesConsumed: headerLength + payloadLength };
}

/**
 * Encodes a frame.
 *
 * @param payload - bytes, copied; or a string, encoded as UTF-8.
 * @returns new bytes.
 * @throws {RangeError} for a frame that §5.2 or §5.5 does not allow.
 * @throws {TypeError} for a payload or masking key of another type.
 */
export function encodeFrame(
  opcode: Opcode,
  payload: Uint8Array | string,
  options: EncodeFrameOptions = {},
): Uint8Array<ArrayBuffer> {
  const { mask = false } = options;
  let key = 0;
  if (mask === true) {
    key = nextMaskingKey();
  } else if (mask !== false) {
    assertBytes(mask, "mask, unless true or false,");
    if (mask.length !== 4) throw new TypeError(`a masking key has 4 bytes, not ${mask.length}`);
    key = readMaskingKey(mask);
  }
  const role = mask === false ? "server" : "client";
  const encoder = (encoders[role] ??= new FrameEncoder({ role, generateMaskingKey: () => givenKey }));
  givenKey = key;
  encoder.frame(opcode, payload, options);
  const bytes = new Uint8Array(encoder.take());
  encoder.recycle();
  if (bytes.length > KEPT_FRAME_LENGTH) delete encoders[role];
  return bytes;
}

/** Encodes a text frame. A server's by default; `{ mask: true }` for a client's. */
export function encodeText(message: string, options?: EncodeFrameOptions): Uint8Array<ArrayBuffer> {
  return encodeFrame(Opcode.Text, message, options);
}

/** Encodes a binary frame. A server's by default; `{ mask: true }` for a client's. */
export function encodeBinary(data: Uint8Array, options?: EncodeFrameOptions): Uint8Array<ArrayBuffer> {
  return encodeFrame(Opcode.Binary, data, options);
}

/**
 * Encodes a Close frame, by default with an empty body.
 *
 * @throws {RangeError} for a code that must not be sent, or a reason of more than 123 bytes.
 */
export function encodeClose(
  code?: number,
  reason?: string,
  options?: EncodeFrameOptions,
): Uint8Array<ArrayBuffer> {
  return encodeFrame(Opcode.Close, encodeCloseBody(code, reason), options);
}

/** Encodes a Ping frame with a payload of at most 125 bytes; default: none. */
export function encodePing(
  payload: Uint8Array | string = "",
  options?: EncodeFrameOptions,
): Uint8Array<ArrayBuffer> {
  return encodeFrame(Opcode.Ping, payload, options);
}

/** Encodes a Pong frame with a payload of at most 125 bytes; default: none. */
export function encodePong(
  payload: Uint8Array | string = "",
  options?: EncodeFrameOptions,
): Uint8Array<ArrayBuffer> {
  return encodeFrame(Opcode.Pong, payload, options);
}
