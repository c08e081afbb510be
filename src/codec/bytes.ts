/** The check of bytes that callers pass. */

/**
 * Checks that a value is a Uint8Array (or a Buffer, or one of another realm, as test runners make them).
 *
 * @param name - names the value in the message.
 * @throws {TypeError} when it is not.
 */
export function assertBytes(value: unknown, name: string): asserts value is Uint8Array {
  if (value instanceof Uint8Array) return;
  if (Object.prototype.toString.call(value) !== "[object Uint8Array]") {
    throw new TypeError(`${name} must be a Uint8Array`);
  }
}

/** Makes views of bytes: Uint8Array, or a class that extends it, such as Node's Buffer. */
export type BytesClass = new (buffer: ArrayBufferLike, byteOffset: number, length: number) => Uint8Array;
