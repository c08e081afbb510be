/** What public doors must not take for bytes, what they must, and memory that shows who was careless. */

import { runInNewContext } from "node:vm";

/** Values that are not Uint8Array, some of which look like one. */
export const NOT_BYTES: readonly unknown[] = [
  new ArrayBuffer(4),
  "text",
  [1, 2, 3, 4],
  new DataView(new ArrayBuffer(4)),
  new Uint16Array(2),
  { length: 4 },
  5,
  null,
  undefined,
];

/** Those of them that hold no bytes in any shape. */
export const NO_BYTES: readonly unknown[] = NOT_BYTES.filter(
  (value) => !(value instanceof ArrayBuffer || ArrayBuffer.isView(value)),
);

/** A Uint8Array that claims to have another length than it has. */
class Liar extends Uint8Array<ArrayBuffer> {
  override get length(): number {
    return 3;
  }
}

/** The same bytes, sixteen or a multiple of eight, in every shape that JavaScript has for bytes. */
export function shapesOf(
  bytes: Uint8Array,
): readonly [name: string, shape: ArrayBuffer | SharedArrayBuffer | ArrayBufferView][] {
  const { length } = bytes;
  // With other bytes before and behind, which must not be sent.
  const padded = new Uint8Array(length + 32).fill(0xee);
  padded.set(bytes, 16);
  const alone = padded.slice(16, 16 + length);
  const shared = new SharedArrayBuffer(length + 32);
  new Uint8Array(shared).set(padded);
  return [
    ["Uint8Array", padded.subarray(16, 16 + length)],
    ["Buffer", Buffer.from(padded.buffer, 16, length)],
    ["ArrayBuffer", alone.buffer],
    ["SharedArrayBuffer", shared.slice(16, 16 + length)],
    ["DataView", new DataView(padded.buffer, 16, length)],
    ["Uint8ClampedArray", new Uint8ClampedArray(padded.buffer, 16, length)],
    ["Int16Array", new Int16Array(padded.buffer, 16, length / 2)],
    ["Float64Array", new Float64Array(padded.buffer, 16, length / 8)],
    ["a view of a SharedArrayBuffer", new Uint8Array(shared, 16, length)],
    ["a Uint8Array of another realm", ofAnotherRealm(bytes)],
    ["a subclass that lies about its length", new Liar(padded.buffer, 16, length)],
  ];
}

const OtherUint8Array = runInNewContext("Uint8Array") as Uint8ArrayConstructor;

/** The same bytes as a Uint8Array of another realm, which is not `instanceof Uint8Array` here. */
export function ofAnotherRealm(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return OtherUint8Array.from(bytes);
}

/** What uncleared memory holds while `withDirtyMemory` runs. */
export const DIRT = 0xa5;

/** Runs `body` on a host whose uncleared memory is full of DIRT. */
export function withDirtyMemory<T>(body: () => T): T {
  const { allocUnsafeSlow } = Buffer;
  Buffer.allocUnsafeSlow = (length) => allocUnsafeSlow(length).fill(DIRT);
  try {
    return body();
  } finally {
    Buffer.allocUnsafeSlow = allocUnsafeSlow;
  }
}
