/** PingTracker: which Ping a Pong answers (§5.5.3), on a clock that the test sets. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PingTracker } from "../../../src/protocol/index.js";
import { NO_BYTES, shapesOf } from "../../support/bytes.js";
import { hex, toHex } from "../../support/hex.js";

describe("PingTracker", () => {
  it("makes payloads that differ", () => {
    const tracker = new PingTracker();
    const made = Array.from({ length: 300 }, () => toHex(tracker.copyOf(undefined)));
    assert.equal(new Set(made).size, 300);
    for (const payload of made) assert.ok(payload.length <= 250);
  });

  it("refuses what no Ping can carry", () => {
    const tracker = new PingTracker();
    assert.equal(tracker.copyOf("x".repeat(125)).length, 125);
    for (const payload of ["x".repeat(126), "é".repeat(63), new Uint8Array(126)]) {
      const message = "a Ping must have at most 125 bytes of payload, not 126";
      assert.throws(() => tracker.copyOf(payload), { name: "RangeError", message });
    }
    assert.throws(() => tracker.copyOf(5 as unknown as string), TypeError);
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

  it("copies payloads of every shape, and strings", () => {
    const tracker = new PingTracker();
    assert.equal(toHex(tracker.copyOf("é")), "c3a9");
    assert.equal(toHex(tracker.copyOf("")), "");
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i);
    for (const [i, [shape]] of shapesOf(bytes).entries()) {
      const [, data] = shapesOf(bytes)[i];
      const copy = tracker.copyOf(data);
      assert.equal(toHex(copy), toHex(bytes), shape);
      const { buffer, byteOffset, byteLength } = ArrayBuffer.isView(data) ? data : new Uint8Array(data);
      new Uint8Array(buffer, byteOffset, byteLength).fill(0xff);
      assert.equal(toHex(copy), toHex(bytes), `${shape}, changed afterwards`);
    }
    for (const wrong of NO_BYTES) {
      if (wrong === undefined || typeof wrong === "string") continue;
      assert.throws(() => tracker.copyOf(wrong as string), TypeError);
    }
  });

  it("has room for 1,000 that wait, and for more once they are answered", async () => {
    const tracker = new PingTracker();
    const payloadOf = (i: number) => Uint8Array.of(i >> 8, i & 0xff);
    let waits: Promise<number>[] = [];
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 1000; i++) {
        assert.equal(tracker.hasRoom, true, `${i}`);
        waits.push(tracker.wait(payloadOf(i), 0));
      }
      assert.equal(tracker.hasRoom, false);
      // One by one, then all that are left at once.
      const message = "at most 1000 Pings may wait for their Pong, and as many do";
      await assert.rejects(tracker.refuse(), { name: "InvalidStateError", message });
      for (let i = 0; i < 700; i++) tracker.receivePong(payloadOf(i), i);
      assert.equal(tracker.hasRoom, true);
      tracker.receivePong(payloadOf(999), 999);
      const times = await Promise.all(waits);
      assert.deepEqual([times[0], times[699], times[700], times[999]], [0, 699, 999, 999]);
      waits = [];
    }
    await assert.rejects(tracker.refuse(), { name: "InvalidStateError", message: /connection is open/ });
  });

  it("has room again after the end", async () => {
    const tracker = new PingTracker();
    const waits = Array.from({ length: 1000 }, () => tracker.wait(hex("01"), 0));
    tracker.end(new Error("gone"));
    const results = await Promise.allSettled(waits);
    assert.ok(results.every(({ status }) => status === "rejected"));
    assert.equal(tracker.hasRoom, true);
    // A Pong for a Ping before the end answers nothing.
    tracker.receivePong(hex("01"), 1);
    const next = tracker.wait(hex("01"), 1);
    tracker.receivePong(hex("01"), 3);
    assert.equal(await next, 2);
  });

  it("rejects for those that wait at the end; a promise that is ignored is not an unhandled rejection", async () => {
    const tracker = new PingTracker();
    const looked = tracker.wait(hex("01"), 0);
    void tracker.wait(hex("02"), 0); // an unhandled rejection would fail this test
    tracker.end(new Error("gone"));
    await assert.rejects(looked, /gone/);
    await new Promise(setImmediate);
  });
});
