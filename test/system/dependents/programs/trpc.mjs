/** tRPC: its ws adapter, and its client. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { createTRPCClient, createWSClient, wsLink } from "@trpc/client";
import { initTRPC, tracked } from "@trpc/server";
import { applyWSSHandler } from "@trpc/server/adapters/ws";
import { WebSocket, WebSocketServer } from "ws";
import { Arrivals, assertOurs } from "./support.mjs";

const t = initTRPC.create();
const text = (value) => {
  if (typeof value !== "string") throw new Error("text, please");
  return value;
};
const router = t.router({
  greet: t.procedure.input(text).query(({ input }) => `hello ${input}`),
  fail: t.procedure.mutation(() => {
    throw new Error("as asked");
  }),
  count: t.procedure.subscription(async function* () {
    for (let i = 0; i < 20; i++) yield tracked(String(i), i);
  }),
});

const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
await once(wss, "listening");
wss.on("connection", (socket) => assertOurs(socket));
const handler = applyWSSHandler({
  wss,
  router,
  keepAlive: { enabled: true, pingMs: 60_000, pongWaitMs: 60_000 },
});

const opened = new Arrivals();
const closed = new Arrivals();
class Counted extends WebSocket {}
const client = createWSClient({
  url: `ws://127.0.0.1:${wss.address().port}`,
  WebSocket: Counted,
  retryDelayMs: () => 0,
  onOpen: () => opened.push(true),
  onClose: (cause) => closed.push(cause?.code),
});
const trpc = createTRPCClient({ links: [wsLink({ client })] });
assert.equal(await trpc.greet.query("é"), "hello é");
await opened.next();
assertOurs(client.connection.ws);
assert.deepEqual(
  await Promise.all(Array.from({ length: 50 }, (_, i) => trpc.greet.query(`${i}`))),
  Array.from({ length: 50 }, (_, i) => `hello ${i}`),
);
await assert.rejects(trpc.fail.mutate(), /as asked/);
const values = [];
await new Promise((resolve, reject) => {
  trpc.count.subscribe(undefined, {
    onData: ({ data }) => values.push(data),
    onError: reject,
    onComplete: resolve,
  });
});
assert.deepEqual(
  values,
  Array.from({ length: 20 }, (_, i) => i),
);
// The server asks its clients to reconnect.
handler.broadcastReconnectNotification();
await opened.next();
assert.equal(await trpc.greet.query("again"), "hello again");
await client.close();
await closed.next();
wss.close();
await once(wss, "close");
console.log("ok");
