/** express-ws: routes for WebSockets, and its set of clients. */

import assert from "node:assert/strict";
import { once } from "node:events";
import express from "express";
import expressWs from "express-ws";
import { WebSocket } from "ws";
import { assertOurs, assertWsOf, close } from "./support.mjs";

assertWsOf("express-ws");
const { app, getWss } = expressWs(express());
app.use((request, _response, next) => {
  request.passed = true;
  next();
});
app.ws("/echo/:name", (socket, request) => {
  assertOurs(socket);
  assert.equal(request.passed, true);
  socket.send(`hello ${request.params.name}`);
  socket.on("message", (data, isBinary) => {
    for (const other of getWss().clients) other.send(data, { binary: isBinary });
  });
});
app.get("/plain", (_request, response) => response.send("plain"));
const server = app.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
assertOurs(getWss());

const open = async (name) => {
  const client = new WebSocket(`ws://127.0.0.1:${port}/echo/${name}`);
  const [data] = await once(client, "message");
  assert.equal(String(data), `hello ${name}`);
  return client;
};
const clients = [await open("a"), await open("b")];
const got = clients.map((client) => once(client, "message"));
clients[0].send("to all é");
for (const [data] of await Promise.all(got)) assert.equal(String(data), "to all é");
assert.equal(await (await fetch(`http://127.0.0.1:${port}/plain`)).text(), "plain");
const lost = new WebSocket(`ws://127.0.0.1:${port}/nowhere`);
assert.equal((await once(lost, "close"))[0], 1005);
for (const client of clients) {
  client.close(1000);
  assert.equal((await once(client, "close"))[0], 1000);
}
await close(server);
console.log("ok");
