/** AbortSignals that many share: one listener on each, and none left. */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { it } from "node:test";
import { whenAborted } from "../../src/node/abort.js";

const listenersOf = (signal: AbortSignal) => getEventListeners(signal, "abort").length;

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

it("what is no longer wanted is not called, and nothing is left on the signal", () => {
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
