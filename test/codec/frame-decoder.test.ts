/**
 * FrameDecoder: what it says of a stream, the same however the stream is cut, and with other streams decoded
 * meanwhile, and nothing after the peer did wrong.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  DEFAULT_MAX_FRAME_SIZE,
  FrameDecoder,
  type FrameDecoderOptions,
  InvalidStateError,
  LimitError,
  ProtocolError,
} from "../../src/codec/index.js";
import { eachBackend } from "../support/backends.js";
import { ofAnotherRealm } from "../support/bytes.js";
import { decodeChunks, drain, type Seen, type SeenFrame, seeError, seeFrame } from "../support/decoding.js";
import {
  BINARY,
  type Bytes,
  CLOSE,
  CONTINUATION,
  closeBody,
  concat,
  cutAt,
  cutEvery,
  type FrameSpec,
  frame,
  headerOf,
  KEY,
  PING,
  PONG,
  stream,
  TEXT,
} from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { retainedBy } from "../support/memory.js";
import { randomBytes, randomNumbers } from "../support/property.js";
import { judgeStream } from "../support/stream-oracle.js";

const SERVER = { role: "server" } as const;
const CLIENT = { role: "client" } as const;
const ANY = { role: "any" } as const;

/** The stream in one chunk. */
function decode(bytes: Uint8Array, options: FrameDecoderOptions = SERVER): Seen {
  return decodeChunks([new Uint8Array(bytes)], options);
}

/** Results must not depend on the cut; ASCII is known of a whole payload only. */
function sameHoweverCut(bytes: Uint8Array, options: FrameDecoderOptions): void {
  const whole = decode(bytes, options);
  for (let cut = 0; cut <= bytes.length; cut++) {
    assert.deepEqual(decodeChunks(cutAt(bytes, [cut]), options), whole, `cut at ${cut}`);
    assert.deepEqual(decodeChunks(cutAt(bytes, [cut]), options, "queued"), whole, `queued, cut at ${cut}`);
  }
  for (const size of [1, 2, 3, 5, 7, 13, 16, 31]) {
    assert.deepEqual(decodeChunks(cutEvery(bytes, size), options), whole, `cut every ${size}`);
    assert.deepEqual(decodeChunks(cutEvery(bytes, size), options, "payload first"), whole, `every ${size}`);
    assert.deepEqual(decodeChunks(cutEvery(bytes, size), options, "queued"), whole, `queued, every ${size}`);
  }
}

/** One of everything a stream can hold; as the client sends it, so masked. */
const EVERYTHING: readonly FrameSpec[] = [
  { opcode: TEXT, payload: utf8("Hello"), key: KEY },
  { opcode: TEXT, payload: new Uint8Array(0), key: KEY },
  { opcode: BINARY, payload: hex("00 ff 80 7f"), key: [0, 0, 0, 0] },
  { opcode: TEXT, payload: utf8("grüße 水 😀"), key: [1, 2, 3, 4] },
  { opcode: TEXT, fin: false, payload: utf8("fragment 水").subarray(0, 10), key: KEY },
  { opcode: PING, payload: hex("ff fe"), key: KEY },
  { opcode: CONTINUATION, fin: false, payload: new Uint8Array(0), key: KEY },
  { opcode: CONTINUATION, fin: false, payload: utf8("水").subarray(1, 2), key: [9, 8, 7, 6] },
  { opcode: PONG, payload: new Uint8Array(0), key: KEY },
  { opcode: CONTINUATION, payload: concat([utf8("水").subarray(2), utf8(" end")]), key: KEY },
  { opcode: BINARY, fin: false, payload: hex("c3"), key: KEY },
  { opcode: CONTINUATION, payload: hex("28"), key: KEY },
  { opcode: TEXT, payload: utf8("x".repeat(126)), key: KEY },
  { opcode: BINARY, payload: new Uint8Array(130).fill(0xa5), key: KEY },
  { opcode: PING, payload: new Uint8Array(125).fill(0x70), key: KEY },
  { opcode: CLOSE, payload: closeBody(1001, "tschüß"), key: KEY },
];

eachBackend("FrameDecoder: the examples of §5.7", () => {
  const one = (bytes: string, options: FrameDecoderOptions) => {
    const { frames, error } = decode(hex(bytes), options);
    assert.equal(error, undefined);
    return frames;
  };

  it("a single-frame unmasked text message", () => {
    assert.deepEqual(one("81 05 48656c6c6f", CLIENT), [
      {
        opcode: TEXT,
        fin: true,
        rsv1: false,
        masked: false,
        headerLength: 2,
        payloadLength: 5,
        maskingKey: 0,
        frameOffset: 0,
        isFirstPart: true,
        isLastPart: true,
        isAscii: true,
        payload: "48656c6c6f",
        text: "Hello",
      },
    ]);
  });

  it("a single-frame masked text message", () => {
    const [seen] = one("81 85 37fa213d 7f9f4d5158", SERVER);
    assert.deepEqual([seen.text, seen.payload, seen.masked], ["Hello", "48656c6c6f", true]);
    assert.deepEqual([seen.headerLength, seen.maskingKey], [6, 0x3d21fa37]);
  });

  it("a fragmented unmasked text message", () => {
    const seen = one("01 03 48656c  80 02 6c6f", CLIENT);
    assert.deepEqual(
      seen.map(({ opcode, fin, payload, text, frameOffset }) => ({
        opcode,
        fin,
        payload,
        text,
        frameOffset,
      })),
      [
        { opcode: TEXT, fin: false, payload: "48656c", text: undefined, frameOffset: 0 },
        { opcode: CONTINUATION, fin: true, payload: "6c6f", text: undefined, frameOffset: 5 },
      ],
    );
  });

  it("an unmasked Ping and a masked Pong", () => {
    const [ping] = one("89 05 48656c6c6f", CLIENT);
    assert.deepEqual([ping.opcode, ping.payload], [PING, "48656c6c6f"]);
    const [pong] = one("8a 85 37fa213d 7f9f4d5158", SERVER);
    assert.deepEqual([pong.opcode, pong.payload], [PONG, "48656c6c6f"]);
  });

  it("256 bytes, and 64 KiB, of binary in a single unmasked frame", () => {
    for (const [header, length] of [
      ["82 7e 0100", 256],
      ["82 7f 0000000000010000", 65536],
    ] as const) {
      const payload = randomBytes(randomNumbers(9), length);
      const { frames, error } = decode(concat([hex(header), payload]), CLIENT);
      assert.equal(error, undefined);
      assert.equal(frames.length, 1);
      assert.deepEqual([frames[0].opcode, frames[0].payloadLength], [BINARY, length]);
      assert.equal(frames[0].payload, toHex(payload));
    }
  });
});

eachBackend("FrameDecoder: cuts", () => {
  const everything = stream(EVERYTHING);

  it("sees everything as it was sent", () => {
    const { frames, error } = decode(everything);
    assert.equal(error, undefined);
    let offset = 0;
    EVERYTHING.forEach((spec, i) => {
      const seen = frames[i];
      const payload = spec.payload ?? new Uint8Array(0);
      const header = headerOf(spec);
      assert.deepEqual(
        [seen.opcode, seen.fin, seen.payload, seen.frameOffset, seen.headerLength, seen.payloadLength],
        [spec.opcode, spec.fin ?? true, toHex(payload), offset, header.length, payload.length],
      );
      offset += header.length + payload.length;
    });
    assert.equal(frames.length, EVERYTHING.length);
    assert.deepEqual(
      frames.filter(({ text }) => text !== undefined).map(({ text }) => text),
      ["Hello", "", "grüße 水 😀", "x".repeat(126)],
    );
    assert.deepEqual(
      frames.map(({ isAscii }) => isAscii),
      EVERYTHING.map(({ opcode, payload = new Uint8Array(0) }, i) => {
        const ofText = opcode === TEXT || (opcode === CONTINUATION && i < 10);
        return ofText && payload.every((byte) => byte < 0x80);
      }),
    );
  });

  it("sees the same for every cut, byte by byte too, read at once or queued", () => {
    sameHoweverCut(everything, SERVER);
  });

  it("sees the same for every cut of the same frames without masks", () => {
    sameHoweverCut(stream(EVERYTHING.map((spec) => ({ ...spec, key: undefined }))), CLIENT);
    sameHoweverCut(stream(EVERYTHING.map((spec, i) => (i % 2 ? spec : { ...spec, key: undefined }))), ANY);
  });

  it("sees the same for any two cuts of a short stream", () => {
    const bytes = stream([
      { opcode: TEXT, fin: false, payload: utf8("a水"), key: KEY },
      { opcode: PING, payload: utf8("p"), key: [5, 6, 7, 8] },
      { opcode: CONTINUATION, payload: utf8("é"), key: KEY },
      { opcode: BINARY, payload: hex("00 ff"), key: KEY },
    ]);
    const whole = decode(bytes);
    for (let first = 0; first <= bytes.length; first++) {
      for (let second = first; second <= bytes.length; second++) {
        assert.deepEqual(decodeChunks(cutAt(bytes, [first, second]), SERVER), whole, `${first}, ${second}`);
        assert.deepEqual(decodeChunks(cutAt(bytes, [first, second]), SERVER, "queued"), whole);
      }
    }
  });

  it("ignores chunks of no bytes", () => {
    const decoder = new FrameDecoder(SERVER);
    const frames: SeenFrame[] = [];
    for (const piece of cutEvery(everything, 50)) {
      decoder.push(new Uint8Array(0));
      decoder.push(piece);
      decoder.push(new Uint8Array(0));
      drain(decoder, frames);
      assert.equal(decoder.next(), false);
    }
    assert.deepEqual(frames, decode(everything).frames);
  });

  it("takes a chunk that is a view, and touches nothing beside it", () => {
    const memory = new Uint8Array(everything.length + 70).fill(0xee);
    memory.set(everything, 33);
    const chunk = memory.subarray(33, 33 + everything.length);
    const seen = decodeChunks([chunk], SERVER);
    assert.deepEqual(seen, decode(everything));
    assert.ok(memory.subarray(0, 33).every((byte) => byte === 0xee));
    assert.ok(memory.subarray(33 + everything.length).every((byte) => byte === 0xee));
  });

  it("hands out views of the chunk, plain bytes also of a Buffer", () => {
    const chunk = Buffer.from(everything);
    const decoder = new FrameDecoder(SERVER);
    decoder.push(chunk);
    while (decoder.next()) {
      if (decoder.payload.length === 0) continue;
      assert.equal(decoder.payload.buffer, chunk.buffer);
      assert.ok(!Buffer.isBuffer(decoder.payload));
      assert.equal(decoder.payload, decoder.payload, "one object, however often it is asked for");
    }
  });
});

eachBackend("FrameDecoder: payloads as views", () => {
  it("views a long unmasked payload in one chunk, as a client gets it", () => {
    const payload = randomBytes(randomNumbers(31), 50_000);
    for (const around of [[], [{ opcode: TEXT, payload: utf8("x") }]]) {
      const chunk = stream([...around, { opcode: BINARY, payload }, ...around]);
      const decoder = new FrameDecoder(CLIENT);
      decoder.push(chunk);
      for (const _ of around) assert.ok(decoder.next());
      assert.ok(decoder.next());
      assert.equal(decoder.payload.buffer, chunk.buffer);
      assert.equal(Buffer.compare(decoder.payload, payload), 0);
    }
  });

  it("gives an empty payload of the type that others have", () => {
    for (const [options, key] of [
      [CLIENT, undefined],
      [SERVER, KEY],
    ] as const) {
      for (const size of [100, 1]) {
        const decoder = new FrameDecoder(options);
        const bytes = stream([
          { opcode: BINARY, payload: hex("01 02"), key },
          { opcode: BINARY, key },
          { opcode: PING, key },
        ]);
        for (const piece of cutEvery(bytes, size)) decoder.push(Buffer.from(piece));
        for (const length of [2, 0, 0]) {
          assert.ok(decoder.next());
          assert.ok(!Buffer.isBuffer(decoder.payload), `${length} bytes, chunks of ${size}`);
          assert.equal(decoder.payload.length, length);
        }
      }
    }
  });

  it("gives memory of its own size to payloads that came in several chunks", () => {
    for (const spec of [
      { opcode: BINARY, payload: new Uint8Array(20_000).fill(0xee) },
      { opcode: TEXT, payload: utf8("é".repeat(150)) },
      { opcode: PING, payload: utf8("ping") },
    ]) {
      for (const key of [undefined, KEY]) {
        for (const size of [1, 7, 100]) {
          const decoder = new FrameDecoder(ANY);
          // Chunks as a socket gives them: small views of large memory.
          for (const piece of cutEvery(frame({ ...spec, key }), size)) {
            const memory = new Uint8Array(300);
            memory.set(piece, 9);
            decoder.push(memory.subarray(9, 9 + piece.length));
          }
          assert.ok(decoder.next());
          if (spec.opcode === TEXT) assert.equal(decoder.text().length, 150);
          const { length, buffer } = decoder.payload;
          if (size < spec.payload.length) assert.equal(buffer.byteLength, length, `chunks of ${size}`);
          assert.equal(toHex(decoder.payload), toHex(spec.payload));
        }
      }
    }
  });

  it("takes chunks of another realm", () => {
    const decoder = new FrameDecoder(SERVER);
    decoder.push(ofAnotherRealm(stream(EVERYTHING)));
    assert.deepEqual(drain(decoder), decode(stream(EVERYTHING)).frames);
  });
});

eachBackend("FrameDecoder: a chunk that lost its memory", () => {
  const payloads = Array.from({ length: 8 }, (_, i) => new Uint8Array(20_000).fill(i + 1));
  const long = () => stream(payloads.map((payload) => ({ opcode: BINARY, payload, key: KEY })));
  /** A decoder whose first payload was transferred away, while there is more in the chunk than was scanned. */
  const robbed = () => {
    const decoder = new FrameDecoder(SERVER);
    decoder.push(long());
    assert.ok(decoder.next());
    const { payload } = decoder;
    structuredClone(payload, { transfer: [payload.buffer as ArrayBuffer] });
    assert.equal(payload.length, 0);
    return decoder;
  };
  const wellBehaved = () => {
    const decoder = new FrameDecoder(SERVER);
    decoder.push(stream(EVERYTHING));
    return decoder;
  };
  const wanted = decode(stream(EVERYTHING)).frames;

  it("makes next() say so, as often as it is called", () => {
    const decoder = robbed();
    for (let i = 0; i < 3; i++) assert.throws(() => decoder.next(), InvalidStateError);
    assert.equal(decoder.error, undefined, "the peer did nothing wrong");
  });

  it("does not depend on other decoders that scan before it throws, after it, or between", () => {
    for (const throwsFirst of [false, true]) {
      const before = wellBehaved();
      assert.ok(before.next());
      const decoder = robbed();
      if (throwsFirst) assert.throws(() => decoder.next(), InvalidStateError);
      const after = wellBehaved();
      assert.deepEqual(drain(after), wanted);
      assert.throws(() => decoder.next(), InvalidStateError);
      assert.deepEqual([seeFrame(before), ...drain(before)], wanted);
      assert.throws(() => decoder.next(), InvalidStateError);
    }
  });
});

eachBackend("FrameDecoder: many chunks that wait", () => {
  it("are not moved for each that is read", () => {
    const count = 10_000;
    const decoder = new FrameDecoder(CLIENT);
    for (let i = 0; i < count; i++) decoder.push(hex("8900"));
    // A queue that moves those behind the first counts some 50 million here.
    let moved = 0;
    const methods = ["shift", "unshift", "splice", "slice", "filter", "copyWithin"] as const;
    const originals = methods.map((name) => [name, Array.prototype[name]] as const);
    for (const [name, original] of originals) {
      Array.prototype[name] = function (this: unknown[], ...rest: never[]) {
        moved += this.length;
        return (original as (...all: never[]) => never).apply(this, rest);
      } as never;
    }
    let frames = 0;
    try {
      while (decoder.next()) frames++;
    } finally {
      for (const [name, original] of originals) Array.prototype[name] = original as never;
    }
    assert.equal(frames, count);
    assert.ok(moved <= 4 * count, `${moved} elements were moved`);
  });
});

eachBackend("FrameDecoder: several chunks", () => {
  const message = (text: string): Bytes => frame({ opcode: TEXT, payload: utf8(text), key: KEY });

  it("keeps the current frame when another chunk is pushed before it was looked at", () => {
    for (const look of ["payload", "text"] as const) {
      const decoder = new FrameDecoder(SERVER);
      decoder.push(message("first, and longer"));
      assert.ok(decoder.next());
      decoder.push(message("second"));
      if (look === "text") assert.equal(decoder.text(), "first, and longer");
      else assert.equal(toHex(decoder.payload), toHex(utf8("first, and longer")));
      assert.ok(decoder.next());
      assert.equal(decoder.text(), "second");
      assert.equal(decoder.next(), false);
    }
  });

  it("keeps the order of chunks that are pushed while others wait", () => {
    for (const reads of [0, 1, 2, 3]) {
      const decoder = new FrameDecoder(SERVER);
      const texts: string[] = [];
      decoder.push(message("1"));
      decoder.push(concat([message("2"), message("3")]));
      for (let i = 0; i < reads && decoder.next(); i++) texts.push(decoder.text());
      decoder.push(message("4"));
      decoder.push(message("5"));
      while (decoder.next()) texts.push(decoder.text());
      assert.equal(texts.join(""), "12345", `after ${reads} reads`);
    }
  });

  it("leaves a waiting chunk alone when another decoder takes the window", () => {
    const decoder = new FrameDecoder(SERVER);
    const first = message("the first message");
    decoder.push(first);
    assert.ok(decoder.next());
    decoder.push(message("the second"));
    const other = new FrameDecoder(SERVER);
    other.push(message("someone else's"));
    assert.ok(other.next());
    assert.equal(decoder.text(), "the first message");
    assert.ok(decoder.next());
    assert.equal(decoder.text(), "the second");
    assert.equal(other.text(), "someone else's");
  });

  it("reads at random and pushes at random, and gets the same", () => {
    const random = randomNumbers(10);
    const bytes = stream([...EVERYTHING.slice(0, -1), ...EVERYTHING]);
    const whole = decode(bytes).frames;
    for (let round = 0; round < 300; round++) {
      const cuts = Array.from({ length: random() % 8 }, () => random() % bytes.length);
      const decoder = new FrameDecoder(SERVER);
      const frames: SeenFrame[] = [];
      for (const piece of cutAt(bytes, cuts)) {
        decoder.push(piece);
        for (let count = random() % 4; count > 0 && decoder.next(); count--) {
          frames.push(seeFrame(decoder, count % 2 === 0));
        }
      }
      drain(decoder, frames);
      assert.deepEqual(frames, whole);
    }
  });
});

interface Wrong {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly code: string;
  readonly closeCode?: number;
  /** Offset of the byte that breaks the rule, within `bytes`. */
  readonly offset: number;
  readonly options?: FrameDecoderOptions;
  readonly message?: string;
  /** Frames within `bytes` that come first. */
  readonly frames?: number;
}

const masked = (spec: FrameSpec): Bytes => frame({ key: KEY, ...spec });
const announcing = (announced: bigint): Bytes =>
  headerOf({ opcode: BINARY, announced, lengthBytes: 8, key: KEY });

const WRONGS: readonly Wrong[] = [
  { name: "RSV2", bytes: hex("a1 80 00000000"), code: "WS_ERR_UNEXPECTED_RSV_2_3", offset: 0 },
  { name: "RSV3", bytes: hex("91 80 00000000"), code: "WS_ERR_UNEXPECTED_RSV_2_3", offset: 0 },
  { name: "RSV1", bytes: hex("c1 80 00000000"), code: "WS_ERR_UNEXPECTED_RSV_1", offset: 0 },
  {
    name: "RSV1 on a Ping",
    bytes: hex("c9 80 00000000"),
    code: "WS_ERR_UNEXPECTED_RSV_1",
    offset: 0,
    options: { role: "server", allowRsv1: true },
  },
  {
    name: "a reserved opcode",
    bytes: hex("83 80 00000000"),
    code: "WS_ERR_INVALID_OPCODE",
    offset: 0,
    message: "Invalid WebSocket frame: invalid opcode 3",
  },
  {
    name: "a reserved control opcode",
    bytes: hex("8f 80 00000000"),
    code: "WS_ERR_INVALID_OPCODE",
    offset: 0,
    message: "Invalid WebSocket frame: invalid opcode 15",
  },
  {
    name: "a continuation of nothing",
    bytes: hex("80 80 00000000"),
    code: "WS_ERR_INVALID_OPCODE",
    offset: 0,
    message: "Invalid WebSocket frame: invalid opcode 0",
  },
  {
    name: "a message inside a message",
    bytes: stream([
      { opcode: TEXT, fin: false, key: KEY },
      { opcode: BINARY, key: KEY },
    ]),
    code: "WS_ERR_INVALID_OPCODE",
    offset: 6,
    frames: 1,
    message: "Invalid WebSocket frame: invalid opcode 2",
  },
  { name: "a fragmented Ping", bytes: hex("09 80 00000000"), code: "WS_ERR_EXPECTED_FIN", offset: 0 },
  {
    name: "no mask",
    bytes: hex("81 00"),
    code: "WS_ERR_EXPECTED_MASK",
    offset: 1,
    message: "Invalid WebSocket frame: MASK must be set",
  },
  {
    name: "a mask",
    bytes: hex("81 80 00000000"),
    code: "WS_ERR_UNEXPECTED_MASK",
    offset: 1,
    options: CLIENT,
    message: "Invalid WebSocket frame: MASK must be clear",
  },
  {
    name: "a long Ping",
    bytes: hex("89 fe 0080"),
    code: "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    offset: 1,
    message: "Invalid WebSocket frame: invalid payload length 126",
  },
  {
    name: "a Close body of one byte",
    bytes: hex("88 81 00000000 03"),
    code: "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    offset: 1,
    message: "Invalid WebSocket frame: invalid payload length 1",
  },
  {
    name: "a length that is not minimal",
    bytes: hex("82 fe 007d 00000000"),
    code: "WS_ERR_INVALID_PAYLOAD_LENGTH",
    offset: 2,
    message: "Invalid WebSocket frame: payload length 125 is not encoded in the fewest bytes",
  },
  { name: "2^63", bytes: announcing(1n << 63n), code: "WS_ERR_INVALID_PAYLOAD_LENGTH", offset: 2 },
  { name: "2^64 - 1", bytes: announcing((1n << 64n) - 1n), code: "WS_ERR_INVALID_PAYLOAD_LENGTH", offset: 2 },
  {
    name: "2^53",
    bytes: announcing(1n << 53n),
    code: "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH",
    closeCode: 1009,
    offset: 2,
    message: "Unsupported WebSocket frame: payload length > 2^53 - 1",
  },
  {
    name: "one byte over the default limit",
    bytes: announcing(BigInt(DEFAULT_MAX_FRAME_SIZE + 1)),
    code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
    closeCode: 1009,
    offset: 2,
    message: "Max payload size exceeded: maxFrameSize is 1048576, and the frame has 1048577 bytes",
  },
  {
    name: "one byte over a small limit",
    bytes: hex("82 8b"),
    code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
    closeCode: 1009,
    offset: 1,
    options: { role: "server", maxFrameSize: 10 },
  },
  {
    name: "text that is not UTF-8",
    bytes: masked({ opcode: TEXT, payload: hex("61 e6 b0 41 62") }),
    code: "WS_ERR_INVALID_UTF8",
    closeCode: 1007,
    offset: 9,
    message: "Invalid WebSocket frame: invalid UTF-8 sequence",
  },
  {
    name: "text that ends inside a character",
    bytes: masked({ opcode: TEXT, payload: hex("61 e6 b0") }),
    code: "WS_ERR_INVALID_UTF8",
    closeCode: 1007,
    offset: 9,
  },
  {
    name: "a fragment that goes on wrongly",
    bytes: stream([
      { opcode: TEXT, fin: false, payload: hex("61 f0 9f"), key: KEY },
      { opcode: PING, payload: hex("98"), key: KEY },
      { opcode: CONTINUATION, fin: false, payload: hex("98 61"), key: KEY },
    ]),
    code: "WS_ERR_INVALID_UTF8",
    closeCode: 1007,
    offset: 23,
    frames: 2,
  },
  ...[999, 1004, 1005, 1006, 1015, 1016, 2999, 5000].map((code) => ({
    name: `close code ${code}`,
    bytes: masked({ opcode: CLOSE, payload: closeBody(code, "reason") }),
    code: "WS_ERR_INVALID_CLOSE_CODE",
    offset: 6,
    message: `Invalid WebSocket frame: invalid status code ${code}`,
  })),
  {
    name: "a close reason that is not UTF-8",
    bytes: masked({ opcode: CLOSE, payload: closeBody(1000, hex("61 ff")) }),
    code: "WS_ERR_INVALID_UTF8",
    closeCode: 1007,
    offset: 9,
  },
  {
    name: "a close reason that ends inside a character",
    bytes: masked({ opcode: CLOSE, payload: closeBody(1000, hex("61 c3")) }),
    code: "WS_ERR_INVALID_UTF8",
    closeCode: 1007,
    offset: 10,
  },
];

eachBackend("FrameDecoder: what the peer does wrong", () => {
  for (const { name, bytes, code, closeCode = 1002, offset, options = SERVER, ...more } of WRONGS) {
    const key = options.role === "client" ? undefined : KEY;
    const before = stream([
      { opcode: TEXT, payload: utf8("before"), key },
      { opcode: PING, payload: hex("00"), key },
    ]);
    const after = frame({ opcode: TEXT, payload: utf8("after"), key });

    it(`${code}: ${name}`, () => {
      const { frames, error } = decode(bytes, options);
      assert.deepEqual([error?.code, error?.closeCode, error?.offset], [code, closeCode, offset]);
      if (more.message) assert.equal(error?.message, more.message);
      assert.equal(error?.name, closeCode === 1009 ? "LimitError" : "ProtocolError");
      assert.equal(frames.length, more.frames ?? 0);
    });

    it(`${code}: ${name}, after everything before it and with nothing after it, however it is cut`, () => {
      const all = concat([before, bytes, after]);
      const seen = decode(all, options);
      assert.deepEqual([seen.error?.code, seen.error?.offset], [code, before.length + offset]);
      assert.equal(seen.frames.length, 2 + (more.frames ?? 0));
      assert.equal(seen.frames[0].text, "before");
      sameHoweverCut(all, options);
    });
  }

  it("shows the error with the last false, not before, and keeps it", () => {
    const decoder = new FrameDecoder(SERVER);
    decoder.push(concat([masked({ opcode: TEXT, payload: utf8("x") }), hex("ff")]));
    assert.equal(seeError(decoder), undefined);
    assert.ok(decoder.next());
    assert.equal(seeError(decoder), undefined);
    assert.equal(decoder.next(), false);
    const { error } = decoder;
    assert.ok(error instanceof ProtocolError && !(error instanceof LimitError));
    decoder.push(masked({ opcode: TEXT, payload: utf8("y") }));
    assert.equal(decoder.next(), false);
    assert.equal(decoder.next(), false);
    assert.equal(decoder.error, error, "the same one");
    assert.equal(decoder.payload.length, 0);
  });

  it("ignores bytes that wait behind a violation, and later ones", () => {
    const decoder = new FrameDecoder(SERVER);
    decoder.push(hex("ff"));
    decoder.push(masked({ opcode: TEXT, payload: utf8("y") }));
    decoder.push(hex("a1"));
    assert.equal(decoder.next(), false);
    assert.equal(decoder.error?.offset, 0);
    decoder.push(masked({ opcode: TEXT, payload: utf8("z") }));
    assert.equal(decoder.next(), false);
    assert.equal(decoder.retainedLength, 0);
  });

  it("releases a half frame that turns out invalid", () => {
    const decoder = new FrameDecoder(SERVER);
    const bytes = masked({ opcode: TEXT, payload: utf8("a".repeat(100)) });
    decoder.push(bytes.slice(0, 50));
    assert.equal(decoder.next(), false);
    assert.equal(decoder.retainedLength, 44);
    decoder.push(Uint8Array.of(0xff ^ KEY[0]));
    assert.equal(decoder.next(), false);
    assert.equal(decoder.error?.code, "WS_ERR_INVALID_UTF8");
    assert.equal(decoder.retainedLength, 0);
  });

  it("reports the limit and the announced length", () => {
    for (const [maxFrameSize, announced] of [
      [10, 11n],
      [0, 1n],
      [65535, 65536n],
      [1e6, 1n << 40n],
    ] as const) {
      const decoder = new FrameDecoder({ role: "server", maxFrameSize });
      decoder.push(headerOf({ opcode: TEXT, announced, key: KEY }));
      assert.equal(decoder.next(), false);
      assert.ok(decoder.error instanceof LimitError);
      assert.deepEqual([decoder.error.limit, decoder.error.actual], [maxFrameSize, Number(announced)]);
    }
  });

  it("judges the limit on the header, before the masking key is here", () => {
    const decoder = new FrameDecoder({ role: "server", maxFrameSize: 1000 });
    decoder.push(hex("82 fe 03"));
    assert.equal(decoder.next(), false);
    assert.equal(seeError(decoder), undefined);
    decoder.push(hex("e9"));
    assert.equal(decoder.next(), false);
    assert.equal(decoder.error?.code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
  });
});

eachBackend("FrameDecoder: limits", () => {
  it("allows a payload as long as the limit, of one frame and not of a message", () => {
    const payload = new Uint8Array(100).fill(0x61);
    const bytes = stream([
      { opcode: TEXT, fin: false, payload, key: KEY },
      { opcode: CONTINUATION, fin: false, payload, key: KEY },
      { opcode: CONTINUATION, payload, key: KEY },
    ]);
    const { frames, error } = decode(bytes, { role: "server", maxFrameSize: 100 });
    assert.deepEqual([frames.length, error], [3, undefined]);
    assert.equal(decode(bytes, { role: "server", maxFrameSize: 99 }).error?.offset, 1);
  });

  it("allows empty frames and no others when the limit is 0", () => {
    const options = { role: "client", maxFrameSize: 0 } as const;
    const { frames, error } = decode(hex("81 00 02 00 89 00 80 00 82 01"), options);
    assert.equal(frames.length, 4);
    assert.deepEqual([error?.code, error?.offset], ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 9]);
  });

  it("takes the limit as it is, fractions and values beyond 2^53 included", () => {
    const bytes = hex("82 02 0000");
    assert.equal(decode(bytes, { role: "client", maxFrameSize: 1.5 }).error?.closeCode, 1009);
    assert.equal(decode(bytes, { role: "client", maxFrameSize: 2.5 }).frames.length, 1);
    assert.equal(decode(bytes, { role: "client", maxFrameSize: Number.MAX_VALUE }).frames.length, 1);
  });

  const big = [1n << 31n, (1n << 32n) - 1n, 1n << 32n, (1n << 53n) - 1n];
  for (const announced of big) {
    it(`counts ${announced} bytes of payload without holding any`, () => {
      for (const partial of [false, true]) {
        const decoder = new FrameDecoder({ role: "server", maxFrameSize: Infinity, partial });
        const before = process.memoryUsage().arrayBuffers;
        decoder.push(announcing(announced));
        assert.equal(decoder.next(), partial);
        assert.equal(decoder.error, undefined);
        assert.equal(decoder.payloadLength, Number(announced));
        assert.equal(decoder.retainedLength, 0);
        assert.equal(decoder.isBetweenMessages, false);
        assert.ok(process.memoryUsage().arrayBuffers - before < 1e6, "nothing is reserved");
        decoder.push(new Uint8Array(1000));
        assert.equal(decoder.next(), partial);
        assert.equal(decoder.retainedLength, partial ? 0 : 1000);
        assert.equal(decoder.payloadLength, Number(announced));
      }
    });
  }
});

describe("FrameDecoder: a long stream", () => {
  it("counts beyond 2^32 bytes, in the payload and in the stream", () => {
    const length = 2 ** 32 + 5;
    const decoder = new FrameDecoder({ role: "client", maxFrameSize: Infinity, partial: true });
    decoder.push(headerOf({ opcode: BINARY, announced: BigInt(length) }));
    // Without a mask nothing is written to a chunk, so one serves for all.
    const chunk = new Uint8Array(1 << 24);
    let received = 0;
    while (received < length) {
      decoder.push(chunk.subarray(0, Math.min(chunk.length, length - received)));
      while (decoder.next()) received += decoder.payload.length;
    }
    assert.deepEqual([received, decoder.isLastPart, decoder.payloadLength], [length, true, length]);
    decoder.push(hex("89 01 aa ff"));
    assert.ok(decoder.next());
    assert.equal(decoder.frameOffset, 10 + length);
    assert.equal(decoder.next(), false);
    assert.equal(decoder.error?.offset, 10 + length + 3);
  });
});

eachBackend("FrameDecoder: Close", () => {
  it("is the last frame: nothing behind it is looked at, be it right or wrong", () => {
    for (const body of [new Uint8Array(0), closeBody(1000), closeBody(4000, "bye")]) {
      const close = masked({ opcode: CLOSE, payload: body });
      const behind = [masked({ opcode: TEXT, payload: utf8("x") }), hex("ff ff"), close, hex("81"), hex("")];
      for (const more of behind) {
        const bytes = concat([masked({ opcode: TEXT, payload: utf8("a") }), close, more]);
        for (let cut = 0; cut <= bytes.length; cut++) {
          for (const reading of ["text first", "queued"] as const) {
            const { frames, error } = decodeChunks(cutAt(bytes, [cut]), SERVER, reading);
            assert.equal(error, undefined);
            assert.deepEqual(
              frames.map(({ opcode }) => opcode),
              [TEXT, CLOSE],
            );
            assert.equal(frames[1].payload, toHex(body));
          }
        }
      }
    }
  });

  it("ends the stream between two messages, with any bytes behind it", () => {
    const close = masked({ opcode: CLOSE, payload: closeBody(1000) });
    for (const behind of ["", "81", "81 85 00000000 61", "01 81 00000000 61", "ff"]) {
      const decoder = new FrameDecoder(SERVER);
      decoder.push(concat([close, hex(behind)]));
      assert.ok(decoder.next());
      assert.equal(decoder.next(), false);
      assert.equal(decoder.isBetweenMessages, true, `behind it: ${behind}`);
    }
  });

  it("keeps its body when chunks come after it", () => {
    const decoder = new FrameDecoder(SERVER);
    decoder.push(masked({ opcode: CLOSE, payload: closeBody(1000, "bye") }));
    assert.ok(decoder.next());
    decoder.push(masked({ opcode: TEXT, payload: utf8("late") }));
    assert.equal(toHex(decoder.payload), toHex(closeBody(1000, "bye")));
    assert.equal(decoder.next(), false);
    assert.equal(decoder.error, undefined);
  });

  it("may stand inside a fragmented message", () => {
    const bytes = stream([
      { opcode: TEXT, fin: false, payload: utf8("a"), key: KEY },
      { opcode: CLOSE, payload: closeBody(1000), key: KEY },
    ]);
    assert.deepEqual(
      decode(bytes).frames.map(({ opcode }) => opcode),
      [TEXT, CLOSE],
    );
    sameHoweverCut(bytes, SERVER);
  });

  it("with a bad body is an error and no frame", () => {
    const bytes = stream([
      { opcode: PING, payload: utf8("first"), key: KEY },
      { opcode: CLOSE, payload: closeBody(1005), key: KEY },
      { opcode: PING, payload: utf8("after"), key: KEY },
    ]);
    const decoder = new FrameDecoder(SERVER);
    decoder.push(bytes);
    assert.ok(decoder.next());
    assert.equal(decoder.next(), false);
    assert.equal(decoder.error?.code, "WS_ERR_INVALID_CLOSE_CODE");
    decoder.push(bytes);
    assert.equal(decoder.next(), false);
    assert.equal(decoder.error?.offset, 17);
  });
});

eachBackend("FrameDecoder: one window for all decoders", () => {
  const streamOf = (name: string, key: FrameSpec["key"]): Bytes =>
    stream([
      { opcode: TEXT, payload: utf8(`${name}: one`), key },
      { opcode: TEXT, payload: utf8(`${name}: zwei ü 水`), key },
      { opcode: TEXT, fin: false, payload: utf8(`${name}: th`), key },
      { opcode: PING, payload: utf8(name), key },
      { opcode: CONTINUATION, payload: utf8("ree"), key },
      { opcode: BINARY, payload: utf8(`${name}: four`), key },
    ]);

  it("gives two decoders their own frames in every order of reading", () => {
    const first = streamOf("first", KEY);
    const second = streamOf("the second", [4, 3, 2, 1]);
    const wanted = [decode(first).frames, decode(second).frames];
    const count = wanted[0].length;
    // Every way to interleave two reads of six frames: as bits, who reads next.
    for (let order = 0; order < 1 << (2 * count); order++) {
      let ones = 0;
      for (let bits = order; bits > 0; bits &= bits - 1) ones++;
      if (ones !== count) continue;
      const decoders = [new FrameDecoder(SERVER), new FrameDecoder(SERVER)];
      decoders[0].push(new Uint8Array(first));
      decoders[1].push(new Uint8Array(second));
      const seen: (typeof wanted)[number][] = [[], []];
      for (let turn = 0; turn < 2 * count; turn++) {
        const who = (order >> turn) & 1;
        assert.ok(decoders[who].next());
        seen[who].push(seeFrame(decoders[who], turn % 2 === 0));
      }
      assert.deepEqual(seen, wanted, order.toString(2));
      assert.equal(decoders[0].next() || decoders[1].next(), false);
    }
  });

  it("keeps the current frame through an eviction: payload, text and the next frames", () => {
    for (const role of [SERVER, ANY, CLIENT]) {
      const key = role === CLIENT ? undefined : KEY;
      const bytes = streamOf("kept", key);
      const wanted = decode(bytes, role).frames;
      for (let at = 0; at < wanted.length; at++) {
        for (const looks of ["nothing", "payload", "text"] as const) {
          const decoder = new FrameDecoder(role);
          decoder.push(new Uint8Array(bytes));
          for (let i = 0; i <= at; i++) assert.ok(decoder.next());
          if (looks === "payload") assert.equal(toHex(decoder.payload), wanted[at].payload);
          if (looks === "text" && wanted[at].text !== undefined) {
            assert.equal(decoder.text(), wanted[at].text);
          }
          const other = new FrameDecoder(CLIENT);
          other.push(frame({ opcode: BINARY, payload: new Uint8Array(300).fill(0xff) }));
          assert.ok(other.next());
          assert.deepEqual(seeFrame(decoder), wanted[at]);
          assert.deepEqual(drain(decoder), wanted.slice(at + 1));
          assert.ok(other.payload.every((byte) => byte === 0xff));
        }
      }
    }
  });

  it("keeps half a frame through evictions", () => {
    const bytes = stream(EVERYTHING);
    const wanted = decode(bytes);
    for (const size of [1, 3, 20, 64]) {
      const one = new FrameDecoder(SERVER);
      const two = new FrameDecoder(SERVER);
      const seen = { one: [] as typeof wanted.frames, two: [] as typeof wanted.frames };
      const [ones, twos] = [cutEvery(bytes, size), cutEvery(bytes, size + 1)];
      for (let i = 0; i < ones.length; i++) {
        one.push(ones[i]);
        if (i < twos.length) two.push(twos[i]);
        // One reads a frame, the other all it has; then the rest.
        if (one.next()) seen.one.push(seeFrame(one));
        drain(two, seen.two);
        drain(one, seen.one);
      }
      assert.deepEqual(seen, { one: wanted.frames, two: wanted.frames });
    }
  });

  it("evicts a decoder that is about to report an error", () => {
    const decoder = new FrameDecoder(SERVER);
    decoder.push(concat([masked({ opcode: TEXT, payload: utf8("good") }), hex("ff")]));
    assert.ok(decoder.next());
    decode(stream(EVERYTHING));
    assert.equal(decoder.text(), "good");
    assert.equal(decoder.next(), false);
    assert.equal(decoder.error?.offset, 10);
  });

  it("evicts a decoder in the middle of a chunk of several windows", () => {
    const random = randomNumbers(11);
    const payloads = [30_000, 30_000, 30_000, 70_000, 10, 60_000].map((length) =>
      randomBytes(random, length),
    );
    const bytes = stream(payloads.map((payload) => ({ opcode: BINARY, payload, key: KEY })));
    const decoder = new FrameDecoder(SERVER);
    decoder.push(bytes);
    for (const payload of payloads) {
      assert.ok(decoder.next());
      const other = new FrameDecoder(SERVER);
      other.push(stream(EVERYTHING));
      assert.ok(other.next());
      assert.equal(Buffer.compare(decoder.payload, payload), 0);
      assert.equal(other.text(), "Hello");
    }
    assert.equal(decoder.next(), false);
  });

  it("exposes nothing of another's bytes in slack or in what it releases", () => {
    const secret = new FrameDecoder(SERVER);
    secret.push(masked({ opcode: TEXT, payload: utf8("secret ".repeat(20)) }));
    assert.ok(secret.next());
    const decoder = new FrameDecoder(SERVER);
    const chunk = concat([masked({ opcode: TEXT, payload: utf8("hi") }), hex("81 fe")]);
    decoder.push(chunk);
    assert.ok(decoder.next());
    assert.equal(decoder.payload.length, 2);
    assert.ok(!Buffer.from(chunk.buffer).includes("secret"));
    assert.equal(decoder.next(), false);
    assert.equal(decoder.payload.length, 0);
  });
});

eachBackend("FrameDecoder: large", () => {
  const random = randomNumbers(12);

  it("decodes frames and chunks around and beyond 64 KiB", () => {
    for (const length of [65522, 65527, 65528, 65529, 65535, 65536, 65537, 131_072, 300_000, 1 << 20]) {
      const payload = randomBytes(random, length);
      const bytes = stream([
        { opcode: BINARY, payload, key: KEY },
        { opcode: TEXT, payload: utf8("after"), key: KEY },
      ]);
      const shown = Buffer.from(payload).toString("hex");
      for (const size of [bytes.length, 65536, 65537, 100_000, 16_384, 5000]) {
        const { frames, error } = decodeChunks(cutEvery(bytes, size), SERVER);
        assert.equal(error, undefined);
        assert.ok(frames[0].payload === shown, `${length} bytes in chunks of ${size}`);
        assert.equal(frames[1].text, "after");
        assert.equal(frames[1].frameOffset, bytes.length - 11);
      }
    }
  });

  it("decodes a large frame whose header was cut, before a chunk of several windows", () => {
    for (const opcode of [TEXT, BINARY]) {
      for (const length of [5000, 33_000, 65_536, 70_000, 140_000]) {
        const payload = new Uint8Array(length).map((_, i) => 0x20 + (i % 90));
        const before = masked({ opcode: PING, payload: utf8("before") });
        const bytes = concat([
          before,
          masked({ opcode, payload }),
          masked({ opcode, payload: utf8("after") }),
        ]);
        const shown = toHex(payload);
        for (let cut = before.length; cut <= before.length + 15; cut++) {
          for (const partial of [false, true]) {
            const { frames, error } = decodeChunks(cutAt(bytes, [cut]), { role: "server", partial });
            assert.equal(error, undefined, `${length} bytes, cut at ${cut}`);
            const parts = frames.slice(1, -1).map((frame) => frame.payload);
            assert.ok(parts.join("") === shown, `${length} bytes, cut at ${cut}`);
            assert.equal(frames[1].frameOffset, before.length);
            assert.equal(frames.at(-1)?.payload, toHex(utf8("after")));
          }
        }
      }
    }
  });

  it("decodes long text of every kind, a character across every seam", () => {
    for (const character of ["a", "é", "水", "😀"]) {
      for (let shift = 0; shift < utf8(character).length; shift++) {
        const text = "x".repeat(shift) + character.repeat(36_000);
        const bytes = masked({ opcode: TEXT, payload: utf8(text) });
        for (const chunks of [cutEvery(bytes, bytes.length), cutEvery(bytes, 65536), cutEvery(bytes, 9999)]) {
          const { frames, error } = decodeChunks(chunks, SERVER);
          assert.equal(error, undefined);
          assert.ok(frames[0].text === text);
          assert.equal(frames[0].isAscii, character === "a");
        }
      }
    }
  });

  it("finds an error deep in a long text, wherever the seams are", () => {
    const payload = utf8("水".repeat(50_000));
    for (const at of [3, 65_520, 65_533, 65_536, 131_069, 149_998]) {
      const wrong = new Uint8Array(payload);
      wrong[at] = 0xff;
      const bytes = masked({ opcode: TEXT, payload: wrong });
      for (const size of [bytes.length, 65_536, 10_000]) {
        const { error, frames } = decodeChunks(cutEvery(bytes, size), SERVER);
        assert.deepEqual([error?.code, error?.offset, frames.length], ["WS_ERR_INVALID_UTF8", 14 + at, 0]);
      }
    }
  });

  it("leaves payloads it handed out alone while the rest of the chunk is read", () => {
    // A frame that begins in one chunk and ends in a chunk with others behind it, of all sizes: the parts
    // of it are kept or copied, unmasked at once or later.
    for (const length of [1, 300, 4095, 4096, 5000, 9000, 70_000]) {
      for (const head of [0, 1, length >> 1, length - 1]) {
        for (const opcode of [TEXT, BINARY]) {
          const payload = new Uint8Array(length).map((_, i) => 0x20 + (i % 90));
          const bytes = stream([
            { opcode, payload, key: KEY },
            { opcode, payload: utf8("next"), key: [1, 2, 3, 4] },
            { opcode, payload, key: KEY },
            { opcode: PING, payload: utf8("last"), key: KEY },
          ]);
          const headerLength = headerOf({ opcode, announced: BigInt(length), key: KEY }).length;
          const cuts = [headerLength + head, bytes.length - 10 - (length >> 1)];
          // decodeChunks looks at each payload again at the end.
          const { frames } = decodeChunks(cutAt(bytes, cuts), SERVER);
          const shown = toHex(payload);
          assert.ok(frames[0].payload === shown && frames[2].payload === shown, `${length}, cut at ${cuts}`);
          assert.deepEqual(decodeChunks(cutAt(bytes, cuts), SERVER, "payload first").frames, frames);
          assert.deepEqual(decodeChunks(cutAt(bytes, cuts), SERVER, "queued").frames, frames);
        }
      }
    }
  });

  it("drops a payload that was never read, or only as a string", () => {
    // Long enough for every way a payload can lie: in one chunk, behind another frame, in several chunks.
    const payloads = [10, 5000, 40_000, 9, 70_000, 4500, 300, 4096, 100_000].map((length, i) =>
      new Uint8Array(length).fill(0x61 + i),
    );
    for (const opcode of [TEXT, BINARY]) {
      const bytes = stream(payloads.map((payload) => ({ opcode, payload, key: KEY })));
      for (const size of [bytes.length, 65_536, 30_000, 3000]) {
        for (const pattern of [0, 1, 2, 3, 4, 5]) {
          const decoder = new FrameDecoder(SERVER);
          let seen = 0;
          for (const piece of cutEvery(bytes, size)) {
            decoder.push(piece);
            for (; decoder.next(); seen++) {
              const payload = payloads[seen];
              assert.equal(decoder.payloadLength, payload.length);
              assert.equal(decoder.retainedLength, 0);
              if (seen % 3 === pattern % 3) continue;
              if (opcode === TEXT && pattern < 3) {
                assert.ok(decoder.text() === Buffer.from(payload).toString(), `text ${seen}`);
              } else {
                assert.equal(Buffer.compare(decoder.payload, payload), 0, `payload ${seen}`);
              }
            }
          }
          assert.deepEqual([seen, decoder.error], [payloads.length, undefined]);
        }
      }
    }
  });

  it("decodes more frames in a chunk than the kernel has records", () => {
    for (const count of [1023, 1024, 1025, 2048, 5000]) {
      const bytes = stream(
        Array.from({ length: count }, (_, i) => ({
          opcode: TEXT,
          payload: utf8(String(i)),
          key: KEY,
        })),
      );
      for (const reading of ["text first", "payload first"] as const) {
        const { frames, error } = decodeChunks([new Uint8Array(bytes)], SERVER, reading);
        assert.equal(error, undefined);
        assert.equal(frames.length, count);
        frames.forEach(({ text }, i) => {
          assert.equal(text, String(i));
        });
      }
    }
  });

  it("reports a violation behind more frames than there are records, at its offset", () => {
    const frames = concat(Array.from({ length: 3000 }, () => hex("89 00")));
    const seen = decode(concat([frames, hex("c9 00")]), CLIENT);
    assert.deepEqual([seen.frames.length, seen.error?.offset], [3000, 6000]);
    assert.equal(seen.frames[2999].frameOffset, 5998);
  });

  it("puts a large frame together from tiny chunks", () => {
    const payload = randomBytes(random, 20_000);
    const bytes = masked({ opcode: BINARY, payload });
    for (const size of [1, 7, 100]) {
      const decoder = new FrameDecoder(SERVER);
      let held = 0;
      for (const piece of cutEvery(bytes, size)) {
        decoder.push(piece);
        if (decoder.next()) break;
        assert.ok(decoder.retainedLength >= held && decoder.retainedLength <= bytes.length);
        held = decoder.retainedLength;
      }
      assert.equal(Buffer.compare(decoder.payload, payload), 0);
      assert.equal(decoder.next(), false);
      assert.equal(decoder.retainedLength, 0);
    }
  });
});

/** A part, for tests of partial mode. */
function readParts(chunks: readonly Uint8Array[], options: FrameDecoderOptions) {
  const decoder = new FrameDecoder({ ...options, partial: true });
  const parts: ReturnType<typeof seeFrame>[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    drain(decoder, parts);
  }
  return { parts, error: seeError(decoder), decoder };
}

/** Parts put together into frames, checking first and last on the way. */
function join(parts: readonly ReturnType<typeof seeFrame>[]) {
  const frames: { opcode: number; fin: boolean; payload: string; frameOffset: number; whole: boolean }[] = [];
  for (const part of parts) {
    const open = frames.at(-1)?.whole === false;
    assert.equal(part.isFirstPart, !open, "a frame begins where the last one ended");
    if (part.isFirstPart) {
      const { opcode, fin, frameOffset } = part;
      frames.push({ opcode, fin, frameOffset, payload: "", whole: false });
    }
    const current = frames[frames.length - 1];
    current.payload += part.payload;
    current.whole = part.isLastPart;
    if (part.isLastPart) assert.equal(current.payload.length, 2 * part.payloadLength);
  }
  return frames;
}

eachBackend("FrameDecoder: partial", () => {
  const everything = stream(EVERYTHING);
  const wanted = decode(everything).frames.map(({ opcode, fin, payload, frameOffset }) => ({
    opcode,
    fin,
    payload,
    frameOffset,
    whole: true,
  }));

  it("delivers the same payloads in parts, control frames whole, for every cut", () => {
    for (let cut = 0; cut <= everything.length; cut++) {
      const { parts, error } = readParts(cutAt(everything, [cut]), SERVER);
      assert.equal(error, undefined);
      assert.deepEqual(join(parts), wanted, `cut at ${cut}`);
      for (const part of parts) if (part.opcode >= 8) assert.ok(part.isFirstPart && part.isLastPart);
    }
    for (const size of [1, 2, 3, 7]) {
      const { parts } = readParts(cutEvery(everything, size), SERVER);
      assert.deepEqual(join(parts), wanted, `cut every ${size}`);
    }
  });

  it("delivers arrived bytes at once, and keeps nothing of data frames", () => {
    const payload = utf8("0123456789".repeat(10));
    const bytes = masked({ opcode: TEXT, payload });
    const decoder = new FrameDecoder({ role: "server", partial: true });
    decoder.push(bytes.slice(0, 6));
    assert.ok(decoder.next(), "the header alone: a frame begins");
    assert.deepEqual(
      [decoder.isFirstPart, decoder.isLastPart, decoder.payload.length, decoder.payloadLength],
      [true, false, 0, 100],
    );
    let received = "";
    for (let at = 6; at < bytes.length; at += 10) {
      decoder.push(bytes.slice(at, at + 10));
      assert.ok(decoder.next());
      assert.equal(decoder.retainedLength, 0);
      assert.equal(decoder.isFirstPart, false);
      assert.equal(decoder.isLastPart, at + 10 >= bytes.length);
      received += Buffer.from(decoder.payload).toString();
      assert.equal(decoder.next(), false);
    }
    assert.equal(received, Buffer.from(payload).toString());
  });

  it("says of each part whether it is ASCII", () => {
    const bytes = masked({ opcode: TEXT, payload: utf8("abcdé12") });
    const { parts } = readParts(cutAt(bytes, [10, 12]), SERVER);
    assert.deepEqual(
      parts.map(({ isAscii, payload }) => [payload, isAscii]),
      [
        ["61626364", true],
        ["c3a9", false],
        ["3132", true],
      ],
    );
  });

  it("delivers text byte for byte up to the error in it, for every cut", () => {
    const payload = hex("61 62 e6 b0 b4 63 f0 9f 98 41 64 65");
    const bytes = concat([
      masked({ opcode: TEXT, payload: utf8("first") }),
      masked({ opcode: TEXT, payload }),
      masked({ opcode: TEXT, payload: utf8("after") }),
    ]);
    for (let first = 0; first <= bytes.length; first++) {
      for (const second of [first, first + 1, first + 3]) {
        const { parts, error, decoder } = readParts(cutAt(bytes, [first, second]), SERVER);
        const frames = join(parts);
        assert.deepEqual([error?.code, error?.offset], ["WS_ERR_INVALID_UTF8", 11 + 6 + 9]);
        assert.deepEqual(
          frames.map(({ payload, whole }) => [payload, whole]),
          [
            [toHex(utf8("first")), true],
            ["6162e6b0b463f09f98", false],
          ],
        );
        assert.equal(decoder.next(), false);
      }
    }
  });

  it("lets text() speak only for a frame that came in one part", () => {
    const bytes = masked({ opcode: TEXT, payload: utf8("whole or not") });
    const decoder = new FrameDecoder({ role: "server", partial: true });
    decoder.push(new Uint8Array(bytes));
    assert.ok(decoder.next());
    assert.equal(decoder.text(), "whole or not");
    for (const piece of cutAt(bytes, [9])) {
      decoder.push(piece);
      assert.ok(decoder.next());
      assert.throws(() => decoder.text(), InvalidStateError);
    }
  });
});

eachBackend("FrameDecoder: text", () => {
  it("gives the string of a whole text message, before or after its payload, as often as asked", () => {
    for (const text of [
      "",
      "a",
      "x".repeat(15),
      "x".repeat(16),
      "x".repeat(17),
      "ü",
      "水😀",
      "a".repeat(5000),
    ]) {
      const bytes = masked({ opcode: TEXT, payload: utf8(text) });
      for (const cuts of [[], [3], [bytes.length >> 1], [6, bytes.length - 1]]) {
        const decoder = new FrameDecoder(SERVER);
        for (const piece of cutAt(bytes, cuts)) decoder.push(piece);
        assert.ok(decoder.next());
        assert.equal(decoder.text(), text);
        assert.equal(toHex(decoder.payload), toHex(utf8(text)));
        assert.equal(decoder.text(), text);
        assert.equal(decoder.payload, decoder.payload);
      }
    }
  });

  it("gives ASCII of every length", () => {
    for (let length = 0; length <= 70; length++) {
      const text = "0123456789abcdefghijklmnopqrstuvwxyz".repeat(2).slice(0, length);
      const { frames } = decode(
        stream([
          { opcode: TEXT, payload: utf8(text), key: KEY },
          { opcode: TEXT, payload: utf8("é"), key: KEY },
        ]),
      );
      assert.deepEqual([frames[0].text, frames[1].text], [text, "é"]);
    }
  });

  it("keeps a BOM, and every NUL", () => {
    for (const text of ["\ufeff", "\ufeffBOM", "a\ufeffb", "\0", "a\0b", "\0".repeat(20)]) {
      assert.equal(decode(masked({ opcode: TEXT, payload: utf8(text) })).frames[0].text, text);
    }
  });

  it("throws for everything except a whole, uncompressed text message", () => {
    const decoder = new FrameDecoder({ role: "server", allowRsv1: true });
    assert.throws(() => decoder.text(), InvalidStateError, "no frame yet");
    decoder.push(
      stream([
        { opcode: BINARY, payload: utf8("x"), key: KEY },
        { opcode: TEXT, fin: false, payload: utf8("x"), key: KEY },
        { opcode: PING, payload: utf8("x"), key: KEY },
        { opcode: CONTINUATION, payload: utf8("x"), key: KEY },
        { opcode: TEXT, rsv: 4, payload: utf8("x"), key: KEY },
        { opcode: BINARY, payload: new Uint8Array(0), key: KEY },
        { opcode: CLOSE, payload: closeBody(1000), key: KEY },
      ]),
    );
    for (let i = 0; i < 7; i++) {
      assert.ok(decoder.next());
      assert.throws(() => decoder.text(), InvalidStateError, `frame ${i}`);
    }
  });

  it("throws when there is no current frame any more", () => {
    const decoder = new FrameDecoder(SERVER);
    decoder.push(masked({ opcode: TEXT, payload: utf8("gone") }));
    assert.ok(decoder.next());
    assert.equal(decoder.next(), false);
    assert.throws(() => decoder.text(), InvalidStateError);
    // The beginning of a text is not a text.
    decoder.push(masked({ opcode: TEXT, payload: utf8("half") }).slice(0, 8));
    assert.equal(decoder.next(), false);
    assert.throws(() => decoder.text(), InvalidStateError);
  });
});

eachBackend("FrameDecoder: copyPayload", () => {
  const decoderOf = (payload: Uint8Array): FrameDecoder => {
    const decoder = new FrameDecoder(SERVER);
    decoder.push(frame({ opcode: BINARY, payload, key: KEY }));
    assert.ok(decoder.next());
    return decoder;
  };

  it("copies payloads of every length, before and after another decoder took the window", () => {
    const random = randomNumbers(31);
    for (const length of [...new Array(70).keys(), 125, 126, 1000, 70_000]) {
      const payload = randomBytes(random, length);
      const decoder = decoderOf(payload);
      for (const isEvicted of [false, true]) {
        if (isEvicted) decoderOf(hex("00"));
        const target = new Uint8Array(length + 1);
        decoder.copyPayload(target, 1);
        assert.ok(toHex(target.subarray(1)) === toHex(payload), `${length} bytes, evicted: ${isEvicted}`);
      }
      assert.ok(toHex(decoder.payload) === toHex(payload));
    }
  });

  it("throws where the target has no room, and copies nothing then", () => {
    const decoder = decoderOf(hex("01 02 03"));
    const target = new Uint8Array(4);
    for (const offset of [2, 4, 5, -1, Number.NaN]) {
      assert.throws(() => decoder.copyPayload(target, offset), RangeError);
    }
    assert.deepEqual([...target], [0, 0, 0, 0]);
    decoder.copyPayload(target, 1);
    assert.deepEqual([...target], [0, 1, 2, 3]);
  });

  it("copies nothing where there is no current frame", () => {
    const decoder = decoderOf(hex("01 02 03"));
    assert.equal(decoder.next(), false);
    const target = new Uint8Array(3);
    decoder.copyPayload(target, 3);
    assert.deepEqual([...target], [0, 0, 0]);
  });
});

eachBackend("FrameDecoder: what a header said", () => {
  const fields = ({ opcode, fin, rsv1, masked, maskingKey, headerLength, ...rest }: FrameDecoder) => {
    void rest;
    return { opcode, fin, rsv1, masked, maskingKey, headerLength };
  };

  it("stays until the next call of next, through an eviction and a retain", () => {
    const decoder = new FrameDecoder(SERVER);
    const text = frame({ opcode: TEXT, payload: utf8("first"), key: [1, 2, 3, 0xf4] });
    decoder.push(concat([text, frame({ opcode: BINARY, payload: hex("00"), key: KEY })]));
    assert.ok(decoder.next() && decoder.next());
    const read = () => ({
      ...fields(decoder),
      at: decoder.frameOffset,
      payloadLength: decoder.payloadLength,
    });
    const said = read();
    assert.deepEqual(said, {
      opcode: BINARY,
      fin: true,
      rsv1: false,
      masked: true,
      maskingKey: 0x3d21fa37,
      headerLength: 6,
      at: text.length,
      payloadLength: 1,
    });
    const other = new FrameDecoder(CLIENT);
    other.push(hex("81 03 61 62 63"));
    assert.ok(other.next());
    assert.deepEqual(read(), said);
    decoder.retain();
    decoder.push(hex("82 80"));
    assert.deepEqual(read(), said);
  });

  it("can be read of a frame that is not complete, in each of its parts, and of none before the first", () => {
    const payload = new Uint8Array(300).fill(7);
    for (const partial of [false, true]) {
      const decoder = new FrameDecoder({ ...SERVER, partial });
      const read = () => [
        decoder.frameOffset,
        decoder.payloadLength,
        decoder.headerLength,
        decoder.maskingKey,
      ];
      assert.equal(decoder.next(), false);
      assert.deepEqual(read(), [0, 0, 0, 0]);
      const before = frame({ opcode: BINARY, payload: hex("01 02"), key: KEY });
      const said = [before.length, 300, 8, 0x3d21fa37];
      for (const chunk of cutEvery(concat([before, frame({ opcode: BINARY, payload, key: KEY })]), 50)) {
        decoder.push(chunk);
        while (decoder.next()) if (decoder.payloadLength > 2) assert.deepEqual(read(), said);
        assert.deepEqual([decoder.opcode, decoder.fin, ...read()], [BINARY, true, ...said]);
      }
    }
  });
});

eachBackend("FrameDecoder: options", () => {
  it("takes frames of either side when the role is any", () => {
    const bytes = stream([
      { opcode: TEXT, payload: utf8("masked"), key: KEY },
      { opcode: TEXT, payload: utf8("not"), key: undefined },
      { opcode: BINARY, payload: hex("00"), key: [0, 0, 0, 0] },
    ]);
    const { frames, error } = decode(bytes, ANY);
    assert.equal(error, undefined);
    assert.deepEqual(
      frames.map(({ masked, payload }) => [masked, payload]),
      [
        [true, toHex(utf8("masked"))],
        [false, toHex(utf8("not"))],
        [true, "00"],
      ],
    );
  });

  it("lets RSV1 stand on first frames, and does not validate text that is compressed", () => {
    const options = { role: "server", allowRsv1: true } as const;
    const bytes = stream([
      { opcode: TEXT, rsv: 4, payload: hex("ff 80"), key: KEY },
      { opcode: TEXT, rsv: 4, fin: false, payload: hex("c3"), key: KEY },
      { opcode: CONTINUATION, fin: false, payload: hex("28 ff"), key: KEY },
      { opcode: CONTINUATION, payload: hex("80"), key: KEY },
      { opcode: BINARY, rsv: 4, payload: hex("ff"), key: KEY },
      { opcode: TEXT, payload: utf8("plain: ü"), key: KEY },
      { opcode: TEXT, payload: hex("ff"), key: KEY },
    ]);
    const { frames, error } = decode(bytes, options);
    assert.deepEqual(
      frames.map(({ rsv1, payload }) => [rsv1, payload]),
      [
        [true, "ff80"],
        [true, "c3"],
        [false, "28ff"],
        [false, "80"],
        [true, "ff"],
        [false, toHex(utf8("plain: ü"))],
      ],
    );
    assert.equal(error?.code, "WS_ERR_INVALID_UTF8", "uncompressed text is still validated");
    sameHoweverCut(bytes, options);
  });

  it("lets the stream begin inside a message when told so", () => {
    const options = { role: "server", midMessage: true } as const;
    const bytes = stream([
      { opcode: CONTINUATION, fin: false, payload: hex("b4 ff"), key: KEY },
      { opcode: PING, key: KEY },
      { opcode: CONTINUATION, payload: hex("80"), key: KEY },
      { opcode: TEXT, payload: utf8("next"), key: KEY },
    ]);
    const { frames, error } = decode(bytes, options);
    assert.deepEqual([frames.length, error], [4, undefined]);
    sameHoweverCut(bytes, options);
    assert.equal(decode(bytes).error?.code, "WS_ERR_INVALID_OPCODE");
    assert.equal(decode(masked({ opcode: TEXT, payload: utf8("a") }), options).frames.length, 1);
  });

  it("lets nothing but the first data frame be of a message under way", () => {
    const options = { role: "client", midMessage: true } as const;
    for (const [bytes, offset] of [
      ["81 01 61  80 01 62", 3],
      ["00 01 62  81 01 61", 3],
      ["00 01 62  02 01 61", 3],
      ["89 00  01 01 61  01 01 62", 5],
      ["80 01 62  80 01 61", 3],
    ] as const) {
      const { frames, error } = decode(hex(bytes), options);
      assert.deepEqual([error?.code, error?.offset], ["WS_ERR_INVALID_OPCODE", offset], bytes);
      assert.equal(frames.at(-1)?.payload.length, 2);
      sameHoweverCut(hex(bytes), options);
    }
    assert.equal(decode(hex("89 00  00 01 62  8a 00  80 01 63  81 01 61"), options).frames.length, 5);
  });

  it("gives masking keys as numbers that are never negative", () => {
    const bytes = stream([
      { opcode: TEXT, payload: utf8("a"), key: [1, 2, 3, 0xfd] },
      { opcode: BINARY, payload: new Uint8Array(5000), key: [0xff, 0xff, 0xff, 0xff] },
      { opcode: PING, key: [0, 0, 0, 0x80] },
    ]);
    for (const size of [bytes.length, 1000, 1]) {
      for (const partial of [false, true]) {
        const decoder = new FrameDecoder({ role: "server", partial });
        const keys = new Set<number>();
        for (const piece of cutEvery(bytes, size)) {
          decoder.push(piece);
          while (decoder.next()) keys.add(decoder.maskingKey);
        }
        assert.deepEqual([...keys], [0xfd030201, 0xffffffff, 0x80000000], `chunks of ${size}`);
      }
    }
  });

  it("refuses options that make no sense", () => {
    for (const role of ["", "Server", undefined, null, 1, "toString"]) {
      assert.throws(() => new FrameDecoder({ role: role as "any" }), TypeError, String(role));
    }
    for (const maxFrameSize of [-1, Number.NaN, "10", null, 10n, {}]) {
      const options = { role: "server", maxFrameSize: maxFrameSize as number } as const;
      assert.throws(() => new FrameDecoder(options), RangeError, String(maxFrameSize));
    }
    assert.equal(DEFAULT_MAX_FRAME_SIZE, 1 << 20);
  });

  it("refuses chunks that are not bytes", () => {
    const decoder = new FrameDecoder(SERVER);
    for (const chunk of [
      "text",
      [1, 2],
      new ArrayBuffer(2),
      new DataView(new ArrayBuffer(2)),
      null,
      undefined,
    ]) {
      assert.throws(() => decoder.push(chunk as unknown as Uint8Array), TypeError);
    }
    decoder.push(masked({ opcode: TEXT, payload: utf8("fine") }));
    assert.ok(decoder.next());
  });
});

eachBackend("FrameDecoder: what it holds on to", () => {
  const CHUNK_LENGTH = 1 << 16;
  /** A chunk much larger than the frames in it, which come last: nothing scans the rest. */
  const chunkOf = (bytes: Uint8Array): Uint8Array => {
    const memory = new Uint8Array(CHUNK_LENGTH);
    memory.set(bytes, CHUNK_LENGTH - bytes.length);
    return memory.subarray(CHUNK_LENGTH - bytes.length);
  };
  const hold = (what: (decoder: FrameDecoder) => void): number => {
    const make = () =>
      Array.from({ length: 100 }, () => {
        const decoder = new FrameDecoder(SERVER);
        what(decoder);
        return decoder;
      });
    make();
    return retainedBy(make) / 100;
  };
  const message = masked({ opcode: TEXT, payload: utf8("message") });

  it("is no longer a chunk once all of it was read", () => {
    const idle = hold((decoder) => {
      decoder.push(chunkOf(message));
      assert.ok(decoder.next());
      assert.equal(decoder.text(), "message");
      assert.equal(decoder.next(), false);
    });
    assert.ok(idle < 8000, `an idle decoder keeps ${idle} bytes`);
  });

  it("is no more of a chunk than its half frame or half header", () => {
    for (const half of [message.subarray(0, 3), message.subarray(0, 9)]) {
      const waiting = hold((decoder) => {
        decoder.push(chunkOf(concat([message, half])));
        assert.ok(decoder.next());
        assert.equal(decoder.next(), false);
      });
      assert.ok(waiting < 8000, `a waiting decoder keeps ${waiting} bytes`);
    }
  });

  it("is nothing after a violation or a Close, of the chunks behind it either", () => {
    for (const last of [hex("ff"), masked({ opcode: CLOSE, payload: closeBody(1000) }), hex("88 81")]) {
      const done = hold((decoder) => {
        decoder.push(chunkOf(concat([message, last])));
        decoder.push(chunkOf(message));
        drain(decoder);
        decoder.push(chunkOf(message));
        assert.equal(decoder.next(), false);
      });
      assert.ok(done < 8000, `a finished decoder keeps ${done} bytes`);
    }
  });
});

eachBackend("FrameDecoder: between messages", () => {
  it("knows whether the stream may end here, at every byte of it", () => {
    const specs = EVERYTHING.slice(0, -1);
    const bytes = stream(specs);
    /** Offsets behind a frame that leaves no message open. */
    const between = new Set([0]);
    let offset = 0;
    let open = false;
    for (const spec of specs) {
      offset += frame(spec).length;
      if (spec.opcode < 8) open = !(spec.fin ?? true);
      if (!open) between.add(offset);
    }
    const decoder = new FrameDecoder(SERVER);
    assert.equal(decoder.isBetweenMessages, true);
    for (let at = 0; at < bytes.length; at++) {
      decoder.push(bytes.slice(at, at + 1));
      drain(decoder);
      assert.equal(decoder.isBetweenMessages, between.has(at + 1), `after ${at + 1} bytes`);
    }
  });

  it("is never there again after a violation", () => {
    const message = masked({ opcode: TEXT, payload: utf8("x") });
    for (const wrong of [
      hex("ff"),
      hex("81 00"),
      hex("88 81"),
      masked({ opcode: CLOSE, payload: hex("03ed") }),
    ]) {
      const decoder = new FrameDecoder(SERVER);
      decoder.push(concat([message, wrong]));
      assert.ok(decoder.next());
      assert.equal(decoder.isBetweenMessages, false);
      assert.equal(decoder.next(), false);
      assert.notEqual(decoder.error, undefined);
      assert.equal(decoder.isBetweenMessages, false);
      decoder.push(new Uint8Array(message));
      assert.equal(decoder.next() || decoder.isBetweenMessages, false);
    }
  });

  it("is not there while frames wait to be read", () => {
    const decoder = new FrameDecoder(SERVER);
    const message = masked({ opcode: TEXT, payload: utf8("x") });
    decoder.push(concat([message, message]));
    assert.equal(decoder.isBetweenMessages, false);
    assert.ok(decoder.next());
    assert.equal(decoder.isBetweenMessages, false);
    assert.ok(decoder.next());
    assert.equal(decoder.isBetweenMessages, true);
    decoder.push(new Uint8Array(message));
    decoder.push(new Uint8Array(message));
    assert.equal(decoder.isBetweenMessages, false);
    assert.ok(decoder.next());
    assert.equal(decoder.isBetweenMessages, false, "a chunk waits");
    assert.ok(decoder.next());
    assert.equal(decoder.isBetweenMessages, true);
  });
});

describe("the violations above", () => {
  it("are violations to the oracle too, at the same offset", () => {
    for (const { name, bytes, code, closeCode = 1002, offset, options = SERVER } of WRONGS) {
      assert.deepEqual(judgeStream(bytes, options).error, { code, closeCode, offset }, name);
    }
  });
});

eachBackend("FrameDecoder: memory that is taken away", () => {
  const lose = (bytes: Uint8Array) => structuredClone(bytes, { transfer: [bytes.buffer as ArrayBuffer] });

  it("does not mind when all frames of the chunk were read", () => {
    const decoder = new FrameDecoder({ role: "client" });
    decoder.push(hex("82 01 05"));
    assert.ok(decoder.next());
    lose(decoder.payload);
    assert.equal(decoder.next(), false);
    decoder.push(hex("82 01 06"));
    assert.ok(decoder.next());
    assert.equal(toHex(decoder.payload), "06");
  });

  it("says so when a frame that was found is asked for", () => {
    for (const [role, bytes] of [
      ["client", hex("82 01 05 82 01 06")],
      ["server", hex("82 81 00000000 05 82 81 00000000 06")],
    ] as const) {
      const decoder = new FrameDecoder({ role });
      decoder.push(bytes);
      assert.ok(decoder.next());
      lose(decoder.payload);
      assert.ok(decoder.next());
      assert.throws(() => decoder.payload, InvalidStateError);
    }
  });

  it("says so, each time, when a waiting chunk lost its bytes, and skips nothing", () => {
    const decoder = new FrameDecoder({ role: "client" });
    const lost = hex("82 01 06");
    for (const chunk of [hex("82 01 05"), lost, hex("82 01 07")]) decoder.push(chunk);
    lose(lost);
    assert.ok(decoder.next());
    assert.throws(() => decoder.next(), InvalidStateError);
    assert.throws(() => decoder.next(), InvalidStateError);
  });

  it("makes some string of a payload that its owner changed, and ends", () => {
    const decoder = new FrameDecoder({ role: "client" });
    decoder.push(frame({ opcode: TEXT, payload: utf8("\u{e9}".repeat(70_000)) }));
    assert.ok(decoder.next());
    decoder.payload.fill(0x80);
    assert.equal(typeof decoder.text(), "string");
  });
});
