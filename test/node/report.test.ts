/** Errors that no call can throw: which of handler, channel and console gets one. */

import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { beforeEach, describe, it, type TestContext } from "node:test";
import { reportError, tellError } from "../../src/node/report.js";
import { settle } from "../support/sockets.js";

const CHANNEL = "hawser:connection:error";
const error = new Error("a bug");
const request = { url: "/x" } as never;

let printed: unknown[][] = [];

function capture(t: TestContext): void {
  t.mock.method(console, "error", (...given: unknown[]) => {
    printed.push(given);
  });
}

function listenToChannel(t: TestContext, listener: (message: unknown) => void): void {
  subscribe(CHANNEL, listener);
  t.after(() => unsubscribe(CHANNEL, listener));
}

describe("reportError", () => {
  beforeEach(() => {
    printed = [];
  });

  it("prints, with its stack, an error that nothing gets", (t) => {
    capture(t);
    reportError(error, { request });
    assert.deepEqual(printed, [["hawser: a callback failed:", error]]);
  });

  it("prints nothing where a handler or the channel gets it", (t) => {
    capture(t);
    const told: unknown[] = [];
    reportError(error, { request }, (given) => told.push(given));
    assert.deepEqual([told, printed], [[error], []]);
    listenToChannel(t, (message) => told.push(message));
    reportError(error, { request });
    assert.deepEqual([told, printed], [[error, { request, error }], []]);
    reportError(error, { request }, (given) => told.push(given));
    assert.equal(told.length, 4, "both get it");
  });

  it("makes an error of anything", (t) => {
    const told: Error[] = [];
    for (const thrown of [
      undefined,
      null,
      "text",
      Symbol("s"),
      Object.create(null),
      { toString: () => assert.fail() },
    ]) {
      reportError(thrown, {}, (given) => told.push(given));
    }
    assert.ok(told.every((each) => each instanceof Error && each.message.startsWith("a handler threw ")));
    assert.equal(told.length, 6);
    assert.equal(told[2].cause, "text");
    capture(t);
    const unprintable = new Error("x");
    Object.defineProperty(unprintable, "stack", { get: () => assert.fail() });
    reportError(unprintable, {});
  });

  it("a handler that fails is a bug of its own, and is printed", async (t) => {
    capture(t);
    const second = new Error("in the handler");
    const fails = () => {
      throw second;
    };
    reportError(error, {}, fails);
    reportError(error, {}, () => Promise.reject(second));
    await settle();
    assert.deepEqual(printed, Array(2).fill(["hawser: a callback failed:", second]));
  });
});

describe("tellError", () => {
  it("prints nothing, and says whether it was heard", (t) => {
    printed = [];
    capture(t);
    assert.equal(tellError(error, {}), false);
    assert.equal(
      tellError(error, {}, () => undefined),
      true,
    );
    listenToChannel(t, () => undefined);
    assert.equal(tellError(error, {}), true);
    assert.deepEqual(printed, []);
  });
});
