/**
 * Runs half a suite in a process of its own and sends the results to `index.ts`. Optimised code depends on
 * everything that ran before it: a second backend makes hawser's calls into the kernel polymorphic, a second
 * copy of ws its receivers. So hawser meets the peer alone ("duel"), and all others meet the same peer
 * in another process ("others"), where the kernel is the reference.
 */

import { setImmediate } from "node:timers/promises";
import { compressionContests } from "./compression.js";
import { decodeContests } from "./decode.js";
import { encodeContests } from "./encode.js";
import { type Contest, type Field, FULL_PACE, measure, QUICK_PACE, type Result } from "./harness.js";
import { kernelBackend, selectKernel } from "./hawser.js";
import { maskingContests } from "./masking.js";
import { pathContests } from "./path.js";
import { utf8Contests } from "./utf8.js";

/** Suites that run here; `start.ts` has processes of its own. */
const SUITES = {
  decode: decodeContests,
  encode: encodeContests,
  masking: maskingContests,
  utf8: utf8Contests,
  compression: compressionContests,
  path: pathContests,
} satisfies Record<string, (field: Field, isQuick: boolean) => Iterable<Contest> | AsyncIterable<Contest>>;
export type Suite = keyof typeof SUITES;

if (process.send !== undefined) {
  const [suite, field, pace] = process.argv.slice(2) as [Suite, Field, string];
  if (field === "others") selectKernel("reference");
  else if (kernelBackend() !== "wasm") throw new Error("this runtime has no WebAssembly: nothing to measure");
  const results: Result[] = [];
  for await (const contest of SUITES[suite](field, pace === "quick")) {
    showProgress(`${contest.table}, ${contest.size} B`);
    results.push(...(await measure(contest, pace === "quick" ? QUICK_PACE : FULL_PACE)));
    await setImmediate(); // streams finish their writes here
  }
  showProgress("");
  process.send(results);
}

function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
