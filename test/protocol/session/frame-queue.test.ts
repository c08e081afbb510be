/** FrameQueue: frames of many endpoints in one slab, each endpoint's in order and no other's. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Opcode } from "../../../src/codec/index.js";
import { FrameQueue } from "../../../src/protocol/index.js";
import { concat } from "../../support/frames.js";
import { hex, toHex } from "../../support/hex.js";
import { randomNumbers } from "../../support/property.js";
import { describeFrames } from "../../support/wire.js";

const text = (queue: FrameQueue, message: string) => queue.encoder.frame(Opcode.Text, message);

for (const role of ["server", "client"] as const) {
  describe(`FrameQueue as a ${role}`, () => {
    it("returns the appended frames, in order, once", () => {
      const queue = new FrameQueue(role);
      assert.equal(queue.length, 0);
      assert.deepEqual(queue.take(), []);
      text(queue, "one");
      queue.append(hex("81 03 74776f"));
      text(queue, "three");
      const length = queue.length;
      const taken = queue.take();
      assert.equal(concat(taken).length, length);
      assert.deepEqual(describeFrames(taken), ["text one", "text two", "text three"]);
      assert.deepEqual([queue.length, queue.take()], [0, []]);
    });

    it("shows waiting frames, which stay", () => {
      const queue = new FrameQueue(role);
      text(queue, "one");
      assert.deepEqual(describeFrames(queue.peek()), ["text one"]);
      text(queue, "two");
      assert.deepEqual(describeFrames(queue.peek()), ["text one", "text two"]);
      assert.deepEqual(describeFrames(queue.take()), ["text one", "text two"]);
      assert.deepEqual(queue.peek(), []);
    });

    it("mixes up no two endpoints, in any order of takes and recycles", () => {
      const next = randomNumbers(1);
      const queues = Array.from({ length: 4 }, () => new FrameQueue(role));
      const wanted: string[][] = queues.map(() => []);
      /** Taken, and not written yet. */
      const flying: { segments: readonly Uint8Array[]; wanted: string[]; of: FrameQueue }[] = [];
      for (let i = 0; i < 3000; i++) {
        const which = next() % queues.length;
        const queue = queues[which];
        const action = next() % 10;
        if (action < 6) {
          const message = `${which}:${i}:${"x".repeat(next() % 3000)}`;
          text(queue, message);
          wanted[which].push(`text ${message}`);
        } else if (action < 8) {
          flying.push({ segments: queue.take(), wanted: wanted[which].splice(0), of: queue });
        } else if (flying.length > 0) {
          const [{ segments, wanted: expected, of }] = flying.splice(next() % flying.length, 1);
          assert.deepEqual(describeFrames(segments), expected);
          // Half of the written bytes is left to the garbage collector.
          if (action === 8) of.recycle(segments);
        }
      }
      for (const { segments, wanted: expected } of flying) {
        assert.deepEqual(describeFrames(segments), expected);
      }
      queues.forEach((queue, i) => {
        assert.deepEqual(describeFrames(queue.take()), wanted[i]);
      });
    });

    it("uses memory again that was recycled, and none that was not", () => {
      const queue = new FrameQueue(role);
      text(queue, "kept");
      const [kept] = queue.take();
      const before = toHex(kept);
      for (let i = 0; i < 100; i++) {
        text(queue, "written");
        queue.recycle(queue.take());
      }
      assert.equal(toHex(kept), before);
    });
  });
}
