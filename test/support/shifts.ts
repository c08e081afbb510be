/** Counts the functions that `shift` moves to take the first: a queue that uses it takes quadratic time. */

import type { TestContext } from "node:test";

/** Begins to count, until the test ends. Returns a function that returns the count. */
export function countMoved(t: TestContext): () => number {
  const { shift } = Array.prototype;
  let moved = 0;
  function counting<T>(this: T[]): T | undefined {
    if (typeof this[0] === "function") moved += this.length - 1;
    return shift.call(this) as T | undefined;
  }
  const define = (value: unknown) => Object.defineProperty(Array.prototype, "shift", { value });
  define(counting);
  t.after(() => define(shift));
  return () => moved;
}
