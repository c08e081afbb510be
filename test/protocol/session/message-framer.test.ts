/** MessageFramer: whole messages and parts into frames, text that stays text, misuse that changes nothing. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { InvalidStateError, Opcode } from "../../../src/codec/index.js";
import { FrameQueue, prepareMessage } from "../../../src/protocol/index.js";
import { MessageFramer } from "../../../src/protocol/session/message-framer.js";
import { concat, cutEvery } from "../../support/frames.js";
import { hex, toHex, utf8 } from "../../support/hex.js";
import { describeFrames, readFrames } from "../../support/wire.js";

const MORE = { final: false };
const LAST = { final: true };

for (const role of ["server", "client"] as const) {
  const make = (maxFrameSize = 1 << 20) => {
    const queue = new FrameQueue(role);
    const framer = new MessageFramer(queue, maxFrameSize);
    const sent = () => describeFrames(queue.take());
    return { queue, framer, sent };
  };

  describe(`MessageFramer as a ${role}`, () => {
    it("sends a message in parts, as continuation frames (§5.4)", () => {
      const { framer, sent } = make();
      framer.sendPart("a", MORE);
      assert.equal(framer.isSendingParts, true);
      framer.sendPart("b", MORE);
      framer.control(Opcode.Ping, "between");
      framer.sendPart("c", LAST);
      assert.equal(framer.isSendingParts, false);
      framer.sendPart(hex("01"), MORE);
      framer.sendPart(hex(""), MORE);
      framer.sendPart(hex("02"), LAST);
      framer.sendPart("one part", LAST);
      assert.deepEqual(sent(), [
        "text… a",
        "continuation… b",
        "ping between",
        "continuation c",
        "binary… 01",
        "continuation…",
        "continuation \u{2}",
        "text one part",
      ]);
      assert.deepEqual([framer.frames, framer.messages], [8, 3]);
    });

    it("cuts parts that exceed the greatest frame, too", () => {
      const { framer, sent } = make(3);
      framer.sendPart("abcd", MORE);
      framer.sendPart("efgh", LAST);
      framer.send("");
      assert.deepEqual(sent(), [
        "text… abc",
        "continuation… d",
        "continuation… efg",
        "continuation h",
        "text",
      ]);
    });

    it("judges lengths in bytes, not in characters", () => {
      const { framer, sent, queue } = make(6);
      framer.send("éé");
      framer.send("水水");
      assert.deepEqual(sent(), ["text éé", "text 水水"]);
      framer.send("水水水");
      const frames = readFrames(queue.take());
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
        const { framer, sent } = make(most);
        framer.send(hex("01 02"));
        assert.deepEqual(sent(), ["binary… 01", "continuation \u{2}"]);
      }
    });

    it("refuses parts of another message between the parts of one, and goes on with it", () => {
      const { framer, sent } = make();
      framer.sendPart("a", MORE);
      assert.throws(() => framer.sendPart(hex("01"), MORE), InvalidStateError);
      assert.throws(() => framer.sendPart(hex("01"), LAST), InvalidStateError);
      assert.throws(() => framer.sendPart("x", { type: "binary", final: true }), InvalidStateError);
      framer.sendPart("b", MORE);
      framer.sendPart(utf8("c"), { type: "text", final: true });
      assert.deepEqual(sent(), ["text… a", "continuation… b", "continuation c"]);
    });

    it("refuses anything that is not a part, and names the expected value", () => {
      const { framer, sent } = make();
      assert.throws(() => framer.sendPart(prepareMessage("x") as never, LAST), /a string or bytes/);
      assert.throws(() => framer.sendPart(5 as never, LAST), TypeError);
      assert.throws(() => framer.sendPart("x", undefined as never), /final/);
      assert.throws(() => framer.sendPart("x", {} as never), /final/);
      assert.throws(() => framer.sendPart("x", { type: "ping" as "text", final: true }), /type of a message/);
      assert.deepEqual([sent(), framer.isSendingParts], [[], false]);
    });

    it("takes text as bytes, in parts cut inside characters", () => {
      const text = "é水😀!";
      for (let size = 1; size <= utf8(text).length; size++) {
        const { framer, queue } = make();
        const pieces = cutEvery(utf8(text), size);
        pieces.forEach((piece, i) => {
          framer.sendPart(piece, { type: "text", final: i === pieces.length - 1 });
        });
        const frames = readFrames(queue.take());
        assert.equal(Buffer.concat(frames.map(({ payload }) => payload)).toString(), text);
      }
    });

    it("refuses bytes that are not text, and stays as it was (§8.1)", () => {
      const { framer, sent } = make();
      const text = { type: "text" } as const;
      const part = { type: "text", final: false } as const;
      const last = { type: "text", final: true } as const;
      assert.throws(() => framer.send(hex("ff"), text), TypeError);
      assert.throws(
        () => framer.send(hex("e6 b0"), text),
        TypeError,
        "a text must not end inside a character",
      );
      assert.throws(() => framer.sendPart(hex("61 ff"), part), TypeError);
      assert.equal(framer.isSendingParts, false);
      framer.sendPart(utf8("fine "), part);
      assert.throws(() => framer.sendPart(hex("c3 28"), part), TypeError);
      framer.sendPart(hex("e6 b0"), part);
      assert.throws(() => framer.sendPart(utf8("x"), part), TypeError, "the character must go on");
      assert.throws(() => framer.sendPart(hex("b4 80"), part), TypeError);
      framer.sendPart(hex("b4"), part);
      assert.throws(() => framer.sendPart(hex("f0 9f 98"), last), TypeError);
      framer.sendPart(utf8("."), last);
      assert.deepEqual(
        sent().map((frame) => frame.replace(/�/g, "")),
        ["text… fine ", "continuation… ", "continuation… ", "continuation ."],
      );
      assert.equal(framer.messages, 1);
    });

    it("refuses a string where bytes before it end inside a character", () => {
      const { framer, queue } = make();
      framer.sendPart(hex("e6"), { type: "text", final: false });
      assert.throws(() => framer.sendPart("x", MORE), TypeError);
      assert.throws(() => framer.sendPart("", LAST), TypeError);
      framer.sendPart(hex("b0 b4"), { type: "text", final: false });
      framer.sendPart("!", LAST);
      const frames = readFrames(queue.take());
      assert.equal(Buffer.concat(frames.map(({ payload }) => payload)).toString(), "水!");
    });

    it("takes bytes behind strings in the same message", () => {
      const { framer, queue } = make();
      framer.sendPart("a", MORE);
      framer.sendPart(hex("e6 b0"), { type: "text", final: false });
      framer.sendPart(hex("b4"), { type: "text", final: true });
      const frames = readFrames(queue.take());
      assert.equal(Buffer.concat(frames.map(({ payload }) => payload)).toString(), "a水");
    });

    it("writes lone surrogates as U+FFFD: sent text is UTF-8", () => {
      const { framer, queue } = make();
      framer.send("\ud800");
      framer.send(`${"x".repeat(200)}\udc00`);
      assert.deepEqual(
        readFrames(queue.take()).map(({ payload }) => toHex(payload).slice(-6)),
        ["efbfbd", "efbfbd"],
      );
    });

    it("copies bytes: they may be changed once they were sent", () => {
      const { framer, sent } = make();
      const bytes = hex("01 02");
      framer.send(bytes);
      bytes.fill(0xff);
      assert.deepEqual(sent(), ["binary 0102"]);
    });

    it(
      role === "server" ? "writes a prepared frame as it is" : "masks a prepared message by a key of its own",
      () => {
        const { framer, queue } = make();
        const message = prepareMessage("same for all");
        const before = toHex(message.frame);
        framer.send(message);
        framer.send(message);
        const segments = queue.take();
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
