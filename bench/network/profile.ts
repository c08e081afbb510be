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

/** Writes what was sampled to a file that Chrome's developer tools and others can open. */
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

/** A file's name for what was profiled. */
export function profileFile(folder: string, what: string): string {
  return resolve(join(folder, `${what.replaceAll(/\W+/g, "-")}.cpuprofile`));
}

/** How many functions a summary names. */
const MOST_FUNCTIONS = 20;

/** The functions with the most time of their own, in shares of the time that was not idle. */
export function formatProfile(what: string, file: string): string {
  const { nodes, samples = [], timeDeltas = [] } = JSON.parse(readFileSync(file, "utf8")) as Profiler.Profile;
  const names = new Map(nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const own = new Map<string, number>();
  let busy = 0;
  for (const [i, id] of samples.entries()) {
    const name = names.get(id) ?? "";
    if (name === "(idle)") continue;
    busy += timeDeltas[i];
    own.set(name, (own.get(name) ?? 0) + timeDeltas[i]);
  }
  const lines = [...own]
    .sort(([, a], [, b]) => b - a)
    .slice(0, MOST_FUNCTIONS)
    .map(([name, us]) => `${((100 * us) / busy).toFixed(1).padStart(5)} %  ${name}`);
  return [`profile of ${what}, functions' own time:`, ...lines].join("\n");
}

function nameOf({ functionName, url, lineNumber }: Profiler.ProfileNode["callFrame"]): string {
  const place = url === "" ? "" : `  ${url.startsWith("node:") ? url : basename(url)}:${lineNumber + 1}`;
  return `${functionName || "(anonymous)"}${place}`;
}
