/** Memory of connections that are open and do nothing. */

import { spawnSync } from "node:child_process";
import { median, type Target } from "../../micro/harness.js";
import { formatTable } from "../../micro/report.js";
import { formatSpread, type Ratio, ratioOf } from "../ratio.js";
import type { Bench } from "./bench.js";
import type { Memory, RivalName } from "./server.js";

/** The share of ws's memory that hawser may need. */
const MOST = 0.8;

/** Files that a process has open beside its connections. */
const OTHER_FILES = 500;
const MESSAGE_SIZE = 128;

/** Of one connection, in bytes. */
interface Footprint {
  /** Open, and nothing was ever sent. */
  readonly idle: Memory;
  /** After one message and its echo. */
  readonly used: Memory;
}

export interface MemoryResult {
  readonly rival: RivalName;
  readonly connections: number;
  readonly idleRss: number;
  readonly idleHeap: number;
  readonly usedRss: number;
  readonly usedHeap: number;
  /** Of resident memory, to ws: less is better. */
  readonly idleToWs: Ratio;
  readonly usedToWs: Ratio;
}

/** Every process has one limit, and both ends of a connection are in different ones. */
export function affordableConnections(wanted: number): number {
  const limit = Number(spawnSync("sh", ["-c", "ulimit -Hn"], { encoding: "utf8" }).stdout);
  return Number.isInteger(limit) ? Math.min(wanted, limit - OTHER_FILES) : wanted;
}

/** A process for each rival and round: memory that was given back is not always seen to be. */
export async function measureMemory(bench: Bench, count: number, rounds: number): Promise<MemoryResult[]> {
  const found = new Map(bench.rivals.map((rival) => [rival, [] as Footprint[]]));
  for (let round = 0; round < rounds; round++) {
    for (const rival of bench.inTurn(round)) found.get(rival)?.push(await measureOne(bench, rival, count));
  }
  const ws = found.get("ws") ?? [];
  return [...found].map(([rival, footprints]): MemoryResult => {
    const middle = (pick: (footprint: Footprint) => number) => median(footprints.map(pick));
    const toWs = (pick: (footprint: Footprint) => number) =>
      ratioOf(footprints.map((footprint, i) => pick(footprint) / pick(ws[i])));
    return {
      rival,
      connections: count,
      idleRss: middle(({ idle }) => idle.rss),
      idleHeap: middle(({ idle }) => idle.heapUsed + idle.external),
      usedRss: middle(({ used }) => used.rss),
      usedHeap: middle(({ used }) => used.heapUsed + used.external),
      idleToWs: toWs(({ idle }) => idle.rss),
      usedToWs: toWs(({ used }) => used.rss),
    };
  });
}

async function measureOne(bench: Bench, rival: RivalName, count: number): Promise<Footprint> {
  const { server, port } = await bench.start(rival, ["--expose-gc"]);
  const { load } = bench;
  // Objects made once, for the first connection, do not count as memory of connections.
  await load.call("open", { port, count: 50, atOnce: 50 });
  await load.call("exchange", MESSAGE_SIZE);
  await load.call("close");
  const before = await server.call("measureMemory");
  const each = (memory: Memory): Memory => ({
    rss: (memory.rss - before.rss) / count,
    heapUsed: (memory.heapUsed - before.heapUsed) / count,
    external: (memory.external - before.external) / count,
  });
  await load.call("open", { port, count, atOnce: 100 });
  const idle = each(await server.call("measureMemory"));
  await load.call("exchange", MESSAGE_SIZE);
  const used = each(await server.call("measureMemory"));
  await load.call("destroy");
  await server.stop();
  return { idle, used };
}

export function formatMemory(results: readonly MemoryResult[]): string {
  const kib = (bytes: number) => (bytes / 1024).toFixed(2);
  const rows = results.map((result) => [
    result.rival,
    kib(result.idleRss),
    formatSpread(result.idleToWs),
    kib(result.idleHeap),
    kib(result.usedRss),
    formatSpread(result.usedToWs),
    kib(result.usedHeap),
  ]);
  const header = ["server", "idle: RSS KiB", "x ws", "heap + external", "after a message: RSS KiB", "x ws"];
  return formatTable([...header, "heap + external"], rows);
}

export function judgeMemory(results: readonly MemoryResult[]): Target[] {
  return results
    .filter(({ rival }) => rival === "hawser")
    .flatMap(({ connections, idleToWs, usedToWs }) => {
      const of = (what: string, ratio: Ratio): Target => ({
        target: `memory of ${connections.toLocaleString("en")} connections, ${what}: at most ${MOST}x ws`,
        measured: formatSpread(ratio),
        met: ratio.ratio <= MOST,
      });
      return [of("idle", idleToWs), of("idle after a message and its echo", usedToWs)];
    });
}
