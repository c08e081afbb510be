/** The tables of the compression suite, and its targets. */

import {
  COMPRESSION_KINDS,
  COMPRESSION_SIZES,
  compressTable,
  decompressTable,
  FAST,
  TIGHT,
  WS_PIPELINED,
} from "./compression.js";
import type { RatioResult } from "./compression-ratio.js";
import { HAWSER, PAKO, WS, ZLIB_KEPT, ZLIB_ONE_SHOT } from "./compressors.js";
import type { Result, Target } from "./harness.js";
import { formatRatio, formatSize, formatTable } from "./report.js";

const PEERS = [ZLIB_ONE_SHOT, ZLIB_KEPT, PAKO, WS, WS_PIPELINED];

function formatUs(ns: number): string {
  return (ns / 1000).toFixed(ns < 100_000 ? 2 : 0);
}

function formatSpread({ leastRatio, greatestRatio }: Result): string {
  return `(${leastRatio.toFixed(2)}-${greatestRatio.toFixed(2)})`;
}

/** How many times as short as before. */
function shortened({ volume }: Result): string {
  return volume === undefined ? "" : (volume.raw / volume.compressed).toFixed(2);
}

export function formatCompression(results: readonly Result[]): string {
  return [...new Set(results.map(({ table }) => table))]
    .map((table) => formatSpeeds(results.filter((result) => result.table === table)))
    .join("\n\n");
}

function formatSpeeds(results: readonly Result[]): string {
  const { table } = results[0];
  const ours = results.filter(({ rival }) => rival === HAWSER);
  const peers = PEERS.filter((peer) => ours.some((result) => result.peer === peer));
  const compressing = table.startsWith("compress");
  const coders = compressing ? [HAWSER, ...peers.filter((peer) => peer === ZLIB_KEPT || peer === PAKO)] : [];
  const header = [
    "size",
    "us",
    "MB/s",
    ...peers.map((peer) => `x ${peer}`),
    ...coders.map((name) => `in/out ${name}`),
  ];
  const rows = [...new Set(ours.map(({ size }) => size))].map((size) => {
    const row = results.filter((result) => result.size === size);
    const against = peers.map((peer) =>
      row.find((result) => result.rival === HAWSER && result.peer === peer),
    );
    const { nsPerOperation: ns, volume, operations } = row[0];
    const megabytes = volume === undefined ? "" : ((volume.raw / operations / ns) * 1000).toFixed(0);
    const ratios = against.map((result) =>
      result === undefined ? "" : `${formatRatio(result.ratio)} ${formatSpread(result)}`,
    );
    const lengths = coders.map((name) => shortened(row.find(({ rival }) => rival === name) ?? row[0]));
    return [formatSize(size), formatUs(ns), megabytes, ...ratios, ...lengths];
  });
  const told =
    "us and MB/s of uncompressed bytes: hawser's; x = times as fast as (least-greatest of the rounds)" +
    (compressing ? "; in/out = bytes in for a byte out" : "");
  return `### ${table}\n\n${told}\n\n${formatTable(header, rows)}`;
}

export function formatRatios(ratios: readonly RatioResult[]): string {
  const header = [
    "messages",
    "level",
    "kind",
    "hawser",
    "hawser, memLevel 8",
    "zlib",
    "pako",
    "bytes, of zlib's",
  ];
  const rows = ratios.map(({ size, takeover, level, kind, raw, hawser, hawserLargeHash, zlib, pako }) => [
    formatSize(size) + (takeover ? ", context takeover" : ""),
    String(level),
    kind,
    ...[hawser, hawserLargeHash, zlib, pako].map((length) => (raw / length).toFixed(2)),
    formatPercent(hawser / zlib),
  ]);
  return `### bytes in for a byte out, window of 32 KiB\n\n${formatTable(header, rows, 3)}`;
}

function formatPercent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

// Targets ────────────────────────────────────────────────────────────────────────────────

interface Rule {
  readonly target: string;
  readonly least: number;
  readonly peer: string;
  readonly sizes: readonly number[];
  /** Which tables; default: all. */
  readonly tables?: (takeover: boolean) => readonly string[];
}

const compressing = (level: number) => (takeover: boolean) =>
  COMPRESSION_KINDS.map((kind) => compressTable(kind, level, takeover));
const decompressing = (takeover: boolean) => COMPRESSION_KINDS.map((kind) => decompressTable(kind, takeover));

const RULES: readonly Rule[] = [
  {
    target: "decompress 64 KiB: 0.7x",
    least: 0.7,
    peer: ZLIB_ONE_SHOT,
    sizes: [65_536],
    tables: decompressing,
  },
  {
    target: "compress 64 KiB, level 1: 0.8x",
    least: 0.8,
    peer: ZLIB_ONE_SHOT,
    sizes: [65_536],
    tables: compressing(FAST),
  },
  { target: "200 B and 1 KiB: 2x pako", least: 2, peer: PAKO, sizes: [200, 1024] },
  { target: "16 KiB and more: 1.5x pako", least: 1.5, peer: PAKO, sizes: COMPRESSION_SIZES.slice(2) },
];

const MOST_SMALL_US = 5;
const MOST_BYTES = 1.05;

export function judgeCompression(results: readonly Result[], ratios: readonly RatioResult[]): Target[] {
  const ours = results.filter(({ suite, rival }) => suite === "compression" && rival === HAWSER);
  if (ours.length === 0) return [];
  const speeds = RULES.map(({ target, least, peer, sizes, tables }): Target => {
    const names = tables && [...tables(false), ...tables(true)];
    const worst = ours
      .filter((result) => result.peer === peer && sizes.includes(result.size))
      .filter(({ table }) => names === undefined || names.includes(table))
      .reduce((a, b) => (b.ratio < a.ratio ? b : a));
    const where = `${worst.table}, ${formatSize(worst.size)}`;
    return {
      target,
      measured: `${formatRatio(worst.ratio)} ${formatSpread(worst)} of ${peer}: ${where}`,
      met: worst.ratio >= least,
    };
  });
  return [...speeds, judgeSmall(ours), ...judgeRatios(ratios)];
}

/** A short message there and back. */
function judgeSmall(ours: readonly Result[]): Target {
  const [size] = COMPRESSION_SIZES;
  const ns = (table: string) => {
    const result = ours.find((candidate) => candidate.table === table && candidate.size === size);
    return result?.nsPerOperation ?? Number.NaN;
  };
  const both = [false, true].flatMap((takeover) =>
    COMPRESSION_KINDS.map((kind) => {
      const us = (ns(compressTable(kind, FAST, takeover)) + ns(decompressTable(kind, takeover))) / 1000;
      return { us, where: `${kind}${takeover ? ", context takeover" : ""}` };
    }),
  );
  const { us, where } = both.reduce((a, b) => (b.us > a.us ? b : a));
  return {
    target: `compress, level 1, and decompress 200 B: ${MOST_SMALL_US} us`,
    measured: `${us.toFixed(2)} us: ${where}`,
    met: us <= MOST_SMALL_US,
  };
}

function judgeRatios(ratios: readonly RatioResult[]): Target[] {
  const judge = (target: string, candidates: readonly RatioResult[]): Target => {
    const worst = candidates.reduce((a, b) => (b.hawser / b.zlib > a.hawser / a.zlib ? b : a));
    const { hawser, zlib, level, size } = worst;
    return {
      target: `${target}: at most 105 % of zlib's bytes`,
      measured: `${formatPercent(hawser / zlib)}: level ${level}, ${formatSize(size)}`,
      met: hawser <= MOST_BYTES * zlib,
    };
  };
  const mix = ratios.filter(({ kind }) => kind === "mix");
  return [
    ...[FAST, TIGHT].map((level) =>
      judge(
        `level ${level} on the mix`,
        mix.filter((result) => result.level === level),
      ),
    ),
    judge(
      "JSON up to 1 KiB, context takeover",
      ratios.filter(({ kind, takeover }) => kind === "json" && takeover),
    ),
  ];
}
