// partysocket over our WebSocket: it opens again, and sends the messages that were queued meanwhile.
import assert from "node:assert/strict";
import { serve, WebSocket } from "hawser";
import { WebSocket as ReconnectingWebSocket } from "partysocket";

const server = await serve({
  port: 0,
  hostname: "127.0.0.1",
  protocols: ["chat"],
  message: (connection, message) => connection.send(message.data),
});
const socket = new ReconnectingWebSocket(server.url, ["chat"], {
  WebSocket,
  minReconnectionDelay: 10,
  maxReconnectionDelay: 20,
});
socket.binaryType = "arraybuffer";
const events = [];
const next = (type) => new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
for (const type of ["open", "close"]) socket.addEventListener(type, ({ type }) => events.push(type));
socket.send("queued before it is open");
assert.equal((await next("message")).data, "queued before it is open");
assert.equal(socket.protocol, "chat");
socket.send(Uint8Array.of(1, 2, 3));
assert.deepEqual([...new Uint8Array((await next("message")).data)], [1, 2, 3]);
for (const connection of server.connections) void connection.close(1012, "restart");
const { code, reason } = await next("close");
assert.deepEqual([code, reason], [1012, "restart"]);
socket.send("queued while it is away");
assert.equal((await next("message")).data, "queued while it is away");
socket.close(1000, "done");
await next("close");
assert.deepEqual(events, ["open", "close", "open", "close"]);
await server.close();
console.log("passed");
