/** A WebSocket of the face, both ends over loopback: messages, arguments, closing, errors. */

import assert from "node:assert/strict";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { PassThrough } from "node:stream";
import { describe, test } from "node:test";
import WebSocket from "../../src/ws/index.js";
import { BINARY, frame, KEY } from "../support/frames.js";
import { rawClient } from "../support/sockets.js";
import { closed, listen, logOf, pair, urlOf } from "./support.js";

describe("messages", () => {
  test("text arrives as a Buffer and isBinary false, bytes with true", async (t) => {
    const { ours, theirs } = await pair(t);
    const log = logOf(ours, ["message"]);
    theirs.send("text");
    theirs.send(Buffer.from("bytes"));
    theirs.send(new Uint16Array([0x6968]));
    theirs.send(new Uint8Array([0x68, 0x69]).buffer);
    theirs.send(Buffer.from("as text"), { binary: false });
    theirs.send("as bytes", { binary: true });
    theirs.send(7, 7 as never);
    theirs.send("");
    theirs.send(null as never);
    theirs.close();
    await once(ours, "close");
    assert.deepEqual(log, [
      ["message", "text", false],
      ["message", "bytes", true],
      ["message", "hi", true],
      ["message", "hi", true],
      ["message", "as text", false],
      ["message", "as bytes", true],
      ["message", "7", false],
      ["message", "", false],
      ["message", "", true],
    ]);
  });

  test("binaryType says what bytes arrive as", async (t) => {
    const { ours, theirs } = await pair(t);
    const types: string[] = [];
    ours.on("message", (data: unknown) => {
      types.push((data as object).constructor.name);
      ours.binaryType = ({ Buffer: "arraybuffer", ArrayBuffer: "fragments", Array: "blob" } as never)[
        types.at(-1) as string
      ];
    });
    for (let i = 0; i < 4; i++) theirs.send(Buffer.from("abc"));
    ours.binaryType = "nothing" as never;
    assert.equal(ours.binaryType, "nodebuffer");
    theirs.close();
    await once(ours, "close");
    assert.deepEqual(types, ["Buffer", "ArrayBuffer", "Array", "Blob"]);
  });

  test("in parts are one message, with Pings between them", async (t) => {
    const { ours, theirs } = await pair(t);
    const log = logOf(ours, ["message", "ping"]);
    theirs.send("one ", { fin: false });
    theirs.ping("between");
    theirs.send("two", { fin: true });
    theirs.close();
    await once(ours, "close");
    assert.deepEqual(log, [
      ["ping", "between"],
      ["message", "one two", false],
    ]);
  });

  test("a Blob keeps its place, before a Close too", async (t) => {
    const { ours, theirs } = await pair(t);
    const log = logOf(ours, ["message", "ping", "close"]);
    const told: string[] = [];
    theirs.send(new Blob(["first"]), () => told.push("first"));
    theirs.send("second", () => told.push("second"));
    theirs.ping("third", undefined, () => told.push("third"));
    assert.ok(theirs.bufferedAmount >= "firstsecondthird".length);
    theirs.close(4000, "end");
    assert.equal(theirs.readyState, WebSocket.CLOSING);
    await once(ours, "close");
    assert.deepEqual(log, [
      ["message", "first", true],
      ["message", "second", false],
      ["ping", "third"],
      ["close", 4000, "end"],
    ]);
    assert.deepEqual(told, ["first", "second", "third"]);
  });

  for (const perMessageDeflate of [false, true]) {
    test(`of every length come back${perMessageDeflate ? ", compressed" : ""}`, async (t) => {
      const { ours, theirs } = await pair(t, { perMessageDeflate });
      assert.equal(theirs.extensions, perMessageDeflate ? "permessage-deflate" : "");
      ours.on("message", (data, isBinary) => ours.send(data, { binary: isBinary }));
      for (const length of [0, 1, 125, 126, 65535, 65536, 1 << 21]) {
        const text = "aß語".repeat(length / 6).padEnd(length, "z");
        theirs.send(text);
        const [data, isBinary] = await once(theirs, "message");
        assert.equal(data.toString(), text);
        assert.equal(isBinary, false);
      }
    });
  }
});

describe("callbacks", () => {
  test("may stand in any place, and come in order with null", async (t) => {
    const { theirs } = await pair(t);
    const told: unknown[] = [];
    const tell = (name: string) => (error?: Error | null) => told.push([name, error]);
    theirs.send("a", tell("send"));
    theirs.send("b", { binary: false }, tell("send with options"));
    theirs.ping(tell("ping") as never);
    theirs.ping("x", tell("ping with data") as never);
    theirs.ping("x", true, tell("ping with mask"));
    await new Promise((resolve) => theirs.pong(resolve as never));
    const names = ["send", "send with options", "ping", "ping with data", "ping with mask"];
    assert.deepEqual(
      told,
      names.map((name) => [name, null]),
    );
  });

  test("and calls get an error where nothing can be sent", async (t) => {
    const { theirs } = await pair(t);
    theirs.close();
    const message = "WebSocket is not open: readyState 2 (CLOSING)";
    const error = await new Promise<Error | undefined>((resolve) => theirs.send("late", resolve));
    assert.equal(error?.message, message);
    assert.equal(theirs.bufferedAmount, 4);
    await once(theirs, "close");
    const connecting = new WebSocket("ws://127.0.0.1:1");
    const isClosed = closed(connecting);
    assert.throws(() => connecting.send("early"), /WebSocket is not open: readyState 0 \(CONNECTING\)/);
    await isClosed;
  });

  test("sent messages are written before terminate, and before the socket is used directly", async (t) => {
    const { ours, theirs } = await pair(t);
    const log = logOf(ours, ["message", "close"]);
    theirs.send("one");
    theirs._socket?.write(Buffer.from(frame({ opcode: BINARY, key: KEY })));
    theirs.send("three");
    theirs.terminate();
    await once(ours, "close");
    assert.deepEqual(log, [
      ["message", "one", false],
      ["message", "", true],
      ["message", "three", false],
      ["close", 1006, ""],
    ]);
  });
});

describe("closing", () => {
  test("tells both sides the code and the reason", async (t) => {
    const { ours, theirs } = await pair(t);
    const log = logOf(theirs, ["close"]);
    const serverClosed = once(ours, "close");
    theirs.close(4321, "bye");
    const event = new Promise<WebSocket.CloseEvent>((resolve) => theirs.addEventListener("close", resolve));
    const { code, reason, wasClean } = await event;
    assert.deepEqual([code, reason, wasClean], [4321, "bye", true]);
    const [serverCode, serverReason] = await serverClosed;
    assert.deepEqual([serverCode, String(serverReason)], [4321, "bye"]);
    assert.deepEqual(log, [["close", 4321, "bye"]]);
    assert.equal(theirs.readyState, WebSocket.CLOSED);
  });

  test("refuses codes and reasons that no Close can carry", async (t) => {
    const { theirs } = await pair(t);
    for (const code of [0, 999, 1005, 1006, 2999, 5000, "1000"]) {
      assert.throws(() => theirs.close(code as number), /First argument must be a valid error code number/);
    }
    assert.throws(() => theirs.close(1000, "x".repeat(124)), /must not be greater than 123 bytes/);
    assert.equal(theirs.readyState, WebSocket.OPEN);
  });

  test("cuts a peer that does not close", async (t) => {
    const server = await listen(t, { closeTimeout: 1 });
    const connected = once(server, "connection");
    // It answers nothing.
    await rawClient(t, (server.address() as AddressInfo).port);
    const [ours] = (await connected) as [WebSocket];
    ours.close(1000);
    const [code] = await once(ours, "close");
    assert.equal(code, 1006);
  });

  test("while connecting is an error", async (t) => {
    const server = await listen(t);
    for (const end of ["close", "terminate"] as const) {
      const client = new WebSocket(urlOf(server));
      client[end]();
      const [error] = await once(client, "error");
      assert.match(error.message, /WebSocket was closed before the connection was established/);
      assert.equal(client.readyState, WebSocket.CLOSED);
    }
  });
});

describe("violations", () => {
  const CASES: readonly [hex: string, code: string, closeCode: number, kind: ErrorConstructor][] = [
    ["c1 00", "WS_ERR_UNEXPECTED_RSV_1", 1002, RangeError],
    ["b1 00", "WS_ERR_UNEXPECTED_RSV_2_3", 1002, RangeError],
    ["83 00", "WS_ERR_INVALID_OPCODE", 1002, RangeError],
    ["09 00", "WS_ERR_EXPECTED_FIN", 1002, RangeError],
    ["89 7e 00 7e", "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", 1002, RangeError],
    ["81 80 00 00 00 00", "WS_ERR_UNEXPECTED_MASK", 1002, RangeError],
    ["81 01 ff", "WS_ERR_INVALID_UTF8", 1007, Error],
    ["88 02 03 ee", "WS_ERR_INVALID_CLOSE_CODE", 1002, RangeError],
    ["82 7e 01 00", "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", 1009, RangeError],
  ];
  for (const [hex, code, closeCode, kind] of CASES) {
    test(`${code}: error, then close, and the code alone to the peer`, async (t) => {
      const { ours, theirs } = await pair(t, {}, { maxPayload: 100 });
      const log = logOf(theirs, ["error", "close"]);
      let failure: unknown;
      theirs.on("error", (error) => {
        failure = error;
        assert.equal(theirs.readyState, WebSocket.CLOSING);
      });
      const told = once(ours, "close");
      ours._socket?.write(Buffer.from(hex.replaceAll(" ", ""), "hex"));
      const [received, reason] = await told;
      if (theirs.readyState !== WebSocket.CLOSED) await closed(theirs);
      assert.deepEqual(log, [
        ["error", code],
        ["close", 1006, ""],
      ]);
      assert.equal(Object.getPrototypeOf(failure), kind.prototype);
      assert.deepEqual([received, String(reason)], [closeCode, ""]);
    });
  }

  test("what a listener throws is uncaught, and the connection goes on", async (t) => {
    const { ours, theirs } = await pair(t);
    const caught = new Promise((resolve) => process.setUncaughtExceptionCaptureCallback(resolve));
    t.after(() => process.setUncaughtExceptionCaptureCallback(null));
    ours.once("message", () => {
      throw new Error("of a listener");
    });
    theirs.send("a");
    assert.match(String(await caught), /of a listener/);
    theirs.send("b");
    const [data] = await once(ours, "message");
    assert.equal(String(data), "b");
  });
});

describe("the rest of the surface", () => {
  test("pause holds messages, resume delivers them", async (t) => {
    const { ours, theirs } = await pair(t);
    ours.pause();
    assert.equal(ours.isPaused, true);
    let count = 0;
    ours.on("message", () => count++);
    theirs.send("held");
    await new Promise((resolve) => theirs.send("held too", resolve));
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    assert.equal(count, 0);
    ours.resume();
    await once(ours, "message");
    assert.equal(ours.isPaused, false);
  });

  test("autoPong: false leaves a Ping to its listener", async (t) => {
    const { ours, theirs } = await pair(t, { autoPong: false });
    const log = logOf(theirs, ["pong"]);
    ours.on("ping", () => ours.pong("mine"));
    theirs.ping("theirs");
    await once(theirs, "pong");
    assert.deepEqual(log, [["pong", "mine"]]);
  });

  test("allowSynchronousEvents: false is one event in each turn of the loop", async (t) => {
    const { ours, theirs } = await pair(t, { allowSynchronousEvents: false });
    let turn = 0;
    let isOver = false;
    const count = () => {
      turn++;
      if (!isOver) setImmediate(count);
    };
    count();
    const turns: number[] = [];
    ours.on("message", () => turns.push(turn));
    for (let i = 0; i < 4; i++) theirs.send("x");
    theirs.close();
    await once(ours, "close");
    isOver = true;
    assert.equal(new Set(turns).size, 4);
  });

  test("setSocket takes any Duplex, in the role that _isServer says", () => {
    const { readable, writable, duplex } = halves();
    const client = new WebSocket(null, undefined, {});
    client._isServer = false;
    const got: string[] = [];
    client.setSocket(duplex, Buffer.from([0x81, 1, 0x61]), { maxPayload: 0 });
    client.on("message", (data) => got.push(String(data)));
    client.send("b");
    readable.push(Buffer.from([0x81, 1, 0x63]));
    return new Promise<void>((resolve) => {
      setImmediate(() => {
        assert.deepEqual(got, ["a", "c"]);
        // Masked: it is a client.
        assert.equal(writable.read()[1], 0x81);
        resolve();
      });
    });
  });

  test("constants and attributes are there, and are enumerable", () => {
    const names: string[] = [];
    for (const name in WebSocket.prototype) names.push(name);
    for (const name of [
      "CONNECTING",
      "OPEN",
      "CLOSING",
      "CLOSED",
      "readyState",
      "bufferedAmount",
      "onmessage",
    ]) {
      assert.ok(names.includes(name), name);
    }
    assert.equal(WebSocket.OPEN, 1);
    assert.equal(Object.keys(WebSocket).includes("OPEN"), true);
  });
});

function halves() {
  const readable = new PassThrough();
  const writable = new PassThrough();
  const duplex = new (class extends PassThrough {
    override _write(chunk: Buffer, _encoding: string, callback: () => void) {
      writable.write(chunk);
      callback();
    }
  })();
  readable.on("data", (chunk) => duplex.push(chunk));
  return { readable, writable, duplex };
}
