/** What a `Topics` asks of its broker and tells of it, with a broker of the user's whose answers a test controls. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Broker, type BrokerListener, Topics } from "../../../src/index.js";
import { errorsOf, mine } from "../../support/misbehaviour.js";
import { settle } from "../../support/sockets.js";

/** A broker to an engine that nothing comes from. */
function brokerOf(functions: Partial<Broker> = {}): Broker {
  const nothing = () => undefined;
  return {
    deliver: nothing,
    publish: nothing,
    subscribe: nothing,
    unsubscribe: nothing,
    close: nothing,
    ...functions,
  };
}

describe("maxBrokerBuffer", () => {
  /** How many publications of a `Topics` are pending after 100, of a broker that does not answer. */
  function pendingOf(topic: string, text: string): { topics: Topics; answers: (() => void)[] } {
    const answers: (() => void)[] = [];
    const broker = brokerOf({ publish: () => new Promise<void>((resolve) => answers.push(resolve)) });
    const topics = new Topics({ broker, maxBrokerBuffer: 3000 });
    for (let i = 0; i < 100; i++) topics.publish(topic, text);
    assert.equal(topics.counters.notForwarded, 100 - answers.length);
    return { topics, answers };
  }

  it("counts each message as its payload, its topic and 256 bytes", () => {
    // The one that exceeds the limit is forwarded.
    assert.equal(pendingOf("", "").answers.length, 12);
    assert.equal(pendingOf("x".repeat(256), "").answers.length, 6);
    assert.equal(pendingOf("", "x".repeat(256)).answers.length, 6);
    assert.equal(pendingOf("", "x".repeat(4000)).answers.length, 1);
  });

  it("has room again once the broker has answered", async () => {
    const { topics, answers } = pendingOf("a", "");
    const count = answers.length;
    for (const answer of answers.splice(0)) answer();
    await settle();
    for (let i = 0; i < 100; i++) topics.publish("a", "");
    assert.equal(answers.length, count);
  });

  it("counts an answer once, even if the broker gives it twice", async (t) => {
    const errors = errorsOf(t);
    let calls = 0;
    const twice = {
      // biome-ignore lint/suspicious/noThenProperty: that is the point
      then(_: unknown, reject: (thrown: unknown) => void) {
        reject(mine);
        reject(mine);
      },
    };
    const never = new Promise(() => {});
    const broker = brokerOf({ publish: () => (calls++ === 0 ? twice : never) });
    const topics = new Topics({ broker, maxBrokerBuffer: 0 });
    topics.publish("a", "");
    await settle();
    assert.deepEqual(errors, [mine]);
    assert.equal(topics.counters.notForwarded, 1);
    topics.publish("a", "");
    topics.publish("a", "");
    assert.equal(calls, 2);
  });
});

describe("onBroker", () => {
  it("is called after new Topics has returned, in order, if the broker is away from the start", async () => {
    let listener: BrokerListener | undefined;
    const broker = brokerOf({
      deliver(given) {
        listener = given;
        given.away(mine);
      },
    });
    const told: unknown[] = [];
    const topics: Topics = new Topics({
      broker,
      onBroker: (state, error) => told.push([state, error, topics.counters.published]),
    });
    assert.deepEqual(told, []);
    assert.equal(topics.isBrokerAway, true);
    listener?.back();
    assert.equal(topics.isBrokerAway, false);
    await Promise.resolve();
    assert.deepEqual(told, [
      ["away", mine, 0],
      ["back", undefined, 0],
    ]);
  });
});

describe("closing a broker", () => {
  for (const [way, close] of [
    [
      "throws",
      () => {
        throw mine;
      },
    ],
    ["rejects", () => Promise.reject(mine)],
  ] as const) {
    it(`that ${way}: the Topics is closed, and the channel of errors tells`, async (t) => {
      const errors = errorsOf(t);
      const topics = new Topics({ broker: brokerOf({ close }) });
      await topics.close();
      await topics.close();
      assert.deepEqual(errors, [mine]);
    });
  }
});
