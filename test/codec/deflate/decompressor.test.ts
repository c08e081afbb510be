/**
 * Decompressor: streams that zlib makes, cut into payloads anywhere and read in pieces; their errors, and
 * when that is found; limits; text; many streams over one memory.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import {
  Compressor,
  Decompressor,
  type DecompressorOptions,
  LimitError,
  type PayloadPlace,
  ProtocolError,
} from "../../../src/codec/index.js";
import { NOT_BYTES } from "../../support/bytes.js";
import { KINDS, messages, sample } from "../../support/corpus.js";
import { arbitraryText, concat, cutAt, cutEvery } from "../../support/frames.js";
import { hex, toHex, utf8 } from "../../support/hex.js";
import { itHolds, randomBytes, randomNumbers } from "../../support/property.js";
import { deflateAlone, TAIL, ZlibDeflater } from "../../support/zlib-streams.js";

const random = randomNumbers(31);

const CORRUPT = "WS_ERR_INVALID_COMPRESSED_DATA";

function assertSame(actual: Uint8Array, expected: Uint8Array, about: string): void {
  assert.ok(Buffer.compare(actual, expected) === 0, `not the same bytes: ${about}`);
}

/** All pieces of a payload, as copies. */
function read(
  decompressor: Decompressor,
  payload: Uint8Array,
  place?: PayloadPlace,
): Uint8Array<ArrayBuffer> {
  decompressor.push(payload, place);
  const pieces: Uint8Array[] = [];
  while (decompressor.next()) pieces.push(new Uint8Array(decompressor.borrowedPiece));
  return concat(pieces);
}

/** All pieces of a message whose payload comes in parts. */
function readAll(
  decompressor: Decompressor,
  parts: readonly Uint8Array[],
  place: PayloadPlace = {},
): Uint8Array {
  return concat(
    parts.map((part, i) => read(decompressor, part, { ...place, final: i === parts.length - 1 })),
  );
}

/** The error, in short. */
const wrong = ({ error }: Decompressor) => error && [error.code, error.closeCode, error.offset];

describe("Decompressor: reads what zlib makes", () => {
  const parts = [...messages("json", 400, 3, 1), utf8(""), sample("binary", 4000, 2), utf8("x")];

  for (const contextTakeover of [true, false]) {
    it(`on every level, with every window, hash and strategy, ${contextTakeover ? "with" : "without"} context takeover`, () => {
      for (let windowBits = 9; windowBits <= 15; windowBits++) {
        for (let level = 0; level <= 9; level++) {
          for (const [memLevel, strategy] of [
            [1, 0],
            [9, 1],
            [8, 2],
            [3, 3],
            [8, 4],
          ]) {
            const peer = new ZlibDeflater({ windowBits, level, memLevel, strategy });
            const decompressor = new Decompressor({ windowBits, contextTakeover });
            for (const part of parts) {
              if (!contextTakeover) peer.reset();
              const about = `${windowBits} bits, level ${level}, strategy ${strategy}`;
              assertSame(decompressor.decompress(peer.message(part)), part, about);
            }
            decompressor.release();
            peer.close();
          }
        }
      }
    });
  }

  it("in long streams, whose windows slide", () => {
    for (const kind of KINDS) {
      for (const windowBits of [9, 13, 15]) {
        const peer = new ZlibDeflater({ windowBits });
        const decompressor = new Decompressor({ windowBits });
        for (const length of [50, 20_000, 8191, 8192, 8193, 1, 0, 100_000, 300]) {
          const bytes = sample(kind, length, length);
          assertSame(decompressor.decompress(peer.message(bytes)), bytes, `${kind} ${length}`);
        }
        decompressor.release();
        peer.close();
      }
    }
  });

  it("of windows of 8 bits, which zlib does not make", () => {
    const compressor = new Compressor({ windowBits: 8, level: 9 });
    const decompressor = new Decompressor({ windowBits: 8 });
    for (const bytes of messages("json", 900, 50)) {
      assertSame(decompressor.decompress(compressor.compress(bytes)), bytes, "8 bits");
    }
    decompressor.release();
    compressor.release();
  });

  it("of messages of 1 MiB", () => {
    for (const kind of ["text", "random", "zeros"] as const) {
      const peer = new ZlibDeflater();
      const decompressor = new Decompressor();
      for (let i = 0; i < 2; i++) {
        const bytes = sample(kind, 1 << 20, i);
        assertSame(decompressor.decompress(peer.message(bytes)), bytes, kind);
      }
      decompressor.release();
      peer.close();
    }
  });

  it("the second Hello of RFC 7692 §7.2.3.2, which refers to the first", () => {
    const decompressor = new Decompressor();
    for (const payload of ["f2 48 cd c9 c9 07 00", "f2 00 11 00 00"]) {
      assert.equal(Buffer.from(decompressor.decompress(hex(payload))).toString(), "Hello");
    }
    decompressor.release();
    const forgetful = new Decompressor({ contextTakeover: false });
    forgetful.decompress(hex("f2 48 cd c9 c9 07 00"));
    assert.throws(() => forgetful.decompress(hex("f2 00 11 00 00")), /a distance that reaches back too far/);
  });

  it("the fragments of RFC 7692 §7.2.3.1", () => {
    const decompressor = new Decompressor();
    for (let cut = 0; cut <= 7; cut++) {
      const parts = cutAt(hex("f2 48 cd c9 c9 07 00"), [cut]);
      assert.equal(Buffer.from(readAll(decompressor, parts)).toString(), "Hello", `cut at ${cut}`);
    }
    decompressor.release();
  });

  it("and goes on behind data that was flushed in an odd way", () => {
    const cases: [name: string, odd: (peer: ZlibDeflater, bytes: Uint8Array) => Uint8Array][] = [
      ["with 00 00 ff ff left on", (peer, bytes) => concat([peer.message(bytes), TAIL])],
      ["flushed twice", (peer, bytes) => concat([peer.message(bytes), TAIL, hex("00")])],
      ["flushed twice, all left on", (peer, bytes) => concat([peer.message(bytes), TAIL, hex("00"), TAIL])],
    ];
    for (const [name, odd] of cases) {
      const peer = new ZlibDeflater();
      const decompressor = new Decompressor();
      for (const [i, bytes] of messages("json", 300, 9).entries()) {
        const payload = i % 2 ? peer.message(bytes) : odd(peer, bytes);
        assertSame(decompressor.decompress(payload), bytes, `${name}, message ${i}`);
      }
      // Nothing at all is an empty message.
      assert.equal(decompressor.decompress(new Uint8Array(0)).length, 0);
      const last = sample("json", 300, 9);
      assertSame(decompressor.decompress(peer.message(last)), last, `${name}, the last`);
      decompressor.release();
      peer.close();
    }
    // §7.2.3.4: a final block ends nothing but itself.
    const decompressor = new Decompressor();
    for (const payload of [
      "f3 48 cd c9 c9 07 00 00",
      "f2 00 11 00 00",
      "f3 48 cd c9 c9 07 00",
      "f2 00 11 00 00",
    ]) {
      assert.equal(Buffer.from(decompressor.decompress(hex(payload))).toString(), "Hello", payload);
    }
    decompressor.release();
  });
});

describe("Decompressor: payloads cut anywhere", () => {
  it("gives the same, a byte at a time and at every size", () => {
    for (const kind of KINDS) {
      for (const contextTakeover of [true, false]) {
        const peer = new ZlibDeflater();
        const decompressor = new Decompressor({ contextTakeover });
        for (const [length, size] of [
          [3000, 1],
          [20_000, 7],
          [60_000, 1000],
          [100_000, 16_384],
          [100_000, 16_385],
        ]) {
          if (!contextTakeover) peer.reset();
          const bytes = sample(kind, length, size);
          const parts = cutEvery(peer.message(bytes), size);
          assertSame(readAll(decompressor, parts), bytes, `${kind} in parts of ${size}`);
          assert.equal(decompressor.length, length);
          assert.equal(decompressor.isLast, true);
        }
        decompressor.release();
        peer.close();
      }
    }
  });

  itHolds(
    "gives the same, cut anywhere, with empty payloads in between",
    100,
    fc.tuple(
      fc.constantFrom(...KINDS),
      fc.integer({ min: 0, max: 9000 }),
      fc.array(fc.nat(), { maxLength: 9 }),
    ),
    ([kind, length, cuts]) => {
      const bytes = sample(kind, length, length);
      const payload = deflateAlone(bytes);
      const parts = cutAt(
        payload,
        cuts.map((cut) => cut % (payload.length + 1)),
      );
      const decompressor = new Decompressor({ contextTakeover: cuts.length % 2 === 0 });
      assertSame(readAll(decompressor, parts), bytes, `${kind} ${length}`);
      assert.equal(decompressor.error, undefined);
      decompressor.release();
    },
  );

  it("marks the last piece, and no later one", () => {
    const decompressor = new Decompressor();
    assert.equal(decompressor.next(), false, "there was no payload");
    assert.equal(decompressor.borrowedPiece.length, 0);
    const bytes = sample("text", 50_000);
    decompressor.push(deflateAlone(bytes));
    let seen = 0;
    let wasLast = false;
    while (decompressor.next()) {
      assert.equal(wasLast, false, "nothing follows the last piece");
      seen += decompressor.borrowedPiece.length;
      assert.equal(decompressor.length, seen);
      wasLast = decompressor.isLast;
      assert.equal(wasLast, seen === bytes.length);
      assert.deepEqual(new Uint8Array(decompressor.piece), new Uint8Array(decompressor.borrowedPiece));
    }
    assert.ok(wasLast, "the last was one");
    assert.equal(decompressor.next(), false);
    decompressor.release();
  });
});

describe("Decompressor: one memory for many streams", () => {
  it("keeps streams apart, however their pieces alternate", () => {
    for (const contextTakeover of [true, false]) {
      // More than INPUT takes at a time, and more than the window has room for.
      const streams = Array.from({ length: 24 }, (_, i) => {
        const bytes = i % 3 ? sample("json", 120_000, i) : randomBytes(random, 60_000);
        const decompressor = new Decompressor({ contextTakeover });
        decompressor.push(deflateAlone(bytes, { level: 1 + (i % 9) }));
        return { bytes, decompressor, pieces: [] as Uint8Array[], compressor: new Compressor() };
      });
      const open = [...streams];
      while (open.length > 0) {
        const at = random() % open.length;
        const { decompressor, pieces, compressor } = open[at];
        // Compressors and whole messages between the pieces of others.
        if (random() % 4 === 0) compressor.compressBorrowed("something ".repeat(random() % 2000));
        if (random() % 8 === 0) new Decompressor().decompress(deflateAlone(sample("html", 20_000)));
        if (decompressor.next()) pieces.push(new Uint8Array(decompressor.borrowedPiece));
        else open.splice(at, 1);
      }
      for (const [i, { bytes, decompressor, pieces, compressor }] of streams.entries()) {
        assert.equal(decompressor.error, undefined);
        assert.ok(pieces.length > 1, "more than one piece");
        assertSame(concat(pieces), bytes, `stream ${i}`);
        decompressor.release();
        compressor.release();
      }
    }
  });

  it("keeps the histories of streams apart", () => {
    const streams = Array.from({ length: 50 }, (_, i) => ({
      peer: new ZlibDeflater({ level: 1 + (i % 9) }),
      decompressor: new Decompressor(),
      own: messages("json", 300, 6, i),
    }));
    for (let i = 0; i < 1000; i++) {
      const { peer, decompressor, own } = streams[random() % streams.length];
      const bytes = own[random() % own.length];
      const parts = cutAt(peer.message(bytes), i % 2 ? [] : [random() % 40]);
      assertSame(readAll(decompressor, parts), bytes, `round ${i}`);
    }
    for (const { peer, decompressor } of streams) {
      decompressor.release();
      peer.close();
    }
  });

  it("needs no payload behind `retain`, and the payload as it was without", () => {
    const bytes = randomBytes(random, 80_000);
    for (const retains of [true, false]) {
      for (const pieceCount of [0, 1, 3]) {
        const payload = deflateAlone(bytes);
        const chunk = new Uint8Array(100_000);
        chunk.set(payload, 5000);
        const decompressor = new Decompressor();
        decompressor.push(chunk.subarray(5000, 5000 + payload.length));
        const pieces: Uint8Array[] = [];
        for (let i = 0; i < pieceCount && decompressor.next(); i++) {
          pieces.push(new Uint8Array(decompressor.borrowedPiece));
        }
        if (retains) decompressor.retain();
        chunk.fill(0);
        while (decompressor.next()) pieces.push(new Uint8Array(decompressor.borrowedPiece));
        const isSame = Buffer.compare(concat(pieces), bytes) === 0;
        assert.equal(isSame, retains, `after ${pieceCount} pieces`);
        decompressor.release();
      }
    }
  });

  it("looks at no payload once it was read", () => {
    const payload = deflateAlone(sample("json", 3000));
    const decompressor = new Decompressor();
    const [first, second] = cutAt(payload, [payload.length >> 1]);
    const begun = read(decompressor, first, { final: false });
    first.fill(0xff);
    decompressor.retain();
    assertSame(concat([begun, read(decompressor, second)]), sample("json", 3000), "both halves");
    decompressor.release();
  });

  it("drops a half received message when it is released", () => {
    const bytes = sample("json", 3000);
    const payload = deflateAlone(bytes);
    for (const contextTakeover of [true, false]) {
      for (const begin of [
        (decompressor: Decompressor) => decompressor.push(new Uint8Array(0), { final: false }),
        (decompressor: Decompressor) => decompressor.push(payload),
        (decompressor: Decompressor) =>
          read(decompressor, payload.subarray(0, 300), { final: false, text: true }),
        (decompressor: Decompressor) => {
          decompressor.push(deflateAlone(randomBytes(random, 50_000)));
          decompressor.next();
        },
      ]) {
        const decompressor = new Decompressor({ contextTakeover });
        begin(decompressor);
        decompressor.release();
        assert.equal(decompressor.next(), false, "nothing comes any more");
        assertSame(decompressor.decompress(payload), bytes, "a new stream");
        assert.equal(decompressor.length, bytes.length);
        // Nor does it go on inside a character.
        read(decompressor, concat([deflateAlone(hex("61 c3")), TAIL]), { final: false, text: true });
        decompressor.release();
        assertSame(read(decompressor, payload, { text: true }), bytes, "a new text");
        assert.equal(decompressor.error, undefined);
        decompressor.release();
      }
    }
  });
});

describe("Decompressor: limits", () => {
  it("delivers a message of exactly maxLength bytes, and stops at the byte behind, however it is cut", () => {
    for (const length of [1, 100, 8192, 50_000]) {
      for (const size of [1, 1000, Infinity]) {
        const payload = deflateAlone(sample("text", length));
        const parts = cutEvery(payload, Math.min(size, payload.length));
        const exact = new Decompressor({ maxLength: length });
        assert.equal(readAll(exact, parts).length, length);
        assert.equal(exact.error, undefined);
        exact.release();
        const less = new Decompressor({ maxLength: length - 1 });
        const seen = readAll(less, parts);
        assert.ok(seen.length < length, "not all of it");
        assert.ok(less.error instanceof LimitError, String(less.error));
        assert.deepEqual([less.error.limit, less.error.closeCode], [length - 1, 1009]);
        const [begin, end] = less.error.message.split("has at least ");
        assert.equal(begin, `Max payload size exceeded: maxLength is ${length - 1}, and the message `);
        assert.equal(end, `${less.error.actual} bytes`);
        assert.equal(less.retainedLength, 0, "its memory is given back");
      }
    }
  });

  it("counts each message by itself", () => {
    const decompressor = new Decompressor({ maxLength: 1000 });
    const peer = new ZlibDeflater();
    for (let i = 0; i < 5; i++)
      assert.equal(decompressor.decompress(peer.message(sample("json", 1000, i))).length, 1000);
    assert.throws(() => decompressor.decompress(peer.message(sample("json", 1001))), {
      actual: 1001,
      limit: 1000,
    });
    peer.close();
  });

  it("stops a bomb where the limit is: no memory for what it would become", () => {
    const bomb = deflateAlone(new Uint8Array(1 << 24), { level: 9 });
    assert.ok(bomb.length < 17_000, `${bomb.length} bytes`);
    const limit = 1 << 16;
    // So that everything that lasts is there.
    assert.throws(() => new Decompressor({ maxLength: limit }).decompress(bomb), LimitError);
    for (const size of [Infinity, 64]) {
      const decompressor = new Decompressor({ maxLength: limit });
      const before = process.memoryUsage().arrayBuffers;
      let most = 0;
      let produced = 0;
      for (const part of cutEvery(bomb, Math.min(size, bomb.length))) {
        decompressor.push(part, { final: false });
        while (decompressor.next()) {
          produced += decompressor.borrowedPiece.length;
          most = Math.max(most, process.memoryUsage().arrayBuffers - before, decompressor.retainedLength);
        }
      }
      assert.ok(produced <= limit, `${produced} bytes came out`);
      assert.ok(decompressor.error instanceof LimitError, String(decompressor.error));
      assert.ok(
        decompressor.error.actual <= limit + (1 << 16),
        `${decompressor.error.actual} bytes were made`,
      );
      assert.ok(most < 200_000, `${most} bytes were allocated`);
      assert.equal(decompressor.retainedLength, 0);
    }
  });
});

describe("Decompressor: errors in the data", () => {
  const cases: [name: string, payload: string, before: string, offset: number][] = [
    ["a block of type 3", "07", "", 0],
    ["behind text, a block of type 3", "f2 48 cd c9 c9 07 07", "Hello", 6],
    ["LEN and NLEN that do not agree", "00 05 00 fa fe", "", 0],
    ["code lengths that make no code", "fc ff ff ff ff ff ff ff ff ff ff ff ff", "", 0],
    ["a distance before the beginning", "02 02 00", "", 1],
    ["it breaks off inside a block", "f2 48 cd c9 c9 07", "Hello", 6],
    ["it breaks off inside a stored block", "00 0a 00 f5 ff 48 65", "He", 7],
  ];

  it("has a code, a close code and a place in the peer's stream, after the valid output", () => {
    for (const [name, payload, before, offset] of cases) {
      for (const start of [0, 1000]) {
        const decompressor = new Decompressor();
        const seen = read(decompressor, hex(payload), { offset: start });
        // What breaks off may be completed by the 00 00 ff ff that is put behind it.
        assert.ok(Buffer.from(seen).toString("latin1").startsWith(before), name);
        assert.deepEqual(wrong(decompressor), [CORRUPT, 1007, start + offset], name);
        assert.ok(decompressor.error instanceof ProtocolError, name);
        assert.deepEqual([decompressor.isLast, decompressor.retainedLength], [false, 0], name);
      }
    }
  });

  it("is found at its place in the payload", () => {
    const decompressor = new Decompressor();
    const seen = read(decompressor, hex("f2 48 cd c9 c9 07 00 00 00 ff ff 07"), { final: false, offset: 10 });
    assert.equal(Buffer.from(seen).toString(), "Hello");
    assert.deepEqual(wrong(decompressor), [CORRUPT, 1007, 21]);
  });

  it("ends the stream: nothing is read behind it, and the error stays", () => {
    for (const contextTakeover of [true, false]) {
      const decompressor = new Decompressor({ contextTakeover });
      assert.throws(() => decompressor.decompress(hex("07")), { code: CORRUPT });
      const { error } = decompressor;
      decompressor.push(hex("f2 48 cd c9 c9 07 00"));
      assert.equal(decompressor.next(), false);
      assert.throws(() => decompressor.decompress(hex("f2 48 cd c9 c9 07 00")), { code: CORRUPT });
      assert.equal(decompressor.error, error);
      assert.equal(decompressor.retainedLength, 0);
    }
  });

  it("is found in any damage, or nothing is wrong but the bytes; it never throws or hangs", () => {
    const payload = deflateAlone(sample("multilingual", 2000));
    const codes = new Map<string, number>();
    for (let i = 0; i < 1500; i++) {
      const damaged = payload.slice();
      damaged[random() % damaged.length] ^= 1 << (random() & 7);
      const decompressor = new Decompressor({ contextTakeover: i % 2 === 0, maxLength: 10_000 });
      readAll(decompressor, cutAt(damaged, [random() % damaged.length]), { text: i % 3 === 0 });
      const code = decompressor.error?.code ?? "none";
      codes.set(code, (codes.get(code) ?? 0) + 1);
      decompressor.release();
    }
    assert.ok((codes.get(CORRUPT) ?? 0) > 100, JSON.stringify([...codes]));
    assert.ok(codes.size >= 3, JSON.stringify([...codes]));
  });

  it("is not a payload: local misuse is thrown, and changes nothing", () => {
    const decompressor = new Decompressor();
    for (const value of NOT_BYTES) assert.throws(() => decompressor.push(value as Uint8Array), TypeError);
    assert.equal(decompressor.error, undefined);
    assert.equal(Buffer.from(decompressor.decompress(hex("f2 48 cd c9 c9 07 00"))).toString(), "Hello");
    decompressor.release();
  });
});

describe("Decompressor: text", () => {
  /** A message of text; its string, or undefined and the error. */
  function readText(parts: readonly Uint8Array[], options: DecompressorOptions = {}) {
    const decompressor = new Decompressor(options);
    const bytes = readAll(decompressor, parts, { text: true });
    const { error, isAscii } = decompressor;
    decompressor.release();
    return { text: error === undefined ? Buffer.from(bytes).toString() : undefined, error, isAscii };
  }

  itHolds(
    "is delivered as it was, with its characters cut anywhere",
    200,
    fc.tuple(arbitraryText, fc.array(fc.nat(), { maxLength: 6 }), fc.boolean()),
    ([text, cuts, contextTakeover]) => {
      const bytes = utf8(text);
      const peer = new ZlibDeflater();
      const parts = cutAt(
        bytes,
        cuts.map((cut) => cut % (bytes.length + 1)),
      );
      // Each part is flushed, so each comes out before the next one is there: cut inside of characters.
      const payloads = parts.map((part, i) => peer.message(part, i === parts.length - 1));
      peer.close();
      const read = readText(payloads, { contextTakeover });
      assert.deepEqual(read, { text, error: undefined, isAscii: bytes.every((byte) => byte < 0x80) });
    },
  );

  it("may have characters that a window's end cuts", () => {
    for (const unit of ["é", "水", "😀"]) {
      for (let shift = 0; shift < 4; shift++) {
        const text = "x".repeat(shift) + unit.repeat(30_000);
        const read = readText([deflateAlone(utf8(text))]);
        assert.ok(read.text === text && !read.isAscii, `${unit}, ${shift} bytes in`);
      }
    }
  });

  it("comes as one string where it is one piece, from the host or byte by byte", () => {
    const decompressor = new Decompressor();
    for (const text of ["Hello", "grüße 水 😀", "\ufeffBOM", "é".repeat(2000), "x".repeat(4000)]) {
      decompressor.push(deflateAlone(utf8(text)), { text: true });
      assert.ok(decompressor.next() && decompressor.isLast, "one piece");
      assert.equal(decompressor.text(), text);
      assert.equal(decompressor.next(), false);
    }
    decompressor.release();
  });

  it("is not a string unless it is known to be one: not pushed as text, or not all of the message", () => {
    const decompressor = new Decompressor({ contextTakeover: false });
    const assertNone = (about: string) =>
      assert.throws(() => decompressor.text(), { name: "InvalidStateError", message: /use piece$/ }, about);
    assertNone("before anything");
    decompressor.push(deflateAlone(utf8("é")));
    assert.ok(decompressor.next(), "a piece");
    assertNone("not text");
    assert.equal(decompressor.next(), false);
    decompressor.push(deflateAlone(utf8("é".repeat(50_000))), { text: true });
    let pieces = 0;
    for (; decompressor.next(); pieces++) assertNone("a part");
    assert.ok(pieces > 1, `${pieces} pieces`);
    assertNone("behind the last");
  });

  it("is wrong at once where it is wrong: in the payload that has the octet, before the message ends", () => {
    for (const octets of ["ff", "c0 80", "ed a0 80", "f4 90 80 80", "80", "c3 28"]) {
      const peer = new ZlibDeflater();
      const decompressor = new Decompressor();
      const good = peer.message(utf8("grüße "), false);
      const bad = peer.message(concat([utf8("x"), hex(octets)]), false);
      assert.equal(Buffer.from(read(decompressor, good, { final: false, text: true })).toString(), "grüße ");
      read(decompressor, bad, { final: false, text: true, offset: 500 });
      const [code, closeCode, offset] = wrong(decompressor) ?? [];
      assert.deepEqual([code, closeCode], ["WS_ERR_INVALID_UTF8", 1007], octets);
      assert.ok(Number(offset) > 500 && Number(offset) <= 500 + bad.length, `${offset}`);
      peer.close();
    }
  });

  it("must not end inside a character, but a payload of it may", () => {
    for (const text of ["é", "水", "😀"]) {
      const bytes = utf8(`a${text}`);
      for (let end = 2; end < bytes.length; end++) {
        const cut = deflateAlone(bytes.subarray(0, end));
        for (const contextTakeover of [true, false]) {
          const whole = readText([cut], { contextTakeover });
          assert.deepEqual([whole.error?.code, whole.error?.closeCode], ["WS_ERR_INVALID_UTF8", 1007]);
          const inParts = readText([concat([cut, TAIL]), new Uint8Array(0)], { contextTakeover });
          assert.equal(inParts.error?.code, "WS_ERR_INVALID_UTF8", "an empty payload ends it, too");
        }
        const peer = new ZlibDeflater();
        const parts = [peer.message(bytes.subarray(0, end), false), peer.message(bytes.subarray(end))];
        assert.equal(readText(parts).text, `a${text}`);
        peer.close();
      }
    }
  });

  it("is not looked for in messages that are none, nor carried over from one message to the next", () => {
    const decompressor = new Decompressor();
    const cut = deflateAlone(hex("61 c3"));
    assert.equal(toHex(decompressor.decompress(cut)), "61c3");
    assert.equal(Buffer.from(read(decompressor, deflateAlone(utf8("ok")), { text: true })).toString(), "ok");
    assert.equal(decompressor.isAscii, true);
    read(decompressor, deflateAlone(utf8("é")), { text: true });
    assert.equal(decompressor.isAscii, false);
    read(decompressor, deflateAlone(utf8("e")), { text: true });
    assert.equal(decompressor.isAscii, true);
    decompressor.release();
  });

  it("is wrong where it is wrong first: invalid text before damage, a limit before both", () => {
    const damage = hex("07");
    const first = concat([deflateAlone(hex("61 ff")), TAIL, damage]);
    const decompressor = new Decompressor();
    read(decompressor, first, { text: true });
    assert.equal(wrong(decompressor)?.[0], "WS_ERR_INVALID_UTF8");
    const limited = new Decompressor({ maxLength: 1 });
    read(limited, first, { text: true });
    assert.equal(wrong(limited)?.[0], "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
    const behind = new Decompressor();
    read(behind, concat([deflateAlone(utf8("a")), TAIL, damage]), { text: true });
    assert.equal(wrong(behind)?.[0], CORRUPT);
  });
});
