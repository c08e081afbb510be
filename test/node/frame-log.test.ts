/** The channel `hawser:frame`, and the log that HAWSER_DEBUG=1 prints, with frames on real sockets. */

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { encodeFrame, type FrameEvent, logFrames, Opcode } from "../../src/index.js";
import { describeFrame } from "../../src/node/frame-log.js";
import { both, clientAndPeer, listen, serverAndPeer } from "../support/connections.js";
import { BINARY, CLOSE, CONTINUATION, closeBody, PING, TEXT } from "../support/frames.js";
import { hex, utf8 } from "../support/hex.js";
import { eachReadPath, until } from "../support/sockets.js";

type Told = Pick<FrameEvent, "connection" | "direction" | "opcode" | "length" | "fin" | "rsv1"> & {
  readonly payload: string | undefined;
};

/** Hears frames until the test ends, or `stop` is called. */
function hear(t: TestContext): { frames: Told[]; events: FrameEvent[]; stop: () => void } {
  const frames: Told[] = [];
  const events: FrameEvent[] = [];
  const listener = (event: unknown) => {
    const { connection, direction, opcode, length, fin, rsv1, payload } = event as FrameEvent;
    const text = payload && Buffer.from(payload).toString("latin1");
    frames.push({ connection, direction, opcode, length, fin, rsv1, payload: text });
    events.push(event as FrameEvent);
  };
  subscribe("hawser:frame", listener);
  const stop = () => unsubscribe("hawser:frame", listener);
  t.after(stop);
  return { frames, events, stop };
}

const brief = (frames: readonly Told[]) =>
  frames.map(({ direction, opcode, length, fin, payload }) => [direction, opcode, length, fin, payload]);

eachReadPath("the channel hawser:frame", () => {
  it("tells of every frame, both ways, as it was before and after masking", async (t) => {
    const { frames } = hear(t);
    const { connection, peer } = await serverAndPeer(t, {
      message: (to, message) => to.send(message.data),
    });
    peer.send(
      { opcode: TEXT, payload: utf8("a") },
      { opcode: PING, payload: utf8("p") },
      { opcode: BINARY, fin: false, payload: hex("01") },
      { opcode: CONTINUATION, payload: hex("0203") },
      { opcode: TEXT },
    );
    peer.send({ opcode: CLOSE, payload: closeBody(3000, "bye") });
    await connection.closed;
    assert.ok(frames.every((frame) => frame.connection === connection && !frame.rsv1));
    assert.deepEqual(brief(frames.filter(({ direction }) => direction === "in")), [
      ["in", Opcode.Text, 1, true, "a"],
      ["in", Opcode.Ping, 1, true, "p"],
      ["in", Opcode.Binary, 1, false, "\x01"],
      ["in", Opcode.Continuation, 2, true, "\x02\x03"],
      ["in", Opcode.Text, 0, true, ""],
      ["in", Opcode.Close, 5, true, "\x0b\xb8bye"],
    ]);
    assert.deepEqual(brief(frames.filter(({ direction }) => direction === "out")), [
      ["out", Opcode.Text, 1, true, "a"],
      ["out", Opcode.Pong, 1, true, "p"],
      ["out", Opcode.Binary, 3, true, "\x01\x02\x03"],
      ["out", Opcode.Text, 0, true, ""],
      ["out", Opcode.Close, 2, true, "\x0b\xb8"],
    ]);
  });

  it("tells the same however the bytes are cut", async (t) => {
    const { frames } = hear(t);
    const { connection, peer } = await serverAndPeer(t);
    const payload = utf8("x".repeat(300));
    const wire = Buffer.concat(
      [
        encodeFrame(Opcode.Text, payload, { mask: true }),
        encodeFrame(Opcode.Ping, utf8("p"), { mask: true }),
      ].map((frame) => Buffer.from(frame)),
    );
    for (const [i, byte] of wire.entries()) {
      peer.socket.write(Uint8Array.of(byte));
      await until(() => connection.counters.bytesIn === i + 1, "the byte arrives");
    }
    assert.deepEqual(brief(frames.filter(({ direction }) => direction === "in")), [
      ["in", Opcode.Text, 300, true, "x".repeat(300)],
      ["in", Opcode.Ping, 1, true, "p"],
    ]);
  });

  it("shows 64 KiB of a long payload, when they are there, and nothing once the subscriber has returned", async (t) => {
    const { frames, events } = hear(t);
    const { connection, peer } = await serverAndPeer(t, { message: () => {} });
    const frame = encodeFrame(Opcode.Binary, new Uint8Array(200_000).fill(7), { mask: true });
    peer.socket.write(frame.subarray(0, 100_000));
    await until(() => frames.length === 1, "the beginning is shown before the end has come");
    assert.equal(frames[0].length, 200_000);
    assert.equal(frames[0].payload, "\x07".repeat(0x10000));
    peer.socket.write(frame.subarray(100_000));
    peer.send({ opcode: PING });
    await until(() => connection.counters.framesIn === 2, "the Ping arrives");
    assert.deepEqual(
      frames.filter(({ direction }) => direction === "in").map(({ opcode }) => opcode),
      [Opcode.Binary, Opcode.Ping],
    );
    assert.equal(events[0].payload, undefined);
  });

  it("a subscriber that comes in the middle of a message gets the frames after that message", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    const frame = encodeFrame(Opcode.Text, "cut in two", { mask: true });
    peer.socket.write(frame.subarray(0, 9));
    await until(() => connection.counters.bytesIn === 9, "a part arrives");
    const first = hear(t);
    peer.socket.write(frame.subarray(9));
    await until(() => connection.counters.messagesIn === 1, "the message arrives");
    peer.send({ opcode: TEXT, payload: utf8("whole") });
    await until(() => connection.counters.messagesIn === 2, "the next one arrives");
    assert.deepEqual(brief(first.frames), [["in", Opcode.Text, 5, true, "whole"]]);
    first.stop();
    // Frames without a subscriber are not mixed up with later frames.
    peer.send({ opcode: TEXT, payload: utf8("unheard") });
    await until(() => connection.counters.messagesIn === 3, "it arrives");
    const second = hear(t);
    peer.send({ opcode: TEXT, payload: utf8("heard") });
    await until(() => connection.counters.messagesIn === 4, "it arrives");
    assert.deepEqual(brief(second.frames), [["in", Opcode.Text, 5, true, "heard"]]);
  });

  it("does not publish bytes after a Close or a violation", async (t) => {
    const { frames } = hear(t);
    const { connection, peer } = await serverAndPeer(t);
    peer.send({ opcode: 3 });
    await until(() => connection.error !== undefined, "the violation is seen");
    peer.send({ opcode: TEXT, payload: utf8("late") });
    peer.socket.end();
    await connection.closed;
    assert.deepEqual(
      frames.filter(({ direction }) => direction === "in").map(({ opcode }) => opcode),
      [3],
    );
  });
});

describe("the channel hawser:frame on a client", () => {
  it("shows sent frames unmasked, and received frames", async (t) => {
    const { frames } = hear(t);
    const { connection, peer } = await clientAndPeer(t);
    connection.send("to the server");
    peer.send({ opcode: TEXT, payload: utf8("to the client") });
    await connection.receive();
    assert.deepEqual(brief(frames.filter((frame) => frame.connection === connection)), [
      ["out", Opcode.Text, 13, true, "to the server"],
      ["in", Opcode.Text, 13, true, "to the client"],
    ]);
  });

  it("says of compressed frames that they are, and tells nothing of frames that are dropped unsent", async (t) => {
    const { frames } = hear(t);
    const { connection } = await both(t, { perMessageDeflate: true }, { perMessageDeflate: true });
    connection.send("compress ".repeat(100));
    await until(() => frames.some(({ direction }) => direction === "in"), "it arrives");
    assert.ok(frames.every(({ rsv1, length }) => rsv1 && length < 100));
    connection.send("lost");
    connection.terminate();
    await connection.closed;
    assert.equal(frames.filter(({ direction }) => direction === "out").length, 1);
  });

  it("a subscriber that throws stops nothing", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    const failing = () => {
      throw new Error("a subscriber failed");
    };
    const print = t.mock.method(console, "error", () => {});
    subscribe("hawser:frame", failing);
    t.after(() => unsubscribe("hawser:frame", failing));
    const { frames } = hear(t);
    peer.send({ opcode: TEXT, payload: utf8("a") });
    assert.equal((await connection.receive())?.data, "a");
    assert.equal(frames.length, 1);
    assert.equal(print.mock.callCount(), 1);
  });
});

describe("a frame in one line", () => {
  const seen = { direction: "in", fin: true, rsv1: false } as const;
  const LINES: [frame: Parameters<typeof describeFrame>[0], line: string][] = [
    [{ ...seen, opcode: Opcode.Text, length: 5, payload: utf8("hello") }, "TEXT 'hello' [5 bytes]"],
    [
      { ...seen, opcode: Opcode.Text, length: 1, payload: utf8("a"), fin: false },
      "TEXT 'a' [1 byte, continued]",
    ],
    [{ ...seen, opcode: Opcode.Continuation, length: 1, payload: hex("80") }, "CONT 80 [1 byte]"],
    [{ ...seen, opcode: Opcode.Binary, length: 2, payload: hex("6162") }, "BINARY 61 62 [2 bytes]"],
    [
      { ...seen, opcode: Opcode.Binary, length: 40, payload: new Uint8Array(40) },
      `BINARY ${"00 ".repeat(16)}... ${"00 ".repeat(8)}[40 bytes]`,
    ],
    [{ ...seen, opcode: Opcode.Ping, length: 0, payload: hex("") }, "PING '' [0 bytes]"],
    [{ ...seen, opcode: Opcode.Pong, length: 1, payload: hex("ff") }, "PONG ff [1 byte]"],
    [{ ...seen, opcode: Opcode.Close, length: 5, payload: hex("03e8 627965") }, "CLOSE 1000 'bye' [5 bytes]"],
    [{ ...seen, opcode: Opcode.Close, length: 0, payload: hex("") }, "CLOSE '' [0 bytes]"],
    [{ ...seen, opcode: Opcode.Close, length: 1, payload: hex("03") }, "CLOSE '\\x03' [1 byte]"],
    [
      { ...seen, opcode: Opcode.Text, length: 9, payload: hex("00"), rsv1: true },
      "TEXT [9 bytes, compressed]",
    ],
    [{ ...seen, opcode: 3 as Opcode, length: 0, payload: hex("") }, "OPCODE 3 '' [0 bytes]"],
    // Nothing of the peer's controls a terminal.
    [
      { ...seen, opcode: Opcode.Text, length: 14, payload: utf8("\x1b[2J\x9b\u202e\u2028\n'") },
      String.raw`TEXT "\x1B[2J\x9B\u202e\u2028\n'" [14 bytes]`,
    ],
    [
      { ...seen, opcode: Opcode.Text, length: 100, payload: utf8(`${"a".repeat(99)}z`) },
      `TEXT '${"a".repeat(51)}...${"a".repeat(23)}z' [100 bytes]`,
    ],
    [
      { ...seen, opcode: Opcode.Text, length: 100_000, payload: utf8("a".repeat(0x10000)) },
      `TEXT '${"a".repeat(51)}...' [100000 bytes]`,
    ],
  ];
  for (const [frame, line] of LINES) it(line, () => assert.equal(describeFrame(frame), line));
});

describe("the log", () => {
  it("numbers connections, and prints openings, frames, errors and closings until it is ended", async (t) => {
    const lines: string[] = [];
    const stop = logFrames((line) => lines.push(line));
    t.after(stop);
    const { connection, peer } = await serverAndPeer(t);
    peer.send({ opcode: TEXT, payload: utf8("hello") });
    peer.send({ opcode: 3 });
    await connection.closed;
    const number = /^hawser #(\d+) /.exec(lines[0])?.[1];
    const rest = lines.map((line) => line.replace(`hawser #${number} `, ""));
    assert.match(rest[0], /^= open ws:\/\/127\.0\.0\.1\/chat \(server, from 127\.0\.0\.1 port \d+\)$/);
    assert.deepEqual(rest.slice(1), [
      "< TEXT 'hello' [5 bytes]",
      "< OPCODE 3 '' [0 bytes]",
      "> CLOSE 1002 'Invalid WebSocket frame: invalid opcode 3' [43 bytes]",
      "! Invalid WebSocket frame: invalid opcode 3",
      "= closed 1006",
    ]);
    stop();
    await serverAndPeer(t);
    assert.equal(lines.length, 6);
  });

  it("HAWSER_DEBUG=1 prints it to standard error, and 0 or nothing do not", async (t) => {
    const server = await listen(t, { message: (connection, message) => connection.send(message.data) });
    const program = `
      import { connect } from ${JSON.stringify(new URL("../../src/index.ts", import.meta.url).href)};
      const connection = await connect(${JSON.stringify(server.url)});
      connection.send("hello");
      await connection.receive();
      await connection.close(1000, "bye");
    `;
    for (const value of ["1", "0", ""]) {
      const { stdout, stderr } = await promisify(execFile)(
        process.execPath,
        ["--import", import.meta.resolve("tsx"), "--input-type=module", "--eval", program],
        {
          cwd: fileURLToPath(new URL("../..", import.meta.url)),
          env: { ...process.env, HAWSER_DEBUG: value },
        },
      );
      assert.equal(stdout, "");
      const lines = stderr.split("\n").slice(0, -1);
      const expected = [
        `hawser #1 = open ${server.url}/ (client)`,
        "hawser #1 > TEXT 'hello' [5 bytes]",
        "hawser #1 < TEXT 'hello' [5 bytes]",
        "hawser #1 > CLOSE 1000 'bye' [5 bytes]",
        "hawser #1 < CLOSE 1000 [2 bytes]",
        "hawser #1 = closed 1000",
      ];
      assert.deepEqual(lines, value === "1" ? expected : [], value);
    }
  });
});
