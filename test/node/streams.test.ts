/** One message as a stream: `sendStream`, and the handler `stream`. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import type { Connection, MessageStream, ServeOptions } from "../../src/index.js";
import { session } from "../../src/node/connection-status.js";
import type { Session } from "../../src/node/session.js";
import { both, listen, serverAndPeer } from "../support/connections.js";
import { BINARY, CONTINUATION, PING, TEXT } from "../support/frames.js";
import { settle, until } from "../support/sockets.js";

/** A source that a test feeds. */
class Source implements AsyncIterable<string | Uint8Array> {
  readonly #parts: (string | Uint8Array | Error | undefined)[] = [];
  #wake: (() => void) | undefined;
  isLeft = false;

  give(part: string | Uint8Array | Error | undefined): void {
    this.#parts.push(part);
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<string | Uint8Array, void, undefined> {
    try {
      for (;;) {
        while (this.#parts.length === 0) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
        const part = this.#parts.shift();
        if (part === undefined) return;
        if (part instanceof Error) throw part;
        yield part;
      }
    } finally {
      this.isLeft = true;
    }
  }
}

/** What a server heard, in words: each message whole, however it came. */
function listener(log: string[], options: ServeOptions = {}): ServeOptions {
  return {
    streamFrom: 10,
    message: (_connection, { type, data }) => void log.push(`${type} ${String(data)}`),
    async stream(_connection, stream) {
      try {
        log.push(`stream of ${stream.type} ${(await partsOf(stream)).join("|")}`);
      } catch (error) {
        log.push(`stream of ${stream.type} failed: ${(error as Error).message}`);
      }
    },
    ...options,
  };
}

async function partsOf(stream: MessageStream): Promise<string[]> {
  const parts: string[] = [];
  for await (const part of stream)
    parts.push(typeof part === "string" ? part : Buffer.from(part).toString("hex"));
  return parts;
}

describe("sendStream", () => {
  it("sends one message of text, or of bytes, from every kind of source", async (t) => {
    const got: string[] = [];
    const { connection } = await both(t, {
      message: (_connection, { type, data }) => void got.push(`${type} ${String(data)}`),
    });
    await connection.sendStream(["a", "é", "😀"]);
    await connection.sendStream([new Uint8Array([1]), new Uint8Array([2, 3])]);
    await connection.sendStream([new Uint8Array([0xc3]), new Uint8Array([0xa9])], { type: "text" });
    await connection.sendStream(Readable.from(["x", "y"]));
    await connection.sendStream(new Blob(["12"]).stream(), { type: "text" });
    await connection.sendStream(new Blob(["ab", "c"]), { type: "text" });
    await connection.sendStream([]);
    await connection.sendStream([], { type: "text" });
    await until(() => got.length === 8, "all messages");
    assert.deepEqual(got, [
      "text aé😀",
      "binary 1,2,3",
      "text é",
      "text xy",
      "text 12",
      "text abc",
      "binary ",
      "text ",
    ]);
  });

  it("sends each part as it comes; whole messages wait behind it, and control frames do not", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    const source = new Source();
    const sent = connection.sendStream(source);
    connection.send("before the first part");
    assert.equal(await peer.next(), "text before the first part");
    source.give("one ");
    const first = await peer.next();
    assert.match(first, /^text.*one /);
    connection.send("behind");
    const next = connection.sendStream(["another", " stream"]);
    void connection.ping("now");
    peer.send({ opcode: PING, payload: Buffer.from("you?") });
    assert.equal(await peer.next(), "ping now");
    assert.equal(await peer.next(), "pong you?");
    source.give("two");
    assert.match(await peer.next(), /^continuation.*two/);
    source.give(undefined);
    await sent;
    await next;
    await until(() => peer.frames.length >= 5, "the rest");
    const rest = peer.take();
    assert.equal(rest.length, 5);
    assert.match(rest[0], /^continuation/);
    assert.equal(rest[1], "text behind");
    assert.match(rest[2], /another/);
    assert.match(rest[3], / stream/);
    assert.match(rest[4], /^continuation/);
  });

  it("waits behind a Blob that is still read", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    let give: (bytes: ArrayBuffer) => void = () => {};
    const blob = { size: 3, arrayBuffer: () => new Promise<ArrayBuffer>((resolve) => (give = resolve)) };
    connection.send(blob);
    const sent = connection.sendStream(["behind"]);
    await settle();
    assert.deepEqual(peer.take(), []);
    give(new Uint8Array([1, 2, 3]).buffer);
    await sent;
    await until(() => peer.frames.length === 3, "both");
    assert.match(peer.take().join(), /^binary.*text.*behind.*continuation/);
  });

  it("refuses at the call anything that is not a source, and what makes no sense", async (t) => {
    const { connection } = await serverAndPeer(t);
    for (const source of ["text", new Uint8Array(3), 5, null, {}] as unknown as Iterable<string>[]) {
      assert.throws(() => connection.sendStream(source), /takes an iterable/);
    }
    assert.throws(() => connection.sendStream([], { type: "ping" as "text" }), /"text" or "binary"/);
    assert.throws(() => connection.sendStream([], { signal: {} as AbortSignal }), /AbortSignal/);
    connection.sendAll({ type: "text", data: "part", partial: true } as never);
    assert.throws(() => connection.sendStream(["other"]), /a message in parts is being sent/);
  });

  it("lets no other message in parts into a stream", async (t) => {
    const { connection } = await serverAndPeer(t);
    const source = new Source();
    void connection.sendStream(source);
    source.give("one");
    await settle();
    const part = { type: "text", data: "part", partial: true } as never;
    assert.throws(() => connection.sendAll(part), /is being sent by sendStream/);
    assert.equal(connection.sendAll({ type: "text", data: "whole", partial: false } as never), true);
  });

  it("closes the connection with 1011 if a message that was begun cannot be completed", async (t) => {
    for (const how of ["source", "signal", "type"] as const) {
      const { connection, peer } = await serverAndPeer(t);
      const source = new Source();
      const controller = new AbortController();
      const sent = connection.sendStream(source, { signal: controller.signal });
      source.give("begun");
      await until(() => peer.frames.length === 1, "the first part");
      peer.take();
      const wrong = new Error("the disk is gone");
      if (how === "source") source.give(wrong);
      else if (how === "signal") controller.abort(wrong);
      else source.give(5 as unknown as string);
      await assert.rejects(sent, how === "type" ? TypeError : wrong);
      assert.match(await peer.next(), /^close 1011 a message was broken off/);
      if (how === "signal") source.give("wakes it");
      await until(() => source.isLeft, "the source is left");
    }
  });

  it("costs nothing if it breaks off before the first part", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    const source = new Source();
    const sent = connection.sendStream(source);
    source.give(new Error("no file"));
    await assert.rejects(sent, /no file/);
    await assert.rejects(connection.sendStream(["x"], { signal: AbortSignal.abort(new Error("no")) }), /no/);
    connection.send("still open");
    assert.equal(await peer.next(), "text still open");
  });

  it("rejects when the connection closes, also while the source gives nothing, and leaves the source", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    const source = new Source();
    const sent = connection.sendStream(source);
    source.give("begun");
    await until(() => peer.frames.length === 1, "the first part");
    peer.reset();
    await assert.rejects(sent, /closed before the message was sent/);
    source.give("too late");
    await until(() => source.isLeft, "the source is left");
    await assert.rejects(connection.sendStream(["later"]), /closed before/);
  });

  it("holds a bounded amount for a peer that does not read, and goes on when it does", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    peer.socket.pause();
    const part = new Uint8Array(0x10000);
    let given = 0;
    function* parts(): Generator<Uint8Array> {
      for (; given < 400; given++) yield part;
    }
    const sent = connection.sendStream(parts());
    await settle(50);
    assert.ok(given < 400, `${given} parts were asked for`);
    assert.ok(connection.bufferedAmount < 4 * 0x10000, `${connection.bufferedAmount} bytes wait`);
    // Behind the stream; they must not keep it from going on.
    for (let i = 0; i < 8; i++) connection.send(part);
    peer.socket.resume();
    await sent;
    await until(() => peer.received > 408 * 0x10000, "all of it");
  });

  it("waits behind a Blob that was sent while it waited for room", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    peer.socket.pause();
    while (connection.send(new Uint8Array(0x40000)) === true);
    await settle();
    const sent = connection.sendStream(["a", "b"]);
    await settle();
    let give: (bytes: ArrayBuffer) => void = () => {};
    connection.send({ size: 1, arrayBuffer: () => new Promise<ArrayBuffer>((resolve) => (give = resolve)) });
    peer.socket.resume();
    await settle(20);
    give(new Uint8Array([7]).buffer);
    await sent;
    await until(() => peer.frames.at(-1)?.opcode === CONTINUATION, "the stream");
    assert.deepEqual(
      peer.frames.slice(-4).map(({ opcode }) => opcode),
      [BINARY, TEXT, CONTINUATION, CONTINUATION],
    );
  });

  it("waits, and never overflows, with each policy, also below the socket’s own mark", async (t) => {
    for (const onOverflow of ["drop", "throw", "close"] as const) {
      const { connection, peer } = await serverAndPeer(t, {
        onOverflow,
        maxBufferedAmount: 100,
        highWaterMark: 50,
      });
      peer.socket.pause();
      await connection.sendStream(["x".repeat(3000), "y".repeat(3000)]);
      await connection.sendStream(["x".repeat(3000), "y".repeat(3000)]);
      peer.socket.resume();
      await until(() => peer.frames.length === 6, `both (${onOverflow})`);
      assert.equal(connection.state, "open");
    }
  });

  it("joins characters that strings cut between two surrogates", async (t) => {
    const got: string[] = [];
    const { connection } = await both(t, { message: (_connection, { data }) => void got.push(String(data)) });
    await connection.sendStream(["a\ud83d", "\ude00b", "\ud83d", "\ude00"]);
    await connection.sendStream(["a\ud83d", "b", "\ud83d"]);
    await connection.sendStream(["a\ud83d", Buffer.from("b")]);
    await until(() => got.length === 3, "all");
    assert.deepEqual(got, ["a😀b😀", "a\ufffdb\ufffd", "a\ufffdb"]);
  });

  it("lets timers run while a source that never waits is sent to a peer that takes everything", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    peer.socket.on("data", () => {});
    let isStopped = false;
    const timer = setTimeout(() => (isStopped = true), 0);
    t.after(() => clearTimeout(timer));
    function* parts(): Generator<string> {
      while (!isStopped) yield "x";
    }
    await connection.sendStream(parts());
  });
});

describe("the handler stream", () => {
  it("gets messages from streamFrom on, however they come; shorter ones go to message", async (t) => {
    for (const perMessageDeflate of [false, true]) {
      const log: string[] = [];
      const { connection } = await both(t, { ...listener(log), perMessageDeflate }, { perMessageDeflate });
      connection.send("short 9..");
      connection.send("ten units.");
      connection.send("é".repeat(5));
      await connection.sendStream([""]);
      await connection.sendStream(["abc", "def"]);
      await connection.sendStream(["abc", "def", "ghij"]);
      connection.send(new Uint8Array(12).fill(7));
      connection.send("last");
      await until(() => log.length === 8, `all messages, not ${log.join()}`);
      const whole = log.map((line) => line.replaceAll("|", "")).sort();
      assert.deepEqual(whole, [
        "stream of binary 070707070707070707070707",
        "stream of text abcdefghij",
        "stream of text ten units.",
        "stream of text ééééé",
        "text ",
        "text abcdef",
        "text last",
        "text short 9..",
      ]);
    }
  });

  it("gets every message with 0, and bytes of text if the option says so", async (t) => {
    const log: string[] = [];
    const { connection } = await both(t, listener(log, { streamFrom: 0, text: "bytes" }));
    connection.send("");
    connection.send("é");
    await until(() => log.length === 2, "both");
    assert.deepEqual(log, ["stream of text ", "stream of text c3a9"]);
  });

  it("delivers the parts before the message is whole", async (t) => {
    const heard: string[] = [];
    const { peer } = await serverAndPeer(t, {
      streamFrom: 100,
      async stream(_connection, stream) {
        for await (const part of stream) heard.push(String(part));
        heard.push("end");
      },
    });
    const text = "x".repeat(200);
    const bytes = peer.encode({ opcode: TEXT, payload: Buffer.from(text) });
    peer.write(bytes.subarray(0, 50));
    await until(() => heard.length === 1, "the first part");
    assert.match(heard[0], /^x+$/);
    peer.write(bytes.subarray(50));
    await until(() => heard.at(-1) === "end", "the end");
    assert.equal(heard.slice(0, -1).join(""), text);
  });

  it("has no limit of its own but maxStreamSize", async (t) => {
    const errors: Error[] = [];
    const options = { maxMessageSize: 100, streamFrom: 50, maxStreamSize: 1000 };
    for (const [cut, type] of [
      [false, "one frame"],
      [true, "fragments"],
    ] as const) {
      let length = 0;
      let failure: unknown;
      const { connection, peer } = await serverAndPeer(t, {
        ...options,
        error: (_connection, error) => void errors.push(error),
        async stream(_connection, stream) {
          try {
            for await (const part of stream) length += part.length;
          } catch (error) {
            failure = error;
          }
        },
      });
      peer.send({ opcode: BINARY, payload: Buffer.alloc(1000) });
      await until(() => length === 1000, `1000 bytes (${type})`);
      if (cut) {
        peer.send({ opcode: BINARY, fin: false, payload: Buffer.alloc(600) });
        peer.send({ opcode: CONTINUATION, payload: Buffer.alloc(401) });
      } else {
        peer.send({ opcode: BINARY, payload: Buffer.alloc(1001) });
      }
      assert.match(await peer.next(), /^close 1009 .*maxStreamSize is 1000/);
      await until(() => !cut || failure !== undefined, "the iteration fails");
      if (cut) assert.equal((failure as Error).name, "LimitError");
      connection.terminate();
    }
  });

  it("ends the iteration with the error of a violation, of a lost peer, and of a close", async (t) => {
    for (const how of ["violation", "lost", "close", "peer's close", "terminate"] as const) {
      let failure: unknown;
      const heard: string[] = [];
      const { connection, peer } = await serverAndPeer(t, {
        streamFrom: 0,
        async stream(_connection, stream) {
          try {
            for await (const part of stream) heard.push(String(part));
          } catch (error) {
            failure = error;
          }
        },
      });
      peer.send({ opcode: TEXT, fin: false, payload: Buffer.from("intact") });
      await until(() => heard.length === 1, "the first part");
      if (how === "violation") peer.send({ opcode: TEXT, payload: Buffer.from("no continuation") });
      else if (how === "lost") peer.reset();
      else if (how === "close") void connection.close();
      else if (how === "terminate") connection.terminate();
      else peer.send({ opcode: 8, payload: Buffer.from([3, 232]) });
      await until(() => failure !== undefined, `the iteration fails (${how})`);
      assert.deepEqual(heard, ["intact"]);
      assert.equal((failure as { code?: string }).code === "WS_ERR_INVALID_OPCODE", how === "violation", how);
      peer.socket.destroy();
      await connection.closed;
    }
  });

  it("goes on with the next message when a stream is left, cancelled or never read", async (t) => {
    const log: string[] = [];
    const { peer } = await serverAndPeer(t, {
      streamFrom: 100,
      message: (_connection, { data }) => void log.push(String(data)),
      async stream(_connection, stream) {
        const count = log.length;
        log.push(`stream ${count}`);
        if (count === 0) for await (const _part of stream) break;
        if (count === 2) stream.cancel();
      },
    });
    for (let i = 0; i < 3; i++) {
      const bytes = peer.encode({ opcode: TEXT, payload: Buffer.from("x".repeat(5000)) });
      peer.write(bytes.subarray(0, 1000));
      await until(() => log.length === 2 * i + 1, "the stream begins");
      peer.write(bytes.subarray(1000));
      peer.send({ opcode: TEXT, payload: Buffer.from("short") });
      await until(() => log.length === 2 * i + 2, "the message behind it");
    }
    assert.deepEqual(log, ["stream 0", "short", "stream 2", "short", "stream 4", "short"]);
  });

  it("closes with 1011 if the handler fails", async (t) => {
    const seen: Error[] = [];
    const { peer } = await serverAndPeer(t, {
      streamFrom: 0,
      error: (_connection, error) => void seen.push(error),
      async stream(_connection, stream) {
        for await (const _part of stream) throw new Error("mine");
      },
    });
    peer.send({ opcode: TEXT, payload: Buffer.from("x") });
    assert.equal(await peer.next(), "close 1011");
    assert.deepEqual(
      seen.map(({ message }) => message),
      ["mine"],
    );
  });

  it("stops reading while an iteration is slow", async (t) => {
    for (const perMessageDeflate of [false, true]) {
      let release: () => void = () => {};
      const released = new Promise<void>((resolve) => (release = resolve));
      let accepted: Connection | undefined;
      let length = 0;
      const hash = createHash("sha256");
      const total = 64 * 0x40000;
      const { connection } = await both(
        t,
        {
          perMessageDeflate,
          highWaterMark: 0x40000,
          open: (opened) => (accepted = opened),
          async stream(_connection, stream) {
            await released;
            for await (const part of stream) {
              length += part.length;
              hash.update(part as Uint8Array);
            }
          },
        },
        { perMessageDeflate },
      );
      const expected = createHash("sha256");
      let given = 0;
      function* parts(): Generator<Uint8Array> {
        for (let i = 0; i < 64; i++) {
          const part = new Uint8Array(0x40000).fill(i);
          if (!perMessageDeflate) crypto.getRandomValues(part.subarray(0, 1000));
          expected.update(part);
          given += part.length;
          yield part;
        }
      }
      const sent = connection.sendStream(parts());
      // A server that is read no more leaves the bytes with the system, and then with the client.
      await settle(200);
      if (!perMessageDeflate) assert.ok(given < total, `${given} bytes were taken`);
      release();
      await sent;
      await until(() => length === total, "all of it");
      assert.equal(hash.digest("hex"), expected.digest("hex"));
      assert.equal(accepted?.state, "open");
    }
  });

  it("holds no more than some streams that are not read", async (t) => {
    let begun = 0;
    const { connection, peer } = await serverAndPeer(t, {
      streamFrom: 0,
      stream(_connection, stream) {
        begun++;
        // Begun to be read, and never read on.
        stream[Symbol.asyncIterator]();
      },
    });
    for (let i = 0; i < 200; i++) peer.send({ opcode: TEXT, payload: Buffer.from("x") });
    await until(() => begun >= 64, "many begin");
    await settle(50);
    assert.equal(begun, 64);
    assert.equal(connection.state, "open");
  });

  it("is called once for a message, also if the connection is lost or closed in the middle of it", async (t) => {
    for (const how of ["lost", "closed"] as const) {
      let calls = 0;
      const messages: unknown[] = [];
      let accepted: Connection | undefined;
      const { connection } = await both(
        t,
        {
          perMessageDeflate: true,
          maxMessageSize: 1 << 20,
          deliverWhileClosing: true,
          open: (opened) => (accepted = opened),
          message: (_connection, { data }) => void messages.push(data.length),
          async stream(_connection, stream) {
            calls++;
            const iterator = stream[Symbol.asyncIterator]();
            await iterator.next();
            if (how === "closed") void accepted?.close();
          },
        },
        { perMessageDeflate: true },
      );
      connection.send(new Uint8Array(20 << 20));
      await until(() => calls === 1, "it begins");
      await settle(20);
      if (how === "lost") (accepted as Connection).transport.destroy();
      await accepted?.closed;
      assert.deepEqual([calls, messages], [1, []], how);
    }
  });

  it("keeps its message when the handlers are replaced in the middle of it", async (t) => {
    const heard: string[] = [];
    const { connection, peer } = await serverAndPeer(t, {
      streamFrom: 100,
      maxMessageSize: 1000,
      async stream(_connection, stream) {
        let length = 0;
        for await (const part of stream) length += part.length;
        heard.push(`stream ${length}`);
      },
    });
    peer.send({ opcode: TEXT, fin: false, payload: Buffer.alloc(600, "x") });
    await settle();
    connection.handlers = { message: (_connection, { data }) => void heard.push(`message ${data.length}`) };
    peer.send({ opcode: CONTINUATION, payload: Buffer.alloc(600, "x") });
    peer.send({ opcode: TEXT, payload: Buffer.alloc(200, "x") });
    await until(() => heard.length === 2, "both");
    assert.deepEqual(heard.sort(), ["message 200", "stream 1200"]);
  });

  it("counts parts, so that a long message keeps a connection from being idle", async (t) => {
    const { accepted, connection } = await both(t, {
      stream: async (_connection, stream) => void (await partsOf(stream)),
    });
    const { endpoint } = (accepted as unknown as { [session]: Session<unknown> })[session];
    const sender = (connection as unknown as { [session]: Session<unknown> })[session].endpoint;
    await connection.sendStream([new Uint8Array(0x8000), new Uint8Array(0x8000), new Uint8Array(0x8000)]);
    await until(() => endpoint.messagesIn === 1, "it arrived");
    assert.ok(endpoint.partsIn >= 3, `${endpoint.partsIn} parts in`);
    assert.equal(sender.partsOut, 3);
  });

  it("cannot be iterated over twice", async (t) => {
    let failure: unknown;
    const { peer } = await serverAndPeer(t, {
      streamFrom: 0,
      async stream(_connection, stream) {
        for await (const _part of stream);
        try {
          for await (const _part of stream);
        } catch (error) {
          failure = error;
        }
      },
    });
    peer.send({ opcode: TEXT, payload: Buffer.from("x") });
    await until(() => failure !== undefined, "the second iteration fails");
    assert.match((failure as Error).message, /once/);
  });

  it("refuses options that make no sense", async () => {
    for (const options of [
      { streamFrom: -1 },
      { maxStreamSize: "1" },
      { streamFrom: 2, maxMessageSize: 1 },
    ]) {
      await assert.rejects(
        (async () => listen({ after() {} } as never, options as never))(),
        /streamFrom|maxStreamSize/,
      );
    }
  });
});
