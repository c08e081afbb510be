/** MessageCompression: which messages are compressed, with what; and the decompressor of the other direction. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { prepareMessage } from "../../../src/protocol/index.js";
import { decompressorFor, MessageCompression } from "../../../src/protocol/session/message-compression.js";
import { messages, sample } from "../../support/corpus.js";
import { parameters } from "../../support/deflate.js";
import { toHex, utf8 } from "../../support/hex.js";
import { randomBytes, randomNumbers } from "../../support/property.js";
import { inflateAlone, ZlibDeflater, ZlibInflater } from "../../support/zlib-streams.js";

const random = randomNumbers(12);
const ROLES = ["server", "client"] as const;

/** Parameters that forbid this side to take its context over. */
function alone(role: "server" | "client") {
  return role === "server" ? { serverNoContextTakeover: true } : { clientNoContextTakeover: true };
}
const other = (role: "server" | "client") => (role === "server" ? "client" : "server");

for (const role of ROLES) {
  describe(`MessageCompression as a ${role}`, () => {
    it("is for messages from 32 bytes on, or from 256 where each stands alone", () => {
      for (const [changes, threshold] of [
        [{}, 32],
        [alone(role), 256],
        [alone(other(role)), 32],
        [{ threshold: 0 }, 1],
        [{ threshold: 1 }, 1],
        [{ threshold: 1000, ...alone(role) }, 1000],
        [{ threshold: 99.5 }, 100],
      ] as const) {
        const compression = new MessageCompression(role, parameters(changes));
        const from = [0, 1, 31, 32, 99, 100, 255, 256, 999, 1000, 1 << 20].find((length) =>
          compression.isFor(length, undefined),
        );
        assert.equal(from, threshold, JSON.stringify(changes));
      }
      const never = new MessageCompression(role, parameters({ threshold: Infinity }));
      assert.equal(never.isFor(1 << 30, undefined), false);
    });

    it("follows the caller's choice for a message, but leaves an empty one alone", () => {
      for (const threshold of [0, 32, Infinity]) {
        const compression = new MessageCompression(role, parameters({ threshold }));
        for (const length of [1, 31, 32, 1000]) {
          assert.equal(compression.isFor(length, true), true, `${length} bytes`);
          assert.equal(compression.isFor(length, false), false, `${length} bytes`);
        }
        assert.equal(compression.isFor(0, true), false);
      }
    });

    it("takes its context over unless that was agreed on", () => {
      const text = sample("json", 800);
      for (const [changes, takesOver] of [
        [{}, true],
        [alone(role), false],
        [alone(other(role)), true],
      ] as const) {
        const compression = new MessageCompression(role, parameters(changes));
        const first = compression.compress(text)?.length ?? 0;
        const second = compression.compress(text)?.length ?? 0;
        assert.ok(first > 100, `${first} bytes`);
        assert.equal(second < first / 2, takesOver, `${first} and ${second} bytes`);
        compression.release();
      }
    });

    it("uses its own window, level and hash", () => {
      const block = sample("text", 600, 1);
      const between = randomBytes(random, 1200);
      const lengths = [11, 9].map((windowBits) => {
        const compression = new MessageCompression(role, parameters({ windowBits }));
        compression.compress(block);
        compression.compressPart(between, true);
        const { length } = compression.compress(block) ?? { length: 600 };
        compression.release();
        return length;
      });
      assert.ok(lengths[0] < 40 && lengths[1] > 200, `${lengths} bytes`);
      const stored = new MessageCompression(role, parameters({ level: 0 }));
      assert.equal(stored.compress(block), undefined, "level 0 makes nothing shorter");
      stored.release();
      const [fast, tight] = [1, 9].map((level) => {
        const compression = new MessageCompression(role, parameters({ level, windowBits: 15 }));
        const { length } = compression.compress(sample("text", 30_000)) ?? { length: Infinity };
        compression.release();
        return length;
      });
      assert.ok(tight < fast, `${tight} and ${fast} bytes`);
    });

    it("gives nothing for messages that do not shrink, and goes on without them (§7.2.1)", () => {
      for (const changes of [{}, alone(role), { windowBits: 8 }]) {
        const compression = new MessageCompression(role, parameters(changes));
        const isAlone = Object.hasOwn(changes, Object.keys(alone(role))[0]);
        const peer = new ZlibInflater();
        const pool = messages("json", 200, 20);
        let dropped = 0;
        for (let i = 0; i < 300; i++) {
          const bytes = [pool[random() % 20], randomBytes(random, 1 + (random() % 300)), utf8("ab")][
            random() % 3
          ];
          const payload = compression.compress(bytes);
          if (payload === undefined) {
            dropped++;
            continue;
          }
          // A short one may grow a little, so that later ones can refer to it.
          const growth = bytes.length <= 512 && !isAlone ? 3 : -1;
          assert.ok(payload.length <= bytes.length + growth, "shorter");
          if (isAlone) peer.reset();
          assert.equal(toHex(peer.message(payload)), toHex(bytes), `message ${i}`);
        }
        assert.ok(dropped > 50, `${dropped} were dropped`);
        peer.close();
        compression.release();
      }
    });

    it("compresses parts that go on", () => {
      const compression = new MessageCompression(role, parameters());
      const peer = new ZlibInflater();
      for (let i = 0; i < 3; i++) {
        const parts = ["to be ", "", randomBytes(random, 100), "continued"];
        assert.deepEqual(
          [undefined, true, false].map((compress) => compression.isForParts(compress)),
          [true, true, false],
        );
        parts.forEach((part, at) => {
          const final = at === parts.length - 1;
          const expected = typeof part === "string" ? utf8(part) : part;
          assert.equal(toHex(peer.message(compression.compressPart(part, final), final)), toHex(expected));
        });
      }
      peer.close();
      compression.release();
    });

    it("compresses parts with a threshold of Infinity only if asked to", () => {
      for (const [threshold, is] of [
        [1e9, true],
        [Infinity, false],
      ] as const) {
        const compression = new MessageCompression(role, parameters({ threshold }));
        assert.deepEqual(
          [undefined, true, false].map((compress) => compression.isForParts(compress)),
          [is, true, false],
        );
        compression.release();
      }
    });

    it("has prepared messages compressed once for all that have the same settings", () => {
      const message = prepareMessage(Buffer.from(sample("json", 900)).toString());
      const make = (changes: object) => new MessageCompression(role, parameters(changes));
      const first = make({}).prepared(message);
      assert.ok(first, "it is shorter");
      assert.equal(toHex(inflateAlone(first.payload)), toHex(message.payload));
      assert.equal(make({}).prepared(message), first);
      assert.equal(make(alone(role)).prepared(message), first, "with or without context takeover");
      for (const changes of [{ windowBits: 9 }, { level: 9 }, { memLevel: 9 }]) {
        const another = make(changes).prepared(message);
        assert.ok(another, "it is shorter");
        assert.notEqual(another, first);
        assert.equal(make(changes).prepared(message), another);
        assert.equal(toHex(inflateAlone(another.payload, 15)), toHex(message.payload));
      }
      assert.equal(make({}).prepared(prepareMessage(randomBytes(random, 500))), undefined);
    });

    it("has what the peer inflated of prepared messages in its history, and no more than that", () => {
      const peer = new ZlibInflater();
      const compression = new MessageCompression(role, parameters());
      const prepared = messages("json", 600, 6).map((bytes) => prepareMessage(bytes));
      prepared.push(prepareMessage(randomBytes(random, 400)));
      const send = (bytes: Uint8Array) => {
        const payload = compression.compress(bytes);
        if (payload === undefined) return Infinity;
        const { length } = payload;
        assert.equal(toHex(peer.message(payload)), toHex(bytes));
        return length;
      };
      // Before the stream begins, and then in it.
      for (let i = 0; i < 100; i++) {
        const message = prepared[random() % prepared.length];
        const compressed = compression.prepared(message);
        if (compressed !== undefined) peer.message(compressed.payload);
        if (i % 3 > 0) {
          const length = send(message.payload);
          if (compressed !== undefined && i > 1) assert.ok(length < 40, `${length} bytes, round ${i}`);
        }
        send(sample("json", 150, i));
      }
      peer.close();
      compression.release();
    });
  });

  describe(`decompressorFor a ${role}`, () => {
    const theirWindow = (bits: number) =>
      role === "server" ? { clientMaxWindowBits: bits } : { serverMaxWindowBits: bits };

    it("has the window of the peer, not ours", () => {
      const block = randomBytes(random, 700);
      const payload = new ZlibDeflater({ level: 9 }).message(Buffer.concat([block, block]));
      for (const [bits, works] of [
        [10, true],
        [9, false],
      ] as const) {
        const given = {
          serverMaxWindowBits: 15,
          clientMaxWindowBits: 15,
          windowBits: 15,
          ...theirWindow(bits),
        };
        const decompressor = decompressorFor(role, parameters(given), 10_000);
        if (works) assert.equal(decompressor.decompress(payload).length, 1400);
        else
          assert.throws(() => decompressor.decompress(payload), { code: "WS_ERR_INVALID_COMPRESSED_DATA" });
        decompressor.release();
      }
    });

    it("takes the peer's context over unless that was agreed on", () => {
      for (const [changes, takesOver] of [
        [{}, true],
        [alone(role), true],
        [alone(other(role)), false],
      ] as const) {
        const peer = new ZlibDeflater();
        const decompressor = decompressorFor(role, parameters(changes), 10_000);
        const text = sample("json", 500);
        decompressor.decompress(peer.message(text));
        assert.equal(decompressor.retainedLength > 0, takesOver);
        const second = peer.message(text);
        if (takesOver) assert.equal(toHex(decompressor.decompress(second)), toHex(text));
        else assert.throws(() => decompressor.decompress(second), /reaches back too far/);
        decompressor.release();
        peer.close();
      }
    });

    it("has the limit that it is given", () => {
      const payload = new ZlibDeflater().message(new Uint8Array(1001));
      assert.throws(() => decompressorFor(role, parameters(), 1000).decompress(payload), {
        limit: 1000,
        actual: 1001,
      });
      assert.equal(decompressorFor(role, parameters(), Infinity).decompress(payload).length, 1001);
    });
  });
}
