/** y-websocket: its server, and two of its clients that share a document. */

import assert from "node:assert/strict";
import { docs, setupWSConnection } from "@y/websocket-server/utils";
import { WebSocket, WebSocketServer } from "ws";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { assertOurs, close, listen } from "./support.mjs";

const { server, port } = await listen();
const wss = new WebSocketServer({ noServer: true });
wss.on("connection", (socket, request) => {
  assertOurs(socket);
  setupWSConnection(socket, request);
});
server.on("upgrade", (request, socket, head) => {
  wss.handleUpgrade(request, socket, head, (upgraded) => wss.emit("connection", upgraded, request));
});

const sides = ["a", "b"].map(() => {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(`ws://127.0.0.1:${port}`, "room", doc, {
    WebSocketPolyfill: WebSocket,
    disableBc: true,
  });
  return { doc, provider };
});
const synced = ({ provider }) => provider.synced || new Promise((resolve) => provider.once("sync", resolve));
await Promise.all(sides.map(synced));
for (const { provider } of sides) assertOurs(provider.ws);
const [a, b] = sides;
const reaches = (side, text) =>
  new Promise((resolve) => {
    const look = () => {
      if (side.doc.getText("t").toString() === text) resolve();
    };
    side.doc.on("update", look);
    look();
  });
a.doc.getText("t").insert(0, "hello");
await reaches(b, "hello");
b.doc.getText("t").insert(5, " é".repeat(50_000));
await reaches(a, `hello${" é".repeat(50_000)}`);
const seen = new Promise((resolve) => {
  b.provider.awareness.on("change", () => {
    for (const state of b.provider.awareness.getStates().values()) if (state.name === "A") resolve();
  });
});
a.provider.awareness.setLocalState({ name: "A" });
await seen;
// One goes and comes back.
a.provider.disconnect();
b.doc.getText("t").delete(5, 100_000);
a.provider.connect();
await reaches(a, "hello");
for (const { provider, doc } of sides) {
  provider.destroy();
  doc.destroy();
}
await new Promise((resolve) => wss.close(resolve));
await close(server);
assert.equal(wss.clients.size, 0);
// The server keeps its documents, and each has a timer.
for (const doc of docs.values()) doc.destroy();
console.log("ok");
