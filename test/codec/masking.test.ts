/** Masking: bufferutil's semantics to the letter, checked against bufferutil itself; and keys. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, it } from "node:test";
import { applyMask, generateMaskingKey, mask, unmask } from "../../src/codec/index.js";
import { maskWith, nextMaskingKey, readMaskingKey, writeMaskingKey } from "../../src/codec/masking.js";
import { eachBackend } from "../support/backends.js";
import { NOT_BYTES, ofAnotherRealm } from "../support/bytes.js";
import { hex, toHex } from "../support/hex.js";
import { randomBytes, randomNumbers } from "../support/property.js";

interface Bufferutil {
  mask(source: Uint8Array, mask: Uint8Array, output: Uint8Array, offset: number, length: number): void;
  unmask(buffer: Uint8Array, mask: Uint8Array): void;
}
const bufferutil = createRequire(import.meta.url)("bufferutil") as Bufferutil;

const KEY = hex("37fa213d");
/** Around the length below which a loop in JavaScript does it, around vectors, and around 64 KiB. */
const LENGTHS = [
  0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 18, 31, 32, 33, 63, 64, 65, 127, 128, 1000, 1023, 1024, 1025, 65535, 65536,
  65537, 131072, 200001,
];

eachBackend("mask and unmask", () => {
  const random = randomNumbers(6);

  it("does what bufferutil does, for every length, offset and alignment", () => {
    for (const length of LENGTHS) {
      for (const offset of [0, 1, 2, 3, 4, 7, 14]) {
        const start = random() % 18;
        const room = randomBytes(random, length + start + 3);
        // A source that is longer than the masked part, and not at the beginning of its memory.
        const source = room.subarray(start);
        const before = toHex(room);
        const output = randomBytes(random, offset + length + 5);
        const expected = new Uint8Array(output);
        bufferutil.mask(source, KEY, expected, offset, length);
        mask(source, KEY, output, offset, length);
        assert.equal(Buffer.compare(output, expected), 0, `mask ${length} at ${offset}`);
        assert.equal(toHex(room), before, "the source stays");
      }
      const buffer = randomBytes(random, length + 5).subarray(3, 3 + length);
      const expected = new Uint8Array(buffer);
      bufferutil.unmask(expected, KEY);
      assert.equal(unmask(buffer, KEY), undefined);
      assert.equal(Buffer.compare(buffer, expected), 0, `unmask ${length}`);
    }
  });

  it("masks in place when output is the source", () => {
    for (const length of LENGTHS) {
      const bytes = randomBytes(random, length);
      const expected = new Uint8Array(bytes);
      bufferutil.mask(expected, KEY, expected, 0, length);
      mask(bytes, KEY, bytes, 0, length);
      assert.equal(Buffer.compare(bytes, expected), 0, `length ${length}`);
    }
  });

  it("touches only its own bytes of a Buffer that shares its memory with others", () => {
    const pool = Buffer.alloc(300, 0x11);
    unmask(pool.subarray(100, 200), KEY);
    assert.ok(pool.subarray(0, 100).every((byte) => byte === 0x11));
    assert.ok(pool.subarray(200).every((byte) => byte === 0x11));
    assert.ok(pool.subarray(100, 200).every((byte, i) => byte === (0x11 ^ KEY[i & 3])));
  });

  it("takes the key as any array of four, Buffers and plain arrays included", () => {
    for (const key of [KEY, Buffer.from(KEY), [...KEY]]) {
      for (const length of [4, 40]) {
        const bytes = new Uint8Array(length);
        unmask(bytes, key);
        assert.ok(bytes.every((byte, i) => byte === KEY[i & 3]));
      }
    }
  });

  it("throws where bytes are missing, and then changes nothing", () => {
    const output = new Uint8Array(20);
    assert.throws(() => mask(new Uint8Array(9), KEY, output, 0, 10), RangeError);
    assert.throws(() => mask(new Uint8Array(30), KEY, output, 0, 21), RangeError);
    assert.throws(() => mask(new Uint8Array(30), KEY, output, 11, 10), RangeError);
    assert.throws(() => mask(new Uint8Array(100_000), KEY, new Uint8Array(99_999), 0, 100_000), RangeError);
    assert.ok(output.every((byte) => byte === 0));
    mask(new Uint8Array(10), KEY, output, 10, 10);
    assert.equal(toHex(output), `${"00".repeat(10)}37fa213d37fa213d37fa`);
  });

  it("throws for values that are not bytes, and then changes nothing", () => {
    const output = new Uint8Array(20);
    const memory = new ArrayBuffer(4);
    const array = [1, 2, 3, 4];
    for (const wrong of [memory, array, new DataView(memory), ...NOT_BYTES] as Uint8Array[]) {
      assert.throws(() => mask(wrong, KEY, output, 0, 4), TypeError);
      assert.throws(() => mask(output, KEY, wrong, 0, 4), TypeError);
      assert.throws(() => unmask(wrong, KEY), TypeError);
    }
    assert.ok(output.every((byte) => byte === 0));
    assert.equal(toHex(new Uint8Array(memory)), "00000000");
    assert.deepEqual(array, [1, 2, 3, 4]);
  });

  it("takes bytes of another realm", () => {
    for (const length of [5, 40, 40, 40, 1000]) {
      const bytes = ofAnotherRealm(new Uint8Array(length));
      unmask(bytes, KEY);
      assert.ok(bytes.every((byte, i) => byte === KEY[i & 3]));
      mask(bytes, KEY, bytes, 0, length);
      assert.ok(bytes.every((byte) => byte === 0));
    }
  });

  it("follows memory that is resized after it was masked", () => {
    const options = { maxByteLength: 4096 };
    const Resizable = ArrayBuffer as unknown as new (
      length: number,
      of: typeof options,
    ) => ArrayBuffer & { resize(length: number): void };
    const Growable = SharedArrayBuffer as unknown as new (
      length: number,
      of: typeof options,
    ) => SharedArrayBuffer & { grow(length: number): void };
    const unmasks = (buffer: ArrayBufferLike, offset: number, length: number) => {
      const bytes = new Uint8Array(buffer, offset, length).fill(0);
      unmask(bytes, KEY);
      assert.ok(bytes.every((byte, i) => byte === KEY[i & 3]));
    };
    const resizable = new Resizable(64, options);
    const growable = new Growable(64, options);
    // A buffer that comes twice may be remembered; the cached view must not outlive its length.
    for (let i = 0; i < 3; i++) unmasks(resizable, 4, 40);
    resizable.resize(256);
    for (let i = 0; i < 3; i++) unmasks(resizable, 100, 100);
    resizable.resize(48);
    for (let i = 0; i < 3; i++) unmasks(resizable, 4, 40);
    for (let i = 0; i < 3; i++) unmasks(growable, 4, 40);
    growable.grow(256);
    for (let i = 0; i < 3; i++) unmasks(growable, 100, 100);
  });
});

eachBackend("applyMask", () => {
  const random = randomNumbers(7);

  it("gives back the §5.7 example", () => {
    assert.equal(toHex(applyMask(hex("48656c6c6f"), KEY)), "7f9f4d5158");
  });

  it("is reversible, leaves data alone and returns bytes of its own", () => {
    for (const length of LENGTHS) {
      const data = randomBytes(random, length);
      const before = new Uint8Array(data);
      const masked = applyMask(data, KEY);
      assert.equal(Buffer.compare(data, before), 0);
      assert.equal(masked.length, length);
      assert.notEqual(masked.buffer, data.buffer);
      assert.equal(Buffer.compare(applyMask(masked, KEY), before), 0, `length ${length}`);
      if (length > 0) assert.equal(masked[0], data[0] ^ 0x37);
      if (length > 65540) assert.equal(masked[65539], data[65539] ^ 0x3d);
    }
  });

  it("does not disturb a result it gave before", () => {
    const first = applyMask(new Uint8Array(40), KEY);
    const copy = toHex(first);
    applyMask(new Uint8Array(40).fill(0xff), KEY);
    assert.equal(toHex(first), copy);
  });

  it("throws for a key that is not four bytes", () => {
    for (const key of [[], [1, 2, 3], [1, 2, 3, 4, 5], new Uint8Array(0)]) {
      assert.throws(() => applyMask(new Uint8Array(5), key), RangeError);
    }
  });

  it("throws for values that are not bytes", () => {
    for (const wrong of NOT_BYTES) assert.throws(() => applyMask(wrong as Uint8Array, KEY), TypeError);
  });
});

describe("masking keys", () => {
  it("are four bytes, the caller's own, and not two alike among a thousand", () => {
    const seen = new Set<string>();
    const first = generateMaskingKey();
    const kept = toHex(first);
    assert.equal(first.length, 4);
    assert.ok(first instanceof Uint8Array);
    // More than one pool, so that a pool which is not refilled shows.
    for (let i = 0; i < 3000; i++) seen.add(toHex(generateMaskingKey()));
    assert.ok(seen.size > 2990, `${seen.size} of 3000 are distinct`);
    assert.equal(toHex(first), kept);
  });

  it("have every bit set about half the time", () => {
    const count = 4096;
    const ones = new Array<number>(32).fill(0);
    for (let i = 0; i < count; i++) {
      const key = nextMaskingKey();
      for (let bit = 0; bit < 32; bit++) ones[bit] += (key >>> bit) & 1;
    }
    // Eight standard deviations: wrong once in 10^14 runs.
    for (const sum of ones) assert.ok(Math.abs(sum - count / 2) < 256, `${sum} of ${count}`);
  });

  it("do not come from the host's generator one by one", () => {
    const { getRandomValues } = crypto;
    let calls = 0;
    Object.defineProperty(crypto, "getRandomValues", {
      configurable: true,
      value: (array: Int32Array<ArrayBuffer>) => {
        calls++;
        return getRandomValues.call(crypto, array);
      },
    });
    try {
      for (let i = 0; i < 2048; i++) generateMaskingKey();
    } finally {
      Reflect.deleteProperty(crypto, "getRandomValues");
    }
    assert.ok(calls >= 1 && calls <= 8, `${calls} calls for 2048 keys`);
  });

  it("are read and written byte 0 lowest", () => {
    assert.equal(readMaskingKey(KEY), 0x3d21fa37);
    assert.equal(readMaskingKey([0, 0, 0, 0x80]), 0x80000000 | 0);
    const target = new Uint8Array(6);
    writeMaskingKey(target, 1, 0xfdccbbaa | 0);
    assert.equal(toHex(target), "00aabbccfd00");
  });
});

eachBackend("maskWith", () => {
  it("takes a negative key as the 32 bits it is", () => {
    for (const length of [16, 17, 70]) {
      const output = new Uint8Array(length);
      maskWith(0xfdccbbaa | 0, new Uint8Array(length), output, 0, length);
      assert.ok(output.every((byte, i) => byte === [0xaa, 0xbb, 0xcc, 0xfd][i & 3]));
    }
  });
});
