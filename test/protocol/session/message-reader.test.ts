/** Messages one at a time, with the state in between open to view. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  decodeFrame,
  encodeBinary,
  encodeClose,
  encodeFrame,
  encodePing,
  encodeText,
  type LimitError,
  Opcode,
  PayloadBuffer,
  ProtocolError,
} from "../../../src/codec/index.js";
import { Message, MessageReader } from "../../../src/protocol/index.js";
import { hex, toHex, utf8 } from "../../support/hex.js";

/** Bytes held, which stay there. */
function held(buffer: PayloadBuffer): string {
  const copy = new Uint8Array(buffer.length);
  buffer.copyTo(copy);
  return toHex(copy);
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ProtocolError);
    return error.code;
  }
  return "nothing was thrown";
}

describe("MessageReader", () => {
  it("says which of four things there is", () => {
    const reader = new MessageReader({ role: "client" });
    assert.equal(reader.receiveMessage(hex("81")), "need-more");
    assert.deepEqual(reader.receiveMessage(hex("02 6869 82 01")), new Message("hi", "text"));
    assert.equal(reader.tryDecodeMessage(), "need-more");
    assert.equal(held(reader.buffer), "8201");
    assert.deepEqual(reader.receiveMessage(hex("07")), new Message(hex("07"), "binary"));
    assert.deepEqual(reader.receiveMessage(encodePing("?")), new Message(utf8("?"), "ping"));
    assert.equal(reader.receiveMessage(encodeClose(1000, "done")), "closed");
    assert.equal(reader.state, "closed");
    assert.deepEqual(reader.close, { code: 1000, reason: "done" });
    assert.equal(reader.receiveMessage(encodeText("too late")), "closed");
    assert.equal(reader.processFrame(decodeFrame(encodeText("too late")).frame!), "closed");
  });

  it("puts fragments together, control frames between them, cut anywhere", () => {
    const text = "Grüße 🚢";
    const bytes = utf8(text);
    const stream: number[] = [];
    for (const [i, byte] of bytes.entries()) {
      const options = { fin: i === bytes.length - 1, mask: true };
      const opcode = i === 0 ? Opcode.Text : Opcode.Continuation;
      stream.push(...encodeFrame(opcode, Uint8Array.of(byte), options), ...encodePing("", { mask: true }));
    }
    const reader = new MessageReader({ role: "server" });
    const results = stream.map((byte) => reader.receiveMessage(Uint8Array.of(byte)));
    const messages = results.filter((result) => result !== "need-more") as Message[];
    assert.deepEqual(
      messages.filter(({ type }) => type !== "ping"),
      [new Message(text, "text")],
    );
    assert.equal(messages.length, bytes.length + 1);
    assert.equal(reader.fragments, undefined);
  });

  it("shows and takes what it is in the middle of", () => {
    const first = new MessageReader();
    first.receiveMessage(hex("02 02 0102 80 02 03"));
    assert.equal(first.fragments?.type, "binary");
    assert.equal(held(first.fragments.payload), "0102");
    assert.equal(held(first.buffer), "800203");
    // Another one goes on where the first one stopped.
    const second = new MessageReader();
    second.fragments = first.fragments;
    second.buffer = first.buffer;
    assert.deepEqual(second.receiveMessage(hex("04")), new Message(hex("01020304"), "binary"));
    second.receiveMessage(hex("88 00"));
    assert.equal(second.state, "closed");
    second.state = "open";
    assert.deepEqual(second.receiveMessage(hex("82 00")), new Message(hex(""), "binary"));
    second.receiveMessage(hex("82"));
    second.buffer = new PayloadBuffer();
    assert.equal(second.tryDecodeMessage(), "need-more");
  });

  it("leaves chunks as they are, and hands out bytes of its own", () => {
    const chunk = encodeBinary(hex("0102"), { mask: true });
    const before = chunk.slice();
    const message = new MessageReader().receiveMessage(chunk) as Message;
    assert.deepEqual(chunk, before);
    chunk.fill(0);
    assert.deepEqual(message.data, hex("0102"));
  });

  it("keeps a leading U+FEFF", () => {
    assert.equal((new MessageReader().receiveMessage(encodeText("\ufeffa")) as Message).data, "\ufeffa");
  });

  it("throws for what the peer does wrong, and reads nothing more", () => {
    const cases: [wire: string, code: string][] = [
      ["80 00", "WS_ERR_INVALID_OPCODE"],
      ["01 00 01 00", "WS_ERR_INVALID_OPCODE"],
      ["01 01 c3 80 01 28", "WS_ERR_INVALID_UTF8"],
      ["82 7e ffff", "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"],
      ["02 01 00 00 02 0000", "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"],
      ["81 80 00000000", "WS_ERR_UNEXPECTED_MASK"],
    ];
    for (const [wire, code] of cases) {
      const reader = new MessageReader({ role: "client", maxFrameSize: 1000, maxMessageSize: 2 });
      assert.equal(
        codeOf(() => reader.receiveMessage(hex(wire))),
        code,
        wire,
      );
      assert.equal(reader.tryDecodeMessage(), "closed");
    }
    const limited = new MessageReader({ maxMessageSize: 2 });
    assert.throws(
      () => limited.receiveMessage(encodeText("abc")),
      (error: LimitError) => error.limit === 2 && error.actual === 3 && error.closeCode === 1009,
    );
  });

  it("does not look again at bytes that cannot be a frame yet", () => {
    /** Counts how often everything in it is joined, which copies it. */
    class CountingBuffer extends PayloadBuffer {
      takes = 0;
      override take(): Uint8Array {
        this.takes++;
        return super.take();
      }
    }
    const size = 20_000;
    const reader = new MessageReader();
    const buffer = new CountingBuffer();
    reader.buffer = buffer;
    let result = reader.tryDecodeMessage();
    for (const byte of encodeBinary(new Uint8Array(size).fill(7), { mask: true })) {
      result = reader.receiveMessage(Uint8Array.of(byte));
    }
    assert.equal((result as Message).data.length, size);
    assert.ok(buffer.takes <= 4, `looked at ${buffer.takes} times: at the header, and at the frame`);
  });
});
