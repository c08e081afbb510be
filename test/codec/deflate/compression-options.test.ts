/** Options of compressors and decompressors: the accepted values, and the errors for the rest. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { assertInteger, assertWindowBits } from "../../../src/codec/deflate/compression-options.js";
import { Compressor, compress, Decompressor, decompress } from "../../../src/codec/index.js";
import { toHex, utf8 } from "../../support/hex.js";
import { deflateAlone } from "../../support/zlib-streams.js";

/** Each option, and the least and the greatest of its values. */
const RANGES = [
  ["windowBits", 8, 15],
  ["level", 0, 9],
  ["memLevel", 1, 9],
] as const;
const NO_NUMBERS = [null, "9", true, {}, [9], 9n] as const;

describe("options of a Compressor", () => {
  for (const [name, least, most] of RANGES) {
    it(`takes ${name} from ${least} to ${most}, and nothing else`, () => {
      for (let value = least; value <= most; value++) new Compressor({ [name]: value });
      new Compressor({ [name]: undefined });
      for (const value of [least - 1, most + 1, least + 0.5, NaN, Infinity, -Infinity]) {
        const expected = `${name} must be an integer from ${least} to ${most}, not ${value}`;
        assert.throws(() => new Compressor({ [name]: value }), new RangeError(expected));
        assert.throws(() => compress("", { [name]: value }), new RangeError(expected));
      }
      for (const value of NO_NUMBERS) {
        const expected = `${name} must be an integer from ${least} to ${most}, not ${String(value)}`;
        assert.throws(() => new Compressor({ [name]: value as number }), new TypeError(expected));
      }
    });
  }

  it("makes a window and a hash of 32 KiB, and level 1, of none", () => {
    const text = utf8("abcd".repeat(50));
    const made = (options: object) => {
      const compressor = new Compressor(options);
      const payload = toHex(compressor.compress(text));
      const { retainedLength } = compressor;
      compressor.release();
      return [payload, retainedLength];
    };
    assert.deepEqual(made({}), made({ windowBits: 15, level: 1, memLevel: 7, contextTakeover: true }));
    assert.notDeepEqual(made({}), made({ windowBits: 14 }));
    assert.notDeepEqual(made({}), made({ memLevel: 6 }));
    assert.notDeepEqual(made({}), made({ level: 0 }));
    assert.notDeepEqual(made({}), made({ contextTakeover: false }));
  });
});

describe("options of a Decompressor", () => {
  it("takes windowBits from 8 to 15, and nothing else", () => {
    for (let windowBits = 8; windowBits <= 15; windowBits++) new Decompressor({ windowBits });
    for (const windowBits of [7, 16, 9.5, NaN]) {
      const expected = `windowBits must be an integer from 8 to 15, not ${windowBits}`;
      assert.throws(() => new Decompressor({ windowBits }), new RangeError(expected));
      assert.throws(() => decompress(utf8(""), { windowBits }), new RangeError(expected));
    }
    for (const windowBits of NO_NUMBERS) {
      assert.throws(() => new Decompressor({ windowBits: windowBits as number }), TypeError);
    }
  });

  it("takes a maxLength of 0 to Infinity bytes, by default 16 MiB", () => {
    for (const maxLength of [0, 1, 0.5, 2 ** 40, Infinity, undefined]) new Decompressor({ maxLength });
    for (const maxLength of [-1, NaN, "1", null, -Infinity]) {
      const expected = `maxLength must be a number of bytes from 0 to Infinity, not ${maxLength}`;
      assert.throws(() => new Decompressor({ maxLength: maxLength as number }), new RangeError(expected));
    }
    const most = deflateAlone(new Uint8Array(1 << 24));
    assert.equal(decompress(most).length, 1 << 24);
    const more = deflateAlone(new Uint8Array((1 << 24) + 1));
    assert.throws(() => decompress(more), { limit: 1 << 24, actual: (1 << 24) + 1 });
  });
});

describe("assertInteger and assertWindowBits", () => {
  it("take the numbers of the range, both ends among them", () => {
    for (const value of [3, 4, 5]) assertInteger(value, "it", 3, 5);
    for (const value of [8, 15]) assertWindowBits(value, "it");
    assert.throws(
      () => assertInteger(2, "it", 3, 5),
      new RangeError("it must be an integer from 3 to 5, not 2"),
    );
    assert.throws(() => assertInteger(6, "it", 3, 5), RangeError);
    assert.throws(() => assertInteger("4", "it", 3, 5), TypeError);
    assert.throws(
      () => assertWindowBits(7, "bits"),
      /^RangeError: bits must be an integer from 8 to 15, not 7$/,
    );
    assert.throws(() => assertWindowBits(16, "bits"), RangeError);
  });
});
