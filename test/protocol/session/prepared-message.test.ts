/** prepareMessage: a server's frame, encoded once. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { PreparedMessage, prepareMessage } from "../../../src/protocol/index.js";
import { NO_BYTES } from "../../support/bytes.js";
import { hex, toHex, utf8 } from "../../support/hex.js";
import { describeFrames, readFrames } from "../../support/wire.js";
import { inflateAlone } from "../../support/zlib-streams.js";

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

  it("is compressed when it is first needed, once for each window, level and hash", () => {
    const text = "prepared once, prepared for all, ".repeat(9);
    const message = prepareMessage(text);
    const compressed = message.compressed(13, undefined, undefined);
    assert.ok(compressed, "it is shorter");
    assert.equal(Buffer.from(inflateAlone(compressed.payload)).toString(), text);
    const [frame, ...rest] = readFrames(compressed.frame);
    assert.deepEqual([frame.opcode, frame.rsv, frame.fin, frame.masked, rest.length], [1, 4, true, false, 0]);
    assert.equal(toHex(frame.payload), toHex(compressed.payload));
    const settings: [number, number | undefined, number | undefined][] = [
      [13, undefined, undefined],
      [9, undefined, undefined],
      [15, undefined, undefined],
      [13, 0, undefined],
      [13, 1, undefined],
      [13, 9, undefined],
      [13, undefined, 1],
      [13, undefined, 9],
      [13, 9, 9],
    ];
    const seen = settings.map((each) => message.compressed(...each));
    assert.equal(seen[0], compressed);
    assert.equal(seen[3], undefined, "level 0 makes nothing shorter");
    assert.equal(new Set(seen).size, settings.length, "each its own");
    assert.deepEqual(
      settings.map((each) => message.compressed(...each) === seen[settings.indexOf(each)]),
      settings.map(() => true),
    );
    const noise = prepareMessage(hex("00 ff 80 7f 01"));
    assert.equal(noise.compressed(13, undefined, undefined), undefined);
  });

  it("refuses anything that is not a message", () => {
    for (const wrong of NO_BYTES) {
      if (typeof wrong === "string") continue;
      assert.throws(() => prepareMessage(wrong as string), TypeError, String(wrong));
    }
    assert.throws(() => prepareMessage(hex("ff"), { type: "text" }), TypeError);
    assert.throws(() => prepareMessage("x", { type: "ping" as "text" }), TypeError);
  });
});
