/** Events that wait while a WebSocket closes or is paused, and messages that wait behind a Blob. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { describe, test } from "node:test";
import WebSocket from "../../src/ws/index.js";
import { Pacer } from "../../src/ws/pacer.js";
import { BINARY, CLOSE, closeBody, concat, TEXT } from "../support/frames.js";
import { countMoved } from "../support/shifts.js";
import { rawClient, settle, until } from "../support/sockets.js";
import { listen, logOf, pair, urlOf } from "./support.js";

const FULL_READ = 0x80000;

async function serverAndPeer(t: Parameters<typeof listen>[0], options: WebSocket.ServerOptions = {}) {
  const server = await listen(t, options);
  const connected = once(server, "connection");
  const peer = await rawClient(t, Number(new URL(urlOf(server)).port));
  const [ours] = (await connected) as [WebSocket];
  return { ours, peer };
}

describe("after close()", () => {
  test("allowSynchronousEvents: false reads no further while events wait", async (t) => {
    const { ours, peer } = await serverAndPeer(t, { allowSynchronousEvents: false });
    ours.close(4000);
    assert.match(await peer.next(), /close/i);
    const bytes = peer.encode({ opcode: BINARY, payload: new Uint8Array(1024) });
    const count = 4096;
    const read = () => (ours._socket as import("node:net").Socket).bytesRead;
    const before = read();
    let emitted = 0;
    let most = 0;
    ours.on("message", () => {
      emitted++;
      most = Math.max(most, read() - before - emitted * bytes.length);
    });
    peer.write(concat(Array.from({ length: count }, () => bytes)));
    await until(() => emitted === count, "all are emitted");
    assert.ok(most <= FULL_READ + bytes.length, `${most} bytes were read ahead`);
  });

  for (const order of [
    ["pause", "close"],
    ["close", "pause"],
  ] as const) {
    test(`${order.join("() and ")}() hold messages until resume()`, async (t) => {
      const { ours, peer } = await serverAndPeer(t);
      const log = logOf(ours, ["message", "close"]);
      ours.once("message", () => {
        for (const method of order) ours[method]();
      });
      const texts = ["a", "b", "c"].map((payload) =>
        peer.encode({ opcode: TEXT, payload: Buffer.from(payload) }),
      );
      peer.write(concat(texts));
      await peer.next();
      peer.send({ opcode: CLOSE, payload: closeBody(4001) });
      await settle();
      assert.deepEqual(log, [["message", "a", false]]);
      assert.equal(ours.isPaused, true);
      ours.resume();
      await until(() => log.length === 4, "it closes");
      assert.deepEqual(log.slice(1), [
        ["message", "b", false],
        ["message", "c", false],
        ["close", 4001, ""],
      ]);
    });
  }
});

test("a Pacer emits waiting events in order, and moves none of them", async (t) => {
  const held: boolean[] = [];
  const pacer = new Pacer((isHeld) => held.push(isHeld));
  const emitted: number[] = [];
  const movedNow = countMoved(t);
  for (let i = 0; i < 100; i++) pacer.push(() => emitted.push(i));
  await until(() => !pacer.isWaiting, "all are emitted");
  assert.deepEqual(emitted, [...Array(100).keys()]);
  assert.deepEqual(held, [true, false]);
  assert.equal(movedNow(), 0);
});

/** A Blob that can be read once `release` was called. */
function slowBlob(text: string): { blob: Blob; release: () => void } {
  const blob = new Blob([text]);
  const bytes = blob.arrayBuffer();
  let release = () => {};
  const released = new Promise<void>((resolve) => (release = resolve));
  Object.defineProperty(blob, "arrayBuffer", { value: () => released.then(() => bytes) });
  return { blob, release };
}

describe("behind a Blob", () => {
  for (const perMessageDeflate of [false, true]) {
    test(`messages are sent although the peer closes${perMessageDeflate ? ", compressed" : ""}`, async (t) => {
      const { ours, theirs } = await pair(t, {
        perMessageDeflate: perMessageDeflate && { threshold: 0 },
      });
      const log = logOf(ours, ["message", "ping", "close"]);
      const { blob, release } = slowBlob("first");
      const told: unknown[] = [];
      theirs.send("before, before, before");
      theirs.send(blob, (error) => told.push(error));
      theirs.send("second", (error) => told.push(error));
      theirs.ping("third", undefined, (error) => told.push(error));
      ours.close(4000, "end");
      await until(() => theirs._closeFrameReceived, "the peer's Close comes");
      release();
      await once(ours, "close");
      assert.deepEqual(log, [
        ["message", "before, before, before", false],
        ["message", "first", true],
        ["message", "second", false],
        ["ping", "third"],
        ["close", 4000, "end"],
      ]);
      await until(() => told.length === 3);
      assert.deepEqual(told, [null, null, null]);
    });
  }

  test("parts that cannot be sent because the peer closed are reported", async (t) => {
    const { ours, theirs } = await pair(t);
    const { blob, release } = slowBlob("first");
    const told: unknown[] = [];
    theirs.send(blob);
    theirs.send("part", { fin: false }, (error) => told.push(error?.message));
    ours.close();
    await until(() => theirs._closeFrameReceived, "the peer's Close comes");
    release();
    await once(ours, "close");
    await until(() => told.length === 1);
    assert.match(String(told[0]), /not open: readyState 2/);
  });

  test("a Close waits, with generateMask too", async (t) => {
    const { ours, theirs } = await pair(t, {}, { generateMask: (mask) => mask.fill(7) });
    const log = logOf(ours, ["message", "close"]);
    const { blob, release } = slowBlob("first");
    theirs.send(blob);
    theirs.close(4000);
    release();
    await once(ours, "close");
    assert.deepEqual(log, [
      ["message", "first", true],
      ["close", 4000, ""],
    ]);
  });

  for (const [name, first] of [
    ["a Blob", new Blob([Uint8Array.of(0xff)])],
    ["bytes behind a Blob", Buffer.of(0xff)],
  ] as const) {
    test(`${name} that cannot be sent as text: callbacks and an error event tell it`, async (t) => {
      const { theirs } = await pair(t);
      const log = logOf(theirs, ["error"]);
      const told: (string | undefined)[] = [];
      const tell = (error?: Error | null) => told.push(error?.message);
      if (!(first instanceof Blob)) theirs.send(new Blob(["good"]));
      theirs.send(first, { binary: false }, tell);
      theirs.send("behind", tell);
      await until(() => theirs.readyState === WebSocket.CLOSED, "it closes");
      assert.equal(told.length, 2);
      for (const message of told) assert.match(String(message), /must be valid UTF-8/);
      assert.deepEqual(log, [["error", told[0]]]);
    });
  }
});
