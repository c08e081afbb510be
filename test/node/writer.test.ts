/** Outbox: waiting frames, for how long, and what it keeps meanwhile; over a stream that does as the test says. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type CreateConnectionOptions, createConnection, Message } from "../../src/index.js";
import { concat, frame, PING } from "../support/frames.js";
import { hex, utf8 } from "../support/hex.js";
import { settle } from "../support/sockets.js";
import { SlowStream } from "../support/streams.js";
import { describeFrames } from "../support/wire.js";

function open(options: Omit<CreateConnectionOptions, "role"> = {}) {
  const stream = new SlowStream();
  const connection = createConnection(stream, { role: "client", pingIntervalMs: 0, ...options });
  const said = () => describeFrames(stream.written.splice(0));
  return { stream, connection, said };
}

describe("Outbox", () => {
  it("sends a Pong although a little waits: nothing would say that it drained", async () => {
    const { stream, connection, said } = open();
    stream.hold();
    connection.sendNow("held");
    assert.ok(connection.bufferedAmount > 0);
    stream.push(frame({ opcode: PING, payload: utf8("p") }));
    await settle();
    stream.letGo();
    await settle();
    assert.deepEqual(said(), ["text held", "pong p"]);
  });

  it("keeps one Pong, for the last Ping, while much waits, and sends it when that has left", async () => {
    const { stream, connection, said } = open();
    stream.hold();
    connection.sendNow(new Uint8Array(50_000));
    for (let i = 0; i < 1000; i++) {
      stream.push(frame({ opcode: PING, payload: utf8(`p${i}`) }));
      await settle(1);
    }
    assert.ok(connection.bufferedAmount < 51_000, `${connection.bufferedAmount} bytes wait`);
    stream.letGo();
    await settle();
    assert.deepEqual(said().slice(1), ["pong p999"]);
    assert.equal(connection.bufferedAmount, 0);
  });

  it("does not change waiting frames when more are sent behind them", async () => {
    const { stream, connection, said } = open();
    stream.hold();
    const wanted: string[] = [];
    for (let i = 0; i < 300; i++) {
      connection.send(`message ${i} ${"x".repeat(i)}`);
      wanted.push(`text message ${i} ${"x".repeat(i)}`);
      if (i % 7 === 0) connection.flush();
      if (i % 50 === 0) {
        stream.letGo();
        await settle(1);
        stream.hold();
      }
    }
    stream.letGo();
    await settle();
    assert.deepEqual(said(), wanted);
  });

  it("keeps maxBufferedAmount within one turn, also below highWaterMark", () => {
    for (const highWaterMark of [100, 1e6, Infinity]) {
      const { connection } = open({ highWaterMark, maxBufferedAmount: 1000, onOverflow: "drop" });
      let most = 0;
      for (let i = 0; i < 100; i++) {
        connection.send(new Uint8Array(94));
        most = Math.max(most, connection.bufferedAmount);
      }
      assert.ok(most <= 1100, `${most} bytes waited, with a mark of ${highWaterMark}`);
      connection.terminate();
    }
  });

  it("says once that it drained, and only after it said to wait", async () => {
    let drains = 0;
    const stream = new SlowStream();
    const connection = createConnection(stream, {
      role: "server",
      highWaterMark: 20_000,
      drain: () => {
        drains++;
      },
    });
    connection.send("x");
    await settle();
    assert.equal(drains, 0);
    stream.hold();
    assert.equal(connection.send(new Uint8Array(30_000)), false);
    assert.equal(connection.send("more"), false);
    const waiting = Promise.all([connection.drained(), connection.drained()]);
    await settle();
    assert.equal(drains, 0);
    stream.letGo();
    await waiting;
    await settle();
    assert.equal(drains, 1);
  });

  it("a write taken synchronously drains at the end of the turn", async () => {
    let drains = 0;
    const connection = createConnection(new SlowStream(), {
      role: "server",
      drain: () => {
        drains++;
      },
    });
    assert.equal(connection.send(new Uint8Array(100_000)), false);
    await connection.drained();
    await settle();
    assert.deepEqual([drains, connection.bufferedAmount], [1, 0]);
  });

  it("ends the stream behind queued frames", async () => {
    const { stream, connection, said } = open();
    connection.send("last");
    void connection.close(1000);
    stream.push(null);
    await settle();
    assert.deepEqual(said(), ["text last", "close 1000"]);
    assert.equal(stream.writableFinished, true);
  });

  it("begins with the frames that it was given", async () => {
    const stream = new SlowStream();
    const first = [hex("81 01 61"), hex("82 01 62")];
    const connection = createConnection(stream, {
      role: "server",
      outbox: first,
      open: (c) => c.send("opened"),
    });
    await settle();
    assert.deepEqual(describeFrames(concat(stream.written)), ["text a", "binary 62", "text opened"]);
    connection.sendAll(new Message("x", "text"));
    connection.updateOutbox(() => []);
    await settle();
    assert.equal(stream.written.length, 1);
    connection.terminate();
  });

  it("pauses reading while much waits for the peer, and reads again once it has left, for all marks", async () => {
    for (const options of [{}, { highWaterMark: 0 }, { highWaterMark: 10 }, { highWaterMark: Infinity }]) {
      const { stream, connection } = open({ ...options, pauseReadingAt: 100_000 });
      await settle();
      stream.hold();
      connection.sendNow(new Uint8Array(90_000));
      assert.equal(stream.isPaused(), false);
      connection.sendNow(new Uint8Array(90_000));
      assert.equal(stream.isPaused(), true);
      stream.letGo();
      await settle();
      assert.equal(stream.isPaused(), false);
      connection.terminate();
    }
  });

  it("frames behind a part do not wait for the peer: reading goes on", async () => {
    const { stream, connection } = open({ pauseReadingAt: 100_000 });
    await settle();
    connection.sendAll(new Message("part", "text", true));
    connection.sendNow(new Uint8Array(200_000));
    assert.deepEqual([stream.isPaused(), connection.bufferedAmount], [false, 200_000]);
    connection.terminate();
  });
});
