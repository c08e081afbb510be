/** Compressor: streams that zlib reads, with every setting; messages dropped, skipped and in fragments; borrowing. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { Compressor, type CompressorOptions } from "../../../src/codec/index.js";
import { NOT_BYTES } from "../../support/bytes.js";
import { KINDS, messages, sample } from "../../support/corpus.js";
import { arbitraryText, concat } from "../../support/frames.js";
import { toHex, utf8 } from "../../support/hex.js";
import { itHolds, randomBytes, randomNumbers } from "../../support/property.js";
import { StrictInflater } from "../../support/strict-inflater.js";
import { inflateAlone, TAIL, ZlibInflater } from "../../support/zlib-streams.js";

const random = randomNumbers(2024);

function assertSame(actual: Uint8Array, expected: Uint8Array, about: string): void {
  assert.ok(Buffer.compare(actual, expected) === 0, `not the same bytes: ${about}`);
}

/** A compressor and the peer that reads it. */
function pair(options: CompressorOptions = {}) {
  const compressor = new Compressor(options);
  const peer = new ZlibInflater(options.windowBits ?? 15);
  const send = (bytes: Uint8Array | string, about: string) => {
    const payload = compressor.compress(bytes);
    if (options.contextTakeover === false) peer.reset();
    assertSame(peer.message(payload), typeof bytes === "string" ? utf8(bytes) : bytes, about);
    return payload;
  };
  const end = () => {
    compressor.release();
    peer.close();
  };
  return { compressor, peer, send, end };
}

describe("Compressor: zlib reads", () => {
  const texts = messages("json", 300, 4, 1).map((bytes) => Buffer.from(bytes).toString());
  const parts = [sample("json", 3000, 2), utf8(""), utf8("x"), ...messages("binary", 700, 2, 3)];

  for (const contextTakeover of [true, false]) {
    it(`every level, window and hash, ${contextTakeover ? "with" : "without"} context takeover`, () => {
      for (let windowBits = 8; windowBits <= 15; windowBits++) {
        for (let level = 0; level <= 9; level++) {
          for (const memLevel of [1, 2, 3, 4, 5, 6, 7, 8, 9, undefined]) {
            const { send, end } = pair({ windowBits, level, memLevel, contextTakeover });
            const about = `level ${level}, ${windowBits} bits, memLevel ${memLevel}`;
            for (const message of [...texts, ...parts]) send(message, about);
            end();
          }
        }
      }
    });
  }

  it("long streams, whose windows slide", () => {
    for (const kind of KINDS) {
      for (const [level, windowBits] of [
        [0, 13],
        [1, 8],
        [1, 13],
        [1, 15],
        [6, 9],
        [9, 15],
      ]) {
        const { send, end } = pair({ level, windowBits });
        const about = `${kind}, level ${level}, ${windowBits} bits`;
        for (const length of [50, 20_000, 6143, 6144, 6145, 1, 100_000, 300]) {
          send(sample(kind, length, length), `${about}, ${length} bytes`);
        }
        end();
      }
    }
  });

  it("messages of 1 MiB, one after the other", () => {
    for (const kind of ["json", "random", "zeros"] as const) {
      const { send, end } = pair();
      for (let i = 0; i < 2; i++) send(sample(kind, 1 << 20, i), kind);
      end();
    }
  });

  it("strings of any length, as they grow in UTF-8, behind a history", () => {
    for (const unit of ["a", "é", "水", "😀", "\udc00", "a水\ud800"]) {
      const { send, end } = pair({ windowBits: 9 });
      // Beside it in memory; it must not notice.
      send("x", "its place");
      const neighbour = pair({ windowBits: 9 });
      neighbour.send(texts[0], "neighbour");
      for (const length of [0, 1, 2047, 2048, 2049, 6143, 6144, 6145, 6656, 6657, 40_000]) {
        const text = unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
        send(text, `${length} units of ${unit}`);
      }
      assert.ok(neighbour.send(texts[0], "neighbour").length < 20, "the neighbour's history is as it was");
      neighbour.end();
      end();
    }
  });

  itHolds(
    "any messages",
    100,
    fc.array(fc.oneof(arbitraryText, fc.uint8Array({ maxLength: 300 }))),
    (all) => {
      const { send, end } = pair({ windowBits: 8 });
      for (const message of all)
        send(typeof message === "string" ? message : Uint8Array.from(message), "any");
      end();
    },
  );
});

describe("Compressor", () => {
  it("refers to earlier messages with context takeover, and to none without (§7.2.1)", () => {
    const text = sample("json", 500, 9);
    const held = pair();
    const first = held.send(text, "first").length;
    assert.ok(held.send(text, "again").length < 20, "all of it is in the history");
    held.compressor.release();
    assert.equal(held.compressor.compress(text).length, first, "released: a stream of its own");
    held.end();
    const alone = pair({ contextTakeover: false });
    const payloads = [alone.send(text, "first"), alone.send(text, "again")].map(toHex);
    assert.equal(payloads[0], payloads[1]);
    alone.end();
  });

  it("makes of a second Hello no more than RFC 7692 §7.2.3.2 does", () => {
    const { compressor, send, end } = pair();
    assert.equal(toHex(send("Hello", "first")), "f248cdc9c90700");
    assert.ok(send("Hello", "second").length <= 5, "the RFC has f2 00 11 00 00");
    assert.ok(compressor.retainedLength > 0, "it has a history");
    end();
  });

  it("compresses fragments, each of which can be read when it is there (§7.2.1)", () => {
    for (const contextTakeover of [true, false]) {
      const { compressor, peer, end } = pair({ contextTakeover, windowBits: 10 });
      for (let round = 0; round < 20; round++) {
        if (!contextTakeover) peer.reset();
        const count = 1 + (random() % 5);
        for (let i = 0; i < count; i++) {
          const length = [0, 1, 50, 8000][random() % 4];
          const part = sample("text", length, random());
          const final = i === count - 1;
          const payload = compressor.compress(round % 2 ? part : Buffer.from(part).toString(), final);
          if (!final)
            assert.equal(toHex(payload.subarray(-4)), toHex(TAIL), "nothing is left out but at the end");
          assertSame(peer.message(payload, final), part, `round ${round}, part ${i} of ${count}`);
        }
      }
      end();
    }
  });

  it("reaches no farther back than its window, with any mix of drops and skips", () => {
    for (const [windowBits, level] of [
      [8, 1],
      [8, 9],
      [9, 4],
      [11, 1],
      [13, 6],
    ]) {
      const compressor = new Compressor({ windowBits, level });
      const strict = new StrictInflater(windowBits);
      const pool = messages("json", 150, 60, windowBits);
      for (let i = 0; i < 120; i++) {
        const message = concat([pool[random() % 60], pool[random() % 60]]);
        const kind = random() % 4;
        if (kind === 0) {
          compressor.skip(message);
          strict.add(message);
          continue;
        }
        const payload = compressor.compress(message);
        if (kind === 1) {
          compressor.drop();
          continue;
        }
        assertSame(strict.inflate(concat([payload, TAIL])), message, `${windowBits} bits, message ${i}`);
      }
      assert.ok(strict.farthest > (1 << windowBits) / 2, `${strict.farthest} of ${1 << windowBits}`);
      compressor.release();
    }
  });

  it("restarts after it was stopped inside a message, and has no part of other streams", () => {
    class Stopped extends Uint8Array {
      static cuts = 0;
      override subarray(start: number, end: number): Uint8Array<ArrayBuffer> {
        if (++Stopped.cuts > 1) throw new RangeError("no memory");
        return new Uint8Array(this).subarray(start, end);
      }
    }
    for (const contextTakeover of [true, false]) {
      const { compressor, send, end } = pair({ contextTakeover });
      const other = pair({ contextTakeover });
      send(sample("json", 3000), "before");
      Stopped.cuts = 0;
      const long = new Stopped(sample("text", 100_000));
      assert.throws(() => compressor.compress(long), /no memory/);
      assert.equal(compressor.retainedLength, 0);
      other.send(sample("source", 5000), "another's");
      send(sample("json", 3000), "behind");
      other.end();
      end();
    }
  });

  it("keeps its stream right over messages that are dropped, skipped and forgotten", () => {
    for (const options of [
      { level: 1 },
      { level: 1, windowBits: 8 },
      { level: 6, windowBits: 10, memLevel: 1 },
      { level: 9, windowBits: 12 },
      { level: 0 },
      { level: 3, contextTakeover: false },
    ]) {
      const { compressor, peer, end } = pair(options);
      const pool = [
        ...messages("json", 400, 12, 1),
        ...messages("binary", 900, 4, 2),
        sample("text", 30_000, 3),
      ];
      pool.push(randomBytes(random, 20_000), utf8(""));
      const done = { sent: 0, dropped: 0, skipped: 0, released: 0 };
      for (let i = 0; i < 600; i++) {
        const message = pool[random() % pool.length];
        const kind = random() % 20;
        if (kind === 0) {
          compressor.release();
          done.released++;
        } else if (kind < 5) {
          compressor.skip(message);
          // What a peer inflates that something else deflated, without a reference to anything.
          if (options.contextTakeover !== false) {
            const stored = new Compressor({ level: 0, contextTakeover: false });
            peer.message(stored.compress(message));
          }
          done.skipped++;
        } else if (kind < 9) {
          compressor.compress(message);
          assert.equal(compressor.rawLength, message.length);
          compressor.drop();
          done.dropped++;
        } else {
          if (options.contextTakeover === false) peer.reset();
          assertSame(peer.message(compressor.compress(message)), message, `${JSON.stringify(options)} ${i}`);
          done.sent++;
        }
      }
      assert.ok(Math.min(...Object.values(done)) > 5, JSON.stringify(done));
      end();
    }
  });

  it("finds skipped bytes, and not dropped ones", () => {
    const text = sample("json", 1000, 4);
    const { compressor, peer, end } = pair();
    peer.message(compressor.compress("to begin"));
    const alone = compressor.compress(text).length;
    compressor.drop();
    assert.ok(compressor.compress(text).length > alone / 2, "the dropped bytes are not there");
    compressor.drop();
    compressor.skip(text);
    peer.message(new Compressor({ contextTakeover: false }).compress(text));
    const after = compressor.compress(text);
    assert.ok(after.length < 30, `${after.length} bytes`);
    assertSame(peer.message(after), text, "and the peer has it too");
    end();
  });

  it("says how long a message was before: in UTF-8, and of fragments the last one", () => {
    const compressor = new Compressor();
    assert.equal(compressor.rawLength, 0);
    for (const [data, length] of [
      ["水", 3],
      ["\ud800", 3],
      [Uint8Array.of(1, 2), 2],
      ["", 0],
      ["é".repeat(50_000), 100_000],
    ] as const) {
      compressor.compress(data);
      assert.equal(compressor.rawLength, length);
    }
    compressor.release();
  });

  it("lends what the next one overwrites, and gives what stays", () => {
    const [first, second] = [new Compressor(), new Compressor()];
    const borrowed = first.compressBorrowed("one and one and one");
    const given = first.compress("one and one and one and one");
    const copies = [borrowed, given].map(toHex);
    second.compressBorrowed("something else, and longer than that");
    assert.notEqual(toHex(borrowed), copies[0], "the same memory serves all");
    assert.equal(toHex(given), copies[1]);
    first.release();
    second.release();
  });

  it("refuses values that are neither a string nor bytes, and goes on as before", () => {
    const { compressor, send, end } = pair();
    send("before", "before");
    for (const wrong of NOT_BYTES) {
      if (typeof wrong === "string") continue;
      assert.throws(() => compressor.compress(wrong as string), TypeError, String(wrong));
    }
    send("behind, before", "behind");
    end();
  });

  it("keeps streams of one shard apart", () => {
    const streams = Array.from({ length: 60 }, (_, i) => ({
      ...pair({ windowBits: 9 + (i % 2), level: [1, 6][i % 2], contextTakeover: i % 5 > 0 }),
      own: messages("json", 200, 8, i),
    }));
    for (let i = 0; i < 1500; i++) {
      const stream = streams[random() % streams.length];
      stream.send(stream.own[random() % stream.own.length], `stream ${streams.indexOf(stream)}`);
    }
    // Fragments of one between messages of others.
    const [long, ...others] = streams;
    long.peer.reset();
    long.compressor.release();
    const parts = [0, 1, 2, 3].map((seed) => sample("text", 5000, seed));
    parts.forEach((part, i) => {
      const payload = long.compressor.compress(part, i === 3);
      assertSame(long.peer.message(payload, i === 3), part, `part ${i}`);
      for (const other of others) other.send(other.own[i], "between");
    });
    for (const { end } of streams) end();
  });
});

describe("Compressor: what it is worth", () => {
  it("shrinks compressible data about as much as zlib does", () => {
    for (const [kind, most] of [
      ["json", 0.4],
      ["html", 0.4],
      ["text", 0.65],
      ["zeros", 0.02],
    ] as const) {
      const bytes = sample(kind, 30_000, 1);
      for (const level of [1, 6, 9]) {
        const payload = new Compressor({ level, contextTakeover: false }).compress(bytes);
        const ratio = payload.length / bytes.length;
        assert.ok(ratio < most, `${kind}: ${ratio} on level ${level}`);
        assertSame(inflateAlone(payload), bytes, kind);
      }
    }
  });

  it("adds little to incompressible data", () => {
    for (const length of [1, 100, 5000, 100_000]) {
      for (const level of [0, 1, 6, 9]) {
        const bytes = randomBytes(random, length);
        const { length: made } = new Compressor({ level, contextTakeover: false }).compress(bytes);
        assert.ok(
          made <= length + 6 + 5 * Math.ceil(length / 8192),
          `${made} bytes of ${length}, level ${level}`,
        );
      }
    }
  });
});
