/** What an echo run found: ratios within rounds, and tables in markdown. */

import { formatTable } from "../../micro/report.js";
import {
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
import { isRaw, ONREAD, type Workload, WS } from "./workloads.js";

/** What a rival did in one round. */
export interface EchoRound extends Round {
  /** Pages of memory that the system had to provide, for one message. */
  readonly faults: number;
}

/** Results of a rival in one workload. */
export interface Finding {
  readonly rounds: readonly EchoRound[];
  /** Which share of their bytes messages have in the rival's frames, if it compresses. */
  readonly compressedTo?: number;
}

/** One rival in one workload: medians over the rounds. */
export interface EchoResult extends EchoRound, Finding {
  readonly workload: string;
  readonly rival: string;
  readonly limit: Limit;
  /** The load's time for a message, in microseconds. */
  readonly loadUs: number;
  /** Messages for a second, as multiples of plain ws. */
  readonly speedToWs: Ratio;
  /** The same for the processor time of the server. */
  readonly cpuToWs: Ratio;
}

export function summarize(workload: Workload, findings: ReadonlyMap<string, Finding>): EchoResult[] {
  const ws = findings.get(WS)?.rounds ?? [];
  return [...findings].map(([rival, finding]) => {
    const middle = middleOf(finding.rounds);
    const faults = finding.rounds.map((round) => round.faults).sort((a, b) => a - b);
    return {
      workload: workload.name,
      rival,
      ...middle,
      faults: faults[faults.length >> 1],
      loadUs: (middle.loadBusy * 1e6) / middle.perSecond,
      speedToWs: speedRatio(finding.rounds, ws),
      cpuToWs: cpuRatio(finding.rounds, ws),
      ...finding,
    };
  });
}

export const LEGEND = `msg/s: messages in a second; x ws: as multiples of plain ws in the same round (least-greatest of
the rounds). CPU us: processor time of the process that is measured, for one message; x ws: how many messages it
handles in the time that ws takes for one. faults: pages of fresh memory for one message. load us: the load's own time
for one message. busy: share that was used of the core, as far as others left it; load busy: share of the time in which
the load had something to do (it never sleeps, so that no server pays for waking it); others: what other processes took
of either core in the worst round. limit: who had no time left. Where that is the CLIENT, or neither, the measured side
could have done more: there, and where others took much (!), only processor time compares servers. ws compresses on
threads of its own, which share the server's core here.`;

/** The table of one workload. */
export function formatWorkload(results: readonly EchoResult[]): string {
  const rows = results.map((result) => [
    result.rival,
    Math.round(result.perSecond).toLocaleString("en"),
    formatSpread(result.speedToWs),
    formatUs(result.cpuUs),
    formatSpread(result.cpuToWs),
    result.faults.toFixed(result.faults < 1 ? 2 : 1),
    formatUs(result.loadUs),
    formatShare(result.serverBusy),
    formatShare(result.loadBusy),
    formatOthers(result),
    result.limit,
  ]);
  const header = [
    "who",
    "msg/s",
    "x ws",
    "CPU us",
    "x ws",
    "faults",
    "load us",
    "busy",
    "load busy",
    "others",
  ];
  const table = formatTable([...header, "limit"], rows);
  const shares = results.flatMap(({ rival, compressedTo }) =>
    compressedTo === undefined ? [] : [`${rival} ${formatShare(compressedTo)}`],
  );
  return shares.length === 0 ? table : `${table}\n\ncompressed to: ${shares.join(", ")}`;
}

function formatUs(us: number): string {
  return us.toFixed(us < 10 ? 3 : us < 100 ? 1 : 0);
}

/**
 * Whether the load could be the limit: the least of its own time for a message, beside what the cheapest server takes.
 * It drives as many messages a second as that time allows; a server that takes longer for a message is the limit itself.
 */
export function formatLoad(workloads: readonly Workload[], results: readonly EchoResult[]): string {
  const rows = workloads.flatMap(({ name, rivals }) => {
    const found = results.filter(({ workload }) => workload === name);
    const raw = found.filter(({ rival }) => rivals.some((one) => one.name === rival && isRaw(one)));
    const cheapest = raw.find(({ rival }) => rival === ONREAD) ?? raw[0];
    const hawser = found.filter(({ rival }) => rival.startsWith("hawser"));
    if (cheapest === undefined || hawser.length === 0) return [];
    const fastest = hawser.reduce((best, result) => (result.perSecond > best.perSecond ? result : best));
    const loadUs = Math.min(...found.map((result) => result.loadUs));
    return [
      [
        name,
        formatUs(loadUs),
        `${formatUs(cheapest.cpuUs)} (${cheapest.rival})`,
        Math.round(1e6 / loadUs).toLocaleString("en"),
        `${Math.round(fastest.perSecond).toLocaleString("en")} (${fastest.rival})`,
        found
          .filter(({ limit }) => limit === "CLIENT")
          .map(({ rival }) => rival)
          .join("; ") || "-",
      ],
    ];
  });
  const header = [
    "workload",
    "load us",
    "cheapest peer us",
    "load can do/s",
    "fastest hawser/s",
    "load was the limit of",
  ];
  return formatTable(header, rows);
}
