/** AbortSignals: what is one, and what is said of what is none. */

import assert from "node:assert/strict";
import { it } from "node:test";
import vm from "node:vm";
import { assertSignal } from "../../../src/protocol/index.js";

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
