/** Sender alone: frames for a stream, in order, and the static `frame`. */

import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import { decodeFrame } from "../../src/codec/index.js";
import { PerMessageDeflate, Sender } from "../../src/ws/index.js";

const hexOf = (list: readonly Uint8Array[]) => Buffer.concat(list).toString("hex");

/** The frames that a stream holds: opcode, fin, rsv1, masked and payload. */
function framesIn(stream: PassThrough) {
  const frames: unknown[][] = [];
  let bytes: Buffer = stream.read() ?? Buffer.alloc(0);
  while (bytes.length > 0) {
    const { frame, bytesConsumed } = decodeFrame(bytes, { allowRsv1: true });
    if (frame === undefined) break;
    const { opcode, fin, rsv1, masked, payload } = frame;
    frames.push([opcode, fin, rsv1, masked, Buffer.from(payload).toString()]);
    bytes = bytes.subarray(bytesConsumed);
  }
  return frames;
}

describe("Sender.frame", () => {
  const server = { fin: true, rsv1: false, mask: false, readOnly: false };
  test("is the header and the payload, as socket.io's adapter takes it", () => {
    const list = Sender.frame(Buffer.from("hello"), { ...server, opcode: 1 });
    assert.deepEqual(
      list.map((bytes) => bytes.toString("hex")),
      ["8105", "68656c6c6f"],
    );
    assert.equal(hexOf(Sender.frame(Buffer.alloc(0), { ...server, opcode: 9 })), "8900");
    assert.equal(hexOf(Sender.frame(Buffer.alloc(126), { ...server, opcode: 2 })).slice(0, 8), "827e007e");
    assert.equal(
      Sender.frame(Buffer.alloc(65536), { ...server, opcode: 2 })[0].toString("hex"),
      "827f0000000000010000",
    );
    assert.equal(hexOf(Sender.frame("a", { opcode: 1, fin: false, rsv1: true })), "410161");
  });

  test("masks by a key of the caller's, and leaves the data as it is", () => {
    const data = Buffer.from("hello");
    const generateMask = (mask: Buffer) => void mask.set([1, 2, 3, 4]);
    const list = Sender.frame(data, { opcode: 1, fin: true, mask: true, generateMask });
    assert.equal(hexOf(list), "818501020304" + "69676f686e");
    assert.equal(data.toString(), "hello");
  });
});

describe("a Sender", () => {
  test("sends messages, parts, control frames and a Close in their order, also behind a Blob", async () => {
    const stream = new PassThrough();
    const sender = new Sender(stream);
    sender.send("a", { binary: false, fin: false });
    sender.send(new Blob(["b"]), { fin: true });
    sender.ping(Buffer.from("p"));
    sender.send(Buffer.from("c"), { binary: true, fin: true });
    await new Promise((resolve) => sender.close(1000, "", false, resolve));
    assert.deepEqual(framesIn(stream), [
      [1, false, false, false, "a"],
      [0, true, false, false, "b"],
      [9, true, false, false, "p"],
      [2, true, false, false, "c"],
      [8, true, false, false, "\u0003\ufffd"],
    ]);
    assert.equal(sender._bufferedBytes, 0);
  });

  test("compresses where that was agreed on", () => {
    const deflate = new PerMessageDeflate();
    deflate.accept([{}]);
    const stream = new PassThrough();
    const sender = new Sender(stream, { "permessage-deflate": deflate });
    sender.send("hello hello hello hello", { compress: true, fin: true, mask: true });
    sender.send("plain", { compress: false, fin: true, mask: true });
    const [compressed, plain] = framesIn(stream);
    assert.deepEqual(compressed.slice(0, 4), [1, true, true, true]);
    assert.deepEqual(plain, [1, true, false, true, "plain"]);
  });

  test("tells all that wait when the Blob before them cannot be read", async () => {
    const sender = new Sender(new PassThrough());
    const broken = Object.assign(new Blob(["x"]), { arrayBuffer: () => Promise.reject(new Error("broken")) });
    const told: unknown[] = [];
    const failed = new Promise<Error>((resolve) => (sender.onerror = resolve));
    sender.send(broken, { fin: true }, (error) => told.push(error?.message));
    sender.send("behind", { fin: true }, (error) => told.push(error?.message));
    assert.equal((await failed).message, "broken");
    assert.deepEqual(told, ["broken", "broken"]);
  });

  test("refuses what no control frame can carry", () => {
    const sender = new Sender(new PassThrough());
    assert.throws(() => sender.ping("x".repeat(126)), /must not be greater than 125 bytes/);
    assert.throws(() => sender.close(1, ""), /First argument must be a valid error code number/);
  });
});
