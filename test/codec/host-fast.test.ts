/**
 * The codec on a host that decodes UTF-8 quickly, as Node does from 24 on: there no text goes through the
 * kernel's transcoder. The codec reads the version once, when it is loaded, so it sees another one here.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { cutEvery, frame, KEY, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";

const { process } = globalThis;
globalThis.process = { versions: { node: "24.0.0" } } as unknown as NodeJS.Process;
const { FrameDecoder } = await import("../../src/codec/index.js");
const { hostDecodesSlowly, hostSha1 } = await import("../../src/codec/host.js");
const { computeAccept } = await import("../../src/protocol/index.js");
// It is looked for at its first use.
assert.equal(hostSha1("abc"), undefined);
const { textOf } = await import("../../src/codec/utf8.js");
globalThis.process = process;

describe("the codec on a host that decodes quickly", () => {
  const texts = ["", "ascii", "grüße 水 😀", "\ufeffBOM", "水".repeat(50_000), "é水😀a".repeat(9000)];

  it("is what this test pretends", () => {
    assert.equal(hostDecodesSlowly, false);
  });

  it("computes the accept value also where no native SHA-1 is found", () => {
    assert.equal(computeAccept("dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  });

  it("makes the same strings, in one chunk or in many", () => {
    for (const text of texts) {
      const bytes = frame({ opcode: TEXT, payload: utf8(text), key: KEY });
      for (const size of [bytes.length, 10_000, 100]) {
        for (const payloadFirst of [false, true]) {
          const decoder = new FrameDecoder({ role: "server" });
          for (const piece of cutEvery(bytes, size)) decoder.push(piece);
          assert.ok(decoder.next());
          if (payloadFirst) assert.equal(decoder.payload.length, utf8(text).length);
          assert.ok(decoder.text() === text, text.slice(0, 20));
        }
      }
      assert.ok(textOf(utf8(text), false) === text);
      assert.ok(textOf(Buffer.from(text), false) === text);
    }
  });
});
