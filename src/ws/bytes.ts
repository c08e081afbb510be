/** Conversions between bytes and the types that `ws` accepts and delivers. */

import type { BytesClass } from "../codec/index.js";
import { toBytes } from "../protocol/index.js";

export const EMPTY = /* @__PURE__ */ Buffer.alloc(0);

export const BINARY_TYPES = ["nodebuffer", "arraybuffer", "fragments", "blob"] as const;
export type BinaryType = (typeof BINARY_TYPES)[number];

/** The class of Buffers, which creates views faster than `Buffer.from`; undefined if the runtime hides it. */
export const BufferClass = /* @__PURE__ */ (() => {
  const found = (Buffer as unknown as { [Symbol.species]?: BytesClass })[Symbol.species];
  return found !== Buffer && found?.prototype === Buffer.prototype ? found : undefined;
})();

/** A Buffer over the same memory, not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Converts a binary message to the given `binaryType`. */
export function shapeOf(bytes: Uint8Array, type: BinaryType): Buffer | ArrayBuffer | Buffer[] | Blob {
  if (type === "nodebuffer") return asBuffer(bytes);
  if (type === "arraybuffer") {
    const { buffer, byteOffset, byteLength } = bytes;
    const isWhole = byteLength === buffer.byteLength;
    return isWhole
      ? (buffer as ArrayBuffer)
      : (buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
  }
  if (type === "blob") return new Blob([bytes as Uint8Array<ArrayBuffer>]);
  // "fragments": the parts of a message were joined as they arrived, so there is at most one.
  return bytes.length === 0 ? [] : [asBuffer(bytes)];
}

/** Whether a value is a Blob or a File, of any implementation. */
export function isBlob(value: unknown): value is Blob {
  if (typeof value !== "object" || value === null) return false;
  const { arrayBuffer, stream, type } = value as Partial<Blob>;
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  const hasMembers =
    typeof arrayBuffer === "function" && typeof stream === "function" && typeof type === "string";
  return hasMembers && (tag === "Blob" || tag === "File");
}

/**
 * Converts data to bytes: a view of binary data, else the result of `Buffer.from`.
 *
 * @throws {TypeError} from `Buffer.from`, for unsupported data.
 */
export function bytesOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === "string") return Buffer.from(data);
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return toBytes(data);
  return Buffer.from(data as Uint8Array);
}

/** Normalizes data of `send` and `ping`: a number becomes a string, and other falsy values become empty data. */
export function payloadOf(data: unknown): unknown {
  if (typeof data === "number") return String(data);
  return data || EMPTY;
}

/** The length of a message's data in bytes. */
export function byteLengthOf(data: unknown): number {
  if (typeof data === "string") return Buffer.byteLength(data);
  return isBlob(data) ? data.size : bytesOf(data).length;
}
