/** Memory of connections with a compression context, and the memory left when they are gone. */

import { setTimeout as sleep } from "node:timers/promises";
import { median, type Target } from "../../micro/harness.js";
import { formatTable } from "../../micro/report.js";
import { formatSpread, type Ratio, ratioOf } from "../ratio.js";
import type { Bench } from "./bench.js";
import type { Memory, RivalName } from "./server.js";

/** The share of ws's memory that hawser may need. */
const MOST = 1 / 3;

const CONNECTIONS = 1000;
const MESSAGES = 100;
/** Asked for at a time: no call may take a minute. */
const MESSAGES_AT_ONCE = 20;

/** Begins no further round after this: ws takes long for its messages, and rounds hardly differ. */
const LONGEST_MS = 20_000;

/** After the last message, and after the last connection: threads finish, and so do timers. */
const SETTLE_MS = 1000;

/** In bytes. */
interface Footprint {
  /** Without a connection, when some have come and gone. */
  readonly before: Memory;
  readonly during: Memory;
  /** When all are closed. */
  readonly after: Memory;
}

export interface CompressedMemoryResult {
  readonly rival: RivalName;
  readonly connections: number;
  readonly rounds: number;
  /** Resident memory of all, and above what there was before for each. */
  readonly totalRss: number;
  readonly rss: number;
  readonly heap: number;
  /** Resident memory for each, to ws: less is better. */
  readonly toWs: Ratio;
  /** Resident memory that was not there before the connections, when they are closed. */
  readonly leftRss: number;
}

/** The rivals that compress. */
const compresses = (rival: RivalName): boolean => rival === "ws" || rival === "hawser";

export async function measureCompressedMemory(
  bench: Bench,
  rounds: number,
): Promise<CompressedMemoryResult[]> {
  const found = new Map(bench.rivals.filter(compresses).map((rival) => [rival, [] as Footprint[]]));
  const end = performance.now() + LONGEST_MS;
  for (let round = 0; round < rounds && (round === 0 || performance.now() < end); round++) {
    for (const rival of bench.inTurn(round)) found.get(rival)?.push(await measureOne(bench, rival));
  }
  const rss = ({ before, during }: Footprint) => (during.rss - before.rss) / CONNECTIONS;
  const heap = ({ before, during }: Footprint) =>
    (during.heapUsed + during.external - before.heapUsed - before.external) / CONNECTIONS;
  const ws = found.get("ws") ?? [];
  return [...found].map(([rival, footprints]): CompressedMemoryResult => {
    const middle = (pick: (footprint: Footprint) => number) => median(footprints.map(pick));
    return {
      rival,
      connections: CONNECTIONS,
      rounds: footprints.length,
      totalRss: middle(({ during }) => during.rss),
      rss: middle(rss),
      heap: middle(heap),
      toWs: ratioOf(footprints.map((footprint, i) => rss(footprint) / rss(ws[i]))),
      leftRss: middle(({ before, after }) => after.rss - before.rss),
    };
  });
}

/** A process for each: see `measureMemory`. */
async function measureOne(bench: Bench, rival: RivalName): Promise<Footprint> {
  const { server, port } = await bench.start(rival, ["--expose-gc"], "takeover");
  const { load } = bench;
  const opening = { port, atOnce: 100, compression: "takeover" } as const;
  const measure = async () => {
    await sleep(SETTLE_MS);
    return server.call("measureMemory");
  };
  // Objects made once, for the first connection, do not count as memory of connections.
  await load.call("open", { ...opening, count: 10 });
  await load.call("converse", 10);
  await load.call("close");
  const before = await measure();
  await load.call("open", { ...opening, count: CONNECTIONS });
  for (let sent = 0; sent < MESSAGES; sent += MESSAGES_AT_ONCE) await load.call("converse", MESSAGES_AT_ONCE);
  const during = await measure();
  await load.call("close");
  const after = await measure();
  await server.stop();
  return { before, during, after };
}

export function formatCompressedMemory(results: readonly CompressedMemoryResult[]): string {
  const kib = (bytes: number) => (bytes / 1024).toFixed(1);
  const mib = (bytes: number) => (bytes / 1024 ** 2).toFixed(1);
  const rows = results.map(({ rival, rss, toWs, heap, totalRss, leftRss }) => [
    rival,
    kib(rss),
    formatSpread(toWs),
    kib(heap),
    mib(totalRss),
    mib(leftRss),
  ]);
  const header = ["server", "RSS KiB", "x ws", "heap + external", "RSS of all, MiB", "left when closed, MiB"];
  return (
    `One of ${CONNECTIONS.toLocaleString("en")} connections, after ${MESSAGES} messages each way with context ` +
    `takeover; and all of them together. Rounds: ${results[0].rounds}.\n\n${formatTable(header, rows)}`
  );
}

export function judgeCompressedMemory(results: readonly CompressedMemoryResult[]): Target[] {
  return results
    .filter(({ rival }) => rival === "hawser")
    .map(({ connections, toWs }) => ({
      target: `memory of ${connections.toLocaleString("en")} connections that compress: at most a third of ws`,
      measured: formatSpread(toWs),
      met: toWs.ratio <= MOST,
    }));
}
