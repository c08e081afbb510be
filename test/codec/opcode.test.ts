/** Opcodes: the numbers of RFC 6455 §11.8. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isControl, Opcode } from "../../src/codec/index.js";

describe("Opcode", () => {
  it("is the registry of §11.8", () => {
    assert.deepEqual(Opcode, { Continuation: 0, Text: 1, Binary: 2, Close: 8, Ping: 9, Pong: 10 });
  });

  it("isControl is the most significant of the four bits (§5.5), for reserved opcodes too", () => {
    for (let opcode = 0; opcode < 16; opcode++) assert.equal(isControl(opcode), opcode >= 8, String(opcode));
  });
});
