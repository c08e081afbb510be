/** FrameEncoder: exactly the bytes of §5.2, one frame behind the other, in memory that is not taken back. */

import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import {
  FrameDecoder,
  FrameEncoder,
  InvalidStateError,
  Opcode,
  receiveBuffer,
} from "../../src/codec/index.js";
import { WINDOW_LENGTH } from "../../src/kernel/generated/layout.js";
import { eachBackend } from "../support/backends.js";
import { DIRT, NOT_BYTES, withDirtyMemory } from "../support/bytes.js";
import { drain } from "../support/decoding.js";
import {
  arbitraryFrames,
  arbitraryText,
  BINARY,
  CLOSE,
  concat,
  type FrameSpec,
  frame,
  KEY,
  PING,
  PONG,
  stream,
  TEXT,
} from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { itHolds, randomBytes, randomNumbers } from "../support/property.js";

const KEY_NUMBER = 0x3d21fa37;
const server = () => new FrameEncoder({ role: "server" });
const client = () => new FrameEncoder({ role: "client", generateMaskingKey: () => KEY_NUMBER });
/** Both sides, with the key that their frames then have. */
const SIDES = [
  ["server", server, undefined],
  ["client", client, KEY],
] as const;

function same(actual: Uint8Array, expected: Uint8Array, message: string): void {
  if (Buffer.compare(actual, expected) === 0) return;
  assert.equal(toHex(actual.subarray(0, 200)), toHex(expected.subarray(0, 200)), message);
  assert.equal(actual.length, expected.length, message);
  assert.fail(`${message}: a difference beyond the first 200 bytes`);
}

eachBackend("FrameEncoder", () => {
  it("encodes the examples of §5.7", () => {
    const unmasked = server();
    unmasked.text("Hello");
    assert.equal(toHex(unmasked.take()), "810548656c6c6f");
    unmasked.text("Hel", { fin: false });
    unmasked.frame(Opcode.Continuation, "lo");
    assert.equal(toHex(unmasked.take()), "010348656c80026c6f");
    unmasked.ping("Hello");
    assert.equal(toHex(unmasked.take()), "890548656c6c6f");
    unmasked.binary(new Uint8Array(256));
    assert.equal(toHex(unmasked.take().subarray(0, 4)), "827e0100");
    unmasked.binary(new Uint8Array(65536));
    assert.equal(toHex(unmasked.take().subarray(0, 10)), "827f0000000000010000");
    const masked = client();
    masked.text("Hello");
    assert.equal(toHex(masked.take()), "818537fa213d7f9f4d5158");
    masked.pong("Hello");
    assert.equal(toHex(masked.take()), "8a8537fa213d7f9f4d5158");
  });

  for (const [role, encoder, key] of SIDES) {
    it(`encodes binary of every length where the header or a loop changes (${role})`, () => {
      const random = randomNumbers(13);
      const all = encoder();
      const expected: Uint8Array[] = [];
      const lengths = [
        0, 1, 15, 16, 17, 64, 124, 125, 126, 127, 1024, 1025, 16370, 16384, 65535, 65536, 200_000,
      ];
      for (const length of lengths) {
        const payload = randomBytes(random, length);
        const before = new Uint8Array(payload);
        all.binary(payload);
        same(payload, before, "the caller's bytes");
        expected.push(frame({ opcode: BINARY, payload: before, key }));
      }
      assert.equal(all.length, concat(expected).length);
      same(all.take(), concat(expected), "all lengths");
      assert.equal(all.length, 0);
    });

    it(`encodes text of every length around every change of the header (${role})`, () => {
      // A header is guessed from the units and then made for the bytes: they differ from 42 three-byte
      // characters on, from 63 two-byte ones, and where there are 65536 bytes.
      const encode = encoder();
      for (const unit of ["a", "é", "水", "😀"]) {
        for (const count of [
          0, 1, 2, 20, 23, 24, 25, 31, 32, 40, 41, 42, 43, 61, 62, 63, 64, 124, 125, 126, 127,
        ]) {
          for (const prefix of ["", "x", "ü"]) {
            const text = prefix + unit.repeat(count);
            encode.text(text);
            same(encode.take(), frame({ opcode: TEXT, payload: utf8(text), key }), text);
          }
        }
        for (const bytes of [65534, 65535, 65536, 65537, 131_072]) {
          const text =
            unit.repeat(Math.floor(bytes / utf8(unit).length)) + "x".repeat(bytes % utf8(unit).length);
          assert.equal(utf8(text).length, bytes);
          encode.text(text);
          same(encode.take(), frame({ opcode: TEXT, payload: utf8(text), key }), `${bytes} bytes of ${unit}`);
        }
      }
    });

    it(`moves a text behind a longer header without losing its neighbours (${role})`, () => {
      const encode = encoder();
      const expected: Uint8Array[] = [];
      for (const text of [
        "a",
        "水".repeat(42),
        "b",
        "é".repeat(63),
        "水".repeat(125),
        "x".repeat(125),
        "é".repeat(32768),
      ]) {
        encode.text(text);
        expected.push(frame({ opcode: TEXT, payload: utf8(text), key }));
      }
      same(encode.take(), concat(expected), "one behind the other");
    });

    it(`writes U+FFFD for lone surrogates, in short text and in long (${role})`, () => {
      const encode = encoder();
      const lone = [
        "\ud800",
        "\udc00",
        "\udbff",
        "\udfff",
        "a\ud800b",
        "\udc00\ud800",
        "\ud800\ud800\udc00",
        "x\ud83d",
      ];
      for (const text of lone) {
        for (const around of ["", "x".repeat(23), "x".repeat(24), "x".repeat(100), "é".repeat(70)]) {
          const whole = around + text + around;
          encode.text(whole);
          const payload = utf8(whole);
          assert.ok(Buffer.from(payload).includes("\ufffd"));
          same(encode.take(), frame({ opcode: TEXT, payload, key }), JSON.stringify(whole));
        }
      }
    });

    itHolds(`encodes any text as the host does (${role})`, 300, arbitraryText, (text) => {
      const encode = encoder();
      encode.text(text);
      assert.equal(encode.length, encode.take().length);
      encode.text(text);
      same(encode.take(), frame({ opcode: TEXT, payload: utf8(text), key }), JSON.stringify(text));
    });
  }

  itHolds(
    "encodes any frames one behind the other, taken at any time",
    200,
    fc.tuple(arbitraryFrames("client"), fc.array(fc.boolean(), { minLength: 1 })),
    ([frames, takes]) => {
      const encoder = server();
      const taken: Uint8Array[] = [];
      frames.forEach((spec, i) => {
        encoder.frame(spec.opcode as Opcode, spec.payload ?? "", { fin: spec.fin ?? true });
        if (takes[i % takes.length]) taken.push(encoder.take());
      });
      taken.push(encoder.take());
      same(concat(taken), stream(frames), "the stream");
    },
  );

  for (const [role, encoder, key] of SIDES) {
    it(`writes long text whose characters lie across every seam of its pieces (${role})`, () => {
      const piece = Math.floor(WINDOW_LENGTH / 3);
      const high = "\ud83d";
      const low = "\ude00";
      for (const before of [piece - 2, piece - 1, piece, 2 * piece - 2, 2 * piece - 1, 3 * piece]) {
        for (const unit of ["x", "é", "水"]) {
          for (const end of ["", high, low, high + low, low + high, high + high + low, `${high}水`]) {
            const text = unit.repeat(before) + end + (end === "" ? "" : "z".repeat(piece));
            const used = encoder();
            used.ping("p");
            used.text(text);
            used.binary(hex("07"));
            const frames = [
              { opcode: PING, payload: utf8("p"), key },
              { opcode: TEXT, payload: utf8(text), key },
              { opcode: BINARY, payload: hex("07"), key },
            ];
            same(used.take(), stream(frames), `${before} of ${unit}`);
          }
        }
      }
    });
  }

  it("takes about as much memory for a long text as it has bytes", () => {
    const used = server();
    used.text("x".repeat(5_000_000));
    assert.ok(used.take().buffer.byteLength < 5_100_000);
  });

  it("appends a header alone, for a payload that follows it", () => {
    const used = server();
    const bits = { fin: false, rsv1: true };
    for (const length of [0, 1, 125, 126, 127, 65_535, 65_536, 100_000]) {
      const payload = new Uint8Array(length).fill(7);
      used.header(Opcode.Binary, length);
      same(concat([used.take(), payload]), frame({ opcode: BINARY, payload }), `${length} bytes`);
      used.text("before");
      used.header(Opcode.Text, length, bits);
      const expected = [
        frame({ opcode: TEXT, payload: utf8("before") }),
        frame({ opcode: TEXT, fin: false, rsv: 4, payload }),
      ];
      same(concat([used.take(), payload]), concat(expected), `${length} bytes, not final`);
    }
    used.header(Opcode.Binary, 2 ** 40 + 3);
    assert.equal(toHex(used.take()), "827f0000010000000003");
    used.header(Opcode.Binary, Number.MAX_SAFE_INTEGER);
    assert.equal(toHex(used.take()), "827f001fffffffffffff");
  });

  it("refuses a header of a client, of no length and one that §5.2 or §5.5 does not allow", () => {
    const masked = client();
    assert.throws(() => masked.header(Opcode.Binary, 1), InvalidStateError);
    const used = server();
    for (const length of [-1, 0.5, Number.NaN, Infinity, 2 ** 53, "1" as unknown as number]) {
      assert.throws(() => used.header(Opcode.Binary, length), RangeError);
    }
    assert.throws(() => used.header(Opcode.Ping, 126), RangeError);
    assert.throws(() => used.header(Opcode.Close, 1), RangeError);
    assert.throws(() => used.header(3 as Opcode, 1), RangeError);
    assert.deepEqual([masked.length, used.length], [0, 0]);
  });

  for (const [role, encoder, key] of SIDES) {
    it(`forwards what a decoder holds, from wherever that lies (${role})`, () => {
      const random = randomNumbers(41);
      for (const length of [0, 1, 3, 16, 17, 32, 33, 125, 126, 128, 129, 1000, 70_000]) {
        const payload = randomBytes(random, length);
        const sent = stream([
          { opcode: BINARY, payload, key: [9, 8, 7, 6] },
          { opcode: BINARY, payload: hex("01 02"), key: KEY },
        ]);
        receiveBuffer().set(sent);
        for (const chunk of [receiveBuffer().subarray(0, sent.length), new Uint8Array(sent)]) {
          const decoder = new FrameDecoder({ role: "server" });
          decoder.push(chunk);
          const used = encoder();
          used.text("x");
          while (decoder.next()) used.forward(Opcode.Text, decoder, { fin: false });
          const expected = [
            { opcode: TEXT, payload: utf8("x"), key },
            { opcode: TEXT, fin: false, payload, key },
            { opcode: TEXT, fin: false, payload: hex("01 02"), key },
          ];
          same(used.take(), stream(expected), `${length} bytes`);
        }
      }
    });
  }

  it("forwards nothing that §5.5 does not allow", () => {
    const decoder = new FrameDecoder({ role: "client" });
    decoder.push(frame({ opcode: BINARY, payload: new Uint8Array(126) }));
    decoder.push(frame({ opcode: BINARY, payload: hex("03 ec") }));
    const used = server();
    assert.ok(decoder.next());
    assert.throws(() => used.forward(Opcode.Ping, decoder), RangeError);
    assert.throws(() => used.forward(Opcode.Ping, decoder, { fin: false }), RangeError);
    assert.ok(decoder.next());
    assert.throws(() => used.forward(Opcode.Close, decoder), RangeError, "1004 must not be sent");
    assert.equal(used.length, 0);
  });

  it("encodes control frames, empty by default", () => {
    const encoder = server();
    encoder.ping();
    encoder.pong();
    encoder.close();
    assert.equal(toHex(encoder.take()), "89008a008800");
    encoder.ping("püng");
    encoder.pong(hex("00ff"));
    encoder.close(1000);
    encoder.close(4000, "tschüß");
    const expected = stream([
      { opcode: PING, payload: utf8("püng") },
      { opcode: PONG, payload: hex("00ff") },
      { opcode: CLOSE, payload: hex("03e8") },
      { opcode: CLOSE, payload: concat([hex("0fa0"), utf8("tschüß")]) },
    ]);
    assert.equal(toHex(encoder.take()), toHex(expected));
    encoder.ping("x".repeat(125));
    encoder.pong(new Uint8Array(125));
    encoder.close(1000, "x".repeat(123));
    assert.equal(encoder.take().length, 3 * 127);
  });

  it("sets FIN and RSV1 as told", () => {
    const encoder = server();
    encoder.text("", { fin: false, rsv1: true });
    encoder.frame(Opcode.Continuation, "", { fin: false });
    encoder.frame(Opcode.Continuation, "", { fin: true, rsv1: false });
    encoder.binary(new Uint8Array(0), { rsv1: true });
    encoder.text("", {});
    assert.equal(toHex(encoder.take()), "4100" + "0000" + "8000" + "c200" + "8100");
  });

  it("draws a key for each frame, with all its bits", () => {
    const keys = [0, -1, 0x80000000, 0xfdccbbaa, 1];
    let drawn = 0;
    const encoder = new FrameEncoder({ role: "client", generateMaskingKey: () => keys[drawn++] });
    encoder.text("");
    encoder.binary(hex("00 00 00 00 00"));
    encoder.text("a".repeat(40));
    encoder.ping();
    encoder.close(1000);
    assert.equal(drawn, 5);
    const wire = [
      [0, 0, 0, 0],
      [255, 255, 255, 255],
      [0, 0, 0, 0x80],
      [0xaa, 0xbb, 0xcc, 0xfd],
      [1, 0, 0, 0],
    ] as const;
    const expected = stream([
      { opcode: TEXT, key: wire[0] },
      { opcode: BINARY, payload: new Uint8Array(5), key: wire[1] },
      { opcode: TEXT, payload: utf8("a".repeat(40)), key: wire[2] },
      { opcode: PING, key: wire[3] },
      { opcode: CLOSE, payload: hex("03e8"), key: wire[4] },
    ]);
    assert.equal(toHex(encoder.take()), toHex(expected));
  });

  it("masks with keys of its own that are not alike", () => {
    const encoder = new FrameEncoder({ role: "client" });
    const keys = new Set<string>();
    for (let i = 0; i < 1000; i++) {
      encoder.ping();
      keys.add(toHex(encoder.take().subarray(2)));
    }
    assert.ok(keys.size > 990, `${keys.size} of 1000`);
  });

  it("never changes bytes that were taken, unless recycled", () => {
    const random = randomNumbers(14);
    const encoder = client();
    const taken: { bytes: Uint8Array; was: string }[] = [];
    for (let round = 0; round < 400; round++) {
      const length = [0, 3, 100, 5000, 15_900, 16_128, 40_000][random() % 7];
      if (random() % 2) encoder.binary(randomBytes(random, length));
      else encoder.text("水".repeat(length / 7));
      if (random() % 3 === 0) {
        const bytes = encoder.take();
        taken.push({ bytes, was: toHex(bytes) });
      }
    }
    for (const { bytes, was } of taken) assert.ok(toHex(bytes) === was);
  });

  it("gives each byte once, however it is taken", () => {
    const encoder = server();
    assert.equal(encoder.take().length, 0);
    encoder.text("one");
    encoder.text("two");
    assert.equal(encoder.length, 10);
    assert.equal(toHex(encoder.take()), toHex(concat([hex("8103"), utf8("one"), hex("8103"), utf8("two")])));
    assert.deepEqual([encoder.length, encoder.take().length], [0, 0]);
  });

  it("uses recycled memory again, and only that", () => {
    const encoder = server();
    encoder.text("first");
    const first = encoder.take();
    encoder.recycle();
    encoder.text("second");
    const second = encoder.take();
    assert.equal(second.buffer, first.buffer);
    assert.equal(second.byteOffset, first.byteOffset);
    encoder.recycle();
    // Bytes that were not taken yet stay.
    encoder.text("third");
    encoder.recycle();
    encoder.text("fourth");
    const rest = encoder.take();
    assert.equal(Buffer.from(rest).toString("latin1"), "\x81\x05third\x81\x06fourth");
  });

  it("does not go on in memory that is still the caller's after a recycle that came too early", () => {
    const encoder = server();
    encoder.text("taken");
    const taken = encoder.take();
    encoder.text("not yet");
    encoder.recycle(); // with bytes not taken it does nothing
    encoder.text("more");
    assert.equal(Buffer.from(taken).toString("latin1"), "\x81\x05taken");
    assert.equal(Buffer.from(encoder.take()).toString("latin1"), "\x81\x07not yet\x81\x04more");
  });

  it("grows over frames that were not taken", () => {
    const encoder = server();
    const frames = Array.from({ length: 300 }, (_, i) => new Uint8Array(i * 7).fill(i));
    for (const payload of frames) encoder.binary(payload);
    same(encoder.take(), stream(frames.map((payload) => ({ opcode: BINARY, payload }))), "300 frames");
  });

  it("copies what it is given: later changes do not show", () => {
    for (const [, encoder, key] of SIDES) {
      const encode = encoder();
      const payload = hex("01 02 03 04 05");
      encode.binary(payload);
      payload.fill(9);
      assert.equal(toHex(encode.take()), toHex(frame({ opcode: BINARY, payload: hex("0102030405"), key })));
    }
  });

  it("takes a payload that is a view, and Buffers", () => {
    const memory = hex("ff 01 02 03 ff");
    for (const view of [memory.subarray(1, 4), Buffer.from(memory.buffer, 1, 3)]) {
      const encoder = client();
      encoder.binary(view);
      assert.equal(toHex(encoder.take()), toHex(frame({ opcode: BINARY, payload: hex("010203"), key: KEY })));
    }
  });

  it("refuses what §5.2 and §5.5 do not allow, and then has not changed", () => {
    for (const [, make] of SIDES) {
      const encoder = make();
      encoder.text("kept");
      const length = encoder.length;
      const range = [
        () => encoder.frame(3 as Opcode, ""),
        () => encoder.frame(11 as Opcode, ""),
        () => encoder.frame(-1 as Opcode, ""),
        () => encoder.ping("x".repeat(126)),
        () => encoder.pong(new Uint8Array(126)),
        () => encoder.ping("é".repeat(63)),
        () => encoder.ping("水".repeat(42)),
        () => encoder.frame(Opcode.Close, "x"),
        () => encoder.frame(Opcode.Close, new Uint8Array(1)),
        () => encoder.frame(Opcode.Close, hex("03ed")),
        () => encoder.frame(Opcode.Close, hex("03e8 ff")),
        () => encoder.frame(Opcode.Close, hex("03e8 f09f98")),
        () => encoder.frame(Opcode.Close, "\u0003\u00e8"),
        () => encoder.frame(Opcode.Ping, "", { fin: false }),
        () => encoder.frame(Opcode.Close, "", { rsv1: true }),
        () => encoder.frame(Opcode.Continuation, "", { rsv1: true }),
        () => encoder.close(1005),
        () => encoder.close(1000, "x".repeat(124)),
      ];
      for (const call of range) assert.throws(call, RangeError, String(call));
      const types = [
        () => encoder.close(undefined, "why"),
        ...NOT_BYTES.filter((payload) => typeof payload !== "string").map(
          (payload) => () => encoder.frame(Opcode.Binary, payload as unknown as Uint8Array),
        ),
      ];
      for (const call of types) assert.throws(call, TypeError, String(call));
      assert.equal(encoder.length, length);
      encoder.text("and more");
      const after = encoder.take();
      assert.equal(after.length, length + (length - "kept".length) + "and more".length);
    }
  });

  for (const taking of [false, true]) {
    const when = taking ? "and takes what there is" : "and takes nothing";
    it(`encodes whole frames when what draws its keys uses it too ${when}`, () => {
      const inner: readonly FrameSpec[] = [
        { opcode: TEXT, payload: utf8("inner: ü"), key: KEY },
        { opcode: BINARY, payload: new Uint8Array(9000).fill(0xee), key: KEY },
        { opcode: PING, payload: utf8("inner"), key: KEY },
      ];
      const taken: { bytes: Uint8Array; was: Uint8Array }[] = [];
      const take = () => {
        const bytes = encoder.take();
        taken.push({ bytes, was: new Uint8Array(bytes) });
      };
      let isInside = false;
      const encoder = new FrameEncoder({
        role: "client",
        generateMaskingKey: () => {
          if (isInside) return KEY_NUMBER;
          isInside = true;
          encoder.text("inner: ü");
          encoder.binary(new Uint8Array(9000).fill(0xee));
          if (taking) take();
          encoder.ping("inner");
          isInside = false;
          return KEY_NUMBER;
        },
      });
      const payloads = ["outer", "é".repeat(63), "x".repeat(5000), "水".repeat(30_000), hex("00ff"), hex("")];
      const expected: FrameSpec[] = [];
      for (const payload of [...payloads, new Uint8Array(70_000).fill(0x11)]) {
        if (typeof payload === "string") encoder.text(payload);
        else encoder.binary(payload);
        const opcode = typeof payload === "string" ? TEXT : BINARY;
        expected.push(...inner);
        expected.push({ opcode, payload: typeof payload === "string" ? utf8(payload) : payload, key: KEY });
        encoder.ping("outer");
        expected.push(...inner, { opcode: PING, payload: utf8("outer"), key: KEY });
      }
      take();
      const bytes = concat(taken.map((one) => one.bytes));
      same(bytes, stream(expected), "inner frames, then the outer one");
      for (const { bytes: now, was } of taken) same(now, was, "bytes that were taken");
      const decoder = new FrameDecoder({ role: "server" });
      decoder.push(bytes);
      assert.equal(drain(decoder).length, expected.length);
      assert.equal(decoder.error, undefined);
    });
  }

  it("shows nothing but frames of its own and zeros around taken bytes", () => {
    withDirtyMemory(() => {
      for (const [, make] of SIDES) {
        for (const text of ["", "short", "é".repeat(63), "é".repeat(2000), "水".repeat(30_000)]) {
          const encoder = make();
          encoder.text(text);
          encoder.binary(new Uint8Array(3));
          const bytes = encoder.take();
          const behind = new Uint8Array(bytes.buffer, bytes.byteOffset + bytes.length);
          assert.ok(behind.length > 0);
          assert.ok(
            behind.every((byte) => byte === 0),
            `${text.slice(0, 9)}…: something lies behind`,
          );
          assert.equal(bytes.byteOffset, 0);
        }
        const encoder = make();
        for (let i = 0; i < 100; i++) {
          encoder.text("grown");
          encoder.binary(new Uint8Array(1000));
        }
        assert.ok(!new Uint8Array(encoder.take().buffer).includes(DIRT));
      }
    });
  });

  it("lets memory go that grew beyond 2 MiB once it is recycled, and keeps what did not", () => {
    for (const [megabytes, isKept] of [
      [0.4, true],
      [1.5, false],
    ] as const) {
      const encoder = server();
      encoder.binary(new Uint8Array(megabytes * (1 << 20)));
      encoder.text("more, so that memory grows to twice as much");
      const { buffer } = encoder.take();
      assert.ok(buffer.byteLength >= 2 * megabytes * (1 << 20));
      encoder.recycle();
      encoder.text("next");
      const next = encoder.take();
      assert.equal(next.buffer === buffer, isKept, `${megabytes} MiB`);
      assert.equal(Buffer.from(next).toString("latin1"), "\x81\x04next");
      if (!isKept) assert.ok(next.buffer.byteLength <= 0x10000, `${next.buffer.byteLength} bytes for four`);
    }
  });

  it("refuses a role that is none", () => {
    for (const role of ["any", "", undefined, null, 1]) {
      assert.throws(() => new FrameEncoder({ role: role as "server" }), TypeError);
    }
  });
});
