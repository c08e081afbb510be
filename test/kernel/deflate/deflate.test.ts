/** deflate: what it writes is DEFLATE, and says the same; what it remembers is the stream's own. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import zlib from "node:zlib";
import { type CompressionKernel, instantiateCompression } from "../../../src/kernel/compression.js";
import * as layout from "../../../src/kernel/generated/compression-layout.js";
import { KINDS, MIX, messages, sample } from "../../support/corpus.js";
import { DeflateStream, type Settings, TAIL } from "../../support/deflating.js";
import { concat } from "../../support/frames.js";
import { toHex, utf8 } from "../../support/hex.js";
import { randomBytes, randomNumbers, SEED } from "../../support/property.js";
import { StrictInflater } from "../../support/strict-inflater.js";
import { ZlibDeflater } from "../../support/zlib-streams.js";

type Bytes = Uint8Array<ArrayBuffer>;

const LEVELS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
const WINDOW_BITS = [8, 9, 10, 11, 12, 13, 14, 15];
const HASH_BITS = [9, 12, 16];
/** One level for each way to find matches. */
const WAYS = [1, 3, 6];

const kernel = instantiateCompression();

/** What zlib makes of the messages of a stream, each as `deflate` leaves it. */
function inflateByZlib(parts: readonly Uint8Array[], windowBits: number): Bytes {
  const finishFlush = zlib.constants.Z_SYNC_FLUSH;
  return new Uint8Array(zlib.inflateRawSync(concat(parts), { finishFlush, windowBits }));
}

function assertSame(seen: Uint8Array, wanted: Uint8Array, what: string): void {
  if (Buffer.compare(seen, wanted) === 0) return;
  const at = wanted.findIndex((byte, i) => byte !== seen[i]);
  assert.fail(`${what}: ${seen.length} bytes, not ${wanted.length}; the first wrong one at ${at}`);
}

/** Deflates one message of a new stream, and sees whether it says the same. */
function deflateOnce(settings: Settings, bytes: Uint8Array, pieces?: number): [Bytes, StrictInflater] {
  const stream = new DeflateStream(kernel, settings, pieces);
  const deflated = stream.send(bytes);
  const inflater = new StrictInflater(settings.windowBits);
  const what = `${JSON.stringify(settings)}, ${bytes.length} bytes`;
  assertSame(inflater.inflate(deflated), bytes, what);
  return [deflated, inflater];
}

/** `unit` over and over, `length` bytes of it. */
function periodic(unit: Uint8Array, length: number): Bytes {
  return Uint8Array.from({ length }, (_, i) => unit[i % unit.length]);
}

/** Parts of random bytes and of text, in turns. */
function alternating(length: number, part: number): Bytes {
  const random = sample("random", length);
  const text = sample("text", length);
  return Uint8Array.from({ length }, (_, i) => ((i / part) & 1 ? text[i] : random[i]));
}

/** Bytes that are all different as far as matches go: no four of them come twice. */
function matchless(length: number): Bytes {
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = i & 1 ? i >> 9 : i >> 1;
  return bytes;
}

const noise = (length: number, seed = 1): Bytes => randomBytes(randomNumbers(seed), length);

describe("a block of deflate", () => {
  it("is as long as deflateLength says", () => {
    for (const windowBits of WINDOW_BITS) {
      for (const level of LEVELS) {
        for (const hashBits of [9, 10, 11, 12, 13, 14, 15, 16]) {
          const stream = new DeflateStream(kernel, { windowBits, level, hashBits });
          const capacity = stream.field(layout.DEFLATE_CAPACITY);
          assert.equal(capacity, (1 << windowBits) + 1024);
          assert.equal(stream.length, kernel.deflateLength(windowBits, level, hashBits, capacity));
          assert.equal(stream.field(layout.DEFLATE_WINDOW_SIZE), 1 << windowBits);
          assert.equal(stream.position, 0);
          const start = stream.windowAddress;
          assert.ok(start > stream.block && start + capacity <= stream.block + stream.length);
        }
      }
    }
  });

  it("takes the memory that is promised", () => {
    assert.ok(kernel.deflateLength(13, 1, 12, 8192 + 6144) <= 23.5 * 1024);
    const chains = kernel.deflateLength(13, 4, 12, 14336) - kernel.deflateLength(13, 3, 12, 14336);
    assert.ok(chains >= 2 * 8192 && chains <= 2 * 8192 + 1024);
    assert.ok(kernel.deflateLength(15, 9, 16, 65_000) <= layout.BLOCKS_END - layout.BLOCKS);
  });
});

describe("deflate", () => {
  it("makes nothing of nothing, and an empty block of the end of an empty message", () => {
    for (const level of LEVELS) {
      const stream = new DeflateStream(kernel, { windowBits: 10, level, hashBits: 9 });
      for (let round = 0; round < 3; round++) {
        assert.equal(stream.call(0, false).length, 0);
        assert.equal(toHex(stream.call(0, true)), toHex(Uint8Array.of(0, ...TAIL)));
      }
    }
  });

  for (const level of LEVELS) {
    it(`says the same with any window and table, whole and in pieces (level ${level})`, () => {
      const inputs: Bytes[] = [0, 1, 2, 3, 4, 5, 7, 8, 9, 63, 257, 258, 259, 260].map((length) =>
        sample("text", length),
      );
      inputs.push(
        ...KINDS.map((kind) => sample(kind, 3000, level)),
        noise(5),
        noise(300),
        periodic(noise(3), 1000),
      );
      inputs.push(periodic(noise(700), 6000), alternating(6000, 500), matchless(1500), new Uint8Array(259));
      for (const windowBits of WINDOW_BITS) {
        for (const hashBits of HASH_BITS) {
          for (const input of inputs) {
            const settings = { windowBits, level, hashBits };
            const deflated = new DeflateStream(kernel, settings, Infinity).send(input);
            assertSame(inflateByZlib([deflated], windowBits), input, JSON.stringify(settings));
          }
        }
        for (const pieces of [1, 5, 333, 1024]) {
          const settings = { windowBits, level, hashBits: 9 };
          deflateOnce(settings, sample("json", 300 + windowBits), pieces);
          deflateOnce(settings, alternating(pieces < 300 ? 300 : 9000, 800), pieces);
        }
      }
    });

    it(`says the same of 200 kB (level ${level})`, () => {
      const capacities: readonly (readonly [number, number])[] = [
        [15, 65_000],
        [13, 8192 + 6144],
        [8, 256 + 1024],
      ];
      const inputs = KINDS.map((kind) => sample(kind, 200_000, level));
      inputs.push(alternating(200_000, 7000), periodic(noise(300), 200_000), matchless(100_000));
      for (const [windowBits, capacity] of capacities) {
        for (const input of inputs) {
          const settings = { windowBits, level, hashBits: 12, capacity };
          const deflated = new DeflateStream(kernel, settings).send(input);
          assertSame(inflateByZlib([deflated], windowBits), input, JSON.stringify(settings));
        }
      }
    });
  }

  it("reaches back as far as the window is large, and no farther", () => {
    for (const level of WAYS) {
      for (const windowBits of WINDOW_BITS) {
        const size = 1 << windowBits;
        const settings = { windowBits, level, hashBits: 16, capacity: Math.min(65_000, size + 4096) };
        for (const [period, reached] of [
          [size, true],
          [size + 1, false],
        ] as const) {
          const [, inflater] = deflateOnce(settings, periodic(noise(period), 2 * size + 600), 1000);
          if (reached) assert.equal(inflater.farthest, size, `level ${level}, ${windowBits} bits`);
          else assert.ok(inflater.farthest < size, `level ${level}, ${windowBits} bits`);
        }
      }
    }
  });

  it("finds what repeats across the end of a message", () => {
    for (const level of WAYS) {
      const stream = new DeflateStream(kernel, { windowBits: 10, level, hashBits: 12 });
      const inflater = new StrictInflater(10);
      const unit = noise(40);
      for (const part of [
        unit.subarray(0, 17),
        unit.subarray(17, 19),
        unit.subarray(19),
        unit.subarray(16),
      ]) {
        assertSame(inflater.inflate(stream.send(part)), part, "a part");
      }
      // From a byte on that was last but one in its message, over another message of two bytes.
      assert.deepEqual(inflater.matches, [{ at: 0, length: 24, distance: 24 }], `level ${level}`);
    }
  });

  it("has matches of up to 258 bytes", () => {
    for (const level of WAYS) {
      const [, inflater] = deflateOnce(
        { windowBits: 12, level, hashBits: 12 },
        new Uint8Array(1 + 258 + 258),
      );
      const lengths = inflater.matches.map(({ length }) => length);
      assert.deepEqual(lengths, [258, 258]);
    }
  });

  it("has matches of three bytes, where they are near, with chains", () => {
    const bytes = concat([utf8("abc"), noise(20), utf8("abc"), Uint8Array.of(1, 2, 3, 4)]);
    const [, inflater] = deflateOnce({ windowBits: 12, level: 6, hashBits: 12 }, bytes);
    assert.deepEqual(inflater.matches, [{ at: 23, length: 3, distance: 23 }]);
    const far = concat([utf8("abc"), matchless(4100), utf8("abc"), Uint8Array.of(1, 2, 3, 4)]);
    const [, other] = deflateOnce({ windowBits: 15, level: 6, hashBits: 15 }, far);
    assert.deepEqual(
      other.matches.filter(({ distance }) => distance > 4096),
      [],
    );
  });

  it("holds a match back for a longer one, on every level but the fast one", () => {
    const [first, second] = [noise(5, 7), noise(30, 8)];
    // The second begins with the last four bytes of the first.
    const both = concat([first, second.subarray(4)]);
    second.set(first.subarray(1), 0);
    const bytes = concat([first, noise(9, 9), second, noise(9, 10), both]);
    const lengths = (level: number) =>
      deflateOnce({ windowBits: 12, level, hashBits: 12 }, bytes)[1].matches.map(({ length }) => length);
    for (const level of [2, 3, 5, 6, 9]) assert.deepEqual(lengths(level).at(-1), 30, `level ${level}`);
    assert.notEqual(lengths(1).at(-1), 30);
  });
});

describe("the blocks that deflate chooses", () => {
  const types = (settings: Settings, bytes: Bytes, pieces?: number) =>
    deflateOnce(settings, bytes, pieces)[1].blocks.map(({ type }) => type);

  it("are all stored on level 0", () => {
    assert.deepEqual(types({ windowBits: 15, level: 0, hashBits: 9 }, sample("text", 3000)), ["stored"]);
  });

  it("are stored for random data, fixed for short data, dynamic for text", () => {
    for (const level of LEVELS.slice(1)) {
      const settings = { windowBits: 12, level, hashBits: 12, capacity: 20_000 };
      assert.deepEqual(types(settings, noise(3000)), ["stored"]);
      assert.deepEqual(types(settings, utf8('{"id":7,"name":"rope"}')), ["fixed"]);
      assert.deepEqual(types(settings, sample("text", 3000)), ["dynamic"]);
      assert.deepEqual(types(settings, new Uint8Array(0)), []);
      // Few symbols, but of few kinds.
      const digits = Uint8Array.from(noise(100), (byte) => 0x30 + (byte % 10));
      const { blocks } = deflateOnce(settings, digits)[1];
      assert.deepEqual([blocks[0].type, blocks.length], ["dynamic", 1]);
      assert.ok(blocks[0].literals + blocks[0].matches < 192);
    }
  });

  it("are the shortest, to the bit", () => {
    // Bytes of 144 and more take nine bits with the fixed codes, others eight. A stored block takes four bytes, and
    // three bits that the fixed one takes too; it has no end, which takes seven bits of the fixed one.
    for (let count = 0; count < 60; count++) {
      const bytes = Uint8Array.from({ length: 60 }, (_, i) => (i < count ? 150 + i : i));
      const fixed = 3 + 60 * 8 + count + 7;
      const stored = 8 + 32 + 60 * 8;
      const [deflated, inflater] = deflateOnce({ windowBits: 12, level: 1, hashBits: 12 }, bytes);
      assert.equal(inflater.blocks[0].type, fixed < stored ? "fixed" : "stored", `${count}`);
      assert.equal(deflated.length, Math.ceil((Math.min(fixed, stored) + 3) / 8) + 4);
    }
  });

  it("expand random data by a thousandth at most, however it comes", () => {
    const bytes = noise(200_000);
    for (const level of LEVELS) {
      for (const [windowBits, capacity, pieces] of [
        [15, 65_000, Infinity],
        [15, 40_000, 1500],
        [13, 8192 + 6144, Infinity],
        [13, 8192 + 6144, 100],
        [13, 8192 + 1024, 700],
      ]) {
        if (level === 0 && pieces < 6000) continue; // each call makes a block
        const stream = new DeflateStream(kernel, { windowBits, level, hashBits: 12, capacity }, pieces);
        const { length } = stream.send(bytes);
        const limit = level === 0 ? 200_400 : 200_200;
        assert.ok(length <= limit, `level ${level}, ${windowBits} bits, pieces of ${pieces}: ${length}`);
      }
      const small = new DeflateStream(kernel, { windowBits: 8, level, hashBits: 12, capacity: 1280 });
      assert.ok(small.send(bytes).length <= 202_000, `level ${level}, 8 bits`);
    }
  });

  it("go on when their source has left the window, as long as they are worth it", () => {
    for (const level of WAYS) {
      const settings = { windowBits: 9, level, hashBits: 12 };
      const blocks = deflateOnce(settings, sample("text", 20_000), 400)[1].blocks;
      assert.ok(blocks.length <= 2 && blocks.every(({ type }) => type === "dynamic"), `level ${level}`);
    }
  });

  it("are not stored when their source has left the window, though that were the shortest", () => {
    for (let seed = 0; seed < 20; seed++) {
      // Many matches of three bytes, which gain little, and then what gains nothing.
      const unit = noise(130, seed);
      const parts = Array.from({ length: 34 }, (_, i) => [
        unit.subarray(3 * i, 3 * i + 3),
        noise(1, seed + i),
      ]);
      const bytes = concat([unit, ...parts.flat(), noise(3000, seed + 1000)]);
      const stream = new DeflateStream(kernel, { windowBits: 8, level: 6, hashBits: 14, capacity: 1280 });
      const inflater = new StrictInflater(8);
      const output: Bytes[] = [];
      for (let at = 0; at < bytes.length; ) {
        // The first call ends behind the matches.
        const part = bytes.subarray(at, at === 0 ? 266 : at + 1000);
        stream.slide();
        kernel.bytes.set(part, stream.windowAddress + stream.position);
        at += part.length;
        output.push(stream.call(part.length, at === bytes.length));
      }
      assertSame(inflater.inflate(concat(output)), bytes, `seed ${seed}`);
      assert.notEqual(inflater.blocks[0].type, "stored");
      assert.ok(inflater.blocks[0].length > 2000, "it went on");
    }
  });

  it("end when there are too many symbols", () => {
    for (const level of WAYS) {
      const settings = { windowBits: 15, level, hashBits: 16, capacity: 65_000 };
      // Two values of eight bits: nothing is longer than four bytes, and dynamic codes are worth it.
      const hex = utf8(toHex(noise(60_000)));
      const { blocks } = deflateOnce(settings, hex)[1];
      const counts = blocks.map(({ literals, matches }) => literals + matches);
      assert.ok(blocks.length > 1);
      assert.ok(Math.max(...counts) <= layout.SYMBOL_CAPACITY && Math.min(...counts.slice(0, -1)) > 16_000);
    }
  });
});

describe("a stream of deflate", () => {
  /** Sends messages with all that may happen in between; fails if one says something else. */
  class Checked {
    readonly settings: Settings;
    readonly stream: DeflateStream;
    readonly inflater: StrictInflater;
    readonly #random: () => number;
    sent = 0;

    constructor(settings: Settings, block: number, random: () => number, pieces = Infinity) {
      this.settings = settings;
      this.stream = new DeflateStream(kernel, settings, pieces, block);
      this.inflater = new StrictInflater(settings.windowBits);
      this.#random = random;
    }

    step(message: Bytes): void {
      const choice = this.#random() % 16;
      if (choice === 0) {
        this.stream.skip(message);
        this.inflater.add(message);
      } else if (choice <= 2) {
        this.stream.send(message);
        this.stream.drop(message.length);
      } else if (choice === 3) {
        this.stream.reset();
        this.inflater.reset();
      } else if (choice === 4) {
        this.stream.slide();
      } else if (choice === 5) {
        // Given up inside the message.
        const room = this.stream.field(layout.DEFLATE_CAPACITY) - this.stream.position;
        const length = Math.min(message.length, room);
        kernel.bytes.set(message.subarray(0, length), this.stream.windowAddress + this.stream.position);
        this.stream.call(length, false);
        this.stream.drop(length);
      } else {
        const seen = this.inflater.inflate(this.stream.send(message));
        assertSame(seen, message, `${JSON.stringify(this.settings)}, message ${this.sent}`);
        this.sent++;
      }
    }
  }

  it("is one stream for zlib, too", () => {
    for (const level of LEVELS) {
      for (const [windowBits, capacity] of [
        [15, 65_000],
        [13, 14_336],
        [8, 1280],
      ]) {
        const all = [...messages("json", 200, 300), ...messages("html", 3000, 10), new Uint8Array(0)];
        const stream = new DeflateStream(kernel, { windowBits, level, hashBits: 12, capacity });
        const parts = all.map((message) => stream.send(message).subarray(0, -4));
        const joined = parts.flatMap((part) => [part, TAIL]);
        assertSame(inflateByZlib(joined, windowBits), concat(all), `level ${level}, ${windowBits} bits`);
      }
    }
  });

  it("says the same with skips, drops, resets and slides between its messages, beside other streams", () => {
    const random = randomNumbers(5);
    const streams: Checked[] = [];
    let block: number = layout.BLOCKS;
    for (const level of LEVELS) {
      for (const [windowBits, capacity] of [
        [15, 40_000],
        [11, 3100],
        [8, 1280],
      ]) {
        const settings = { windowBits, level, hashBits: [9, 12, 14][random() % 3], capacity };
        const checked = new Checked(settings, block, random, random() % 2 ? 1 + (random() % 2000) : Infinity);
        streams.push(checked);
        block += checked.stream.length;
      }
    }
    assert.ok(block < layout.BLOCKS_END);
    const all = [...messages("json", 200, 200), ...messages("text", 900, 50), ...messages("binary", 300, 50)];
    all.push(noise(3000), new Uint8Array(2000), new Uint8Array(0), Uint8Array.of(1), sample("json", 20_000));
    for (let round = 0; round < 3000; round++) {
      streams[random() % streams.length].step(all[random() % all.length]);
    }
    for (const { sent, settings } of streams) assert.ok(sent > 20, JSON.stringify(settings));
  });

  it("repeats nothing of a message that was dropped or reset away", () => {
    for (const level of WAYS) {
      const secret = noise(900);
      const stream = new DeflateStream(kernel, { windowBits: 11, level, hashBits: 12 });
      const inflater = new StrictInflater(11);
      inflater.inflate(stream.send(noise(100, 3)));
      stream.send(secret);
      stream.drop(secret.length);
      assertSame(inflater.inflate(stream.send(secret)), secret, "the message again");
      assert.equal(inflater.matches.length, 0, `level ${level}`);
      assertSame(inflater.inflate(stream.send(secret)), secret, "and again");
      assert.ok(inflater.matches.length > 0);
      stream.reset();
      inflater.reset();
      assertSame(inflater.inflate(stream.send(secret)), secret, "after a reset");
      assert.equal(inflater.matches.length, 0);
    }
  });

  it("is as new when it was reset, or when more was dropped than it has", () => {
    const all = messages("json", 300, 40);
    for (const level of LEVELS) {
      const settings = { windowBits: 10, level, hashBits: 10 };
      const fresh = new DeflateStream(kernel, settings);
      const wanted = all.map((message) => toHex(fresh.send(message)));
      for (const forget of ["reset", "drop"]) {
        const used = new DeflateStream(kernel, settings);
        for (const message of messages("html", 700, 20)) used.send(message);
        if (forget === "reset") used.reset();
        else used.drop(used.position + 1);
        assert.deepEqual(
          all.map((message) => toHex(used.send(message))),
          wanted,
          `level ${level}`,
        );
      }
    }
  });

  it("finds nothing by the tables of before a reset", () => {
    const bytes = noise(400);
    for (const level of WAYS) {
      const settings = { windowBits: 10, level, hashBits: 12 };
      const run = (stream: DeflateStream): string => {
        // Skipped bytes are entered at every other byte only; before the reset it was at every one.
        stream.skip(bytes);
        return toHex(stream.send(bytes.subarray(1)));
      };
      const used = new DeflateStream(kernel, settings);
      for (let at = 0; at < bytes.length; at += 20) used.send(bytes.subarray(at, at + 20));
      used.reset();
      assert.equal(run(used), run(new DeflateStream(kernel, settings)), `level ${level}`);
    }
  });

  it("begins on a byte again after a message that was given up between two blocks", () => {
    const long = utf8(toHex(noise(30_000)));
    const settings = { windowBits: 15, hashBits: 15, capacity: 65_000 };
    for (const level of WAYS) {
      for (const giveUp of ["drop", "reset"]) {
        // As many bits as there may be are left over.
        for (let cut = 0; cut < 12; cut++) {
          const stream = new DeflateStream(kernel, { ...settings, level });
          const part = long.subarray(cut);
          kernel.bytes.set(part, stream.windowAddress);
          assert.ok(stream.call(part.length, false).length > 1000, "a block was written");
          if (giveUp === "drop") stream.drop(part.length);
          else stream.reset();
          const bytes = utf8("something else");
          assertSame(new StrictInflater(15).inflate(stream.send(bytes)), bytes, `level ${level}, ${giveUp}`);
        }
      }
    }
  });

  it("goes back to where it was when a message is dropped", () => {
    const stream = new DeflateStream(kernel, { windowBits: 10, level: 1, hashBits: 10, capacity: 4000 });
    stream.send(noise(500));
    stream.send(noise(700));
    stream.drop(700);
    assert.equal(stream.position, 500);
    stream.drop(500);
    assert.equal(stream.position, 0);
  });

  it("finds skipped bytes", () => {
    for (const level of WAYS) {
      const stream = new DeflateStream(kernel, { windowBits: 12, level, hashBits: 12 });
      const inflater = new StrictInflater(12);
      const skipped = noise(601);
      stream.skip(skipped);
      inflater.add(skipped);
      assertSame(inflater.inflate(stream.send(skipped)), skipped, "skipped bytes");
      assert.ok(inflater.blocks[0].literals <= 4, `level ${level}`);
    }
  });

  it("gives the same output for the same input, for any contents of memory", () => {
    const all = [...messages("json", 250, 60), ...messages("text", 5000, 5), noise(2000)];
    for (const level of LEVELS) {
      const settings = { windowBits: 11, level, hashBits: 12, capacity: 4000 };
      const run = (instance: CompressionKernel, block: number): string[] => {
        const stream = new DeflateStream(instance, settings, 3000, block);
        return all.map((message) => toHex(stream.send(message)));
      };
      const fresh = instantiateCompression();
      const wanted = run(fresh, layout.BLOCKS);
      fresh.bytes.fill(0x5a, layout.BLOCKS, layout.BLOCKS_END);
      fresh.bytes.fill(0x5a, layout.OUTPUT, layout.OUTPUT + layout.OUTPUT_LENGTH);
      fresh.bytes.fill(0x5a, layout.SYMBOLS, layout.SYMBOLS + 4 * layout.SYMBOL_CAPACITY);
      const other = new DeflateStream(fresh, { windowBits: 15, level: 6, hashBits: 16, capacity: 60_000 });
      other.send(sample("html", 50_000));
      other.call(10, false); // in the middle of a message that is given up
      assert.deepEqual(run(fresh, layout.BLOCKS + 100_000), wanted, `level ${level}`);
    }
  });

  it("slides so that the window has room, and forgets nothing that it reaches", () => {
    for (const level of WAYS) {
      const settings = { windowBits: 10, level, hashBits: 14, capacity: 1024 + 2000 };
      const stream = new DeflateStream(kernel, settings);
      const inflater = new StrictInflater(10);
      const bytes = noise(1500);
      inflater.inflate(stream.send(bytes));
      stream.slide();
      assert.equal(stream.position, 1024);
      const window = kernel.bytes.slice(stream.windowAddress, stream.windowAddress + 1024);
      assertSame(window, bytes.subarray(476), "the window");
      stream.slide();
      assert.equal(stream.position, 1024);
      const last = bytes.subarray(1500 - 1024);
      assertSame(inflater.inflate(stream.send(last)), last, "what repeats");
      // The fast level has not looked at every random byte.
      assert.ok(inflater.blocks[0].literals <= (level === 1 ? 40 : 0), `level ${level}`);
    }
  });
});

describe("chains", () => {
  it("lead to older candidates, across slides too", () => {
    const [first, second] = [concat([utf8("rope"), noise(30, 2)]), concat([utf8("rope"), noise(30, 3)])];
    for (const slides of [0, 1, 3]) {
      const stream = new DeflateStream(kernel, { windowBits: 10, level: 6, hashBits: 12, capacity: 3000 });
      const inflater = new StrictInflater(10);
      for (let i = 0; i < slides; i++) {
        inflater.inflate(stream.send(noise(1077, i)));
        stream.slide();
      }
      inflater.inflate(stream.send(concat([noise(900), first, second])));
      if (slides > 0) stream.slide();
      inflater.inflate(stream.send(first));
      assert.deepEqual(inflater.matches, [{ at: 0, length: 34, distance: 68 }], `${slides} slides`);
    }
  });
});

describe("the memory that deflate writes", () => {
  /** Everything except the regions that it may write. */
  function snapshot({ bytes }: CompressionKernel, block: number, length: number): Buffer {
    const copy = Buffer.from(bytes);
    copy.fill(0, layout.DEFLATE_TABLES, layout.DEFLATE_TABLES + 0x7000);
    copy.fill(0, layout.OUTPUT, layout.OUTPUT + layout.OUTPUT_LENGTH + 32);
    copy.fill(0, layout.SYMBOLS, layout.SYMBOLS + 4 * layout.SYMBOL_CAPACITY + 32);
    copy.fill(0, block, block + length);
    return copy;
  }

  it("is its own", () => {
    const instance = instantiateCompression();
    instance.bytes.fill(0xc3, layout.INPUT, layout.INPUT + layout.INPUT_LENGTH);
    instance.bytes.fill(0xc3, layout.BLOCKS, layout.BLOCKS_END);
    const block = layout.BLOCKS + 4096;
    for (const level of LEVELS) {
      for (const [windowBits, hashBits, capacity] of [
        [15, 16, 65_000],
        [13, 12, 14_336],
        [8, 9, 1280],
      ]) {
        const settings = { windowBits, level, hashBits, capacity };
        const length = instance.deflateLength(windowBits, level, hashBits, capacity);
        const before = snapshot(instance, block, length);
        const stream = new DeflateStream(instance, settings, Infinity, block);
        for (const kind of KINDS) stream.send(sample(kind, 70_000, level));
        stream.send(alternating(70_000, 900));
        stream.send(matchless(70_000));
        stream.skip(noise(1000));
        stream.drop(500);
        stream.reset();
        stream.drop(1);
        assert.equal(Buffer.compare(snapshot(instance, block, length), before), 0, JSON.stringify(settings));
        instance.bytes.fill(0xc3, block, block + length);
      }
    }
  });

  it("is OUTPUT as far as it is announced, with as many symbols before as may be", () => {
    // Pending symbols take the most when they are three bytes far away; new bytes when they are nine bits each.
    const far = concat([
      noise(3000),
      ...Array.from({ length: 8000 }, (_, i) => noise(3000).subarray(i % 2900, (i % 2900) + 3)),
    ]);
    for (const level of LEVELS) {
      for (const bytes of [noise(130_000), far, matchless(130_000)]) {
        const stream = new DeflateStream(kernel, { windowBits: 15, level, hashBits: 15, capacity: 65_000 });
        kernel.bytes.fill(
          0x3c,
          layout.OUTPUT + layout.OUTPUT_LENGTH,
          layout.OUTPUT + layout.OUTPUT_LENGTH + 32,
        );
        for (let at = 0; at < bytes.length; at += 16_000) {
          const part = bytes.subarray(at, at + 16_000);
          if (65_000 - stream.position < part.length) stream.slide();
          kernel.bytes.set(part, stream.windowAddress + stream.position);
          assert.ok(stream.call(part.length, false).length < layout.OUTPUT_LENGTH);
        }
        assert.ok(stream.call(0, true).length < layout.OUTPUT_LENGTH);
      }
    }
  });

  it("may hold any numbers where hints are expected", () => {
    const random = randomNumbers(11);
    for (const level of LEVELS.slice(1)) {
      for (let round = 0; round < 20; round++) {
        const settings = { windowBits: 8 + (round % 8), level, hashBits: 9 + (round % 4) };
        const stream = new DeflateStream(kernel, settings);
        const inflater = new StrictInflater(settings.windowBits);
        for (let message = 0; message < 4; message++) {
          // Small numbers, so that many point into valid history.
          for (let at = stream.block + 80; at < stream.windowAddress; at += 2) {
            const hint = random() % (message & 1 ? 65536 : 700);
            kernel.bytes[at] = hint;
            kernel.bytes[at + 1] = hint >> 8;
          }
          const bytes = message === 2 ? new Uint8Array(600) : sample("json", 600, round);
          assertSame(inflater.inflate(stream.send(bytes)), bytes, JSON.stringify(settings));
          if (message === 1) stream.slide();
        }
      }
    }
  });
});

describe("how much deflate makes of data", () => {
  const parameters = { windowBits: 15, memLevel: 8, finishFlush: zlib.constants.Z_SYNC_FLUSH };

  for (const level of [1, 6, 9]) {
    for (const kind of MIX) {
      it(`is at most 5 % more than zlib, for 64 kB of ${kind} (level ${level})`, () => {
        const bytes = sample(kind, 64_000);
        const stream = new DeflateStream(kernel, { windowBits: 15, level, hashBits: 15, capacity: 65_000 });
        const seen = stream.send(bytes).length;
        const wanted = zlib.deflateRawSync(bytes, { ...parameters, level }).length;
        assert.ok(seen <= 1.05 * wanted, `${seen} bytes, and zlib ${wanted}`);
      });
    }

    for (const length of [200, 1000]) {
      it(`is at most 5 % more than zlib, for JSON of ${length} B, message by message (level ${level})`, () => {
        const all = messages("json", length, 500);
        const stream = new DeflateStream(kernel, { windowBits: 15, level, hashBits: 15, capacity: 65_000 });
        let seen = 0;
        for (const message of all) seen += stream.send(message).length - 4;
        const wanted = deflateStreamByZlib(all, level);
        assert.ok(seen <= 1.05 * wanted, `${seen} bytes, and zlib ${wanted}`);
      });
    }
  }

  for (const level of [1, 6]) {
    it(`is at most 5 % more than zlib, for data far longer than the window (level ${level})`, () => {
      for (const kind of MIX) {
        const bytes = sample(kind, 200_000);
        const stream = new DeflateStream(kernel, { windowBits: 13, level, hashBits: 13, capacity: 14_336 });
        const seen = stream.send(bytes).length;
        const wanted = zlib.deflateRawSync(bytes, { ...parameters, windowBits: 13, level }).length;
        assert.ok(seen <= 1.05 * wanted, `${kind}: ${seen} bytes, and zlib ${wanted}`);
      }
    });
  }

  it("gets less from level to level", () => {
    let before = Infinity;
    for (const level of [0, 1, 3, 6, 9]) {
      const stream = new DeflateStream(kernel, { windowBits: 15, level, hashBits: 15, capacity: 65_000 });
      const { length } = stream.send(sample("source", 60_000));
      assert.ok(length < before, `level ${level}: ${length}, and before ${before}`);
      before = length;
    }
  });
});

/** Bytes that zlib makes of messages, each flushed as RFC 7692 §7.2.1 has it. */
function deflateStreamByZlib(all: readonly Uint8Array[], level: number): number {
  const stream = new ZlibDeflater({ level, windowBits: 15, memLevel: 8 });
  const sum = all.reduce((length, message) => length + stream.message(message).length, 0);
  stream.close();
  return sum;
}

describe("deflate on random streams", () => {
  it(`says the same [HAWSER_SEED=${SEED}]`, () => {
    const random = randomNumbers(SEED);
    const end = Date.now() + 2000;
    while (Date.now() < end) {
      const windowBits = 8 + (random() % 8);
      const capacity = Math.min(65_000, (1 << windowBits) + 1024 + (random() % 20_000));
      const settings = { windowBits, level: random() % 10, hashBits: 9 + (random() % 8), capacity };
      const pieces = random() % 2 ? Infinity : 1 + (random() % 3000);
      const stream = new DeflateStream(kernel, settings, pieces);
      const inflater = new StrictInflater(windowBits);
      const vocabulary = Array.from({ length: 40 }, () => randomBytes(random, 1 + (random() % 24)));
      for (let message = 0; message < 6; message++) {
        const wanted = random() % (message === 5 ? 12_000 : 900);
        const parts: Bytes[] = [];
        for (let length = 0; length < wanted; length += parts.at(-1)!.length) {
          const choice = random() % 40;
          parts.push(
            choice === 0
              ? randomBytes(random, random() % 900)
              : (vocabulary[(random() % 40) & random()] ?? vocabulary[0]),
          );
        }
        const bytes = concat(parts);
        const what = `${JSON.stringify(settings)}, pieces of ${pieces}, message ${message}`;
        const deflated = stream.send(bytes);
        if (random() % 4 === 0) {
          stream.drop(bytes.length);
          continue;
        }
        assertSame(inflater.inflate(deflated), bytes, what);
      }
    }
  });
});
