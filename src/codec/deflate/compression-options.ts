/** Options that compressors and decompressors share, and their checks. */

/** Fast: the network is seldom so slow that more pays. */
export const DEFAULT_LEVEL = 1;

/** RFC 7692 §7.1.2: "an integer value between 8 to 15, inclusive". */
export function assertWindowBits(value: unknown, name: string): void {
  assertInteger(value, name, 8, 15);
}

/** @throws {TypeError | RangeError} naming the expected value. */
export function assertInteger(value: unknown, name: string, least: number, most: number): void {
  const expected = `${name} must be an integer from ${least} to ${most}`;
  if (typeof value !== "number") throw new TypeError(`${expected}, not ${String(value)}`);
  if (!Number.isInteger(value) || value < least || value > most) {
    throw new RangeError(`${expected}, not ${value}`);
  }
}
