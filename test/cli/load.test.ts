/** The load of `hawser bench`, in this process: what depends on when something comes. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Load } from "../../src/cli/load.js";
import { targetOf } from "../../src/cli/options.js";
import { echo, wsServer } from "./support.js";

const OPTIONS = { connections: 2, size: 16, inFlight: 1, isText: false, verifies: true };
const NEVER = new AbortController().signal;

describe("Load", () => {
  it("counts a message that came before any was sent", async (t) => {
    const url = await wsServer(t, (socket) => {
      socket.send("welcome");
      echo(socket);
    });
    const load = new Load({ ...OPTIONS, target: targetOf(url, {}) });
    await load.connect(NEVER);
    for (let i = 0; load.errors < 2 && i < 500; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    await load.run(50, NEVER);
    await load.finish();
    assert.deepEqual([...load.kinds], [["a message came that answers none", 2]]);
    assert.ok(load.echoes > 0);
  });

  it("waits for the last echoes, and no longer", async (t) => {
    const url = await wsServer(t, (socket) => {
      socket.on("message", (data) => setTimeout(() => socket.send(data), 200));
    });
    const load = new Load({ ...OPTIONS, target: targetOf(url, {}) });
    await load.connect(NEVER);
    await load.run(50, NEVER);
    assert.deepEqual([load.echoes, load.latency.count], [0, 0]);
    const start = performance.now();
    await load.finish();
    assert.ok(performance.now() - start < 2000, "not the 3 seconds that it would wait");
    assert.deepEqual([load.errors, load.latency.count], [0, 2]);
    assert.ok(load.latency.min >= 190e6);
  });

  it("stops on a signal, while it connects or runs", async (t) => {
    const url = await wsServer(t, echo);
    const before = new Load({ ...OPTIONS, target: targetOf(url, {}) });
    await before.connect(AbortSignal.abort());
    assert.deepEqual([before.errors, (await before.run(60_000, AbortSignal.abort())) < 10_000], [0, true]);
    const load = new Load({ ...OPTIONS, target: targetOf(url, {}) });
    await load.connect(NEVER);
    const abort = new AbortController();
    setTimeout(() => abort.abort(), 50);
    assert.ok((await load.run(60_000, abort.signal)) < 10_000);
    await load.finish();
    assert.equal(load.errors, 0);
  });

  it("names a few kinds of errors, and counts all", () => {
    const load = new Load({ ...OPTIONS, target: targetOf("ws://h", {}) });
    for (let i = 0; i < 20; i++) load.fail(`error ${i}`);
    load.fail("error 0", 5);
    assert.equal(load.errors, 25);
    assert.equal(load.kinds.size, 9);
    assert.equal(load.kinds.get("error 0"), 6);
    assert.equal(load.kinds.get("others"), 12);
  });
});
