/** MessageSender: whole messages and parts into frames, text that stays text, misuse that changes nothing. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidStateError, Opcode } from "../../../src/codec/index.js";
import { Output, prepareMessage } from "../../../src/protocol/index.js";
import { MessageSender } from "../../../src/protocol/session/message-sender.js";
import { concat, cutEvery } from "../../support/frames.js";
import { hex, toHex, utf8 } from "../../support/hex.js";
import { describeFrames, readFrames } from "../../support/wire.js";

for (const role of ["server", "client"] as const) {
  const make = (maxFrameSize = 1 << 20) => {
    const output = new Output(role);
    const sender = new MessageSender(output, maxFrameSize);
    const sent = () => describeFrames(output.take());
    return { output, sender, sent };
  };

  describe(`MessageSender as a ${role}`, () => {
    it("sends a message in parts, as continuation frames (§5.4)", () => {
      const { sender, sent } = make();
      sender.send("a", { partial: true });
      assert.equal(sender.isSendingParts, true);
      sender.send("b", { partial: true });
      sender.control(Opcode.Ping, "between");
      sender.send("c");
      assert.equal(sender.isSendingParts, false);
      sender.send(hex("01"), { partial: true });
      sender.send(hex(""), { partial: true });
      sender.send(hex("02"), { partial: false });
      assert.deepEqual(sent(), [
        "text… a",
        "continuation… b",
        "ping between",
        "continuation c",
        "binary… 01",
        "continuation…",
        "continuation \u{2}",
      ]);
      assert.deepEqual([sender.frames, sender.messages], [7, 2]);
    });

    it("cuts parts that exceed the greatest frame, too", () => {
      const { sender, sent } = make(3);
      sender.send("abcd", { partial: true });
      sender.send("efgh");
      sender.send("");
      assert.deepEqual(sent(), [
        "text… abc",
        "continuation… d",
        "continuation… efg",
        "continuation h",
        "text",
      ]);
    });

    it("judges lengths in bytes, not in characters", () => {
      const { sender, sent, output } = make(6);
      sender.send("éé");
      sender.send("水水");
      assert.deepEqual(sent(), ["text éé", "text 水水"]);
      sender.send("水水水");
      const frames = readFrames(output.take());
      assert.deepEqual(
        frames.map(({ payload, fin }) => [payload.length, fin]),
        [
          [6, false],
          [3, true],
        ],
      );
    });

    it("makes frames of one byte where no greater one is allowed, and of none where nothing is", () => {
      for (const most of [0, 1]) {
        const { sender, sent } = make(most);
        sender.send(hex("01 02"));
        assert.deepEqual(sent(), ["binary… 01", "continuation \u{2}"]);
      }
    });

    it("refuses another message between the parts of one, and goes on with it", () => {
      const { sender, sent } = make();
      sender.send("a", { partial: true });
      assert.throws(() => sender.send(hex("01")), InvalidStateError);
      assert.throws(() => sender.send("x", { type: "binary" }), InvalidStateError);
      assert.throws(() => sender.send(prepareMessage(hex("01"))), InvalidStateError);
      sender.send(prepareMessage("b"), { partial: true });
      sender.send(utf8("c"), { type: "text" });
      assert.deepEqual(sent(), ["text… a", "continuation… b", "continuation c"]);
    });

    it("takes text as bytes, in parts cut inside characters", () => {
      const text = "é水😀!";
      for (let size = 1; size <= utf8(text).length; size++) {
        const { sender, output } = make();
        const pieces = cutEvery(utf8(text), size);
        pieces.forEach((piece, i) => {
          sender.send(piece, { type: "text", partial: i < pieces.length - 1 });
        });
        const frames = readFrames(output.take());
        assert.equal(Buffer.concat(frames.map(({ payload }) => payload)).toString(), text);
      }
    });

    it("refuses bytes that are no text, and stays as it was (§8.1)", () => {
      const { sender, sent } = make();
      const text = { type: "text" } as const;
      const part = { type: "text", partial: true } as const;
      assert.throws(() => sender.send(hex("ff"), text), TypeError);
      assert.throws(
        () => sender.send(hex("e6 b0"), text),
        TypeError,
        "a text must not end inside a character",
      );
      assert.throws(() => sender.send(hex("61 ff"), part), TypeError);
      assert.equal(sender.isSendingParts, false);
      sender.send(utf8("fine "), part);
      assert.throws(() => sender.send(hex("c3 28"), part), TypeError);
      sender.send(hex("e6 b0"), part);
      assert.throws(() => sender.send(utf8("x"), part), TypeError, "the character must go on");
      assert.throws(() => sender.send(hex("b4 80"), part), TypeError);
      sender.send(hex("b4"), part);
      assert.throws(() => sender.send(hex("f0 9f 98"), text), TypeError);
      sender.send(utf8("."), text);
      assert.deepEqual(
        sent().map((frame) => frame.replace(/�/g, "")),
        ["text… fine ", "continuation… ", "continuation… ", "continuation ."],
      );
      assert.equal(sender.messages, 1);
    });

    it("refuses a string where bytes before it end inside a character", () => {
      const { sender, output } = make();
      sender.send(hex("e6"), { type: "text", partial: true });
      assert.throws(() => sender.send("x", { partial: true }), TypeError);
      assert.throws(() => sender.send(""), TypeError);
      assert.throws(() => sender.send(prepareMessage("x")), TypeError);
      sender.send(hex("b0 b4"), { type: "text", partial: true });
      sender.send("!");
      const frames = readFrames(output.take());
      assert.equal(Buffer.concat(frames.map(({ payload }) => payload)).toString(), "水!");
    });

    it("takes bytes behind strings in the same message", () => {
      const { sender, output } = make();
      sender.send("a", { partial: true });
      sender.send(hex("e6 b0"), { type: "text", partial: true });
      sender.send(hex("b4"), { type: "text" });
      const frames = readFrames(output.take());
      assert.equal(Buffer.concat(frames.map(({ payload }) => payload)).toString(), "a水");
    });

    it("writes lone surrogates as U+FFFD: what is sent is UTF-8", () => {
      const { sender, output } = make();
      sender.send("\ud800");
      sender.send(`${"x".repeat(200)}\udc00`);
      assert.deepEqual(
        readFrames(output.take()).map(({ payload }) => toHex(payload).slice(-6)),
        ["efbfbd", "efbfbd"],
      );
    });

    it("copies bytes: they may be changed once they were sent", () => {
      const { sender, sent } = make();
      const bytes = hex("01 02");
      sender.send(bytes);
      bytes.fill(0xff);
      assert.deepEqual(sent(), ["binary 0102"]);
    });

    it(
      role === "server" ? "writes a prepared frame as it is" : "masks a prepared message by a key of its own",
      () => {
        const { sender, output } = make();
        const message = prepareMessage("same for all");
        const before = toHex(message.frame);
        sender.send(message);
        sender.send(message);
        const segments = output.take();
        if (role === "server") assert.deepEqual(segments, [message.frame, message.frame]);
        else {
          const [first, second] = cutEvery(concat(segments), 6 + message.payload.length).map(toHex);
          assert.notEqual(first, second, "§5.3: a fresh key each");
        }
        assert.deepEqual(describeFrames(segments), ["text same for all", "text same for all"]);
        assert.equal(toHex(message.frame), before);
      },
    );
  });
}
