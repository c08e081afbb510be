/** The report: one HTML page with its data, its charts and its style in it. It loads nothing. */

import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { echoResults, isCodec, isEcho, type Published } from "./data.js";

/** One bar. */
export interface Bar {
  readonly workload: string;
  readonly rival: string;
  readonly value: number;
  readonly least: number;
  readonly greatest: number;
  readonly title: string;
}

/** What the script of the page draws. */
export interface PageData {
  readonly echo: Readonly<Record<string, readonly Bar[]>>;
  readonly codec: Readonly<Record<string, readonly Bar[]>>;
}

const escapeHtml = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll('"', "&quot;");

function dataOf(runs: readonly Published[]): PageData {
  const nodes = [...new Set(runs.filter(isEcho).map(({ node }) => node))].sort((a, b) => b - a);
  const echo = Object.fromEntries(
    nodes.map((node) => [
      `Node ${node}`,
      echoResults(runs, node).map(({ workload, rival, speedToWs, perSecond, cpuUs, loadBusy, limit }) => ({
        workload,
        rival,
        value: speedToWs.ratio,
        least: speedToWs.least,
        greatest: speedToWs.greatest,
        title:
          `${rival}\n${Math.round(perSecond).toLocaleString("en")} messages/s\n${cpuUs.toFixed(2)} µs a message\n` +
          `load idle ${Math.round(100 * (1 - loadBusy))} %, limit: ${limit}`,
      })),
    ]),
  );
  const codec = Object.fromEntries(
    runs.filter(isCodec).map((run) => [
      `${run.file.replace(/^codec-|-node\d+\.json$/g, "")}, Node ${run.node}`,
      run.results
        .filter(({ rival }) => rival.startsWith("hawser"))
        .map((result) => ({
          workload: `${result.table}, against ${result.peer}`,
          rival: `${result.size} B`,
          value: result.ratio,
          least: result.leastRatio,
          greatest: result.greatestRatio,
          title: `${result.rival}, ${result.size} B\n${result.nsPerOperation.toFixed(1)} ns`,
        })),
    ]),
  );
  return { echo, codec };
}

function environments(runs: readonly Published[]): string {
  const rows = runs.map(({ file, environment }) => {
    const { date, node, cpu, cores, platform, commit, loadAverage } = environment;
    const cells = [file, date, node, `${cpu} × ${cores}`, platform, commit, loadAverage.toFixed(2)];
    return `<tr>${cells.map((cell) => `<td>${escapeHtml(cell)}</td>`).join("")}</tr>`;
  });
  const header = ["file", "date", "Node", "processor", "platform", "commit", "load before"];
  return `<table><tr>${header.map((title) => `<th>${title}</th>`).join("")}</tr>${rows.join("\n")}</table>`;
}

const STYLE = `
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; --muted: #667; }
body { margin: 0 auto; max-width: 72rem; padding: 1rem; }
h1 { font-size: 1.6rem; } h2 { margin-top: 2.5rem; } h3 { margin-bottom: 0; font-weight: 600; font-size: 1rem; }
.muted { color: var(--muted); } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: .85rem; } td, th { padding: .2rem .6rem; text-align: left; border-bottom: 1px solid #8884; }
svg { max-width: 100%; height: auto; } figure { margin: 0 0 1rem; }
@media (prefers-color-scheme: dark) { :root { --muted: #99a; } }
`;

export async function makePage(runs: readonly Published[]): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [fileURLToPath(new URL("browser.ts", import.meta.url))],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    target: "es2022",
  });
  const data = JSON.stringify(dataOf(runs)).replaceAll("<", "\\u003c");
  const script = outputFiles[0].text.replaceAll("</script", "<\\/script");
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>hawser: benchmarks</title>
<style>${STYLE}</style>
<h1>hawser: benchmarks</h1>
<p>Messages a second as multiples of plain <code>ws</code> in the same round, on the same machine. The bars are medians, the
thin lines the least and the greatest round. Point at a bar for the rate, the server's processor time and the load
generator's idle share. <span class="muted">Workload: payload × connections × messages in flight on each.</span></p>
<main id="charts"></main>
<h2>Runs</h2>
<div class="scroll">${environments(runs)}</div>
<script type="application/json" id="data">${data}</script>
<script>${script}</script>
</html>
`;
}
