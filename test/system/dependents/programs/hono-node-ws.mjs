/** @hono/node-ws. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { serve } from "@hono/node-server";
import { createNodeWebSocket } from "@hono/node-ws";
import { Hono } from "hono";
import { WebSocket } from "ws";
import { Arrivals, assertOurs, assertWsOf, close } from "./support.mjs";

assertWsOf("@hono/node-ws");
const app = new Hono();
const { injectWebSocket, upgradeWebSocket, wss } = createNodeWebSocket({ app });
assertOurs(wss);
const events = new Arrivals();
app.get(
  "/echo/:name",
  upgradeWebSocket((context) => ({
    onOpen: (_event, socket) => {
      assertOurs(socket.raw);
      socket.send(`hello ${context.req.param("name")}`);
    },
    onMessage: ({ data }, socket) => socket.send(data),
    onClose: ({ code, reason }) => events.push([code, reason]),
  })),
);
app.get("/plain", (context) => context.text("plain"));
const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" });
injectWebSocket(server);
await once(server, "listening");
const { port } = server.address();

const client = new WebSocket(`ws://127.0.0.1:${port}/echo/you`);
assert.equal(String((await once(client, "message"))[0]), "hello you");
for (const data of ["text é", Buffer.alloc(70_000, 7)]) {
  client.send(data);
  const [echoed, isBinary] = await once(client, "message");
  assert.ok(Buffer.from(data).equals(echoed));
  assert.equal(isBinary, typeof data !== "string");
}
client.close(4001, "done");
assert.deepEqual(await events.next(), [4001, "done"]);
const lost = new WebSocket(`ws://127.0.0.1:${port}/plain`);
assert.match((await once(lost, "error"))[0].message, /Unexpected server response: (200|404)/);
await close(server);
console.log("ok");
