/** Payloads, and every way in which an answer can differ from one. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { EchoCheck } from "../../src/cli/echo-check.js";

for (const isText of [false, true]) {
  describe(`EchoCheck of ${isText ? "text" : "binary"}`, () => {
    const create = (size: number, seed = 0) => new EchoCheck(size, isText, seed);
    const copy = (check: EchoCheck, index: number) => Buffer.from(check.payload(index));

    it("accepts the sent messages", () => {
      for (const size of [0, 1, 5, 6, 7, 128, 70_000]) {
        const check = create(size);
        for (const index of [0, 1, 255, 256, 2 ** 32, 2 ** 35]) {
          const payload = copy(check, index);
          assert.equal(payload.length, size);
          assert.equal(check.judge(index, payload, isText), undefined);
        }
      }
    });

    it("finds every byte that was changed", () => {
      const check = create(40);
      for (let at = 0; at < 40; at++) {
        const answer = copy(check, 9);
        answer[at] ^= 1;
        assert.match(
          String(check.judge(9, answer, isText)),
          new RegExp(`^has 0x.. at byte ${at}, not 0x..$`),
        );
      }
    });

    it("finds a length and a type that were changed", () => {
      const check = create(40);
      const payload = copy(check, 0);
      assert.equal(check.judge(0, payload.subarray(1), isText), "has 39 bytes, not 40");
      assert.equal(check.judge(0, Buffer.concat([payload, payload]), isText), "has 80 bytes, not 40");
      assert.equal(check.judge(0, payload, !isText), `came as ${isText ? "binary" : "text"}`);
    });

    it("finds answers in another order, or of another connection", () => {
      const check = create(8);
      for (const [index, other] of [
        [0, 1],
        [63, 64],
        [64, 128],
        [0, 2 ** 35],
      ]) {
        assert.notEqual(check.judge(index, copy(check, other), isText), undefined, `${index}, ${other}`);
      }
      assert.notEqual(create(8, 1).judge(0, copy(create(8, 2), 0), isText), undefined);
    });
  });
}

describe("EchoCheck of text", () => {
  it("is of letters, digits and signs", () => {
    for (const index of [0, 12345, 2 ** 35]) {
      assert.match(
        Buffer.from(new EchoCheck(500, true, 3).payload(index)).toString("latin1"),
        /^[0-o]{500}$/,
      );
    }
  });
});
