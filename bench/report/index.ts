/**
 * `npm run bench:report`: makes everything that shows numbers from `bench/published/`: the chart and the table of the
 * README, the tables of docs/performance.md, and `build/bench/report.html`. `-- --check` changes nothing, and fails
 * if a document differs from the results.
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { drawChart } from "./chart.js";
import { echoNodes, echoResults, readPublished } from "./data.js";
import { fill, makeTexts } from "./tables.js";

const root = new URL("../../", import.meta.url);
const isCheck = process.argv.includes("--check");

const runs = readPublished();
const texts = makeTexts(runs);
const node = echoNodes(runs)[0];
const files: Record<string, string> = {
  "docs/assets/echo.svg": drawChart(echoResults(runs, node), node),
};
for (const name of ["README.md", "docs/performance.md"]) {
  files[name] = fill(readFileSync(new URL(name, root), "utf8"), texts);
}

let differing = 0;
for (const [name, text] of Object.entries(files)) {
  const file = new URL(name, root);
  const before = read(file);
  if (before === text) continue;
  differing++;
  if (isCheck) console.error(`${name} differs from bench/published: run npm run bench:report`);
  else {
    mkdirSync(new URL(".", file), { recursive: true });
    writeFileSync(file, text);
    console.log(`written: ${name}`);
  }
}
if (isCheck) process.exitCode = differing > 0 ? 1 : 0;
else {
  const { makePage } = await import("./page.js");
  const page = new URL("build/bench/report.html", root);
  mkdirSync(new URL(".", page), { recursive: true });
  writeFileSync(page, await makePage(runs));
  console.log(`written: ${fileURLToPath(page)}`);
}

function read(file: URL): string | undefined {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return undefined;
  }
}
