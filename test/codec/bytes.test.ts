/** What counts as bytes: a Uint8Array of any realm, and nothing that merely resembles one. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertBytes } from "../../src/codec/bytes.js";
import { NOT_BYTES, ofAnotherRealm } from "../support/bytes.js";
import { hex } from "../support/hex.js";

describe("assertBytes", () => {
  it("takes a Uint8Array, a Buffer, a view, and one of another realm", () => {
    const bytes = hex("01 02 03 04");
    const other = ofAnotherRealm(bytes);
    assert.ok(!(other instanceof Uint8Array), "it is of another realm");
    for (const value of [bytes, Buffer.from(bytes), bytes.subarray(1, 2), new Uint8Array(0), other]) {
      assert.equal(assertBytes(value, "value"), undefined);
    }
  });

  it("throws for everything else, and names it", () => {
    for (const value of NOT_BYTES) {
      assert.throws(() => assertBytes(value, "a chunk"), {
        name: "TypeError",
        message: "a chunk must be a Uint8Array",
      });
    }
  });
});
