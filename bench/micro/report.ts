/** Tables in markdown: one for each group of contests, and at the end the targets and whether they are met. */

import type { Result, Target } from "./harness.js";
import type { StartResult } from "./start.js";

/** "16 B", "1 KiB". */
export function formatSize(bytes: number): string {
  if (bytes >= 1 << 20) return `${bytes >> 20} MiB`;
  return bytes >= 1024 ? `${bytes >> 10} KiB` : `${bytes} B`;
}

function formatNs(ns: number): string {
  if (ns < 10) return ns.toFixed(1);
  return Math.round(ns).toLocaleString("en");
}

export function formatRatio(ratio: number): string {
  return `${ratio.toFixed(ratio < 10 ? 2 : 1)}x`;
}

/** Payloads that are handed on are not moved: then bytes for a time say nothing. */
const MOST_GB_PER_SECOND = 200;

function formatThroughput(bytes: number, ns: number): string {
  return bytes / ns > MOST_GB_PER_SECOND ? "-" : (bytes / ns).toFixed(2);
}

/** Lines of a table with aligned pipes; so many columns to the left, the others to the right. */
export function formatTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  leftColumns = 1,
): string {
  const widths = header.map((title, i) => Math.max(title.length, ...rows.map((row) => row[i].length)));
  const pad = (text: string, i: number) =>
    i < leftColumns ? text.padEnd(widths[i]) : text.padStart(widths[i]);
  const line = (cells: readonly string[]) => `| ${cells.map(pad).join(" | ")} |`;
  const rule = widths.map((width, i) => (i < leftColumns ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(header), line(rule), ...rows.map(line)].join("\n");
}

/**
 * All tables of a suite. `x` is speed as a multiple of the peer's in the same process and round (more is
 * faster); in brackets the least and greatest of the rounds.
 */
export function formatResults(results: readonly Result[]): string {
  return [...new Set(results.map((result) => result.table))]
    .map((table) =>
      formatGroup(
        table,
        results.filter((result) => result.table === table),
      ),
    )
    .join("\n\n");
}

function formatGroup(table: string, results: readonly Result[]): string {
  const { peer } = results[0];
  const rivals = [...new Set(results.map((result) => result.rival))];
  const header = [
    "size",
    ...rivals.flatMap((rival) => (rival === peer ? [`${rival} ns`, "GB/s"] : [`${rival} ns`, "GB/s", "x"])),
  ];
  const sizes = [...new Set(results.map((result) => result.size))];
  const rows = sizes.map((size) => [
    formatSize(size),
    ...rivals.flatMap((rival) => {
      // The peer ran in both processes; the first is the one that hawser met.
      const result = results.find((candidate) => candidate.size === size && candidate.rival === rival);
      if (result === undefined) return rival === peer ? ["", ""] : ["", "", ""];
      const { nsPerOperation: ns, ratio, leastRatio, greatestRatio } = result;
      const cells = [formatNs(ns), formatThroughput(size, ns)];
      if (rival === peer) return cells;
      return [...cells, `${formatRatio(ratio)} (${leastRatio.toFixed(2)}-${greatestRatio.toFixed(2)})`];
    }),
  ]);
  return `### ${table}\n\nns per operation; x = times as fast as ${peer} (least-greatest of the rounds)\n\n${formatTable(header, rows)}`;
}

export function formatStart(results: readonly StartResult[]): string {
  const rows = results.map(({ script, totalMs, addedMs }) => [
    script,
    totalMs.toFixed(1),
    addedMs.toFixed(1),
  ]);
  return formatTable(["process", "whole ms", "added ms"], rows);
}

export function formatTargets(targets: readonly Target[]): string {
  const rows = targets.map(({ target, measured, met }) => [target, met ? "yes" : "NO", measured]);
  return formatTable(["target", "met", "measured: the worst of those that count"], rows, 3);
}
