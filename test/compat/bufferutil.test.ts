/** `hawser/bufferutil` against the package bufferutil: its native addon and its fallback in JavaScript. */

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { describe, test } from "node:test";
import defaultOfOurs, * as ours from "../../src/compat/bufferutil.js";
import * as mainDoor from "../../src/index.js";
import { eachBackend } from "../support/backends.js";

interface BufferUtil {
  mask(source: Uint8Array, mask: Uint8Array, output: Uint8Array, offset: number, length: number): void;
  unmask(buffer: Uint8Array, mask: Uint8Array): void;
}

const require = createRequire(import.meta.url);
const theirs: readonly (readonly [name: string, BufferUtil])[] = [
  ["the addon", require("bufferutil")],
  ["its fallback", require("bufferutil/fallback")],
];

/** Bytes that repeat after no power of two, in a Buffer whose memory starts `shift` bytes earlier. */
function bytes(length: number, shift = 0, seed = 1): Buffer {
  const all = Buffer.alloc(shift + length);
  for (let i = 0; i < length; i++) all[shift + i] = (i * 167 + (i >> 8) * 13 + seed) & 0xff;
  return all.subarray(shift);
}

const KEYS = ["37fa213d", "00000000", "ffffffff", "80000001", "01000080"].map((key) =>
  Buffer.from(key, "hex"),
);

/** Lengths around every step of the vectors, of the kernel's regions and of common messages. */
const LARGE = [255, 256, 1023, 1024, 1025, 65535, 65536, 65537, 131072, 131075, 1 << 20];

test("the addon was loaded, not its fallback", () => assert.notEqual(theirs[0][1], theirs[1][1]));

test("both have the same exports", () => {
  const names = (module: object) => Object.keys(module).sort();
  for (const [, package_] of theirs) assert.deepEqual(names(package_), ["mask", "unmask"]);
  assert.deepEqual(
    names(ours).filter((name) => name !== "default" && name !== "module.exports"),
    ["mask", "unmask"],
  );
});

test("the default export is what require gives: the two functions and no more", () => {
  assert.deepEqual(defaultOfOurs, { mask: ours.mask, unmask: ours.unmask });
  assert.equal(ours["module.exports"], defaultOfOurs);
});

test('the door "hawser" has both too, so that it can be installed under the name bufferutil', () => {
  assert.equal(mainDoor.mask, ours.mask);
  assert.equal(mainDoor.unmask, ours.unmask);
});

eachBackend("bufferutil", (_kernel, backend) => {
  for (const [name, package_] of theirs) {
    /** Masks the same bytes with both and compares all of the output, around the masked range too. */
    const compareMask = (length: number, offset: number, slack: number, shift: number, key: Buffer) => {
      const what = `length ${length}, offset ${offset}, slack ${slack}, shift ${shift}`;
      const source = bytes(length + slack, shift);
      const outputs = [bytes(offset + length + slack, shift, 99), bytes(offset + length + slack, shift, 99)];
      assert.equal(package_.mask(source, key, outputs[0], offset, length), undefined);
      assert.equal(ours.mask(source, key, outputs[1], offset, length), undefined);
      assert.ok(outputs[0].equals(outputs[1]), what);
      assert.ok(source.equals(bytes(length + slack, shift)), `${what}: the source changed`);
    };

    describe(`as ${name} does`, () => {
      test("mask: every length to 130, offset to 17, alignment to 7", () => {
        for (let length = 0; length <= 130; length++) {
          for (let offset = 0; offset <= 17; offset++) {
            compareMask(length, offset, length % 4, (length + offset) & 7, KEYS[offset % KEYS.length]);
          }
        }
      });

      test("mask: a source that is longer than its masked part", () => {
        for (const length of [0, 1, 4, 16, 17, 100, 65536, 65537]) {
          for (const slack of [1, 3, 64, 70000]) compareMask(length, 3, slack, 1, KEYS[0]);
        }
      });

      // The plain loops of the reference need no long sweep of long payloads.
      const large = backend === "wasm" ? LARGE : LARGE.filter((length) => length < 1 << 20);
      test("mask: large payloads", () => {
        for (const length of large) for (const key of KEYS) compareMask(length, 14, 2, length & 7, key);
      });

      test("mask: in place", () => {
        for (const length of [...Array(131).keys(), ...large]) {
          const [a, b] = [bytes(length, 3), bytes(length, 3)];
          package_.mask(a, KEYS[0], a, 0, length);
          ours.mask(b, KEYS[0], b, 0, length);
          assert.ok(a.equals(b), `length ${length}`);
        }
      });

      test("mask: in place, less than all of it", () => {
        for (const length of [0, 1, 15, 16, 17, 33, 1000, 65537]) {
          const [a, b] = [bytes(length + 9, 5), bytes(length + 9, 5)];
          package_.mask(a, KEYS[0], a, 0, length);
          ours.mask(b, KEYS[0], b, 0, length);
          assert.ok(a.equals(b), `length ${length}`);
        }
      });

      test("unmask: every length to 130 at every alignment to 7", () => {
        for (let length = 0; length <= 130; length++) {
          for (let shift = 0; shift <= 7; shift++) {
            const around = [bytes(shift + length + 8), bytes(shift + length + 8)];
            const key = KEYS[length % KEYS.length];
            package_.unmask(around[0].subarray(shift, shift + length), key);
            assert.equal(ours.unmask(around[1].subarray(shift, shift + length), key), undefined);
            assert.ok(around[0].equals(around[1]), `length ${length}, shift ${shift}`);
          }
        }
      });

      test("unmask: large payloads", () => {
        for (const length of large) {
          const [a, b] = [bytes(length, 1), bytes(length, 1)];
          package_.unmask(a, KEYS[3]);
          ours.unmask(b, KEYS[3]);
          assert.ok(a.equals(b), `length ${length}`);
        }
      });

      test("a key longer than four bytes counts by its first four", () => {
        const key = Buffer.from("37fa213d99887766", "hex");
        for (const length of [5, 50]) {
          const [a, b] = [bytes(length), bytes(length)];
          package_.unmask(a, key);
          ours.unmask(b, key);
          assert.ok(a.equals(b));
        }
      });
    });
  }

  test("what would leave the buffers is refused, where the addon would write past them", () => {
    const key = KEYS[0];
    assert.throws(() => ours.mask(bytes(10), key, bytes(20), 0, 11), RangeError);
    assert.throws(() => ours.mask(bytes(10), key, bytes(10), 1, 10), RangeError);
    assert.throws(() => ours.mask(bytes(70000), key, bytes(69999), 0, 70000), RangeError);
  });
});
