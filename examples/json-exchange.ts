/**
 * Messages of JSON, both ways: a client subscribes to a channel, the server confirms it and sends updates.
 *
 *     node --import tsx examples/json-exchange.ts
 */

import { type Connection, connect, serve } from "hawser";

type Request = { readonly action: "subscribe"; readonly channel: string };

type Answer =
  | { readonly status: "ok"; readonly channel: string }
  | { readonly status: "error"; readonly message: string }
  | { readonly update: number };

/** The next message, parsed; undefined once the connection is closed. Throws a SyntaxError for text that is not JSON. */
async function receiveJson<T>(connection: Connection): Promise<T | undefined> {
  return (await connection.receive())?.json() as T | undefined;
}

/** Checks a value from outside before the program uses it. */
function isRequest(value: unknown): value is Request {
  const { action, channel } = (value ?? {}) as Partial<Request>;
  return action === "subscribe" && typeof channel === "string";
}

await using server = await serve({
  hostname: "127.0.0.1",
  async open(connection) {
    const request = await receiveJson<unknown>(connection);
    if (!isRequest(request)) {
      connection.sendJson({ status: "error", message: "subscribe to a channel" } satisfies Answer);
      await connection.close(1008, "no subscription");
      return;
    }
    connection.sendJson({ status: "ok", channel: request.channel } satisfies Answer);
    for (let update = 1; update <= 3; update++) connection.sendJson({ update } satisfies Answer);
    await connection.close();
  },
});

const connection = await connect(`${server.url}/api`);
connection.sendJson({ action: "subscribe", channel: "updates" } satisfies Request);
for (let answer: Answer | undefined; (answer = await receiveJson<Answer>(connection)) !== undefined; ) {
  console.log(answer);
}
console.log((await connection.closed).code); // 1000
