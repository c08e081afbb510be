/**
 * `npm run bench:echo`: echo on loopback, and clients that send; the measured side and its load in processes of their
 * own on a core each. hawser against ws, against what Node itself can do, and against other runtimes where they are
 * installed; rounds take turns, ratios are within rounds.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeEnvironment } from "../environment.js";
import { formatTargets } from "../micro/report.js";
import { PINNED_CORES, pinningNote, SERVER_CORE, setNiceness, start } from "./cores.js";
import { judge } from "./echo/aims.js";
import { type EchoResult, formatLoad, formatWorkload, LEGEND } from "./echo/report.js";
import { run } from "./echo/run.js";
import type { ServerMethods } from "./echo/server.js";
import { WORKLOADS, type Workload } from "./echo/workloads.js";
import { hasServe } from "./hawser.js";
import { installedVersions, installRivals } from "./installed.js";
import { formatProfile, type ProfileShares, profileFile, readShares } from "./profile.js";
import { Patience } from "./usage.js";

const USAGE = `npm run bench:echo -- [options]

  --only TEXT      workloads with this in their names; may be given more than once. Default: all
  --quick          one short round: for a first look, not for a claim
  --rivals         installs Bun and uWebSockets.js from npm into build/rivals first (360 MB); they stay there
  --rounds N       default 5
  --seconds S      how long each rival is timed in each round; default 0.7
  --node FILE      the Node that runs the measured side; default: this one
  --nice N         for the server and its load, so that other work disturbs them less: --nice=-20, as root
  --profile DIR    one more, untimed turn under the profiler: .cpuprofile files, and a summary
  --json FILE      where to write the numbers. Default: bench/results/echo-<version of the servers' Node>.json
  --help

Workloads, payload x connections x messages in flight on each:
${WORKLOADS.map(({ name }) => `  ${name}`).join("\n")}`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    quick: { type: "boolean", default: false },
    rivals: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    node: { type: "string" },
    nice: { type: "string" },
    profile: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const chosen = WORKLOADS.filter(({ name }) => values.only?.some((text) => name.includes(text)) ?? true);
const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
const timedMs = 1000 * Number(values.seconds ?? (values.quick ? 0.35 : 0.7));
/** How long all turns together may take longer because other processes are in the way. */
const patience = new Patience(values.quick ? 20_000 : 60_000, PINNED_CORES);

const usable = chosen.length > 0 && rounds >= 1 && Number.isInteger(rounds) && timedMs > 0;
if (values.help || !usable) {
  console.log(USAGE);
  process.exit(usable ? 0 : 1);
}

if (values.rivals) installRivals();
if (values.nice !== undefined) setNiceness(Number(values.nice));
const installed = installedVersions();
const environment = await describeEnvironment();
const withHawser = await hasServe();
const serverNode = await versionOf(values.node);
console.log(
  `servers on Node ${serverNode}, load on ${process.version}; ${environment.cpu} x ${environment.cores}, ` +
    `${environment.platform}, commit ${environment.commit}, load ${environment.loadAverage.toFixed(2)}\n` +
    `${
      Object.entries(installed)
        .map((entry) => entry.join(" "))
        .join(", ") || "no further rivals installed"
    }; ` +
    `${pinningNote}; ${rounds} x ${timedMs} ms\n\n${LEGEND}\n`,
);
if (!withHawser) console.log("SKIPPED: hawser, because dist/index.js does not export serve\n");

/** Who does not take part, and why. */
const skipped = new Set<string>();
const results: EchoResult[] = [];
const profiles: (ProfileShares & { readonly workload: string; readonly rival: string })[] = [];
for (const workload of chosen) {
  const found = await run(workload, {
    rounds,
    timedMs,
    optimiseMs: values.quick ? 250 : 500,
    warmupMs: 100,
    node: values.node,
    patience,
    profileFolder: values.profile,
    isHawserThere: withHawser,
    progress: showProgress,
    skipped: (text) => skipped.add(text),
  });
  results.push(...found);
  console.log(`### ${workload.name}\n\n${formatWorkload(found)}\n`);
  if (values.profile !== undefined) reportProfiles(workload, values.profile);
}
for (const text of skipped) console.log(`SKIPPED: ${text}`);
console.log(`\n## the load\n\n${formatLoad(chosen, results)}\n`);
const targets = judge(results);
console.log(`## targets\n\n${formatTargets(targets)}\n`);

const suffix = (values.quick ? "-quick" : "") + (values.only ? "-part" : "");
const file = values.json
  ? resolve(values.json)
  : fileURLToPath(new URL(`../results/echo-${serverNode}${suffix}.json`, import.meta.url));
const settings = { serverNode, pinningNote, rounds, timedMs };
const record = { kind: "echo", environment, installed, ...settings, targets, profiles, results };
await mkdir(dirname(file), { recursive: true });
await writeFile(file, `${JSON.stringify(record, undefined, 2)}\n`);
console.log(`written: ${file}`);

async function versionOf(node: string | undefined): Promise<string> {
  const server = await start<ServerMethods>("server", "network/echo/server.ts", { core: SERVER_CORE, node });
  const version = await server.call("version");
  await server.stop();
  return version;
}

function reportProfiles(workload: Workload, folder: string): void {
  for (const rival of workload.rivals) {
    if (!rival.library.startsWith("hawser") || !withHawser) continue;
    const what = `${workload.name} ${rival.name}`;
    const profile = profileFile(folder, what);
    profiles.push({ workload: workload.name, rival: rival.name, ...readShares(profile) });
    console.log(`${formatProfile(what, profile)}\n`);
  }
}

function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
