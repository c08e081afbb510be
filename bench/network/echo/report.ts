/** What an echo run found: ratios within rounds, tables in markdown, and what became of the aims. */

import type { Target } from "../../micro/harness.js";
import { formatTable } from "../../micro/report.js";
import {
  cpuRatio,
  formatOthers,
  formatShare,
  formatSpread,
  type Limit,
  middleOf,
  noteOnSpeed,
  type Ratio,
  type Round,
  speedRatio,
} from "../ratio.js";
import { NET, type Workload, WS } from "./workloads.js";

/** One rival in one workload: medians over the rounds. */
export interface EchoResult extends Round {
  readonly workload: string;
  readonly rival: string;
  readonly limit: Limit;
  /** Messages for a second, as multiples of plain ws and of raw net. */
  readonly speedToWs: Ratio;
  readonly speedToNet: Ratio;
  /** The same for the processor time of the server. */
  readonly cpuToWs: Ratio;
  readonly cpuToNet: Ratio;
  /** Which share of their bytes messages have in the rival's frames, if it compresses. */
  readonly compressedTo?: number;
}

/** What was found out about a rival in one workload. */
export interface Finding {
  readonly rounds: readonly Round[];
  readonly compressedTo?: number;
}

export function summarize(workload: Workload, findings: ReadonlyMap<string, Finding>): EchoResult[] {
  const ws = findings.get(WS)?.rounds ?? [];
  const net = findings.get(NET)?.rounds ?? [];
  return [...findings].map(([rival, { rounds, ...rest }]) => ({
    workload: workload.name,
    rival,
    ...middleOf(rounds),
    speedToWs: speedRatio(rounds, ws),
    speedToNet: speedRatio(rounds, net),
    cpuToWs: cpuRatio(rounds, ws),
    cpuToNet: cpuRatio(rounds, net),
    ...rest,
  }));
}

export const LEGEND = `msg/s: echoes that came back in a second; x ws, x net: as multiples of plain ws and of raw net in the
same round (least-greatest of the rounds). CPU: the server's processor time for a message, in microseconds; its
ratios say how many messages it handles in the time that ws, or net, takes for one. busy: shares of a core; others:
what other processes took of either core in the worst round. limit: who had no time left. Where that is the CLIENT,
the server could have done more; there, and where others took much (!), only the ratios of processor time compare
servers. ws compresses on threads of its own, which share the server's core here.`;

/** The table of one workload. */
export function formatWorkload(results: readonly EchoResult[]): string {
  const rows = results.map((result) => [
    result.rival,
    Math.round(result.perSecond).toLocaleString("en"),
    formatSpread(result.speedToWs),
    formatSpread(result.speedToNet),
    result.cpuUs.toFixed(2),
    formatSpread(result.cpuToWs),
    formatSpread(result.cpuToNet),
    formatShare(result.serverBusy),
    formatShare(result.loadBusy),
    formatOthers(result),
    result.limit,
  ]);
  const header = ["server", "msg/s", "x ws", "x net", "CPU us", "CPU x ws", "CPU x net"];
  const table = formatTable([...header, "server busy", "load busy", "others", "limit"], rows);
  const shares = results.flatMap(({ rival, compressedTo }) =>
    compressedTo === undefined ? [] : [`${rival} ${formatShare(compressedTo)}`],
  );
  return shares.length === 0 ? table : `${table}\n\ncompressed to: ${shares.join(", ")}`;
}

/** The aims that these results say something about, once for each way to use hawser. */
export function judge(workloads: readonly Workload[], results: readonly EchoResult[]): Target[] {
  return workloads.flatMap(({ name, aims }) => {
    const found = results.filter(({ workload }) => workload === name);
    const othersBusy = Math.max(...found.map((result) => result.othersBusy));
    return found
      .filter(({ rival }) => rival.startsWith("hawser"))
      .flatMap((result) => [
        ...judgeOne(result, WS, aims.ws, othersBusy),
        ...judgeOne(result, NET, aims.net, othersBusy),
      ]);
  });
}

function judgeOne(
  result: EchoResult,
  peer: typeof WS | typeof NET,
  aim: number | undefined,
  othersBusy: number,
): Target[] {
  if (aim === undefined) return [];
  const speed = peer === WS ? result.speedToWs : result.speedToNet;
  const cpu = peer === WS ? result.cpuToWs : result.cpuToNet;
  return [
    {
      target: `${result.workload}: ${aim}x ${peer} (${result.rival})`,
      measured: formatSpread(speed) + noteOnSpeed(result.limit, othersBusy, cpu),
      met: speed.ratio >= aim,
    },
  ];
}
