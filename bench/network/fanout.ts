/**
 * `npm run bench:fanout`: one program publishes to 1,000 and 2,000 subscribers, a tenth of whom read slowly. Topics of
 * hawser, at once and with `publishDelayMs`, against a loop over the clients of ws, and Socket.IO and uWebSockets.js where
 * they are installed. Rivals take turns.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeEnvironment } from "../environment.js";
import { median, type Target } from "../micro/harness.js";
import { formatTable, formatTargets } from "../micro/report.js";
import { LOAD_CORE, pinningNote, SERVER_CORE, setNiceness, start } from "./cores.js";
import type { LoadMethods, Report } from "./fanout/load.js";
import { PAYLOAD_LENGTH, RIVALS, type RivalName } from "./fanout/rivals.js";
import type { ServerMethods } from "./fanout/server.js";
import { installedVersions, installRivals } from "./installed.js";
import { FULLY_BUSY } from "./usage.js";

const USAGE = `npm run bench:fanout -- [options]

  --only TEXT      rivals with this in their names; may be given more than once. Default: all that are installed
  --subscribers N  may be given more than once. Default: 1000 and 2000
  --rivals         installs uWebSockets.js from npm into build/rivals first; it stays there
  --rounds N       default 3
  --seconds S      how long each rival publishes as much as it can in each round; default 3
  --quick          one short round
  --nice N         for the server and its load, so that other work disturbs them less: --nice=-20, as root
  --json FILE      where to write the numbers. Default: bench/results/fanout.json
  --help

Socket.IO takes part if it is found: npm install --no-save socket.io`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    subscribers: { type: "string", multiple: true },
    rivals: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    quick: { type: "boolean", default: false },
    nice: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
const flatOutMs = 1000 * Number(values.seconds ?? (values.quick ? 1 : 3));
const counts = (values.subscribers ?? ["1000", "2000"]).map(Number);
const usable =
  rounds >= 1 && Number.isInteger(rounds) && flatOutMs > 0 && counts.every((count) => count >= 10);
if (values.help || !usable) {
  console.log(USAGE);
  process.exit(usable ? 0 : 1);
}
if (values.rivals) installRivals();
if (values.nice !== undefined) setNiceness(Number(values.nice));

/** Messages a second that every rival can publish: for the age of a message without a queue. */
const CALM_PER_SECOND = 10;
const CALM_MS = values.quick ? 1000 : 3000;
/** Messages that a fast subscriber may lack while as many are published as can be. */
const MOST_MISSING = 256;

interface Round {
  readonly deliveriesPerSecond: number;
  readonly deliveriesPerCpuSecond: number;
  readonly messagesPerSecond: number;
  readonly rss: number;
  readonly calm: Report;
  readonly flatOut: Report;
}

interface FanoutResult {
  readonly rival: RivalName;
  readonly subscribers: number;
  readonly rounds: Round[];
}

function isInstalled(rival: RivalName): boolean {
  if (rival === "uWebSockets.js") return "uwebsockets" in installedVersions();
  if (rival !== "Socket.IO") return true;
  try {
    createRequire(import.meta.url).resolve("socket.io");
    return true;
  } catch {
    return false;
  }
}

const chosen = RIVALS.filter((rival) => values.only?.some((text) => rival.includes(text)) ?? true);
const rivals = chosen.filter(isInstalled);
const environment = await describeEnvironment();
console.log(
  `Node ${environment.node}, ${environment.cpu} x ${environment.cores}, commit ${environment.commit}, load ` +
    `${environment.loadAverage.toFixed(2)}\n${pinningNote}; ${rounds} x ${flatOutMs} ms; ${PAYLOAD_LENGTH} B\n\n` +
    "deliveries: messages at fast subscribers, while the server publishes one message in each turn of the event loop, as " +
    `long as a fast subscriber lacks fewer than ${MOST_MISSING}; cpu: the same for each second of the server's processor ` +
    `time. age: from publishing to arrival at a fast subscriber, at ${CALM_PER_SECOND} messages a second. Medians of the ` +
    "rounds.\n",
);
for (const rival of chosen) if (!rivals.includes(rival)) console.log(`SKIPPED: ${rival}, not installed\n`);

const results: FanoutResult[] = [];
for (const subscribers of counts) {
  const found = rivals.map((rival): FanoutResult => ({ rival, subscribers, rounds: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const result of found) result.rounds.push(await measure(result.rival, subscribers));
  }
  results.push(...found);
  console.log(`### ${subscribers.toLocaleString("en")} subscribers, a tenth slow\n\n${format(found)}\n`);
}
const targets = judge();
console.log(`## targets\n\n${formatTargets(targets)}\n`);
const file = values.json
  ? resolve(values.json)
  : fileURLToPath(new URL("../results/fanout.json", import.meta.url));
await mkdir(dirname(file), { recursive: true });
await writeFile(file, `${JSON.stringify({ environment, pinningNote, targets, results }, undefined, 2)}\n`);
console.log(`written: ${file}`);

async function measure(rival: RivalName, subscribers: number): Promise<Round> {
  const [server, load] = await Promise.all([
    start<ServerMethods>(rival, "network/fanout/server.ts", { core: SERVER_CORE }),
    start<LoadMethods>("subscribers", "network/fanout/load.ts", { core: LOAD_CORE }),
  ]);
  try {
    const { port, control } = await server.call("start", rival);
    await load.call("open", { rival, port, control, subscribers, slow: subscribers / 10 });
    // The code is optimised, and the buffers of the slow are full.
    await server.call("publishFlatOut", { most: MOST_MISSING, ms: flatOutMs / 2 });
    await sleep(500);
    await load.call("mark");
    await server.call("publishAtRate", { perSecond: CALM_PER_SECOND, ms: CALM_MS });
    await sleep(100);
    const calm = await load.call("report");
    await load.call("mark");
    const from = await server.call("usage");
    await server.call("publishFlatOut", { most: MOST_MISSING, ms: flatOutMs });
    const flatOut = await load.call("report");
    const to = await server.call("usage");
    return {
      deliveriesPerSecond: flatOut.deliveries / flatOut.seconds,
      deliveriesPerCpuSecond: flatOut.deliveries / ((to.cpuUs - from.cpuUs) / 1e6),
      messagesPerSecond: flatOut.deliveries / flatOut.fast / flatOut.seconds,
      rss: to.rss,
      calm,
      flatOut,
    };
  } finally {
    await Promise.all([server.stop(), load.stop()]);
  }
}

function middle(result: FanoutResult, pick: (round: Round) => number): number {
  return median(result.rounds.map(pick));
}

function format(found: readonly FanoutResult[]): string {
  const whole = (number: number) => Math.round(number).toLocaleString("en");
  const ws = found.find(({ rival }) => rival === "ws");
  const rows = found.map((result) => {
    const cpu = middle(result, (round) => round.deliveriesPerCpuSecond);
    return [
      result.rival,
      whole(middle(result, (round) => round.messagesPerSecond)),
      whole(middle(result, (round) => round.deliveriesPerSecond)),
      whole(cpu),
      ws === undefined ? "-" : (cpu / middle(ws, (round) => round.deliveriesPerCpuSecond)).toFixed(1),
      middle(result, ({ calm }) => calm.p50).toFixed(1),
      middle(result, ({ calm }) => calm.p99).toFixed(1),
      middle(result, ({ flatOut }) => flatOut.p99).toFixed(0),
      (middle(result, ({ rss }) => rss) / 2 ** 20).toFixed(0),
      middle(result, ({ flatOut }) => flatOut.busy) >= FULLY_BUSY ? "THE LOAD" : "the server",
    ];
  });
  const header = ["server", "messages/s", "deliveries/s", "deliveries/cpu s", "x ws", "age p50 ms", "p99"];
  return formatTable([...header, "p99 flat out", "MiB", "limited by"], rows);
}

function judge(): Target[] {
  const aims = [
    ["hawser", 2],
    ["hawser, publishDelayMs: 5", 10],
  ] as const;
  return counts.flatMap((subscribers) =>
    aims.flatMap(([rival, aim]) => {
      const of = (name: RivalName) =>
        results.find((one) => one.rival === name && one.subscribers === subscribers);
      const [own, ws] = [of(rival), of("ws")];
      if (own === undefined || ws === undefined) return [];
      const perCpu = (round: Round) => round.deliveriesPerCpuSecond;
      const ratio = middle(own, perCpu) / middle(ws, perCpu);
      const target = `${rival}, ${subscribers} subscribers: at least ${aim} x ws for each processor second`;
      return [{ target, measured: ratio.toFixed(1), met: ratio >= aim }];
    }),
  );
}
