/** compress and decompress: single messages, the examples of RFC 7692 byte for byte, zlib on the other side. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compress, decompress, LimitError, ProtocolError } from "../../../src/codec/index.js";
import { NOT_BYTES, ofAnotherRealm } from "../../support/bytes.js";
import { KINDS, sample } from "../../support/corpus.js";
import { arbitraryText, concat } from "../../support/frames.js";
import { hex, toHex, utf8 } from "../../support/hex.js";
import { itHolds, randomBytes, randomNumbers } from "../../support/property.js";
import { deflateAlone, inflateAlone, TAIL } from "../../support/zlib-streams.js";

const random = randomNumbers(77);
const same = (actual: Uint8Array, expected: Uint8Array, about: string) =>
  assert.ok(Buffer.compare(actual, expected) === 0, `not the same bytes: ${about}`);

/** "Hello" in the examples of RFC 7692 §7.2.3. */
const HELLO = "f2 48 cd c9 c9 07 00";

describe("compress", () => {
  it("makes of Hello what RFC 7692 §7.2.3.1 makes of it", () => {
    assert.equal(toHex(compress("Hello")), toHex(hex(HELLO)));
    assert.equal(toHex(compress(utf8("Hello"))), toHex(hex(HELLO)));
  });

  it("makes a stored block on level 0 (§7.2.3.3)", () => {
    assert.equal(toHex(compress("Hello", { level: 0 })), toHex(hex("00 05 00 fa ff 48 65 6c 6c 6f 00")));
  });

  it("makes one byte of an empty message (§7.2.3.6)", () => {
    for (const level of [0, 1, 6, 9]) {
      assert.equal(toHex(compress("", { level })), "00");
      assert.equal(toHex(compress(new Uint8Array(0), { level })), "00");
    }
  });

  it("remembers nothing of the message before", () => {
    const text = "the same, the same, the same ".repeat(20);
    const first = toHex(compress(text));
    assert.equal(toHex(compress(text)), first);
  });

  it("makes what zlib takes, of any kind and length", () => {
    for (const kind of KINDS) {
      for (const length of [1, 2, 3, 100, 28_672, 28_673, 65_536, 300_000, 1 << 20]) {
        const bytes = sample(kind, length, length);
        for (const level of length > 65_536 ? [1] : [0, 1, 4, 9]) {
          const payload = compress(bytes, { level });
          same(inflateAlone(payload), bytes, `${kind} ${length} level ${level}`);
          same(decompress(payload), bytes, `${kind} ${length} level ${level}, our own`);
        }
      }
    }
  });

  it("makes what zlib takes of 16 MiB of any kind", () => {
    for (const kind of KINDS) {
      const bytes = sample(kind, 1 << 24);
      const payload = compress(bytes);
      same(inflateAlone(payload), bytes, kind);
      same(decompress(payload), bytes, `${kind}, our own`);
    }
  });

  itHolds("encodes all strings as UTF-8", 300, arbitraryText, (text) => {
    assert.equal(toHex(inflateAlone(compress(text))), toHex(utf8(text)));
  });

  itHolds(
    "writes U+FFFD for a lone surrogate",
    200,
    fc.string({ unit: fc.constantFrom("\ud800", "\udfff", "\udbff", "\udc00", "a", "水"), maxLength: 40 }),
    (text) => {
      const expected = utf8(text);
      assert.equal(toHex(inflateAlone(compress(text))), toHex(expected));
    },
  );

  it("takes strings of any length, as they grow in UTF-8", () => {
    for (const unit of ["a", "é", "水", "😀", "\ud800"]) {
      // On both sides of where a string is judged by its units, by its bytes, and cut.
      for (const length of [10_922, 10_923, 20_479, 20_480, 20_481, 61_440, 61_441, 100_000]) {
        const text = unit.repeat(length / unit.length);
        same(inflateAlone(compress(text)), utf8(text), `${unit} ${length}`);
      }
    }
  });

  it("takes bytes of any kind and leaves them as they are", () => {
    const bytes = randomBytes(random, 1000);
    const before = toHex(bytes);
    const wanted = toHex(compress(bytes));
    const inside = new Uint8Array(3000);
    inside.set(bytes, 1500);
    for (const given of [Buffer.from(bytes), ofAnotherRealm(bytes), inside.subarray(1500, 2500)]) {
      assert.equal(toHex(compress(given)), wanted);
      assert.equal(toHex(given), before);
    }
  });

  it("gives bytes that later calls do not change", () => {
    const first = compress("one and one and one");
    const copy = toHex(first);
    compress("two and two and two");
    decompress(compress("three and three"));
    assert.equal(toHex(first), copy);
  });

  it("refuses other values", () => {
    for (const wrong of NOT_BYTES) {
      if (typeof wrong === "string") continue;
      assert.throws(() => compress(wrong as Uint8Array), TypeError, String(wrong));
      assert.throws(() => decompress(wrong as Uint8Array), TypeError, String(wrong));
    }
    assert.throws(() => decompress("text" as unknown as Uint8Array), TypeError);
  });
});

describe("decompress", () => {
  it("takes each example of RFC 7692 §7.2.3", () => {
    const examples = [
      ["§7.2.3.1 a block with fixed codes", HELLO],
      ["§7.2.3.3 a stored block", "00 05 00 fa ff 48 65 6c 6c 6f 00"],
      ["§7.2.3.4 a final block", "f3 48 cd c9 c9 07 00 00"],
      ["§7.2.3.5 two blocks", "f2 48 05 00 00 00 ff ff ca c9 c9 07 00"],
    ];
    for (const [name, payload] of examples) {
      assert.equal(Buffer.from(decompress(hex(payload))).toString(), "Hello", name);
    }
    assert.equal(decompress(hex("00")).length, 0, "§7.2.3.6 an empty message");
  });

  it("takes what zlib makes, of any kind and length", () => {
    for (const kind of KINDS) {
      for (const length of [0, 1, 100, 16_384, 65_536, 300_000, 1 << 20]) {
        const bytes = sample(kind, length, length);
        for (const level of [0, 1, 9]) {
          same(decompress(deflateAlone(bytes, { level })), bytes, `${kind} ${length} level ${level}`);
        }
      }
    }
  });

  it("takes data that was flushed in an odd way, as zlib does", () => {
    const payload = hex(HELLO);
    const cases: [name: string, payload: Uint8Array, text: string][] = [
      ["nothing at all", new Uint8Array(0), ""],
      ["with 00 00 ff ff left on", concat([payload, TAIL]), "Hello"],
      ["flushed twice", concat([payload, TAIL, hex("00")]), "Hello"],
      ["flushed twice, with 00 00 ff ff left on", concat([payload, TAIL, hex("00"), TAIL]), "Hello"],
      ["a final block without another", hex("f3 48 cd c9 c9 07 00"), "Hello"],
      ["a final block, then one that is not", concat([hex("f3 48 cd c9 c9 07 00"), payload]), "HelloHello"],
      ["an empty stored block and no more", hex("00 00 00 ff ff 00"), ""],
      ["an empty block with fixed codes", hex("02 00"), ""],
    ];
    for (const [name, given, text] of cases) {
      assert.equal(Buffer.from(decompress(given)).toString(), text, name);
    }
  });

  it("throws the error in the data: code, close code and place", () => {
    const cases: [name: string, payload: string, message: string, offset: number][] = [
      ["a block of type 3", "07", "a block of type 3", 0],
      ["LEN and NLEN", "00 05 00 fa fe", "the two lengths of a stored block must agree", 0],
      ["code lengths", "fc ff ff ff ff ff ff ff ff ff ff ff ff", "code lengths that make no code", 0],
      ["a distance before the beginning", "02 02 00", "a distance that reaches back too far", 1],
      ["too little", "f2 48 cd c9 c9 07", "it breaks off", 6],
      ["too little of a stored block", "00 0a 00 f5 ff 48", "it breaks off", 6],
    ];
    for (const [name, payload, what, offset] of cases) {
      assert.throws(
        () => decompress(hex(payload)),
        (error: unknown) => {
          assert.ok(error instanceof ProtocolError && !(error instanceof LimitError), String(error));
          const { code, closeCode, message } = error;
          assert.deepEqual(
            { code, closeCode, message, offset: error.offset },
            {
              code: "WS_ERR_INVALID_COMPRESSED_DATA",
              closeCode: 1007,
              message: `Invalid compressed data: ${what}`,
              offset,
            },
          );
          return true;
        },
        name,
      );
    }
  });

  it("takes no part of a message for all of it", () => {
    // With other data the 00 00 ff ff may happen to end a block: then nothing is wrong with it.
    for (const kind of ["json", "html", "text"] as const) {
      const payload = deflateAlone(sample(kind, 700, 4));
      for (let length = 1; length < payload.length; length++) {
        assert.throws(
          () => decompress(payload.subarray(0, length)),
          ProtocolError,
          `${kind}, ${length} bytes`,
        );
      }
    }
  });

  it("leaves the payload as it is, and gives bytes of the caller's own", () => {
    const payload = deflateAlone(sample("json", 5000));
    const before = toHex(payload);
    const first = decompress(payload);
    const copy = toHex(first);
    first.fill(0);
    assert.equal(toHex(decompress(payload)), copy);
    assert.equal(toHex(payload), before);
  });

  it("stops at maxLength, and not a byte before", () => {
    for (const length of [0, 1, 2048, 70_000]) {
      const payload = deflateAlone(sample("json", length));
      assert.equal(decompress(payload, { maxLength: length }).length, length);
      if (length === 0) continue;
      assert.throws(
        () => decompress(payload, { maxLength: length - 1 }),
        (error: unknown) => {
          assert.ok(error instanceof LimitError, String(error));
          assert.deepEqual(
            [error.code, error.closeCode, error.limit],
            ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009, length - 1],
          );
          assert.ok(error.actual >= length, `${error.actual}`);
          return true;
        },
      );
    }
  });

  it("refuses a distance that reaches beyond the window that was agreed on", () => {
    const repeated = randomBytes(random, 600);
    const payload = deflateAlone(concat([repeated, repeated]), { windowBits: 15, level: 9 });
    assert.equal(decompress(payload, { windowBits: 10 }).length, 1200);
    assert.throws(() => decompress(payload, { windowBits: 9 }), /a distance that reaches back too far/);
  });
});
