/** Bytes in any of the shapes that JavaScript has for them. */

export type Bytes = Uint8Array | ArrayBuffer | SharedArrayBuffer | ArrayBufferView;

/** The length that the engine keeps: a subclass may claim another. */
const lengthOf = Reflect.getOwnPropertyDescriptor(
  Object.getPrototypeOf(Uint8Array.prototype) as object,
  "length",
)?.get as (this: Uint8Array) => number;

/** Whether a value is a Uint8Array (or a Buffer) with its true length, so that no copy of it is needed. */
export function isPlainBytes(data: unknown): data is Uint8Array {
  return data instanceof Uint8Array && data.length === lengthOf.call(data);
}

/**
 * The bytes to be sent: a view of them, not a copy.
 *
 * @param expected - the types that the caller takes, for the error's text.
 * @throws {TypeError} for anything but bytes: a number, say, never becomes a length.
 */
export function toBytes(data: unknown, expected = "a string or bytes"): Uint8Array {
  if (isPlainBytes(data)) return data;
  if (ArrayBuffer.isView(data)) {
    // A subclass that claims another length is a view like any other.
    if (data instanceof Uint8Array) return new Uint8Array(data.buffer, data.byteOffset, lengthOf.call(data));
    return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  }
  const tag = Object.prototype.toString.call(data);
  if (tag === "[object ArrayBuffer]" || tag === "[object SharedArrayBuffer]") {
    return new Uint8Array(data as ArrayBuffer);
  }
  throw new TypeError(`data to send must be ${expected}, not ${describe(data)}`);
}

function describe(value: unknown): string {
  if (value === null || typeof value !== "object") return String(value);
  return `${Array.isArray(value) ? "an array" : "an object"} (sendJson sends its JSON)`;
}
