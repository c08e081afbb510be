/** Pacer: when published messages are written, with a clock that the tests set. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Member, Topic } from "../../../src/node/topics/outlet.js";
import { Pacer } from "../../../src/node/topics/pacer.js";
import { beginTurn, endTurn, flushLater } from "../../../src/node/turn.js";

/** A topic with one subscriber, whose writes take so many milliseconds of the clock. */
function world(writeMs: number) {
  let now = 1000;
  const log: string[] = [];
  const timers: { at: number; run: () => void }[] = [];
  const clock = {
    now: () => now,
    after(ms: number, run: () => void) {
      const timer = { at: now + ms, run };
      timers.push(timer);
      return () => void timers.splice(timers.indexOf(timer), 1);
    },
  };
  const written = {
    flush() {
      log.push(`written at ${now}`);
      now += writeMs;
    },
  };
  const outlet = { sendBatch: () => 1, schedule: () => flushLater(written) };
  const member: Member = { connection: {}, outlet, topics: new Map() };
  const topic: Topic = { name: "a", members: new Set([member]), waiting: [] };
  const pacer = new Pacer(clock);
  return {
    log,
    pacer,
    topic,
    member,
    /** Publishes in a turn of its own. */
    publish() {
      beginTurn();
      pacer.add(topic);
      endTurn();
    },
    /** Lets the clock go on to a time, with the timers that are due. */
    goTo(at: number) {
      now = at;
      for (const timer of [...timers]) {
        if (timer.at > now) continue;
        timers.splice(timers.indexOf(timer), 1);
        beginTurn();
        timer.run();
        endTurn();
      }
    },
    get timers() {
      return timers.length;
    },
  };
}

describe("Pacer", () => {
  it("writes at the end of the turn while writing is short", () => {
    const { publish, log, goTo } = world(0.5);
    publish();
    publish();
    goTo(1003);
    publish();
    assert.deepEqual(log, ["written at 1000", "written at 1000.5", "written at 1003"]);
  });

  it("waits as long as writing took, and then writes the messages that came meanwhile, once", () => {
    const { publish, log, goTo } = world(20);
    publish();
    assert.deepEqual(log, ["written at 1000"]);
    for (let i = 0; i < 5; i++) publish();
    goTo(1039);
    publish();
    assert.equal(log.length, 1);
    goTo(1040);
    assert.deepEqual(log, ["written at 1000", "written at 1040"]);
    // Half of the time was left free: nothing waits any more.
    goTo(1100);
    publish();
    assert.deepEqual(log.slice(2), ["written at 1100"]);
  });

  it("waits 100 ms at most, also where writing took an hour", () => {
    const { publish, log, goTo } = world(3_600_000);
    publish();
    publish();
    goTo(3_601_099);
    assert.equal(log.length, 1);
    goTo(3_601_100);
    assert.equal(log.length, 2);
  });

  it("flush writes at once, and the timer does not write again", () => {
    const { publish, log, pacer, goTo, timers } = world(20);
    publish();
    publish();
    assert.equal(timers, 0);
    beginTurn();
    pacer.flush();
    endTurn();
    assert.equal(log.length, 2);
    goTo(2000);
    assert.equal(log.length, 2);
  });

  it("a subscriber that leaves its topic gets the messages that were published before", () => {
    const { publish, log, pacer, topic, member } = world(20);
    publish();
    publish();
    topic.members.delete(member);
    beginTurn();
    pacer.leaves(topic, member.outlet);
    endTurn();
    assert.equal(log.length, 2);
  });
});
