/** MessageQueue: in order, to whoever waits, and how much waits. */

import assert from "node:assert/strict";
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

  it("hands a message to whoever has waited longest", async () => {
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

  it("ends for all who wait, and keeps what waits itself", async () => {
    const queue = new MessageQueue();
    const waiting = [queue.wait(), queue.wait()];
    queue.end();
    assert.deepEqual(await Promise.all(waiting), [undefined, undefined]);
    const full = new MessageQueue();
    full.push(text("kept"));
    full.end();
    assert.equal(full.shift()?.data, "kept");
  });

  it("lets go of what was given", () => {
    const queue = new MessageQueue();
    queue.push(text("a"));
    queue.push(text("b"));
    const kept = new WeakRef(queue.shift() as Message);
    assert.ok(kept.deref() === undefined || queue.size > 0);
    assert.equal(queue.shift()?.data, "b");
  });
});
