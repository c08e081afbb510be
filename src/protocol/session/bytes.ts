/** Bytes in any of the shapes that JavaScript has for them. */

export type Bytes = Uint8Array | ArrayBuffer | ArrayBufferView;

/**
 * What was given to be sent, as bytes; a view of them, not a copy.
 *
 * @param expected - what else is taken, for the error's words.
 * @throws {TypeError} for anything but bytes: a number, say, never becomes a length.
 */
export function toBytes(data: Bytes, expected = "a string or bytes"): Uint8Array {
  if (ArrayBuffer.isView(data)) return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const tag = Object.prototype.toString.call(data);
  if (tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]") return new Uint8Array(data);
  throw new TypeError(`what is sent must be ${expected}, not ${describe(data)}`);
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  return Array.isArray(value) ? "an array" : "an object";
}
