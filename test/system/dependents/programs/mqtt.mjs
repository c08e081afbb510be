/** mqtt over WebSocket: its client, which wraps the socket in a stream, and the broker aedes behind one. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { Aedes } from "aedes";
import mqtt from "mqtt";
import { createWebSocketStream, WebSocketServer } from "ws";
import { Arrivals, assertOurs, assertWsOf, close, listen } from "./support.mjs";

assertWsOf("mqtt");
const broker = await Aedes.createBroker();
const { server, port } = await listen();
const wss = new WebSocketServer({ server });
wss.on("connection", (socket, request) => {
  assertOurs(socket);
  assert.equal(socket.protocol, "mqtt");
  broker.handle(createWebSocketStream(socket), request);
});

const connect = (clientId) =>
  mqtt.connectAsync(`ws://127.0.0.1:${port}/mqtt`, { clientId, reconnectPeriod: 0 });
const [a, b] = [await connect("a"), await connect("b")];
const got = new Arrivals();
b.on("message", (topic, payload, { qos }) => got.push([topic, payload, qos]));
await b.subscribeAsync("t/#", { qos: 2 });
for (const qos of [0, 1, 2]) {
  for (const payload of [Buffer.from("é"), Buffer.alloc(0), Buffer.alloc(200_000, qos)]) {
    await a.publishAsync(`t/${qos}`, payload, { qos });
    const [topic, received, how] = await got.next();
    assert.equal(topic, `t/${qos}`);
    assert.ok(payload.equals(received), `${payload.length} bytes of QoS ${qos}`);
    assert.equal(how, qos);
  }
}
// Many at once, in order.
await Promise.all(Array.from({ length: 200 }, (_, i) => a.publishAsync("t/many", `${i}`, { qos: 1 })));
for (let i = 0; i < 200; i++) assert.equal(String((await got.next())[1]), `${i}`);
// A client that dies leaves its will.
const dying = await mqtt.connectAsync(`ws://127.0.0.1:${port}/mqtt`, {
  clientId: "dying",
  reconnectPeriod: 0,
  will: { topic: "t/will", payload: "died", qos: 1 },
});
const gone = once(dying, "close");
dying.stream.destroy();
await gone;
assert.equal(String((await got.next())[1]), "died");
await Promise.all([a.endAsync(), b.endAsync()]);
await new Promise((resolve) => broker.close(resolve));
await new Promise((resolve) => wss.close(resolve));
await close(server);
console.log("ok");
