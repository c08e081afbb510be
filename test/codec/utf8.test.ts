/** isValidUtf8, Utf8Validator and strings of text: the codec's face over the kernel's validation. */

import assert from "node:assert/strict";
import { isUtf8 } from "node:buffer";
import { it } from "node:test";
import fc from "fast-check";
import { FrameDecoder, isValidUtf8, Utf8Validator } from "../../src/codec/index.js";
import { textAt, textOf } from "../../src/codec/utf8.js";
import { workspace } from "../../src/codec/workspace.js";
import * as layout from "../../src/kernel/generated/layout.js";
import { eachBackend } from "../support/backends.js";
import { NOT_BYTES } from "../support/bytes.js";
import { arbitraryCuts, arbitraryText, concat, cutAt, frame, TEXT } from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { itHolds } from "../support/property.js";
import { judgeUtf8 } from "../support/utf8-oracle.js";

/** `length` bytes of text of every kind, no two neighbourhoods alike. */
function longText(length: number): Uint8Array<ArrayBuffer> {
  const bytes = utf8("aé水😀 bc".repeat(Math.ceil(length / 13))).subarray(0, length);
  const { offset, complete } = judgeUtf8(bytes.subarray(-8).filter((byte) => byte < 0x80));
  assert.ok(offset < 0 && complete);
  // A character that the end cuts becomes ASCII.
  let end = bytes.length;
  while (end > 0 && bytes[end - 1] >= 0x80) end--;
  bytes.fill(0x2e, end);
  return bytes;
}

eachBackend("isValidUtf8", () => {
  it("judges a few texts that everyone gets wrong once", () => {
    const cases: readonly (readonly [string, boolean])[] = [
      ["", true],
      ["00", true],
      ["ef bb bf", true], // a BOM is text
      ["ef bf bd", true],
      ["ef bf be ef bf bf", true], // noncharacters are characters
      ["ed 9f bf ee 80 80", true],
      ["f4 8f bf bf", true],
      ["c0 80", false],
      ["c1 bf", false],
      ["e0 9f bf", false],
      ["ed a0 80", false], // a surrogate
      ["ed a0 80 ed b0 80", false], // CESU-8
      ["f0 8f bf bf", false],
      ["f4 90 80 80", false],
      ["f8 88 80 80 80", false],
      ["80", false],
      ["c2", false],
      ["c2 41", false],
      ["e6 b0", false],
      ["f0 9f 98", false],
      ["fe", false],
      ["ff", false],
    ];
    for (const [bytes, valid] of cases) assert.equal(isValidUtf8(hex(bytes)), valid, bytes);
  });

  itHolds("agrees with the host on any bytes", 500, fc.uint8Array({ maxLength: 100 }), (bytes) => {
    assert.equal(isValidUtf8(bytes), isUtf8(bytes));
  });

  it("judges texts longer than the kernel's region, and characters across its edge", () => {
    for (const length of [65535, 65536, 65537, 131072, 200_000]) {
      const bytes = longText(length);
      assert.equal(isValidUtf8(bytes), true, String(length));
      for (const at of [0, 65530, 65534, 65535, 65536, 65537, 131071, 131072, length - 1]) {
        if (at >= length) continue;
        const wrong = new Uint8Array(bytes);
        wrong[at] = 0xff;
        assert.equal(isValidUtf8(wrong), false, `${length}, wrong at ${at}`);
      }
    }
    // A character of each length with each of its bytes on the edge.
    for (const character of ["é", "水", "😀"]) {
      const tail = utf8(character);
      for (let before = 65536 - tail.length; before <= 65536; before++) {
        const bytes = concat([new Uint8Array(before).fill(0x61), tail]);
        assert.equal(isValidUtf8(bytes), true);
        assert.equal(isValidUtf8(bytes.subarray(0, -1)), false);
      }
    }
  });

  it("takes a view of a larger memory, and leaves it as it is", () => {
    const memory = concat([hex("ffff"), utf8("水 and é"), hex("ffff")]);
    const before = toHex(memory);
    assert.equal(isValidUtf8(memory.subarray(2, -2)), true);
    assert.equal(isValidUtf8(memory.subarray(2, -1)), false);
    assert.equal(isValidUtf8(Buffer.from("水")), true);
    assert.equal(toHex(memory), before);
  });
});

eachBackend("Utf8Validator", () => {
  itHolds(
    "names the same first invalid byte however the text is cut",
    300,
    fc.tuple(arbitraryText, fc.nat(), fc.integer({ min: 0, max: 255 }), arbitraryCuts),
    ([text, at, value, cuts]) => {
      const bytes = utf8(text);
      if (bytes.length > 0 && at % 3 > 0) bytes[at % bytes.length] = value;
      const { offset, complete } = judgeUtf8(bytes);
      const validator = new Utf8Validator();
      let seen = 0;
      for (const piece of cutAt(bytes, cuts)) {
        seen += piece.length;
        assert.equal(validator.push(piece), offset < 0 || seen <= offset);
        assert.equal(validator.offset, offset >= 0 && seen > offset ? offset : -1);
      }
      assert.equal(validator.end(), offset < 0 && complete);
      assert.equal(validator.offset, offset >= 0 ? offset : complete ? -1 : bytes.length);
    },
  );

  it("names an offset beyond 64 KiB", () => {
    for (const at of [65535, 65536, 70_000, 131_073]) {
      const bytes = longText(150_000);
      bytes[at] = 0xfe;
      const expected = judgeUtf8(bytes).offset;
      const whole = new Utf8Validator();
      assert.equal(whole.push(bytes), false);
      assert.equal(whole.offset, expected);
      const cut = new Utf8Validator();
      for (const piece of cutAt(bytes, [1000, 66_000, 131_000])) cut.push(piece);
      assert.equal(cut.offset, expected);
    }
  });

  it("stays invalid", () => {
    const validator = new Utf8Validator();
    assert.equal(validator.push(hex("61 ff")), false);
    assert.equal(validator.push(hex("61")), false);
    assert.equal(validator.push(hex("")), false);
    assert.equal(validator.end(), false);
    assert.equal(validator.offset, 1);
  });

  it("calls an unfinished character wrong at the end only, and then for good", () => {
    const validator = new Utf8Validator();
    assert.equal(validator.push(hex("61 e6 b0")), true);
    assert.equal(validator.offset, -1);
    assert.equal(validator.end(), false);
    assert.equal(validator.offset, 3);
    assert.equal(validator.push(hex("b4")), false);
  });

  it("tells whether all so far was ASCII", () => {
    const validator = new Utf8Validator();
    assert.equal(validator.isAscii, true);
    validator.push(utf8("ascii"));
    assert.equal(validator.isAscii, true);
    validator.push(hex("e6"));
    assert.equal(validator.isAscii, false);
    validator.push(hex("b0 b4"));
    validator.push(utf8("ascii again"));
    assert.equal(validator.isAscii, false);
    assert.equal(validator.end(), true);
    const long = new Utf8Validator();
    const bytes = new Uint8Array(70_000).fill(0x61);
    long.push(bytes);
    assert.equal(long.isAscii, true);
    bytes.set(utf8("é"), 10);
    long.push(bytes);
    assert.equal(long.isAscii, false, "the piece that was not lies before one that is");
  });

  it("restarts after reset", () => {
    const validator = new Utf8Validator();
    for (const wrong of ["c3 a9 ff", "f0 9f", "80"]) {
      validator.push(hex(wrong));
      validator.end();
      validator.reset();
      assert.deepEqual([validator.offset, validator.isAscii], [-1, true]);
      assert.equal(validator.push(utf8("plain")), true);
      assert.deepEqual([validator.end(), validator.offset, validator.isAscii], [true, -1, true]);
      validator.push(hex("ff"));
      assert.equal(validator.offset, 5, "counted from the reset");
      validator.reset();
    }
  });

  it("keeps apart two texts validated in turns", () => {
    const text = utf8("水é😀水é😀水é😀");
    const first = new Utf8Validator();
    const second = new Utf8Validator();
    for (let i = 0; i < text.length; i++) {
      assert.equal(first.push(text.subarray(i, i + 1)), true);
      assert.equal(second.push(text.subarray(0, 3)), true);
    }
    assert.ok(first.end() && second.end());
  });

  it("throws for values that are not bytes, and ignores them", () => {
    for (const wrong of NOT_BYTES as Uint8Array[]) {
      assert.throws(() => isValidUtf8(wrong), TypeError);
      const validator = new Utf8Validator();
      assert.equal(validator.push(hex("61 c3")), true);
      assert.throws(() => validator.push(wrong), TypeError);
      assert.deepEqual([validator.offset, validator.isAscii], [-1, false]);
      assert.equal(validator.push(hex("a9 ff")), false);
      assert.equal(validator.offset, 3);
      assert.throws(() => validator.push(wrong), TypeError, "after a violation too");
    }
  });
});

eachBackend("textOf and textAt", () => {
  itHolds("give the string that was encoded", 300, arbitraryText, (text) => {
    const bytes = utf8(text);
    assert.equal(textOf(bytes, false), text);
    const space = workspace();
    space.kernel.bytes.set(bytes, layout.SCRATCH + 5);
    assert.equal(textAt(space, layout.SCRATCH + 5, layout.SCRATCH + 5 + bytes.length, false), text);
  });

  it("give ASCII when told that it is", () => {
    const bytes = new Uint8Array(128).map((_, i) => i);
    const text = String.fromCharCode(...bytes);
    assert.equal(textOf(bytes, true), text);
    assert.equal(textOf(bytes, false), text);
    assert.equal(textOf(Buffer.from(bytes), true), text);
  });

  it("use no bytes that lay in memory before, when the caller cut a character short", () => {
    const read = (secret: string, tail: string): string => {
      const decoder = new FrameDecoder({ role: "client" });
      decoder.push(frame({ opcode: TEXT, payload: utf8("grüße, und noch mehr 😀") }));
      assert.ok(decoder.next());
      const { payload } = decoder;
      // It is the caller's, who may write to it; invalid UTF-8 has no right text, but must not show other bytes.
      payload.set(hex(tail), payload.length - hex(tail).length);
      assert.ok(isValidUtf8(utf8(secret)));
      return decoder.text();
    };
    for (const tail of ["f0", "f0 9f", "f0 9f 98", "e6", "e6 b0", "c3"]) {
      const [one, two] = [read("S".repeat(200), tail), read("é".repeat(100), tail)];
      assert.equal(one, two, tail);
      assert.ok(!one.includes("S"));
    }
  });

  it("keep a BOM, at the beginning and elsewhere", () => {
    const text = "\ufeffa\ufeff水";
    assert.equal(textOf(utf8(text), false), text);
    assert.equal(textOf(utf8("\ufeff"), false), "\ufeff");
  });

  it("make strings of more than 64 KiB, with every kind of character across the edge", () => {
    for (const character of ["a", "é", "水", "😀"]) {
      const width = utf8(character).length;
      for (let shift = 0; shift < width; shift++) {
        const text = "x".repeat(shift) + character.repeat(Math.ceil(140_000 / width));
        const made = textOf(utf8(text), false);
        assert.ok(made === text, `${character}, shifted by ${shift}`);
      }
    }
  });
});
