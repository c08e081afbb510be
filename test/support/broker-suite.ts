/** What any broker must do. Each `Topics` in it stands for a process of its own, with a broker of its own. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type Broker, type PreparedBatch, Topics, type TopicsOptions } from "../../src/index.js";
import { until } from "./sockets.js";

/** An engine with brokers on it. */
export interface BrokerWorld {
  /** A broker for one more process. */
  connect(t: TestContext): Promise<Broker>;
  /** Ends the engine as a crash does, and starts it again at the same place. Absent where there is none to end. */
  readonly outage?: { kill(): Promise<void>; start(): Promise<void> };
  /** Stops the engine's process without ending its connections. */
  readonly stall?: { stop(): void; go(): void };
}

/** A subscriber that keeps what it gets. */
class Recorder {
  readonly got: string[] = [];
  readonly types: string[] = [];

  sendBatch({ items }: PreparedBatch): number {
    for (const { message } of items) {
      this.got.push(Buffer.from(message.payload).toString());
      this.types.push(message.type);
    }
    return items.length;
  }

  schedule(): void {}
}

interface Process {
  readonly topics: Topics;
  /** What the broker told. */
  readonly states: string[];
  subscribe(topic: string): Recorder;
}

async function start(t: TestContext, world: BrokerWorld, options: TopicsOptions = {}): Promise<Process> {
  const states: string[] = [];
  const topics = new Topics({
    broker: await world.connect(t),
    onBroker: (state) => states.push(state),
    ...options,
  });
  t.after(() => topics.close());
  await until(() => !topics.isBrokerAway, "the broker connects");
  return {
    topics,
    states,
    subscribe(topic) {
      const recorder = new Recorder();
      topics.subscribe(recorder, recorder, topic);
      return recorder;
    },
  };
}

const PROBE = "probe";

/** Waits until what one process publishes to a topic arrives at another, and forgets the probes. */
async function joined(from: Process, topic: string, ...recorders: Recorder[]): Promise<void> {
  await until(() => {
    from.topics.publish(topic, PROBE);
    return recorders.every(({ got }) => got.includes(PROBE));
  }, `${topic} arrives`);
}

const withoutProbes = ({ got }: Recorder) => got.filter((text) => text !== PROBE);
const numbers = (count: number, prefix = "") => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

const TOPICS = [
  "plain",
  "with space",
  "a.b",
  "*",
  ">",
  "a.*",
  "",
  "é😀",
  "__proto__",
  "x".repeat(300),
  "new\nline",
];

/** @param open - begins a world for one test. */
export function brokerSuite(name: string, open: (t: TestContext) => Promise<BrokerWorld>): void {
  describe(`broker: ${name}`, () => {
    it("a published message reaches the subscribers of all processes, once", async (t) => {
      const world = await open(t);
      const [a, b, c] = [await start(t, world), await start(t, world), await start(t, world)];
      const recorders = [a, a, b, c].map((one) => one.subscribe("news"));
      await joined(a, "news", recorders[2], recorders[3]);
      await joined(b, "news", ...recorders);
      assert.equal(a.topics.publish("news", "from a"), 2);
      b.topics.publish("news", "from b");
      b.topics.publish("news", "end");
      await until(() => recorders.every(({ got }) => got.includes("end") && got.includes("from a")));
      for (const recorder of recorders) {
        const got = withoutProbes(recorder);
        assert.deepEqual(got.toSorted(), ["end", "from a", "from b"]);
        assert.ok(got.indexOf("from b") < got.indexOf("end"));
      }
    });

    it("any topic, any payload, its type", async (t) => {
      const world = await open(t);
      const [a, b] = [await start(t, world), await start(t, world)];
      for (const topic of TOPICS) {
        const recorder = b.subscribe(topic);
        await joined(a, topic, recorder);
        const long = "é".repeat(1 << 17);
        a.topics.publish(topic, "");
        a.topics.publish(topic, long);
        a.topics.publish(topic, new Uint8Array([65, 66]));
        await until(() => recorder.got.at(-1) === "AB", topic);
        assert.deepEqual(withoutProbes(recorder), ["", long, "AB"]);
        assert.deepEqual(recorder.types.slice(-3), ["text", "text", "binary"]);
      }
      assert.equal(b.topics.counters.notUnderstood, 0);
      assert.equal(a.topics.counters.received, 0);
    });

    it("a process gets only what it is subscribed to, and nothing once it is not", async (t) => {
      const world = await open(t);
      const [a, b] = [await start(t, world), await start(t, world)];
      const kept = b.subscribe("kept");
      const given = b.subscribe("given up");
      await joined(a, "kept", kept);
      await joined(a, "given up", given);
      b.topics.leave(given);
      // Unsubscribing takes a while.
      await until(() => {
        const before = b.topics.counters.received;
        a.topics.publish("given up", PROBE);
        a.topics.publish("kept", PROBE);
        return b.topics.counters.received === before;
      });
      a.topics.publish("kept", "middle");
      await until(() => kept.got.includes("middle"));
      const before = b.topics.counters.received;
      for (let i = 0; i < 10; i++) a.topics.publish("given up", "x");
      a.topics.publish("never", "x");
      a.topics.publish("kept", "end");
      await until(() => kept.got.includes("end"));
      assert.equal(b.topics.counters.received, before + 1);
      // And again.
      const again = b.subscribe("given up");
      await joined(a, "given up", again);
    });

    it("keeps the order of each publisher, over all its topics", async (t) => {
      const world = await open(t);
      const publishers = [await start(t, world), await start(t, world)];
      const subscriber = await start(t, world);
      const recorder = new Recorder();
      for (const topic of ["a", "b", "c"]) subscriber.topics.subscribe(recorder, recorder, topic);
      for (const one of publishers) {
        for (const topic of ["a", "b", "c"]) {
          recorder.got.length = 0;
          await joined(one, topic, recorder);
        }
      }
      for (let i = 0; i < 600; i++) {
        for (const [p, { topics }] of publishers.entries()) topics.publish("abc"[i % 3], `${p}:${i}`);
        if (i % 50 === 0) await new Promise(setImmediate);
      }
      await until(() => withoutProbes(recorder).length >= 1200);
      for (const p of ["0:", "1:"]) {
        assert.deepEqual(
          recorder.got.filter((text) => text.startsWith(p)),
          numbers(600, p),
        );
      }
    });

    it("subscribing and unsubscribing fast ends as it was left", async (t) => {
      const world = await open(t);
      const [a, b] = [await start(t, world), await start(t, world)];
      const recorder = new Recorder();
      for (let i = 0; i < 50; i++) {
        b.topics.subscribe(recorder, recorder, "on");
        b.topics.subscribe(recorder, recorder, "off");
        b.topics.unsubscribe(recorder, "on");
        b.topics.unsubscribe(recorder, "off");
      }
      b.topics.subscribe(recorder, recorder, "on");
      await joined(a, "on", recorder);
      a.topics.publish("off", "no");
      a.topics.publish("on", "yes");
      await until(() => recorder.got.includes("yes"));
      assert.deepEqual(withoutProbes(recorder), ["yes"]);
    });

    it("once it is closed, a process goes on alone", async (t) => {
      const world = await open(t);
      const [a, b] = [await start(t, world), await start(t, world)];
      const [mine, other] = [a.subscribe("x"), b.subscribe("x")];
      await joined(a, "x", other);
      await joined(b, "x", mine);
      await a.topics.close();
      await a.topics.close();
      const before = a.topics.counters;
      mine.got.length = other.got.length = 0;
      a.topics.publish("x", "alone");
      b.topics.publish("x", "to a");
      assert.deepEqual(withoutProbes(mine), ["alone"]);
      assert.equal(a.topics.counters.notForwarded, before.notForwarded + 1);
      assert.deepEqual(withoutProbes(other), ["to a"]);
      assert.equal(a.topics.counters.received, before.received);
    });

    it("while the engine is away, a process goes on alone and says so; then all is as before", async (t) => {
      const world = await open(t);
      if (world.outage === undefined) return t.skip("it has no engine that can be away");
      const [a, b] = [await start(t, world), await start(t, world)];
      const [mine, other] = [a.subscribe("x"), b.subscribe("x")];
      await joined(a, "x", other);
      a.states.length = b.states.length = 0;
      await world.outage.kill();
      await until(() => a.topics.isBrokerAway && b.topics.isBrokerAway);
      assert.deepEqual([a.states, b.states], [["away"], ["away"]]);
      const before = a.topics.counters.notForwarded;
      mine.got.length = other.got.length = 0;
      for (const text of numbers(100)) assert.equal(a.topics.publish("x", text), 1);
      assert.deepEqual(mine.got, numbers(100));
      assert.equal(a.topics.counters.notForwarded, before + 100);
      // Subscribed while it is away, and given up.
      const late = b.subscribe("late");
      b.topics.leave(b.subscribe("never"));
      await world.outage.start();
      await until(() => !a.topics.isBrokerAway && !b.topics.isBrokerAway, "the engine is back");
      assert.deepEqual(
        [a.states, b.states],
        [
          ["away", "back"],
          ["away", "back"],
        ],
      );
      await joined(a, "x", other);
      await joined(a, "late", late);
      a.topics.publish("x", "after");
      await until(() => other.got.includes("after"));
      assert.deepEqual(withoutProbes(other), ["after"], "messages that were published meanwhile are lost");
    });

    it("a subscription that fails because the engine goes away is made once, later", async (t) => {
      const world = await open(t);
      const { outage, stall } = world;
      if (outage === undefined || stall === undefined) return t.skip("it has no engine that can fail");
      const [a, b] = [await start(t, world), await start(t, world)];
      // The engine does not answer the subscription, and then it is gone.
      stall.stop();
      const other = b.subscribe("x");
      await outage.kill();
      await until(() => a.topics.isBrokerAway && b.topics.isBrokerAway);
      await outage.start();
      await until(() => !a.topics.isBrokerAway && !b.topics.isBrokerAway, "the engine is back");
      await joined(a, "x", other);
      // An engine takes the subscriptions of a process in order: once this one works, so does each that came before.
      const later = b.subscribe("later");
      await joined(a, "later", later);
      a.topics.publish("x", "once");
      a.topics.publish("x", "end");
      await until(() => other.got.includes("end"));
      assert.deepEqual(withoutProbes(other), ["once", "end"]);
      b.topics.leave(other);
      b.topics.leave(later);
    });

    it("while the engine stands still, a bounded amount waits, and each message is sent or counted", async (t) => {
      const world = await open(t);
      if (world.stall === undefined) return t.skip("it has no engine that can stand still");
      const a = await start(t, world, { maxBrokerBuffer: 1 << 20 });
      const b = await start(t, world);
      const other = b.subscribe("x");
      await joined(a, "x", other);
      await until(() => {
        const { got } = other;
        return got.length === a.topics.counters.published;
      });
      other.got.length = 0;
      world.stall.stop();
      try {
        const text = "x".repeat(1 << 10);
        // Far more than the system and the limit hold.
        for (let i = 0; i < 16_384; i++) {
          a.topics.publish("x", text);
          if (i % 256 === 0) await new Promise(setImmediate);
        }
        assert.ok(a.topics.counters.notForwarded > 0);
      } finally {
        world.stall.go();
      }
      const { notForwarded } = a.topics.counters;
      await until(() => other.got.length + notForwarded === 16_384, "all that was not counted arrives");
      await joined(a, "x", other);
      assert.equal(a.topics.counters.notForwarded, notForwarded);
    });
  });
}
