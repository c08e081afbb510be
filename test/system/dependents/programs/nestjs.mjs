/** NestJS with its ws adapter: gateways on the port of the application and on their own paths. */

import "reflect-metadata";
import assert from "node:assert/strict";
import { once } from "node:events";
import { Module } from "@nestjs/common";
import { NestFactory } from "@nestjs/core";
import { WsAdapter } from "@nestjs/platform-ws";
import { SubscribeMessage, WebSocketGateway, WebSocketServer } from "@nestjs/websockets";
import { from, map } from "rxjs";
import { WebSocket } from "ws";
import { Arrivals, assertOurs, assertWsOf } from "./support.mjs";

assertWsOf("@nestjs/platform-ws");
const events = new Arrivals();

class Gateway {
  afterInit(server) {
    assertOurs(server);
  }
  handleConnection(socket) {
    assertOurs(socket);
    events.push("connected");
  }
  handleDisconnect() {
    events.push("disconnected");
  }
  echo(_socket, data) {
    return { event: "echo", data };
  }
  count(_socket, to) {
    return from(Array.from({ length: to }, (_, i) => i)).pipe(map((data) => ({ event: "count", data })));
  }
}
/** What a compiler makes of decorators. */
const decorate = (decorators, target, name) => {
  const descriptor = name === undefined ? undefined : Object.getOwnPropertyDescriptor(target, name);
  for (const decorator of decorators) decorator(target, name, descriptor);
};
decorate([SubscribeMessage("echo")], Gateway.prototype, "echo");
decorate([SubscribeMessage("count")], Gateway.prototype, "count");
decorate([WebSocketServer()], Gateway.prototype, "server");
decorate([WebSocketGateway({ path: "/ws" })], Gateway);
class Root {}
decorate([Module({ providers: [Gateway] })], Root);

const app = await NestFactory.create(Root, { logger: ["error"] });
app.useWebSocketAdapter(new WsAdapter(app));
await app.listen(0, "127.0.0.1");
const { port } = app.getHttpServer().address();

const client = new WebSocket(`ws://127.0.0.1:${port}/ws`);
const got = new Arrivals();
client.on("message", (data) => got.push(JSON.parse(data)));
await once(client, "open");
assert.equal(await events.next(), "connected");
client.send(JSON.stringify({ event: "echo", data: { text: "é" } }));
assert.deepEqual(await got.next(), { event: "echo", data: { text: "é" } });
client.send(JSON.stringify({ event: "count", data: 10 }));
for (let i = 0; i < 10; i++) assert.deepEqual(await got.next(), { event: "count", data: i });
const lost = new WebSocket(`ws://127.0.0.1:${port}/elsewhere`);
await once(lost, "error");
client.close();
assert.equal(await events.next(), "disconnected");
await app.close();
console.log("ok");
