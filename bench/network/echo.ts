/**
 * `npm run bench:echo`: echo on loopback, server and load in processes of their own on a core each. hawser
 * against ws, and against what Node itself can do; rounds take turns, ratios are within rounds.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeEnvironment } from "../environment.js";
import { formatTargets } from "../micro/report.js";
import type { Callee } from "./calls.js";
import { LOAD_CORE, PINNED_CORES, pinningNote, SERVER_CORE, start } from "./cores.js";
import type { LoadMethods, Place } from "./echo/load.js";
import { type EchoResult, type Finding, formatWorkload, judge, LEGEND, summarize } from "./echo/report.js";
import type { ServerMethods } from "./echo/server.js";
import { isRaw, type Rival, WORKLOADS, type Workload } from "./echo/workloads.js";
import { hasServe } from "./hawser.js";
import { formatProfile, profileFile } from "./profile.js";
import type { Round } from "./ratio.js";
import { busyShare, Patience, watchOthers } from "./usage.js";

const USAGE = `npm run bench:echo -- [options]

  --only TEXT      workloads with this in their names; may be given more than once. Default: all
  --quick          one short round: for a first look, not for a claim
  --rounds N       default 3
  --seconds S      how long each rival is timed in each round; default 0.7
  --node FILE      the Node that runs the servers; default: this one
  --profile DIR    one more, untimed turn under the profiler: .cpuprofile files, and a summary
  --json FILE      where to write the numbers. Default: bench/results/echo-<version of the servers' Node>.json
  --help

Workloads, payload x connections x messages in flight on each:
${WORKLOADS.map(({ name }) => `  ${name}`).join("\n")}`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    node: { type: "string" },
    profile: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const chosen = WORKLOADS.filter(({ name }) => values.only?.some((text) => name.includes(text)) ?? true);
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
const timedMs = 1000 * Number(values.seconds ?? (values.quick ? 0.35 : 0.7));
/** How long a new process works before any timing: its code is optimised meanwhile. */
const optimiseMs = values.quick ? 250 : 500;
/** And how long before each timing, for its new connections. */
const warmupMs = 100;

/** How long all turns together may take longer because other processes are in the way. */
const patience = new Patience(values.quick ? 20_000 : 60_000, PINNED_CORES);

const usable = chosen.length > 0 && rounds >= 1 && Number.isInteger(rounds) && timedMs > 0;
if (values.help || !usable) {
  console.log(USAGE);
  process.exit(usable ? 0 : 1);
}

/** A rival's process, verified and ready. */
interface Contender {
  readonly rival: Rival;
  readonly server: Callee<ServerMethods>;
  readonly place: Place;
}

const environment = await describeEnvironment();
const withHawser = await hasServe();
const load = await start<LoadMethods>("load", "network/echo/load.ts", { core: LOAD_CORE });
const serverNode = await versionOf(values.node);
console.log(
  `servers on Node ${serverNode}, load on ${process.version}; ${environment.cpu} x ${environment.cores}, ` +
    `${environment.platform}, commit ${environment.commit}, load ${environment.loadAverage.toFixed(2)}\n` +
    `${pinningNote}; ${rounds} x ${timedMs} ms\n\n${LEGEND}\n`,
);
if (!withHawser) console.log("SKIPPED: hawser, because dist/index.js does not export serve\n");

const results: EchoResult[] = [];
for (const workload of chosen) {
  const found = await run(workload);
  results.push(...found);
  console.log(`### ${workload.name}\n\n${formatWorkload(found)}\n`);
  if (values.profile !== undefined) reportProfiles(workload, values.profile);
}
await load.stop();
const targets = judge(chosen, results);
console.log(`## targets\n\n${formatTargets(targets)}\n`);

const suffix = (values.quick ? "-quick" : "") + (values.only ? "-part" : "");
const file = values.json
  ? resolve(values.json)
  : fileURLToPath(new URL(`../results/echo-${serverNode}${suffix}.json`, import.meta.url));
const record = { environment, serverNode, pinningNote, rounds, timedMs, targets, results };
await mkdir(dirname(file), { recursive: true });
await writeFile(file, `${JSON.stringify(record, undefined, 2)}\n`);
console.log(`written: ${file}`);

/** All rounds of a workload. Each rival has a process for it that no other work ran in. */
async function run(workload: Workload): Promise<EchoResult[]> {
  await load.call("prepare", workload);
  const rivals = workload.rivals.filter(({ server }) => withHawser || server !== "hawser");
  const contenders = await Promise.all(rivals.map(startContender));
  const found = new Map<string, Finding & { rounds: Round[] }>();
  for (const { rival, place } of contenders) {
    showProgress(`${workload.name}, verifying ${rival.name}`);
    const { messages, payloads } = await load.call("verify", place).catch((error: Error) => {
      throw new Error(`${workload.name}: ${rival.name} does not echo: ${error.message}`);
    });
    const isCompressed = place.compression !== "none";
    found.set(rival.name, { rounds: [], ...(isCompressed && { compressedTo: payloads / messages }) });
    await underLoad(place, optimiseMs, async () => {});
  }
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(turn + round) % contenders.length]; // nobody is always the first
      showProgress(`${workload.name}, round ${round + 1}: ${contender.rival.name}`);
      found.get(contender.rival.name)?.rounds.push(await patience.leastDisturbed(() => measure(contender)));
    }
  }
  showProgress("");
  if (values.profile !== undefined) {
    for (const contender of contenders)
      await profile(contender, profileFile(values.profile, `${workload.name} ${contender.rival.name}`));
  }
  await Promise.all(contenders.map(({ server }) => server.stop()));
  return summarize(workload, found);
}

async function startContender(rival: Rival): Promise<Contender> {
  const server = await startServer(rival.name, values.node);
  const port = await server.call("start", rival);
  const { compression = "none" } = rival;
  return { rival, server, place: { port, raw: isRaw(rival), compression } };
}

function startServer(name: string, node: string | undefined): Promise<Callee<ServerMethods>> {
  return start<ServerMethods>(name, "network/echo/server.ts", { core: SERVER_CORE, node });
}

async function versionOf(node: string | undefined): Promise<string> {
  const server = await startServer("server", node);
  const version = await server.call("version");
  await server.stop();
  return version;
}

/** Does something under load. Connections are for this once: none lives long enough to be pinged. */
async function underLoad<T>(place: Place, warmup: number, work: () => Promise<T>): Promise<T> {
  await load.call("open", place);
  await load.call("start");
  await sleep(warmup);
  const result = await work();
  await load.call("stop");
  return result;
}

function measure({ server, place }: Contender): Promise<Round> {
  return underLoad(place, warmupMs, async () => {
    const othersSince = watchOthers(PINNED_CORES);
    const [serverFrom, loadFrom] = await Promise.all([server.call("sample"), load.call("sample")]);
    await sleep(timedMs);
    const [serverTo, loadTo] = await Promise.all([server.call("sample"), load.call("sample")]);
    const serverBusy = busyShare(serverFrom, serverTo);
    const loadBusy = busyShare(loadFrom, loadTo);
    const othersBusy = othersSince([serverBusy, loadBusy]);
    const perSecond = ((loadTo.messages - loadFrom.messages) * 1e6) / (loadTo.atUs - loadFrom.atUs);
    return { perSecond, cpuUs: (serverBusy * 1e6) / perSecond, serverBusy, loadBusy, othersBusy };
  });
}

function profile({ server, place }: Contender, file: string): Promise<void> {
  return underLoad(place, warmupMs, async () => {
    await server.call("startProfile");
    await sleep(Math.max(timedMs, 1000));
    await server.call("stopProfile", file);
  });
}

function reportProfiles(workload: Workload, folder: string): void {
  for (const rival of workload.rivals) {
    if (rival.server !== "hawser" || !withHawser) continue;
    const what = `${workload.name} ${rival.name}`;
    console.log(`${formatProfile(what, profileFile(folder, what))}\n`);
  }
}

function showProgress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}
