/** Topics over Redis: the suite of all brokers, with a real one. */

import assert from "node:assert/strict";
import { it, type TestContext } from "node:test";
import { createClient } from "redis";
import { redisBroker } from "../../src/brokers/redis.js";
import { Topics } from "../../src/index.js";
import { type BrokerWorld, brokerSuite } from "../support/broker-suite.js";
import { isInstalled, startEngine } from "../support/engine.js";
import { errorsOf } from "../support/misbehaviour.js";
import { until } from "../support/sockets.js";

const redisArguments = (port: number) => [
  ...["--port", `${port}`, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"],
];

async function open(t: TestContext, sharded: boolean): Promise<BrokerWorld> {
  const engine = await startEngine(t, "redis-server", redisArguments);
  return {
    async connect() {
      const client = createClient({
        url: `redis://127.0.0.1:${engine.port}`,
        socket: { reconnectStrategy: 20 },
      });
      client.on("error", () => undefined);
      await client.connect();
      // Before the Topics, whose closing comes later: the broker's own connection is another.
      t.after(() => client.destroy());
      return redisBroker(client, { sharded });
    },
    outage: engine,
    stall: engine,
  };
}

if (isInstalled("redis-server")) {
  brokerSuite("Redis", (t) => open(t, false));
  brokerSuite("Redis, sharded", (t) => open(t, true));

  it("redisBroker closes without an error after its client has given up", async (t) => {
    const engine = await startEngine(t, "redis-server", redisArguments);
    const client = createClient({
      url: `redis://127.0.0.1:${engine.port}`,
      socket: { reconnectStrategy: (retries) => (retries > 0 ? new Error("given up") : 1) },
    });
    client.on("error", () => undefined);
    await client.connect();
    const subscriber = client.duplicate();
    client.duplicate = (() => subscriber) as typeof client.duplicate;
    const topics = new Topics({ broker: redisBroker(client) });
    await until(() => !topics.isBrokerAway, "the broker connects");
    await engine.kill();
    await until(() => !client.isOpen && !subscriber.isOpen, "both clients give up");
    assert.equal(topics.isBrokerAway, true);
    const errors = errorsOf(t);
    await topics.close();
    assert.deepEqual(errors, []);
  });
} else {
  it("Redis", (t) => t.skip("redis-server is not installed"));
}

it("redisBroker takes a client", () => {
  assert.throws(() => redisBroker({} as never), /takes a client of the npm package redis/);
});
