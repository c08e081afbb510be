/** graphql-ws: its server on a WebSocketServer, its client on the class WebSocket. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { buildSchema } from "graphql";
import { createClient } from "graphql-ws";
import { useServer } from "graphql-ws/use/ws";
import { WebSocket, WebSocketServer } from "ws";
import { assertOurs } from "./support.mjs";

const schema = buildSchema(`
  type Query { hello(name: String): String }
  type Subscription { count(to: Int!): Int, forever: Int }
`);
let stopped = 0;
const rootValue = {
  hello: ({ name }) => `hello ${name}`,
  async *count({ to }) {
    for (let i = 1; i <= to; i++) yield { count: i };
  },
  async *forever() {
    try {
      for (let i = 0; ; i++) {
        yield { forever: i };
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      stopped++;
    }
  },
};

const wss = new WebSocketServer({ port: 0, host: "127.0.0.1" });
await once(wss, "listening");
const server = useServer(
  {
    schema,
    roots: { query: rootValue, subscription: rootValue },
    onConnect: ({ extra, connectionParams }) => {
      assertOurs(extra.socket);
      return connectionParams?.token !== "wrong";
    },
  },
  wss,
);
const url = `ws://127.0.0.1:${wss.address().port}`;
const client = createClient({
  url,
  webSocketImpl: WebSocket,
  lazy: false,
  retryAttempts: 0,
  onNonLazyError: () => {},
});
client.on("opened", (socket) => assertOurs(socket));

const results = (query) => collect(client.iterate({ query }));
async function collect(iterable) {
  const values = [];
  for await (const value of iterable) values.push(value);
  return values;
}

assert.equal((await results('{ hello(name: "é") }'))[0].data.hello, "hello é");
const counted = await results("subscription { count(to: 50) }");
assert.deepEqual(
  counted.map(({ data }) => data.count),
  Array.from({ length: 50 }, (_, i) => i + 1),
);
// The client ends a subscription.
for await (const { data } of client.iterate({ query: "subscription { forever }" })) {
  if (data.forever === 20) break;
}
assert.equal((await results('{ hello(name: "again") }'))[0].data.hello, "hello again");
while (stopped === 0) await new Promise((resolve) => setImmediate(resolve));

// Refused: by onConnect, and because of the subprotocol.
const refused = createClient({
  url,
  webSocketImpl: WebSocket,
  connectionParams: { token: "wrong" },
  retryAttempts: 0,
});
await assert.rejects(
  collect(refused.iterate({ query: '{ hello(name: "x") }' })),
  ({ code }) => code === 4403,
);
const stranger = new WebSocket(url);
const [code, reason] = await once(stranger, "close");
assert.deepEqual([code, String(reason)], [4406, "Subprotocol not acceptable"]);

await refused.dispose();
const closed = new Promise((resolve) => client.on("closed", ({ code: closeCode }) => resolve(closeCode)));
await server.dispose();
assert.equal(await closed, 1001);
await client.dispose();
console.log("ok");
