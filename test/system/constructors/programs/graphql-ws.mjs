// graphql-ws's client over our WebSocket: a query, a subscription, and a reconnection after the server closed.
import assert from "node:assert/strict";
import { buildSchema } from "graphql";
import { createClient, makeServer } from "graphql-ws";
import { serve, WebSocket } from "hawser";

const schema = buildSchema("type Query { greeting: String } type Subscription { count: Int }");
const rootValue = {
  query: { greeting: () => "hello" },
  subscription: {
    async *count() {
      for (let count = 1; count <= 3; count++) yield { count };
    },
  },
};
const protocol = makeServer({ schema, roots: rootValue });
const connections = new Set();
const server = await serve({
  port: 0,
  hostname: "127.0.0.1",
  protocols: ["graphql-transport-ws"],
  open(connection) {
    connections.add(connection);
    let deliver;
    const closed = protocol.opened(
      {
        protocol: connection.protocol,
        send: (data) => void connection.send(data),
        close: (code, reason) => void connection.close(code, reason),
        onMessage: (callback) => {
          deliver = callback;
        },
      },
      { connection },
    );
    connection.handlers = {
      message: (_connection, message) => deliver(String(message.data)),
      close: (_connection, code, reason) => closed(code, reason),
    };
  },
});
const events = [];
const client = createClient({
  url: server.url,
  webSocketImpl: WebSocket,
  retryAttempts: 5,
  retryWait: () => new Promise((resolve) => setTimeout(resolve, 10)),
  on: {
    connected: (socket) => events.push(`connected ${socket instanceof WebSocket} ${socket.protocol}`),
    closed: (event) => events.push(`closed ${event.code}`),
  },
  lazy: false,
  onNonLazyError: (error) => assert.fail(String(error)),
});
const all = async (query) => {
  const values = [];
  for await (const { data, errors } of client.iterate({ query })) {
    assert.equal(errors, undefined);
    values.push(Object.values(data)[0]);
  }
  return values;
};
assert.deepEqual(await all("{ greeting }"), ["hello"]);
assert.deepEqual(await all("subscription { count }"), [1, 2, 3]);
for (const connection of connections) connection.terminate();
while (events.length < 3) await new Promise((resolve) => setTimeout(resolve, 5));
assert.deepEqual(await all("{ greeting }"), ["hello"]);
await client.dispose();
while (events.length < 4) await new Promise((resolve) => setTimeout(resolve, 5));
const opened = "connected true graphql-transport-ws";
assert.deepEqual(events, [opened, "closed 1006", opened, "closed 1000"]);
await server.close();
console.log("passed");
