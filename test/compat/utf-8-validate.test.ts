/** `hawser/utf-8-validate` against the package utf-8-validate: its native addon and its fallback. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";
import { "module.exports" as commonJs, default as isValidUTF8 } from "../../src/compat/utf-8-validate.js";
import { eachBackend } from "../support/backends.js";

type Validate = (buffer: Uint8Array) => boolean;

const require = createRequire(import.meta.url);
const ours: Validate = isValidUTF8;
const theirs: readonly (readonly [name: string, Validate])[] = [
  ["the addon", require("utf-8-validate")],
  ["its fallback", require("utf-8-validate/fallback")],
];

/** What differs between lead and continuation bytes: each range's ends and the bytes just outside. */
const EDGES = [
  0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xaf, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
  0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf7, 0xf8, 0xff,
];

/** Sequences of `length` bytes out of EDGES. */
function* sequences(length: number): Generator<number[]> {
  if (length === 0) yield [];
  else for (const rest of sequences(length - 1)) for (const byte of EDGES) yield [...rest, byte];
}

test("the addon was loaded, not its fallback", () => assert.notEqual(theirs[0][1], theirs[1][1]));

test("is a function for import, and what require() gives", () => {
  assert.equal(typeof ours, "function");
  assert.equal(commonJs, isValidUTF8);
});

eachBackend("utf-8-validate", (_kernel, backend) => {
  for (const [name, validate] of theirs) {
    const compare = (bytes: Uint8Array) => {
      const expected = validate(bytes);
      if (ours(bytes) === expected) return;
      assert.fail(`${Buffer.from(bytes).toString("hex")} should be ${expected}`);
    };

    test(`as ${name} does: every pair of bytes`, () => {
      compare(Buffer.alloc(0));
      for (let first = 0; first < 256; first++) {
        compare(Buffer.of(first));
        for (let second = 0; second < 256; second++) compare(Buffer.of(first, second));
      }
    });

    test(`as ${name} does: three bytes around every edge`, () => {
      for (const bytes of sequences(3)) compare(Buffer.from(bytes));
    });

    test(`as ${name} does: four bytes around every edge`, () => {
      for (const last of [0x41, 0x7f, 0x80, 0xbf, 0xc0]) {
        for (const bytes of sequences(3)) compare(Buffer.of(...bytes, last));
      }
    });

    test(`as ${name} does: those sequences anywhere in a longer text`, () => {
      const starts = [1, 12, 13, 14, 15, 16, 29, 30, 31, 47, 61, 62, 63, 64, 65];
      for (const start of starts) {
        for (const bytes of sequences(2)) {
          for (const after of [0, 1, 20]) {
            const text = Buffer.alloc(start + 2 + after, "a");
            text.set(bytes, start);
            compare(text);
          }
        }
      }
    });

    test(`as ${name} does: whole texts, cut anywhere, one byte changed anywhere`, () => {
      const text = Buffer.from("Grüße aus Łódź: 東京 und 🚢, noch einmal: ñ ü 한국어 𝄞 und Ende.");
      for (let end = 0; end <= text.length; end++) {
        compare(text.subarray(0, end));
        compare(text.subarray(end));
        for (const byte of [0x00, 0x80, 0xc3, 0xed, 0xf4, 0xff]) {
          const changed = Buffer.from(text);
          changed[Math.min(end, text.length - 1)] = byte;
          compare(changed);
        }
      }
    });

    test(`as ${name} does: long texts, wrong at an edge of the kernel's window`, () => {
      for (const unit of ["a", "é", "語", "🪢"]) {
        const length = backend === "wasm" ? 200_000 : 70_000;
        const text = Buffer.from(unit.repeat(Math.ceil(length / Buffer.byteLength(unit))));
        compare(text);
        for (const at of [0, 65534, 65535, 65536, 65537, text.length - 1]) {
          const changed = Buffer.from(text);
          changed[at] = 0xff;
          compare(changed);
          compare(text.subarray(0, at));
        }
      }
    });
  }
});
