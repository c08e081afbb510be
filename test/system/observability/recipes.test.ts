/** The recipes of docs/observability.md for Prometheus and OpenTelemetry, with the real packages and real connections. */

import assert from "node:assert/strict";
import { copyFile, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createFolder, documented, npm, removeFolder, root, run } from "../package/support.js";

const FIXTURE = fileURLToPath(new URL("fixture/", import.meta.url));

/** What both recipes see: an echo, a message that is dropped, a request that is refused, turns that take long. */
const TRAFFIC = `
import { connect, serve } from "hawser";
export async function traffic(server) {
  const connection = await connect(server.url + "/chat");
  connection.send("hello");
  await connection.receive();
  await connect(server.url + "/elsewhere").catch(() => {});
  await connection.close(4000, "done");
}
export const start = () => serve({
  hostname: "127.0.0.1",
  path: "/chat",
  maxTurnMs: 0,
  message: (to, message) => to.send(message.data),
});
`;

const PROMETHEUS = `
import { Registry } from "prom-client";
import { connect } from "hawser";
import { watch } from "./prometheus.js";
import { start, traffic } from "./traffic.js";
const server = await start();
const registry = new Registry();
watch(server, registry);
const open = await connect(server.url + "/chat");
await traffic(server);
// So many messages at once that maxTurnMs is judged.
for (let i = 0; i < 200; i++) open.send("x");
for (let i = 0; i < 200; i++) await open.receive();
const first = await registry.metrics();
const second = await registry.metrics();
await server.close();
console.log(JSON.stringify({ first, second, long: server.counters.longTurns.count }));
`;

const OPENTELEMETRY = `
import { metrics } from "@opentelemetry/api";
import { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 60_000 });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
await import("./opentelemetry.js");
const { start, traffic } = await import("./traffic.js");
const server = await start();
await traffic(server);
await server.close();
await reader.forceFlush();
const points = {};
for (const { scopeMetrics } of exporter.getMetrics())
  for (const { metrics } of scopeMetrics)
    for (const { descriptor, dataPoints } of metrics)
      points[descriptor.name] = dataPoints.map(({ attributes, value }) => [attributes, value.count ?? value]);
await reader.shutdown();
console.log(JSON.stringify(points));
`;

describe("recipes", () => {
  let folder = "";

  before(async () => {
    folder = await createFolder({
      "traffic.js": TRAFFIC,
      "run-prometheus.js": PROMETHEUS,
      "run-opentelemetry.js": OPENTELEMETRY,
    });
    for (const name of ["package.json", "package-lock.json"]) {
      await copyFile(path.join(FIXTURE, name), path.join(folder, name));
    }
    await npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], folder);
    await symlink(root, path.join(folder, "node_modules/hawser"), "junction");
    for (const name of ["prometheus", "opentelemetry"]) {
      await writeFile(
        path.join(folder, `${name}.js`),
        await documented("docs/observability.md", `js ${name}`),
      );
    }
  });
  after(() => removeFolder(folder));

  it("Prometheus reads the counters of a server", async () => {
    const { stdout, stderr } = await run(process.execPath, ["run-prometheus.js"], folder);
    assert.equal(stderr, "");
    const { first, second, long } = JSON.parse(stdout) as { first: string; second: string; long: number };
    // Each scrape tells totals, and adds nothing to them.
    assert.equal(second, first);
    const value = (name: string) => {
      const line = first.split("\n").find((each) => each.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.slice(name.length + 1));
    };
    assert.equal(value('hawser_messages_total{direction="in"}'), 201);
    assert.equal(value('hawser_messages_total{direction="out"}'), 201);
    // "hello" and its mask, 200 short ones, and a Close with a reason.
    assert.equal(value('hawser_bytes_total{direction="in"}'), 11 + 200 * 7 + 12);
    assert.equal(value('hawser_frames_total{direction="in"}'), 202);
    assert.equal(value("hawser_messages_dropped_total"), 0);
    assert.equal(value("hawser_accepted_total"), 2);
    assert.equal(value("hawser_connections"), 1);
    assert.equal(value('hawser_refused_total{reason="404"}'), 1);
    assert.equal(value("hawser_long_turn_seconds_count"), long);
    assert.equal(value('hawser_long_turn_seconds_bucket{le="+Inf"}'), long);
    assert.ok((value("hawser_long_turn_seconds_sum") ?? -1) >= 0);
  });

  it("OpenTelemetry counts connections by the channels", async () => {
    const { stdout, stderr } = await run(process.execPath, ["run-opentelemetry.js"], folder);
    assert.equal(stderr, "");
    const points = JSON.parse(stdout) as Record<
      string,
      [attributes: Record<string, unknown>, value: number][]
    >;
    const value = (name: string, attributes: Record<string, unknown>) =>
      points[name]?.find(([found]) =>
        Object.entries(attributes).every(([key, of]) => found[key] === of),
      )?.[1];
    for (const role of ["client", "server"]) {
      assert.equal(value("hawser.connections", { role }), 0, role);
      assert.equal(value("hawser.connections.closed", { role, code: 4000 }), 1, role);
      assert.equal(value("hawser.connection.duration", { role }), 1, role);
      for (const direction of ["in", "out"]) {
        assert.equal(value("hawser.messages", { role, direction }), 1, `${role} ${direction}`);
      }
    }
    assert.equal(value("hawser.requests.refused", { status: 404, reason: "404" }), 1);
    assert.equal(points["hawser.errors"], undefined);
  });
});
