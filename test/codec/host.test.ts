/**
 * The codec where there is no Buffer, as in a browser: every capability of the host has a portable equal.
 * The codec looks the host up once, when it is loaded, so Buffer hides until that has happened.
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import { closeBody, concat, cutEvery, frame, KEY, PING, TEXT } from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";

const { Buffer } = globalThis;
Reflect.deleteProperty(globalThis, "Buffer");
const codec = await import("../../src/codec/index.js");
const host = await import("../../src/codec/host.js");
const { selectKernel } = await import("../../src/kernel/index.js");
globalThis.Buffer = Buffer;

const TEXTS = [
  "",
  "a",
  "ascii, and a little more than a loop would write",
  "é",
  "水",
  "😀",
  "grüße 水 😀",
  "水".repeat(42),
  "é".repeat(63),
  "\ufeffBOM",
  "a\0b",
  "é水😀a".repeat(10_000),
];
const LONE = [
  "\ud800",
  "a\ud800",
  "\udc00b",
  "\udc00\ud800",
  "\udc00\udc00",
  "\ud83dx\ude00",
  "\ud800\ud800\udc00",
];

describe("the codec without Buffer", () => {
  for (const backend of ["wasm", "reference"] as const) {
    it(`encodes and decodes text (${backend})`, () => {
      selectKernel(backend);
      for (const text of TEXTS) {
        const encoder = new codec.FrameEncoder({ role: "client" });
        encoder.text("before");
        encoder.text(text);
        const bytes = encoder.take();
        assert.ok(!Buffer.isBuffer(bytes));
        for (const size of [bytes.length, 7000, 50]) {
          const decoder = new codec.FrameDecoder({ role: "server" });
          for (const piece of cutEvery(bytes, size)) decoder.push(piece);
          assert.ok(decoder.next());
          assert.equal(decoder.text(), "before");
          assert.ok(decoder.next());
          assert.ok(decoder.text() === text, text.slice(0, 20));
          assert.equal(toHex(decoder.payload), toHex(utf8(text)));
        }
      }
    });
  }

  it("writes U+FFFD for lone surrogates, and counts it", () => {
    for (const lone of LONE) {
      for (const around of ["", "x".repeat(24), "é".repeat(30)]) {
        const text = around + lone + around;
        const bytes = codec.encodeText(text);
        assert.equal(toHex(bytes), toHex(frame({ opcode: TEXT, payload: utf8(text) })), JSON.stringify(text));
        assert.equal(host.utf8Length(text), utf8(text).length);
      }
    }
    for (const text of TEXTS) assert.equal(host.utf8Length(text), utf8(text).length);
  });

  it("writes and reads close bodies", () => {
    const body = codec.encodeCloseBody(1000, "tschüß 😀");
    assert.equal(toHex(body), toHex(closeBody(1000, "tschüß 😀")));
    assert.deepEqual(codec.decodeCloseBody(body), { code: 1000, reason: "tschüß 😀" });
    assert.throws(() => codec.encodeCloseBody(1000, "水".repeat(42)), RangeError);
  });

  it("masks, validates and keeps payloads as elsewhere", () => {
    assert.equal(toHex(codec.applyMask(hex("48656c6c6f"), KEY)), "7f9f4d5158");
    assert.equal(codec.isValidUtf8(utf8("水".repeat(30))), true);
    assert.equal(codec.isValidUtf8(hex("c328")), false);
    const parts = new codec.PayloadBuffer();
    for (const piece of cutEvery(hex("000102030405060708"), 2)) parts.append(piece);
    assert.equal(toHex(parts.take()), "000102030405060708");
    const decoder = new codec.FrameDecoder({ role: "client" });
    decoder.push(concat([frame({ opcode: PING, payload: utf8("p") }), hex("c1 00")]));
    assert.ok(decoder.next());
    assert.equal(decoder.next(), false);
    assert.equal(decoder.error?.code, "WS_ERR_UNEXPECTED_RSV_1");
  });

  it("decodes with the host, for nothing there makes a string of UTF-16 quickly", () => {
    assert.equal(host.hostDecodesSlowly, false);
    const bytes = utf8("ab水");
    const units = new Uint8Array(new Uint16Array([0x6c34, 0xd83d, 0xde00, 0xfeff]).buffer);
    assert.equal(host.createStringReader(bytes).ascii(0, 2), "ab");
    assert.equal(host.createStringReader(bytes).utf8(2, 5), "水");
    assert.equal(host.createStringReader(units).utf16(0, 8), "水😀\ufeff");
    assert.equal(host.decodeUtf8(utf8("\ufeff"), false), "\ufeff");
  });
});

describe("hostSha1", () => {
  it("is the digest of node:crypto, by each of its functions", async (t) => {
    const texts = [
      "",
      "abc",
      "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
      "a".repeat(1000),
    ];
    for (const text of texts) {
      assert.equal(host.hostSha1(text), createHash("sha1").update(text).digest("base64"));
    }
    const { getBuiltinModule } = process;
    t.after(() => {
      process.getBuiltinModule = getBuiltinModule;
    });
    const modules: [name: string, module: unknown, expected: string | undefined][] = [
      ["an older Node", { createHash }, createHash("sha1").update("abc").digest("base64")],
      ["one without it", undefined, undefined],
      ["another digest", { hash: () => "?" }, undefined],
      [
        "one that forbids it",
        {
          hash: () => {
            throw new Error("FIPS");
          },
        },
        undefined,
      ],
    ];
    for (const [name, module, expected] of modules) {
      process.getBuiltinModule = (() => module) as never;
      // It is looked for once in each copy of the module.
      const { hostSha1 } = (await import(`../../src/codec/host.js?${name}`)) as typeof host;
      assert.equal(hostSha1("abc"), expected, name);
      assert.equal(hostSha1("abc"), expected, name);
    }
  });
});
