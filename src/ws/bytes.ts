/** Bytes in the shapes that users of `ws` give and get. */

import type { BytesClass } from "../codec/index.js";
import { toBytes } from "../protocol/index.js";

export const EMPTY = /* @__PURE__ */ Buffer.alloc(0);

export const BINARY_TYPES = ["nodebuffer", "arraybuffer", "fragments", "blob"] as const;
export type BinaryType = (typeof BINARY_TYPES)[number];

/** The class of Buffers, which makes views faster than `Buffer.from`; undefined on a runtime that does not show it. */
export const BufferClass = /* @__PURE__ */ (() => {
  const found = (Buffer as unknown as { [Symbol.species]?: BytesClass })[Symbol.species];
  return found !== Buffer && found?.prototype === Buffer.prototype ? found : undefined;
})();

/** The same bytes as a Buffer; not a copy. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A binary message as `binaryType` wants it. */
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
  // Parts of a message are put together as they arrive.
  return bytes.length === 0 ? [] : [asBuffer(bytes)];
}

/** Whether a value is a Blob or a File, of any make. */
export function isBlob(value: unknown): value is Blob {
  if (typeof value !== "object" || value === null) return false;
  const { arrayBuffer, stream, type } = value as Partial<Blob>;
  const tag = (value as { [Symbol.toStringTag]?: unknown })[Symbol.toStringTag];
  const hasMembers =
    typeof arrayBuffer === "function" && typeof stream === "function" && typeof type === "string";
  return hasMembers && (tag === "Blob" || tag === "File");
}

/**
 * What is to be sent, as bytes: a view of bytes, or what `Buffer.from` makes of anything else.
 *
 * @throws {TypeError} what `Buffer.from` throws.
 */
export function bytesOf(data: unknown): Uint8Array {
  if (data instanceof Uint8Array) return data;
  if (typeof data === "string") return Buffer.from(data);
  if (ArrayBuffer.isView(data) || data instanceof ArrayBuffer) return toBytes(data);
  return Buffer.from(data as Uint8Array);
}

/** What `send` and `ping` take for their data: a number is its digits, and nothing is no bytes. */
export function payloadOf(data: unknown): unknown {
  if (typeof data === "number") return String(data);
  return data || EMPTY;
}

/** Bytes that a message has. */
export function byteLengthOf(data: unknown): number {
  if (typeof data === "string") return Buffer.byteLength(data);
  return isBlob(data) ? data.size : bytesOf(data).length;
}
