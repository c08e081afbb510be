/** ethers: its WebSocketProvider against a small server of JSON-RPC. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { WebSocketProvider } from "ethers";
import { WebSocketServer } from "ws";
import { Arrivals, assertOurs, assertWsOf } from "./support.mjs";

assertWsOf("ethers");
const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
await once(wss, "listening");
const calls = new Arrivals();
let connected;
wss.on("connection", (socket) => {
  assertOurs(socket);
  connected = socket;
  const methods = {
    eth_chainId: () => "0x539",
    eth_blockNumber: () => "0x10",
    eth_gasPrice: () => "0x5",
    eth_getBalance: () => "0xde0b6b3a7640000",
    eth_subscribe: ([kind]) => `sub-${kind}`,
    eth_unsubscribe: () => true,
  };
  socket.on("message", (data) => {
    const { id, method, params } = JSON.parse(data);
    calls.push(method);
    const answer = methods[method];
    const outcome =
      answer === undefined ? { error: { code: -32601, message: "unknown" } } : { result: answer(params) };
    socket.send(JSON.stringify({ jsonrpc: "2.0", id, ...outcome }));
  });
});

const provider = new WebSocketProvider(`ws://127.0.0.1:${wss.address().port}`);
assertOurs(provider.websocket);
assert.equal((await provider.getNetwork()).chainId, 1337n);
assert.equal(await provider.getBlockNumber(), 16);
assert.equal(await provider.getBalance(`0x${"11".repeat(20)}`), 10n ** 18n);
const heads = new Arrivals();
await provider.on("block", (number) => heads.push(number));
while ((await calls.next()) !== "eth_subscribe") {}
for (const number of [17, 18]) {
  connected.send(
    JSON.stringify({
      jsonrpc: "2.0",
      method: "eth_subscription",
      params: { subscription: "sub-newHeads", result: { number: `0x${number.toString(16)}` } },
    }),
  );
  assert.equal(await heads.next(), number);
}
const left = once(connected, "close");
await provider.destroy();
await left;
await new Promise((resolve) => wss.close(resolve));
console.log("ok");
