/** Receiver alone: a Writable whose chunks are cut anywhere. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import { PerMessageDeflate, Receiver, Sender } from "../../src/ws/index.js";

/** What a receiver tells. */
function logOf(receiver: Receiver): unknown[][] {
  const log: unknown[][] = [];
  for (const event of ["message", "ping", "pong", "conclude"]) {
    receiver.on(event, (...values: unknown[]) => {
      log.push([event, ...values.map((value) => (Buffer.isBuffer(value) ? value.toString() : value))]);
    });
  }
  return log;
}

const frame = (opcode: number, text: string, fin = true) =>
  Buffer.concat(Sender.frame(text, { opcode, fin, mask: true }));

describe("a Receiver", () => {
  const body = Buffer.concat([Buffer.from([0x03, 0xe8]), Buffer.from("why")]);
  const stream = Buffer.concat([
    frame(1, "text"),
    frame(2, "be", false),
    frame(9, "ping"),
    frame(0, "gun"),
    frame(10, "pong"),
    ...Sender.frame(body, { opcode: 8, fin: true, mask: true }),
  ]);
  for (const size of [1, 7, 1000]) {
    for (const allowSynchronousEvents of [true, false]) {
      test(`chunks of ${size} bytes, events ${allowSynchronousEvents ? "at once" : "one in a turn"}`, async () => {
        const receiver = new Receiver({ isServer: true, allowSynchronousEvents });
        const log = logOf(receiver);
        const concluded = once(receiver, "conclude");
        for (let at = 0; at < stream.length; at += size)
          receiver.write(Buffer.from(stream.subarray(at, at + size)));
        await concluded;
        assert.deepEqual(log, [
          ["message", "text", false],
          ["ping", "ping"],
          ["message", "begun", true],
          ["pong", "pong"],
          ["conclude", 1000, "why"],
        ]);
      });
    }
  }

  test("tells what the peer did wrong", async () => {
    const receiver = new Receiver({ isServer: true, maxPayload: 3 });
    const failed = once(receiver, "error");
    receiver.write(frame(1, "four"));
    const [error] = await failed;
    assert.ok(error instanceof RangeError);
    assert.equal((error as NodeJS.ErrnoException).code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
    assert.equal(error.message, "Max payload size exceeded");
  });

  test("inflates with the agreed parameters", async () => {
    const deflate = new PerMessageDeflate({ isServer: true });
    deflate.accept([{}]);
    const receiver = new Receiver({ extensions: { "permessage-deflate": deflate } });
    const told = once(receiver, "message");
    deflate.compress("hello hello", true, (_, data) => {
      for (const bytes of Sender.frame(data as Buffer, { opcode: 1, fin: true, rsv1: true }))
        receiver.write(bytes);
    });
    assert.equal(String((await told)[0]), "hello hello");
  });
});
