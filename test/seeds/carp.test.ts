/** The names of Carp's `WebSocket`: a handle with an outbox, which drains when the handler returns. */

import assert from "node:assert/strict";
import { Duplex } from "node:stream";
import { describe } from "node:test";
import { inspect } from "node:util";
import {
  type Connection,
  createConnection,
  decodeFrame,
  encodeBinary,
  encodePing,
  encodeText,
  isConnection,
} from "../../src/index.js";
import { hex, utf8 } from "../support/hex.js";
import { connected, vocabulary } from "./support.js";

const NAMES = `
  WebSocket WebSocket.copy WebSocket.delete WebSocket.encode-binary WebSocket.encode-ping WebSocket.encode-text
  WebSocket.fd WebSocket.init WebSocket.outbox WebSocket.prn WebSocket.send WebSocket.send-binary
  WebSocket.send-binary-now WebSocket.send-now WebSocket.set-fd WebSocket.set-fd! WebSocket.set-outbox
  WebSocket.set-outbox! WebSocket.str WebSocket.update-fd WebSocket.update-outbox
`;

const textOf = (frame: Uint8Array) => new TextDecoder().decode(decodeFrame(frame).frame?.payload);

/** A stream that keeps written bytes, and delivers none. */
class Sink extends Duplex {
  readonly written: number[] = [];
  override _read(): void {}
  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    this.written.push(...chunk);
    done();
  }
}
const sink = () => new Sink();

describe("Carp: WebSocket", () => {
  const seed = vocabulary(NAMES);

  seed("WebSocket", async (t) => {
    let waiting: readonly string[] = [];
    const { connection } = await connected(t, {
      message(socket) {
        socket.send("one");
        socket.send("two");
        waiting = socket.outbox.map(textOf);
      },
    });
    connection.send("go");
    assert.equal((await connection.receive())?.data, "one");
    assert.equal((await connection.receive())?.data, "two");
    // While the handler ran, nothing had left.
    assert.deepEqual(waiting, ["one", "two"]);
  });

  seed("WebSocket.init", () => {
    const transport = sink();
    const socket = createConnection(transport, {
      role: "server",
      outbox: [encodeText("first")],
      open: (self) => assert.deepEqual(self.outbox.map(textOf), ["first"]),
    });
    assert.ok(isConnection(socket));
    assert.equal(socket.transport, transport);
    assert.deepEqual(Uint8Array.from(transport.written), encodeText("first"));
    socket.terminate();
  });

  seed("WebSocket.copy", () => {
    const socket = createConnection(sink(), { role: "server" });
    socket.send("a");
    const copy = socket.clone();
    socket.flush();
    socket.send("b");
    // Of its own: what the connection does later does not change it.
    assert.deepEqual(copy.outbox.map(textOf), ["a"]);
    assert.equal(copy.transport, socket.transport);
    socket.terminate();
  });

  seed("WebSocket.delete", async (t) => {
    const { accepted, connection } = await connected(t);
    accepted[Symbol.dispose]();
    assert.equal((await connection.closed).code, 1006);
    assert.equal(accepted.state, "closed");
  });

  seed("WebSocket.encode-text", () => assert.deepEqual(encodeText("hi"), hex("81 02 6869")));
  seed("WebSocket.encode-binary", () => assert.deepEqual(encodeBinary(hex("0102")), hex("82 02 0102")));
  seed("WebSocket.encode-ping", () => {
    assert.deepEqual(encodePing(utf8("x")), hex("89 01 78"));
    assert.deepEqual(encodePing(), hex("89 00"));
  });

  seed("WebSocket.fd", async (t) => {
    const { accepted, connection } = await connected(t);
    assert.ok(accepted.fd > 2 && connection.fd > 2 && accepted.fd !== connection.fd);
  });

  seed("WebSocket.outbox", () => {
    const socket = createConnection(sink(), { role: "server" });
    socket.send("a");
    socket.sendBinary(hex("01"));
    assert.deepEqual(socket.outbox, [hex("81 01 61"), hex("82 01 01")]);
    assert.equal(socket.bufferedAmount, 6);
    socket.terminate();
  });

  seed("WebSocket.str WebSocket.prn", async (t) => {
    const { connection } = await connected(t);
    assert.match(String(connection), /^Connection\(client ws:\/\/127\.0\.0\.1:\d+\/socket open\)$/);
    assert.equal(inspect(connection), String(connection));
    assert.equal(JSON.parse(JSON.stringify(connection)).state, "open");
  });

  seed("WebSocket.send", async (t) => {
    const { accepted, connection } = await connected(t);
    assert.equal(accepted.send("hello"), true);
    assert.equal((await connection.receive())?.data, "hello");
  });

  seed("WebSocket.send-binary", async (t) => {
    const { accepted, connection } = await connected(t);
    accepted.sendBinary(hex("00ff"));
    const message = await connection.receive();
    assert.deepEqual([message?.type, new Uint8Array(message?.data as Uint8Array)], ["binary", hex("00ff")]);
  });

  for (const [name, method] of [
    ["WebSocket.send-now", "sendNow"],
    ["WebSocket.send-binary-now", "sendBinaryNow"],
  ] as const) {
    seed(name, async (t) => {
      const seen: number[] = [];
      const { connection } = await connected(t, {
        message(socket) {
          socket.send("queued before");
          socket[method](utf8("at once"));
          // Still inside the handler: the system has both.
          seen.push(socket.outbox.length, socket.bufferedAmount);
        },
      });
      connection.send("go");
      assert.equal((await connection.receive())?.data, "queued before");
      assert.equal(String(await connection.receive()), "at once");
      assert.deepEqual(seen, [0, 0]);
    });
  }

  seed("WebSocket.set-fd", () => {
    const socket = createConnection(sink(), { role: "server" });
    socket.send("a");
    const other = sink();
    const moved = socket.withTransport(other);
    assert.ok(moved !== (socket as Connection) && moved.transport === other && socket.transport !== other);
    assert.deepEqual(moved.outbox.map(textOf), ["a"]);
    for (const each of [socket, moved]) each.terminate();
  });

  seed("WebSocket.set-fd!", async () => {
    const [before, after] = [sink(), sink()];
    const socket = createConnection(before, { role: "server" });
    socket.transport = after;
    socket.sendNow("a");
    assert.deepEqual([before.written, after.written], [[], [0x81, 1, 0x61]]);
    socket.terminate();
  });

  seed("WebSocket.update-fd", () => {
    const [before, after] = [sink(), sink()];
    const socket = createConnection(before, { role: "server" });
    socket.updateTransport((transport) => (transport === before ? after : before));
    assert.equal(socket.transport, after);
    socket.terminate();
  });

  seed("WebSocket.set-outbox", () => {
    const socket = createConnection(sink(), { role: "server" });
    socket.send("a");
    const returned = Object.assign(socket, { outbox: [encodeText("b")] });
    assert.equal(returned, socket);
    assert.deepEqual(returned.outbox.map(textOf), ["b"]);
    socket.terminate();
  });

  seed("WebSocket.set-outbox!", async (t) => {
    const { accepted, connection } = await connected(t);
    accepted.send("dropped");
    accepted.outbox = [encodeText("instead")];
    assert.equal((await connection.receive())?.data, "instead");
  });

  seed("WebSocket.update-outbox", async (t) => {
    const { accepted, connection } = await connected(t);
    for (const text of ["price 1", "note", "price 2"]) accepted.send(text);
    // Of the waiting messages, only the newest price is worth sending.
    accepted.updateOutbox((frames) => frames.filter((frame) => textOf(frame) !== "price 1"));
    // Later messages leave the remaining ones as they were.
    accepted.send("later, and longer than all of them");
    assert.equal((await connection.receive())?.data, "note");
    assert.equal((await connection.receive())?.data, "price 2");
  });
});
