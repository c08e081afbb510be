/** Frames out of bytes, read by hand from RFC 6455 §5.2: tests do not trust the decoder under test. */

import { concat } from "./frames.js";

export interface WireFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv: number;
  readonly masked: boolean;
  /** Unmasked. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

const NAMES = new Map([
  [0, "continuation"],
  [1, "text"],
  [2, "binary"],
  [8, "close"],
  [9, "ping"],
  [10, "pong"],
]);

/** Collects bytes and gives whole frames. */
export class WireReader {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(0);

  push(chunk: Uint8Array): void {
    this.#bytes = concat([this.#bytes, chunk]);
  }

  /** Bytes that are not a whole frame yet. */
  get rest(): number {
    return this.#bytes.length;
  }

  next(): WireFrame | undefined {
    const bytes = this.#bytes;
    if (bytes.length < 2) return undefined;
    const masked = (bytes[1] & 0x80) !== 0;
    const short = bytes[1] & 0x7f;
    const lengthBytes = short === 127 ? 8 : short === 126 ? 2 : 0;
    const header = 2 + lengthBytes + (masked ? 4 : 0);
    if (bytes.length < header) return undefined;
    let length = lengthBytes === 0 ? short : 0;
    for (let i = 0; i < lengthBytes; i++) length = length * 256 + bytes[2 + i];
    if (bytes.length < header + length) return undefined;
    const payload = bytes.slice(header, header + length);
    if (masked) for (let i = 0; i < length; i++) payload[i] ^= bytes[header - 4 + (i & 3)];
    this.#bytes = bytes.slice(header + length);
    const first = bytes[0];
    return { opcode: first & 0x0f, fin: first >= 0x80, rsv: (first >> 4) & 7, masked, payload };
  }
}

/** All frames of some bytes, which must be whole. */
export function readFrames(bytes: Uint8Array | readonly Uint8Array[]): WireFrame[] {
  const reader = new WireReader();
  reader.push(bytes instanceof Uint8Array ? bytes : concat(bytes));
  const frames: WireFrame[] = [];
  for (let frame: WireFrame | undefined; (frame = reader.next()) !== undefined; ) frames.push(frame);
  if (reader.rest > 0) throw new Error(`${reader.rest} bytes are left behind the last frame`);
  return frames;
}

/**
 * A frame in words: "text hello", "ping", "close 1000 bye", "binary 00ff"; "…" behind the name says that its
 * message goes on.
 */
export function describeFrame({ opcode, fin, payload }: WireFrame): string {
  const name = (NAMES.get(opcode) ?? `opcode ${opcode}`) + (fin ? "" : "…");
  if (payload.length === 0) return name;
  const bytes = Buffer.from(payload);
  if (opcode === 8) return `${name} ${bytes.readUInt16BE()} ${bytes.subarray(2).toString()}`.trimEnd();
  return `${name} ${opcode === 2 ? bytes.toString("hex") : bytes.toString()}`;
}

/** Frames of some bytes, in words. */
export function describeFrames(bytes: Uint8Array | readonly Uint8Array[]): string[] {
  return readFrames(bytes).map(describeFrame);
}
