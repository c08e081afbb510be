/**
 * `npm run bench`: all benchmarks in parts of at most five minutes, with a progress bar. Each part writes its numbers to
 * `build/bench/<part>.json` and its tables to `build/bench/<part>.log`. `--publish` copies the numbers to
 * `bench/published/`, from which `npm run bench:report` makes the page, the chart and the tables of the documents.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { copyFile, mkdir, open, readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { PARTS, type Part } from "./parts.js";

const LONGEST_PART_MS = 300_000;
const BAR_LENGTH = 30;

const USAGE = `npm run bench -- [options]     (it builds first)

  --only TEXT   parts with this in their names; may be given more than once. Default: all
  --quick       short rounds: for a first look, not for a claim
  --publish     copies the results to bench/published; then run npm run bench:report
  --rivals      installs Bun and uWebSockets.js from npm into build/rivals first (360 MB); they stay there
  --node FILE   the Node that runs servers; the codec is measured on the Node that runs this
  --nice N      for servers and their load, so that other work disturbs them less: --nice=-20, as root
  --list        lists the parts
  --help

A part that takes longer than five minutes is stopped, and fails. Servers run on core 0, the load on core 1: leave both
alone meanwhile.`;

const { values } = parseArgs({
  options: {
    only: { type: "string", multiple: true },
    quick: { type: "boolean", default: false },
    publish: { type: "boolean", default: false },
    rivals: { type: "boolean", default: false },
    node: { type: "string" },
    nice: { type: "string" },
    list: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const chosen = PARTS.filter(({ name }) => values.only?.some((text) => name.includes(text)) ?? true);
if (values.help || values.list || chosen.length === 0) {
  console.log(values.list ? PARTS.map(({ name, about }) => `${name.padEnd(24)}${about}`).join("\n") : USAGE);
  process.exit(chosen.length === 0 ? 1 : 0);
}

const root = fileURLToPath(new URL("../", import.meta.url));
const results = `${root}build/bench/`;
await mkdir(results, { recursive: true });

const began = Date.now();
const failed: string[] = [];
for (const [i, part] of chosen.entries()) {
  const ended = await run(part, i);
  if (ended !== undefined) failed.push(`${part.name}: ${ended}; see build/bench/${part.name}.log`);
  else if (values.publish) await publish(part);
}
showProgress(chosen.length, "done", 0);
console.log(`\n${chosen.length - failed.length} of ${chosen.length} parts in ${clock(Date.now() - began)}`);
for (const line of failed) console.error(`FAILED: ${line}`);
if (failed.length > 0) process.exitCode = 1;

/** Runs one part. Returns why it failed, undefined if it did not. */
async function run(part: Part, index: number): Promise<string | undefined> {
  const { name, program, options, quickOptions, isNetwork } = part;
  const network = isNetwork
    ? [
        ...(values.nice === undefined ? [] : [`--nice=${values.nice}`]),
        ...(values.node === undefined ? [] : ["--node", values.node]),
      ]
    : [];
  const rivals = values.rivals && program === "network/echo.ts" ? ["--rivals"] : [];
  const all = [...options, ...(values.quick ? quickOptions : []), ...network, ...rivals];
  const log = await open(`${results}${name}.log`, "w");
  const child = spawn(
    process.execPath,
    ["--import", "tsx", `bench/${program}`, ...all, "--json", `${results}${name}.json`],
    { cwd: root, stdio: ["ignore", log.fd, log.fd] },
  );
  const partBegan = Date.now();
  const show = () => showProgress(index, part.about, Date.now() - partBegan);
  const timer = setInterval(show, 1000);
  const stopper = setTimeout(() => child.kill("SIGTERM"), LONGEST_PART_MS);
  show();
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  clearInterval(timer);
  clearTimeout(stopper);
  await log.close();
  if (signal === "SIGTERM" && Date.now() - partBegan >= LONGEST_PART_MS) return "took more than five minutes";
  return code === 0 ? undefined : `ended with ${signal ?? code}`;
}

/** Results of a part on one major version of Node; a later run replaces them. */
async function publish({ name }: Part): Promise<void> {
  const { environment, serverNode = environment.node } = JSON.parse(
    await readFile(`${results}${name}.json`, "utf8"),
  );
  const folder = `${root}bench/published/`;
  await mkdir(folder, { recursive: true });
  const major = /^v(\d+)/.exec(serverNode)?.[1] ?? "unknown";
  await copyFile(`${results}${name}.json`, `${folder}${name}-node${major}.json`);
}

function clock(ms: number): string {
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}

function showProgress(partsDone: number, about: string, partMs: number): void {
  const within = Math.min(0.95, partMs / LONGEST_PART_MS);
  const filled = Math.round(((partsDone + within) / chosen.length) * BAR_LENGTH);
  const bar = "#".repeat(filled).padEnd(BAR_LENGTH, "-");
  const count = `${Math.min(partsDone + 1, chosen.length)}/${chosen.length}`;
  const text = `[${bar}] ${count} ${about} ${clock(partMs)}, in all ${clock(Date.now() - began)}`;
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
  else if (partMs === 0) process.stderr.write(`${text}\n`);
}
