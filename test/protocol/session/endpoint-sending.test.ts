/** What an endpoint sends: messages that wait behind others, places, memory that is not copied, messages sent on. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { inflateRawSync } from "node:zlib";
import { FrameDecoder, InvalidStateError } from "../../../src/codec/index.js";
import {
  type Bytes,
  Endpoint,
  type EndpointOptions,
  Message,
  MessageQueue,
  prepareMessage,
} from "../../../src/protocol/index.js";
import { LentMessage } from "../../../src/protocol/session/message.js";
import { eachBackend } from "../../support/backends.js";
import { shapesOf } from "../../support/bytes.js";
import { fromPeer, parameters } from "../../support/deflate.js";
import { BINARY, CLOSE, CONTINUATION, concat, PING, TEXT } from "../../support/frames.js";
import { hex, toHex, utf8 } from "../../support/hex.js";
import { describeFrames, readFrames } from "../../support/wire.js";

type Side = "server" | "client";
const SIDES: readonly Side[] = ["server", "client"];
const MORE = { final: false };
const LAST = { final: true };

const make = (role: Side, options: Omit<EndpointOptions, "role"> = {}) => new Endpoint({ role, ...options });
const sent = (endpoint: Endpoint) => describeFrames(endpoint.takeOutput());
/** Each message without the memory of those before it, so that it can be inflated alone. */
const perMessageDeflate = parameters({
  serverNoContextTakeover: true,
  clientNoContextTakeover: true,
  threshold: 1000,
});

/** Whole messages out of frames, inflated where RSV1 says so. */
function messagesOf(endpoint: Endpoint): string[] {
  const found: string[] = [];
  let parts: Uint8Array[] = [];
  let isCompressed = false;
  for (const { opcode, rsv, fin, payload } of readFrames(endpoint.takeOutput())) {
    if (opcode !== CONTINUATION) isCompressed = rsv === 4;
    parts.push(payload);
    if (!fin) continue;
    const bytes = concat(parts);
    const tail = concat([bytes, hex("00 00 ff ff")]);
    // Not ended (BFINAL is not set), so zlib needs the flag that more may come.
    const plain = isCompressed ? inflateRawSync(tail, { finishFlush: 2 }) : bytes;
    found.push(`${isCompressed ? "compressed " : ""}${Buffer.from(plain).toString()}`);
    parts = [];
  }
  return found;
}

for (const role of SIDES) {
  describe(`messages behind one in parts, of a ${role}`, () => {
    it("wait, whole and in order, and leave after its last part", () => {
      const endpoint = make(role, { maxFrameSize: 12 });
      endpoint.sendPart("begin", MORE);
      endpoint.send("a text");
      endpoint.send(hex("01 02"));
      endpoint.send(utf8("é"), { type: "text" });
      endpoint.send(prepareMessage("prepared"));
      endpoint.send(prepareMessage(utf8("as text")), { type: "text" });
      endpoint.send("cut into frames");
      endpoint.send(new Message("forwarded", "text"));
      endpoint.ping("not me");
      assert.deepEqual(sent(endpoint), ["text… begin", "ping not me"]);
      const lengths = [6, 2, 2, 8, 7, 15, 9];
      assert.equal(
        endpoint.queuedLength,
        lengths.reduce((sum, length) => sum + length),
      );
      endpoint.sendPart("end", LAST);
      assert.deepEqual(sent(endpoint), [
        "continuation end",
        "text a text",
        "binary 0102",
        "text é",
        "text prepared",
        "text as text",
        "text… cut into fra",
        "continuation mes",
        "text forwarded",
      ]);
      assert.deepEqual([endpoint.queuedLength, endpoint.messagesOut, endpoint.framesOut], [0, 8, 11]);
      endpoint.send("at once");
      assert.deepEqual(sent(endpoint), ["text at once"]);
    });

    it("are compressed when they leave", () => {
      const endpoint = make(role, { perMessageDeflate });
      const text = "compress me ".repeat(5);
      endpoint.sendPart(text, { ...MORE, compress: true });
      endpoint.send(text, { compress: true });
      endpoint.send(text);
      endpoint.send(prepareMessage(text), { compress: true });
      endpoint.sendPart("!", { ...LAST, compress: true });
      assert.deepEqual(messagesOf(endpoint), [
        `compressed ${text}!`,
        `compressed ${text}`,
        text,
        `compressed ${text}`,
      ]);
    });

    it("are copied as they wait, and not with copy: false", () => {
      const endpoint = make(role);
      endpoint.sendPart("begin", MORE);
      const [copied, kept] = [hex("01"), hex("01")];
      endpoint.send(copied);
      endpoint.send(kept, { copy: false });
      copied[0] = kept[0] = 2;
      endpoint.sendPart("", LAST);
      assert.deepEqual(sent(endpoint).slice(2), ["binary 01", "binary 02"]);
    });

    it("are checked when they come", () => {
      const endpoint = make(role);
      endpoint.sendPart("begin", MORE);
      assert.throws(() => endpoint.send(hex("ff"), { type: "text" }), TypeError);
      assert.throws(() => endpoint.send(prepareMessage(hex("ff")), { type: "text" }), TypeError);
      assert.throws(() => endpoint.send("x", { type: "ping" as "text" }), TypeError);
      assert.throws(() => endpoint.send(5 as never), TypeError);
      endpoint.send("good");
      endpoint.sendPart("end", LAST);
      assert.deepEqual(sent(endpoint), ["text… begin", "continuation end", "text good"]);
    });

    const ends: [string, (endpoint: Endpoint) => void][] = [
      ["close", (endpoint) => endpoint.close(1000)],
      ["a failure", (endpoint) => endpoint.fail(1000)],
      ["the end", (endpoint) => endpoint.receiveEof()],
      ["discardOutput", (endpoint) => endpoint.discardOutput()],
      [
        "the peer's Close",
        (endpoint) => {
          endpoint.receiveData(fromPeer(role, { opcode: CLOSE }));
          endpoint.nextEvent();
        },
      ],
      [
        "the peer's Close that is not answered yet",
        (endpoint) => {
          endpoint.receiveData(fromPeer(role, { opcode: CLOSE }));
          endpoint.nextEvent();
        },
      ],
    ];
    for (const [name, end] of ends) {
      it(`are dropped by ${name}, and places with them`, () => {
        const endpoint = make(role, { autoClose: !name.includes("not answered") });
        endpoint.sendPart("begin", MORE);
        endpoint.takeOutput();
        endpoint.send("waits");
        const place = endpoint.reserve(10);
        assert.equal(endpoint.queuedLength, 15);
        end(endpoint);
        assert.ok(sent(endpoint).every((frame) => frame.startsWith("close")));
        assert.equal(endpoint.queuedLength, 0);
        place.fill("too late");
        assert.deepEqual([sent(endpoint), endpoint.queuedLength], [[], 0]);
      });
    }
  });

  describe(`places of a ${role}`, () => {
    it("keep the order, in any order in which they are filled", () => {
      for (const order of [
        [0, 1, 2],
        [2, 1, 0],
        [1, 2, 0],
      ]) {
        const endpoint = make(role);
        const places = [0, 1, 2].map((i) => {
          const place = endpoint.reserve(2);
          endpoint.send(`after ${i}`);
          return place;
        });
        endpoint.ping("passes");
        assert.deepEqual(sent(endpoint), ["ping passes"]);
        assert.equal(endpoint.queuedLength, 3 * 2 + 3 * 7);
        for (const i of order) places[i].fill(Uint8Array.of(i, i));
        assert.deepEqual(sent(endpoint), [
          "binary 0000",
          "text after 0",
          "binary 0101",
          "text after 1",
          "binary 0202",
          "text after 2",
        ]);
        assert.equal(endpoint.queuedLength, 0);
      }
    });

    it("let the others go on when they are given up", () => {
      const endpoint = make(role);
      const [first, second] = [endpoint.reserve(5), endpoint.reserve(5)];
      endpoint.send("last");
      second.fill(undefined);
      assert.deepEqual([sent(endpoint), endpoint.queuedLength], [[], 9]);
      first.fill(undefined);
      assert.deepEqual([sent(endpoint), endpoint.queuedLength], [["text last"], 0]);
      // Filled twice: the second time is nothing.
      first.fill("again");
      assert.deepEqual(sent(endpoint), []);
    });

    it("are sent as told, and are given up with data that cannot be", () => {
      const endpoint = make(role);
      assert.throws(() => endpoint.reserve(1, { type: "ping" as "text" }), TypeError);
      endpoint.reserve(2, { type: "text" }).fill(utf8("é"));
      const wrong = endpoint.reserve(1, { type: "text" });
      const behind = endpoint.reserve(1, { type: "text" });
      endpoint.send("last");
      assert.throws(() => behind.fill(hex("c3 28")), TypeError);
      assert.throws(() => wrong.fill(hex("ff")), TypeError);
      assert.deepEqual([sent(endpoint), endpoint.queuedLength], [["text é", "text last"], 0]);
    });

    it("stand behind a message in parts, and before one", () => {
      const endpoint = make(role);
      endpoint.sendPart("a", MORE);
      const place = endpoint.reserve(1);
      place.fill("b");
      assert.deepEqual(sent(endpoint), ["text… a"]);
      endpoint.sendPart("c", LAST);
      assert.deepEqual(sent(endpoint), ["continuation c", "text b"]);
      const next = endpoint.reserve(1);
      assert.throws(() => endpoint.sendPart("d", MORE), InvalidStateError);
      next.fill("e");
      endpoint.sendPart("d", LAST);
      assert.deepEqual(sent(endpoint), ["text e", "text d"]);
    });
  });

  describe(`copy: false, of a ${role}`, () => {
    for (const maxFrameSize of [undefined, 0x6000]) {
      it(`sends the same bytes${maxFrameSize ? ", cut" : ""}; a server from the caller's memory`, () => {
        const payload = Uint8Array.from({ length: 100_000 }, (_, i) => i % 251);
        const options = maxFrameSize === undefined ? {} : { maxFrameSize };
        const endpoint = make(role, options);
        endpoint.send("before");
        endpoint.send(payload, { copy: false });
        endpoint.sendPart(payload.subarray(0, 50_000), { final: false, copy: false });
        endpoint.sendPart(payload.subarray(50_000), { final: true, copy: false });
        endpoint.send("behind");
        const segments = endpoint.takeOutput();
        const frames = readFrames(segments);
        const whole = concat(frames.slice(1, -1).map((frame) => frame.payload));
        assert.ok(Buffer.compare(whole, concat([payload, payload])) === 0, "not the same bytes");
        assert.equal(frames.length, maxFrameSize === undefined ? 5 : 2 + 5 + 3 + 3);
        const own = segments.filter(({ buffer }) => buffer === payload.buffer);
        // The last frame of each is too short to be worth a segment of its own, where they are cut.
        assert.equal(own.length, role === "client" ? 0 : maxFrameSize === undefined ? 3 : 4 + 2 + 2);
        endpoint.outbox.recycle(segments);
        endpoint.send("and on");
        assert.deepEqual(sent(endpoint), ["text and on"]);
        assert.equal(payload[250], 250, "the lent bytes are unchanged");
      });
    }

    it("sends bytes as text, and compressed ones, all the same", () => {
      const text = "grüße ".repeat(5000);
      const endpoint = make(role, { perMessageDeflate });
      endpoint.send(utf8(text), { type: "text", copy: false, compress: false });
      endpoint.send(utf8(text), { type: "text", copy: false });
      endpoint.send(text, { copy: false, compress: false });
      assert.deepEqual(messagesOf(endpoint), [text, `compressed ${text}`, text]);
    });
  });

  describe(`bytes in every shape, of a ${role}`, () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, i) => i * 3);
    const methods: [string, (endpoint: Endpoint, data: Bytes) => void][] = [
      ["send", (endpoint, data) => endpoint.send(data)],
      ["send, with an option", (endpoint, data) => endpoint.send(data, { type: "binary" })],
      ["send, not copied", (endpoint, data) => endpoint.send(data, { copy: false })],
      ["sendPart", (endpoint, data) => endpoint.sendPart(data, { final: true, compress: false })],
      [
        "send, behind another",
        (endpoint, data) => {
          endpoint.sendPart("", MORE);
          endpoint.send(data);
          endpoint.sendPart("", LAST);
          assert.equal(readFrames(endpoint.outbox.peek()).length, 3);
        },
      ],
      ["send, of a message", (endpoint, data) => endpoint.send(new Message(data as Uint8Array, "binary"))],
      ["send, prepared", (endpoint, data) => endpoint.send(prepareMessage(data))],
      ["ping", (endpoint, data) => endpoint.ping(data)],
      ["pong", (endpoint, data) => endpoint.pong(data)],
    ];
    for (const [name, send] of methods) {
      it(`are taken by ${name}`, () => {
        for (const deflate of [undefined, perMessageDeflate]) {
          for (const [shape, data] of shapesOf(bytes)) {
            const endpoint = make(role, { perMessageDeflate: deflate });
            send(endpoint, data);
            const frame = readFrames(endpoint.takeOutput()).at(-1);
            assert.equal(toHex(frame?.payload ?? hex("")), toHex(bytes), shape);
          }
        }
      });
    }
  });
}

eachBackend("messages that are sent on", () => {
  for (const role of SIDES) {
    const bits: [string, Omit<EndpointOptions, "role">][] = [
      ["plain", {}],
      ["compressed", { perMessageDeflate: parameters({ ...perMessageDeflate, threshold: 1 }) }],
      ["cut", { maxFrameSize: 5 }],
    ];
    for (const [how, options] of bits) {
      it(`leave a ${role} as they came, ${how}: strings, bytes, lent, looked at or not`, () => {
        for (const delivery of [
          {},
          { text: "bytes" },
          { borrow: true },
          { borrow: true, text: "bytes" },
        ] as const) {
          for (const looks of [false, true]) {
            const from = make("server", delivery);
            const to = make(role, options);
            const text = `${"grüße ".repeat(3)}.`;
            from.receiveData(
              fromPeer(
                "server",
                { opcode: TEXT, payload: utf8(text) },
                { opcode: BINARY, payload: utf8(text) },
                { opcode: TEXT },
                { opcode: TEXT, fin: false, payload: utf8(text) },
                { opcode: CONTINUATION, payload: utf8(text) },
              ),
            );
            const types: string[] = [];
            for (let event: Message | null; (event = from.nextEvent()) !== null; ) {
              if (looks) assert.ok(event.data.length >= 0);
              types.push(event.type);
              to.send(event);
            }
            const opcodes = readFrames(to.outbox.peek()).map(({ opcode }) => opcode);
            assert.deepEqual(
              opcodes.filter((opcode) => opcode !== CONTINUATION),
              [TEXT, BINARY, TEXT, TEXT],
            );
            assert.deepEqual(types, ["text", "binary", "text", "text"]);
            assert.deepEqual(
              messagesOf(to).map((said) => said.replace("compressed ", "")),
              [text, text, "", text + text],
            );
            assert.equal(to.messagesOut, 4);
          }
        }
      });
    }

    it(`leave a ${role} as what they are, unless told to`, () => {
      const endpoint = make(role);
      endpoint.send(new Message(utf8("é"), "text"));
      endpoint.send(new Message(utf8("é"), "text"), { type: undefined });
      endpoint.send(new Message("é", "text"), { type: "binary" });
      endpoint.send(new Message(utf8("é"), "binary"), { type: "text" });
      assert.deepEqual(sent(endpoint), ["text é", "text é", "binary c3a9", "text é"]);
      assert.throws(() => endpoint.send(new Message(hex("ff"), "binary"), { type: "text" }), TypeError);
      for (const type of ["ping", "pong", "close"] as const) {
        assert.throws(() => endpoint.send(new Message("", type)), /sendMessage/);
      }
      assert.deepEqual(sent(endpoint), []);
    });
  }

  it("lent text that was not looked at is not validated again; text that was, is", () => {
    // Bytes that no endpoint would lend as text show whether anything looks at them.
    const decoder = new FrameDecoder({ role: "client" });
    decoder.push(hex("82 01 ff"));
    assert.ok(decoder.next());
    const endpoint = make("server");
    const message = new LentMessage("text", decoder, { loans: 1 }) as unknown as Message;
    endpoint.send(message);
    assert.equal(toHex(concat(endpoint.takeOutput())), "8101ff");
    assert.equal(toHex(message.data as Uint8Array), "ff");
    assert.throws(() => endpoint.send(message), TypeError);
  });

  it("a lent message is empty once the next event was asked for", () => {
    for (const text of ["string", "bytes"] as const) {
      const endpoint = make("client", { borrow: true, text });
      endpoint.receiveData(
        fromPeer("client", { opcode: BINARY, payload: hex("01") }, { opcode: BINARY, payload: hex("02") }),
      );
      const first = endpoint.nextEvent() as Message;
      assert.ok((first as object) instanceof LentMessage && first instanceof Message);
      const { data } = first;
      assert.deepEqual([first.type, toHex(data as Uint8Array)], ["binary", "01"]);
      assert.equal(first.data, data, "one view, however often it is asked for");
      const second = endpoint.nextEvent();
      assert.equal(first.data.length, 0, "the loan has ended");
      assert.equal(toHex(second?.data as Uint8Array), "02");
      assert.equal(endpoint.nextEvent(), null);
      assert.equal(second?.data.length, 0, "the loan has ended");
      endpoint.receiveData(fromPeer("client", { opcode: PING }, { opcode: BINARY, payload: hex("03") }));
      assert.equal(endpoint.nextEvent()?.type, "ping");
      const third = endpoint.nextEvent();
      // The connection may fail while the handler runs; the message is lent until the next event.
      endpoint.fail(1011);
      assert.equal(toHex(third?.data as Uint8Array), "03");
      assert.equal(endpoint.nextEvent(), null);
      assert.equal(third?.data.length, 0);
    }
  });

  it("lent messages that a queue keeps survive the loan", async () => {
    const endpoint = make("server", { borrow: true, text: "bytes" });
    const queue = new MessageQueue();
    const waiting = queue.wait();
    const payloads = ["one", "two", "three"].map(utf8);
    const chunk = fromPeer("server", ...payloads.map((payload) => ({ opcode: TEXT, payload })));
    endpoint.receiveData(chunk);
    for (let event: Message | null; (event = endpoint.nextEvent()) !== null; ) queue.push(event);
    chunk.fill(0);
    const kept = [await waiting, queue.shift(), queue.shift()];
    assert.deepEqual(kept.map(String), ["one", "two", "three"]);
    for (const message of kept)
      assert.ok(message?.type === "text" && !((message as object) instanceof LentMessage));
  });
});
