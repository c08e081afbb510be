/**
 * `npm run bench:connections`: what connections cost that hardly say anything: their memory, their
 * handshakes, and one message to all of them. hawser against ws, on loopback, in processes of their own.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeEnvironment } from "../environment.js";
import type { Target } from "../micro/harness.js";
import { formatTargets } from "../micro/report.js";
import { Bench } from "./connections/bench.js";
import {
  formatCompressedMemory,
  judgeCompressedMemory,
  measureCompressedMemory,
} from "./connections/compressed-memory.js";
import { affordableConnections, formatMemory, judgeMemory, measureMemory } from "./connections/memory.js";
import {
  formatSpeed,
  judgeBroadcasts,
  judgeOpenings,
  measureBroadcasts,
  measureHandshakes,
} from "./connections/speed.js";
import { pinningNote, setNiceness } from "./cores.js";
import { hasServe } from "./hawser.js";

const SUITES = ["memory", "handshakes", "broadcast"] as const;

const USAGE = `npm run bench:connections -- [options]

  --only SUITE       ${SUITES.join(", ")}; may be given more than once. Default: all
  --quick            one short round: for a first look, not for a claim
  --rounds N         default 5
  --seconds S        how long handshakes are timed in each round; default 3
  --connections N    whose memory is measured; default 10000, fewer where files run short
  --node FILE        the Node that runs the servers; default: this one
  --nice N           for the server and its load, so that other work disturbs them less: --nice=-20, as root
  --profile DIR      handshakes and broadcasts once more, untimed, under the profiler
  --json FILE        where to write the numbers. Default: bench/results/connections-<version of this Node>.json
  --help`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    connections: { type: "string", default: "10000" },
    node: { type: "string" },
    nice: { type: "string" },
    profile: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const chosen = SUITES.filter((suite) => values.only?.includes(suite) ?? true);
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
const timedMs = 1000 * Number(values.seconds ?? (values.quick ? 1 : 3));
const wanted = Number(values.connections);
const broadcasts = values.quick ? 50 : 200;

const usable =
  chosen.length > 0 && [rounds, wanted].every((n) => Number.isInteger(n) && n >= 1) && timedMs > 0;
if (values.help || !usable) {
  console.log(USAGE);
  process.exit(usable ? 0 : 1);
}

if (values.nice !== undefined) setNiceness(Number(values.nice));
const environment = await describeEnvironment();
const withHawser = await hasServe();
const bench = await Bench.create({
  rivals: withHawser ? ["ws", "hawser", "bare http", "bare net"] : ["ws", "bare http", "bare net"],
  node: values.node,
  patienceMs: values.quick ? 20_000 : 60_000,
  profileFolder: values.profile,
});
console.log(
  `Node ${environment.node}, ${environment.cpu} x ${environment.cores}, ${environment.platform}, commit ` +
    `${environment.commit}, load ${environment.loadAverage.toFixed(2)}\n${pinningNote}; ${rounds} rounds; ratios are ` +
    "within rounds (least-greatest). limit: who had no processor time left; where that is not the server, only the " +
    "ratios of processor time compare servers.\n",
);
if (!withHawser) console.log("SKIPPED: hawser, because dist/index.js does not export serve\n");

const results: Record<string, unknown> = {};
const targets: Target[] = [];
if (chosen.includes("memory")) {
  const count = affordableConnections(wanted);
  if (count < wanted) console.log(`FEWER CONNECTIONS: a process may open no more files (ulimit -n)\n`);
  const found = await measureMemory(bench, count, rounds);
  results.memory = found;
  targets.push(...judgeMemory(found));
  console.log(`## memory of one of ${count.toLocaleString("en")} connections\n\n${formatMemory(found)}\n`);
  const compressed = await measureCompressedMemory(bench, rounds);
  results.compressedMemory = compressed;
  targets.push(...judgeCompressedMemory(compressed));
  console.log(`## memory of compression\n\n${formatCompressedMemory(compressed)}\n`);
}
if (chosen.includes("handshakes")) {
  const found = await measureHandshakes(bench, rounds, timedMs);
  results.handshakes = found;
  targets.push(...judgeOpenings(found));
  console.log(`## opening handshakes\n\n${formatSpeed("connections", found.opening)}\n`);
  console.log(
    `## opened, and left without a closing handshake\n\n${formatSpeed("connections", found.visits)}\n`,
  );
  console.log(`## closing handshakes\n\n${formatSpeed("connections", found.closing)}\n`);
}
if (chosen.includes("broadcast")) {
  const found = await measureBroadcasts(bench, rounds, broadcasts);
  results.broadcast = found;
  targets.push(...judgeBroadcasts(found));
  console.log(`## broadcast\n\n${formatSpeed("delivered", found)}\n`);
}
await bench.load.stop();
console.log(`## targets\n\n${formatTargets(targets)}\n`);

const suffix = (values.quick ? "-quick" : "") + (values.only ? `-${chosen.join("-")}` : "");
const file = values.json
  ? resolve(values.json)
  : fileURLToPath(new URL(`../results/connections-${process.version}${suffix}.json`, import.meta.url));
await mkdir(dirname(file), { recursive: true });
await writeFile(
  file,
  `${JSON.stringify({ kind: "connections", environment, pinningNote, rounds, targets, results }, undefined, 2)}\n`,
);
console.log(`written: ${file}`);
