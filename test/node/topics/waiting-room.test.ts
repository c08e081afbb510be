/** Messages that wait for others (`publishDelayMs`): in one write, in order, for those who were subscribed. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { type Connection, connect, type PreparedBatch, type Server, Topics } from "../../../src/index.js";
import { subscribing } from "../../../src/node/topics/subscribing.js";
import { listen } from "../../support/connections.js";
import { until, watchWrites } from "../../support/sockets.js";

/** So long that nothing leaves without a flush. */
const LONG_MS = 1_000_000;

async function member(t: TestContext, server: Server, topics: readonly string[]) {
  const count = server.connections.size;
  const client = await connect(server.url);
  t.after(() => client.terminate());
  await until(() => server.connections.size > count);
  const side = [...server.connections].at(-1) as Connection;
  for (const topic of topics) side.subscribe(topic);
  return { client, side, writes: watchWrites(side.socket) };
}

async function take(connection: Connection, count: number): Promise<unknown[]> {
  const found: unknown[] = [];
  while (found.length < count) found.push((await connection.receive())?.data);
  return found;
}

describe("publishDelayMs", () => {
  it("lets messages leave by themselves", async (t) => {
    const server = await listen(t, { topics: { publishDelayMs: 1 } });
    const { client, writes } = await member(t, server, ["a"]);
    for (let i = 0; i < 10; i++) server.publish("a", `${i}`);
    assert.deepEqual(writes, []);
    assert.deepEqual(await take(client, 10), [..."0123456789"]);
    assert.equal(writes.length, 1);
  });

  it("shares one buffer among the subscribers of the same topics", async (t) => {
    const server = await listen(t, { topics: { publishDelayMs: LONG_MS } });
    const all = [];
    for (const topics of [["a"], ["a"], ["a", "b"], ["b", "a"], ["b", "quiet"], ["b"]]) {
      all.push(await member(t, server, topics));
    }
    const batches: PreparedBatch[] = [];
    for (const { side } of all) {
      const { outlet } = side[subscribing];
      t.mock.method(outlet, "sendBatch", (batch: PreparedBatch) => {
        batches.push(batch);
        return batch.items.length;
      });
    }
    for (const topic of ["a", "b", "a", "b", "b"]) server.publish(topic, "x");
    server.topics.flush();
    assert.equal(batches.length, 6);
    assert.deepEqual(new Set(batches).size, 3);
    assert.deepEqual(batches.map(({ items }) => items.length).sort(), [2, 2, 3, 3, 5, 5]);
  });

  it("leaves out the publisher's own messages, and those from before the subscription", async (t) => {
    const server = await listen(t, { topics: { publishDelayMs: LONG_MS } });
    const first = await member(t, server, ["a"]);
    const second = await member(t, server, ["a"]);
    first.side.publish("a", "by the first");
    second.side.publish("a", "by the second");
    const late = await member(t, server, ["a"]);
    server.publish("a", "after");
    assert.equal(first.side.unsubscribe("a"), true);
    first.side.subscribe("a");
    server.publish("a", "last");
    server.topics.flush();
    assert.deepEqual(await take(second.client, 3), ["by the first", "after", "last"]);
    assert.deepEqual(await take(late.client, 2), ["after", "last"]);
    assert.deepEqual(await take(first.client, 1), ["last"]);
    assert.deepEqual(
      [first, second, late].map(({ writes }) => writes.length),
      [1, 1, 1],
    );
  });

  it("sends nothing to those who have unsubscribed or closed meanwhile", async (t) => {
    const server = await listen(t, { topics: { publishDelayMs: LONG_MS } });
    const first = await member(t, server, ["a"]);
    const second = await member(t, server, ["a"]);
    server.publish("a", "x");
    first.side.unsubscribe("a");
    second.client.terminate();
    await until(() => server.subscriberCount("a") === 0);
    server.topics.flush();
    first.side.send("end");
    assert.deepEqual(await take(first.client, 1), ["end"]);
    assert.deepEqual(server.topics.counters.delivered, 0);
  });

  it("leaves before a server closes its connections", async (t) => {
    const server = await listen(t, { topics: { publishDelayMs: LONG_MS } });
    const { client } = await member(t, server, ["a"]);
    server.publish("a", "the last words");
    const closing = server.close();
    assert.deepEqual(await take(client, 2), ["the last words", undefined]);
    await closing;
  });

  it("leaves at once when a MiB waits", async (t) => {
    const server = await listen(t, { topics: { publishDelayMs: LONG_MS } });
    const { client } = await member(t, server, ["a"]);
    for (let i = 0; i < 16; i++) server.publish("a", new Uint8Array(1 << 16));
    assert.equal((await take(client, 16)).length, 16);
  });

  it("any mix of topics, subscribers and publishers: each gets its messages, in order", async (t) => {
    const names = ["a", "b", "c"];
    const subscriptions = fc.array(fc.subarray(names), { minLength: 1, maxLength: 5 });
    const published = fc.array(
      fc.record({
        topic: fc.constantFrom(...names),
        except: fc.option(fc.nat(4)),
        late: fc.option(fc.nat(4)),
      }),
      { maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(subscriptions, published, async (wanted, messages) => {
        const topics = new Topics({ publishDelayMs: LONG_MS });
        const got: string[][] = wanted.map(() => []);
        const expected: string[][] = wanted.map(() => []);
        const people = wanted.map((_, i) => ({
          sendBatch({ items }: PreparedBatch, left?: ReadonlySet<number>) {
            const sent = items.filter((_item, position) => !left?.has(position));
            got[i].push(...sent.map(({ message }) => Buffer.from(message.payload).toString()));
            return sent.length;
          },
          schedule: () => undefined,
        }));
        for (const [i, mine] of wanted.entries())
          for (const name of mine) topics.subscribe(people[i], people[i], name);
        for (const [n, { topic, except, late }] of messages.entries()) {
          // Some subscribe to everything in between, others have it already.
          if (late !== null && late < people.length) {
            for (const name of names) {
              topics.subscribe(people[late], people[late], name);
              if (!wanted[late].includes(name)) wanted[late].push(name);
            }
          }
          topics.publish(topic, `${n}`, { except: people[except ?? 99] });
          for (const [i, mine] of wanted.entries()) {
            if (mine.includes(topic) && i !== except) expected[i].push(`${n}`);
          }
        }
        topics.flush();
        assert.deepEqual(got, expected);
      }),
      { numRuns: 500 },
    );
    t.diagnostic("500 runs");
  });
});
