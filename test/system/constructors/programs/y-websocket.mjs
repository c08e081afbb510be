// Two documents of Yjs, kept alike by y-websocket over our WebSocket; a server of ours hands messages on.
import assert from "node:assert/strict";
import { serve, WebSocket } from "hawser";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";

const server = await serve({
  port: 0,
  hostname: "127.0.0.1",
  message(connection, message) {
    for (const other of server.connections) if (other !== connection) other.send(message.data);
  },
});
const join = () => {
  const doc = new Y.Doc();
  const provider = new WebsocketProvider(server.url, "room", doc, {
    WebSocketPolyfill: WebSocket,
    disableBc: true,
  });
  return { doc, provider };
};
const until = async (holds) => {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 5));
};
const first = join();
await until(() => first.provider.wsconnected);
first.doc.getText("text").insert(0, "from the first; ");
const second = join();
await until(() => String(second.doc.getText("text")) === "from the first; ");
second.doc.getText("text").insert(16, "from the second: 東京 🚢");
await until(() => String(first.doc.getText("text")).endsWith("🚢"));
assert.equal(String(first.doc.getText("text")), "from the first; from the second: 東京 🚢");
assert.ok(first.provider.ws instanceof WebSocket);
assert.equal(first.provider.ws.binaryType, "arraybuffer");
// A connection that is lost is opened again, and changes that were written meanwhile arrive.
const lost = first.provider.ws;
for (const connection of server.connections) connection.terminate();
await until(() => lost.readyState === WebSocket.CLOSED);
second.doc.getText("text").insert(0, "later, ");
await until(() => String(first.doc.getText("text")).startsWith("later"));
for (const { provider } of [first, second]) provider.destroy();
await server.close();
console.log("passed");
process.exit();
