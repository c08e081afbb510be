/** How much memory something keeps alive: by the garbage collector's own account. */

import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
export const collectGarbage = runInNewContext("gc") as () => void;

function measure(): number {
  // V8 frees the memory of ArrayBuffers in the background; the next collection waits for that.
  for (let i = 0; i < 3; i++) collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/**
 * Bytes, on the heap and beside it, that what `make` returns keeps alive. Call `make` once before, so that
 * compiled code and the like are not counted; some noise remains.
 */
export function retainedBy(make: () => unknown): number {
  const before = measure();
  const kept = [make()];
  const after = measure();
  assert.equal(kept.length, 1); // so that it lives until here
  return after - before;
}
