/** prepareMessage: a server's frame, encoded once. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PreparedMessage, prepareMessage } from "../../src/protocol/index.js";
import { NOT_BYTES } from "../support/bytes.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { describeFrames } from "../support/wire.js";

describe("prepareMessage", () => {
  it("encodes strings as text, bytes as binary, and either as told", () => {
    const said = (...given: Parameters<typeof prepareMessage>) => {
      const message = prepareMessage(...given);
      assert.ok(message instanceof PreparedMessage);
      return [message.type, toHex(message.frame), toHex(message.payload)];
    };
    assert.deepEqual(said("Hello"), ["text", "810548656c6c6f", "48656c6c6f"]);
    assert.deepEqual(said(hex("00 ff")), ["binary", "820200ff", "00ff"]);
    assert.deepEqual(said("é", { type: "binary" }), ["binary", "8202c3a9", "c3a9"]);
    assert.deepEqual(said(utf8("é"), { type: "text" }), ["text", "8102c3a9", "c3a9"]);
    assert.deepEqual(said(""), ["text", "8100", ""]);
  });

  it("finds the payload behind every length of header", () => {
    for (const length of [0, 125, 126, 65535, 65536]) {
      const message = prepareMessage("x".repeat(length));
      assert.equal(Buffer.from(message.payload).toString(), "x".repeat(length));
      assert.equal(message.frame.length - length, length < 126 ? 2 : length < 65536 ? 4 : 10);
      assert.deepEqual(describeFrames(message.frame), [`text ${"x".repeat(length)}`.trimEnd()]);
    }
  });

  it("copies bytes", () => {
    const bytes = hex("01 02");
    const message = prepareMessage(bytes);
    bytes.fill(0);
    assert.equal(toHex(message.frame), "82020102");
  });

  it("refuses what is no message", () => {
    for (const wrong of NOT_BYTES) {
      if (typeof wrong === "string") continue;
      assert.throws(() => prepareMessage(wrong as string), TypeError, String(wrong));
    }
    assert.throws(() => prepareMessage(hex("ff"), { type: "text" }), TypeError);
    assert.throws(() => prepareMessage("x", { type: "ping" as "text" }), TypeError);
  });
});
