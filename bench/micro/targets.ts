/** What hawser aims at, and whether the results reach it. */

import type { Result, Target } from "./harness.js";
import { SIZES } from "./payloads.js";
import { formatRatio, formatSize } from "./report.js";
import type { StartResult } from "./start.js";

const upTo = (size: number) => SIZES.filter((candidate) => candidate <= size);
const between = (least: number, greatest: number) =>
  SIZES.filter((size) => size >= least && size <= greatest);

interface Rule {
  readonly target: string;
  /** The ratio to the peer that every one of these must reach. */
  readonly least: number;
  /** Which tables; matched from the beginning of their names. */
  readonly tables: string;
  /** Default "hawser". */
  readonly rival?: string;
  /** Default: all. */
  readonly sizes?: readonly number[];
}

const DECODE = "decode as a server,";
const KERNEL = "hawser, in the kernel";
const slowHost = Number.parseInt(process.versions.node, 10) < 24;

const RULES: readonly Rule[] = [
  { target: "decode ASCII, up to 256 B: 5x", least: 5, tables: `${DECODE} ascii`, sizes: upTo(256) },
  { target: "decode ASCII, 1 KiB: 3x", least: 3, tables: `${DECODE} ascii`, sizes: [1024] },
  { target: "decode ASCII, 8 KiB: 1.5x", least: 1.5, tables: `${DECODE} ascii`, sizes: [8192] },
  { target: "decode multibyte, 16 B: 3x", least: 3, tables: `${DECODE} multibyte`, sizes: [16] },
  {
    target: "decode multibyte, up to 256 B: 2x",
    least: 2,
    tables: `${DECODE} multibyte`,
    sizes: between(64, 256),
  },
  ...(slowHost
    ? [
        {
          target: "decode multibyte, 1 and 8 KiB: 2x",
          least: 2,
          tables: `${DECODE} multibyte`,
          sizes: [1024, 8192],
        },
      ]
    : []),
  { target: "decode binary, up to 64 B: 3x", least: 3, tables: `${DECODE} binary`, sizes: upTo(64) },
  {
    target: "decode binary, up to 1 KiB: 2x",
    least: 2,
    tables: `${DECODE} binary`,
    sizes: between(125, 1024),
  },
  { target: "decode binary, 8 KiB: 1.2x", least: 1.2, tables: `${DECODE} binary`, sizes: [8192] },
  { target: "decode as a server, anything: 1x", least: 1, tables: DECODE },
  { target: "decode as a client, anything: 1x", least: 1, tables: "decode as a client" },
  { target: "encode as a server, 16 to 256 B: 2x", least: 2, tables: "encode as a server", sizes: upTo(256) },
  { target: "encode as a client, 16 to 256 B: 2x", least: 2, tables: "encode as a client", sizes: upTo(256) },
  { target: "unmask a Buffer, up to 1 KiB: 1x", least: 1, tables: "unmask in place", sizes: upTo(1024) },
  { target: "mask a Buffer, up to 1 KiB: 1x", least: 1, tables: "mask into another", sizes: upTo(1024) },
  { target: "mask in the kernel, any size: 1x", least: 1, tables: "unmask in place", rival: KERNEL },
  {
    target: "validate in the kernel, up to 64 B: 1x",
    least: 1,
    tables: "validate",
    rival: KERNEL,
    sizes: upTo(64),
  },
  {
    target: "validate ASCII in the kernel, any size: 0.25x",
    least: 0.25,
    tables: "validate UTF-8, ascii",
    rival: KERNEL,
  },
];

const MOST_KERNEL_BYTES = 12 * 1024;
const MOST_START_MS = 20;

/** Targets that these results say something about. The worst of several counts. */
export function judge(
  results: readonly Result[],
  start: readonly StartResult[],
  kernelBytes: number,
): Target[] {
  const targets = RULES.flatMap(({ target, least, tables, rival = "hawser", sizes }): Target[] => {
    const worst = results
      .filter((result) => result.table.startsWith(tables) && result.rival === rival)
      .filter((result) => sizes === undefined || sizes.includes(result.size))
      .reduce<Result | undefined>((a, b) => (a === undefined || b.ratio < a.ratio ? b : a), undefined);
    if (worst === undefined) return [];
    const { ratio, leastRatio, greatestRatio, table, size, peer } = worst;
    const spread = `${leastRatio.toFixed(2)}-${greatestRatio.toFixed(2)}`;
    const measured = `${formatRatio(ratio)} (${spread}) of ${peer}: ${table}, ${formatSize(size)}`;
    return [{ target, measured, met: ratio >= least }];
  });
  for (const { script, addedMs } of start) {
    if (script !== "hawser") continue;
    targets.push({
      target: `start: under ${MOST_START_MS} ms`,
      measured: `${addedMs.toFixed(1)} ms`,
      met: addedMs < MOST_START_MS,
    });
  }
  targets.push({
    target: `kernel: under ${MOST_KERNEL_BYTES / 1024} KiB`,
    measured: `${kernelBytes.toLocaleString("en")} bytes`,
    met: kernelBytes < MOST_KERNEL_BYTES,
  });
  return targets;
}
