/** Output: frames of many endpoints in one slab, each endpoint's in order and nobody else's. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Opcode } from "../../../src/codec/index.js";
import { Output } from "../../../src/protocol/index.js";
import { concat } from "../../support/frames.js";
import { hex, toHex } from "../../support/hex.js";
import { randomNumbers } from "../../support/property.js";
import { describeFrames } from "../../support/wire.js";

const text = (output: Output, message: string) => output.encoder.frame(Opcode.Text, message);

for (const role of ["server", "client"] as const) {
  describe(`Output as a ${role}`, () => {
    it("gives what was appended, in order, once", () => {
      const output = new Output(role);
      assert.equal(output.length, 0);
      assert.deepEqual(output.take(), []);
      text(output, "one");
      output.append(hex("81 03 74776f"));
      text(output, "three");
      const length = output.length;
      const taken = output.take();
      assert.equal(concat(taken).length, length);
      assert.deepEqual(describeFrames(taken), ["text one", "text two", "text three"]);
      assert.deepEqual([output.length, output.take()], [0, []]);
    });

    it("shows what waits, which stays", () => {
      const output = new Output(role);
      text(output, "one");
      assert.deepEqual(describeFrames(output.peek()), ["text one"]);
      text(output, "two");
      assert.deepEqual(describeFrames(output.peek()), ["text one", "text two"]);
      assert.deepEqual(describeFrames(output.take()), ["text one", "text two"]);
      assert.deepEqual(output.peek(), []);
    });

    it("mixes up no two endpoints, whoever takes and recycles when", () => {
      const next = randomNumbers(1);
      const outputs = Array.from({ length: 4 }, () => new Output(role));
      const wanted: string[][] = outputs.map(() => []);
      /** Taken, and not written yet. */
      const flying: { segments: readonly Uint8Array[]; wanted: string[]; of: Output }[] = [];
      for (let i = 0; i < 3000; i++) {
        const which = next() % outputs.length;
        const output = outputs[which];
        const action = next() % 10;
        if (action < 6) {
          const message = `${which}:${i}:${"x".repeat(next() % 3000)}`;
          text(output, message);
          wanted[which].push(`text ${message}`);
        } else if (action < 8) {
          flying.push({ segments: output.take(), wanted: wanted[which].splice(0), of: output });
        } else if (flying.length > 0) {
          const [{ segments, wanted: expected, of }] = flying.splice(next() % flying.length, 1);
          assert.deepEqual(describeFrames(segments), expected);
          // Half of what was written is left to the garbage collector.
          if (action === 8) of.recycle(segments);
        }
      }
      for (const { segments, wanted: expected } of flying) {
        assert.deepEqual(describeFrames(segments), expected);
      }
      outputs.forEach((output, i) => {
        assert.deepEqual(describeFrames(output.take()), wanted[i]);
      });
    });

    it("uses memory again that was recycled, and none that was not", () => {
      const output = new Output(role);
      text(output, "kept");
      const [kept] = output.take();
      const before = toHex(kept);
      for (let i = 0; i < 100; i++) {
        text(output, "written");
        output.recycle(output.take());
      }
      assert.equal(toHex(kept), before);
    });
  });
}
