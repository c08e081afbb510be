/**
 * Where a server's time goes, while it is under load and at no other time: the profiler runs between two
 * calls, not from the start of the process as with `node --cpu-prof`.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { type Profiler, Session } from "node:inspector";
import { basename, dirname, join, resolve } from "node:path";

const INTERVAL_US = 200;

let session: Session | undefined;

/** Begins to sample this process. */
export async function startProfile(): Promise<void> {
  session = new Session();
  session.connect();
  await post("Profiler.enable");
  await post("Profiler.setSamplingInterval", { interval: INTERVAL_US });
  await post("Profiler.start");
}

/** Writes the samples to a file that Chrome's developer tools and others can open. */
export async function stopProfile(file: string): Promise<void> {
  const { profile } = (await post("Profiler.stop")) as Profiler.StopReturnType;
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, JSON.stringify(profile));
  session?.disconnect();
  session = undefined;
}

function post(method: string, parameters = {}): Promise<object> {
  return new Promise((resolve, reject) => {
    session?.post(method, parameters, (error, result = {}) => (error ? reject(error) : resolve(result)));
  });
}

/** The file of a profile. */
export function profileFile(folder: string, what: string): string {
  return resolve(join(folder, `${what.replaceAll(/\W+/g, "-")}.cpuprofile`));
}

/** Shares of a profile's busy time by where it was spent, greatest first. */
export interface ProfileShares {
  readonly groups: Readonly<Record<string, number>>;
  readonly functions: readonly { readonly name: string; readonly share: number }[];
}

/** Names the place of a function for the published results. */
function groupOf({ functionName, url }: Profiler.ProfileNode["callFrame"]): string {
  if (functionName === "(garbage collector)") return "garbage collection";
  if (functionName === "(program)") return "libuv and the system, outside of JavaScript";
  if (url.startsWith("wasm:")) return "the kernel (WebAssembly)";
  if (url.startsWith("node:")) return "Node's own JavaScript";
  if (/\/dist\//.test(url)) return "hawser's JavaScript";
  if (url === "") return /^write|^shutdown/.test(functionName) ? "write system calls" : "built-in functions";
  return "the handler and the benchmark";
}

/** Reads a .cpuprofile file. Idle time does not count. */
export function readShares(file: string): ProfileShares {
  const { nodes } = JSON.parse(readFileSync(file, "utf8")) as Profiler.Profile;
  const groups = new Map<string, number>();
  const functions = new Map<string, number>();
  let busy = 0;
  for (const { callFrame, hitCount = 0 } of nodes) {
    if (callFrame.functionName === "(idle)") continue;
    busy += hitCount;
    const [group, name] = [groupOf(callFrame), nameOf(callFrame)];
    groups.set(group, (groups.get(group) ?? 0) + hitCount);
    functions.set(name, (functions.get(name) ?? 0) + hitCount);
  }
  const sorted = (counts: Map<string, number>) =>
    [...counts].sort(([, a], [, b]) => b - a).map(([name, hits]) => [name, hits / busy] as const);
  return {
    groups: Object.fromEntries(sorted(groups)),
    functions: sorted(functions)
      .slice(0, MOST_FUNCTIONS)
      .map(([name, share]) => ({ name, share })),
  };
}

/** How many functions and lines a summary names. */
const MOST_FUNCTIONS = 16;
const MOST_LINES = 8;
const MOST_LINE_LENGTH = 100;

/** The functions and lines with the most time of their own, in shares of the time that was not idle. */
export function formatProfile(what: string, file: string): string {
  const { nodes } = JSON.parse(readFileSync(file, "utf8")) as Profiler.Profile;
  const functions = new Map<string, number>();
  const lines = new Map<string, number>();
  let busy = 0;
  const add = (to: Map<string, number>, name: string, hits = 0) => to.set(name, (to.get(name) ?? 0) + hits);
  for (const { callFrame, hitCount = 0, positionTicks = [] } of nodes) {
    if (callFrame.functionName === "(idle)") continue;
    busy += hitCount;
    add(functions, nameOf(callFrame), hitCount);
    // Of Node itself the functions say enough, and the rest has no lines.
    if (!callFrame.url.startsWith("file:") || !callFrame.url.endsWith("js")) continue;
    for (const { line, ticks } of positionTicks) add(lines, `${callFrame.url}:${line}`, ticks);
  }
  const shares = (counts: Map<string, number>, most: number, describe: (name: string) => string) =>
    [...counts]
      .sort(([, a], [, b]) => b - a)
      .slice(0, most)
      .map(([name, hits]) => `${((100 * hits) / busy).toFixed(1).padStart(5)} %  ${describe(name)}`);
  return [
    `profile of ${what}, functions' own time:`,
    ...shares(functions, MOST_FUNCTIONS, (name) => name),
    "of it, lines (where a function was inlined, the line is in its caller's file and means nothing):",
    ...shares(lines, MOST_LINES, textOf),
  ].join("\n");
}

function nameOf({ functionName, url, lineNumber }: Profiler.ProfileNode["callFrame"]): string {
  const place = url === "" ? "" : `  ${url.startsWith("node:") ? url : basename(url)}:${lineNumber + 1}`;
  return `${functionName || "(anonymous)"}${place}`;
}

/** The text of a line, after its place. */
function textOf(place: string): string {
  const colon = place.lastIndexOf(":");
  const url = place.slice(0, colon);
  const text = readFileSync(new URL(url), "utf8").split("\n")[Number(place.slice(colon + 1)) - 1] ?? "";
  return `${basename(place)}  ${text.trim().slice(0, MOST_LINE_LENGTH)}`;
}
