/** MessageQueue: in order, to those that wait first, and how much waits. */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { describe, it } from "node:test";
import { Message, MessageQueue } from "../../../src/protocol/index.js";

const text = (data: string) => new Message(data, "text");

describe("MessageQueue", () => {
  it("gives messages in the order they came", () => {
    const queue = new MessageQueue();
    assert.equal(queue.shift(), undefined);
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 100; i++) queue.push(text(String(i)));
      for (let i = 0; i < 50; i++) assert.equal(queue.shift()?.data, String(i));
      queue.push(text("more"));
      for (let i = 50; i < 100; i++) assert.equal(queue.shift()?.data, String(i));
      assert.equal(queue.shift()?.data, "more");
      assert.equal(queue.shift(), undefined);
    }
  });

  it("knows how much waits, and counts empty messages too", () => {
    const queue = new MessageQueue();
    assert.equal(queue.size, 0);
    queue.push(text(""));
    const least = queue.size;
    assert.ok(least > 0);
    queue.push(text("12345"));
    assert.equal(queue.size, 2 * least + 5);
    queue.shift();
    queue.shift();
    assert.equal(queue.size, 0);
  });

  it("hands a message to the wait that came first", async () => {
    const queue = new MessageQueue();
    const waiting = [queue.wait(), queue.wait()];
    assert.equal(queue.isAwaited, true);
    queue.push(text("first"));
    queue.push(text("second"));
    assert.equal(queue.isAwaited, false);
    queue.push(text("third"));
    const [first, second] = await Promise.all(waiting);
    assert.deepEqual([first?.data, second?.data, queue.shift()?.data], ["first", "second", "third"]);
    assert.equal(queue.size, 0);
  });

  it("ends for all who wait, and keeps waiting messages", async () => {
    const queue = new MessageQueue();
    const waiting = [queue.wait(), queue.wait()];
    queue.end();
    assert.deepEqual(await Promise.all(waiting), [undefined, undefined]);
    const full = new MessageQueue();
    full.push(text("kept"));
    full.end();
    assert.equal(full.shift()?.data, "kept");
  });

  it("gives a place up when its signal is aborted, and loses no message", async () => {
    const queue = new MessageQueue();
    const [first, second] = [new AbortController(), new AbortController()];
    const waiting = [queue.wait(first.signal), queue.wait(second.signal), queue.wait()];
    first.abort(new Error("first"));
    await assert.rejects(waiting[0] as Promise<unknown>, /^Error: first$/);
    queue.push(text("a"));
    assert.equal((await waiting[1])?.data, "a");
    second.abort(new Error("too late, and without effect"));
    queue.push(text("b"));
    assert.equal((await waiting[2])?.data, "b");
    await assert.rejects(queue.wait(first.signal), /^Error: first$/);
    assert.equal(queue.isAwaited, false);
    const third = new AbortController();
    const last = queue.wait(third.signal);
    queue.end();
    third.abort();
    assert.equal(await last, undefined);
  });

  it("leaves no listener on a signal that outlives the wait", async () => {
    const queue = new MessageQueue();
    const { signal } = new AbortController();
    for (let i = 0; i < 3; i++) {
      const waiting = queue.wait(signal);
      assert.equal(getEventListeners(signal, "abort").length, 1);
      queue.push(text("x"));
      await waiting;
      assert.equal(getEventListeners(signal, "abort").length, 0);
    }
  });

  it("keeps small bytes without the chunk that they came in, and large ones as they came", () => {
    const chunk = new Uint8Array(100_000).fill(7);
    const queue = new MessageQueue();
    const large = new Message(chunk.subarray(0, 60_000), "binary");
    queue.push(new Message(chunk.subarray(0, 10), "binary", true));
    const { size } = queue;
    assert.ok(size < 1000, `${size} bytes`);
    queue.push(large);
    assert.ok(queue.size >= size + large.data.length, "its bytes count");
    const small = queue.shift();
    chunk.fill(0);
    assert.deepEqual(
      [small?.type, small?.partial, small?.data],
      ["binary", true, new Uint8Array(10).fill(7)],
    );
    assert.equal(queue.shift(), large);
    assert.equal(queue.size, 0);
  });

  it("releases the given messages", () => {
    const queue = new MessageQueue();
    queue.push(text("a"));
    queue.push(text("b"));
    const kept = new WeakRef(queue.shift() as Message);
    assert.ok(kept.deref() === undefined || queue.size > 0);
    assert.equal(queue.shift()?.data, "b");
  });
});
