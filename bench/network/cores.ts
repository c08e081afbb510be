/**
 * Processes on cores of their own: the server's threads share one core, the load's another, so that neither
 * takes time from the other and one server's speed is one core's.
 */

import { spawn, spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { setPriority } from "node:os";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { Callee, type Methods } from "./calls.js";

export const SERVER_CORE = 0;
export const LOAD_CORE = 1;

/** Whether `taskset` exists and both cores may be used. */
export const canPin = [SERVER_CORE, LOAD_CORE].every(
  (core) => spawnSync("taskset", ["-c", `${core}`, "true"]).status === 0,
);

/** None, where nothing can be said about who else uses them. */
export const PINNED_CORES = canPin ? [SERVER_CORE, LOAD_CORE] : [];

export const pinningNote = canPin
  ? `servers on core ${SERVER_CORE}, load on core ${LOAD_CORE}`
  : "NOT PINNED: there is no taskset here, or only one core; expect noise";

let niceness: number | undefined;

/** Starts later processes with this niceness. Values below zero run before other work, and need rights. */
export function setNiceness(value: number): void {
  niceness = value;
}

/** Of the process, and where the kernel weighs sessions rather than processes, of its session. */
function applyNiceness(pid: number, value: number): void {
  setPriority(pid, value);
  const group = `/proc/${pid}/autogroup`;
  if (existsSync(group)) writeFileSync(group, `${value}`);
}

export interface StartOptions {
  readonly core: number;
  /** The executable; default: the one that runs this. */
  readonly node?: string | undefined;
  readonly nodeFlags?: readonly string[];
}

const root = new URL("../../", import.meta.url);

/**
 * Starts a TypeScript file that calls `answer`. It is compiled to one file before: under tsx, ws needed up to
 * twice the processor time for a message of 16 KiB, and memory would be tsx's too.
 *
 * @param file - its path from bench/.
 */
export async function start<M extends Methods>(
  name: string,
  file: string,
  options: StartOptions,
): Promise<Callee<M>> {
  const { core, node = process.execPath, nodeFlags = [] } = options;
  const command = [node, ...nodeFlags, await compile(file)];
  if (canPin) command.unshift("taskset", "-c", `${core}`);
  const child = spawn(command[0], command.slice(1), {
    stdio: ["ignore", "inherit", "inherit", "ipc"],
    detached: niceness !== undefined, // a session of its own
  });
  if (niceness !== undefined && child.pid !== undefined) applyNiceness(child.pid, niceness);
  return new Callee<M>(name, child);
}

const compiled = new Map<string, Promise<string>>();

/** Into build/bench, as deep in the tree as bench/network: `../../dist` is the same place from both. */
function compile(file: string): Promise<string> {
  const outfile = fileURLToPath(new URL(`build/bench/${file.replace(/\W+/g, "-")}.mjs`, root));
  const done =
    compiled.get(file) ??
    build({
      entryPoints: [fileURLToPath(new URL(`bench/${file}`, root))],
      outfile,
      bundle: true,
      packages: "external",
      platform: "node",
      format: "esm",
      target: "node20",
      logLevel: "warning",
    }).then(() => outfile);
  compiled.set(file, done);
  return done;
}
