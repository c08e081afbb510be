/** The chart of the README: one SVG with bars, readable on a light and on a dark page. */

import type { EchoResult } from "../network/echo/report.js";
import { README_ROWS, times } from "./tables.js";

const WIDTH = 760;
const LABEL_WIDTH = 220;
const ROW_HEIGHT = 46;
const BAR_HEIGHT = 15;
const TOP = 44;

const escapeHtml = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** Bars for ws, for ws with its option and for hawser, as multiples of ws, for each row of the README. */
export function drawChart(results: readonly EchoResult[], node: number): string {
  const rows = README_ROWS.flatMap(([workload, name]) => {
    const ratioOf = (rival: string) =>
      results.find((result) => result.workload === workload && result.rival === rival)?.speedToWs.ratio;
    const hawser = ratioOf("hawser");
    if (hawser === undefined) return [];
    return [{ name, option: ratioOf("ws + bufferutil") ?? ratioOf("ws, level 1") ?? 1, hawser }];
  });
  const greatest = Math.max(1, ...rows.flatMap(({ option, hawser }) => [option, hawser]));
  const scale = (WIDTH - LABEL_WIDTH - 60) / greatest;
  const height = TOP + rows.length * ROW_HEIGHT + 12;
  const bar = (ratio: number, y: number, kind: string) =>
    `<rect class="${kind}" x="${LABEL_WIDTH}" y="${y}" width="${(ratio * scale).toFixed(1)}" height="${BAR_HEIGHT}" rx="2"/>` +
    `<text x="${(LABEL_WIDTH + ratio * scale + 6).toFixed(1)}" y="${y + 12}">${times(ratio)}×</text>`;
  const body = rows.map(({ name, option, hawser }, i) => {
    const y = TOP + i * ROW_HEIGHT;
    return (
      `<text class="label" x="${LABEL_WIDTH - 10}" y="${y + 20}">${escapeHtml(name)}</text>` +
      `${bar(hawser, y, "hawser")}${bar(option, y + BAR_HEIGHT + 3, "ws")}`
    );
  });
  const unit = LABEL_WIDTH + scale;
  const title = `Echo messages a second, as multiples of plain ws; Node ${node}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${title}">
<style>
text { font: 13px system-ui, sans-serif; fill: #24292f; }
.label { text-anchor: end; }
.title { font-weight: 600; }
.hawser { fill: #0a7d6c; }
.ws { fill: #8c959f; }
.one { stroke: #8c959f; stroke-dasharray: 3 3; }
@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .hawser { fill: #2fbfa5; } .ws { fill: #6e7681; } }
</style>
<text class="title" x="${LABEL_WIDTH}" y="16">${title}</text>
<rect class="hawser" x="${LABEL_WIDTH}" y="24" width="10" height="10"/><text x="${LABEL_WIDTH + 16}" y="33">hawser</text>
<rect class="ws" x="${LABEL_WIDTH + 80}" y="24" width="10" height="10"/><text x="${LABEL_WIDTH + 96}" y="33">ws with bufferutil, or with compression level 1</text>
${body.join("\n")}
<line class="one" x1="${unit.toFixed(1)}" x2="${unit.toFixed(1)}" y1="${TOP - 4}" y2="${height - 8}"/>
</svg>
`;
}
