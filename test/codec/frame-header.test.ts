/** Headers of frames that we send: the layout of §5.2, and what it does not allow. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { checkPayloadLength, firstByte, headerLengthFor, writeHeader } from "../../src/codec/frame-header.js";
import { headerOf } from "../support/frames.js";
import { toHex } from "../support/hex.js";

const LENGTHS = [
  0,
  1,
  125,
  126,
  127,
  255,
  256,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  2 ** 53 - 1,
];

describe("firstByte", () => {
  it("puts FIN, RSV1 and the opcode where §5.2 has them", () => {
    for (const opcode of [0, 1, 2]) {
      assert.equal(firstByte(opcode, true, false), 0x80 | opcode);
      assert.equal(firstByte(opcode, false, false), opcode);
    }
    for (const opcode of [1, 2]) {
      assert.equal(firstByte(opcode, true, true), 0xc0 | opcode);
      assert.equal(firstByte(opcode, false, true), 0x40 | opcode);
    }
    for (const opcode of [8, 9, 10]) assert.equal(firstByte(opcode, true, false), 0x80 | opcode);
  });

  it("refuses reserved opcodes and anything that is none", () => {
    for (const opcode of [3, 7, 11, 15, 16, -1, 1.5, Number.NaN, 0x81]) {
      assert.throws(() => firstByte(opcode, true, false), RangeError, String(opcode));
    }
    assert.throws(() => firstByte("1" as unknown as number, true, false), RangeError);
  });

  it("refuses fragmented control frames, and RSV1 anywhere but on the first frame of a message", () => {
    for (const opcode of [8, 9, 10]) {
      assert.throws(() => firstByte(opcode, false, false), /fragmented/);
      assert.throws(() => firstByte(opcode, true, true), /RSV1/);
    }
    assert.throws(() => firstByte(0, true, true), /RSV1/);
    assert.throws(() => firstByte(0, false, true), RangeError);
  });
});

describe("checkPayloadLength", () => {
  it("allows 125 bytes to control frames and anything to data frames", () => {
    for (const opcode of [0, 1, 2]) for (const length of LENGTHS) checkPayloadLength(opcode, length);
    for (const opcode of [8, 9, 10]) {
      for (const length of [0, 2, 125]) checkPayloadLength(opcode, length);
      assert.throws(() => checkPayloadLength(opcode, 126), RangeError);
      assert.throws(() => checkPayloadLength(opcode, 65536), RangeError);
    }
  });

  it("refuses a Close body of one byte, though not a Ping of one", () => {
    assert.throws(() => checkPayloadLength(8, 1), RangeError);
    checkPayloadLength(9, 1);
    checkPayloadLength(10, 1);
  });
});

describe("writeHeader", () => {
  it("writes every length in as few bytes as it takes, masked or not, at any offset", () => {
    for (const length of LENGTHS) {
      for (const masked of [false, true]) {
        for (const offset of [0, 1, 5]) {
          const target = new Uint8Array(20).fill(0xee);
          const end = writeHeader(target, offset, 0x82, length, masked);
          const key = masked ? ([0xee, 0xee, 0xee, 0xee] as const) : undefined;
          const expected = headerOf({ opcode: 2, announced: BigInt(length), key });
          assert.equal(end, offset + expected.length - (masked ? 4 : 0), "behind the header");
          assert.equal(headerLengthFor(length, masked), expected.length);
          assert.equal(toHex(target.subarray(offset, offset + expected.length)), toHex(expected));
          const others = [...target.subarray(0, offset), ...target.subarray(end)];
          assert.ok(
            others.every((byte) => byte === 0xee),
            "nothing beside the header, nor a key",
          );
        }
      }
    }
  });
});
