/**
 * Endpoint with permessage-deflate (RFC 7692): what one sends compressed is what the other delivers, however it is
 * cut and asked for; RSV1; errors in compressed messages; which are compressed; memory.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Decompressor, LimitError, receiveBuffer } from "../../../src/codec/index.js";
import {
  type DeflateParameters,
  Endpoint,
  type EndpointOptions,
  prepareMessage,
  type SendOptions,
} from "../../../src/protocol/index.js";
import { eachBackend } from "../../support/backends.js";
import { messages, sample } from "../../support/corpus.js";
import {
  blockLengths,
  compressedFrames,
  Events,
  fromPeer,
  inWords,
  parameters,
  RSV1,
  shardFor,
} from "../../support/deflate.js";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closeBody,
  concat,
  cutAt,
  cutEvery,
  type FrameSpec,
  PING,
  PONG,
  TEXT,
} from "../../support/frames.js";
import { hex, toHex, utf8 } from "../../support/hex.js";
import { randomBytes, randomNumbers } from "../../support/property.js";
import { readFrames, type WireFrame } from "../../support/wire.js";
import { deflateAlone, inflateAlone, ZlibDeflater, ZlibInflater } from "../../support/zlib-streams.js";

type Side = "server" | "client";
const SIDES: readonly Side[] = ["server", "client"];
const other = (role: Side): Side => (role === "server" ? "client" : "server");
const random = randomNumbers(404);

function make(role: Side, options: Omit<EndpointOptions, "role"> = {}): Endpoint {
  return new Endpoint({ role, perMessageDeflate: parameters(), ...options });
}

/** The waiting output, as frames. */
const sent = (endpoint: Endpoint): WireFrame[] => readFrames(concat(endpoint.takeOutput()));

/** Which frames are compressed, and what messages they make, by zlib; for a stream without partial messages. */
class Peer {
  readonly #inflater = new ZlibInflater();
  readonly #takesOver: boolean;

  constructor(takesOver = true) {
    this.#takesOver = takesOver;
  }

  read(endpoint: Endpoint): { compressed: boolean; payload: string; frames: number }[] {
    const found: { compressed: boolean; payload: string; frames: number }[] = [];
    let parts: Uint8Array[] = [];
    let compressed = false;
    for (const { opcode, rsv, fin, payload } of sent(endpoint)) {
      if (opcode >= 8) continue;
      if (opcode === CONTINUATION) assert.equal(rsv, 0, "RFC 7692 §6: no RSV1 in a continuation");
      else compressed = rsv === RSV1;
      parts.push(payload);
      if (!fin) continue;
      const whole = concat(parts);
      if (compressed && !this.#takesOver) this.#inflater.reset();
      const bytes = compressed ? this.#inflater.message(whole) : whole;
      found.push({ compressed, payload: toHex(bytes), frames: parts.length });
      parts = [];
    }
    return found;
  }
}

/** Messages of every kind, as an application sends them; and what the other side must deliver. */
function conversation(): { send: (from: Endpoint) => void; expected: { type: string; data: string }[] } {
  const calls: ((from: Endpoint) => void)[] = [];
  const expected: { type: string; data: string }[] = [];
  const message = (data: string | Uint8Array, options: SendOptions, parts = 1) => {
    const type = options.type ?? (typeof data === "string" ? "text" : "binary");
    const bytes = typeof data === "string" ? utf8(data) : data;
    // Control frames between the fragments come before the message, which is whole behind them.
    if (parts > 1) {
      const cuts = Array.from({ length: parts - 1 }, (_, i) => Math.floor((bytes.length * (i + 1)) / parts));
      cutAt(bytes, cuts).forEach((part, i) => {
        calls.push((from) => from.sendPart(part, { ...options, type, final: i === parts - 1 }));
        if (i < parts - 1) calls.push((from) => from.ping(`between ${i}`));
        if (i < parts - 1) expected.push({ type: "ping", data: toHex(utf8(`between ${i}`)) });
      });
    } else calls.push((from) => from.send(data, options));
    expected.push({ type, data: toHex(bytes) });
  };
  for (const compress of [undefined, true, false]) {
    message("", { compress });
    message("short", { compress });
    message("grüße 水 😀 ".repeat(60), { compress });
    message(utf8("text as bytes, text as bytes, text as bytes"), { compress, type: "text" });
    message(new Uint8Array(0), { compress });
    message(sample("binary", 3000), { compress });
    message(randomBytes(random, 500), { compress });
    message("grüße in Teilen 水 😀 ".repeat(30), { compress }, 7);
    message(sample("json", 2500), { compress }, 3);
    message(new Uint8Array(0), { compress, type: "binary" }, 2);
  }
  message(sample("html", 40_000), {});
  const prepared = prepareMessage(sample("json", 700));
  calls.push((from) => from.send(prepared));
  expected.push({ type: "binary", data: toHex(prepared.payload) });
  message("the end, the end, the end, the end", {});
  const send = (from: Endpoint) => {
    for (const call of calls) call(from);
  };
  return { send, expected };
}

const PARAMETERS: readonly [name: string, parameters: Partial<DeflateParameters>][] = [
  ["by default", {}],
  ["without context takeover", { serverNoContextTakeover: true, clientNoContextTakeover: true }],
  ["small windows", { serverMaxWindowBits: 8, clientMaxWindowBits: 8, windowBits: 8, level: 9, memLevel: 1 }],
];

for (const role of SIDES) {
  describe(`Endpoint: compression as a ${role}`, () => {
    for (const [name, changes] of PARAMETERS) {
      it(`delivers what the other side sends, in every way: ${name}`, () => {
        for (const partial of [false, true]) {
          for (const text of ["string", "bytes"] as const) {
            for (const borrow of [false, true]) {
              for (const maxFrameSize of [125, undefined]) {
                const perMessageDeflate = parameters(changes);
                const from = make(other(role), { perMessageDeflate, maxFrameSize });
                const { send, expected } = conversation();
                send(from);
                const bytes = concat(from.takeOutput());
                const sizes = maxFrameSize !== undefined ? [7] : borrow ? [100, Infinity] : [1, 100];
                for (const size of sizes) {
                  const to = make(role, { perMessageDeflate, partial, text, borrow, maxFrameSize });
                  const events = new Events();
                  const cuts = Array.from({ length: 40 }, () => random() % bytes.length);
                  const chunks =
                    size === 100 ? cutAt(bytes, cuts) : cutEvery(bytes, Math.min(size, bytes.length));
                  for (const chunk of chunks) {
                    to.receiveData(chunk);
                    events.drain(to);
                  }
                  const about = `partial ${partial}, text ${text}, borrow ${borrow}, ${maxFrameSize}, ${size}`;
                  assert.equal(to.error, undefined, `${about}: ${to.error?.message}`);
                  assert.deepEqual(events.whole.map(inWords), expected.map(inWords), about);
                  const messageCount = expected.filter(({ type }) => type !== "ping").length;
                  assert.deepEqual([to.messagesIn, from.messagesOut], [messageCount, messageCount], about);
                  assert.equal(to.framesIn, from.framesOut, about);
                  assert.equal(to.retainedLength, 0, about);
                  assert.equal(partial, events.partCount > 0, about);
                  to.receiveEof();
                }
                from.receiveEof();
              }
            }
          }
        }
      });
    }

    it("goes on between chunks that wait: events may be asked for later", () => {
      const from = make(other(role));
      const to = make(role, { partial: true });
      const { send, expected } = conversation();
      send(from);
      for (const chunk of cutEvery(concat(from.takeOutput()), 700)) to.receiveData(chunk);
      assert.deepEqual(new Events().drain(to).whole.map(inWords), expected.map(inWords));
    });

    it("sets RSV1 on the first frame of a compressed message and on no other (RFC 7692 §6)", () => {
      const from = make(role, { maxFrameSize: 100 });
      const text = Buffer.from(sample("text", 2000)).toString();
      from.send(text);
      from.ping("x");
      from.sendPart(text.slice(0, 300), { final: false });
      from.sendPart(text.slice(300, 600), { final: true });
      from.send(text, { compress: false });
      const frames = sent(from).map(
        ({ opcode, rsv, fin }) => `${opcode}${rsv ? " compressed" : ""}${fin ? "" : "…"}`,
      );
      const [first, ...rest] = frames;
      assert.equal(first, "1 compressed…");
      assert.equal(frames.filter((frame) => frame.includes("compressed")).length, 2);
      assert.ok(
        rest.every((frame) => /^[019]/.test(frame)),
        frames.join(),
      );
      assert.equal(frames.filter((frame) => frame.startsWith("1")).length, 3);
    });

    it("compresses from the threshold on: 32 bytes with context takeover, 256 without, or as agreed", () => {
      const alone = { serverNoContextTakeover: true, clientNoContextTakeover: true };
      for (const [changes, threshold] of [
        [{}, 32],
        [alone, 256],
        [{ threshold: 100 }, 100],
        [{ ...alone, threshold: 10 }, 10],
        [{ threshold: Infinity }, Infinity],
      ] as const) {
        for (const data of [
          (length: number) => "a".repeat(length),
          (length: number) => new Uint8Array(length),
        ]) {
          const from = make(role, { perMessageDeflate: parameters(changes) });
          const lengths = [9, 10, 31, 32, 99, 100, 255, 256, 1000];
          for (const length of lengths) from.send(data(length));
          const seen = new Peer(changes !== alone && !("serverNoContextTakeover" in changes)).read(from);
          assert.deepEqual(
            seen.map(({ compressed }) => compressed),
            lengths.map((length) => length >= threshold),
            JSON.stringify(changes),
          );
        }
      }
    });

    it("compresses, or not, what the call says so of; of parts the first call", () => {
      const from = make(role);
      const peer = new Peer();
      const text = "compress me, compress me, compress me, compress me";
      const compressed = (act: () => void) => {
        act();
        const [{ compressed: is, payload }, ...rest] = peer.read(from);
        assert.equal(rest.length, 0);
        return [is, Buffer.from(payload, "hex").toString()];
      };
      assert.deepEqual(
        compressed(() => from.send("aaaaaaaaaaaa", { compress: true })),
        [true, "aaaaaaaaaaaa"],
      );
      assert.deepEqual(
        compressed(() => from.send(text, { compress: false })),
        [false, text],
      );
      assert.deepEqual(
        compressed(() => from.send("", { compress: true })),
        [false, ""],
      );
      for (const [first, second, is] of [
        [undefined, undefined, true],
        [true, false, true],
        [false, true, false],
      ] as const) {
        const sendParts = () => {
          from.sendPart("a", { final: false, compress: first });
          from.sendPart(text, { final: true, compress: second });
        };
        assert.deepEqual(compressed(sendParts), [is, `a${text}`]);
      }
    });

    it("sends what does not shrink as it is, and its stream goes on right behind (§7.2.1)", () => {
      for (const takesOver of [true, false]) {
        const perMessageDeflate = parameters(
          takesOver ? {} : { serverNoContextTakeover: true, clientNoContextTakeover: true, threshold: 1 },
        );
        const from = make(role, { perMessageDeflate });
        const peer = new Peer(takesOver);
        const pool = messages("json", 300, 10);
        const expected: string[] = [];
        const isNoise: boolean[] = [];
        for (let i = 0; i < 100; i++) {
          isNoise.push(i % 3 === 0);
          const bytes = i % 3 === 0 ? randomBytes(random, 40 + (random() % 9000)) : pool[random() % 10];
          from.send(bytes);
          expected.push(toHex(bytes));
        }
        const seen = peer.read(from);
        assert.deepEqual(
          seen.map(({ compressed }) => compressed),
          isNoise.map((is) => !is),
        );
        assert.ok(
          seen.every(({ payload }, i) => payload === expected[i]),
          "every message equals the sent one",
        );
      }
    });

    it("makes short messages that are alike shorter from the second on, though the first alone does not shrink", () => {
      const from = make(role, { perMessageDeflate: parameters({ threshold: 0 }) });
      const peer = new Peer(true);
      const texts = Array.from({ length: 20 }, (_, i) => `{"type":"tick","n":${i}}`);
      for (const text of texts) from.send(text);
      const seen = peer.read(from);
      assert.ok(seen.every(({ compressed }) => compressed));
      assert.deepEqual(
        seen.map(({ payload }) => payload),
        texts.map((text) => toHex(utf8(text))),
      );
      const first = from.bytesOut;
      from.send('{"type":"tick","n":20}');
      for (const _ of from.takeOutput());
      assert.ok(from.bytesOut - first < 16, `${from.bytesOut - first} bytes for 22`);
    });

    it("refuses anything that is not a message without harm to the stream", () => {
      const from = make(role);
      const text = "to be continued ".repeat(5);
      from.send(text);
      assert.throws(() => from.send(hex("ff".repeat(50)), { type: "text" }), TypeError);
      assert.throws(() => from.send(5 as unknown as string), TypeError);
      from.sendPart(utf8(text).subarray(0, 50), { type: "text", final: false });
      assert.throws(() => from.sendPart(new Uint8Array(50), { final: true }), /must end before/);
      assert.throws(() => from.sendPart(hex("80"), { type: "text", final: true }), TypeError);
      from.sendPart(utf8(text).subarray(50), { type: "text", final: true });
      assert.deepEqual(
        new Peer().read(from).map(({ payload }) => Buffer.from(payload, "hex").toString()),
        [text, text],
      );
    });

    it("sends prepared messages as frames that are the same for all with the same settings", () => {
      const prepared = prepareMessage(Buffer.from(sample("json", 800)).toString());
      const short = prepareMessage("short");
      const noise = prepareMessage(randomBytes(random, 300));
      const outputs = [{}, {}, { level: 9 }, { threshold: 5000 }, { level: 9 }].map((changes) => {
        const from = make(role, { perMessageDeflate: parameters(changes) });
        const segments = [prepared, short, noise].map((message) => {
          from.send(message);
          const output = from.takeOutput();
          assert.equal(output.length, 1);
          return output[0];
        });
        const frames = readFrames(concat(segments));
        assert.deepEqual(
          frames.map(({ rsv }) => rsv),
          "threshold" in changes ? [0, 0, 0] : [RSV1, 0, 0],
        );
        const payload = frames[0].rsv === 0 ? frames[0].payload : inflateAlone(frames[0].payload);
        assert.equal(toHex(payload), toHex(prepared.payload));
        return segments;
      });
      if (role === "client") return; // masked with a key of its own each (RFC 6455 §5.3)
      const [first, second, tight, none, tightToo] = outputs;
      assert.equal(first[0], second[0], "one frame");
      assert.equal(tight[0], tightToo[0], "one frame");
      assert.notEqual(first[0], tight[0]);
      assert.equal(none[0], prepared.frame);
      assert.deepEqual([first[1], first[2]], [short.frame, noise.frame]);
    });

    it("has prepared messages in the history: later messages refer to them, and the peer follows", () => {
      const from = make(role);
      const peer = new Peer();
      const pool = messages("json", 500, 5).map((bytes) => prepareMessage(bytes));
      const expected: string[] = [];
      for (let i = 0; i < 60; i++) {
        const message = pool[random() % 5];
        if (i % 4 === 3) from.send(message, { compress: i % 8 === 3 });
        else if (i % 2) from.send(message);
        else from.send(message.payload);
        expected.push(toHex(message.payload));
      }
      from.sendPart(pool[0].payload, { final: false });
      from.sendPart(pool[1].payload, { final: true });
      expected.push(toHex(concat([pool[0].payload, pool[1].payload])));
      assert.ok(
        peer.read(from).every(({ payload }, i) => payload === expected[i]),
        "the same messages",
      );
    });

    it("cuts prepared messages that exceed the greatest frame", () => {
      const from = make(role, { maxFrameSize: 50 });
      const prepared = prepareMessage(sample("json", 600));
      from.send(prepared);
      from.send(prepared);
      const seen = new Peer().read(from);
      assert.deepEqual(
        seen.map(({ compressed, payload }) => [compressed, payload]),
        [0, 1].map(() => [true, toHex(prepared.payload)]),
      );
      assert.ok(seen[0].frames > 3, `${seen[0].frames} frames`);
    });
  });

  eachBackend(`Endpoint: compressed data that a ${role} refuses`, () => {
    const good = { opcode: TEXT, rsv: RSV1, payload: deflateAlone(utf8("good")) };
    const whole = (opcode: number, payload: Uint8Array, rsv = RSV1): FrameSpec => ({ opcode, rsv, payload });
    const RSV1_CODE = "WS_ERR_UNEXPECTED_RSV_1";
    const CORRUPT = "WS_ERR_INVALID_COMPRESSED_DATA";
    const UTF8 = "WS_ERR_INVALID_UTF8";

    const cases: readonly [name: string, frames: FrameSpec[], code: string, closeCode: number][] = [
      [
        "RSV1 on a continuation",
        [{ ...whole(TEXT, deflateAlone(utf8("x"))), fin: false }, whole(CONTINUATION, new Uint8Array(0))],
        RSV1_CODE,
        1002,
      ],
      [
        "RSV1 on a continuation of a plain message",
        [{ opcode: TEXT, fin: false }, whole(CONTINUATION, new Uint8Array(0))],
        RSV1_CODE,
        1002,
      ],
      ["RSV1 on a Ping", [whole(PING, utf8("x"))], RSV1_CODE, 1002],
      ["RSV1 on a Pong", [whole(PONG, utf8("x"))], RSV1_CODE, 1002],
      ["RSV1 on a Close", [whole(CLOSE, closeBody(1000))], RSV1_CODE, 1002],
      ["RSV2", [{ ...good, rsv: 6 }], "WS_ERR_UNEXPECTED_RSV_2_3", 1002],
      ["RSV3", [{ ...good, rsv: 5 }], "WS_ERR_UNEXPECTED_RSV_2_3", 1002],
      ["data that is none", [whole(BINARY, hex("07"))], CORRUPT, 1007],
      ["data that breaks off", [whole(BINARY, hex("f2 48 cd"))], CORRUPT, 1007],
      ["a match before the beginning", [whole(BINARY, hex("8a 0b f0 00"))], CORRUPT, 1007],
      ["text that is not UTF-8", [whole(TEXT, deflateAlone(hex("61 ff")))], UTF8, 1007],
      ["text that ends inside a character", [whole(TEXT, deflateAlone(hex("61 c3")))], UTF8, 1007],
      [
        "a fragment of text that is not UTF-8, before the message ends",
        [{ ...whole(TEXT, concat([deflateAlone(hex("61 ff")), hex("00 00 ff ff")])), fin: false }],
        UTF8,
        1007,
      ],
      [
        "too much",
        [whole(BINARY, deflateAlone(new Uint8Array(20_001)))],
        "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH",
        1009,
      ],
    ];
    for (const [name, frames, code, closeCode] of cases) {
      it(`${name}: ${closeCode}, behind the intact messages`, () => {
        for (const partial of [false, true]) {
          for (const size of [1, Infinity]) {
            const endpoint = make(role, { partial, maxMessageSize: 20_000 });
            const bytes = fromPeer(role, good, { opcode: PING }, ...frames, good);
            const events = new Events();
            for (const chunk of cutEvery(bytes, Math.min(size, bytes.length))) {
              endpoint.receiveData(chunk);
              events.drain(endpoint);
            }
            assert.deepEqual(events.whole.slice(0, 2).map(inWords), ["text good", "ping"], name);
            assert.equal(events.whole.length, 2, "no message behind it");
            assert.deepEqual([endpoint.error?.code, endpoint.error?.closeCode], [code, closeCode]);
            assert.deepEqual([endpoint.failed, endpoint.wantsEnd, endpoint.state], [true, true, "closing"]);
            const frame = sent(endpoint).at(-1);
            assert.deepEqual(
              [frame?.opcode, (frame!.payload[0] << 8) | frame!.payload[1]],
              [CLOSE, closeCode],
            );
            const offset = endpoint.error?.offset ?? -1;
            const before = fromPeer(role, good, { opcode: PING }).length;
            assert.ok(offset >= before && offset <= bytes.length, `offset ${offset} of ${bytes.length}`);
          }
        }
      });
    }

    it("RSV1 where nothing was agreed on: 1002", () => {
      const endpoint = new Endpoint({ role });
      // Between endpoints that know RSV1, and share decoders with it.
      const other = make(role);
      other.receiveData(fromPeer(role, good));
      assert.deepEqual(new Events().drain(other).whole.map(inWords), ["text good"]);
      endpoint.receiveData(fromPeer(role, { opcode: TEXT, payload: utf8("plain") }, good));
      assert.deepEqual(new Events().drain(endpoint).whole.map(inWords), ["text plain"]);
      assert.deepEqual([endpoint.error?.code, endpoint.error?.closeCode], [RSV1_CODE, 1002]);
      const again = make(role);
      again.receiveData(fromPeer(role, good));
      assert.deepEqual(new Events().drain(again).whole.map(inWords), ["text good"]);
    });

    it("judges the limit by the inflated length, to the byte, in fragments too", () => {
      for (const limit of [1, 1000, 20_000]) {
        for (const partial of [false, true]) {
          for (const length of [limit, limit + 1]) {
            const endpoint = make(role, { maxMessageSize: limit, partial });
            const frames = compressedFrames(BINARY, cutEvery(deflateAlone(sample("json", length)), 3));
            endpoint.receiveData(fromPeer(role, ...frames));
            const events = new Events().drain(endpoint);
            assert.deepEqual(
              [events.whole.length, endpoint.error === undefined],
              length > limit ? [0, false] : [1, true],
            );
            if (length === limit) continue;
            assert.ok(endpoint.error instanceof LimitError, String(endpoint.error));
            assert.deepEqual([endpoint.error.limit, endpoint.error.closeCode], [limit, 1009]);
          }
        }
      }
    });

    it("stops a bomb with little memory", () => {
      const bomb = deflateAlone(new Uint8Array(1 << 24), { level: 9 });
      const endpoint = make(role, { maxMessageSize: 1 << 16 });
      const chunk = fromPeer(role, ...compressedFrames(BINARY, cutEvery(bomb, 1000)));
      const before = process.memoryUsage().arrayBuffers;
      endpoint.receiveData(chunk);
      assert.equal(endpoint.nextEvent(), null);
      assert.equal(endpoint.error?.closeCode, 1009);
      const grown = process.memoryUsage().arrayBuffers - before;
      assert.ok(grown < 1 << 20, `${grown} bytes`);
    });

    it("looks at no frame's payload as text where it is compressed", () => {
      // zlib's bytes are not UTF-8, in the first frame and in continuations.
      const payload = deflateAlone(sample("multilingual", 3000));
      const endpoint = make(role);
      endpoint.receiveData(fromPeer(role, ...compressedFrames(TEXT, cutEvery(payload, 50))));
      assert.equal(new Events().drain(endpoint).whole[0]?.data, toHex(sample("multilingual", 3000)));
    });
  });

  describe(`Endpoint: memory of compression as a ${role}`, () => {
    const payload = deflateAlone(randomBytes(random, 60_000));
    /** Windows that no other test has, and the blocks they take. */
    const own = { windowBits: 12, level: 9, memLevel: 9 };
    const perMessageDeflate = parameters({ ...own, serverMaxWindowBits: 14, clientMaxWindowBits: 14 });
    const [compressorLength, decompressorLength] = blockLengths(own, 14);
    const held = () => [compressorLength, decompressorLength].map((length) => !shardFor(length).isEmpty);

    it("is there from the first compressed message on, and not before", () => {
      const endpoint = make(role, { perMessageDeflate });
      endpoint.send("short");
      endpoint.receiveData(fromPeer(role, { opcode: TEXT, payload: utf8("x".repeat(100)) }));
      new Events().drain(endpoint);
      assert.deepEqual(held(), [false, false]);
      endpoint.send("x".repeat(100));
      assert.deepEqual(held(), [true, false]);
      endpoint.receiveData(fromPeer(role, { opcode: BINARY, rsv: RSV1, payload: deflateAlone(utf8("x")) }));
      new Events().drain(endpoint);
      assert.deepEqual(held(), [true, true]);
      endpoint.fail(1011);
      assert.deepEqual(held(), [false, false]);
    });

    const ends: readonly [name: string, end: (endpoint: Endpoint) => void][] = [
      ["fail", (endpoint) => endpoint.fail(1011)],
      ["the transport's end", (endpoint) => endpoint.receiveEof()],
      [
        "a violation",
        (endpoint) => {
          endpoint.receiveData(fromPeer(role, { opcode: 3 }));
          endpoint.nextEvent();
        },
      ],
      [
        "damage",
        (endpoint) => {
          endpoint.receiveData(fromPeer(role, { opcode: BINARY, rsv: RSV1, payload: hex("07") }));
          endpoint.nextEvent();
        },
      ],
      [
        "the closing handshake, begun by us",
        (endpoint) => {
          endpoint.close(1000);
          endpoint.receiveData(fromPeer(role, { opcode: CLOSE, payload: closeBody(1000) }));
          endpoint.nextEvent();
        },
      ],
      [
        "the closing handshake, begun by the peer",
        (endpoint) => {
          endpoint.receiveData(fromPeer(role, { opcode: CLOSE, payload: closeBody(1000) }));
          endpoint.nextEvent();
        },
      ],
    ];
    for (const [name, end] of ends) {
      for (const isAmid of [false, true]) {
        it(`is given back by ${name}${isAmid ? " inside messages" : ""}`, () => {
          const endpoint = make(role, { perMessageDeflate });
          if (isAmid) endpoint.sendPart("x".repeat(100), { final: false });
          else endpoint.send("x".repeat(100));
          const frames = compressedFrames(BINARY, [payload, new Uint8Array(0)]);
          const started = isAmid && name !== "a violation" && name !== "damage";
          endpoint.receiveData(fromPeer(role, ...(started ? frames.slice(0, 1) : frames)));
          new Events().drain(endpoint);
          assert.deepEqual(held(), [true, true]);
          end(endpoint);
          assert.deepEqual(held(), [false, false]);
        });
      }
    }

    it("is given back at the transport's end once all earlier messages were asked for", () => {
      for (const borrow of [false, true]) {
        for (const asked of [0, 1, 3]) {
          const endpoint = make(role, { perMessageDeflate, partial: true, borrow });
          const last = deflateAlone(utf8("last"));
          const frames = [...compressedFrames(BINARY, [payload]), ...compressedFrames(TEXT, [last])];
          endpoint.receiveData(fromPeer(role, ...frames));
          const events = new Events();
          for (let i = 0; i < asked; i++) events.add(endpoint.nextEvent()!);
          endpoint.receiveEof();
          assert.equal(endpoint.state, "closed");
          events.drain(endpoint);
          assert.equal(events.whole.length, 2, `${asked} were asked for before`);
          assert.ok(events.whole[0].data === toHex(inflateAlone(payload)), "all of the first message");
          assert.equal(inWords(events.whole[1]), "text last");
          assert.deepEqual(held(), [false, false]);
        }
      }
    });

    it("is not lost for the rest of one message that is read while the transport ends", () => {
      const endpoint = make(role, { perMessageDeflate, partial: true });
      endpoint.receiveData(fromPeer(role, ...compressedFrames(BINARY, [payload])));
      const events = new Events();
      events.add(endpoint.nextEvent()!);
      endpoint.receiveEof();
      events.drain(endpoint);
      assert.ok(events.whole[0]?.data === toHex(inflateAlone(payload)), "all of it");
      assert.deepEqual(held(), [false, false]);
    });

    it("is not held between messages without context takeover", () => {
      const alone = { serverNoContextTakeover: true, clientNoContextTakeover: true };
      const lengths = [true, false].map(() => parameters({ ...perMessageDeflate, ...alone }));
      const endpoint = make(role, { perMessageDeflate: lengths[0], partial: true });
      const before = held();
      for (let i = 0; i < 3; i++) {
        endpoint.send("x".repeat(1000));
        endpoint.receiveData(fromPeer(role, ...compressedFrames(BINARY, [payload])));
        assert.equal(new Events().drain(endpoint).whole.length, 1);
      }
      assert.deepEqual(held(), before);
    });

    it("goes back with a message that is its receiver's; of one that is lent, at the next event", () => {
      const alone = parameters({
        serverNoContextTakeover: true,
        clientNoContextTakeover: true,
        serverMaxWindowBits: 14,
        clientMaxWindowBits: 14,
      });
      const probe = new Decompressor({ windowBits: 14, contextTakeover: false });
      probe.decompress(hex("00"), false);
      const length = probe.retainedLength;
      probe.release();
      const frames = compressedFrames(BINARY, [deflateAlone(utf8("x".repeat(100)))]);
      for (const partial of [true, false]) {
        for (const borrow of [true, false]) {
          const endpoint = make(role, { perMessageDeflate: alone, partial, borrow });
          endpoint.receiveData(fromPeer(role, ...frames));
          assert.equal(endpoint.nextEvent()?.data.length, 100);
          assert.equal(shardFor(length).isEmpty, !borrow, `partial ${partial}, borrow ${borrow}`);
          assert.equal(endpoint.nextEvent(), null);
          assert.ok(shardFor(length).isEmpty);
        }
      }
    });

    it("is given back when the rest is not wanted", () => {
      const endpoint = make(role, { perMessageDeflate, partial: true });
      const frames = compressedFrames(BINARY, [payload]);
      endpoint.receiveData(fromPeer(role, ...frames, ...frames));
      assert.ok(endpoint.nextEvent(), "a part");
      endpoint.receiveEof();
      assert.deepEqual(held(), [false, true], "more may be asked for");
      endpoint.receiveEof(true);
      assert.deepEqual(held(), [false, false]);
      assert.equal(endpoint.nextEvent(), null);
    });

    it("of a chunk in receiveBuffer() needs `retain` before the next read, inside a compressed message", () => {
      for (const retains of [true, false]) {
        for (const asked of [0, 1, 2]) {
          for (const borrow of [true, false]) {
            const endpoint = make(role, { partial: true, borrow });
            const frames = [
              ...compressedFrames(BINARY, cutEvery(payload, 50_000)),
              { opcode: TEXT, payload: utf8("behind") },
            ];
            const bytes = fromPeer(role, ...frames);
            const chunk = receiveBuffer().subarray(0, bytes.length);
            chunk.set(bytes);
            endpoint.receiveData(chunk);
            const events = new Events();
            for (let i = 0; i < asked; i++) events.add(endpoint.nextEvent()!);
            if (retains) endpoint.retain();
            receiveBuffer().fill(0);
            // Another connection reads there, and scans.
            const another = make(role);
            const theirs = fromPeer(role, ...compressedFrames(TEXT, [deflateAlone(utf8("other"))]));
            receiveBuffer().set(theirs);
            another.receiveData(receiveBuffer().subarray(0, theirs.length));
            assert.deepEqual(new Events().drain(another).whole.map(inWords), ["text other"]);
            events.drain(endpoint);
            const isSame = events.whole[0]?.data === toHex(inflateAlone(payload));
            assert.equal(isSame, retains, `retained ${retains}, after ${asked}`);
            if (retains) assert.equal(inWords(events.whole[1]), "text behind");
          }
        }
      }
    });

    it("lends bytes that last until the next event, although other endpoints receive meanwhile", () => {
      const endpoint = make(role, { borrow: true });
      const peer = new ZlibDeflater();
      for (const bytes of messages("json", 3000, 5)) {
        endpoint.receiveData(fromPeer(role, ...compressedFrames(BINARY, [peer.message(bytes)])));
        const event = endpoint.nextEvent();
        const echo = make(role);
        echo.send(event?.data as Uint8Array);
        assert.equal(new Peer().read(echo)[0].payload, toHex(bytes));
        assert.equal(toHex(event?.data as Uint8Array), toHex(bytes), "it is there still");
        assert.equal(endpoint.nextEvent(), null);
      }
      peer.close();
    });

    it("lends what lasts until the next event though the connection is failed before", () => {
      for (const alone of [true, false]) {
        const perMessageDeflate = parameters({
          serverNoContextTakeover: alone,
          clientNoContextTakeover: alone,
        });
        const [endpoint, another] = ["a", "b"].map((letter) => {
          const made = make(role, { borrow: true, perMessageDeflate });
          const message = deflateAlone(utf8(letter.repeat(400)));
          made.receiveData(fromPeer(role, ...compressedFrames(BINARY, [message, new Uint8Array(0)])));
          made.receiveData(fromPeer(role, ...compressedFrames(BINARY, [message])));
          return made;
        });
        assert.ok(endpoint.nextEvent(), "the message in fragments");
        const event = endpoint.nextEvent();
        endpoint.fail(1011);
        new Events().drain(another);
        assert.equal(toHex(event?.data as Uint8Array), toHex(utf8("a".repeat(400))));
        assert.equal(endpoint.nextEvent(), null);
      }
    });
  });
}
