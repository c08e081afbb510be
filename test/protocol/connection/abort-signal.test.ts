/** AbortSignals: one listener for all who share one, and none left; which values are signals, and the error for others. */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { it } from "node:test";
import vm from "node:vm";
import { assertSignal, MessageQueue, whenAborted } from "../../../src/protocol/index.js";

const listenersOf = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

it("assertSignal: takes a signal of any realm, or nothing", () => {
  assertSignal(undefined);
  assertSignal(new AbortController().signal);
  assertSignal(AbortSignal.abort());
  assertSignal(vm.runInNewContext("({ aborted: false, reason: undefined, addEventListener() {} })"));
  for (const given of [null, {}, "x", 5, new AbortController(), new EventTarget()]) {
    assert.throws(() => assertSignal(given), {
      name: "TypeError",
      message: /^signal must be an AbortSignal, not /,
    });
  }
});

it("many callbacks share one listener, and each is called once", () => {
  const controller = new AbortController();
  const called: number[] = [];
  for (let i = 0; i < 50; i++) whenAborted(controller.signal, () => called.push(i));
  assert.equal(listenersOf(controller.signal), 1);
  controller.abort();
  controller.abort();
  assert.deepEqual(
    called,
    Array.from({ length: 50 }, (_, i) => i),
  );
  assert.equal(listenersOf(controller.signal), 0);
});

it("an unregistered callback is not called, and nothing is left on the signal", () => {
  const { signal } = new AbortController();
  const callback = () => assert.fail("it was called");
  const stops = [whenAborted(signal, callback), whenAborted(signal, callback)];
  stops[0]();
  stops[0]();
  assert.equal(listenersOf(signal), 1, "the other one is still wanted");
  stops[1]();
  assert.equal(listenersOf(signal), 0);
});

it("one that stops another while they are called", () => {
  const controller = new AbortController();
  const called: string[] = [];
  const stops: (() => void)[] = [];
  whenAborted(controller.signal, () => {
    called.push("first");
    stops[0]();
  });
  stops.push(whenAborted(controller.signal, () => called.push("second")));
  controller.abort();
  assert.deepEqual(called, ["first"]);
});

it("many waits for messages share one listener, too", async () => {
  const controller = new AbortController();
  const waits = Array.from({ length: 20 }, () => new MessageQueue().wait(controller.signal));
  const queue = new MessageQueue();
  const first = queue.wait(controller.signal);
  assert.equal(listenersOf(controller.signal), 1);
  queue.end();
  assert.equal(await first, undefined);
  assert.equal(listenersOf(controller.signal), 1);
  const reason = new Error("enough");
  controller.abort(reason);
  for (const wait of waits) await assert.rejects(wait, reason);
  assert.equal(listenersOf(controller.signal), 0);
});
