/** Hex as the playground takes it. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { formatHex, parseCapture, parseHex } from "../../../examples/playground/page/decode/hex.js";
import { hex, utf8 } from "../../support/hex.js";

describe("parseHex", () => {
  const HELLO = hex("8105 48656c6c6f");
  const FORMS: Readonly<Record<string, string>> = {
    digits: "810548656c6c6f",
    "digits in capitals, on lines": "81 05\r\n48 65 6C 6C 6F\n",
    "0x before each": "0x81, 0x5, 0x48, 0x65, 0x6c, 0x6c, 0x6f",
    "\\x before each": "\\x81\\x05\\x48\\x65\\x6c\\x6c\\x6f",
    "a list of a program": "[0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]",
    "another list": "{ 0x81, 0x5, 0x48, 0x65, 0x6c, 0x6c, 0x6f };",
    colons: "81:05:48:65:6c:6c:6f",
    comments: "81 05 # a text frame\n# its payload\n48 65 6c 6c 6f",
    xxd: "00000000: 8105 4865 6c6c 6f                        ..Hello",
    "xxd, two lines": "00000000: 8105 48  ..H\n00000003: 656c 6c6f  ello",
    "hexdump -C": "00000000  81 05 48 65 6c 6c 6f                              |..Hello|\n00000007\n",
  };
  for (const [name, text] of Object.entries(FORMS)) {
    test(name, () => assert.deepEqual(parseHex(text), HELLO));
  }

  test("text beside a dump that looks like hex is not hex", () => {
    assert.deepEqual(parseHex("00000000: 6261 6265  babe"), utf8("babe"));
    assert.deepEqual(parseHex("00000000  62 61 62 65  |babe|"), utf8("babe"));
  });

  test("eight digits without a dump before are four bytes", () => {
    assert.deepEqual(parseHex("81050000"), hex("81050000"));
    assert.deepEqual(parseHex("8105  48656c6c6f"), HELLO);
  });

  test("an empty text gives no bytes", () => assert.deepEqual(parseHex(" \n"), new Uint8Array(0)));

  test("says where it is not hex", () => {
    assert.deepEqual(parseHex("81 05\n48 6x"), {
      line: 2,
      column: 5,
      message: "“x” is not a hexadecimal digit",
    });
    assert.deepEqual(parseHex("81 054"), {
      line: 1,
      column: 4,
      message: "“054” has an odd number of digits",
    });
    for (const [text, column] of [
      ["8", 1],
      ["81 05 4", 7],
    ] as const) {
      const message = `“${text.at(-1)}” has an odd number of digits`;
      assert.deepEqual(parseHex(text), { line: 1, column, message });
    }
    assert.deepEqual(parseHex("00000000: 81z5"), {
      line: 1,
      column: 13,
      message: "“z” is not a hexadecimal digit",
    });
  });
});

describe("parseCapture", () => {
  test("takes hex as hex, and all else as the bytes that it is", () => {
    assert.deepEqual(parseCapture(utf8("81 00\n")), hex("8100"));
    assert.deepEqual(parseCapture(hex("8100")), hex("8100"));
    assert.deepEqual(parseCapture(utf8("no hex")), utf8("no hex"));
    assert.deepEqual(parseCapture(new Uint8Array(0)), new Uint8Array(0));
  });
});

test("formatHex", () => {
  assert.equal(formatHex(hex("0081ff")), "00 81 ff");
  assert.equal(formatHex([]), "");
});
