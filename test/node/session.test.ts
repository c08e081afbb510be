/** Session: the order in which things are delivered, with handlers that act meanwhile; over a stream without I/O. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  type Connection,
  type ConnectionHandlers,
  type CreateConnectionOptions,
  createConnection,
  InvalidStateError,
  type Message,
} from "../../src/index.js";
import {
  BINARY,
  CLOSE,
  closeBody,
  concat,
  type FrameSpec,
  frame,
  PING,
  PONG,
  TEXT,
} from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import { settle } from "../support/sockets.js";
import { SlowStream } from "../support/streams.js";
import { describeFrames } from "../support/wire.js";

function open(options: Partial<CreateConnectionOptions> = {}) {
  const stream = new SlowStream();
  const calls: string[] = [];
  const note = (text: string) => {
    calls.push(text);
  };
  const connection = createConnection(stream, {
    role: "client",
    open: () => note("open"),
    message: (_connection, message) => note(`message ${message}`),
    ping: (_connection, payload) => note(`ping ${Buffer.from(payload)}`),
    pong: (_connection, payload) => note(`pong ${Buffer.from(payload)}`),
    close: (_connection, code, reason) => note(`close ${code} ${reason}`),
    error: (_connection, error) => note(`error ${error.message}`),
    ...options,
  });
  /** Frames in one chunk. */
  const receive = async (...frames: FrameSpec[]) => {
    stream.push(concat(frames.map(frame)));
    await settle();
  };
  return { stream, calls, note, connection, receive, said: () => describeFrames(stream.written.splice(0)) };
}

const text = (payload: string): FrameSpec => ({ opcode: TEXT, payload: utf8(payload) });
const ping = (payload: string): FrameSpec => ({ opcode: PING, payload: utf8(payload) });
const pong = (payload: string): FrameSpec => ({ opcode: PONG, payload: utf8(payload) });

describe("Session: calls of handlers", () => {
  it("everything in order, close last and once", async () => {
    const { stream, calls, receive, said } = open();
    await receive(text("a"), ping("b"), pong("c"), text("d"), {
      opcode: CLOSE,
      payload: closeBody(3000, "bye"),
    });
    stream.push(null);
    await settle();
    assert.deepEqual(calls, ["open", "message a", "ping b", "pong c", "message d", "close 3000 bye"]);
    assert.deepEqual(said(), ["pong b", "close 3000"]);
  });

  it("a violation behind intact messages; then the end", async () => {
    const { stream, calls, connection, receive } = open();
    await receive(text("a"), { opcode: 3 }, text("b"));
    assert.deepEqual(calls, ["open", "message a", "error Invalid WebSocket frame: invalid opcode 3"]);
    assert.equal(connection.state, "closing");
    stream.push(null);
    await settle();
    assert.equal(calls.at(-1), "close 1006 ");
    assert.equal(calls.length, 4);
  });

  it("of the first error only, however many follow", async () => {
    const { calls, receive } = open({
      message: () => {
        throw new Error("first");
      },
      close: () => {
        throw new Error("second");
      },
    });
    await receive(text("a"), text("b"));
    assert.deepEqual(calls, ["open", "error first"]);
  });

  it("of the stream's error, on the connection alone", async () => {
    const { stream, calls, connection } = open();
    stream.destroy(new Error("boom"));
    await settle();
    assert.deepEqual(calls, ["open", "close 1006 "]);
    assert.equal(connection.error?.message, "boom");
  });

  it("calls handlers on their object, and looks them up each time", async () => {
    const { connection, receive } = open();
    class Handlers {
      readonly seen: string[] = [];
      message(connection: Connection, message: unknown): void {
        this.seen.push(String(message));
        if (this.seen.length === 2) connection.handlers = second;
      }
    }
    const [first, second] = [new Handlers(), new Handlers()];
    connection.handlers = first;
    await receive(text("1"), text("2"), text("3"));
    assert.deepEqual([first.seen, second.seen], [["1", "2"], ["3"]]);
  });
});

describe("Session: what handlers do", () => {
  it("pause: the rest of the chunk waits, a Close in it too", async () => {
    const { stream, calls, connection, receive, note } = open({
      message: (connection, message) => {
        note(`message ${message}`);
        connection.pause();
      },
    });
    await receive(text("a"), ping("b"), text("c"), { opcode: CLOSE, payload: closeBody(1000) });
    stream.push(null);
    await settle();
    assert.deepEqual(calls, ["open", "message a"]);
    assert.equal(connection.state, "open");
    connection.resume();
    await settle();
    assert.deepEqual(calls.slice(2), ["ping b", "message c"]);
    connection.resume();
    await settle();
    assert.equal(calls.at(-1), "close 1000 ");
  });

  it("pause and resume within a handler, which is not called inside itself", async () => {
    let depth = 0;
    const { calls, receive, note } = open({
      message: (connection, message) => {
        assert.equal(depth++, 0);
        connection.pause();
        connection.resume();
        note(`message ${message}`);
        depth--;
      },
    });
    await receive(text("a"), text("b"), text("c"));
    assert.deepEqual(calls, ["open", "message a", "message b", "message c"]);
  });

  it("terminate: nothing more is delivered, of the chunk or of the waiting messages", async () => {
    const { calls, receive, note } = open({
      message: (connection, message) => {
        note(`message ${message}`);
        connection.terminate();
      },
    });
    await receive(text("a"), text("b"), ping("c"), { opcode: CLOSE, payload: closeBody(1000) });
    assert.deepEqual(calls, ["open", "message a", "close 1006 "]);
    const paused = open();
    paused.connection.pause();
    await paused.receive(text("a"));
    paused.connection.terminate();
    await settle();
    assert.deepEqual(paused.calls, ["open", "close 1006 "]);
  });

  it("close: messages that arrive later are dropped, and none is sent", async () => {
    const { stream, calls, receive, said, note } = open({
      message: (connection, message) => {
        note(`message ${message} ${connection.send("answer")}`);
        void connection.close(3001);
      },
    });
    await receive(text("a"), text("b"));
    assert.deepEqual(said(), ["text answer", "close 3001"]);
    await receive({ opcode: CLOSE, payload: closeBody(3001) });
    stream.push(null);
    await settle();
    assert.deepEqual(calls, ["open", "message a true", "close 3001 "]);
  });

  it("receive, from within a handler of another kind", async () => {
    const received: string[] = [];
    const stream = new SlowStream();
    const connection = createConnection(stream, {
      role: "client",
      ping: async (connection) => {
        received.push(String(await connection.receive()));
      },
    });
    stream.push(concat([frame(ping("x")), frame(text("a")), frame(text("b"))]));
    await settle();
    assert.deepEqual(received, ["a"]);
    assert.equal(String(connection.tryReceive()), "b");
    assert.equal(connection.tryReceive(), undefined);
    connection.terminate();
  });

  it("use another connection in the middle of a chunk, which reads chunks of its own", async () => {
    const other = open();
    const { calls, receive, note } = open({
      message: (_connection, message) => {
        note(`message ${message}`);
        other.connection.outbox.length;
        other.stream.push(frame({ opcode: BINARY, payload: new Uint8Array(100).fill(0x7a) }));
        other.stream.read(0);
      },
    });
    await receive(...["a", "b", "c", "d"].map((each) => text(each.repeat(20))));
    assert.deepEqual(
      calls.slice(1),
      ["a", "b", "c", "d"].map((each) => `message ${each.repeat(20)}`),
    );
    assert.equal(other.calls.length, 5);
  });
});

describe("Session: handlers that change", () => {
  it("those that the error handler sets get the closing once, also when the stream is gone", async () => {
    const { stream, calls, note, receive } = open({
      message: (connection, message) => {
        note(`message ${message}`);
        if (String(message) === "b") throw new Error("mine");
        connection.pause();
      },
      error: (connection) => {
        note("error");
        connection.handlers = { close: () => note("close") };
      },
      close: () => note("the former close"),
    });
    await receive(text("a"), text("b"));
    stream.destroy();
    await settle();
    assert.deepEqual(calls, ["open", "message a", "message b", "error", "close"]);
  });

  it("an object that is given a message handler later: its messages are not lent", async () => {
    const handlers: ConnectionHandlers = {};
    const { connection, receive } = open();
    connection.handlers = handlers;
    await receive(text("for receive"));
    assert.equal(String(connection.tryReceive()), "for receive");
    const kept: Message[] = [];
    handlers.message = (_connection, message) => {
      kept.push(message);
    };
    for (const first of [1, 2, 3]) {
      await receive(
        { opcode: BINARY, payload: Uint8Array.of(first) },
        { opcode: BINARY, payload: Uint8Array.of(9) },
      );
    }
    assert.deepEqual(
      kept.map(({ bytes }) => [...bytes]),
      [[1], [9], [2], [9], [3], [9]],
    );
  });
});

describe("Session: pings of ours", () => {
  it("are answered by the Pong, told to the handler too, and by a later one for all before it", async () => {
    const { calls, connection, receive, said } = open();
    const trips = [connection.ping("1"), connection.ping("2"), connection.ping("3")];
    await settle();
    assert.deepEqual(said(), ["ping 1", "ping 2", "ping 3"]);
    await receive(pong("0"), pong("2"));
    await Promise.all(trips.slice(0, 2));
    connection.terminate();
    await assert.rejects(trips[2], InvalidStateError);
    assert.deepEqual(calls, ["open", "pong 0", "pong 2", "close 1006 "]);
  });

  it("keep their payload, even if the caller changes it then", async () => {
    const { connection, receive } = open();
    const payload = utf8("mine");
    const trip = connection.ping(payload);
    payload.fill(0);
    await receive(pong("mine"));
    assert.ok((await trip) >= 0);
  });
});
