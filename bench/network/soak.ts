/**
 * `npm run soak -- --minutes 10`: 1,000 connections all the time, messages of mixed sizes, a third compressed, closes in
 * every way; every echo is checked. `--connections N`, `--server ws`, `--chart docs/soak.svg`. Ends with 1 if anything
 * went wrong.
 */

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { chartOf } from "./soak/chart.js";
import { soak } from "./soak/run.js";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    connections: { type: "string", default: "1000" },
    server: { type: "string", default: "hawser" },
    chart: { type: "string" },
  },
});

const seconds = Number(values.minutes) * 60;
const connections = Number(values.connections);
const mib = (bytes: number) => `${Math.round(bytes / 2 ** 20)} MiB`.padStart(9);

console.log("  seconds   server  clients   open   messages   closes");
const result = await soak({
  seconds,
  connections,
  server: values.server,
  everyMs: Math.max(1000, (seconds * 1000) / 60),
  onSample: ({ seconds: at, serverRss, clientRss, open, messages, closes }) =>
    console.log(
      `${at.toFixed(0).padStart(9)}${mib(serverRss)}${mib(clientRss)}${String(open).padStart(7)}` +
        `${String(messages).padStart(11)}${String(closes).padStart(9)}`,
    ),
});

function percentiles(all: readonly number[]): string {
  const sorted = all.toSorted((a, b) => a - b);
  const at = (share: number) => (sorted[Math.floor(share * (sorted.length - 1))] ?? 0).toFixed(1);
  const mean = sorted.reduce((sum, each) => sum + each, 0) / Math.max(1, sorted.length);
  return `mean ${mean.toFixed(1)}, median ${at(0.5)}, 99 % ${at(0.99)}, longest ${at(1)} ms (${sorted.length})`;
}

const { messages, bytes, compressed, closes, faults } = result;
console.log(
  `${messages} echoes, ${mib(bytes).trim()}, ${compressed} on connections that compress; closes ${JSON.stringify(closes)}`,
);
console.log(`to open, ${connections} at once: ${percentiles(result.firstConnects)}`);
console.log(`to open, later: ${percentiles(result.laterConnects)}`);
for (const fault of faults.slice(0, 20)) console.log(`fault: ${fault}`);
console.log(faults.length === 0 ? "nothing went wrong" : `${faults.length} faults`);
if (values.chart !== undefined) {
  const title = `${connections} connections, ${messages} echoes checked, ${Object.values(closes).reduce((sum, each) => sum + each, 0)} closed and opened again`;
  await writeFile(values.chart, chartOf(result.samples, title));
}
process.exit(faults.length === 0 ? 0 : 1);
