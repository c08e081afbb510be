/** crossws: its adapter for Node, which has a copy of ws inside, takes a server by its option wss. */

import assert from "node:assert/strict";
import { once } from "node:events";
import crossws from "crossws/adapters/node";
import { WebSocket, WebSocketServer } from "ws";
import { Arrivals, assertOurs, close, listen } from "./support.mjs";

const events = new Arrivals();
const wss = new WebSocketServer({ noServer: true, handleProtocols: () => false, perMessageDeflate: true });
const adapter = crossws({
  wss,
  hooks: {
    upgrade(request) {
      const { searchParams } = new URL(request.url);
      if (searchParams.has("refuse")) return new Response("no", { status: 403 });
      return { headers: { "x-upgraded": "yes" }, perMessageDeflate: !searchParams.has("plain") };
    },
    open(peer) {
      peer.subscribe("all");
      peer.send({ hello: "you" });
    },
    message(peer, message) {
      const text = message.text();
      if (text === "publish") peer.publish("all", "published é");
      else peer.send(message.uint8Array());
    },
    close: (_peer, { code, reason }) => events.push([code, reason]),
    error: (_peer, error) => events.push(error),
  },
});
const { server, port } = await listen();
server.on("upgrade", adapter.handleUpgrade);

const open = async (query) => {
  const client = new WebSocket(`ws://127.0.0.1:${port}/${query}`);
  const headers = once(client, "upgrade").then(([response]) => response.headers);
  const [data] = await once(client, "message");
  assert.deepEqual(JSON.parse(data), { hello: "you" });
  assert.equal((await headers)["x-upgraded"], "yes");
  return client;
};
const a = await open("");
const b = await open("?plain");
assert.equal(a.extensions, "permessage-deflate");
assert.equal(b.extensions, "");
assertOurs([...wss.clients][0]);
const published = once(b, "message");
a.send("publish");
assert.equal(String((await published)[0]), "published é");
for (const length of [0, 200, 70_000]) {
  const echoed = once(a, "message");
  a.send(Buffer.alloc(length, 9));
  assert.equal((await echoed)[0].length, length);
}
const refused = new WebSocket(`ws://127.0.0.1:${port}/?refuse`);
assert.equal((await once(refused, "error"))[0].message, "Unexpected server response: 403");
b.close(4002, "bye");
assert.deepEqual(await events.next(), [4002, "bye"]);
const left = once(a, "close");
adapter.closeAll(4003, "all");
assert.deepEqual((await left).map(String), ["4003", "all"]);
await close(server);
console.log("ok");
