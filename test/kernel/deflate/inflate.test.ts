/** inflate: what zlib inflates, cut anywhere; what zlib rejects; every boundary of RFC 1951 by hand. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import zlib from "node:zlib";
import * as layout from "../../../src/kernel/generated/compression-layout.js";
import { instantiateCompression } from "../../../src/kernel/index.js";
import { KINDS, messages, sample } from "../../support/corpus.js";
import {
  CODE_LENGTHS,
  codeOf,
  DeflateWriter,
  DISTANCE_CODES,
  END_OF_BLOCK,
  extendBy,
  FIXED_DISTANCES,
  FIXED_LITERALS,
  LENGTH_CODES,
} from "../../support/deflate-writer.js";
import { concat } from "../../support/frames.js";
import { hex, toHex, utf8 } from "../../support/hex.js";
import { inflateByZlib, Judge, makePool, makeStream } from "../../support/inflate-cases.js";
import { type Inflated, Inflater, type InflaterOptions } from "../../support/inflater.js";
import { randomBytes, randomNumbers, runCount } from "../../support/property.js";
import { ZlibDeflater } from "../../support/zlib-streams.js";

type Bytes = Uint8Array<ArrayBuffer>;

const STRATEGIES = [0, 1, 2, 3, 4]; // default, filtered, Huffman only, runs, fixed
const LEVELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
/** RFC 7692 §7.2.2: what the receiver appends to a message. */
const TAIL = hex("00 00 ff ff");

const kernel = instantiateCompression();

/** Byte by byte. */
function eachByte(bytes: Uint8Array): Uint8Array[] {
  return Array.from({ length: bytes.length }, (_, i) => bytes.subarray(i, i + 1));
}

function randomPieces(random: () => number, bytes: Uint8Array, most: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = random() % most;
    pieces.push(bytes.subarray(at, at + length));
    at += length;
  }
  return pieces;
}

function assertSame(seen: Uint8Array, wanted: Uint8Array, what: string): void {
  if (Buffer.from(seen).equals(wanted)) return;
  let at = 0;
  while (seen[at] === wanted[at]) at++;
  assert.fail(`${what}: ${seen.length} bytes, not ${wanted.length}, or other ones from byte ${at}`);
}

/** Inflates a whole stream and checks that nothing is left. */
function check(
  pieces: readonly Uint8Array[],
  wanted: Uint8Array,
  what: string,
  options?: InflaterOptions,
): Inflater {
  const inflater = new Inflater(kernel, options);
  const { status, output } = inflater.pushAll(pieces);
  assert.equal(status, layout.INFLATE_MORE, what);
  assertSame(output, wanted, what);
  assert.ok(inflater.isAtBoundary, `${what}: nothing is left`);
  return inflater;
}

function deflate(bytes: Uint8Array, options: zlib.ZlibOptions): Uint8Array {
  return zlib.deflateRawSync(bytes, options);
}

/** Messages of one stream with context takeover, each ended by an empty stored block. */
function deflateMessages(all: readonly Uint8Array[], options: zlib.ZlibOptions): Bytes[] {
  const stream = new ZlibDeflater(options);
  const deflated = all.map((message) => stream.message(message, false));
  stream.close();
  return deflated;
}

describe("inflate: what zlib deflates", () => {
  const random = randomNumbers(11);
  const period = (length: number, total: number) =>
    Uint8Array.from({ length: total }, (_, i) => (i % length) * 7);
  const data: readonly (readonly [name: string, bytes: Uint8Array])[] = [
    ["nothing", new Uint8Array(0)],
    ["one byte", utf8("a")],
    ["two bytes", utf8("ab")],
    ...KINDS.map((kind) => [`${kind} of 200 B`, sample(kind, 200)] as const),
    ...KINDS.map((kind) => [`${kind} of 5 KB`, sample(kind, 5000)] as const),
    ["long runs", concat([1, 2, 300, 258, 259, 5000].map((n) => new Uint8Array(n).fill(n)))],
  ];

  for (const [name, bytes] of data) {
    it(`inflates ${name} of every level, strategy and window, whole and cut`, () => {
      for (const level of LEVELS) {
        for (const strategy of STRATEGIES) {
          const windowBits = 9 + ((level + strategy) % 7);
          const stream = deflate(bytes, { level, strategy, windowBits, memLevel: 1 + (level % 9) });
          const what = `level ${level}, strategy ${strategy}`;
          check([stream], bytes, what, { windowBits });
          // zlib's matches stay 262 bytes off the end of its window: those of 512 B reach back 250.
          if (windowBits === 9) check([stream], bytes, what, { windowBits: 8, room: 1024 });
          if (level % 3 === 0) check(eachByte(stream), bytes, what, { windowBits, room: 1024 });
          check(randomPieces(random, stream, 40), bytes, what, { windowBits, room: 2000 });
        }
      }
    });
  }

  it("inflates every period below 40", () => {
    for (let length = 1; length < 40; length++) {
      const bytes = period(length, 1000 + length);
      const stream = deflate(bytes, { level: 9 });
      check([stream], bytes, `period ${length}`);
      check(eachByte(stream), bytes, `period ${length}`);
    }
  });

  for (const kind of KINDS) {
    it(`inflates 200 KB of ${kind} through every window, large and small`, () => {
      const bytes = sample(kind, 200_000);
      for (let windowBits = 9; windowBits <= 15; windowBits++) {
        const stream = deflate(bytes, { windowBits, level: [1, 6, 9][windowBits % 3] });
        const rooms = [1024, 1025, 5000, Math.min(131072 - (1 << windowBits), 65536)];
        for (const room of rooms) {
          const { fullCount } = check([stream], bytes, `room ${room}`, { windowBits, room });
          const pieces = Math.ceil(stream.length / layout.INPUT_LENGTH);
          assert.ok(fullCount + pieces >= 200_000 / (room + (1 << windowBits)), "no call makes more");
          check(randomPieces(random, stream, 3000), bytes, `room ${room}, cut`, { windowBits, room });
        }
      }
    });
  }

  it("inflates 200 KB byte by byte", () => {
    const bytes = concat([sample("json", 60_000), sample("random", 5000), sample("zeros", 140_000)]);
    check(eachByte(deflate(bytes, {})), bytes, "mixed");
  });

  it("inflates streams of messages, several in turn in one instance", () => {
    const kinds = ["json", "text", "binary", "random"] as const;
    const streams = kinds.map((kind, i) => {
      const windowBits = [9, 12, 15, 10][i];
      const options = { windowBits: [8, 12, 15, 10][i], room: [1024, 3000, 65536, 2000][i] };
      const all = messages(kind, [90, 700, 3000, 300][i], 60, i);
      return { all, options, deflated: deflateMessages(all, { windowBits, level: 3 + 2 * i }) };
    });
    let block: number = layout.BLOCKS;
    const inflaters = streams.map(({ options }) => {
      const inflater = new Inflater(kernel, { ...options, block, garbage: 0xa5 });
      block += (inflater.length + 7) & ~7;
      return inflater;
    });
    for (let i = 0; i < 60; i++) {
      // Each message in as many steps, so that all streams stand inside a block at the same time.
      const steps = 1 + (i % 7);
      const outputs = streams.map((): Bytes[] => []);
      for (let step = 0; step < steps; step++) {
        streams.forEach(({ deflated }, s) => {
          const { length } = deflated[i];
          const from = Math.floor((length * step) / steps);
          const piece = deflated[i].subarray(from, Math.floor((length * (step + 1)) / steps));
          const { status, output } = inflaters[s].pushAll([piece]);
          assert.equal(status, layout.INFLATE_MORE);
          outputs[s].push(output);
        });
      }
      streams.forEach(({ all }, s) => {
        assertSame(concat(outputs[s]), all[i], `message ${i} of stream ${s}`);
        assert.ok(inflaters[s].isAtBoundary);
      });
    }
  });

  it("has room for every small message", () => {
    // Half of the room at least: 1024 of the 2048 bytes.
    const all = messages("json", 600, 200).filter(({ length }) => length <= 1024);
    const deflated = deflateMessages(all, {});
    const inflater = new Inflater(kernel, { room: 2048 });
    deflated.forEach((message, i) => {
      assertSame(inflater.push(message).output, all[i], `message ${i}`);
    });
    assert.equal(inflater.fullCount, 0);
  });

  it("moves the history no more often than every half of the room", () => {
    const all = messages("json", 400, 400);
    const inflater = new Inflater(kernel, { windowBits: 12, room: 8192 });
    for (const message of deflateMessages(all, { windowBits: 12 })) inflater.push(message);
    const total = concat(all).length;
    assert.ok(inflater.slideCount > total / 8192, "it moves");
    assert.ok(inflater.slideCount <= total / 4096, `${inflater.slideCount} times for ${total} bytes`);
  });

  it("reads input anywhere in INPUT, up to its end", () => {
    const bytes = sample("text", 3000);
    const stream = deflate(bytes, {});
    for (const offset of [1, 2, 3, 7, 1001, layout.INPUT_LENGTH - stream.length]) {
      const { output } = new Inflater(kernel, { garbage: 0xff }).push(stream, offset);
      assertSame(output, bytes, `offset ${offset}`);
    }
  });
});

/** Inflates a stream by hand whole and cut in every way, and compares with zlib too if that is asked for. */
function checkByHand(
  stream: Uint8Array,
  wanted: Inflated,
  what: string,
  options: InflaterOptions = {},
  zlibAgrees = true,
): void {
  const cuts = [[stream], eachByte(stream)];
  const stride = Math.max(1, stream.length >> 5);
  for (let cut = 1; cut < stream.length; cut += stride)
    cuts.push([stream.subarray(0, cut), stream.subarray(cut)]);
  for (const pieces of cuts) {
    for (const garbage of [0x00, 0xff, 0x5a]) {
      const { status, output } = new Inflater(kernel, { ...options, garbage }).pushAll(pieces);
      const cut = `${what}, cut at ${pieces[0]?.length}, among ${garbage}`;
      assert.equal(status, wanted.status, cut);
      assertSame(output, wanted.output, cut);
    }
  }
  if (!zlibAgrees) return;
  const other = inflateByZlib(stream);
  assert.equal(other !== undefined, wanted.status === layout.INFLATE_MORE, `${what}: zlib`);
  if (other !== undefined) assertSame(wanted.output, other.output, `${what}: zlib`);
}

function fine(output: ArrayLike<number>): Inflated {
  return { status: layout.INFLATE_MORE, output: Uint8Array.from(output) };
}

function wrong(status: number, output: ArrayLike<number> = []): Inflated {
  return { status, output: Uint8Array.from(output) };
}

/** Code lengths with those that are given, and 0 for all others. */
function lengthsOf(count: number, given: Readonly<Record<number, number>>): number[] {
  return Array.from({ length: count }, (_, symbol) => given[symbol] ?? 0);
}

const ABC = utf8("abc");

describe("inflate: streams by hand", () => {
  it("inflates the examples of RFC 7692 §7.2.3", () => {
    const hello = utf8("Hello");
    const examples: readonly (readonly [name: string, payload: Bytes])[] = [
      ["§7.2.3.1", hex("f2 48 cd c9 c9 07 00")],
      ["§7.2.3.3: a block without compression", hex("00 05 00 fa ff 48 65 6c 6c 6f 00")],
      ["§7.2.3.4: a final block", hex("f3 48 cd c9 c9 07 00 00")],
      ["§7.2.3.5: two blocks", hex("f2 48 05 00 00 00 ff ff ca c9 c9 07 00")],
    ];
    for (const [name, payload] of examples) {
      const message = concat([payload, TAIL]);
      checkByHand(message, fine(hello), name, {}, !name.includes("final"));
      check([payload, TAIL], hello, name);
    }
    // §7.2.3.2: the window is shared, so the second message is one match.
    const inflater = new Inflater(kernel);
    assertSame(inflater.pushAll([hex("f2 48 cd c9 c9 07 00"), TAIL]).output, hello, "§7.2.3.1");
    assertSame(inflater.pushAll([hex("f2 00 11 00 00"), TAIL]).output, hello, "§7.2.3.2");
    assert.ok(inflater.isAtBoundary);
  });

  it("stands between two blocks behind an empty stored block, and keeps the beginning of one", () => {
    const inflater = new Inflater(kernel);
    assert.equal(inflater.push(hex("f2 48 cd c9 c9 07 00")).status, layout.INFLATE_MORE);
    // The header of the empty block is here, and three bits of padding more than it needs.
    assert.equal(inflater.rest.state, layout.INFLATE_AT_BLOCK);
    assert.equal(inflater.rest.spill.length, 1);
    inflater.push(TAIL);
    assert.deepEqual(inflater.rest, { state: layout.INFLATE_AT_BLOCK, bitOffset: 0, spill: hex("") });
    // Once more the same bytes, now from the boundary of a byte on: a header that is not all here.
    inflater.push(TAIL);
    assert.deepEqual(inflater.rest, { state: layout.INFLATE_AT_BLOCK, bitOffset: 0, spill: TAIL });
    const other = new Inflater(kernel);
    for (const byte of eachByte(TAIL)) other.push(byte);
    assert.deepEqual(other.rest, { state: layout.INFLATE_AT_BLOCK, bitOffset: 0, spill: TAIL });
    assert.equal(other.push(hex("")).status, layout.INFLATE_MORE);
    assert.deepEqual(other.rest.spill, TAIL);
    assert.equal(other.push(hex("01")).status, layout.STATUS_STORED_LENGTH);
  });

  it("goes on with other blocks behind a final one, on the boundary of a byte, with the same window", () => {
    for (let length = 0; length < 9; length++) {
      const filler = new Uint8Array(length).fill(0x61);
      const first = new DeflateWriter().fixed(true).literals(ABC).literals(filler).end();
      const second = new DeflateWriter()
        .fixed(true)
        .match(3, 3 + length)
        .end();
      const third = new DeflateWriter().stored(ABC, true);
      const fourth = new DeflateWriter()
        .dynamic(lengthsOf(260, { 97: 1, 256: 2, 257: 2 }), [1], true)
        .symbol(97)
        .symbol(257)
        .distanceSymbol(0)
        .end();
      const stream = concat([first, second, third, fourth, third].map((writer) => writer.stream));
      const wanted = concat([ABC, filler, ABC, ABC, utf8("aaaa"), ABC]);
      checkByHand(stream, fine(wanted), `${length} bytes`, {}, false);
      check([stream], wanted, "at a boundary");
    }
  });

  it("inflates every length at every small distance, and at the boundaries of every distance code", () => {
    const history = randomBytes(randomNumbers(5), 32768);
    const distances = Array.from({ length: 34 }, (_, i) => i + 1);
    for (const [least, extra] of DISTANCE_CODES) distances.push(least, least + (1 << extra) - 1);
    for (const distance of distances) {
      const writer = new DeflateWriter().stored(history).fixed();
      const wanted = [...history.subarray(0)];
      // All lengths where the bytes repeat within a vector or two, some for the rest.
      for (let length = 3; length <= 258; length += distance > 34 ? 17 : 1) {
        writer.match(length, distance).literals([length & 0xff]);
        extendBy(wanted, length, distance).push(length & 0xff);
      }
      const stream = writer.match(258, distance).end().stream;
      extendBy(wanted, 258, distance);
      const bytes = Uint8Array.from(wanted);
      for (const pieces of [[stream], randomPieces(randomNumbers(distance), stream, 90)]) {
        const { status, output } = new Inflater(kernel, { room: 70_000 }).pushAll(pieces);
        assert.equal(status, layout.INFLATE_MORE);
        assertSame(output, bytes, `distance ${distance}`);
        // Through a window that must slide, and ends inside matches.
        const small = new Inflater(kernel, { room: 1024 + (distance & 255) });
        assertSame(small.pushAll(pieces).output, bytes, `distance ${distance}, little room`);
      }
    }
  });

  it("knows every length code with the least and the greatest of its extra bits", () => {
    const writer = new DeflateWriter().fixed().literals(ABC);
    const wanted = [...ABC];
    LENGTH_CODES.forEach(([least, extra], code) => {
      // All extra bits set: of code 284 that is 258, which has a code of its own too.
      for (const more of [0, (1 << extra) - 1]) {
        writer
          .symbol(257 + code)
          .bits(more, extra)
          .distanceSymbol(2);
        extendBy(wanted, least + more, 3);
      }
    });
    checkByHand(writer.end().stream, fine(wanted), "lengths");
  });

  it("reaches back as far as the window, and no further", () => {
    for (let windowBits = 8; windowBits <= 15; windowBits++) {
      const size = 1 << windowBits;
      const bytes = randomBytes(randomNumbers(windowBits), size + 300);
      for (const [at, distance, right] of [
        [size, size, true],
        [size - 1, size - 1, true],
        [size - 1, size, false],
        [size, size + 1, false],
        [size + 300, size, true],
        [size + 300, size + 1, false],
        [1, 1, true],
        [1, 2, false],
        [0, 1, false],
      ] as const) {
        if (distance > 32768) continue;
        const before = bytes.subarray(0, at);
        // Once for the loop of many symbols, once for the end of the input.
        for (const after of [0, 40]) {
          const literals = utf8("x".repeat(after));
          const writer = new DeflateWriter().stored(before).fixed().match(258, distance);
          const { stream } = writer.literals(literals).end();
          const extended = right ? [...extendBy([...before], 258, distance), ...literals] : before;
          const wanted = right ? fine(extended) : wrong(layout.STATUS_DISTANCE, extended);
          const what = `${distance} of ${at}, window ${size}`;
          const { status, output } = new Inflater(kernel, { windowBits }).pushAll([stream]);
          assert.equal(status, wanted.status, what);
          assertSame(output, wanted.output, what);
          if (windowBits < 10)
            checkByHand(stream, wanted, what, { windowBits, room: 1024 }, right || at < size);
        }
      }
    }
  });

  it("keeps a window of 256 bytes through all slides", () => {
    const random = randomNumbers(8);
    for (const room of [1024, 1025, 1100, 1279, 4000]) {
      const writer = new DeflateWriter();
      const first = randomBytes(random, 256);
      const wanted = [...first];
      writer.stored(first).fixed(true);
      for (let i = 0; i < 600; i++) {
        const length = random() & 1 ? 258 : 3 + (random() % 20);
        const distance = random() & 1 ? 256 : 1 + (random() % 256);
        writer.match(length, distance).literals([i & 0xff]);
        extendBy(wanted, length, distance).push(i & 0xff);
      }
      const { stream } = writer.end();
      const options = { windowBits: 8, room };
      for (const pieces of [[stream], eachByte(stream), randomPieces(random, stream, 300)]) {
        check(pieces, Uint8Array.from(wanted), `room ${room}`, options);
      }
    }
  });

  it("inflates codes of every length up to 15, in subtables, for literals, lengths and distances", () => {
    // One code of each length and two of 15: literals and lengths in turn, so that both have long ones; then such
    // that what takes the most bits takes as many as there can be.
    const inTurn = [0x61, 0x62, 258, 0x63, 269, 0x64, 270, 0x65, 285, 0x66, 284, 0x67, 277, 256, 0x68, 281];
    const longLast = [
      0x61, 0x62, 0x63, 257, 0x64, 258, 0x65, 0x66, 0x67, 0x68, 0x69, 277, 256, 281, 283, 284,
    ];
    const farFirst = [29, 28, 0, 27, 1, 26, 2, 25, 3, 24, 4, 22, 16, 10, 9, 8];
    for (const [symbols, distanceSymbols] of [
      [inTurn, farFirst],
      [longLast, farFirst.toReversed()],
    ]) {
      const lengths = lengthsOf(286, {});
      symbols.forEach((symbol, i) => {
        lengths[symbol] = Math.min(i + 1, 15);
      });
      const distances = lengthsOf(30, {});
      distanceSymbols.forEach((symbol, i) => {
        distances[symbol] = Math.min(i + 1, 15);
      });
      const history = randomBytes(randomNumbers(9), 32768);
      const writer = new DeflateWriter().stored(history).dynamic(lengths, distances, true);
      const wanted = [...history];
      const random = randomNumbers(10);
      for (let i = 0; i < 8000; i++) {
        const symbol = symbols[random() % 16];
        if (symbol === 256) continue;
        writer.symbol(symbol);
        if (symbol < 256) {
          wanted.push(symbol);
          continue;
        }
        const [length, lengthExtra] = LENGTH_CODES[symbol - 257];
        const moreLength = random() & ((1 << lengthExtra) - 1);
        const distanceSymbol = distanceSymbols[random() % 16];
        const [distance, distanceExtra] = DISTANCE_CODES[distanceSymbol];
        const moreDistance = random() & ((1 << distanceExtra) - 1);
        writer.bits(moreLength, lengthExtra).distanceSymbol(distanceSymbol).bits(moreDistance, distanceExtra);
        extendBy(wanted, length + moreLength, distance + moreDistance);
      }
      const { stream } = writer.end();
      const bytes = Uint8Array.from(wanted);
      assertSame(inflateByZlib(stream)!.output, bytes, "zlib");
      for (const room of [1024, 90_000]) {
        for (const pieces of [[stream], randomPieces(random, stream, 60)])
          check(pieces, bytes, "subtables", { room });
      }
    }
  });

  it("inflates with a code for every symbol, most of them long", () => {
    const grow = (lengths: number[], deepest: number, count: number) => {
      const leaves = [deepest];
      while (lengths.length + leaves.length < count) {
        const leaf = leaves.shift()!;
        leaves.push(leaf + 1, leaf + 1);
      }
      return [...lengths, ...leaves];
    };
    const literals = grow([1, 2, 3, 4, 5, 6], 6, 286);
    const distances = grow([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 10, 30);
    assert.deepEqual([Math.max(...literals), Math.max(...distances)], [15, 15]);
    const all = Uint8Array.from({ length: 256 }, (_, i) => i);
    const writer = new DeflateWriter().dynamic(literals, distances).literals(all).literals(all);
    const wanted = [...all, ...all];
    for (let length = 3; length <= 258; length++) {
      const distance = 2 * length - (length & 1);
      writer.match(length, distance);
      extendBy(wanted, length, distance);
    }
    checkByHand(writer.end().stream, fine(wanted), "long codes");
  });

  it("takes codes with a single symbol, and blocks without distances", () => {
    const end = lengthsOf(257, { 256: 1 });
    checkByHand(new DeflateWriter().dynamic(end, [0]).end().stream, fine([]), "nothing but an end");
    checkByHand(
      new DeflateWriter().dynamic(end, [0]).bits(1, 1).stream,
      wrong(layout.STATUS_SYMBOL),
      "its other bit",
    );
    const literals = lengthsOf(258, { 97: 1, 256: 2, 257: 2 });
    const begin = (distances: number[]) => new DeflateWriter().dynamic(literals, distances).literals([97]);
    checkByHand(begin([0]).end().stream, fine([97]), "no distances");
    checkByHand(
      begin([0]).symbol(257).bits(0, 8).stream,
      wrong(layout.STATUS_SYMBOL, [97]),
      "a match without",
    );
    checkByHand(begin([1]).match(3, 1).end().stream, fine(utf8("aaaa")), "one distance");
    checkByHand(begin([1]).symbol(257).bits(1, 8).stream, wrong(layout.STATUS_SYMBOL, [97]), "its other bit");
    checkByHand(
      begin([0, 1]).literals([97]).match(3, 2).end().stream,
      fine(utf8("aaaaa")),
      "the second alone",
    );
    checkByHand(
      begin([1, 1]).literals([97]).match(3, 2).match(3, 1).end().stream,
      fine(utf8("aaaaaaaa")),
      "two distances",
    );
  });

  it("takes stored blocks of every size, empty ones too", () => {
    const long = randomBytes(randomNumbers(3), 65535);
    for (const room of [1024, 70_000]) {
      const stream = new DeflateWriter().stored([]).stored(ABC).stored(long).stored([], true).stream;
      const wanted = concat([ABC, long]);
      check([stream], wanted, "stored", { room });
      check(randomPieces(randomNumbers(4), stream, 2000), wanted, "stored", { room });
    }
  });

  it("ends with a match, a literal or a stored byte that finds no room, and goes on", () => {
    // Output that ends before, at and behind the end of the window of 1280 bytes, by each kind of symbol.
    for (let length = 1015; length < 1285; length += length < 1270 ? 15 : 1) {
      const filler = new Uint8Array(length).fill(0x66);
      const begin = () => new DeflateWriter().stored(filler);
      const all: readonly (readonly [writer: DeflateWriter, more: readonly number[]])[] = [
        [begin().fixed(true).literals(ABC).end(), [...ABC]],
        [begin().fixed(true).match(258, 1).end(), new Array<number>(258).fill(0x66)],
        [begin().fixed(true).match(17, 5).literals(ABC).end(), [...new Array<number>(17).fill(0x66), ...ABC]],
        [begin().stored(ABC), [...ABC]],
        [
          begin()
            .dynamic(lengthsOf(257, { 97: 1, 256: 1 }), [0], true)
            .literals([97, 97])
            .end(),
          [97, 97],
        ],
      ];
      for (const [writer, more] of all) {
        const wanted = concat([filler, Uint8Array.from(more)]);
        const options = { windowBits: 8, room: 1024 };
        check([writer.stream], wanted, `${length}`, options);
        check(eachByte(writer.stream), wanted, `${length}`, options);
      }
    }
  });
});

describe("inflate: errors", () => {
  const stop = ABC;
  /** Something before the error, whose output must come out. */
  const after = () => new DeflateWriter().fixed().literals(stop).end();
  const fails = (status: number, writer: DeflateWriter, output: ArrayLike<number> = stop) => {
    const { stream } = writer;
    // With nothing behind it, and with enough for the loop of many symbols.
    checkByHand(stream, wrong(status, output), `status ${status}: ${toHex(stream)}`);
    const longer = concat([stream, new Uint8Array(40).fill(0x33)]);
    checkByHand(longer, wrong(status, output), `status ${status}: ${toHex(longer)}`);
  };

  it("rejects a block of type 3", () => {
    fails(layout.STATUS_BLOCK_TYPE, after().bits(6, 3));
    fails(layout.STATUS_BLOCK_TYPE, after().bits(7, 3));
    fails(layout.STATUS_BLOCK_TYPE, new DeflateWriter().bits(6, 3), []);
  });

  it("rejects a stored block whose lengths do not agree, in any bit", () => {
    for (let bit = 0; bit < 16; bit++) {
      fails(layout.STATUS_STORED_LENGTH, after().storedHeader(0, false, 0xffff ^ (1 << bit)));
      fails(layout.STATUS_STORED_LENGTH, after().storedHeader(1 << bit, true, 0xffff));
    }
  });

  it("rejects more symbols than there are", () => {
    for (const [literals, distances] of [
      [287, 1],
      [288, 30],
      [257, 31],
      [286, 32],
    ]) {
      fails(layout.STATUS_CODE_LENGTHS, after().dynamicHeader(literals, distances, CODE_LENGTHS));
    }
  });

  it("rejects code lengths for code lengths that make no code", () => {
    const wrongCodes: readonly Readonly<Record<number, number>>[] = [
      { 0: 1, 1: 1, 2: 1 }, // over-subscribed
      { 0: 1, 1: 2, 2: 2, 18: 7 },
      { 0: 1 }, // single ones
      { 18: 1 },
      { 16: 7 },
      { 0: 1, 1: 2, 2: 3 }, // incomplete
      { 0: 2, 1: 2, 2: 2 },
    ];
    for (const given of wrongCodes) {
      fails(layout.STATUS_CODE_LENGTHS, after().dynamicHeader(257, 1, lengthsOf(19, given)));
    }
    // None at all: zlib reads zeros, one bit for each, and misses the end of the block.
    const none = after().dynamicHeader(257, 1, lengthsOf(19, {}));
    checkByHand(none.stream, fine(stop), "none, so far");
    for (let i = 0; i < 258; i++) none.bits(i & 1, 1);
    fails(layout.STATUS_CODE_LENGTHS, none);
  });

  it("rejects repeats of nothing, and repeats beyond the last symbol", () => {
    const code = codeOf(CODE_LENGTHS);
    const begin = (literals = 257, distances = 1) => after().dynamicHeader(literals, distances, CODE_LENGTHS);
    fails(layout.STATUS_CODE_LENGTHS, begin().code(code[16]).bits(0, 2));
    // 258 lengths in all: 138 and 119 of them, then one too many.
    const nearly = () => begin().code(code[18]).bits(127, 7).code(code[18]).bits(107, 7);
    fails(layout.STATUS_CODE_LENGTHS, nearly().code(code[16]).bits(0, 2));
    fails(layout.STATUS_CODE_LENGTHS, nearly().code(code[17]).bits(0, 3));
    fails(layout.STATUS_CODE_LENGTHS, nearly().code(code[18]).bits(0, 7));
    fails(layout.STATUS_CODE_LENGTHS, begin().code(code[18]).bits(127, 7).code(code[18]).bits(127, 7));
    // By one, and with codes that would be right without: 255 and 256 have one bit each.
    const zeros = (distances: number) =>
      begin(257, distances)
        .code(code[18])
        .bits(127, 7)
        .code(code[18])
        .bits(117 - 11, 7)
        .code(code[1]);
    fails(layout.STATUS_CODE_LENGTHS, zeros(1).code(code[16]).bits(0, 2));
    fails(layout.STATUS_CODE_LENGTHS, zeros(2).code(code[1]).code(code[17]).bits(0, 3));
  });

  it("reads repeats across the boundary between literals and distances", () => {
    const code = codeOf(CODE_LENGTHS);
    // Symbols 0 to 255 have no code; 256, 257 and the distances 0 and 1 have one bit each: 1 and three times more.
    const writer = after().dynamicHeader(258, 2, CODE_LENGTHS);
    writer
      .code(code[18])
      .bits(127, 7)
      .code(code[18])
      .bits(118 - 11, 7);
    writer.code(code[1]).code(code[16]).bits(0, 2);
    // The end has the code 0, the length 3 the code 1.
    writer.bits(1, 1).bits(1, 1).bits(1, 1).bits(0, 1).bits(0, 1);
    checkByHand(writer.stream, fine(extendBy(extendBy([...stop], 3, 2), 3, 1)), "across");
  });

  it("rejects codes for literals and lengths that are not codes", () => {
    for (const given of [
      { 97: 1, 98: 1, 256: 1 }, // over-subscribed
      { 97: 1, 98: 2, 99: 2, 256: 15 },
      { 97: 2, 256: 2 }, // incomplete
      { 97: 1, 256: 2 },
      { 97: 15, 256: 15 },
      { 256: 2 }, // single ones of more than one bit
      { 256: 15 },
      { 97: 1, 98: 1 }, // without an end
      { 97: 1 },
      {},
    ]) {
      fails(layout.STATUS_CODE_LENGTHS, after().dynamic(lengthsOf(257, given), [1, 1]));
    }
  });

  it("rejects codes for distances that are not codes", () => {
    const literals = lengthsOf(257, { 97: 1, 256: 1 });
    for (const distances of [[1, 1, 1], [1, 2, 2, 15], [2], [0, 15], [2, 2], [1, 2], [2, 2, 2]]) {
      fails(layout.STATUS_CODE_LENGTHS, after().dynamic(literals, distances));
    }
  });

  it("rejects symbols without meaning", () => {
    fails(layout.STATUS_SYMBOL, after().fixed().literals(stop).symbol(286), [...stop, ...stop]);
    fails(layout.STATUS_SYMBOL, after().fixed().literals(stop).symbol(287), [...stop, ...stop]);
    fails(layout.STATUS_SYMBOL, after().fixed().symbol(257).distanceSymbol(30));
    fails(layout.STATUS_SYMBOL, after().fixed().symbol(285).distanceSymbol(31));
    assert.deepEqual([FIXED_LITERALS.length, FIXED_DISTANCES.length, END_OF_BLOCK], [288, 32, 256]);
  });

  it("rejects distances beyond the beginning, in every kind of block", () => {
    fails(layout.STATUS_DISTANCE, after().fixed().match(3, 4));
    fails(layout.STATUS_DISTANCE, after().fixed().match(258, 32768));
    fails(layout.STATUS_DISTANCE, after().fixed().literals(stop).match(3, 7), [...stop, ...stop]);
    const lengths = lengthsOf(258, { 97: 1, 256: 2, 257: 2 });
    fails(layout.STATUS_DISTANCE, after().dynamic(lengths, [2, 2, 2, 2]).match(3, 4));
    fails(layout.STATUS_DISTANCE, new DeflateWriter().fixed().match(3, 1), []);
  });

  it("delivers everything before an error and nothing behind it, at any position", () => {
    const behind = new Uint8Array(60).fill(0x78);
    for (let count = 0; count < 24; count++) {
      // Codes of 8 and of 9 bits.
      const literals = Uint8Array.from({ length: count }, (_, i) => (i % 3 === 0 ? 0xf0 + i : i));
      const begin = () => new DeflateWriter().stored(ABC).fixed().literals(literals);
      const wanted = [...ABC, ...literals];
      const { STATUS_DISTANCE, STATUS_SYMBOL } = layout;
      const all: readonly (readonly [writer: DeflateWriter, status: number])[] = [
        [begin().match(258, 32768).literals(behind), STATUS_DISTANCE],
        [
          begin()
            .match(130, 4 + count)
            .literals(behind),
          STATUS_DISTANCE,
        ],
        [begin().symbol(284).bits(31, 5).distanceSymbol(30).literals(behind), STATUS_SYMBOL],
        [begin().symbol(286).literals(behind), STATUS_SYMBOL],
      ];
      for (const [writer, status] of all) {
        checkByHand(writer.stream, wrong(status, wanted), `${count} literals, status ${status}`);
      }
    }
  });

  it("knows no history of the stream that had the block before", () => {
    const first = new Inflater(kernel);
    first.push(deflate(sample("text", 3000), {}) as Bytes);
    const second = new Inflater(kernel);
    const { status, output } = second.push(new DeflateWriter().fixed().match(3, 1).end().stream);
    assert.deepEqual([status, output.length], [layout.STATUS_DISTANCE, 0]);
  });

  it("judges no bit behind the end of the input", () => {
    // Every prefix of streams of all kinds, in bits: the bytes behind are garbage, and must not come out or fail.
    const writer = new DeflateWriter().fixed().literals(ABC).match(10, 2).end().stored(ABC);
    writer
      .dynamic(lengthsOf(260, { 97: 1, 98: 2, 256: 3, 259: 3 }), [2, 2, 2, 2])
      .literals([97, 98])
      .match(5, 3)
      .end();
    const { stream } = writer;
    for (let length = 0; length <= stream.length; length++) {
      const prefix = stream.subarray(0, length);
      checkByHand(prefix, fine(inflateByZlib(prefix)!.output), `${length} bytes`);
    }
  });
});

describe("inflate: streams with damage", () => {
  it("accepts and rejects what zlib does, whole and cut, and touches nothing else", () => {
    const random = randomNumbers(1951);
    const pool = makePool(random, 300);
    const own = instantiateCompression();
    const judge = new Judge(own, random);
    for (let i = runCount(20_000); i > 0; i--) {
      judge.judge(random, makeStream(random, pool));
      if (i % 100 === 1) judge.checkGuards();
    }
    // All of it happens, or the test tests nothing.
    assert.ok(judge.accepted > 1000);
    for (let status = layout.STATUS_BLOCK_TYPE; status <= layout.STATUS_DISTANCE; status++) {
      assert.ok((judge.rejected.get(status) ?? 0) > 50, `status ${status}`);
    }
  });
});
