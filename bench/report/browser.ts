/** Runs in the report: draws its charts with Observable Plot. */

import * as Plot from "@observablehq/plot";
import type { Bar, PageData } from "./page.js";

const data = JSON.parse(document.getElementById("data")?.textContent ?? "{}") as PageData;
const main = document.getElementById("charts") as HTMLElement;

function add(name: "h2" | "h3", text: string): void {
  const heading = document.createElement(name);
  heading.textContent = text;
  main.append(heading);
}

/** hawser, others, and the ceilings that are not WebSocket servers. */
function kindOf(rival: string): string {
  if (/^(hawser|\d)/.test(rival)) return "hawser";
  return rival.startsWith("net") ? "bare sockets" : "others";
}

function draw(workload: string, bars: readonly Bar[]): void {
  add("h3", workload);
  const figure = document.createElement("figure");
  figure.append(
    Plot.plot({
      width: 900,
      marginLeft: 210,
      marginRight: 60,
      ariaLabel: `${workload}: multiples of ws`,
      x: { grid: true, label: "× ws" },
      y: { label: null, domain: bars.map(({ rival }) => rival) },
      color: { domain: ["hawser", "others", "bare sockets"], range: ["#0a7d6c", "#8c959f", "#c9a227"] },
      marks: [
        Plot.barX(bars, {
          x: "value",
          y: "rival",
          fill: (bar: Bar) => kindOf(bar.rival),
          title: "title",
          tip: true,
        }),
        Plot.ruleY(bars, { x1: "least", x2: "greatest", y: "rival", stroke: "currentColor" }),
        Plot.text(bars, {
          x: "greatest",
          y: "rival",
          text: (bar: Bar) => bar.value.toFixed(bar.value < 10 ? 2 : 1),
          dx: 6,
          textAnchor: "start",
        }),
        Plot.ruleX([1], { strokeDasharray: "3 3" }),
      ],
    }),
  );
  main.append(figure);
}

for (const [title, groups] of [
  ["Echo", data.echo],
  ["Codec", data.codec],
] as const) {
  for (const [name, bars] of Object.entries(groups)) {
    add("h2", `${title}: ${name}`);
    for (const workload of new Set(bars.map((bar) => bar.workload))) {
      draw(
        workload,
        bars.filter((bar) => bar.workload === workload),
      );
    }
  }
}
