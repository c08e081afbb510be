/** Compressed messages from peers that mean harm or are broken, and handlers that stop in the middle of them. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { deflateRawSync, constants as zlib } from "node:zlib";
import { Decompressor } from "../../src/codec/index.js";
import {
  type Connection,
  connect,
  type LimitError,
  Message,
  type ServeOptions,
  type Server,
} from "../../src/index.js";
import { listen } from "../support/connections.js";
import { messages, sample } from "../support/corpus.js";
import { shardFor } from "../support/deflate.js";
import { BINARY, CONTINUATION, concat, type FrameSpec, PING, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import {
  eachReadPath,
  type RawPeer,
  rawClient,
  requestText,
  settle,
  sleep,
  until,
} from "../support/sockets.js";

const RSV1 = 4;

/** Data as zlib compresses it, up to the end of a flush: more may follow. */
function flushed(data: Uint8Array | string): Uint8Array {
  return deflateRawSync(data, { finishFlush: zlib.Z_SYNC_FLUSH });
}

/** RFC 7692 §7.2.1: the payload of a message. */
function deflated(data: Uint8Array | string): Uint8Array {
  return flushed(data).subarray(0, -4);
}

async function open(
  t: TestContext,
  options: ServeOptions = {},
  offer = "permessage-deflate",
): Promise<{ server: Server; connection: Connection; peer: RawPeer; errors: string[] }> {
  const errors: string[] = [];
  const server = await listen(t, {
    perMessageDeflate: true,
    error: (_connection, error) => errors.push((error as Error & { code: string }).code ?? error.message),
    ...options,
  });
  const peer = await rawClient(t, server.port, requestText({ "Sec-WebSocket-Extensions": offer }));
  await until(() => server.connections.size === 1, "the connection opens");
  const [connection] = server.connections;
  assert.notEqual(connection.perMessageDeflate, undefined, "it is compressed");
  return { server, connection, peer, errors };
}

eachReadPath("compressed messages", () => {
  it("arrive in chunks of one byte, referring to each other", { timeout: 20_000 }, async (t) => {
    const { connection, peer } = await open(t);
    const texts = messages("multilingual", 120, 4).map((bytes) => Buffer.from(bytes).toString());
    // One stream: each is cut from the same flushes that zlib would make.
    let before = 0;
    const bytes: Uint8Array[] = [];
    for (const [i] of texts.entries()) {
      const upTo = streamOf(texts.slice(0, i + 1));
      bytes.push(peer.encode({ opcode: TEXT, rsv: RSV1, payload: upTo.subarray(before, -4) }));
      before = upTo.length;
    }
    const received = (async () => {
      for (const text of texts) assert.equal((await connection.receive())?.data, text);
    })();
    for (const byte of concat(bytes)) {
      peer.write(Uint8Array.of(byte));
      await settle(1);
    }
    await received;
    assert.ok(before < Buffer.byteLength(texts.join("")), "they are compressed");
  });

  it("end between fragments, with Pings between them", { timeout: 60_000 }, async (t) => {
    const { connection, peer } = await open(t);
    const data = sample("html", 5000);
    const payload = deflated(data);
    for (let at = 0; at < payload.length; at += 100) {
      const fin = at + 100 >= payload.length;
      const opcode = at === 0 ? BINARY : CONTINUATION;
      peer.send(
        { opcode, fin, rsv: at === 0 ? RSV1 : 0, payload: payload.subarray(at, at + 100) },
        { opcode: PING },
      );
    }
    assert.deepEqual(Buffer.from((await connection.receive())?.data as Uint8Array), Buffer.from(data));
    assert.equal(await peer.next(), "pong");
  });

  it("may be empty in every way", { timeout: 60_000 }, async (t) => {
    const { connection, peer } = await open(t);
    peer.send(
      // §7.2.3.6: an empty message; the same without its only byte, as zlib takes it; and among fragments of nothing.
      { opcode: TEXT, rsv: RSV1, payload: Uint8Array.of(0) },
      { opcode: TEXT, rsv: RSV1 },
      { opcode: TEXT, rsv: RSV1, fin: false },
      { opcode: CONTINUATION, fin: false, payload: Uint8Array.of(0) },
      { opcode: CONTINUATION },
      { opcode: TEXT, rsv: RSV1, payload: deflated("behind") },
    );
    for (const expected of ["", "", "", "behind"]) assert.equal((await connection.receive())?.data, expected);
  });
});

/** The flushes of one stream, one for each text. */
function streamOf(texts: readonly string[]): Uint8Array {
  // The earlier bytes serve as the dictionary.
  let dictionary = Buffer.alloc(0);
  const parts = texts.map((text) => {
    const part = deflateRawSync(text, {
      finishFlush: zlib.Z_SYNC_FLUSH,
      ...(dictionary.length > 0 ? { dictionary } : {}),
    });
    dictionary = Buffer.concat([dictionary, Buffer.from(text)]);
    return part;
  });
  return concat(parts);
}

describe("a bomb", () => {
  /** A GiB of zeros in less than a MiB: each flush makes 16 MiB of 16 KiB. */
  const part = flushed(new Uint8Array(1 << 24));
  const bomb = concat(Array.from({ length: 60 }, () => part));

  for (const [name, options] of Object.entries({
    whole: {},
    "with a limit of 64 KiB": { maxMessageSize: 65_536 },
    "delivered in parts": { partial: true },
    "lent in parts": { partial: true, borrow: true },
  })) {
    it(`is cut off at maxMessageSize, ${name}`, { timeout: 20_000 }, async (t) => {
      let delivered = 0;
      const { connection, peer, errors } = await open(t, {
        ...options,
        maxFrameSize: 1 << 21,
        message: (_connection, message) => {
          delivered += message.data.length;
        },
      });
      const before = process.memoryUsage().rss;
      const bytes = peer.encode({ opcode: BINARY, rsv: RSV1, payload: bomb });
      let most = 0;
      const watch = setInterval(() => {
        most = Math.max(most, process.memoryUsage().rss);
      }, 1);
      peer.write(bytes);
      assert.match(await peer.next(10_000), /^close 1009/);
      clearInterval(watch);
      const grown = Math.max(most, process.memoryUsage().rss) - before;
      assert.ok(grown < 150e6, `the process grew by ${grown} bytes`);
      assert.deepEqual(errors, ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"]);
      assert.equal((connection.error as LimitError).limit, connection.maxMessageSize);
      assert.ok(delivered <= 1 << 24, `${delivered} bytes were delivered`);
    });
  }

  it("in many fragments is cut off, too", { timeout: 20_000 }, async (t) => {
    const { connection, peer, errors } = await open(t, { maxMessageSize: 1 << 20 });
    peer.send({ opcode: TEXT, rsv: RSV1, fin: false });
    const little = flushed(new Uint8Array(100_000));
    for (let i = 0; i < 20; i++) peer.send({ opcode: CONTINUATION, fin: false, payload: little });
    assert.match(await peer.next(), /^close 1009/);
    assert.deepEqual(errors, ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH"]);
    assert.equal(connection.retainedLength, 0);
  });
});

describe("what fails a connection", () => {
  const text = (payload: Uint8Array, more: object = {}) => ({ opcode: TEXT, rsv: RSV1, payload, ...more });
  const cases: readonly [name: string, frames: readonly FrameSpec[], closeCode: number, code: string][] = [
    ["a block of type 3", [text(Uint8Array.of(7))], 1007, "WS_ERR_INVALID_COMPRESSED_DATA"],
    ["lengths that differ", [text(Uint8Array.of(0, 5, 0, 5, 0))], 1007, "WS_ERR_INVALID_COMPRESSED_DATA"],
    [
      "a distance before the beginning",
      [text(Uint8Array.of(2, 2, 0))],
      1007,
      "WS_ERR_INVALID_COMPRESSED_DATA",
    ],
    [
      "data that break off",
      [text(deflated("hello hello hello").subarray(0, 5))],
      1007,
      "WS_ERR_INVALID_COMPRESSED_DATA",
    ],
    ["text that is not UTF-8", [text(deflated(Uint8Array.of(0x61, 0xff)))], 1007, "WS_ERR_INVALID_UTF8"],
    [
      "text that ends in a character",
      [text(deflated(Uint8Array.of(0xe2, 0x82)))],
      1007,
      "WS_ERR_INVALID_UTF8",
    ],
    [
      "RSV1 of a continuation",
      [text(flushed("a"), { fin: false }), { opcode: CONTINUATION, rsv: RSV1 }],
      1002,
      "WS_ERR_UNEXPECTED_RSV_1",
    ],
    [
      "RSV1 of a continuation of an uncompressed message",
      [
        { opcode: TEXT, fin: false },
        { opcode: CONTINUATION, rsv: RSV1 },
      ],
      1002,
      "WS_ERR_UNEXPECTED_RSV_1",
    ],
    ["RSV1 of a Ping", [{ opcode: PING, rsv: RSV1 }], 1002, "WS_ERR_UNEXPECTED_RSV_1"],
    ["RSV2", [text(deflated("a"), { rsv: 6 })], 1002, "WS_ERR_UNEXPECTED_RSV_2_3"],
  ];

  for (const [name, frames, closeCode, code] of cases) {
    it(`${name}: ${closeCode}`, { timeout: 60_000 }, async (t) => {
      const received: unknown[] = [];
      const { connection, peer, errors } = await open(t, {
        message: (_connection, message) => received.push(message.data),
      });
      peer.send({ opcode: TEXT, rsv: RSV1, payload: deflated("before") }, ...frames);
      assert.match(await peer.next(), new RegExp(`^close ${closeCode}`));
      peer.send({ opcode: TEXT, payload: utf8("behind") });
      await peer.ended();
      assert.deepEqual(received, ["before"]);
      assert.deepEqual(errors, [code]);
      assert.equal((connection.error as Error & { code: string }).code, code);
    });
  }

  it("octets that are not UTF-8, as soon as they are here", { timeout: 60_000 }, async (t) => {
    for (const fragments of [
      [Uint8Array.of(0x61, 0xff)],
      [Uint8Array.of(0xe2, 0x82), Uint8Array.of(0x41)],
      [utf8("a".repeat(70_000)), Uint8Array.of(0x80)],
    ]) {
      const { peer, errors } = await open(t);
      for (const [i, fragment] of fragments.entries()) {
        assert.deepEqual(peer.take(), [], `nothing is wrong before fragment ${i}`);
        peer.send({
          opcode: i === 0 ? TEXT : CONTINUATION,
          fin: false,
          rsv: i === 0 ? RSV1 : 0,
          payload: flushed(fragment),
        });
        if (i < fragments.length - 1) await sleep(20);
      }
      // The message has no end yet.
      assert.match(await peer.next(), /^close 1007/);
      assert.deepEqual(errors, ["WS_ERR_INVALID_UTF8"]);
    }
  });

  it("the same in the middle of a frame", { timeout: 60_000 }, async (t) => {
    const { peer } = await open(t);
    const payload = concat([flushed(Uint8Array.of(0x61, 0xff)), sample("random", 1000)]);
    peer.write(peer.encode({ opcode: TEXT, rsv: RSV1, payload }).subarray(0, 40));
    assert.match(await peer.next(), /^close 1007/);
  });

  it("compressed frames without an agreement, of a server too", { timeout: 60_000 }, async (t) => {
    const { peer, errors } = await open(t, {
      authorize: () => ({ perMessageDeflate: true }),
      perMessageDeflate: false,
    });
    peer.send({ opcode: TEXT, rsv: RSV1, payload: deflated("a") });
    await settle();
    assert.deepEqual(errors, []);
    const server = await listen(t, {
      message: (connection) => connection.send("a".repeat(100), { compress: true }),
    });
    const plain = await rawClient(t, server.port);
    plain.send({ opcode: TEXT });
    await until(() => plain.frames.length === 1, "the answer");
    assert.equal(plain.frames[0].rsv, 0, "it is not compressed");
    plain.take();
    plain.send({ opcode: TEXT, rsv: RSV1, payload: deflated("a") });
    assert.match(await plain.next(), /^close 1002/);
  });
});

eachReadPath("messages under way", () => {
  it("wait where they are while a connection is paused", { timeout: 60_000 }, async (t) => {
    const data = Buffer.from(sample("json", 300_000)).toString();
    const parts: unknown[] = [];
    let paused: Connection | undefined;
    const { server, connection, peer } = await open(t, {
      partial: true,
      message(connection, message) {
        if (connection !== paused) return;
        parts.push(message.data);
        if (parts.length % 3 === 1) connection.pause();
      },
    });
    paused = connection;
    const head = requestText({ "Sec-WebSocket-Extensions": "permessage-deflate" });
    const other = await rawClient(t, server.port, head);
    // All that is left of it lies where the next read goes to, of any connection.
    const others = concat([
      other.encode({ opcode: TEXT, rsv: RSV1, payload: deflated("something else ".repeat(50)) }),
      other.encode({ opcode: BINARY, payload: new Uint8Array(50_000) }),
    ]);
    const whole = { opcode: TEXT, rsv: RSV1, payload: deflated(data) };
    peer.write(concat([peer.encode(whole), peer.encode({ opcode: TEXT, payload: utf8("next") })]));
    let pauses = 0;
    for (; parts.at(-1) !== "next"; pauses++) {
      await until(() => connection.isPaused || parts.at(-1) === "next", "the pause");
      const { length } = parts;
      const { bytesIn } = server.counters;
      other.write(others);
      await until(() => server.counters.bytesIn - bytesIn >= others.length, "the other's messages");
      await settle();
      assert.equal(parts.length, length, "nothing comes in a pause");
      connection.resume();
    }
    assert.ok(pauses > 3, `${pauses} pauses`);
    assert.equal(connection.error, undefined, "no error");
    // Not `assert.equal`: the difference of two such texts takes minutes to find.
    assert.ok(parts.slice(0, -1).join("") === data, "all came, in order");
  });

  it("are forgotten when the connection is cut, by itself or by the peer", { timeout: 60_000 }, async (t) => {
    for (const cut of ["terminate", "reset", "handler"]) {
      let calls = 0;
      const { connection, peer } = await open(t, {
        partial: true,
        message(connection) {
          calls++;
          if (cut === "handler") connection.terminate();
        },
      });
      const payload = deflated(sample("html", 300_000));
      peer.send({ opcode: BINARY, rsv: RSV1, fin: false, payload });
      await until(() => calls > 0, "a part");
      connection.sendAll(new Message("a".repeat(1000), "text", true));
      if (cut === "terminate") connection.terminate();
      if (cut === "reset") peer.reset();
      assert.equal((await connection.closed).code, 1006, cut);
      if (cut === "handler") assert.equal(calls, 1);
      assert.equal(connection.send("more"), undefined);
      assert.equal(connection.retainedLength, 0, cut);
    }
  });

  it("a Close between fragments ends the message", { timeout: 60_000 }, async (t) => {
    const received: unknown[] = [];
    const { connection, peer, errors } = await open(t, {
      message: (_connection, message) => received.push(message.data),
    });
    connection.sendAll(new Message("the beginning of a text", "text", true));
    peer.send(
      { opcode: TEXT, rsv: RSV1, fin: false, payload: flushed("a beginning") },
      { opcode: 8, payload: Uint8Array.of(0x0f, 0xa0) },
    );
    assert.equal((await connection.closed).code, 4000);
    assert.deepEqual([received, errors], [[], []]);
    const last = peer.take().at(-1);
    assert.match(String(last), /^close 4000/);
  });

  it("behind one whose handler fails are not delivered", { timeout: 60_000 }, async (t) => {
    const received: unknown[] = [];
    const errors: string[] = [];
    const { connection, peer } = await open(t, {
      error: (_connection, error) => errors.push(error.message),
      message(connection, message) {
        received.push(message.data);
        connection.send(message.data, { compress: false });
        if (message.data === "bb") throw new Error("enough");
      },
    });
    peer.write(
      concat(
        ["aa", "bb", "cc"].map((data) => peer.encode({ opcode: TEXT, rsv: RSV1, payload: deflated(data) })),
      ),
    );
    await peer.ended();
    assert.deepEqual(peer.take(), ["text aa", "text bb", "close 1011"]);
    assert.deepEqual([received, errors], [["aa", "bb"], ["enough"]]);
    assert.equal((await connection.closed).code, 1006);
  });
});

describe("memory", () => {
  it("comes back when a handler cuts the connection, with messages still to be delivered", {
    timeout: 60_000,
  }, async (t) => {
    // A window that no other test has here, and so blocks of a length of their own.
    const extension = "permessage-deflate; client_max_window_bits=9";
    for (const contextTakeover of [true, false]) {
      const probe = new Decompressor({ windowBits: 9, contextTakeover });
      probe.decompress(deflated("a"), false);
      const { retainedLength } = probe;
      probe.release();
      for (const borrow of [true, false]) {
        let held: boolean | undefined;
        const { connection, peer } = await open(
          t,
          {
            borrow,
            perMessageDeflate: { clientNoContextTakeover: !contextTakeover },
            message(connection) {
              held = !shardFor(retainedLength).isEmpty;
              connection.terminate();
            },
          },
          extension,
        );
        const frame = { opcode: BINARY, rsv: RSV1, payload: deflated("a".repeat(100)) };
        peer.send(frame, frame);
        await connection.closed;
        const about = `context takeover ${contextTakeover}, borrow ${borrow}`;
        assert.equal(held, contextTakeover || borrow, about);
        assert.ok(shardFor(retainedLength).isEmpty, about);
      }
    }
  });

  it("comes back when connections close, however they do", { timeout: 60_000 }, async (t) => {
    const server = await listen(t, {
      perMessageDeflate: true,
      message: (connection, message) => connection.send(message.data),
    });
    const data = sample("json", 20_000);
    const cycle = async (i: number) => {
      const connections = await Promise.all(
        Array.from({ length: 40 }, () => connect(server.url, { perMessageDeflate: true })),
      );
      for (const connection of connections) connection.send(data);
      for (const connection of connections) await connection.receive();
      // In the middle of a message, on both sides.
      for (const connection of connections) connection.sendAll(new Message(data, "binary", true));
      for (const connection of server.connections) connection.sendAll(new Message(data, "binary", true));
      if (i % 3 === 0) for (const connection of connections) connection.terminate();
      else if (i % 3 === 1) for (const connection of server.connections) connection.terminate();
      else for (const connection of connections) void connection.close();
      for (const connection of connections) await connection.closed;
      await until(() => server.connections.size === 0, "the server's close");
    };
    for (let i = 0; i < 6; i++) await cycle(i);
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 24; i++) await cycle(i);
    const grown = process.memoryUsage().rss - before;
    // 960 connections of two sides: some 60 KiB each would be 120 MB.
    assert.ok(grown < 60e6, `the process grew by ${grown} bytes`);
  });
});
