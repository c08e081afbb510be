/** Transport: reads and writes streams of all kinds, and releases them. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { receiveBuffer } from "../../src/codec/index.js";
import { Hold, Transport, type TransportOwner } from "../../src/node/transport.js";
import { concat } from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import { eachReadPath, settle, socketPair, until, watchWrites } from "../support/sockets.js";
import { SlowStream } from "../support/streams.js";

/** Writes down what a transport tells it. */
class Notes implements TransportOwner {
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

eachReadPath("Transport on a socket", (readToKernel) => {
  it("reads the head, then what the socket brings, to where it should", async (t) => {
    const { socket, peer } = await socketPair(t, true);
    const notes = new Notes();
    const transport = new Transport(socket, notes);
    transport.start(Buffer.from("head"));
    peer.write("one");
    await until(() => notes.said.length === 2);
    peer.write("two");
    await until(() => notes.said.length === 3);
    assert.deepEqual(notes.said, ["head", "one", "two"]);
    assert.deepEqual(notes.inKernel, [false, readToKernel, readToKernel]);
    assert.ok(transport.fd > 0);
  });

  it("reads what the stream had read before it came", async (t) => {
    const { socket, peer } = await socketPair(t, true);
    socket.resume();
    socket.pause();
    socket.unshift(Buffer.from("early "));
    const notes = new Notes();
    new Transport(socket, notes).start();
    peer.write("late");
    await until(() => notes.said.join("") === "early late");
  });

  it("pauses at once, also while the head is received, and goes on", async (t) => {
    const { socket, peer } = await socketPair(t, true);
    const notes = new Notes();
    const transport = new Transport(socket, notes);
    notes.onReceive = () => transport.hold(Hold.User);
    transport.start(Buffer.from("head"));
    peer.write("one");
    await settle(10);
    assert.deepEqual(notes.said, ["head"]);
    transport.release(Hold.User);
    await until(() => notes.said.length === 2);
    peer.write("two");
    await settle(10);
    assert.equal(notes.said.length, 2);
    transport.release(Hold.User);
    await until(() => notes.said.length === 3);
  });

  it("tells of the end, of the death, and of its error", async (t) => {
    const ended = await socketPair(t, true);
    const notes = new Notes();
    const transport = new Transport(ended.socket, notes);
    transport.start();
    ended.peer.write("last");
    ended.peer.socket.end();
    await until(() => notes.said.includes("(ended)"));
    transport.end();
    await until(() => notes.said.length === 3);
    assert.deepEqual(notes.said, ["last", "(ended)", "(gone)"]);
    const reset = await socketPair(t, true);
    const others = new Notes();
    new Transport(reset.socket, others).start();
    reset.peer.reset();
    await until(() => others.said.length === 1);
    assert.deepEqual(others.said, ["(gone: ECONNRESET)"]);
  });

  it("tells of an end and of a death that were before it came", async (t) => {
    const dead = await socketPair(t, true);
    dead.socket.destroy();
    await settle();
    const notes = new Notes();
    new Transport(dead.socket, notes).start(Buffer.from("unread"));
    await settle();
    assert.deepEqual(notes.said, ["(gone)"]);
    const ended = await socketPair(t, true);
    ended.socket.allowHalfOpen = true;
    ended.socket.on("end", () => undefined).resume();
    ended.peer.socket.end();
    await until(() => ended.socket.readableEnded);
    const others = new Notes();
    new Transport(ended.socket, others).start();
    await until(() => others.said.includes("(ended)"));
  });

  it("lets go: the socket stays open, and its bytes are those of its new owner", async (t) => {
    const { socket, peer } = await socketPair(t, true);
    const notes = new Notes();
    const transport = new Transport(socket, notes);
    transport.start();
    peer.write("one");
    await until(() => notes.said.length === 1);
    transport.detach();
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
    new Transport(socket, again).start();
    peer.write("four");
    await until(() => again.said.length === 1);
    assert.deepEqual([again.said, notes.said], [["four"], ["one"]]);
  });

  it("writes segments in one call of the system", async (t) => {
    const { socket, peer } = await socketPair(t, true);
    const transport = new Transport(socket, new Notes());
    transport.start();
    const writes = watchWrites(socket);
    assert.equal(transport.write([hex("81 01"), utf8("a"), hex("81 01 62")]), true);
    assert.equal(transport.write([hex("81 01 63")]), true);
    assert.deepEqual(writes, [6, 3]);
    await until(() => peer.frames.length === 3);
    assert.deepEqual(peer.take(), ["text a", "text b", "text c"]);
  });
});

describe("Transport on a stream that is not a socket", () => {
  it("reads, writes, drains, ends and dies", async () => {
    const stream = new SlowStream(10);
    const notes = new Notes();
    const transport = new Transport(stream, notes);
    transport.start();
    stream.push("one");
    await settle();
    stream.hold();
    assert.equal(transport.write([utf8("0123456789")]), false);
    assert.deepEqual([transport.pendingLength, transport.willDrain, transport.highWaterMark], [10, true, 10]);
    stream.letGo();
    await settle();
    assert.deepEqual([transport.willDrain, transport.isWritable], [false, true]);
    transport.end();
    assert.equal(transport.isWritable, false);
    stream.push(null);
    await settle();
    assert.deepEqual(notes.said, ["one", "(drained)", "(ended)", "(gone)"]);
    assert.equal(toHex(concat(stream.written)), toHex(utf8("0123456789")));
    assert.equal(transport.fd, -1);
    transport.destroy();
    transport.hold(Hold.User);
    transport.release(Hold.User);
    transport.end();
  });

  it("tells of an error, once", async () => {
    const stream = new SlowStream();
    const notes = new Notes();
    new Transport(stream, notes).start();
    stream.destroy(new Error("boom"));
    await settle();
    stream.emit("error", new Error("late"));
    stream.emit("close");
    assert.deepEqual(notes.said, ["(gone: boom)"]);
  });
});
