/** scan: RFC 6455 §5.7 first, then every rule with its status and the byte that broke it, then cuts and limits. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as layout from "../../../src/kernel/generated/layout.js";
import { eachBackend } from "../../support/backends.js";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  concat,
  type FrameSpec,
  frame,
  headerOf,
  KEY,
  PING,
  PONG,
  stream,
  TEXT,
} from "../../support/frames.js";
import { hex, toHex, utf8 } from "../../support/hex.js";
import { copyState, MID_MESSAGE, payloadOf, rescan, STATUS_NAMES, scan } from "../../support/kernel.js";

const { OPTION_REQUIRE_MASK, OPTION_FORBID_MASK, OPTION_ALLOW_RSV1 } = layout;
const KEY_NUMBER = 0x3d21fa37;
const HELLO = utf8("Hello");

const FIRST_RECORD = {
  firstByte: 0x81,
  masked: false,
  first: true,
  last: true,
  ascii: true,
  headerLength: 2,
  start: 2,
  length: 5,
  key: 0,
};
const IDLE = { frame: 0, key: 0, remaining: 0, message: 0, utf8: 0, spill: [] };

eachBackend("scan: the examples of §5.7", (kernel) => {
  it("a single-frame unmasked text message", () => {
    const seen = scan(kernel(), hex("81 05 48656c6c6f"));
    assert.deepEqual(seen.records, [FIRST_RECORD]);
    assert.equal(seen.status, layout.STATUS_OK);
    assert.equal(seen.position, 7);
    assert.deepEqual(seen.state, IDLE);
    assert.deepEqual(payloadOf(seen, 0), HELLO);
  });

  it("a single-frame masked text message", () => {
    const seen = scan(kernel(), hex("81 85 37fa213d 7f9f4d5158"));
    const record = { ...FIRST_RECORD, masked: true, headerLength: 6, start: 6, key: KEY_NUMBER };
    assert.deepEqual(seen.records, [record]);
    assert.equal(toHex(seen.window), "818537fa213d48656c6c6f", "unmasked in place, the header as it was");
  });

  it("a fragmented unmasked text message", () => {
    const seen = scan(kernel(), hex("01 03 48656c  80 02 6c6f"));
    assert.deepEqual(seen.records, [
      { ...FIRST_RECORD, firstByte: 0x01, length: 3 },
      { ...FIRST_RECORD, firstByte: 0x80, start: 7, length: 2 },
    ]);
    assert.deepEqual(seen.state, IDLE);
  });

  it("an unmasked Ping and its masked Pong", () => {
    const seen = scan(kernel(), hex("89 05 48656c6c6f  8a 85 37fa213d 7f9f4d5158"));
    assert.deepEqual(seen.records, [
      { ...FIRST_RECORD, firstByte: 0x89, ascii: false },
      {
        ...FIRST_RECORD,
        firstByte: 0x8a,
        ascii: false,
        masked: true,
        headerLength: 6,
        start: 13,
        key: KEY_NUMBER,
      },
    ]);
    assert.deepEqual(payloadOf(seen, 1), HELLO);
  });

  it("256 bytes and 64 KiB of binary in a single unmasked frame", () => {
    const small = concat([hex("82 7E 0100"), new Uint8Array(256).fill(1)]);
    const record = { ...FIRST_RECORD, firstByte: 0x82, ascii: false };
    assert.deepEqual(scan(kernel(), small).records, [{ ...record, headerLength: 4, start: 4, length: 256 }]);
    const large = concat([hex("82 7F 0000000000010000"), new Uint8Array(65526).fill(1)]);
    const seen = scan(kernel(), large);
    assert.deepEqual(seen.records, [{ ...record, last: false, headerLength: 10, start: 10, length: 65526 }]);
    assert.equal(seen.state.remaining, 10);
  });
});

interface Violation {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly status: number;
  /** Index of the byte that breaks the rule. */
  readonly position: number;
  readonly options?: number;
  readonly maxFrameSize?: number;
  readonly length?: number;
  /** Records before the violation. */
  readonly records?: number;
}

const length64 = (announced: bigint, key?: FrameSpec["key"]) =>
  headerOf({ opcode: BINARY, announced, lengthBytes: 8, key });

const VIOLATIONS: readonly Violation[] = [
  ...[0x10, 0x20, 0x30].map((bits) => ({
    name: `RSV bits ${bits.toString(16)}`,
    bytes: Uint8Array.of(0x81 | bits),
    status: layout.STATUS_RSV_2_3,
    position: 0,
  })),
  {
    name: "RSV1 and RSV3: RSV3 comes first, with every negotiation",
    bytes: hex("d1 00"),
    status: layout.STATUS_RSV_2_3,
    position: 0,
    options: OPTION_ALLOW_RSV1,
  },
  { name: "RSV1 not negotiated", bytes: hex("c1"), status: layout.STATUS_RSV_1, position: 0 },
  ...["c8", "c9", "ca"].map((byte) => ({
    name: `RSV1 on a control frame ${byte}`,
    bytes: hex(byte),
    status: layout.STATUS_RSV_1,
    position: 0,
    options: OPTION_ALLOW_RSV1,
  })),
  {
    name: "RSV1 on a continuation",
    bytes: hex("42 00 c0 00"),
    status: layout.STATUS_RSV_1,
    position: 2,
    options: OPTION_ALLOW_RSV1,
    records: 1,
  },
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((opcode) => ({
    name: `reserved opcode ${opcode}`,
    bytes: Uint8Array.of(0x80 | opcode),
    status: layout.STATUS_RESERVED_OPCODE,
    position: 0,
  })),
  ...[CLOSE, PING, PONG].map((opcode) => ({
    name: `control frame ${opcode} without FIN`,
    bytes: Uint8Array.of(opcode),
    status: layout.STATUS_FRAGMENTED_CONTROL,
    position: 0,
  })),
  ...["00", "80"].map((byte) => ({
    name: `continuation ${byte} of nothing`,
    bytes: hex(byte),
    status: layout.STATUS_UNEXPECTED_CONTINUATION,
    position: 0,
  })),
  {
    name: "continuation after a message that has ended",
    bytes: hex("02 01 aa  80 01 bb  80 01 cc"),
    status: layout.STATUS_UNEXPECTED_CONTINUATION,
    position: 6,
    records: 2,
  },
  ...["01", "02", "81", "82"].map((byte) => ({
    name: `new message ${byte} inside another`,
    bytes: hex(`01 01 61  89 00  ${byte}`),
    status: layout.STATUS_EXPECTED_CONTINUATION,
    position: 5,
    records: 2,
  })),
  ...["81 00", "81 7e", "82 7f", "89 00"].map((bytes) => ({
    name: `no mask where one is required, ${bytes}`,
    bytes: hex(bytes),
    status: layout.STATUS_EXPECTED_MASK,
    position: 1,
    options: OPTION_REQUIRE_MASK,
  })),
  ...["81 80", "81 fe", "82 ff", "89 80"].map((bytes) => ({
    name: `a mask where none may be, ${bytes}`,
    bytes: hex(bytes),
    status: layout.STATUS_UNEXPECTED_MASK,
    position: 1,
    options: OPTION_FORBID_MASK,
  })),
  ...["88 7e", "88 7f", "89 7e", "89 7f", "8a 7e", "8a 7f", "89 fe"].map((bytes) => ({
    name: `control frame of more than 125 bytes, ${bytes}`,
    bytes: hex(bytes),
    status: layout.STATUS_CONTROL_TOO_LONG,
    position: 1,
  })),
  {
    name: "control frame that is too long and not masked: the length comes first",
    bytes: hex("89 7e"),
    status: layout.STATUS_CONTROL_TOO_LONG,
    position: 1,
    options: OPTION_REQUIRE_MASK,
  },
  {
    name: "Close body of one byte",
    bytes: hex("88 01"),
    status: layout.STATUS_CLOSE_BODY_OF_ONE,
    position: 1,
  },
  ...[0, 1, 125].map((length) => ({
    name: `length ${length} in 16 bits`,
    bytes: headerOf({ opcode: BINARY, announced: BigInt(length), lengthBytes: 2 }),
    status: layout.STATUS_LENGTH_NOT_MINIMAL,
    position: 2,
    length,
  })),
  ...[0, 125, 126, 65535].map((length) => ({
    name: `length ${length} in 64 bits`,
    bytes: length64(BigInt(length)),
    status: layout.STATUS_LENGTH_NOT_MINIMAL,
    position: 2,
    length,
  })),
  ...[1n << 63n, (1n << 64n) - 1n].map((announced) => ({
    name: `length ${announced}`,
    bytes: length64(announced),
    status: layout.STATUS_LENGTH_TOP_BIT,
    position: 2,
    length: Number(announced),
  })),
  ...[1n << 53n, (1n << 53n) + 2n, (1n << 63n) - 1n].map((announced) => ({
    name: `length ${announced}`,
    bytes: length64(announced),
    status: layout.STATUS_LENGTH_UNSAFE,
    position: 2,
    length: Number(announced),
  })),
  {
    name: "length beyond 2^53 beyond the limit too: it cannot even be counted",
    bytes: length64(1n << 53n),
    status: layout.STATUS_LENGTH_UNSAFE,
    position: 2,
    maxFrameSize: 5,
    length: 2 ** 53,
  },
  {
    name: "7-bit length over the limit, its key not here yet",
    bytes: hex("82 86"),
    status: layout.STATUS_FRAME_TOO_BIG,
    position: 1,
    maxFrameSize: 5,
    length: 6,
  },
  {
    name: "16-bit length over the limit",
    bytes: hex("82 7e 012d"),
    status: layout.STATUS_FRAME_TOO_BIG,
    position: 2,
    maxFrameSize: 300,
    length: 301,
  },
  {
    name: "64-bit length over the limit",
    bytes: length64(65536n),
    status: layout.STATUS_FRAME_TOO_BIG,
    position: 2,
    maxFrameSize: 65535,
    length: 65536,
  },
  {
    name: "64-bit length over a limit beyond 2^32",
    bytes: length64((1n << 32n) + 1n),
    status: layout.STATUS_FRAME_TOO_BIG,
    position: 2,
    maxFrameSize: 2 ** 32,
    length: 2 ** 32 + 1,
  },
  {
    name: "one byte where none is allowed",
    bytes: hex("82 01"),
    status: layout.STATUS_FRAME_TOO_BIG,
    position: 1,
    maxFrameSize: 0,
    length: 1,
  },
  {
    name: "control frame over the limit",
    bytes: hex("89 06"),
    status: layout.STATUS_FRAME_TOO_BIG,
    position: 1,
    maxFrameSize: 5,
    length: 6,
  },
  {
    name: "text that is not UTF-8",
    bytes: hex("81 04 61 62 ff 63"),
    status: layout.STATUS_INVALID_UTF8,
    position: 4,
    records: 1,
  },
  {
    name: "text that is not UTF-8 in a frame that is not complete",
    bytes: hex("81 7e 1000 61 62 c3 28"),
    status: layout.STATUS_INVALID_UTF8,
    position: 7,
    records: 1,
  },
  {
    name: "text that ends inside a character",
    bytes: hex("81 03 61 e6 b0"),
    status: layout.STATUS_INVALID_UTF8,
    position: 5,
    records: 1,
  },
  {
    name: "fragmented text that ends inside a character, in an empty last fragment",
    bytes: hex("01 02 e6 b0  89 00  80 00"),
    status: layout.STATUS_INVALID_UTF8,
    position: 8,
    records: 3,
  },
  {
    name: "a surrogate, cut between two fragments",
    bytes: hex("01 01 ed  80 02 a0 80"),
    status: layout.STATUS_INVALID_UTF8,
    position: 5,
    records: 2,
  },
];

eachBackend("scan: rules", (kernel) => {
  for (const { name, bytes, status, position, options = 0, maxFrameSize = Infinity, ...more } of VIOLATIONS) {
    it(`${STATUS_NAMES[status]}: ${name}`, () => {
      const seen = scan(kernel(), bytes, options, maxFrameSize);
      assert.equal(STATUS_NAMES[seen.status], STATUS_NAMES[status]);
      assert.equal(seen.position, position);
      assert.equal(seen.records.length, more.records ?? 0);
      assert.equal(seen.length, more.length);
    });

    it(`${STATUS_NAMES[status]}: ${name}, behind a valid frame and wherever the chunk is cut`, () => {
      const masked = options & OPTION_REQUIRE_MASK ? KEY : undefined;
      const before = frame({ opcode: BINARY, payload: new Uint8Array(0), key: masked });
      const all = concat([before, bytes]);
      for (let cut = 0; cut <= all.length; cut++) {
        const head = scan(kernel(), all.subarray(0, cut), options, maxFrameSize);
        if (head.status !== layout.STATUS_OK) {
          // Each byte is judged as soon as it is here.
          assert.ok(cut > before.length + position || status === layout.STATUS_INVALID_UTF8);
          assert.equal(STATUS_NAMES[head.status], STATUS_NAMES[status]);
          assert.equal(head.position, before.length + position);
          continue;
        }
        const tail = scan(kernel(), all.subarray(cut), options, maxFrameSize, copyState(kernel()));
        assert.equal(STATUS_NAMES[tail.status], STATUS_NAMES[status], `cut ${cut}`);
        assert.equal(tail.position, before.length + position - cut, `cut ${cut}`);
        assert.equal(tail.length, more.length, `cut ${cut}`);
      }
    });
  }

  it("judges a header byte by byte: not a byte later than it could", () => {
    for (const { bytes, position, options = 0, maxFrameSize = Infinity, status } of VIOLATIONS) {
      if (status === layout.STATUS_INVALID_UTF8) continue;
      const early = scan(kernel(), bytes.subarray(0, position), options, maxFrameSize);
      assert.equal(early.status, layout.STATUS_OK);
      // A length is judged when all of it is here, anything else at its byte.
      const enough = status >= layout.STATUS_LENGTH_NOT_MINIMAL ? bytes.length : position + 1;
      assert.equal(scan(kernel(), bytes.subarray(0, enough), options, maxFrameSize).status, status);
    }
  });

  it("delivers the part of a text before the error in it", () => {
    const seen = scan(kernel(), frame({ opcode: TEXT, payload: hex("6162 c3a9 f0 80 63"), key: KEY }));
    assert.equal(seen.records.length, 1);
    const [record] = seen.records;
    assert.deepEqual([record.first, record.last, record.length], [true, false, 5]);
    assert.equal(toHex(payloadOf(seen, 0)), "6162c3a9f0");
    assert.equal(seen.state.remaining, 2, "the bytes of the frame from the wrong one on");
  });

  const legal: readonly (readonly [name: string, bytes: Uint8Array, options?: number, limit?: number])[] = [
    ["an empty text", hex("81 00")],
    ["an empty fragment, first, middle and last", hex("01 00 00 00 80 00")],
    ["a control frame of 125 bytes", frame({ opcode: PING, payload: new Uint8Array(125) })],
    ["a Close without a body", hex("88 00")],
    ["126 in 16 bits", frame({ opcode: BINARY, payload: new Uint8Array(126) })],
    ["a payload as long as the limit", hex("82 05 0102030405"), 0, 5],
    ["an empty payload where the limit is 0", hex("82 00 81 00 89 00"), 0, 0],
    ["RSV1 on a first frame where it is negotiated", hex("c1 00 42 00 80 00"), OPTION_ALLOW_RSV1],
    ["compressed text, which is not text yet", hex("c1 02 ff ff  41 01 80  80 01 c3"), OPTION_ALLOW_RSV1],
    ["binary that is not UTF-8, fragmented", hex("02 01 ff 80 01 ff")],
    ["binary data in control frames between fragments of text", hex("01 01 c3  89 01 ff  80 01 a9")],
    ["a masked frame and one that is not, where either may come", hex("81 80 00000000 81 00")],
  ];
  for (const [name, bytes, options = 0, limit = Infinity] of legal) {
    it(`accepts ${name}`, () => {
      const seen = scan(kernel(), bytes, options, limit);
      assert.equal(STATUS_NAMES[seen.status], "OK");
      assert.equal(seen.position, bytes.length);
      assert.deepEqual({ ...seen.state, key: 0 }, IDLE);
    });
  }

  it("accepts a continuation first where the stream may begin inside a message, and no other after it", () => {
    const begin = (bytes: Uint8Array) => scan(kernel(), bytes, 0, Infinity, MID_MESSAGE);
    for (const bytes of ["00 01 ff 80 01 80", "80 01 ff", "81 01 61", "89 00 80 00 81 00", "01 00 80 00"]) {
      const seen = begin(hex(bytes));
      assert.equal(STATUS_NAMES[seen.status], "OK", bytes);
      assert.deepEqual({ ...seen.state, key: 0 }, IDLE, bytes);
    }
    assert.equal(STATUS_NAMES[begin(hex("80 00 80 00")).status], "UNEXPECTED_CONTINUATION");
    assert.equal(STATUS_NAMES[begin(hex("81 00 80 00")).status], "UNEXPECTED_CONTINUATION");
    assert.equal(STATUS_NAMES[begin(hex("00 00 81 00")).status], "EXPECTED_CONTINUATION");
  });

  it("accepts every length up to 2^53 - 1 where there is no limit", () => {
    for (const announced of [65536n, 1n << 31n, (1n << 32n) - 1n, 1n << 32n, (1n << 53n) - 1n]) {
      const seen = scan(kernel(), length64(announced));
      assert.equal(STATUS_NAMES[seen.status], "OK");
      assert.deepEqual([seen.records.length, seen.records[0].length], [1, 0]);
      assert.equal(seen.state.remaining, Number(announced));
    }
  });
});

eachBackend("scan: what it writes down", (kernel) => {
  it("marks parts of text that are ASCII, text only", () => {
    const frames: FrameSpec[] = [
      { opcode: TEXT, payload: utf8("ascii"), key: KEY },
      { opcode: TEXT, payload: utf8("asci\u{ed}"), key: KEY },
      { opcode: TEXT, payload: new Uint8Array(0), key: KEY },
      { opcode: BINARY, payload: utf8("ascii"), key: KEY },
      { opcode: PING, payload: utf8("ascii"), key: KEY },
      { opcode: TEXT, fin: false, payload: utf8("ascii"), key: KEY },
      { opcode: PONG, payload: utf8("ascii"), key: KEY },
      { opcode: CONTINUATION, fin: false, payload: utf8("é"), key: KEY },
      { opcode: CONTINUATION, payload: utf8("ascii"), key: KEY },
    ];
    const ascii = (seen: ReturnType<typeof scan>) => seen.records.map((record) => record.ascii);
    const expected = [true, false, true, false, false, true, false, false, true];
    assert.deepEqual(ascii(scan(kernel(), stream(frames))), expected);
    const unmasked = frames.map((spec) => ({ ...spec, key: undefined }));
    assert.deepEqual(ascii(scan(kernel(), stream(unmasked))), expected);
  });

  it("finds the one byte that is not ASCII, wherever it is and however long the text", () => {
    for (const key of [KEY, undefined]) {
      for (let length = 2; length <= 130; length += length > 20 ? 3 : 1) {
        for (let at = 0; at + 2 <= length; at++) {
          const payload = new Uint8Array(length).fill(0x7f);
          payload.set([0xc2, 0x80], at);
          const bytes = concat([frame({ opcode: TEXT, payload, key }), hex("ffffffff")]);
          const seen = scan(kernel(), bytes.subarray(0, bytes.length - 4));
          assert.deepEqual([seen.status, seen.records[0].ascii], [layout.STATUS_OK, false]);
        }
        const plain = frame({ opcode: TEXT, payload: new Uint8Array(length).fill(0x7f), key });
        assert.equal(scan(kernel(), plain).records[0].ascii, true);
      }
    }
  });

  it("changes no byte of the window but masked payloads", () => {
    const { bytes: memory } = kernel();
    for (let length = 0; length <= 70; length++) {
      for (const opcode of [TEXT, BINARY]) {
        const payload = utf8("~".repeat(length));
        const bytes = stream([
          { opcode, payload, key: KEY },
          { opcode: PING, payload: utf8("ping"), key: KEY },
        ]);
        memory.fill(0xa5, layout.WINDOW + bytes.length, layout.WINDOW + bytes.length + 80);
        const seen = scan(kernel(), bytes);
        const expected = new Uint8Array(bytes);
        const payloadStart = expected.length - 10 - length;
        expected.set(payload, payloadStart);
        expected.set(utf8("ping"), expected.length - 4);
        assert.equal(toHex(seen.window), toHex(expected));
        const behind = memory.subarray(layout.WINDOW + bytes.length, layout.WINDOW + bytes.length + 80);
        assert.ok(
          behind.every((byte) => byte === 0xa5),
          `behind the chunk, length ${length}`,
        );
      }
    }
  });

  it("leaves STATE so that the next scan goes on inside a payload, at any cut", () => {
    const payload = utf8("a水b😀cé".repeat(3));
    const bytes = frame({ opcode: TEXT, payload, key: KEY });
    for (let cut = 6; cut <= bytes.length; cut++) {
      const head = scan(kernel(), bytes.subarray(0, cut));
      assert.deepEqual(
        head.records.map(({ first, last, length }) => ({ first, last, length })),
        [{ first: true, last: cut === bytes.length, length: cut - 6 }],
      );
      if (cut === bytes.length) break;
      assert.equal(head.state.remaining, bytes.length - cut);
      assert.equal(head.state.message, TEXT);
      assert.equal(head.state.frame & 0xff, 0x81);
      const tail = scan(kernel(), bytes.subarray(cut), 0, Infinity, copyState(kernel()));
      assert.equal(STATUS_NAMES[tail.status], "OK");
      assert.deepEqual(
        tail.records.map(({ first, last, start, length }) => ({ first, last, start, length })),
        [{ first: false, last: true, start: 0, length: bytes.length - cut }],
      );
      assert.equal(toHex(concat([payloadOf(head, 0), payloadOf(tail, 0)])), toHex(payload), `cut ${cut}`);
      assert.deepEqual({ ...tail.state, key: 0 }, IDLE);
    }
  });

  it("puts a split header together, for every length and every cut", () => {
    for (const key of [undefined, KEY]) {
      for (const length of [0, 5, 125, 126, 300, 65536]) {
        const bytes = stream([
          { opcode: BINARY, payload: new Uint8Array(length).fill(0x5a), key },
          { opcode: PING, payload: HELLO, key },
        ]);
        const headerLength = headerOf({ opcode: BINARY, announced: BigInt(length), key }).length;
        for (let cut = 1; cut < headerLength; cut++) {
          for (let second = cut; second < headerLength; second++) {
            const head = scan(kernel(), bytes.subarray(0, cut));
            assert.deepEqual([head.records.length, head.status, head.position], [0, layout.STATUS_OK, cut]);
            assert.deepEqual(head.state.spill, [...bytes.subarray(0, cut)]);
            const middle = scan(kernel(), bytes.subarray(cut, second), 0, Infinity, copyState(kernel()));
            assert.deepEqual([middle.records.length, middle.status], [0, layout.STATUS_OK]);
            assert.deepEqual(middle.state.spill, [...bytes.subarray(0, second)]);
            const rest = bytes.subarray(second, second + layout.WINDOW_LENGTH);
            const tail = scan(kernel(), rest, 0, Infinity, copyState(kernel()));
            const [record] = tail.records;
            assert.equal(record.headerLength, headerLength);
            assert.equal(record.start, headerLength - second);
            assert.equal(record.key, key ? KEY_NUMBER : 0);
            assert.equal(tail.state.spill.length, 0);
            assert.ok(payloadOf(tail, 0).every((byte) => byte === 0x5a));
            if (length < 65536) {
              assert.equal(record.length, length);
              assert.deepEqual(payloadOf(tail, 1), HELLO);
            }
          }
        }
      }
    }
  });

  it("writes nothing but the header's bytes before the window", () => {
    const { bytes: memory } = kernel();
    const bytes = headerOf({ opcode: BINARY, announced: 65536n, key: KEY });
    for (let cut = 1; cut < bytes.length; cut++) {
      scan(kernel(), bytes.subarray(0, cut));
      const state = copyState(kernel());
      memory.fill(0xa5, layout.WINDOW - 32, layout.WINDOW);
      scan(kernel(), bytes.subarray(cut), 0, Infinity, state);
      assert.ok(memory.subarray(layout.WINDOW - 32, layout.WINDOW - cut).every((byte) => byte === 0xa5));
    }
  });

  it("gives a record to a payload that has not begun, and none to a frame that is over", () => {
    const first = scan(kernel(), hex("82 05"));
    assert.deepEqual(
      first.records.map(({ first, last, length }) => [first, last, length]),
      [[true, false, 0]],
    );
    const nothing = scan(kernel(), hex(""), 0, Infinity, copyState(kernel()));
    assert.deepEqual([nothing.records.length, nothing.status, nothing.position], [0, layout.STATUS_OK, 0]);
    assert.equal(nothing.state.remaining, 5);
    const rest = scan(kernel(), hex("0102030405"), 0, Infinity, copyState(kernel()));
    assert.deepEqual(
      rest.records.map(({ first, last, length }) => [first, last, length]),
      [[false, true, 5]],
    );
    assert.deepEqual(rest.state, IDLE);
  });

  it("goes on in a payload beyond 2^32 bytes", () => {
    scan(kernel(), length64((1n << 32n) + 70000n, KEY));
    let sent = 0;
    for (let round = 0; round < 3; round++) {
      const state = copyState(kernel());
      const seen = scan(kernel(), new Uint8Array(0xfffe), 0, Infinity, state);
      sent += 0xfffe;
      assert.equal(seen.state.remaining, 2 ** 32 + 70000 - sent);
    }
  });
});

eachBackend("scan: bytes left for later", (kernel) => {
  const { OPTION_MORE } = layout;
  const long = new Uint8Array(4096).map((_, i) => 0x20 + (i % 90));

  it("leaves a whole frame that the end cuts, and a header that it cuts, when more is at hand", () => {
    const bytes = stream([
      { opcode: PING, payload: utf8("p"), key: KEY },
      { opcode: TEXT, payload: utf8("a text, not all of it here"), key: KEY },
    ]);
    for (let cut = 7; cut < bytes.length; cut++) {
      const seen = scan(kernel(), bytes.subarray(0, cut), OPTION_MORE);
      assert.equal(STATUS_NAMES[seen.status], cut === 7 ? "OK" : "FULL");
      assert.deepEqual([seen.records.length, seen.position], [1, 7], `cut at ${cut}`);
      assert.deepEqual({ ...seen.state, key: 0 }, IDLE);
      assert.equal(toHex(seen.window.subarray(7)), toHex(bytes.subarray(7, cut)), "as it came");
    }
    const whole = scan(kernel(), bytes, OPTION_MORE);
    assert.deepEqual([STATUS_NAMES[whole.status], whole.records.length], ["OK", 2]);
  });

  it("does not leave a frame whose header began in the chunk before: it cannot be scanned again", () => {
    for (const opcode of [TEXT, BINARY]) {
      const bytes = frame({ opcode, payload: long, key: KEY });
      for (let cut = 1; cut < 8; cut++) {
        scan(kernel(), bytes.subarray(0, cut));
        const state = copyState(kernel());
        const seen = scan(kernel(), bytes.subarray(cut, 100), OPTION_MORE, Infinity, state);
        assert.deepEqual([STATUS_NAMES[seen.status], seen.position], ["OK", 100 - cut], `cut at ${cut}`);
        assert.deepEqual([seen.records.length, seen.records[0].length], [1, 92]);
        assert.equal(toHex(payloadOf(seen, 0)), toHex(long.subarray(0, 92)));
      }
    }
  });
});

eachBackend("scan: capacity", (kernel) => {
  const CAPACITY = layout.RECORD_CAPACITY;

  it("stops when the records are full, and goes on from there", () => {
    const bytes = stream(
      Array.from({ length: CAPACITY + 3 }, (_, i) => ({
        opcode: BINARY,
        payload: Uint8Array.of(i, i >> 8),
        key: KEY,
      })),
    );
    const seen = scan(kernel(), bytes);
    assert.equal(STATUS_NAMES[seen.status], "FULL");
    assert.equal(seen.records.length, CAPACITY);
    assert.equal(seen.position, 8 * CAPACITY);
    assert.equal(toHex(seen.window.subarray(8 * CAPACITY)), toHex(bytes.subarray(8 * CAPACITY)), "not yet");
    const more = rescan(kernel(), seen.position, bytes.length, 0, Infinity);
    assert.equal(STATUS_NAMES[more.status], "OK");
    assert.deepEqual(
      more.records.map((record, index) => [record.start, payloadOf(more, index)[0]]),
      [0, 1, 2].map((i) => [8 * (CAPACITY + i) + 6, (CAPACITY + i) & 0xff]),
    );
  });

  it("is not full when the last record ends the chunk", () => {
    const bytes = concat(Array.from({ length: CAPACITY }, () => hex("82 00")));
    const seen = scan(kernel(), bytes);
    assert.deepEqual([STATUS_NAMES[seen.status], seen.records.length], ["OK", CAPACITY]);
    assert.equal(seen.position, bytes.length);
  });

  it("does not judge the frame that found no room", () => {
    const bytes = concat([...Array.from({ length: CAPACITY }, () => hex("82 00")), hex("ff")]);
    const seen = scan(kernel(), bytes);
    assert.equal(STATUS_NAMES[seen.status], "FULL");
    const more = rescan(kernel(), seen.position, bytes.length, 0, Infinity);
    assert.equal(STATUS_NAMES[more.status], "RSV_2_3");
    assert.equal(more.position, 2 * CAPACITY);
  });

  it("keeps the message and the phase of the mask over a full table", () => {
    const half = utf8("水".repeat(4)).subarray(0, 7);
    const pings = concat(Array.from({ length: CAPACITY - 1 }, () => hex("89 00")));
    const bytes = concat([
      frame({ opcode: TEXT, fin: false, payload: half, key: KEY }),
      pings,
      frame({ opcode: CONTINUATION, payload: utf8("水".repeat(4)).subarray(7), key: KEY }),
    ]);
    const seen = scan(kernel(), bytes);
    assert.equal(STATUS_NAMES[seen.status], "FULL");
    assert.equal(seen.state.message, TEXT);
    const more = rescan(kernel(), seen.position, bytes.length, 0, Infinity);
    assert.equal(STATUS_NAMES[more.status], "OK");
    assert.equal(toHex(payloadOf(more, 0)), toHex(utf8("水".repeat(4)).subarray(7)));
  });

  it("scans a window that is full to the last byte", () => {
    const payload = new Uint8Array(layout.WINDOW_LENGTH - 8).fill(0x61);
    const bytes = frame({ opcode: TEXT, payload, key: KEY });
    assert.equal(bytes.length, layout.WINDOW_LENGTH);
    kernel().bytes.fill(0xa5, layout.WINDOW + bytes.length, layout.WINDOW + bytes.length + 64);
    const seen = scan(kernel(), bytes);
    assert.deepEqual([seen.status, seen.records[0].ascii], [layout.STATUS_OK, true]);
    assert.ok(payloadOf(seen, 0).every((byte) => byte === 0x61));
    const behind = kernel().bytes.subarray(layout.WINDOW + bytes.length, layout.WINDOW + bytes.length + 64);
    assert.ok(behind.every((byte) => byte === 0xa5));
  });
});

describe("the table of violations", () => {
  it("has every status the kernel can give", () => {
    const covered = new Set(VIOLATIONS.map(({ status }) => status));
    const missing = Object.keys(STATUS_NAMES)
      .map(Number)
      .filter((status) => status > layout.STATUS_FULL && !covered.has(status));
    assert.deepEqual(missing, []);
  });
});
