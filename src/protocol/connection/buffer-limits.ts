/** How much may wait to be sent, and what happens then: the same words on every transport. Knows no connection. */

import { nameOf } from "./handlers.js";

/** What happens when more than `maxBufferedAmount` bytes wait and another message is sent. */
export type OverflowPolicy = "close" | "drop" | "throw";

export interface BufferLimits {
  /** Bytes that may wait before `send` says so by returning false. Default 64 KiB. */
  readonly highWaterMark?: number | undefined;
  /** Bytes that may wait before `onOverflow` is done. Default 16 MiB. */
  readonly maxBufferedAmount?: number | undefined;
  /**
   * close: no more is sent but a Close with code 1013, where the transport can send that code; drop: the message is
   * not sent, and `send` returns undefined; throw: `send` throws a RangeError. Default "close".
   */
  readonly onOverflow?: OverflowPolicy | undefined;
}

const POLICIES: readonly unknown[] = ["close", "drop", "throw"];

/**
 * Checks limits and fills in the defaults.
 *
 * @throws {TypeError | RangeError} naming the expected value.
 */
export function checkBufferLimits(limits: BufferLimits): {
  highWaterMark: number;
  maxBufferedAmount: number;
  onOverflow: OverflowPolicy;
} {
  const { highWaterMark = 0x10000, maxBufferedAmount = 1 << 24, onOverflow = "close" } = limits;
  assertByteCounts({ highWaterMark, maxBufferedAmount });
  if (!POLICIES.includes(onOverflow)) {
    throw new TypeError(`onOverflow must be "close", "drop" or "throw", not ${nameOf(onOverflow)}`);
  }
  return { highWaterMark, maxBufferedAmount, onOverflow };
}

/** @throws {RangeError} for a limit that is not a number of bytes, by its name. */
export function assertByteCounts(limits: Readonly<Record<string, unknown>>): void {
  for (const [name, value] of Object.entries(limits)) {
    if (typeof value !== "number" || !(value >= 0)) {
      throw new RangeError(`${name} must be a number of bytes from 0 to Infinity, not ${nameOf(value)}`);
    }
  }
}

/** The error of the policy "close". */
export function readsTooSlowly(waiting: number, maxBufferedAmount: number): RangeError {
  return new RangeError(
    `the peer reads too slowly: ${waiting} bytes wait for it, and maxBufferedAmount is ${maxBufferedAmount}`,
  );
}

/**
 * The error of the policy "throw".
 *
 * @param waiting - bytes that wait.
 */
export function bufferOverflow(waiting: number, maxBufferedAmount: number): RangeError {
  return new RangeError(`${waiting} bytes wait to be sent, and maxBufferedAmount is ${maxBufferedAmount}`);
}
