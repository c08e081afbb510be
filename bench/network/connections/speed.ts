/** Handshakes and broadcasts: how many in a second, and what processor time they take. */

import type { Target } from "../../micro/harness.js";
import { formatTable } from "../../micro/report.js";
import { canPin, PINNED_CORES } from "../cores.js";
import {
  compare,
  cpuRatio,
  formatOthers,
  formatShare,
  formatSpread,
  type Limit,
  middleOf,
  type Ratio,
  type Round,
  speedRatio,
} from "../ratio.js";
import { busyShare, type LoadSample, type Sample, watchOthers } from "../usage.js";
import type { Bench, Contender } from "./bench.js";
import type { RivalName } from "./server.js";

/** What hawser aims at, in multiples of ws. */
const LEAST_OPENINGS = 1.15;
const LEAST_BROADCASTS = 1.5;

/** Connections that are opened in one go before they are closed in one go, and how many of them at a time. */
const OPENED_IN_A_GO = 500;
const OPENED_AT_ONCE = 16;

/** How long a new server opens and closes before any timing, at least. */
const WARMUP_MS = 2000;

const BROADCAST_SIZE = 128;
/** Of a server's frame with such a payload (RFC 6455 §5.2). */
const BROADCAST_FRAME_LENGTH = 4 + BROADCAST_SIZE;
const BROADCAST_CONNECTIONS = 1000;

export interface SpeedResult extends Round {
  readonly rival: RivalName;
  readonly limit: Limit;
  readonly rounds: readonly Round[];
  readonly speedToWs: Ratio;
  readonly cpuToWs: Ratio;
}

export interface HandshakeResults {
  readonly opening: readonly SpeedResult[];
  readonly closing: readonly SpeedResult[];
  /** Opened, and left at once by a peer that does no closing handshake. */
  readonly visits: readonly SpeedResult[];
}

/** Adds up what both processes did in pieces of time. */
class Stopwatch {
  #timeUs = 0;
  #serverUs = 0;
  #loadUs = 0;
  #count = 0;

  add(count: number, timeUs: number, serverUs: number, loadUs: number): void {
    this.#count += count;
    this.#timeUs += timeUs;
    this.#serverUs += serverUs;
    this.#loadUs += loadUs;
  }

  /** @param othersBusy - of the whole round. */
  round(othersBusy: number): Round {
    return {
      othersBusy,
      perSecond: (this.#count * 1e6) / this.#timeUs,
      cpuUs: this.#serverUs / this.#count,
      serverBusy: this.#serverUs / this.#timeUs,
      loadBusy: this.#loadUs / this.#timeUs,
    };
  }
}

/** Opens and closes connections for so long in each round, and has visitors for as long; all three are timed apart. */
export async function measureHandshakes(
  bench: Bench,
  rounds: number,
  timedMs: number,
): Promise<HandshakeResults> {
  const contenders = await bench.startAll();
  const openings = new Map(bench.rivals.map((rival) => [rival, [] as Round[]]));
  const closings = new Map(bench.rivals.map((rival) => [rival, [] as Round[]]));
  const visits = new Map(bench.rivals.map((rival) => [rival, [] as Round[]]));
  for (const contender of contenders) await openAndClose(bench, contender, Math.max(timedMs, WARMUP_MS));
  for (let round = 0; round < rounds; round++) {
    for (const rival of bench.inTurn(round)) {
      const contender = contenders.find((candidate) => candidate.rival === rival);
      if (contender === undefined) continue;
      const turn = () => openAndClose(bench, contender, timedMs);
      const { opening, closing, visiting, othersBusy } = await bench.patience.leastDisturbed(turn);
      openings.get(rival)?.push(opening.round(othersBusy));
      closings.get(rival)?.push(closing.round(othersBusy));
      visits.get(rival)?.push(visiting.round(othersBusy));
    }
  }
  for (const contender of contenders) {
    await bench.profile("handshakes", contender, () => openAndClose(bench, contender, timedMs));
  }
  await bench.stopAll(contenders);
  return { opening: summarize(openings), closing: summarize(closings), visits: summarize(visits) };
}

async function openAndClose({ load }: Bench, { server, port }: Contender, timedMs: number) {
  const opening = new Stopwatch();
  const closing = new Stopwatch();
  const visiting = new Stopwatch();
  const samples = (): Promise<[Sample, LoadSample]> =>
    Promise.all([server.call("sample"), load.call("sample")]);
  const time = async (watch: Stopwatch, work: () => Promise<void>) => {
    await server.call("settle");
    await load.call("spin", canPin);
    const [serverFrom, loadFrom] = await samples();
    await work();
    const [serverTo, loadTo] = await samples();
    await load.call("spin", false);
    const timeUs = loadTo.atUs - loadFrom.atUs;
    const serverUs = busyShare(serverFrom, serverTo) * timeUs;
    watch.add(OPENED_IN_A_GO, timeUs, serverUs, loadTo.workedUs - loadFrom.workedUs);
  };
  const [serverFrom, loadFrom] = await samples();
  const othersSince = watchOthers(PINNED_CORES);
  const end = performance.now() + timedMs;
  do {
    const order = { port, count: OPENED_IN_A_GO, atOnce: OPENED_AT_ONCE };
    await time(opening, () => load.call("open", order));
    await time(closing, () => load.call("close"));
    await time(visiting, () => load.call("visit", order));
  } while (performance.now() < end);
  const [serverTo, loadTo] = await samples();
  const othersBusy = othersSince([busyShare(serverFrom, serverTo), busyShare(loadFrom, loadTo)]);
  return { opening, closing, visiting, othersBusy };
}

/** Broadcasts to many connections, until the last of them has got the last one. */
export async function measureBroadcasts(
  bench: Bench,
  rounds: number,
  count: number,
): Promise<readonly SpeedResult[]> {
  const contenders = await bench.startAll();
  const found = new Map(bench.rivals.map((rival) => [rival, [] as Round[]]));
  for (let round = 0; round < rounds; round++) {
    for (const rival of bench.inTurn(round)) {
      const contender = contenders.find((candidate) => candidate.rival === rival);
      if (contender === undefined) continue;
      const turn = () => broadcast(bench, contender, count);
      found.get(rival)?.push(await bench.patience.leastDisturbed(turn));
    }
  }
  for (const contender of contenders) {
    await bench.profile("broadcast", contender, () => broadcast(bench, contender, count));
  }
  await bench.stopAll(contenders);
  return summarize(found);
}

async function broadcast({ load }: Bench, { server, port }: Contender, count: number): Promise<Round> {
  const hex = Buffer.alloc(BROADCAST_SIZE, "hawser").toString("hex");
  await load.call("open", { port, count: BROADCAST_CONNECTIONS, atOnce: 100 });
  await load.call("expectFrame", hex); // the arriving frame is compared once,
  await server.call("broadcast", { hex, count: 1 });
  await load.call("received");
  await load.call("spin", canPin);
  await load.call("expectBytes", count * BROADCAST_FRAME_LENGTH); // and then counted; this time to warm up
  await server.call("broadcast", { hex, count });
  await load.call("received");

  await load.call("expectBytes", count * BROADCAST_FRAME_LENGTH);
  const othersSince = watchOthers(PINNED_CORES);
  const loadFrom = await load.call("sample");
  const serverFrom = await server.call("broadcast", { hex, count });
  const loadTo = await load.call("received");
  const serverTo = await server.call("sample");
  const othersBusy = othersSince([busyShare(serverFrom, serverTo), busyShare(loadFrom, loadTo)]);
  await load.call("spin", false);
  await load.call("destroy");
  const timeUs = loadTo.atUs - serverFrom.atUs;
  const watch = new Stopwatch();
  watch.add(
    count * BROADCAST_CONNECTIONS,
    timeUs,
    serverTo.cpuUs - serverFrom.cpuUs,
    loadTo.workedUs - loadFrom.workedUs,
  );
  return watch.round(othersBusy);
}

function summarize(found: ReadonlyMap<RivalName, readonly Round[]>): SpeedResult[] {
  const ws = found.get("ws") ?? [];
  return [...found].map(([rival, rounds]) => ({
    rival,
    ...middleOf(rounds),
    rounds,
    speedToWs: speedRatio(rounds, ws),
    cpuToWs: cpuRatio(rounds, ws),
  }));
}

export function formatSpeed(what: string, results: readonly SpeedResult[]): string {
  const rows = results.map((result) => [
    result.rival,
    Math.round(result.perSecond).toLocaleString("en"),
    formatSpread(result.speedToWs),
    result.cpuUs.toFixed(2),
    formatSpread(result.cpuToWs),
    formatShare(result.serverBusy),
    formatShare(result.loadBusy),
    formatOthers(result),
    result.limit,
  ]);
  const header = [
    "server",
    `${what}/s`,
    "x ws",
    "CPU us",
    "CPU x ws",
    "server busy",
    "load busy",
    "others",
    "limit",
  ];
  return formatTable(header, rows);
}

export function judgeOpenings({ opening, visits }: HandshakeResults): Target[] {
  return [
    ...judge(`opening handshakes: ${LEAST_OPENINGS}x ws`, LEAST_OPENINGS, opening),
    ...judge(`connections that are opened and left: ${LEAST_OPENINGS}x ws`, LEAST_OPENINGS, visits),
  ];
}

export function judgeBroadcasts(results: readonly SpeedResult[]): Target[] {
  const to = `${BROADCAST_SIZE} B to ${BROADCAST_CONNECTIONS.toLocaleString("en")} connections`;
  return judge(`broadcast of ${to}: ${LEAST_BROADCASTS}x ws`, LEAST_BROADCASTS, results);
}

function judge(target: string, least: number, results: readonly SpeedResult[]): Target[] {
  const find = (name: RivalName) => results.find(({ rival }) => rival === name);
  const [hawser, ws] = [find("hawser"), find("ws")];
  if (hawser === undefined || ws === undefined) return [];
  const { ratio, measured } = compare(hawser, ws);
  return [{ target, measured, met: ratio >= least }];
}
