/** Topics over the threads of a process. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, it } from "node:test";
import { BroadcastChannel, Worker } from "node:worker_threads";
import { broadcastChannelBroker } from "../../src/brokers/broadcast-channel.js";
import { connect, Topics } from "../../src/index.js";
import { brokerSuite } from "../support/broker-suite.js";
import { until } from "../support/sockets.js";

let worlds = 0;

brokerSuite("BroadcastChannel", async () => {
  const name = `hawser.test.${++worlds}`;
  return { connect: async () => broadcastChannelBroker({ name }) };
});

/** A thread with a server whose connections subscribe to what they send. */
const THREAD = `
  const { parentPort, workerData } = require("node:worker_threads");
  (async () => {
    (await import(workerData.tsx)).register();
    const { serve } = await import(workerData.index);
    const { broadcastChannelBroker } = await import(workerData.broker);
    const server = await serve({
      hostname: "127.0.0.1",
      topics: { broker: broadcastChannelBroker({ name: workerData.name }) },
      message: (connection, { data }) => {
        connection.subscribe(data);
        connection.send("subscribed");
      },
    });
    parentPort.postMessage(server.url);
  })();
`;

describe("hawser/broadcast-channel", () => {
  it("joins servers in threads of their own", async (t) => {
    const name = "hawser.test.threads";
    const workerData = {
      name,
      tsx: import.meta.resolve("tsx/esm/api"),
      index: new URL("../../src/index.ts", import.meta.url).href,
      broker: new URL("../../src/brokers/broadcast-channel.ts", import.meta.url).href,
    };
    const threads = [1, 2].map(() => new Worker(THREAD, { eval: true, workerData }));
    t.after(() => Promise.all(threads.map((thread) => thread.terminate())));
    const urls = Promise.all(threads.map((thread) => once(thread, "message") as Promise<[string]>));
    const topics = new Topics({ broker: broadcastChannelBroker({ name }) });
    t.after(() => topics.close());
    const clients = [];
    for (const [url] of await urls) {
      const client = await connect(url);
      t.after(() => client.terminate());
      client.send("news");
      assert.equal((await client.receive())?.data, "subscribed");
      clients.push(client);
    }
    topics.publish("other", "not for them");
    topics.publish("news", "hello");
    for (const client of clients) assert.equal((await client.receive())?.data, "hello");
  });

  it("ignores messages of other users of its channel name", async (t) => {
    const name = "hawser.test.strangers";
    const topics = new Topics({ broker: broadcastChannelBroker({ name }) });
    t.after(() => topics.close());
    const recorder = { sendBatch: () => 1, schedule: () => undefined };
    topics.subscribe(recorder, recorder, "x");
    const stranger = new BroadcastChannel(name);
    t.after(() => stranger.close());
    const strange = [
      undefined,
      5,
      [5],
      [["x"]],
      [["x", "y"]],
      [["x", new Uint8Array(3)]],
      [[{}, new Uint8Array(30)]],
    ];
    for (const one of strange) stranger.postMessage(one);
    await until(() => topics.counters.notUnderstood === 1);
    assert.equal(topics.counters.delivered, 0);
  });

  it("takes a name that is a string", () => {
    assert.throws(() => broadcastChannelBroker({ name: 5 as never }), TypeError);
  });
});
