/** mask: byte i of the payload with byte i mod 4 of the key, at every alignment, and not one byte more. */

import assert from "node:assert/strict";
import { it } from "node:test";
import * as layout from "../../../src/kernel/generated/layout.js";
import { eachBackend } from "../../support/backends.js";
import { toHex } from "../../support/hex.js";
import { randomBytes, randomNumbers } from "../../support/property.js";

const KEY = [0x37, 0xfa, 0x21, 0x3d];
const KEY_NUMBER = 0x3d21fa37;
/** Bytes around the range that must stay as they are: more than the widest step of the vector code. */
const MARGIN = 80;

function expected(plain: Uint8Array, phase = 0): Uint8Array {
  return plain.map((byte, i) => byte ^ KEY[(i + phase) & 3]);
}

/** The key that goes on `length` bytes later, as a number. */
function rotated(length: number): number {
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => KEY[(length + i) & 3]);
  return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
}

eachBackend("mask", (kernel) => {
  const random = randomNumbers(1);

  it("masks in place at every offset 0-17 and length 0-130 and touches nothing else", () => {
    const { bytes, mask } = kernel();
    for (let offset = 0; offset <= 17; offset++) {
      for (let length = 0; length <= 130; length++) {
        const start = layout.SCRATCH + MARGIN + offset;
        const around = randomBytes(random, length + 2 * MARGIN);
        bytes.set(around, start - MARGIN);
        const key = mask(start, start, length, KEY_NUMBER);
        const result = bytes.slice(start - MARGIN, start + length + MARGIN);
        around.set(expected(around.subarray(MARGIN, MARGIN + length)), MARGIN);
        assert.equal(toHex(result), toHex(around), `offset ${offset}, length ${length}`);
        assert.equal(key >>> 0, rotated(length), `key after ${length}`);
      }
    }
  });

  it("masks from one place to another and leaves the source alone", () => {
    const { bytes, mask } = kernel();
    for (let offset = 0; offset <= 17; offset++) {
      for (let length = 0; length <= 130; length++) {
        const source = layout.SCRATCH + offset;
        const start = layout.WINDOW + MARGIN + ((offset * 7) % 18);
        const plain = randomBytes(random, length);
        const around = randomBytes(random, length + 2 * MARGIN);
        bytes.set(plain, source);
        bytes.set(around, start - MARGIN);
        const key = mask(start, source, length, KEY_NUMBER);
        around.set(expected(plain), MARGIN);
        const result = bytes.slice(start - MARGIN, start + length + MARGIN);
        assert.equal(toHex(result), toHex(around), `offset ${offset}, length ${length}`);
        assert.equal(toHex(bytes.slice(source, source + length)), toHex(plain), "the source");
        assert.equal(key >>> 0, rotated(length));
      }
    }
  });

  it("composes: two calls with the returned key are one call, wherever the cut is", () => {
    const { bytes, mask } = kernel();
    for (const length of [1, 5, 16, 33, 64, 130]) {
      const plain = randomBytes(random, length);
      for (let cut = 0; cut <= length; cut++) {
        bytes.set(plain, layout.SCRATCH);
        const key = mask(layout.SCRATCH, layout.SCRATCH, cut, KEY_NUMBER);
        const after = mask(layout.SCRATCH + cut, layout.SCRATCH + cut, length - cut, key);
        const result = bytes.slice(layout.SCRATCH, layout.SCRATCH + length);
        assert.equal(toHex(result), toHex(expected(plain)), `length ${length}, cut ${cut}`);
        assert.equal(after >>> 0, rotated(length));
      }
    }
  });

  it("is its own inverse, over the whole window too", () => {
    const { bytes, mask } = kernel();
    const plain = randomBytes(random, layout.WINDOW_LENGTH);
    bytes.set(plain, layout.WINDOW);
    mask(layout.WINDOW, layout.WINDOW, plain.length, KEY_NUMBER);
    const masked = bytes.slice(layout.WINDOW, layout.WINDOW + plain.length);
    assert.ok(Buffer.from(masked).equals(expected(plain)));
    mask(layout.WINDOW, layout.WINDOW, plain.length, KEY_NUMBER);
    assert.ok(Buffer.from(bytes.slice(layout.WINDOW, layout.WINDOW + plain.length)).equals(plain));
  });

  it("takes every key: zero changes nothing, negative numbers are keys like others", () => {
    const { bytes, mask } = kernel();
    const plain = randomBytes(random, 40);
    for (const key of [0, -1, 0x80000000 | 0, 0xff, 0x7fffffff]) {
      bytes.set(plain, layout.SCRATCH);
      mask(layout.SCRATCH, layout.SCRATCH, plain.length, key);
      const wire = [key, key >>> 8, key >>> 16, key >>> 24];
      assert.deepEqual(
        [...bytes.slice(layout.SCRATCH, layout.SCRATCH + plain.length)],
        [...plain].map((byte, i) => (byte ^ wire[i & 3]) & 0xff),
      );
    }
  });
});
