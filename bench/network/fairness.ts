/**
 * `npm run bench:fairness`: what one connection that sends as much as it can does to a server's others. How long the
 * event loop stands still, and how long a quiet client waits for its echoes; hawser against ws, in turns.
 */

import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { describeEnvironment } from "../environment.js";
import { median, type Target } from "../micro/harness.js";
import { formatTable, formatTargets } from "../micro/report.js";
import { LOAD_CORE, pinningNote, SERVER_CORE, setNiceness, start } from "./cores.js";
import type { Attack, AttackerMethods } from "./fairness/attacker.js";
import type { Latencies, QuietMethods } from "./fairness/quiet.js";
import type { ServerMethods, Setting, Watched } from "./fairness/server.js";

const RIVALS = ["hawser", "ws"] as const;

interface Case {
  readonly name: string;
  readonly attack: Attack;
  readonly setting: Omit<Setting, "rival">;
}

const CASES: readonly Case[] = [
  {
    name: "flood of small messages, 5 us of work each",
    attack: "flood",
    setting: { compression: false, workUs: 5, pings: 0 },
  },
  {
    name: "messages that inflate to 15 MiB each",
    attack: "bombs",
    setting: { compression: true, workUs: 0, pings: 0 },
  },
  {
    name: "stray Pongs while 3,600 Pings wait",
    attack: "pongs",
    setting: { compression: false, workUs: 0, pings: 3600 },
  },
];

/** Of a quiet client beside a flood, in milliseconds. */
const GREATEST_P99_MS = 30;

const USAGE = `npm run bench:fairness -- [options]

  --only TEXT      cases with this in their names. Default: all
  --quick          one short round
  --rounds N       default 3
  --seconds S      how long each attack lasts; default 5
  --node FILE      the Node that runs the servers; default: this one
  --nice N         for all processes, so that other work disturbs them less: --nice=-20, as root
  --json FILE      where to write the numbers. Default: bench/results/fairness.json
  --help

Cases:
${CASES.map(({ name }) => `  ${name}`).join("\n")}`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    quick: { type: "boolean", default: false },
    rounds: { type: "string" },
    seconds: { type: "string" },
    node: { type: "string" },
    nice: { type: "string" },
    json: { type: "string" },
    help: { type: "boolean", default: false },
  },
});

const chosen = CASES.filter(({ name }) => values.only?.some((text) => name.includes(text)) ?? true);
const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
const attackMs = 1000 * Number(values.seconds ?? (values.quick ? 2 : 5));
const usable = chosen.length > 0 && rounds >= 1 && Number.isInteger(rounds) && attackMs > 0;
if (values.help || !usable) {
  console.log(USAGE);
  process.exit(usable ? 0 : 1);
}
if (values.nice !== undefined) setNiceness(Number(values.nice));

/** How long a quiet client is alone first: all code that it needs is optimised meanwhile. */
const QUIET_MS = 500;

interface Round extends Watched {
  readonly quiet: Latencies;
  /** How the attacker's connection ended, if the server ended it. */
  readonly attackerEnd: string;
  readonly seconds: number;
}

interface FairnessResult {
  readonly name: string;
  readonly rival: (typeof RIVALS)[number];
  readonly rounds: Round[];
}

const environment = await describeEnvironment();
console.log(
  `Node ${environment.node}, ${environment.cpu} x ${environment.cores}, commit ${environment.commit}, load ` +
    `${environment.loadAverage.toFixed(2)}\n${pinningNote}; ${rounds} x ${attackMs} ms\n\nstand-still: the longest ` +
    "time between two turns of the event loop, the worst of the rounds; quiet client: from when a message was due until " +
    "its echo came, medians of the rounds.\n",
);

const results: FairnessResult[] = [];
for (const one of chosen) {
  const found = RIVALS.map((rival): FairnessResult => ({ name: one.name, rival, rounds: [] }));
  for (let round = 0; round < rounds; round++) {
    for (const result of found) result.rounds.push(await measure(one, result.rival));
  }
  results.push(...found);
  console.log(`### ${one.name}\n\n${format(found)}\n`);
}
const targets = judge(results);
console.log(`## targets\n\n${formatTargets(targets)}\n`);
const file = values.json
  ? resolve(values.json)
  : fileURLToPath(new URL("../results/fairness.json", import.meta.url));
await mkdir(dirname(file), { recursive: true });
await writeFile(
  file,
  `${JSON.stringify({ kind: "fairness", environment, pinningNote, targets, results }, undefined, 2)}\n`,
);
console.log(`written: ${file}`);

async function measure({ attack, setting }: Case, rival: FairnessResult["rival"]): Promise<Round> {
  const [server, attacker, quiet] = await Promise.all([
    start<ServerMethods>(rival, "network/fairness/server.ts", { core: SERVER_CORE, node: values.node }),
    start<AttackerMethods>("attacker", "network/fairness/attacker.ts", { core: LOAD_CORE }),
    start<QuietMethods>("quiet client", "network/fairness/quiet.ts", { core: LOAD_CORE }),
  ]);
  const port = await server.call("start", { rival, ...setting });
  await quiet.call("begin", port);
  await sleep(QUIET_MS);
  await quiet.call("reset");
  await server.call("watch");
  const began = performance.now();
  await attacker.call("attack", { port, kind: attack });
  await sleep(attackMs);
  const latencies = await quiet.call("stop");
  const attackerEnd = await attacker.call("stop");
  const watched = await server.call("report");
  const seconds = (performance.now() - began) / 1000;
  await Promise.all([server.stop(), attacker.stop(), quiet.stop()]);
  return { ...watched, quiet: latencies, attackerEnd, seconds };
}

/** The longest of all rounds: one is one too many. */
function standStillOf({ rounds }: FairnessResult): number {
  return Math.max(...rounds.map(({ longestStandStillMs }) => longestStandStillMs));
}

function middle({ rounds }: FairnessResult, pick: (round: Round) => number): number {
  return median(rounds.map(pick));
}

function format(found: readonly FairnessResult[]): string {
  const ms = (time: number) => time.toFixed(time < 10 ? 1 : 0);
  const rows = found.map((result) => {
    const ends = result.rounds.flatMap(({ attackerEnd, quiet }) => [
      ...(attackerEnd === "" ? [] : [`attacker: ${attackerEnd}`]),
      ...(quiet.end === "" ? [] : [`QUIET CLIENT: ${quiet.end}`]),
    ]);
    return [
      result.rival,
      ms(standStillOf(result)),
      ms(middle(result, ({ quiet }) => quiet.p50)),
      ms(middle(result, ({ quiet }) => quiet.p99)),
      ms(middle(result, ({ quiet }) => quiet.greatest)),
      Math.round(middle(result, (round) => round.messages / round.seconds)).toLocaleString("en"),
      Math.round(middle(result, (round) => round.turns / round.seconds)).toLocaleString("en"),
      [...new Set(ends)].join("; ") || "-",
    ];
  });
  const header = [
    "server",
    "stand-still ms",
    "quiet client: p50 ms",
    "p99",
    "greatest",
    "messages/s",
    "turns/s",
  ];
  return formatTable([...header, "connections ended"], rows);
}

function judge(all: readonly FairnessResult[]): Target[] {
  return chosen.flatMap(({ name, attack }) => {
    const [own, ws] = RIVALS.map((rival) => all.find((one) => one.name === name && one.rival === rival));
    if (own === undefined || ws === undefined) return [];
    const [ownMs, wsMs] = [standStillOf(own), standStillOf(ws)];
    const p99 = middle(own, ({ quiet }) => quiet.p99);
    const standStill: Target = {
      target: `${name}: the loop stands still no longer than with ws`,
      measured: `${ownMs.toFixed(0)} ms, ws ${wsMs.toFixed(0)} ms`,
      met: ownMs <= wsMs,
    };
    if (attack !== "flood") return [standStill];
    const target = `${name}: p99 of a quiet client at most ${GREATEST_P99_MS} ms`;
    return [standStill, { target, measured: `${p99.toFixed(1)} ms`, met: p99 <= GREATEST_P99_MS }];
  });
}
