/**
 * One backend of the benchmark, in a worker of its own. The reference is what the codec takes where there is no
 * WebAssembly: so here there is none, before the codec is loaded.
 */

import { Bench, type Task } from "tinybench";
import type { Case } from "./cases.js";
import type { Answer, Order } from "./protocol.js";

/** A sample is at least so long, however short an operation is: browsers' clocks have coarse steps. */
const LEAST_SAMPLE_MS = 0.5;
const LEAST_SAMPLES = 5;

interface Timed {
  readonly task: Task;
  readonly bench: Bench;
  /** Operations of a sample. */
  readonly operations: number;
}

let cases: readonly Case[] = [];
const timed = new Map<number, Timed>();
/** Results go here, so that nothing can be left out as useless. */
let sink = 0;

function say(answer: Answer): void {
  postMessage(answer);
}

async function begin(backend: "wasm" | "reference"): Promise<void> {
  if (backend === "reference") Reflect.deleteProperty(globalThis, "WebAssembly");
  const [{ kernelBackend }, { makeCases }] = await Promise.all([
    import("hawser/codec"),
    import("./cases.js"),
  ]);
  cases = makeCases();
  const infos = cases.map(({ name, size, digest }) => ({ name, size, digest: digest() }));
  say({ answer: "ready", backend: kernelBackend(), cases: infos });
}

/** How often a case must run to fill a sample. Warms it up at the same time. */
function countRuns({ run }: Case): number {
  for (let runs = 1; ; runs *= 2) {
    const start = performance.now();
    for (let i = 0; i < runs; i++) sink += run();
    if (performance.now() - start >= LEAST_SAMPLE_MS) return runs;
  }
}

function prepare(index: number, timeMs: number): Timed {
  const { name, run, operations } = cases[index];
  countRuns(cases[index]);
  const runs = countRuns(cases[index]);
  const bench = new Bench({ time: timeMs, iterations: LEAST_SAMPLES, warmup: false, throws: true });
  bench.add(name, () => {
    for (let i = 0; i < runs; i++) sink += run();
  });
  const [task] = bench.tasks;
  return { task, bench, operations: operations * runs };
}

function measure(index: number, timeMs: number): void {
  const found = timed.get(index) ?? prepare(index, timeMs);
  timed.set(index, found);
  found.task.reset();
  found.task.runSync();
  const { result } = found.task;
  if (result.state !== "completed") throw new Error(`${cases[index].name}: ${result.state}`);
  say({ answer: "ran", ns: (result.latency.p50 * 1e6) / found.operations });
}

addEventListener("message", async ({ data }: MessageEvent<Order>) => {
  try {
    if (data.order === "begin") await begin(data.backend);
    else measure(data.index, data.timeMs);
  } catch (error) {
    say({ answer: "failed", message: `${error}, ${sink}` });
  }
});
