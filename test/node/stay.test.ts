/** Clients that stay connected, in Node alone: credentials, shapes of messages, handlers with a class, contexts. */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { inspect } from "node:util";
import {
  ConnectionClosedError,
  HandshakeError,
  Message,
  prepareMessage,
  type StayOptions,
  serve,
  stayConnected,
} from "../../src/index.js";
import { until } from "../support/sockets.js";

const FAST = { delay: 1, jitter: 0, minUptime: 0 };

describe("stayConnected", () => {
  it("settles each of several calls of next, when it opens and when it is closed", async (t) => {
    const server = await serve({ hostname: "127.0.0.1" });
    t.after(() => server.close());
    const stay = stayConnected(server.url, FAST);
    const loop = stay[Symbol.asyncIterator]();
    const [first, second, third] = [loop.next(), loop.next(), loop.next()];
    const { value: connection } = await first;
    assert.equal(connection?.state, "open");
    // The next one opens when the last one has ended.
    await connection?.close();
    assert.notEqual((await second).value, connection);
    await stay.close();
    assert.deepEqual(await third, { value: undefined, done: true });
  });

  it("asks for credentials before each attempt", async (t) => {
    const seen: unknown[] = [];
    const server = await serve({
      hostname: "127.0.0.1",
      authorize({ headers }) {
        seen.push([
          headers.authorization,
          headers.cookie,
          headers["x-try"],
          headers["sec-websocket-protocol"],
        ]);
        return headers.authorization === "Bearer 3" ? undefined : { status: 401 };
      },
      protocols: ["chat"],
      open: (connection) => void connection.close(1001),
    });
    t.after(() => server.close());
    let token = 0;
    const stay = stayConnected(server.url, {
      ...FAST,
      auth: async () => `Bearer ${++token}`,
      headers: () => ({ "X-Try": String(token) }),
      cookies: () => ({ a: "b" }),
      protocol: () => ["chat"],
      tls: () => ({}),
      giveUp: ({ status, isFinal }) => (status === undefined ? true : isFinal && status !== 401),
    });
    const { error } = await stay.closed;
    assert.ok(error instanceof ConnectionClosedError);
    assert.deepEqual(
      seen.map((each) => (each as string[])[0]),
      ["Bearer 1", "Bearer 2", "Bearer 3"],
    );
    assert.deepEqual((seen[0] as string[]).slice(1), ["a=b", "0", "chat"]);
  });

  it("gives up at once where no attempt can end better", async (t) => {
    const server = await serve({ hostname: "127.0.0.1", path: "/there" });
    t.after(() => server.close());
    for (const [url, options] of [
      [server.url.replace("/there", "/nowhere"), {}],
      [server.url, { headers: () => ({ "Bad Name": "x" }) }],
      [server.url, { protocol: () => 5 as unknown as string }],
    ] as [string, StayOptions][]) {
      const stay = stayConnected(url, { ...FAST, ...options });
      const { error, code } = await stay.closed;
      assert.ok(
        error instanceof HandshakeError || error instanceof TypeError || error instanceof SyntaxError,
        `${error}`,
      );
      assert.equal(code, 1006);
      assert.equal(stay.counters.attempts, 1);
    }
  });

  it("keeps messages of every shape, as they were when they were sent", async (t) => {
    const received: unknown[] = [];
    const server = await serve({
      hostname: "127.0.0.1",
      message: (_connection, { type, data }) =>
        void received.push([type, typeof data === "string" ? data : [...data]]),
    });
    t.after(() => server.close());
    const stay = stayConnected(server.url, FAST);
    const bytes = Uint8Array.of(1, 2);
    stay.send(new Message(bytes, "binary"));
    stay.send(bytes.buffer);
    stay.send(new DataView(bytes.buffer, 1));
    stay.send(prepareMessage("ready"));
    stay.send(new Blob(["blob"]));
    stay.send(Uint8Array.of(65), { type: "text" });
    stay.send("A", { type: "binary" });
    stay.send(new Message("text", "text"));
    bytes.fill(9);
    assert.throws(() => stay.send(new Message("x", "text", true)), TypeError);
    assert.throws(() => stay.send(new Message(bytes, "ping")), TypeError);
    await until(() => received.length === 8);
    assert.deepEqual(received, [
      ["binary", [1, 2]],
      ["binary", [1, 2]],
      ["binary", [2]],
      ["text", "ready"],
      ["binary", [...Buffer.from("blob")]],
      ["text", "A"],
      ["binary", [65]],
      ["text", "text"],
    ]);
    await stay.close();
  });

  it("calls handlers as members of their own object", async (t) => {
    const server = await serve({ hostname: "127.0.0.1", open: (c) => void c.send("hello") });
    t.after(() => server.close());
    class Client {
      readonly #seen: string[] = [];
      readonly delay = 1;
      get headers() {
        // A private member: no other object may stand in for this one.
        return { "X-Count": String(this.#seen.length) };
      }
      open() {
        this.#seen.push("open");
      }
      message(_connection: unknown, message: unknown) {
        this.#seen.push(String(message));
      }
      onState() {
        this.#seen.push("state");
      }
      get seen() {
        return this.#seen;
      }
    }
    const client = new Client();
    const stay = stayConnected(server.url, client as StayOptions);
    await until(() => client.seen.length === 3);
    assert.equal((await stay.opened()).handlers, client);
    assert.deepEqual(client.seen.toSorted(), ["hello", "open", "state"]);
    await stay.close();
    assert.equal(inspect(stay), "StayingConnection(closed)");
  });

  it("leaves nothing on the signal", async (t) => {
    const server = await serve({ hostname: "127.0.0.1", open: (c) => void c.close() });
    t.after(() => server.close());
    const { signal } = new AbortController();
    const stay = stayConnected(server.url, { delay: 0, minUptime: 0, signal });
    await until(() => stay.counters.connections > 50);
    assert.equal(getEventListeners(signal, "abort").length, 1);
    await stay.close();
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });

  it("calls functions in the context of its caller", async (t) => {
    const server = await serve({ hostname: "127.0.0.1", open: (c) => void c.close() });
    t.after(() => server.close());
    const storage = new AsyncLocalStorage<string>();
    const seen = new Set<unknown>();
    const note = () => void seen.add(storage.getStore());
    const url = () => {
      note();
      return server.url;
    };
    const options: StayOptions = { ...FAST, onState: note, onRetry: note, giveUp: () => note() as undefined };
    const stay = storage.run("mine", () => stayConnected(url, options));
    await until(() => stay.counters.connections > 3);
    assert.deepEqual([...seen], ["mine"]);
    await stay.close();
  });

  it("prints a bug that nothing else tells of, and nothing that a server does", async (t) => {
    const server = await serve({ hostname: "127.0.0.1", open: (c) => void c.close(1008) });
    t.after(() => server.close());
    const printed: string[] = [];
    t.mock.method(console, "error", (...args: unknown[]) => void printed.push(args.map(String).join(" ")));
    const refused = stayConnected(server.url, FAST);
    await until(() => refused.state === "closed");
    assert.deepEqual(printed, []);
    const buggy = stayConnected(server.url, {
      giveUp() {
        throw new Error("a bug of mine");
      },
    });
    await until(() => buggy.state === "closed");
    assert.equal(printed.length, 1);
    assert.match(printed[0], /a bug of mine/);
  });
});
