/** @fastify/websocket: a server, clients over TCP, and injectWS over a Duplex. */

import assert from "node:assert/strict";
import { once } from "node:events";
import websocket from "@fastify/websocket";
import Fastify from "fastify";
import { WebSocket } from "ws";
import { assertOurs, assertWsOf } from "./support.mjs";

assertWsOf("@fastify/websocket");
const app = Fastify();
await app.register(websocket, { options: { maxPayload: 1 << 20, perMessageDeflate: true } });
let count = 0;
app.get("/echo", { websocket: true }, (socket, request) => {
  assertOurs(socket);
  count++;
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  if (request.query.hello) socket.send(`hello ${request.query.hello}`);
});
app.addHook("preValidation", async (request, reply) => {
  if (request.query.refuse) await reply.code(401).send("no");
});
await app.listen({ port: 0, host: "127.0.0.1" });
const { port } = app.server.address();

const client = new WebSocket(`ws://127.0.0.1:${port}/echo?hello=you`);
assertOurs(client);
const [greeting] = await once(client, "message");
assert.equal(String(greeting), "hello you");
for (const data of ["text é", Buffer.alloc(70_000, 1)]) {
  client.send(data);
  const [echoed, isBinary] = await once(client, "message");
  assert.ok(Buffer.from(data).equals(echoed));
  assert.equal(isBinary, typeof data !== "string");
}

const refused = new WebSocket(`ws://127.0.0.1:${port}/echo?refuse=1`);
const [error] = await once(refused, "error");
assert.equal(error.message, "Unexpected server response: 401");

const injected = await app.injectWS("/echo?hello=inject");
assertOurs(injected);
injected.send("over a duplex");
const [answer] = await once(injected, "message");
assert.match(String(answer), /hello inject|over a duplex/);
injected.terminate();

assert.equal(app.websocketServer.clients.size >= 1, true);
assert.equal(count, 2);
const left = once(client, "close");
await app.close();
assert.equal((await left)[0], 1005);
console.log("ok");
