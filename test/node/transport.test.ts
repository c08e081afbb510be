/** SocketPump: reads and writes a stream, whatever it is, and lets go of it. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { receiveBuffer } from "../../src/codec/index.js";
import { type PumpSink, SocketPump } from "../../src/node/socket-pump.js";
import { concat } from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { eachReadPath, settle, socketPair, until, watchWrites } from "../support/sockets.js";
import { SlowStream } from "../support/streams.js";

/** Writes down what a pump tells it. */
class Notes implements PumpSink {
  readonly said: string[] = [];
  /** Whether each chunk lay in the kernel's memory. */
  readonly inKernel: boolean[] = [];
  onReceive: () => void = () => undefined;
  receive(chunk: Uint8Array): void {
    this.said.push(Buffer.from(chunk).toString("latin1"));
    this.inKernel.push(chunk.buffer === receiveBuffer().buffer);
    this.onReceive();
  }
  drained(): void {
    this.said.push("(drained)");
  }
  ended(): void {
    this.said.push("(ended)");
  }
  gone(error: Error | undefined): void {
    this.said.push(
      `(gone${error === undefined ? "" : `: ${(error as NodeJS.ErrnoException).code ?? error.message}`})`,
    );
  }
}

eachReadPath("SocketPump on a socket", (readToKernel) => {
  it("reads the head, then what the socket brings, to where it should", async (t) => {
    const { socket, peer } = await socketPair(t, true);
    const notes = new Notes();
    const pump = new SocketPump(socket, notes);
    pump.start(Buffer.from("head"));
    peer.write("one");
    await until(() => notes.said.length === 2);
    peer.write("two");
    await until(() => notes.said.length === 3);
    assert.deepEqual(notes.said, ["head", "one", "two"]);
    assert.deepEqual(notes.inKernel, [false, readToKernel, readToKernel]);
    assert.ok(pump.fd > 0);
  });

  it("reads what the stream had read before it came", async (t) => {
    const { socket, peer } = await socketPair(t, true);
    socket.resume();
    socket.pause();
    socket.unshift(Buffer.from("early "));
    const notes = new Notes();
    new SocketPump(socket, notes).start();
    peer.write("late");
    await until(() => notes.said.join("") === "early late");
  });

  it("pauses at once, also while the head is received, and goes on", async (t) => {
    const { socket, peer } = await socketPair(t, true);
    const notes = new Notes();
    const pump = new SocketPump(socket, notes);
    notes.onReceive = () => pump.pause();
    pump.start(Buffer.from("head"));
    peer.write("one");
    await settle(10);
    assert.deepEqual(notes.said, ["head"]);
    pump.resume();
    await until(() => notes.said.length === 2);
    peer.write("two");
    await settle(10);
    assert.equal(notes.said.length, 2);
    pump.resume();
    await until(() => notes.said.length === 3);
  });

  it("tells of the end, of the death, and of what it died of", async (t) => {
    const ended = await socketPair(t, true);
    const notes = new Notes();
    const pump = new SocketPump(ended.socket, notes);
    pump.start();
    ended.peer.write("last");
    ended.peer.socket.end();
    await until(() => notes.said.includes("(ended)"));
    pump.end();
    await until(() => notes.said.length === 3);
    assert.deepEqual(notes.said, ["last", "(ended)", "(gone)"]);
    const reset = await socketPair(t, true);
    const others = new Notes();
    new SocketPump(reset.socket, others).start();
    reset.peer.reset();
    await until(() => others.said.length === 1);
    assert.deepEqual(others.said, ["(gone: ECONNRESET)"]);
  });

  it("tells of an end and of a death that were before it came", async (t) => {
    const dead = await socketPair(t, true);
    dead.socket.destroy();
    await settle();
    const notes = new Notes();
    new SocketPump(dead.socket, notes).start(Buffer.from("unread"));
    await settle();
    assert.deepEqual(notes.said, ["(gone)"]);
    const ended = await socketPair(t, true);
    ended.socket.allowHalfOpen = true;
    ended.socket.on("end", () => undefined).resume();
    ended.peer.socket.end();
    await until(() => ended.socket.readableEnded);
    const others = new Notes();
    new SocketPump(ended.socket, others).start();
    await until(() => others.said.includes("(ended)"));
  });

  it("lets go: the socket stays open, and its bytes are those of whoever has it now", async (t) => {
    const { socket, peer } = await socketPair(t, true);
    const notes = new Notes();
    const pump = new SocketPump(socket, notes);
    pump.start();
    peer.write("one");
    await until(() => notes.said.length === 1);
    assert.equal(pump.release(), socket);
    peer.write("two");
    await settle(10);
    const chunks: Buffer[] = [];
    socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    socket.resume();
    await until(() => chunks.length > 0);
    peer.write("three");
    await until(() => Buffer.concat(chunks).toString() === "twothree");
    for (const chunk of chunks) assert.notEqual(chunk.buffer, receiveBuffer().buffer);
    assert.deepEqual(notes.said, ["one"]);
    const again = new Notes();
    socket.removeAllListeners("data");
    new SocketPump(socket, again).start();
    peer.write("four");
    await until(() => again.said.length === 1);
    assert.deepEqual([again.said, notes.said], [["four"], ["one"]]);
  });

  it("writes segments in one call of the system", async (t) => {
    const { socket, peer } = await socketPair(t, true);
    const pump = new SocketPump(socket, new Notes());
    pump.start();
    const writes = watchWrites(socket);
    assert.equal(pump.write([hex("81 01"), utf8("a"), hex("81 01 62")]), true);
    assert.equal(pump.write([hex("81 01 63")]), true);
    assert.deepEqual(writes, [6, 3]);
    await until(() => peer.frames.length === 3);
    assert.deepEqual(peer.take(), ["text a", "text b", "text c"]);
  });
});

describe("SocketPump on a stream that is no socket", () => {
  it("reads, writes, drains, ends and dies", async () => {
    const stream = new SlowStream(10);
    const notes = new Notes();
    const pump = new SocketPump(stream, notes);
    pump.start();
    stream.push("one");
    await settle();
    stream.hold();
    assert.equal(pump.write([utf8("0123456789")]), false);
    assert.deepEqual([pump.pendingLength, pump.willDrain, pump.highWaterMark], [10, true, 10]);
    stream.letGo();
    await settle();
    assert.equal(pump.willDrain, false);
    pump.end();
    assert.equal(pump.write([utf8("behind the end")]), true);
    stream.push(null);
    await settle();
    assert.deepEqual(notes.said, ["one", "(drained)", "(ended)", "(gone)"]);
    assert.equal(toHex(concat(stream.written)), toHex(utf8("0123456789")));
    assert.equal(pump.fd, -1);
    pump.destroy();
    pump.pause();
    pump.resume();
    pump.end();
  });

  it("tells of an error, once", async () => {
    const stream = new SlowStream();
    const notes = new Notes();
    new SocketPump(stream, notes).start();
    stream.destroy(new Error("boom"));
    await settle();
    stream.emit("error", new Error("late"));
    stream.emit("close");
    assert.deepEqual(notes.said, ["(gone: boom)"]);
  });
});
