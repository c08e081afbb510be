/** MessageAssembler: fragments, parts and compressed data into messages, by every way of delivering them. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Decompressor, FrameDecoder, type Opcode, receiveBuffer } from "../../../src/codec/index.js";
import type { Message } from "../../../src/protocol/index.js";
import { MAX_TEXT_LENGTH } from "../../../src/protocol/session/message.js";
import { type Delivery, MessageAssembler } from "../../../src/protocol/session/message-assembler.js";
import { eachBackend } from "../../support/backends.js";
import { sample } from "../../support/corpus.js";
import { compressedFrames, Events, inWords, see } from "../../support/deflate.js";
import { BINARY, CONTINUATION, cutEvery, type FrameSpec, stream, TEXT } from "../../support/frames.js";
import { toHex, utf8 } from "../../support/hex.js";
import { randomBytes, randomNumbers } from "../../support/property.js";
import { deflateAlone, TAIL, ZlibDeflater } from "../../support/zlib-streams.js";

const random = randomNumbers(5);

const WHOLE: Delivery = {
  maxMessageSize: 1 << 20,
  partial: false,
  streamFrom: Infinity,
  maxStreamSize: Infinity,
  textAsBytes: false,
  borrow: false,
};
const WAYS: readonly Delivery[] = [false, true].flatMap((partial) =>
  [false, true].flatMap((textAsBytes) =>
    [false, true].map((borrow) => ({ ...WHOLE, partial, textAsBytes, borrow })),
  ),
);
const nameOf = ({ partial, textAsBytes, borrow }: Delivery) =>
  `${partial ? "in parts" : "whole"}, text as ${textAsBytes ? "bytes" : "strings"}${borrow ? ", borrowed" : ""}`;

/** A budget that is never spent. */
const UNLIMITED = { inflateBudget: Infinity };

interface Assembled {
  readonly events: Events;
  readonly messages: Message[];
  readonly assembler: MessageAssembler;
}

/** Gives the frames of one message to an assembler, in chunks of at most `size` bytes. */
function assemble(
  frames: readonly FrameSpec[],
  delivery: Delivery,
  size = Infinity,
  retains = false,
): Assembled {
  const decoder = new FrameDecoder({
    role: "client",
    allowRsv1: true,
    partial: true,
    maxFrameSize: Infinity,
  });
  const isCompressed = (frames[0].rsv ?? 0) !== 0;
  const decompressor = isCompressed ? new Decompressor({ maxLength: delivery.maxMessageSize }) : undefined;
  const assembler = new MessageAssembler(frames[0].opcode as Opcode, decompressor, delivery);
  const events = new Events();
  const messages: Message[] = [];
  const bytes = stream(frames);
  for (const piece of cutEvery(bytes, Math.min(size, bytes.length))) {
    let chunk: Uint8Array = piece;
    if (retains) {
      chunk = receiveBuffer().subarray(0, piece.length);
      chunk.set(piece);
    }
    decoder.push(chunk);
    while (assembler.error === undefined && decoder.next()) {
      let message = assembler.take(decoder, UNLIMITED);
      if (retains && assembler.hasMore) {
        if (message !== null) events.add(message);
        decompressor?.retain();
        decoder.retain();
        receiveBuffer().fill(0xff);
        message = null;
        for (let more: Message | null; (more = assembler.more(UNLIMITED)) !== null; ) events.add(more);
      }
      for (; message !== null; message = assembler.hasMore ? assembler.more(UNLIMITED) : null) {
        assert.equal(assembler.isDone, !message.partial, "done with the last one");
        messages.push(message);
        events.add(message);
      }
    }
  }
  decompressor?.release();
  return { events, messages, assembler };
}

const text = "grüße, 水 und 😀: ".repeat(150);
const bytes = sample("binary", 12_000);

eachBackend("MessageAssembler", () => {
  for (const delivery of WAYS) {
    it(`joins the parts, however it is cut: ${nameOf(delivery)}`, () => {
      for (const [opcode, payload, type] of [
        [TEXT, utf8(text), "text"],
        [BINARY, bytes, "binary"],
        [TEXT, new Uint8Array(0), "text"],
        [BINARY, new Uint8Array(0), "binary"],
        [TEXT, utf8("short"), "text"],
      ] as const) {
        for (const isCompressed of [false, true]) {
          const wire = isCompressed ? deflateAlone(payload) : payload;
          for (const frameSize of [1, 100, Infinity]) {
            if (frameSize === 1 && wire.length > 3000) continue;
            const parts = wire.length === 0 ? [wire] : cutEvery(wire, Math.min(frameSize, wire.length));
            const frames = isCompressed
              ? compressedFrames(opcode, parts)
              : compressedFrames(opcode, parts).map((spec) => ({ ...spec, rsv: 0 }));
            for (const size of [1, 5000, Infinity]) {
              const { events, assembler } = assemble(frames, delivery, size);
              const about = `${type} ${payload.length}, compressed ${isCompressed}, ${frameSize}, ${size}`;
              assert.equal(assembler.error, undefined, about);
              assert.equal(events.whole.length, 1, about);
              assert.equal(events.whole[0].type, type, about);
              assert.ok(events.whole[0].data === toHex(payload), `not the same: ${about}`);
              assert.equal(assembler.isDone, true, about);
              assert.equal(assembler.retainedLength, 0, about);
              if (!delivery.partial) assert.equal(events.partCount, 0, about);
              else if (size === 1 && payload.length > 100) assert.ok(events.partCount > 10, about);
            }
          }
        }
      }
    });

    it(`needs nothing of a chunk that was retained: ${nameOf(delivery)}`, () => {
      const noise = randomBytes(random, 60_000);
      const frames = compressedFrames(BINARY, cutEvery(deflateAlone(noise), 45_000));
      const { events, assembler } = assemble(frames, delivery, Infinity, true);
      assert.equal(assembler.error, undefined);
      assert.ok(events.whole.length === 1 && events.whole[0].data === toHex(noise), "not the same");
    });
  }

  it("delivers no empty part, but an empty end where the message had come already", () => {
    const peer = new ZlibDeflater();
    const payloads = [
      peer.message(utf8("all"), false),
      peer.message(utf8(""), false),
      peer.message(utf8("")),
    ];
    const { messages } = assemble(compressedFrames(TEXT, payloads), { ...WHOLE, partial: true });
    assert.deepEqual(messages.map(see), [
      { type: "text…", data: toHex(utf8("all")) },
      { type: "text", data: "" },
    ]);
    const plain = [utf8("all"), utf8(""), utf8("")].map((payload, i) => ({
      opcode: i === 0 ? TEXT : CONTINUATION,
      fin: i === 2,
      payload,
    }));
    assert.deepEqual(assemble(plain, { ...WHOLE, partial: true }).messages.map(see), messages.map(see));
    const asBytes = assemble(plain, { ...WHOLE, partial: true, textAsBytes: true });
    assert.deepEqual(asBytes.messages.map(see), messages.map(see));
    peer.close();
  });

  it("holds characters that a part cuts back for the next one, and delivers them with it", () => {
    const peer = new ZlibDeflater();
    const payloads = [...utf8("水!")].map((byte, i) => peer.message(Uint8Array.of(byte), i === 3));
    const { messages, events } = assemble(compressedFrames(TEXT, payloads), { ...WHOLE, partial: true });
    assert.deepEqual(
      messages.map(({ data }) => data),
      ["水", "!"],
    );
    assert.deepEqual(events.whole.map(inWords), ["text 水!"]);
    peer.close();
  });

  it("gives bytes that stay, unless they are borrowed", () => {
    for (const partial of [false, true]) {
      for (const payload of [bytes, bytes.subarray(0, 500)]) {
        const frames = compressedFrames(BINARY, [deflateAlone(payload)]);
        const kept = assemble(frames, { ...WHOLE, partial }).messages;
        const other = assemble(compressedFrames(BINARY, [deflateAlone(randomBytes(random, 40_000))]), WHOLE);
        assert.equal(other.messages.length, 1);
        assert.ok(
          Buffer.compare(Buffer.concat(kept.map(({ data }) => data as Uint8Array)), payload) === 0,
          "kept",
        );
      }
    }
  });

  it("counts what it holds of a message that is under way", () => {
    const peer = new ZlibDeflater();
    const decoder = new FrameDecoder({ role: "client", allowRsv1: true, partial: true });
    const assembler = new MessageAssembler(BINARY, new Decompressor(), WHOLE);
    const parts = [sample("text", 3000), sample("text", 2000, 1)].map((part) => peer.message(part, false));
    for (const [i, expected] of [3000, 5000].entries()) {
      decoder.push(stream([compressedFrames(BINARY, [parts[0], parts[1], TAIL])[i]]));
      assert.ok(decoder.next(), "a frame");
      assert.equal(assembler.take(decoder, UNLIMITED), null);
      assert.equal(assembler.retainedLength, expected);
    }
    peer.close();
  });

  it("judges a message that is not compressed on headers, and a compressed one by its output", () => {
    const delivery = { ...WHOLE, maxMessageSize: 1000 };
    const plain = assemble([{ opcode: BINARY, payload: new Uint8Array(1001) }], delivery);
    assert.deepEqual(
      [plain.messages.length, plain.assembler.error?.closeCode, plain.assembler.error?.offset],
      [0, 1009, 1],
    );
    for (const partial of [false, true]) {
      for (const length of [1000, 1001, 1_000_000]) {
        const frames = compressedFrames(BINARY, cutEvery(deflateAlone(new Uint8Array(length)), 5));
        const { assembler, messages } = assemble(frames, { ...delivery, partial });
        const error = assembler.error;
        assert.deepEqual(
          [error?.code, error?.closeCode],
          length > 1000 ? ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009] : [undefined, undefined],
        );
        const delivered = messages.reduce((sum, { data }) => sum + data.length, 0);
        assert.ok(delivered <= 1000 && length > 1000 === !assembler.isDone, `${delivered} bytes`);
      }
    }
  });
});

describe("MessageAssembler: the limit", () => {
  it("is the longest string for text that becomes one, in the decompressor too", () => {
    const endless = { ...WHOLE, maxMessageSize: Infinity };
    for (const [opcode, delivery, limit] of [
      [TEXT, endless, MAX_TEXT_LENGTH],
      [TEXT, { ...endless, textAsBytes: true }, Infinity],
      [TEXT, { ...endless, partial: true }, Infinity],
      [BINARY, endless, Infinity],
      [TEXT, WHOLE, WHOLE.maxMessageSize],
    ] as const) {
      const decompressor = new Decompressor({ maxLength: 1 });
      void new MessageAssembler(opcode, decompressor, delivery);
      assert.equal(decompressor.maxLength, limit);
    }
  });
});

describe("MessageAssembler: errors", () => {
  it("is the decompressor's error, with the offset in the stream, behind the valid output", () => {
    const peer = new ZlibDeflater();
    const good = peer.message(utf8("good "), false);
    const frames = compressedFrames(TEXT, [good, Uint8Array.of(7), TAIL]);
    for (const partial of [false, true]) {
      const { assembler, events, messages } = assemble(frames, { ...WHOLE, partial });
      assert.deepEqual(
        [assembler.error?.code, assembler.error?.closeCode, assembler.error?.offset, assembler.isDone],
        ["WS_ERR_INVALID_COMPRESSED_DATA", 1007, 2 + good.length + 2, false],
      );
      assert.deepEqual(
        messages.map(({ data }) => data),
        partial ? ["good "] : [],
      );
      assert.equal(events.whole.length, 0);
    }
    peer.close();
  });
});
