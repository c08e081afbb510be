/** Turns that `maxTurnMs` ended: which bucket each is in, and that a server counts them. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { LongTurnCounter } from "../../src/node/long-turns.js";
import { both } from "../support/connections.js";
import { until } from "../support/sockets.js";

describe("LongTurnCounter", () => {
  it("counts each turn in the first bucket that is large enough", () => {
    const counter = new LongTurnCounter();
    for (const ms of [5, 5.1, 10, 30, 1000, 1001, 1e9]) counter.record(ms);
    const { count, totalMs, buckets } = counter.snapshot;
    assert.equal(count, 7);
    assert.equal(totalMs, 5 + 5.1 + 10 + 30 + 1000 + 1001 + 1e9);
    assert.deepEqual(
      buckets.map(({ upToMs, count }) => [upToMs, count]),
      [
        [5, 1],
        [10, 2],
        [25, 0],
        [50, 1],
        [100, 0],
        [250, 0],
        [500, 0],
        [1000, 1],
        [Infinity, 2],
      ],
    );
  });
});

describe("a server's counters", () => {
  it("have the turns that maxTurnMs ended, and how many connections are open", async (t) => {
    let received = 0;
    const { server, connection } = await both(t, {
      maxTurnMs: 0,
      message: () => {
        received++;
      },
    });
    assert.equal(server.counters.open, 1);
    assert.equal(server.counters.longTurns.count, 0);
    for (let i = 0; i < 1000; i++) connection.send("x");
    await until(() => received === 1000, "all arrive");
    // 1,000 short messages come in one chunk or a few, and the clock is read after every 32.
    const { count, buckets } = server.counters.longTurns;
    assert.ok(count > 0);
    assert.equal(
      buckets.reduce((sum, bucket) => sum + bucket.count, 0),
      count,
    );
    await connection.close();
    await until(() => server.counters.open === 0, "it is gone");
    assert.equal(server.counters.longTurns.count, count);
  });
});
