/** The tables and sentences of the documents, made from the published results. */

import { formatSize, formatTable } from "../micro/report.js";
import type { EchoResult } from "../network/echo/report.js";
import { echoNodes, echoResults, isCodec, isEcho, type Published } from "./data.js";

/** The five rows of the README: workload, and a name for it. */
export const README_ROWS = [
  ["binary, 128 B x 50 x 32", "128 B, many in flight"],
  ["ASCII text as strings, 16 B x 50 x 32", "16 B of text, many in flight"],
  ["binary, 1 KiB x 500 x 1", "1 KiB, one in flight"],
  ["binary, 128 KiB x 50 x 1", "128 KiB, one in flight"],
  ["compressed JSON, 1 KiB x 50 x 1", "1 KiB of JSON, compressed"],
] as const;

const count = (value: number) => Math.round(value).toLocaleString("en");
const us = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
export const times = (value: number) => value.toFixed(value < 10 ? 1 : 0);
const percent = (share: number) => `${Math.round(100 * share)} %`;

function find(results: readonly EchoResult[], workload: string, rival: string): EchoResult | undefined {
  return results.find((result) => result.workload === workload && result.rival === rival);
}

/** The sentence about the machine and the run, under a table. */
function circumstances(runs: readonly Published[]): string {
  const [{ environment, pinningNote }] = runs;
  const dates = runs.map((run) => run.environment.date.slice(0, 10)).sort();
  const commits = [...new Set(runs.map((run) => run.environment.commit.replace("+", "")))];
  const quick = runs.some(
    (run) => (run.kind === "echo" && run.rounds < 3) || (run.kind === "codec" && run.quick),
  );
  const loads = runs.map((run) => run.environment.loadAverage);
  return (
    `${dates[0]}${dates.at(-1) === dates[0] ? "" : ` to ${dates.at(-1)}`}, ${environment.cpu}, ` +
    `${environment.cores} cores, ${environment.platform}, commit ${commits.join(", ")}` +
    `${pinningNote === undefined ? "" : `; ${pinningNote}`}. ${quick ? "A short run" : "Medians of the rounds"}; ` +
    `load average of the machine before the parts: ${Math.min(...loads).toFixed(1)} to ${Math.max(...loads).toFixed(1)}.`
  );
}

function echoRuns(runs: readonly Published[], node: number): Published[] {
  return runs.filter((run) => isEcho(run) && run.node === node);
}

/** The load generator's idle share, where it was least, and where it was the limit. */
function loadNote(results: readonly EchoResult[]): string {
  const busiest = results.reduce((most, result) => (result.loadBusy > most.loadBusy ? result : most));
  const limited = results.filter(({ limit }) => limit === "CLIENT");
  const idle = `The load generator was idle for at least ${percent(1 - busiest.loadBusy)} of the time`;
  if (limited.length === 0) return `${idle}: it was never the limit.`;
  const names = limited.map(({ workload, rival }) => `${rival} in ${workload}`);
  return (
    `${idle}. It was the limit for ${names.length} of ${results.length} results, which therefore could be higher ` +
    `(${[...new Set(limited.map(({ rival }) => rival))].join(", ")}).`
  );
}

function readme(runs: readonly Published[]): string {
  const node = echoNodes(runs)[0];
  const results = echoResults(runs, node);
  const rows = README_ROWS.flatMap(([workload, name]) => {
    const ws = find(results, workload, "ws");
    const hawser = find(results, workload, "hawser");
    if (ws === undefined || hawser === undefined) return [];
    const addon = find(results, workload, "ws + bufferutil") ?? find(results, workload, "ws, level 1");
    const addonText = addon === undefined ? "" : `${times(addon.speedToWs.ratio)}`;
    return [
      [
        name,
        count(ws.perSecond),
        addonText,
        count(hawser.perSecond),
        `**${times(hawser.speedToWs.ratio)}**`,
        `${us(ws.cpuUs)} / ${us(hawser.cpuUs)}`,
      ],
    ];
  });
  const header = [
    "echo",
    "`ws`, messages/s",
    "`ws` with its option",
    "hawser, messages/s",
    "times `ws`",
    "server µs a message, `ws` / hawser",
  ];
  return `${formatTable(header, rows)}\n\nNode ${node}. *Its option* is the addon bufferutil, or compression level 1. ${circumstances(echoRuns(runs, node))}`;
}

const GROUPS: Readonly<Record<string, (workload: string) => boolean>> = {
  binary: (workload) => workload.startsWith("binary"),
  text: (workload) => /^(ASCII|multibyte)/.test(workload),
  clients: (workload) => workload.startsWith("clients"),
  compressed: (workload) => workload.startsWith("compressed"),
};

/** One table for each workload of a group: all rivals, with rate, ratio and processor time. */
function echo(runs: readonly Published[], node: number, group: string): string {
  const results = echoResults(runs, node).filter(({ workload }) => GROUPS[group](workload));
  if (results.length === 0) return "Not measured yet.";
  const workloads = [...new Set(results.map(({ workload }) => workload))];
  const rows = workloads.flatMap((workload) =>
    results
      .filter((result) => result.workload === workload)
      .map((result, i) => [
        i === 0 ? workload.replace(/ x (\d+) x (\d+)$/, " × $1 × $2") : "",
        result.rival,
        count(result.perSecond),
        times(result.speedToWs.ratio),
        `${times(result.speedToWs.least)}–${times(result.speedToWs.greatest)}`,
        us(result.cpuUs),
        percent(1 - result.loadBusy),
        ...(group === "compressed"
          ? [result.compressedTo === undefined ? "" : percent(result.compressedTo)]
          : []),
      ]),
  );
  const header = ["workload", "who", "messages/s", "× ws", "rounds", "µs a message", "load idle"];
  const all = group === "compressed" ? [...header, "shrinks to"] : header;
  return `${formatTable(all, rows, 2)}\n\n${loadNote(results)} ${circumstances(echoRuns(runs, node))}`;
}

function losses(runs: readonly Published[], node: number): string {
  const results = echoResults(runs, node);
  const rows = [...new Set(results.map(({ workload }) => workload))].flatMap((workload) => {
    const own = results.filter((result) => result.workload === workload && result.rival.startsWith("hawser"));
    const others = results.filter(
      (result) => result.workload === workload && !/^(hawser|net|uncompressed)/.test(result.rival),
    );
    if (own.length === 0 || others.length === 0) return [];
    const plain = own.find(({ rival }) => rival === "hawser") ?? own[0];
    const best = others.reduce((most, result) => (result.perSecond > most.perSecond ? result : most));
    if (best.perSecond <= plain.perSecond) return [];
    return [
      [
        workload,
        best.rival,
        times(best.perSecond / plain.perSecond),
        times(best.perSecond / Math.max(...own.map(({ perSecond }) => perSecond))),
      ],
    ];
  });
  if (rows.length === 0)
    return "In no echo workload of the published run was another library faster than hawser.";
  return formatTable(["workload", "faster", "times hawser", "times hawser's fastest setting"], rows, 2);
}

function profile(runs: readonly Published[]): string {
  const profiles = runs.filter(isEcho).flatMap(({ profiles: each = [] }) => each);
  const own = profiles.filter(({ rival }) => rival === "hawser");
  if (own.length === 0) return "Not measured yet.";
  const groups = [...new Set(own.flatMap((each) => Object.keys(each.groups)))];
  const rows = groups.map((group) => [group, ...own.map((each) => percent(each.groups[group] ?? 0))]);
  return formatTable(["where", ...own.map(({ workload }) => workload)], rows);
}

function codec(runs: readonly Published[]): string {
  const found = runs.filter(isCodec).filter(({ results }) => results.length > 0);
  if (found.length === 0) return "Not measured yet.";
  const results = found.flatMap((run) => run.results.map((result) => ({ ...result, node: run.node })));
  const tables = [...new Set(results.map(({ table }) => table))];
  const sizes = [...new Set(results.map(({ size }) => size))].sort((a, b) => a - b);
  const rows = tables.flatMap((table) => {
    const own = results.filter((result) => result.table === table && result.rival.startsWith("hawser"));
    return [...new Set(own.map(({ rival, peer, node }) => `${rival}|${peer}|${node}`))].map((key) => {
      const [rival, peer, node] = key.split("|");
      const cells = sizes.map((size) => {
        const one = own.find(
          (result) =>
            result.size === size &&
            result.rival === rival &&
            result.peer === peer &&
            String(result.node) === node,
        );
        return one === undefined ? "" : times(one.ratio);
      });
      return [table, rival, peer, node, ...cells];
    });
  });
  return `${formatTable(["work", "who", "times", "Node", ...sizes.map(formatSize)], rows, 3)}\n\n${circumstances(found)}`;
}

interface MemoryRow {
  readonly rival: string;
  readonly connections: number;
  readonly idleRss: number;
  readonly usedRss: number;
}

interface SpeedRow {
  readonly rival: string;
  readonly perSecond: number;
  readonly speedToWs: { readonly ratio: number };
  readonly cpuUs: number;
}

function connections(runs: readonly Published[]): string {
  const found = runs.filter((run) => run.kind === "connections");
  if (found.length === 0) return "Not measured yet.";
  const rows = found.flatMap((run) => {
    const { memory, handshakes, broadcast } = (run as { results: Record<string, unknown> }).results as {
      memory?: readonly MemoryRow[];
      handshakes?: { readonly opening: readonly SpeedRow[]; readonly closing: readonly SpeedRow[] };
      broadcast?: readonly SpeedRow[];
    };
    const speed = (name: string, rowsOf: readonly SpeedRow[] = []) =>
      rowsOf.map((row) => [name, row.rival, count(row.perSecond), times(row.speedToWs?.ratio ?? Number.NaN)]);
    const kib = (bytes: number) => `${(bytes / 1024).toFixed(1)} KiB`;
    const ws = memory?.find(({ rival }) => rival === "ws");
    return [
      ...(memory ?? []).map((row) => [
        `memory of one of ${count(row.connections)} idle connections`,
        row.rival,
        kib(row.idleRss),
        ws === undefined ? "" : (row.idleRss / ws.idleRss).toFixed(2),
      ]),
      ...speed("opening handshakes a second", handshakes?.opening),
      ...speed("closing handshakes a second", handshakes?.closing),
      ...speed("messages a second, broadcast", broadcast),
    ];
  });
  return `${formatTable(["what", "who", "value", "times ws"], rows, 2)}\n\n${circumstances(found)}`;
}

/** The text of each place in the documents, by the name in its marker. */
export function makeTexts(runs: readonly Published[]): Record<string, string> {
  const node = echoNodes(runs)[0];
  return {
    readme: readme(runs),
    binary: echo(runs, node, "binary"),
    text: echo(runs, node, "text"),
    clients: echo(runs, node, "clients"),
    compressed: echo(runs, node, "compressed"),
    losses: losses(runs, node),
    profile: profile(runs),
    codec: codec(runs),
    connections: connections(runs),
  };
}

/** Replaces the text between `<!-- numbers: name -->` and `<!-- /numbers -->`. */
export function fill(document: string, texts: Readonly<Record<string, string>>): string {
  return document.replaceAll(
    /(<!-- numbers: (\w+) -->\n)[\s\S]*?(<!-- \/numbers -->)/g,
    (_all, begin: string, name: string, end: string) => {
      if (texts[name] === undefined) throw new Error(`no numbers are called ${name}`);
      return `${begin}\n${texts[name]}\n\n${end}`;
    },
  );
}
