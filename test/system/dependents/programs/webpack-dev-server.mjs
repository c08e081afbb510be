/** webpack-dev-server: what it tells pages over its WebSocket when a file changes. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import webpack from "webpack";
import WebpackDevServer from "webpack-dev-server";
import { WebSocket } from "ws";
import { Arrivals, assertOurs, assertWsOf } from "./support.mjs";

assertWsOf("webpack-dev-server");
const folder = await mkdtemp(path.join(tmpdir(), "hawser-dependents-"));
const entry = path.join(folder, "entry.js");
await writeFile(entry, "console.log(1);\n");
const compiler = webpack({
  mode: "development",
  context: folder,
  entry,
  output: { path: path.join(folder, "dist") },
  infrastructureLogging: { level: "none" },
  stats: "none",
});
const options = {
  host: "127.0.0.1",
  port: "auto",
  hot: true,
  static: false,
  client: false,
  allowedHosts: "all",
};
const server = new WebpackDevServer(options, compiler);
await server.start();
assertOurs(server.webSocketServer.implementation);

const { port } = server.server.address();
const client = new WebSocket(`ws://127.0.0.1:${port}/ws`, { origin: `http://127.0.0.1:${port}` });
const told = new Arrivals();
client.on("message", (data) => told.push(JSON.parse(data)));
await once(client, "open");
assertOurs(server.webSocketServer.clients[0]);
const untilType = async (type) => {
  for (;;) {
    const message = await told.next();
    if (message.type === type) return message.data;
  }
};
const before = await untilType("hash");
await untilType("ok");
await writeFile(entry, "console.log(2);\n");
let after = before;
while (after === before) after = await untilType("hash");
assert.match(after, /^[0-9a-f]+$/);
await untilType("ok");
const left = once(client, "close");
await server.stop();
await left;
await rm(folder, { recursive: true, force: true });
console.log("ok");
