/** What public doors must not take for bytes, what they must, and memory that shows who was careless. */

import { runInNewContext } from "node:vm";

/** Values that are no Uint8Array, some of which look like one. */
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
