/** `npm run bench:codec`: runs the suites one after the other, prints tables, writes the numbers as JSON. */

import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeEnvironment } from "../environment.js";
import type { RatioResult } from "./compression-ratio.js";
import type { Field, Result } from "./harness.js";
import { formatResults, formatStart, formatTargets } from "./report.js";
import { measureStart, type StartResult } from "./start.js";
import { judge } from "./targets.js";
import type { Suite } from "./worker.js";

const SUITES = ["decode", "encode", "masking", "utf8", "compression", "path", "start"] as const;

const USAGE = `npm run bench:codec -- [options]     (after npm run build: it measures dist/)

  --only SUITE   ${SUITES.join(", ")}; may be given more than once. Default: all.
  --quick        shorter and fewer rounds: for a first look, not for a claim
  --json FILE    where to write the numbers. Default: bench/results/<node version>.json
  --help`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    quick: { type: "boolean", default: false },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const chosen = SUITES.filter((suite) => values.only?.includes(suite) ?? true);
const unknown = values.only?.filter((name) => !SUITES.some((suite) => suite === name)) ?? [];
if (values.help || unknown.length > 0) {
  if (unknown.length > 0) console.error(`no such suite: ${unknown.join(", ")}\n`);
  console.log(USAGE);
  process.exit(unknown.length > 0 ? 1 : 0);
}
if (!existsSync(new URL("../../dist/codec/index.js", import.meta.url))) {
  console.error("dist/ is missing, and the benchmark measures it: npm run build");
  process.exit(1);
}

// These load dist/, so not before it is known to be there.
const { compressionRatios } = await import("./compression-ratio.js");
const { formatCompression, formatRatios, judgeCompression } = await import("./compression-report.js");

const environment = await describeEnvironment();
console.log(
  `Node ${environment.node}, V8 ${environment.v8}, ${environment.cpu} x ${environment.cores}, ` +
    `${environment.platform}, commit ${environment.commit}, load ${environment.loadAverage.toFixed(2)}\n`,
);
if (environment.distIsOlder) console.log("WARNING: dist/ is older than its sources: npm run build\n");

const results: Result[] = [];
let start: StartResult[] = [];
let ratios: RatioResult[] = [];
for (const suite of chosen) {
  if (suite === "start") {
    start = measureStart(values.quick ? 7 : 21);
    console.log(`## start\n\n${formatStart(start)}\n`);
  } else {
    const found = [...(await runWorker(suite, "duel")), ...(await runWorker(suite, "others"))];
    results.push(...found);
    const tables = suite === "compression" ? formatCompression(found) : formatResults(found);
    console.log(`## ${suite}\n\n${tables}\n`);
    if (suite !== "compression") continue;
    ratios = compressionRatios();
    console.log(`${formatRatios(ratios)}\n`);
  }
}
const targets = [...judge(results, start, environment.kernelBytes), ...judgeCompression(results, ratios)];
console.log(`## targets\n\n${formatTargets(targets)}\n`);

const suffix = (values.quick ? "-quick" : "") + (values.only ? `-${chosen.join("-")}` : "");
const file = values.json
  ? resolve(values.json)
  : fileURLToPath(new URL(`../results/${process.version}${suffix}.json`, import.meta.url));
const record = { kind: "codec", environment, quick: values.quick, targets, start, ratios, results };
await mkdir(dirname(file), { recursive: true });
await writeFile(file, `${JSON.stringify(record, undefined, 2)}\n`);
console.log(`written: ${file}`);

/** Runs half a suite in a process of its own; `worker.ts` says why. */
async function runWorker(suite: Suite, field: Field): Promise<Result[]> {
  const pace = values.quick ? "quick" : "full";
  const worker = fork(fileURLToPath(new URL("worker.ts", import.meta.url)), [suite, field, pace]);
  let received: Result[] | undefined;
  worker.on("message", (message) => {
    received = message as Result[];
    worker.disconnect();
  });
  const [code] = await once(worker, "exit");
  if (received !== undefined) return received;
  console.error(`\nstopped: ${suite} (${field}), exit code ${code}; nothing was written`);
  process.exit(1);
}
