// mqtt's client for browsers over our WebSocket, and the broker aedes on `connection.duplex()`.
import assert from "node:assert/strict";
import { Aedes } from "aedes";
import { serve, WebSocket } from "hawser";

// It takes a WebSocket class only where it believes to be in a page or in React Native.
const value = { userAgent: "Node.js", product: "ReactNative" };
Object.defineProperty(globalThis, "navigator", { value, configurable: true });
const { default: mqtt } = await import("mqtt/dist/mqtt.esm");

const broker = await Aedes.createBroker();
const server = await serve({
  port: 0,
  hostname: "127.0.0.1",
  protocols: ["mqtt"],
  open: (connection) => void broker.handle(connection.duplex()),
});
const sockets = [];
const client = await mqtt.connectAsync(server.url, {
  reconnectPeriod: 20,
  createWebsocket(url, protocols) {
    const socket = new WebSocket(url, protocols);
    sockets.push(socket);
    return socket;
  },
});
const next = () =>
  new Promise((resolve) => client.once("message", (topic, data) => resolve([topic, String(data)])));
await client.subscribeAsync("news/#", { qos: 1 });
let arrived = next();
await client.publishAsync("news/today", "Grüße 🚢", { qos: 1 });
assert.deepEqual(await arrived, ["news/today", "Grüße 🚢"]);
const large = "x".repeat(300_000);
arrived = next();
await client.publishAsync("news/large", large, { qos: 2 });
assert.deepEqual(await arrived, ["news/large", large]);
assert.equal(sockets[0].protocol, "mqtt");
// It connects again by itself.
const again = new Promise((resolve) => client.once("connect", resolve));
for (const connection of server.connections) connection.terminate();
await again;
assert.equal(sockets.length, 2);
await client.endAsync();
await new Promise((resolve) => broker.close(resolve));
await server.close();
console.log("passed");
