/**
 * The bits of a frame's header as RFC 6455 §5.2 draws them, valid or not: the codec judges, this only shows. Of a
 * header that is cut, the fields that have arrived.
 */

export interface Header {
  readonly fin: boolean;
  readonly rsv: readonly [boolean, boolean, boolean];
  readonly opcode: number;
  /** Undefined while only the first byte is there. */
  readonly masked: boolean | undefined;
  /** The seven bits: the length, or 126 or 127. */
  readonly length7: number | undefined;
  /** Bytes of the extended length: 0, 2 or 8. */
  readonly extendedLength: 0 | 2 | 8;
  /** Undefined while it is cut. */
  readonly payloadLength: bigint | undefined;
  /** Undefined while it is cut, and for a frame without one. */
  readonly maskingKey: Uint8Array | undefined;
  /** Bytes that the header has, or will have. */
  readonly length: number;
}

const EXTENDED_16 = 126;
const EXTENDED_64 = 127;

/** @param bytes - at least one, from the beginning of a frame. */
export function readHeader(bytes: Uint8Array): Header {
  const [first, second] = bytes;
  const masked = second === undefined ? undefined : (second & 0x80) !== 0;
  const length7 = second === undefined ? undefined : second & 0x7f;
  const extendedLength = length7 === EXTENDED_16 ? 2 : length7 === EXTENDED_64 ? 8 : 0;
  const keyStart = 2 + extendedLength;
  const length = keyStart + (masked === true ? 4 : 0);
  return {
    fin: (first & 0x80) !== 0,
    rsv: [(first & 0x40) !== 0, (first & 0x20) !== 0, (first & 0x10) !== 0],
    opcode: first & 0x0f,
    masked,
    length7,
    extendedLength,
    payloadLength:
      bytes.length >= keyStart ? readLength(bytes, length7 as number, extendedLength) : undefined,
    maskingKey: masked === true && bytes.length >= length ? bytes.slice(keyStart, length) : undefined,
    length,
  };
}

function readLength(bytes: Uint8Array, length7: number, extendedLength: 0 | 2 | 8): bigint {
  if (extendedLength === 0) return BigInt(length7);
  let length = 0n;
  for (let i = 0; i < extendedLength; i++) length = (length << 8n) | BigInt(bytes[2 + i]);
  return length;
}

/** One field of the header in the drawing. A field that a line of 32 bits cuts is drawn as two of these. */
export interface Box {
  readonly field: "fin" | "rsv" | "opcode" | "mask" | "length" | "extended" | "key";
  readonly name: string;
  /** Bits of the frame before it. */
  readonly start: number;
  /** Its bits as digits; as many dots where they have not arrived. */
  readonly bits: string;
  /** Whether it continues the line before. */
  readonly isContinued: boolean;
}

const LINE_BITS = 32;

/** All boxes of a header, from the first bit on. */
export function boxesOf(header: Header, bytes: Uint8Array): Box[] {
  const boxes: Box[] = [];
  let start = 0;
  const add = (field: Box["field"], name: string, length: number) => {
    for (let left = length, isContinued = false; left > 0; isContinued = true) {
      const taken = Math.min(left, LINE_BITS - (start % LINE_BITS));
      boxes.push({ field, name, start, bits: bitsOf(bytes, start, taken), isContinued });
      start += taken;
      left -= taken;
    }
  };
  add("fin", "FIN", 1);
  for (const n of [1, 2, 3]) add("rsv", `RSV${n}`, 1);
  add("opcode", "opcode", 4);
  add("mask", "MASK", 1);
  add("length", "Payload len", 7);
  add("extended", "Extended payload length", header.extendedLength * 8);
  add("key", "Masking-key", header.masked === true ? LINE_BITS : 0);
  return boxes;
}

function bitsOf(bytes: Uint8Array, start: number, length: number): string {
  let bits = "";
  for (let at = start; at < start + length; at++) {
    const byte = bytes[at >> 3];
    bits += byte === undefined ? "·" : String((byte >> (7 - (at & 7))) & 1);
  }
  return bits;
}
