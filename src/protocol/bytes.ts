/** Bytes in any of the shapes that JavaScript has for them. */

export type Bytes = Uint8Array | ArrayBuffer | ArrayBufferView;

/**
 * What was given to be sent, as bytes; a view of them, not a copy.
 *
 * @throws {TypeError} for anything but bytes: a number, say, never becomes a length.
 */
export function toBytes(data: Bytes): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const tag = Object.prototype.toString.call(data);
  if (tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]") return new Uint8Array(data);
  throw new TypeError(`what is sent must be a string, bytes or a prepared message, not ${describe(data)}`);
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  return Array.isArray(value) ? "an array" : "an object";
}
