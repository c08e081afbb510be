/** Counters: sums. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { addCounters, NO_COUNTERS } from "../../../src/protocol/index.js";

describe("addCounters", () => {
  it("adds each count, and nothing to nothing", () => {
    const a = { framesIn: 1, framesOut: 2, messagesIn: 3, messagesOut: 4, bytesIn: 5, bytesOut: 6 };
    const b = { framesIn: 10, framesOut: 20, messagesIn: 30, messagesOut: 40, bytesIn: 50, bytesOut: 60 };
    assert.deepEqual(addCounters(a, b), {
      framesIn: 11,
      framesOut: 22,
      messagesIn: 33,
      messagesOut: 44,
      bytesIn: 55,
      bytesOut: 66,
    });
    assert.deepEqual(addCounters(a, NO_COUNTERS), a);
    assert.deepEqual(Object.values(NO_COUNTERS), [0, 0, 0, 0, 0, 0]);
  });
});
