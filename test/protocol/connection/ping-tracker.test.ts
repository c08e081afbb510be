/** PingTracker: which Ping a Pong answers (§5.5.3), on a clock that the test sets. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PingTracker } from "../../../src/protocol/index.js";
import { hex, toHex } from "../../support/hex.js";

describe("PingTracker", () => {
  it("makes payloads that differ", () => {
    const tracker = new PingTracker();
    const made = Array.from({ length: 300 }, () => toHex(tracker.copyOf(undefined)));
    assert.equal(new Set(made).size, 300);
    for (const payload of made) assert.ok(payload.length <= 250);
  });

  it("tells the time that the Pong took", async () => {
    const tracker = new PingTracker();
    const answered = tracker.wait(hex("01"), 100);
    tracker.receivePong(hex("01"), 142.5);
    assert.equal(await answered, 42.5);
  });

  it("takes a Pong as the answer to those before it, and to none behind it", async () => {
    const tracker = new PingTracker();
    const waits = [hex("01"), hex("02"), hex("03")].map((payload, i) => tracker.wait(payload, i));
    tracker.receivePong(hex("02"), 10);
    assert.deepEqual(await Promise.all(waits.slice(0, 2)), [10, 9]);
    tracker.receivePong(hex("02"), 11); // answered already: unsolicited
    tracker.receivePong(hex("03"), 12);
    assert.equal(await waits[2], 10);
  });

  it("leaves unsolicited Pongs alone", async () => {
    const tracker = new PingTracker();
    tracker.receivePong(hex(""), 1);
    const answered = tracker.wait(hex("01 02"), 0);
    for (const other of [hex(""), hex("01"), hex("01 02 03"), hex("02 01")]) tracker.receivePong(other, 1);
    tracker.receivePong(hex("01 02"), 7);
    assert.equal(await answered, 7);
  });

  it("takes the same payload twice, and answers both at once or one by one in order", async () => {
    const tracker = new PingTracker();
    const first = tracker.wait(hex("01"), 0);
    const second = tracker.wait(hex("01"), 1);
    tracker.receivePong(hex("01"), 5);
    tracker.receivePong(hex("01"), 6);
    assert.deepEqual([await first, await second], [5, 5]);
  });

  it("rejects for those that wait at the end, and troubles nobody who does not look", async () => {
    const tracker = new PingTracker();
    const looked = tracker.wait(hex("01"), 0);
    void tracker.wait(hex("02"), 0); // an unhandled rejection would fail this test
    tracker.end(new Error("gone"));
    await assert.rejects(looked, /gone/);
    await new Promise(setImmediate);
  });
});
