/**
 * Inflates very many streams, most of them wrong in some way, and compares with zlib:
 * `node --import tsx test/property/inflate-soak.ts [count]`, 1 million by default; HAWSER_SEED=… repeats a run.
 */

import * as layout from "../../src/kernel/generated/compression-layout.js";
import { instantiateCompression } from "../../src/kernel/index.js";
import { Judge, makePool, makeStream } from "../support/inflate-cases.js";
import { randomNumbers, SEED } from "../support/property.js";

const count = Number(process.argv[2] ?? 1_000_000);
/** Streams with damage made of one pool, and after which guards are looked at. */
const BATCH_LENGTH = 5000;
const POOL_LENGTH = 300;
const PROGRESS_MS = 5000;
const NAMES = new Map(Object.entries(layout).map(([name, value]) => [value, name]));

const judge = new Judge(instantiateCompression(), randomNumbers(SEED));
const started = performance.now();
let reported = started;
console.log(`inflate soak: ${count} streams, HAWSER_SEED=${SEED}`);
for (let done = 0, batch = 0; done < count; batch++) {
  const seed = (SEED + Math.imul(batch, 0x9e3779b1)) | 0;
  const random = randomNumbers(seed);
  const pool = makePool(random, POOL_LENGTH);
  const length = Math.min(BATCH_LENGTH, count - done);
  try {
    for (let i = 0; i < length; i++) judge.judge(random, makeStream(random, pool));
    judge.checkGuards();
  } catch (error) {
    console.error(`failed: HAWSER_SEED=${SEED}, batch seed ${seed}`);
    throw error;
  }
  done += length;
  if (performance.now() - reported > PROGRESS_MS) {
    reported = performance.now();
    const seconds = (reported - started) / 1000;
    console.log(`${done} streams, ${seconds.toFixed(0)} s, ${Math.round(done / seconds)}/s`);
  }
}

console.log(`${String(judge.accepted).padStart(10)}  accepted`);
for (const [status, times] of [...judge.rejected].sort((a, b) => b[1] - a[1])) {
  console.log(`${String(times).padStart(10)}  ${NAMES.get(status)}`);
}
const seconds = (performance.now() - started) / 1000;
console.log(`inflate soak: no difference in ${seconds.toFixed(1)} s; HAWSER_SEED=${SEED}`);
