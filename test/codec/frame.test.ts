/** One frame at a time: encode* and decodeFrame. */

import assert from "node:assert/strict";
import { it } from "node:test";
import fc from "fast-check";
import {
  decodeFrame,
  encodeBinary,
  encodeClose,
  encodeFrame,
  encodePing,
  encodePong,
  encodeText,
  LimitError,
  Opcode,
  ProtocolError,
} from "../../src/codec/index.js";
import { eachBackend } from "../support/backends.js";
import { NOT_BYTES } from "../support/bytes.js";
import { arbitraryKey, BINARY, CLOSE, EDGE_LENGTHS, frame, headerOf, KEY, TEXT } from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { retainedBy } from "../support/memory.js";
import { itHolds, randomBytes, randomNumbers } from "../support/property.js";

const MASK = new Uint8Array(KEY);

eachBackend("decodeFrame", () => {
  const random = randomNumbers(15);

  it("decodes the examples of §5.7", () => {
    assert.deepEqual(decodeFrame(hex("81 05 48656c6c6f")), {
      frame: {
        opcode: Opcode.Text,
        fin: true,
        rsv1: false,
        masked: false,
        maskingKey: undefined,
        headerLength: 2,
        payload: utf8("Hello"),
      },
      bytesConsumed: 7,
    });
    assert.deepEqual(decodeFrame(hex("81 85 37fa213d 7f9f4d5158")), {
      frame: {
        opcode: Opcode.Text,
        fin: true,
        rsv1: false,
        masked: true,
        maskingKey: MASK,
        headerLength: 6,
        payload: utf8("Hello"),
      },
      bytesConsumed: 11,
    });
    const fragment = decodeFrame(hex("01 03 48656c"));
    assert.deepEqual([fragment.frame?.fin, fragment.bytesConsumed], [false, 5]);
    const rest = decodeFrame(hex("80 02 6c6f"));
    assert.deepEqual([rest.frame?.opcode, rest.frame?.fin], [Opcode.Continuation, true]);
  });

  it("decodes every length at which the header changes, masked or not", () => {
    for (const length of [...EDGE_LENGTHS, 8, 9, 10, 12, 13, 14, 15]) {
      for (const key of [KEY, undefined]) {
        const payload = randomBytes(random, length);
        const bytes = frame({ opcode: BINARY, payload, key });
        const result = decodeFrame(bytes);
        assert.equal(result.bytesConsumed, bytes.length);
        assert.equal(result.frame?.headerLength, bytes.length - length);
        assert.equal(Buffer.compare(result.frame?.payload ?? hex("ff"), payload), 0, String(length));
      }
    }
  });

  it("says nothing is there while the frame is not complete, at every length of it", () => {
    for (const spec of [
      { opcode: TEXT, payload: utf8("Hello, 水"), key: KEY },
      { opcode: BINARY, payload: new Uint8Array(130), key: KEY },
      { opcode: BINARY, payload: new Uint8Array(126) },
      { opcode: BINARY, payload: new Uint8Array(65536), key: KEY },
      { opcode: CLOSE, payload: hex("03e8"), key: KEY },
      { opcode: TEXT, payload: new Uint8Array(0), key: KEY },
    ]) {
      const bytes = frame(spec);
      for (let length = 0; length < bytes.length; length += length > 200 ? 997 : 1) {
        const result = decodeFrame(bytes.subarray(0, length));
        assert.deepEqual(result, { frame: undefined, bytesConsumed: 0 }, `${length} of ${bytes.length}`);
      }
      assert.notEqual(decodeFrame(bytes).frame, undefined);
    }
  });

  it("takes the first frame only, and walks a stream by bytesConsumed", () => {
    const specs = [
      { opcode: TEXT, fin: false, payload: utf8("a"), key: KEY },
      { opcode: 9, payload: utf8("ping"), key: KEY },
      { opcode: 0, payload: new Uint8Array(200).fill(1), key: KEY },
      { opcode: BINARY, payload: new Uint8Array(0), key: KEY },
      { opcode: CLOSE, payload: hex("03e8"), key: KEY },
    ];
    let bytes: Uint8Array = Buffer.concat([...specs.map(frame), hex("81")]);
    for (const { opcode, payload } of specs) {
      const result = decodeFrame(bytes, { role: "server" });
      assert.equal(result.frame?.opcode, opcode);
      assert.equal(toHex(result.frame?.payload ?? hex("ff")), toHex(payload));
      bytes = bytes.subarray(result.bytesConsumed);
    }
    assert.deepEqual(decodeFrame(bytes), { frame: undefined, bytesConsumed: 0 });
  });

  it("does not look beyond the first frame", () => {
    const result = decodeFrame(hex("81 01 61  ff ff ff ff ff ff ff ff ff ff ff ff ff"));
    assert.deepEqual([result.frame?.opcode, result.bytesConsumed], [Opcode.Text, 3]);
  });

  it("leaves its input alone, and shares no memory with it", () => {
    for (const length of [5, 200]) {
      const bytes = frame({ opcode: BINARY, payload: randomBytes(random, length), key: KEY });
      const before = toHex(bytes);
      const { frame: decoded } = decodeFrame(bytes);
      assert.equal(toHex(bytes), before);
      const payload = decoded?.payload as Uint8Array;
      assert.notEqual(payload.buffer, bytes.buffer);
      const was = toHex(payload);
      bytes.fill(0);
      decodeFrame(frame({ opcode: BINARY, payload: new Uint8Array(length).fill(0xff), key: KEY }));
      assert.equal(toHex(payload), was);
    }
  });

  it("throws the peer's mistake, for here it is asked about these bytes", () => {
    const cases = [
      ["83 00", "WS_ERR_INVALID_OPCODE"],
      ["c1 00", "WS_ERR_UNEXPECTED_RSV_1"],
      ["91 00", "WS_ERR_UNEXPECTED_RSV_2_3"],
      ["09 00", "WS_ERR_EXPECTED_FIN"],
      ["89 7e 007e", "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"],
      ["81 02 c328", "WS_ERR_INVALID_UTF8"],
      ["81 01 c3", "WS_ERR_INVALID_UTF8"],
      ["82 7e 0001 00", "WS_ERR_INVALID_PAYLOAD_LENGTH"],
      ["88 02 03ed", "WS_ERR_INVALID_CLOSE_CODE"],
    ] as const;
    for (const [bytes, code] of cases) {
      assert.throws(
        () => decodeFrame(hex(bytes)),
        (error) => error instanceof ProtocolError && error.code === code,
        bytes,
      );
    }
    assert.throws(() => decodeFrame(hex("81 00"), { role: "server" }), { code: "WS_ERR_EXPECTED_MASK" });
    assert.throws(() => decodeFrame(hex("81 80 00000000"), { role: "client" }), {
      code: "WS_ERR_UNEXPECTED_MASK",
    });
  });

  it("judges a limit on the header, 1 MiB by default", () => {
    const header = headerOf({ opcode: BINARY, announced: (1n << 20n) + 1n });
    assert.throws(() => decodeFrame(header), LimitError);
    assert.equal(decodeFrame(header, { maxFrameSize: Infinity }).bytesConsumed, 0);
    assert.equal(decodeFrame(headerOf({ opcode: BINARY, announced: 1n << 20n })).bytesConsumed, 0);
    assert.throws(() => decodeFrame(hex("82 03 000000"), { maxFrameSize: 2 }), LimitError);
    assert.equal(decodeFrame(hex("82 03 000000"), { maxFrameSize: 3 }).bytesConsumed, 5);
  });

  it("allows RSV1 when told so", () => {
    const result = decodeFrame(hex("c1 02 ff80"), { allowRsv1: true });
    assert.deepEqual([result.frame?.rsv1, toHex(result.frame?.payload ?? hex(""))], [true, "ff80"]);
  });
});

eachBackend("decodeFrame: its argument", () => {
  it("must be bytes", () => {
    for (const wrong of NOT_BYTES) assert.throws(() => decodeFrame(wrong as Uint8Array), TypeError);
  });
});

eachBackend("encodeFrame and its siblings", () => {
  const random = randomNumbers(16);

  it("encode the examples of §5.7", () => {
    assert.equal(toHex(encodeText("Hello")), "810548656c6c6f");
    assert.equal(toHex(encodeText("Hello", { mask: MASK })), "818537fa213d7f9f4d5158");
    assert.equal(toHex(encodeText("Hel", { fin: false })), "010348656c");
    assert.equal(toHex(encodeFrame(Opcode.Continuation, "lo")), "80026c6f");
    assert.equal(toHex(encodePing("Hello")), "890548656c6c6f");
    assert.equal(toHex(encodePong("Hello", { mask: MASK })), "8a8537fa213d7f9f4d5158");
    assert.equal(toHex(encodePing()), "8900");
    assert.equal(toHex(encodePong()), "8a00");
    assert.equal(toHex(encodeClose()), "8800");
    assert.equal(toHex(encodeClose(1000, "bye")), "880503e8627965");
    assert.equal(toHex(encodeClose(undefined, undefined, { mask: hex("00000000") })), "888000000000");
    assert.equal(toHex(encodeFrame(Opcode.Text, "", { rsv1: true })), "c100");
  });

  it("encode every length at which the header changes", () => {
    for (const length of EDGE_LENGTHS) {
      const payload = randomBytes(random, length);
      const before = new Uint8Array(payload);
      assert.equal(Buffer.compare(encodeBinary(payload), frame({ opcode: BINARY, payload })), 0);
      const masked = encodeBinary(payload, { mask: MASK });
      assert.equal(Buffer.compare(masked, frame({ opcode: BINARY, payload, key: KEY })), 0);
      assert.equal(Buffer.compare(payload, before), 0, "the input stays");
    }
  });

  itHolds(
    "come back through decodeFrame",
    300,
    fc.tuple(
      fc.constantFrom(Opcode.Continuation, Opcode.Text, Opcode.Binary, Opcode.Ping, Opcode.Pong),
      fc.string({ unit: "grapheme", maxLength: 30 }),
      fc.option(arbitraryKey, { nil: undefined }),
      fc.boolean(),
    ),
    ([opcode, text, key, fin]) => {
      const mask = key ? new Uint8Array(key) : false;
      const whole = fin || opcode >= 8;
      const bytes = encodeFrame(opcode, text, { mask, fin: whole });
      const { frame: decoded, bytesConsumed } = decodeFrame(bytes);
      assert.equal(bytesConsumed, bytes.length);
      assert.deepEqual(
        [decoded?.opcode, decoded?.fin, decoded?.masked, toHex(decoded?.payload ?? hex("ff"))],
        [opcode, whole, key !== undefined, toHex(utf8(text))],
      );
      assert.deepEqual(decoded?.maskingKey, key ? new Uint8Array(key) : undefined);
    },
  );

  it("mask with a fresh key each time when asked to", () => {
    const keys = new Set<string>();
    for (let i = 0; i < 100; i++) {
      const { frame: decoded } = decodeFrame(encodeText("same", { mask: true }));
      assert.equal(decoded?.masked, true);
      assert.equal(Buffer.from(decoded?.payload ?? []).toString(), "same");
      keys.add(toHex(decoded?.maskingKey ?? hex("")));
    }
    assert.equal(keys.size, 100);
  });

  it("give bytes that are the caller's own", () => {
    const results = [1, 10, 5000, 20_000, 3].map((length) =>
      encodeBinary(new Uint8Array(length).fill(length)),
    );
    const copies = results.map(toHex);
    encodeBinary(new Uint8Array(100).fill(0xff));
    encodeText("x".repeat(30_000), { mask: true });
    assert.deepEqual(results.map(toHex), copies);
    for (const bytes of results) assert.equal(bytes.buffer.byteLength, bytes.length, "no slack behind them");
  });

  it("refuse frames that must not be sent, and work on afterwards", () => {
    const range = [
      () => encodeFrame(3 as Opcode, ""),
      () => encodePing("x".repeat(126)),
      () => encodePong(new Uint8Array(126)),
      () => encodeFrame(Opcode.Close, new Uint8Array(1)),
      () => encodeFrame(Opcode.Close, hex("03ed")),
      () => encodeFrame(Opcode.Close, hex("03e8 ff"), { mask: true }),
      () => encodeFrame(Opcode.Close, "x"),
      () => encodePing("", { fin: false }),
      () => encodePong("", { rsv1: true }),
      () => encodeFrame(Opcode.Continuation, "", { rsv1: true }),
      () => encodeClose(1006),
      () => encodeClose(1000, "x".repeat(124)),
    ];
    for (const call of range) assert.throws(call, RangeError, String(call));
    const types = [
      ...[hex("010203"), hex("0102030405"), [1, 2, 3, 4], "mask", 1, null].map(
        (mask) => () => encodeText("x", { mask: mask as unknown as Uint8Array }),
      ),
      () => encodeFrame(Opcode.Binary, 5 as unknown as Uint8Array),
      () => encodeFrame(Opcode.Binary, null as unknown as Uint8Array, { mask: true }),
      () => encodeClose(undefined, "why"),
    ];
    for (const call of types) assert.throws(call, TypeError, String(call));
    assert.equal(toHex(encodeText("a")), "810161");
    assert.equal(toHex(encodeText("a", { mask: hex("00000000") })), "81810000000061");
  });

  it("keep no memory for a frame that they refuse, or for a long one", () => {
    const long = Buffer.alloc(1_000_000, "x").toString("latin1");
    const call = (text: string) => {
      for (const mask of [false, true]) {
        assert.throws(() => encodePing(text, { mask }), RangeError);
        assert.throws(() => encodeFrame(Opcode.Close, text, { mask }), RangeError);
      }
    };
    call("x".repeat(126)); // once before, so that compiled code and the like are not counted
    encodeText("x", { mask: true });
    const refused = retainedBy(() => call(long));
    assert.ok(refused < 300_000, `${refused} bytes are kept`);
    const sent = retainedBy(() => void [encodeText(long), encodeText(long, { mask: true })]);
    assert.ok(sent < 300_000, `${sent} bytes are kept`);
  });
});
