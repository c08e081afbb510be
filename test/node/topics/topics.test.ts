/** Topics on real connections: who gets what, in which order, in how many writes, and what becomes of the slow. */

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import {
  type Connection,
  connect,
  createUpgradeHandler,
  InvalidStateError,
  prepareMessage,
  type Server,
  Topics,
} from "../../../src/index.js";
import { listen } from "../../support/connections.js";
import { rawClient, until, watchWrites } from "../../support/sockets.js";

/** Clients of ours on a server, subscribed to the given topics, and their connections on the server. */
async function members(
  t: TestContext,
  server: Server,
  subscriptions: readonly (readonly string[])[],
  options = {},
): Promise<{ clients: Connection[]; sides: Connection[] }> {
  const clients: Connection[] = [];
  const before = new Set(server.connections);
  for (const topics of subscriptions) {
    const count = server.connections.size;
    clients.push(await connect(server.url, options));
    await until(() => server.connections.size > count);
    const side = [...server.connections].at(-1);
    for (const topic of topics) side?.subscribe(topic);
  }
  t.after(() => clients.forEach((client) => void client.terminate()));
  return { clients, sides: [...server.connections].filter((one) => !before.has(one)) as Connection[] };
}

const textOf = async (connection: Connection) => (await connection.receive())?.data;

/** All messages of a connection up to the one that says "end". */
async function upToEnd(connection: Connection): Promise<unknown[]> {
  const found: unknown[] = [];
  for (let data: unknown; (data = await textOf(connection)) !== "end" && data !== undefined; )
    found.push(data);
  return found;
}

describe("subscribing", () => {
  it("gets the messages of its topics, and no others", async (t) => {
    const server = await listen(t);
    const { clients, sides } = await members(t, server, [["a"], ["a", "b"], []]);
    assert.deepEqual(
      sides.map((side) => [...side.topics]),
      [["a"], ["a", "b"], []],
    );
    assert.equal(server.publish("a", "to a"), 2);
    assert.equal(server.publish("b", "to b"), 1);
    assert.equal(server.publish("c", "to c"), 0);
    server.broadcast("end");
    assert.deepEqual(await Promise.all(clients.map(upToEnd)), [["to a"], ["to a", "to b"], []]);
  });

  it("twice is once; unsubscribing ends it, and says whether there was something to end", async (t) => {
    const server = await listen(t);
    const { clients, sides } = await members(t, server, [["a", "a"]]);
    assert.equal(server.subscriberCount("a"), 1);
    assert.equal(sides[0].unsubscribe("a"), true);
    assert.equal(sides[0].unsubscribe("a"), false);
    assert.equal(server.subscriberCount("a"), 0);
    assert.deepEqual(sides[0].topics, []);
    server.publish("a", "lost");
    sides[0].send("end");
    assert.deepEqual(await upToEnd(clients[0]), []);
  });

  it("ends when the connection is closed, however it is", async (t) => {
    const server = await listen(t);
    const { clients, sides } = await members(t, server, [["a"], ["a", "b"], ["b"]]);
    await clients[0].close();
    await until(() => server.subscriberCount("a") === 1);
    clients[1].terminate();
    await until(() => server.subscriberCount("a") === 0);
    assert.equal(server.subscriberCount("b"), 1);
    sides[2].terminate();
    await until(() => server.subscriberCount("b") === 0);
    assert.deepEqual([...server.topics.names], []);
  });

  it("is refused by a connection that closes or is closed, which would never unsubscribe", async (t) => {
    const server = await listen(t);
    const { sides } = await members(t, server, [[]]);
    void sides[0].close();
    assert.equal(sides[0].subscribe("a"), false);
    await sides[0].closed;
    assert.equal(sides[0].subscribe("a"), false);
    assert.equal(server.subscriberCount("a"), 0);
  });

  it("works in the open handler, and from the close handler nothing is subscribed any more", async (t) => {
    let atClose: unknown;
    const server = await listen(t, {
      open: (connection) => connection.subscribe("a"),
      close: (connection) => {
        atClose = [connection.topics, server.subscriberCount("a"), connection.publish("a", "gone")];
      },
    });
    const client = await connect(server.url);
    await until(() => server.subscriberCount("a") === 1);
    await client.close();
    await until(() => atClose !== undefined);
    assert.deepEqual(atClose, [[], 0, 0]);
  });

  it("is for connections of servers", async (t) => {
    const server = await listen(t);
    const client = await connect(server.url);
    assert.throws(() => client.subscribe("a"), InvalidStateError);
    assert.throws(() => client.publish("a", "x"), InvalidStateError);
    assert.deepEqual(client.topics, []);
    await client.close();
  });

  it("makes nothing for servers that have no topics", async (t) => {
    const server = await listen(t);
    const { clients } = await members(t, server, [[]]);
    assert.equal(server.subscriberCount("a"), 0);
    await clients[0].close();
  });
});

describe("publishing", () => {
  it("from a connection goes to all but itself, subscribed or not", async (t) => {
    const server = await listen(t);
    const { clients, sides } = await members(t, server, [["a"], ["a"], []]);
    assert.equal(sides[0].publish("a", "from 0"), 1);
    assert.equal(sides[2].publish("a", "from 2"), 2);
    assert.equal(server.publish("a", "from 1", { except: sides[1] }), 1);
    server.broadcast("end");
    assert.deepEqual(await Promise.all(clients.map(upToEnd)), [
      ["from 2", "from 1"],
      ["from 0", "from 2"],
      [],
    ]);
  });

  it("takes strings, bytes, bytes as text, and prepared messages", async (t) => {
    const server = await listen(t);
    const { clients } = await members(t, server, [["a"]]);
    const bytes = new TextEncoder().encode("é");
    server.publish("a", "é");
    server.publish("a", bytes);
    server.publish("a", bytes, { type: "text" });
    server.publish("a", "é", { type: "binary" });
    server.publish("a", prepareMessage("é"));
    server.publish("a", prepareMessage("é"), { type: "binary" });
    bytes.fill(0);
    const found: unknown[] = [];
    for (let i = 0; i < 6; i++) {
      const message = await clients[0].receive();
      found.push([message?.type, Buffer.from(message?.data ?? "").toString()]);
    }
    assert.deepEqual(
      found,
      ["text", "binary", "text", "binary", "text", "binary"].map((type) => [type, "é"]),
    );
  });

  it("refuses values that cannot be sent, and publishes nothing", async (t) => {
    const server = await listen(t);
    for (const data of [5, null, undefined, {}, new Blob(["x"])]) {
      assert.throws(() => server.publish("a", data as never), TypeError);
    }
    assert.throws(() => server.publish("a", new Uint8Array([0xff]), { type: "text" }), TypeError);
    assert.throws(() => server.publish(5 as never, "x"), /a topic must be a string, not 5/);
    const { sides } = await members(t, server, [[]]);
    assert.throws(() => sides[0].subscribe(undefined as never), TypeError);
    assert.throws(() => sides[0].unsubscribe({} as never), TypeError);
    assert.equal(server.topics.counters.published, 0);
  });

  it("writes once for each connection and turn, however many topics bring something", async (t) => {
    const server = await listen(t);
    const { clients, sides } = await members(t, server, [["a", "b", "c"]]);
    const writes = watchWrites(sides[0].socket);
    sides[0].send("first");
    for (const topic of ["a", "b", "c", "a"]) server.publish(topic, topic);
    server.broadcast("end");
    assert.deepEqual(await upToEnd(clients[0]), ["first", "a", "b", "c", "a"]);
    assert.equal(writes.length, 1);
  });

  it("is in order with sent messages", async (t) => {
    const server = await listen(t);
    const { clients, sides } = await members(t, server, [["a"]]);
    for (let i = 0; i < 10; i++) {
      server.publish("a", `${2 * i}`);
      sides[0].send(`${2 * i + 1}`);
    }
    sides[0].send("end");
    assert.deepEqual(
      await upToEnd(clients[0]),
      Array.from({ length: 20 }, (_, i) => `${i}`),
    );
  });

  it("waits behind a message that is sent in parts", async (t) => {
    const server = await listen(t);
    const { sides } = await members(t, server, []);
    assert.equal(sides.length, 0);
    const peer = await rawClient(t, server.port);
    const [side] = server.connections;
    side.subscribe("a");
    side.sendAll({ type: "text", data: "begun", partial: true } as never);
    server.publish("a", "behind");
    side.sendAll({ type: "text", data: ", ended", partial: false } as never);
    await until(() => peer.frames.length === 3);
    assert.deepEqual(
      peer.frames.map(({ payload }) => Buffer.from(payload).toString()),
      ["begun", ", ended", "behind"],
    );
  });

  it("fragments messages above maxFrameSize, for connections that have this limit", async (t) => {
    const server = await listen(t, { maxFrameSize: 10 });
    const peer = await rawClient(t, server.port);
    const [side] = server.connections;
    side.subscribe("a");
    server.publish("a", "0123456789abc");
    await until(() => peer.frames.length === 2);
    assert.deepEqual(
      peer.frames.map(({ payload, fin }) => [Buffer.from(payload).toString(), fin]),
      [
        ["0123456789", false],
        ["abc", true],
      ],
    );
  });
});

for (const publishDelayMs of [0, 5]) {
  describe(`compression, publishDelayMs ${publishDelayMs}`, () => {
    it("is done for each agreement, and by the rule of the message", async (t) => {
      const topics = new Topics({ publishDelayMs });
      const servers = [
        await listen(t, { topics }),
        await listen(t, { topics, perMessageDeflate: { threshold: 0 } }),
        await listen(t, { topics, perMessageDeflate: { serverNoContextTakeover: true, threshold: 200 } }),
      ];
      const clients: Connection[] = [];
      for (const server of servers) {
        const { clients: mine, sides } = await members(t, server, [["a"], ["a"]], {
          perMessageDeflate: true,
        });
        clients.push(...mine);
        // Each has sent something compressed by itself before, so that its history is not empty.
        for (const side of sides) side.send("the same words, ".repeat(20));
      }
      const text = (i: number) => `the same words, ${i} `.repeat(i);
      for (let i = 0; i < 30; i++) {
        topics.publish("a", text(i), { compress: i % 3 === 0 ? undefined : i % 3 === 1 });
      }
      topics.flush();
      for (const server of servers)
        for (const side of server.connections) side.send("the same words, end ".repeat(20));
      for (const client of clients) {
        await client.receive();
        for (let i = 0; i < 30; i++) assert.equal(await textOf(client), text(i));
        assert.equal(await textOf(client), "the same words, end ".repeat(20));
      }
      const bytes = servers.map(({ counters }) => counters.bytesOut);
      assert.ok(bytes[1] < bytes[0] && bytes[2] < bytes[0] && bytes[1] < bytes[2], `${bytes}`);
      await topics.close();
    });
  });
}

describe("a Topics that is shared", () => {
  it("joins servers and upgrade handlers; except is of any of them", async (t) => {
    const topics = new Topics();
    const first = await listen(t, { topics });
    const upgrade = createUpgradeHandler({ open: (connection) => connection.subscribe("a") }, { topics });
    const second = http.createServer().on("upgrade", upgrade).listen(0, "127.0.0.1");
    await once(second, "listening");
    t.after(() => second.closeAllConnections());
    t.after(() => second.close());
    t.after(() => upgrade.close({ timeoutMs: 0 }));
    const { clients, sides } = await members(t, first, [["a"]]);
    const other = await connect(`ws://127.0.0.1:${(second.address() as AddressInfo).port}`);
    t.after(() => other.terminate());
    await until(() => topics.subscriberCount("a") === 2);
    assert.equal(first.topics, topics);
    assert.equal(upgrade.topics, topics);
    assert.equal(upgrade.subscriberCount("a"), 2);
    assert.equal(upgrade.publish("a", "to all"), 2);
    assert.equal(sides[0].publish("a", "to the other"), 1);
    topics.publish("a", "end");
    assert.deepEqual(await upToEnd(clients[0]), ["to all"]);
    assert.deepEqual(await upToEnd(other), ["to all", "to the other"]);
    await first.close();
    assert.equal(topics.subscriberCount("a"), 1);
    assert.equal(topics.publish("a", "still there"), 1);
    assert.equal(await textOf(other), "still there");
  });
});

describe("onTopic", () => {
  it("is called for the first subscriber and the last, in order; an error that it throws does no harm", async (t) => {
    const heard: unknown[] = [];
    t.mock.method(console, "error", () => undefined);
    const server = await listen(t, {
      topics: {
        onTopic(topic, hasSubscribers) {
          heard.push(`${topic} ${hasSubscribers}`);
          throw new Error("a bug");
        },
      },
    });
    const { clients, sides } = await members(t, server, [["a"], ["a", "b"]]);
    sides[0].unsubscribe("a");
    await clients[1].close();
    await until(() => heard.length >= 4);
    sides[0].subscribe("a");
    assert.deepEqual(heard, ["a true", "b true", "a false", "b false", "a true"]);
  });
});

describe("a slow subscriber", () => {
  for (const publishDelayMs of [0, 2]) {
    for (const onOverflow of ["close", "drop", "throw"] as const) {
      it(`with the policy ${onOverflow} does not slow down others, publishDelayMs ${publishDelayMs}`, async (t) => {
        const server = await listen(t, {
          topics: { publishDelayMs },
          onOverflow,
          maxBufferedAmount: 1 << 20,
        });
        const slow = await rawClient(t, server.port);
        const [slowSide] = server.connections;
        slow.socket.pause();
        const { clients } = await members(t, server, [["a"]]);
        slowSide.subscribe("a");
        const data = "x".repeat(1 << 16);
        let published = 0;
        // Until the system and the limit are full; a loop of turns, because "close" wants the peer to have had one.
        while (server.topics.counters.dropped === 0 && slowSide.state === "open") {
          for (let i = 0; i < 16; i++, published++) server.publish("a", data);
          server.topics.flush();
          assert.ok(slowSide.bufferedAmount < 4 << 20, "unsent bytes are bounded");
          for (let i = 0; i < 16; i++) assert.equal(await textOf(clients[0]), data);
        }
        server.publish("a", "end");
        assert.deepEqual(await upToEnd(clients[0]), []);
        const { counters } = server.topics;
        assert.equal(counters.published, published + 1);
        assert.equal(counters.delivered + counters.dropped, 2 * (published + 1));
        assert.ok(counters.dropped > 0);
        if (onOverflow === "drop") assert.equal(slowSide.counters.messagesDropped, counters.dropped);
        if (onOverflow === "close") assert.notEqual(slowSide.state, "open");
        else assert.equal(slowSide.state, "open");
      });
    }
  }
});

describe("options of Topics", () => {
  it("are checked", () => {
    assert.throws(() => new Topics({ publishDelayMs: -1 }), RangeError);
    assert.throws(() => new Topics({ publishDelay: 1 } as never), /did you mean publishDelayMs/);
    assert.throws(() => new Topics({ onTopic: 1 } as never), TypeError);
    assert.throws(() => new Topics({ maxBrokerBuffer: "1" } as never), RangeError);
    assert.throws(
      () => new Topics({ broker: {} } as never),
      /a broker must have the functions deliver, publish/,
    );
    assert.throws(
      () => createUpgradeHandler({}, { topics: 5 as never }),
      /topics must be a Topics or its options/,
    );
    assert.throws(() => createUpgradeHandler({}, { broker: {} } as never), /topics: \{ broker \}/);
  });
});
