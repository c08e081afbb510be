/**
 * Properties with a seed that is printed and can be given back: HAWSER_SEED=… repeats a run,
 * HAWSER_RUNS=… makes it longer or shorter.
 */

import { it } from "node:test";
import fc from "fast-check";

const given = process.env.HAWSER_SEED;
export const SEED = given === undefined || given === "" ? Date.now() | 0 : Number(given);

/** How many runs a property gets that asks for `runs`. */
export function runCount(runs: number): number {
  const override = Number(process.env.HAWSER_RUNS ?? "");
  return override > 0 ? override : runs;
}

/** Registers a test of a property. */
export function itHolds<T>(name: string, runs: number, of: fc.Arbitrary<T>, holds: (value: T) => void): void {
  it(`${name} [HAWSER_SEED=${SEED}]`, () => {
    fc.assert(fc.property(of, holds), { seed: SEED, numRuns: runCount(runs) });
  });
}

/** A small fast generator (mulberry32) for sweeps where fast-check would cost more than the thing tested. */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
}

/** `length` bytes from such a generator. */
export function randomBytes(next: () => number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = next();
  return bytes;
}
