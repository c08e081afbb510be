/** PayloadBuffer: the same bytes in the same order, and no more memory than about twice the bytes that have arrived. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { PayloadBuffer } from "../../src/codec/index.js";
import { NOT_BYTES } from "../support/bytes.js";
import { arbitraryCuts, concat, cutAt } from "../support/frames.js";
import { toHex } from "../support/hex.js";
import { retainedBy } from "../support/memory.js";
import { itHolds, randomBytes, randomNumbers } from "../support/property.js";

const random = randomNumbers(8);

/** A part as a small view of a large chunk, as frames in the middle of one are. */
function viewOf(part: Uint8Array, chunkLength = 65536): Uint8Array {
  const chunk = new Uint8Array(chunkLength);
  chunk.set(part, 100);
  return chunk.subarray(100, 100 + part.length);
}

describe("PayloadBuffer", () => {
  itHolds(
    "returns the appended bytes, for every cut and source",
    300,
    fc.tuple(fc.integer({ min: 0, max: 3000 }), arbitraryCuts, fc.array(fc.boolean(), { minLength: 1 })),
    ([length, cuts, views]) => {
      const bytes = randomBytes(random, length);
      const buffer = new PayloadBuffer();
      let held = 0;
      cutAt(bytes, cuts).forEach((part, i) => {
        buffer.append(views[i % views.length] ? viewOf(part, part.length + 200) : part);
        held += part.length;
        assert.equal(buffer.length, held);
      });
      assert.equal(toHex(buffer.take()), toHex(bytes));
      assert.equal(buffer.length, 0);
    },
  );

  it("is empty at first, after take and after clear", () => {
    const buffer = new PayloadBuffer();
    assert.deepEqual([buffer.length, buffer.take().length], [0, 0]);
    buffer.append(Uint8Array.of(1, 2));
    assert.deepEqual([...buffer.take()], [1, 2]);
    assert.deepEqual([buffer.length, buffer.take().length], [0, 0]);
    buffer.append(Uint8Array.of(3));
    buffer.append(viewOf(Uint8Array.of(4)));
    buffer.clear();
    assert.deepEqual([buffer.length, buffer.take().length], [0, 0]);
    buffer.append(viewOf(Uint8Array.of(5)));
    assert.deepEqual([...buffer.take()], [5]);
  });

  it("takes empty parts for what they are", () => {
    const buffer = new PayloadBuffer();
    for (const part of [new Uint8Array(0), Uint8Array.of(1), viewOf(new Uint8Array(0)), Uint8Array.of(2)]) {
      buffer.append(part);
    }
    assert.deepEqual([...buffer.take()], [1, 2]);
  });

  it("throws for values that are not bytes, and keeps its contents", () => {
    const buffer = new PayloadBuffer();
    buffer.append(Uint8Array.of(1, 2));
    for (const wrong of NOT_BYTES) {
      assert.throws(() => buffer.append(wrong as Uint8Array), TypeError);
      assert.equal(buffer.length, 2);
    }
    buffer.append(Uint8Array.of(3));
    assert.deepEqual([...buffer.take()], [1, 2, 3]);
  });

  it("gives memory that holds the bytes and nothing else, however many parts were copied", () => {
    for (const count of [1, 2, 3, 255, 256, 257, 300, 1000, 5000]) {
      for (const announced of [0, count, 1 << 20]) {
        const buffer = new PayloadBuffer();
        for (let i = 0; i < count; i++) buffer.append(viewOf(Uint8Array.of(i), 200), announced);
        const { length, byteOffset, buffer: memory } = buffer.take();
        assert.deepEqual(
          [length, byteOffset, memory.byteLength],
          [count, 0, count],
          `${announced} announced`,
        );
      }
    }
    const mixed = new PayloadBuffer();
    mixed.append(viewOf(Uint8Array.of(1)));
    mixed.append(new Uint8Array(2000));
    mixed.append(viewOf(Uint8Array.of(2)));
    assert.equal(mixed.take().buffer.byteLength, 2002);
  });

  it("does not copy a single part that fills its memory", () => {
    const part = randomBytes(random, 100_000);
    const buffer = new PayloadBuffer();
    buffer.append(part);
    assert.equal(buffer.take().buffer, part.buffer);
  });

  it("gives bytes that later parts do not change", () => {
    const buffer = new PayloadBuffer();
    for (let i = 0; i < 300; i++) buffer.append(viewOf(Uint8Array.of(1)));
    const first = buffer.take();
    for (let i = 0; i < 300; i++) buffer.append(viewOf(Uint8Array.of(2)));
    assert.ok(first.every((byte) => byte === 1));
    assert.ok(buffer.take().every((byte) => byte === 2));
  });

  const cases: readonly (readonly [name: string, count: number, part: (i: number) => Uint8Array])[] = [
    ["a byte at a time, each out of a large chunk", 20_000, () => viewOf(Uint8Array.of(7), 4096)],
    ["a byte at a time, each a chunk of its own", 200_000, () => Uint8Array.of(7)],
    [
      "single bytes, out of a large chunk and alone by turns",
      20_000,
      (i) => (i % 2 ? Uint8Array.of(7) : viewOf(Uint8Array.of(7), 4096)),
    ],
    ["parts just under half of their chunk", 300, () => new Uint8Array(4096).subarray(0, 2000)],
    ["parts of a tenth of their chunk", 300, () => new Uint8Array(16_384).subarray(0, 1600)],
    ["parts just over half of their chunk", 300, () => new Uint8Array(4096).subarray(0, 2100)],
    [
      "large parts, each followed by one byte of a large chunk",
      500,
      (i) => (i % 2 ? new Uint8Array(2048) : viewOf(Uint8Array.of(7))),
    ],
  ];
  for (const [name, count, part] of cases) {
    it(`retains about twice the arrived bytes: ${name}`, () => {
      let held = 0;
      const make = () => {
        const buffer = new PayloadBuffer();
        for (let i = 0; i < count; i++) buffer.append(part(i));
        held = buffer.length;
        return buffer;
      };
      make(); // once before, so that compiled code and the like are not counted
      const retained = retainedBy(make);
      // What V8 itself adds and drops meanwhile is well under this.
      const noise = 150_000;
      assert.ok(retained <= 2.5 * held + noise, `${retained} bytes are kept for ${held}`);
    });
  }

  it("retains no more because much was announced", () => {
    let held = 0;
    const make = () => {
      const buffers = Array.from({ length: 100 }, () => new PayloadBuffer());
      held = 0;
      for (const buffer of buffers) {
        for (let i = 0; i < 40; i++) {
          // Small parts of large chunks, and between them parts that are kept as they are.
          buffer.append(i % 2 ? new Uint8Array(1500) : viewOf(Uint8Array.of(7)), 1 << 20);
        }
        held += buffer.length;
      }
      return buffers;
    };
    make();
    const retained = retainedBy(make);
    assert.ok(retained <= 2.5 * held + 150_000, `${retained} bytes are kept for ${held}`);
  });

  it("copies to the beginning of a target and keeps everything, whether it kept or copied the parts", () => {
    const plain = randomBytes(random, 20_000);
    const cases = [
      [],
      [5000],
      [1, 2, 3, 7000, 7001],
      Array.from({ length: 60 }, (_, i) => 17 * i),
      [0, 19_999],
    ];
    const wanted = toHex(plain);
    for (const cuts of cases) {
      for (const views of [false, true]) {
        const buffer = new PayloadBuffer();
        for (const part of cutAt(plain, cuts)) buffer.append(views ? viewOf(part, part.length + 200) : part);
        const copy = new Uint8Array(plain.length + 3);
        buffer.copyTo(copy);
        assert.ok(toHex(copy.subarray(0, plain.length)) === wanted, `copied, cut at ${cuts}`);
        assert.equal(toHex(copy.subarray(plain.length)), "000000");
        assert.ok(toHex(buffer.take()) === wanted, `taken, cut at ${cuts}`);
      }
    }
  });

  it("takes time in proportion to the arrived bytes, not to its square", () => {
    const chunk = new Uint8Array(1 << 16);
    const buffer = new PayloadBuffer();
    for (let i = 0; i < 1 << 20; i++) buffer.append(chunk.subarray(i & 0xffff, (i & 0xffff) + 1));
    assert.equal(buffer.take().length, 1 << 20);
  });

  it("joins copied and kept parts in order", () => {
    const parts: Uint8Array[] = [];
    const buffer = new PayloadBuffer();
    for (let i = 0; i < 200; i++) {
      const bytes = randomBytes(random, (i * 37) % 700);
      parts.push(new Uint8Array(bytes));
      buffer.append(i % 3 === 0 ? viewOf(bytes, 5000) : bytes);
    }
    assert.equal(toHex(buffer.take()), toHex(concat(parts)));
  });
});
