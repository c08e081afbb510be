/** Short segments that are made into one. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { joinSegments, keepJoined } from "../../src/node/segments.js";

const segments = (count: number, length = 3) =>
  Array.from({ length: count }, (_, i) => new Uint8Array(length).fill(i));

describe("joinSegments", () => {
  it("leaves few, and those that are long together, as they are", () => {
    for (const given of [[], segments(1), segments(4), segments(5, 0x4000)]) {
      assert.equal(joinSegments(given), given);
    }
  });

  it("copies others into one, with the same bytes", () => {
    for (const given of [segments(5), segments(200, 300), segments(5, 0)]) {
      const joined = joinSegments(given);
      assert.equal(joined.length, 1);
      assert.deepEqual(Buffer.from(joined[0]), Buffer.concat(given));
    }
  });

  it("uses its memory again, unless it is kept", () => {
    const [first] = joinSegments(segments(5));
    const [second] = joinSegments(segments(6));
    assert.equal(first.buffer, second.buffer);
    keepJoined();
    const before = Buffer.from(second);
    const [third] = joinSegments(segments(7, 9));
    assert.notEqual(third.buffer, second.buffer);
    assert.deepEqual(Buffer.from(second), before);
  });
});
