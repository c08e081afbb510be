/** ChunkScanner: where in chunks and stream the kernel found what, and what stays of a chunk until then. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { ChunkScanner, FIRST_RECORD } from "../../src/codec/chunk-scanner.js";
import { InvalidStateError } from "../../src/codec/index.js";
import { workspace } from "../../src/codec/workspace.js";
import * as layout from "../../src/kernel/generated/layout.js";
import { eachBackend } from "../support/backends.js";
import { BINARY, type Bytes, CLOSE, concat, frame, headerOf, KEY, PING, TEXT } from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { randomBytes, randomNumbers } from "../support/property.js";

const RECORD_WORDS = layout.RECORD_LENGTH >> 2;

const scanner = (options = 0, maxFrameSize = Infinity, midMessage = false) =>
  new ChunkScanner(options, maxFrameSize, midMessage);

interface Found {
  readonly opcode: number;
  readonly first: boolean;
  readonly last: boolean;
  /** Where its payload begins, in the stream and in the chunk, and how much of it is here. */
  readonly streamOffset: number;
  readonly chunkOffset: number;
  readonly length: number;
}

/** The records of the last scan. */
function found(of: ChunkScanner): Found[] {
  const all: Found[] = [];
  for (let at = FIRST_RECORD; at < of.end; at += RECORD_WORDS) {
    const [word, address, length] = of.records.subarray(at, at + RECORD_WORDS);
    all.push({
      opcode: word & 15,
      first: (word & layout.RECORD_FIRST) !== 0,
      last: (word & layout.RECORD_LAST) !== 0,
      streamOffset: of.streamOffsetOf(address),
      chunkOffset: of.chunkOffsetOf(address),
      length,
    });
  }
  return all;
}

const whole = { first: true, last: true };
const text = (of: string): Bytes => frame({ opcode: TEXT, payload: utf8(of), key: KEY });

eachBackend("ChunkScanner", () => {
  it("has nothing to look at before a chunk, and is at rest", () => {
    const fresh = scanner();
    assert.deepEqual([fresh.open(), fresh.isDone, fresh.isAtRest], [false, true, true]);
    assert.deepEqual(found(fresh), []);
  });

  it("finds frames at their places in the chunk and in the stream", () => {
    const scan = scanner();
    const chunk = concat([text("one"), text(""), text("three")]);
    scan.push(chunk);
    assert.deepEqual([scan.isDone, scan.isAtRest], [false, false]);
    assert.ok(scan.open());
    scan.scan();
    assert.deepEqual(found(scan), [
      { opcode: TEXT, ...whole, streamOffset: 6, chunkOffset: 6, length: 3 },
      { opcode: TEXT, ...whole, streamOffset: 15, chunkOffset: 15, length: 0 },
      { opcode: TEXT, ...whole, streamOffset: 21, chunkOffset: 21, length: 5 },
    ]);
    assert.deepEqual([scan.isDone, scan.isAtRest, scan.remaining], [true, true, 0]);
    scan.push(text("four"));
    assert.ok(scan.open());
    scan.scan();
    const [four] = found(scan);
    assert.deepEqual([four.streamOffset, four.chunkOffset], [chunk.length + 6, 6]);
    assert.equal(scan.open(), false);
  });

  it("opens the chunks that wait in the order in which they were pushed", () => {
    const scan = scanner();
    const bytes = concat(Array.from({ length: 40 }, (_, i) => text(String(i))));
    const seen: number[] = [];
    let pushed = 0;
    for (let round = 0; pushed < bytes.length || !scan.isAtRest; round++) {
      // More come than are opened at first, and then fewer.
      for (let i = 0; i < 3 && pushed < bytes.length; i++) scan.push(bytes.slice(pushed, (pushed += 5)));
      for (let i = 0; i < (round < 10 ? 2 : 4) && scan.open(); i++) {
        scan.scan();
        for (const { streamOffset, first } of found(scan)) if (first) seen.push(streamOffset);
      }
    }
    let offset = 0;
    const wanted = Array.from({ length: 40 }, (_, i) => {
      offset += text(String(i)).length;
      return offset - String(i).length;
    });
    assert.deepEqual(seen, wanted);
  });

  it("counts what a cut frame lacks, and is at rest behind its last byte only", () => {
    const scan = scanner();
    const bytes = text("Hello");
    const rests: boolean[] = [];
    const lacks: number[] = [];
    for (const byte of bytes) {
      scan.push(Uint8Array.of(byte));
      assert.ok(scan.open());
      scan.scan();
      rests.push(scan.isAtRest);
      lacks.push(scan.remaining);
    }
    assert.deepEqual(rests, [...new Array(10).fill(false), true]);
    assert.deepEqual(lacks.slice(5), [5, 4, 3, 2, 1, 0]);
  });

  it("looks at a long chunk in pieces, and loses nothing between them", () => {
    const random = randomNumbers(21);
    const lengths = [10, 20_000, 20_000, 30_000, 3, 65_000, 70_000];
    const frames = lengths.map((length) => frame({ opcode: BINARY, payload: randomBytes(random, length) }));
    const chunk = concat(frames);
    const scan = scanner();
    scan.push(chunk);
    const seen: Found[] = [];
    let scans = 0;
    while (scan.open()) {
      scan.scan();
      scans++;
      const here = found(scan);
      for (const { chunkOffset, streamOffset } of here) assert.equal(chunkOffset, streamOffset);
      seen.push(...here);
    }
    assert.ok(scans > 2);
    let end = 0;
    const wanted = frames.map((bytes, i) => (end += bytes.length) - lengths[i]);
    assert.deepEqual(
      seen.filter(({ first }) => first).map(({ chunkOffset }) => chunkOffset),
      wanted,
    );
    assert.equal(
      seen.reduce((sum, { length }) => sum + length, 0),
      lengths.reduce((sum, length) => sum + length),
    );
  });

  it("views the chunk under way, as plain bytes also of a Buffer", () => {
    const scan = scanner();
    const chunk = Buffer.from(text("Hello"));
    scan.push(chunk);
    assert.ok(scan.open());
    scan.scan();
    const view = scan.view(2, 4);
    assert.equal(toHex(view), "37fa213d");
    assert.equal(view.buffer, chunk.buffer);
    assert.ok(!Buffer.isBuffer(view));
  });

  it("unmasks the chunk when told so, once", () => {
    const scan = scanner();
    const memory = concat([hex("ff"), text("Hello"), hex("ee")]);
    scan.push(memory.subarray(1, -1));
    assert.ok(scan.open());
    scan.scan();
    assert.equal(toHex(memory), "ff 81 85 37fa213d 7f9f4d5158 ee".replaceAll(" ", ""));
    scan.unmaskChunk();
    assert.equal(toHex(memory), "ff 81 85 37fa213d 48656c6c6f ee".replaceAll(" ", ""));
    memory.fill(0);
    scan.unmaskChunk();
    assert.ok(memory.every((byte) => byte === 0));
  });

  it("keeps its records and unmasks its chunk when another takes the window", () => {
    const scan = scanner();
    const chunk = concat([text("one"), text("two")]);
    scan.push(chunk);
    assert.ok(scan.open());
    scan.scan();
    const before = found(scan);
    assert.deepEqual([scan.inKernel, scan.space.holder], [true, scan]);
    const other = scanner();
    other.push(concat([text("something else"), hex("8900")]));
    assert.ok(other.open());
    other.scan();
    assert.deepEqual([scan.inKernel, scan.space.holder], [false, other]);
    assert.deepEqual(found(scan), before);
    assert.equal(toHex(scan.view(before[0].chunkOffset, 3)), toHex(utf8("one")));
    assert.equal(toHex(scan.view(before[1].chunkOffset, 3)), toHex(utf8("two")));
    assert.equal(found(other).length, 2);
  });

  it("is evicted without a word when its chunk lost its memory, and says so when it is opened", () => {
    const scan = scanner();
    const chunk = concat([text("one"), frame({ opcode: BINARY, payload: new Uint8Array(100_000) })]);
    scan.push(chunk);
    assert.ok(scan.open());
    scan.scan();
    assert.equal(scan.isDone, false);
    structuredClone(chunk, { transfer: [chunk.buffer] });
    const other = scanner();
    other.push(text("other"));
    assert.ok(other.open());
    other.scan();
    assert.equal(found(other).length, 1);
    assert.throws(() => scan.open(), InvalidStateError);
  });

  it("holds no chunk and no window once released, and goes on at the same place of the stream", () => {
    const scan = scanner();
    const first = text("first, cut").slice(0, 9);
    scan.push(first);
    assert.ok(scan.open());
    scan.scan();
    scan.release();
    assert.deepEqual([scan.inKernel, workspace().holder, scan.isDone], [false, undefined, true]);
    assert.throws(() => scan.view(0, 10), RangeError);
    assert.equal(scan.remaining, 7);
    const rest = text("first, cut").slice(9);
    scan.push(rest);
    assert.ok(scan.open());
    scan.scan();
    assert.deepEqual(found(scan), [
      { opcode: TEXT, ...whole, first: false, streamOffset: 9, chunkOffset: 0, length: 7 },
    ]);
  });

  it("leaves the window to another that holds it when released", () => {
    const [scan, other] = [scanner(), scanner()];
    for (const one of [scan, other]) {
      one.push(text("x"));
      assert.ok(one.open());
      one.scan();
    }
    scan.release();
    assert.equal(workspace().holder, other);
    other.release();
    assert.equal(workspace().holder, undefined);
  });

  it("drops bytes behind a stop, cut or waiting", () => {
    const scan = scanner();
    scan.push(concat([frame({ opcode: CLOSE, key: KEY }), text("cut").slice(0, 8)]));
    scan.push(text("waits"));
    assert.ok(scan.open());
    scan.scan();
    assert.ok(scan.remaining > 0);
    scan.stop();
    assert.deepEqual([scan.remaining, scan.isDone, scan.isAtRest], [0, true, true]);
    assert.equal(scan.open(), false);
  });

  it("forgets a violation behind a stop", () => {
    const scan = scanner();
    scan.push(concat([frame({ opcode: CLOSE, key: KEY }), hex("ff")]));
    assert.ok(scan.open());
    scan.scan();
    assert.notEqual(scan.violation, undefined);
    scan.stop();
    assert.deepEqual([scan.violation, scan.isAtRest, scan.open()], [undefined, true, false]);
  });

  it("describes a violation at its place in the stream, and looks at nothing behind it", () => {
    const scan = scanner(0, 1000);
    scan.push(hex("89"));
    assert.ok(scan.open());
    scan.scan();
    scan.push(concat([hex("00"), headerOf({ opcode: PING, payload: hex("00"), lengthBytes: 2, key: KEY })]));
    scan.push(text("waits"));
    assert.ok(scan.open());
    scan.scan();
    assert.deepEqual(
      found(scan).map(({ opcode }) => opcode),
      [PING],
    );
    const { violation } = scan;
    assert.deepEqual(
      [violation?.code, violation?.offset, violation?.message],
      ["WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", 3, "Invalid WebSocket frame: invalid payload length 126"],
    );
    assert.deepEqual([scan.isAtRest, scan.open()], [false, false]);
  });

  it("finds a violation in a header that began in the chunk before", () => {
    const scan = scanner(0, 1000);
    scan.push(hex("82 7e 03"));
    assert.ok(scan.open());
    scan.scan();
    scan.push(hex("e9"));
    assert.ok(scan.open());
    scan.scan();
    assert.deepEqual(
      [scan.violation?.code, scan.violation?.offset],
      ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 2],
    );
  });

  it("may begin inside a message, and then is at rest behind that message only", () => {
    const bytes = hex("00 01 62  80 01 63");
    const strict = scanner();
    strict.push(new Uint8Array(bytes));
    assert.ok(strict.open());
    strict.scan();
    assert.equal(strict.violation?.offset, 0);
    const mid = scanner(0, Infinity, true);
    mid.push(bytes);
    assert.ok(mid.open());
    mid.scan();
    assert.deepEqual([mid.violation, found(mid).length, mid.isAtRest], [undefined, 2, true]);
  });
});
