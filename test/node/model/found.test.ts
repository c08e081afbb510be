/** What the model of a whole connection found, one by one, as it was shrunk. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Connection,
  type CreateConnectionOptions,
  createConnection,
  Message,
} from "../../../src/index.js";
import { fromPeer } from "../../support/deflate.js";
import { BINARY, type FrameSpec, PING, TEXT } from "../../support/frames.js";
import { utf8 } from "../../support/hex.js";
import { SimulatedTransport } from "../../support/simulated-transport.js";
import { settle } from "../../support/sockets.js";
import { describeFrames } from "../../support/wire.js";

function open(options: Partial<CreateConnectionOptions> = {}, highWaterMark = 16_384) {
  const transport = new SimulatedTransport(highWaterMark);
  const calls: string[] = [];
  const connection = createConnection(transport, {
    role: "server",
    pingIntervalMs: 0,
    close: () => calls.push("close"),
    error: (_connection, { message }) => calls.push(`error ${message}`),
    ...options,
  });
  const receive = async (...frames: FrameSpec[]) => {
    // Memory of its own, as that of sockets, which a handler can transfer.
    transport.push(Buffer.from(fromPeer("server", ...frames).buffer));
    await settle();
  };
  return { transport, connection, calls, receive };
}

const text = (payload: string): FrameSpec => ({ opcode: TEXT, payload: utf8(payload) });
const note = (calls: string[]) => (_connection: Connection, message: Message) => {
  calls.push(`message ${message}`);
};

describe("a connection", () => {
  it("goes on reading while a long message waits for its data, or behind one in parts", async () => {
    const heard: string[] = [];
    const options = { message: note(heard), highWaterMark: 100, pauseReadingAt: 100 };
    const { connection, receive } = open(options, 10);
    connection.send({ size: 5000, arrayBuffer: () => new Promise(() => {}) } as unknown as Blob);
    await receive(text("a"));
    const other = open(options, 10);
    other.connection.sendAll(new Message("part", "text", true));
    other.connection.send("x".repeat(5000));
    await other.receive(text("b"));
    other.connection.sendAll(new Message("end", "text"));
    await other.receive(text("c"));
    assert.deepEqual(heard, ["message a", "message b", "message c"]);
    connection.terminate();
    other.connection.terminate();
  });

  it("has room over a stream without a mark", async () => {
    const { connection } = open({ highWaterMark: 0 }, 0);
    assert.equal(connection.send("a"), false);
    await connection.drained();
    assert.equal(connection.bufferedAmount, 0);
    connection.terminate();
  });

  for (const onOverflow of ["throw", "drop"] as const) {
    it(`ends a message in parts although much waits behind it (${onOverflow})`, async () => {
      const { connection, transport } = open({ onOverflow, maxBufferedAmount: 200 });
      connection.sendAll(new Message("a", "text", true));
      assert.equal(connection.send("x".repeat(5000)), true);
      assert.equal(connection.sendAll(new Message("b", "text")), true);
      await settle();
      const [first, second, third] = describeFrames(transport.written);
      assert.deepEqual([first, second, third.length], ["text… a", "continuation b", 5005]);
      assert.equal(connection.state, "open");
      connection.terminate();
    });
  }

  for (const [how, end] of [
    ["terminate", (connection: Connection) => connection.terminate()],
    ["a transport that is destroyed", (connection: Connection) => connection.transport.destroy()],
  ] as const) {
    it(`counts nothing that never left: ${how}`, async () => {
      const { connection, transport } = open();
      connection.sendNow("left");
      connection.send("queued");
      end(connection);
      await settle();
      const { bytesOut, framesOut, messagesOut } = connection.counters;
      assert.deepEqual([bytesOut, framesOut, messagesOut], [transport.handedLength, 1, 1]);
      assert.equal(connection.bufferedAmount, 0);
    });
  }

  it("tells no drain when a Blob was read, if every send found room", async () => {
    const { connection, calls } = open({ highWaterMark: 30, drain: () => calls.push("drain") }, 1);
    const data = Promise.resolve(utf8("x".repeat(20)).buffer);
    assert.equal(connection.send({ size: 20, arrayBuffer: () => data } as unknown as Blob), true);
    // With the headers it is more than the mark.
    assert.equal(connection.send("x".repeat(9)), true);
    await settle();
    assert.deepEqual([connection.counters.messagesOut, connection.bufferedAmount, calls], [2, 0, []]);
    connection.terminate();
  });

  it("sends nothing behind terminate, and says so at once", () => {
    const { connection } = open();
    connection.terminate();
    assert.equal(connection.send("late"), undefined);
    assert.equal(connection.bufferedAmount, 0);
  });

  it("answers nothing when the transport is gone", async () => {
    const { connection, transport } = open();
    connection.pause();
    transport.push(fromPeer("server", text("a"), { opcode: PING }).slice());
    connection.resume();
    connection.transport.destroy();
    await connection.closed;
    assert.deepEqual([connection.bufferedAmount, connection.counters.framesOut], [0, 0]);
  });

  it("delivers no waiting message after terminate", async () => {
    const heard: string[] = [];
    const { connection, receive } = open();
    await receive(text("a"), text("b"));
    connection.handlers = {
      message: (connection, message) => {
        note(heard)(connection, message);
        connection.terminate();
      },
    };
    await connection.closed;
    assert.deepEqual(heard, ["message a"]);
  });

  it("delivers nothing behind terminate when the transport is gone already", async () => {
    const { connection, calls, receive } = open({
      message: (connection, message) => {
        note(calls)(connection, message);
        if (calls.length === 1) connection.pause();
        else connection.terminate();
      },
    });
    await receive(text("a"), text("b"), text("c"));
    connection.transport.destroy();
    await connection.closed;
    assert.deepEqual(calls, ["message a", "message b", "close"]);
  });

  it("delivers nothing behind close, not even a turn that was put off", async () => {
    const { connection, calls, receive } = open({ maxTurnSize: 1 });
    const waits = receive(text("a"));
    connection.terminate();
    connection.handlers = { ...connection.handlers, message: note(calls) };
    await waits;
    assert.equal(calls.at(-1), "close");
  });

  it("gives handlers that are set late all that waited, and reads on", async () => {
    const { connection, calls, receive } = open({ highWaterMark: 0 });
    await receive(text("a"), text("b"));
    await receive(text("c"));
    connection.handlers = { message: note(calls) };
    await settle();
    assert.deepEqual(calls, ["message a", "message b", "message c"]);
    connection.terminate();
  });

  it("does not call a handler again that failed when the transport was lost", async (t) => {
    t.mock.method(console, "error", () => undefined);
    const { connection, calls, receive } = open({
      message: (connection, message) => {
        note(calls)(connection, message);
        if (connection.error === undefined) connection.pause();
        else throw new Error("thrown");
      },
    });
    await receive(text("a"), text("b"), text("c"));
    connection.transport.destroy(new Error("lost"));
    await connection.closed;
    assert.deepEqual(calls, ["message a", "message b", "close"]);
  });

  it("fails alone when a handler transfers a message's memory and pauses", async () => {
    const { connection, transport, receive, calls } = open({
      message: (connection, message) => {
        if (message.type === "text") {
          connection.pause();
        } else {
          const { buffer } = message.data as Uint8Array<ArrayBuffer>;
          structuredClone(buffer, { transfer: [buffer] });
        }
      },
    });
    await receive({ opcode: BINARY, payload: utf8("x") }, text("a"), text("b"));
    assert.deepEqual(describeFrames(transport.written), ["close 1011"]);
    transport.push(null);
    await connection.closed;
    assert.equal(calls.length, 2);
    assert.match(calls[0], /^error a chunk was transferred/);
  });
});
