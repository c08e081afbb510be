/** Printing text of others, and where colours are used. */

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, it } from "node:test";
import { count, escapeLine, escapeLines, painter } from "../../src/cli/print.js";

/** Whether a terminal acts on a character, or shows it in another place than where it stands. */
function isActive(code: number): boolean {
  if (code === 0x09) return false;
  if (code < 0x20 || (code >= 0x7f && code < 0xa0)) return true;
  if (code === 0x061c || code === 0x200e || code === 0x200f) return true;
  return (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

describe("escapeLine", () => {
  it("leaves nothing that controls a terminal", () => {
    for (let code = 0; code < 0x10000; code++) {
      const character = String.fromCharCode(code);
      const escaped = escapeLine(character);
      assert.equal(escaped === character, !isActive(code), code.toString(16));
      assert.ok(escaped === character || /^\\[ux][0-9a-f]+$/.test(escaped), code.toString(16));
    }
  });

  it("shows the original characters", () => {
    assert.equal(escapeLine("\x1b[2J\x07\r\n\0"), "\\x1b[2J\\x07\\x0d\\x0a\\x00");
    assert.equal(escapeLine("\x9b31m\x7f"), "\\x9b31m\\x7f");
    assert.equal(escapeLine("a\u202eb\u2028c\u061cd"), "a\\u202eb\\u2028c\\u061cd");
  });

  it("leaves text alone, tabs too", () => {
    const text = "a\tb Grüße 東京 👩‍👩‍👧 עברית \\x1b";
    assert.equal(escapeLine(text), text);
  });
});

describe("escapeLines", () => {
  it("indents all lines but the first, so that none can pass for one of ours", () => {
    assert.equal(escapeLines("one\n< two\r\n\n\x1b"), "one\n  < two\\x0d\n  \n  \\x1b");
    assert.equal(escapeLines("\u202e"), "\\u202e");
  });
});

describe("count", () => {
  it("counts", () => {
    assert.deepEqual(
      [count(0, "byte"), count(1, "byte"), count(1234567, "byte")],
      ["0 bytes", "1 byte", "1,234,567 bytes"],
    );
  });
});

describe("painter", () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true });
  const red = "\x1b[31mno\x1b[39m";
  const CASES: [name: string, output: PassThrough, env: Record<string, string>, text: string][] = [
    ["a terminal", terminal, {}, red],
    ["a terminal, NO_COLOR empty", terminal, { NO_COLOR: "" }, red],
    ["a terminal, NO_COLOR", terminal, { NO_COLOR: "1" }, "no"],
    ["a terminal without colours", terminal, { TERM: "dumb" }, "no"],
    ["a pipe", new PassThrough(), {}, "no"],
  ];
  for (const [name, output, env, expected] of CASES) {
    it(`to ${name}`, () => assert.equal(painter(output, env)("red", "no"), expected));
  }
});
