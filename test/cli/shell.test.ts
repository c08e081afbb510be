/** Signals, and messages for errors. */

import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { describe, it } from "node:test";
import { messageOf, onStop, type Shell } from "../../src/cli/shell.js";

describe("onStop", () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    it(`calls back at the first ${signal}, and leaves the second to the system`, () => {
      const shell = new EventEmitter();
      let calls = 0;
      onStop(shell as unknown as Shell, () => calls++);
      assert.ok(shell.emit(signal));
      assert.equal(calls, 1);
      assert.deepEqual(shell.eventNames(), []);
    });
  }

  it("can be forgotten", () => {
    const shell = new EventEmitter();
    onStop(shell as unknown as Shell, () => assert.fail())();
    assert.deepEqual(shell.eventNames(), []);
  });
});

describe("messageOf", () => {
  it("has a message for every thrown value", () => {
    assert.equal(messageOf(new Error("why")), "why");
    assert.equal(messageOf("why"), "why");
    assert.equal(messageOf(undefined), "undefined");
    const both = [new Error("refused at ::1"), new Error("refused at 127.0.0.1")];
    assert.equal(messageOf(new AggregateError(both)), "refused at ::1; refused at 127.0.0.1");
    assert.equal(messageOf(new AggregateError(both, "why")), "why");
  });
});
