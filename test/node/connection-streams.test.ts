/** A connection as web streams and as a Duplex: against real peers, with backpressure, ends and errors both ways. */

import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { type Duplex, PassThrough, Readable, Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { createWebSocketStream, WebSocketServer, WebSocket as Ws } from "ws";
import {
  type Connection,
  InvalidStateError,
  type WebSocketError as SomeWebSocketError,
  WebSocketError,
  WebSocketStream,
} from "../../src/index.js";
import { both, listen } from "../support/connections.js";
import { settle, until } from "../support/sockets.js";

const LENGTH = Number(process.env.HAWSER_STREAM_MB ?? 100) << 20;
const CHUNK = 0x10000;
/** What both sides may take above their idle processes. */
const MOST_MEMORY = 64 << 20;

function failure(promise: Promise<unknown>): Promise<SomeWebSocketError> {
  return promise.then(
    () => assert.fail("it must fail"),
    (error) => error,
  );
}

const TIMEOUT = { timeout: 60_000 };

describe("connection.stream()", TIMEOUT, () => {
  it("gives strings for text and bytes for binary messages, both ways", async (t) => {
    const { accepted, connection } = await both(t);
    const [ours, theirs] = [connection.stream(), accepted.stream()];
    const writer = ours.writable.getWriter();
    const reader = theirs.readable.getReader();
    for (const sent of ["text", "", "東京", Uint8Array.of(1, 2), new Uint8Array(0)]) {
      await writer.write(sent);
      const { value } = await reader.read();
      assert.deepEqual(typeof value === "string" ? value : new Uint8Array(value as Uint8Array), sent);
    }
    await theirs.writable.getWriter().write("back");
    assert.deepEqual(await ours.readable.getReader().read(), { value: "back", done: false });
  });

  it("an echo is a pipe, and comes to its end in order", async (t) => {
    const { accepted, connection } = await both(t);
    const { readable, writable } = accepted.stream();
    const echoed = readable.pipeTo(writable);
    const ours = connection.stream();
    const writer = ours.writable.getWriter();
    const reader = ours.readable.getReader();
    for (let i = 0; i < 100; i++) {
      await writer.write(`${i}`);
      assert.equal((await reader.read()).value, `${i}`);
    }
    await writer.close();
    assert.equal((await reader.read()).done, true);
    await echoed;
    assert.deepEqual(await accepted.closed, { code: 1000, reason: "" });
  });

  it("messages go to one place", async (t) => {
    const { connection, accepted } = await both(t, { message: () => undefined });
    connection.stream();
    assert.throws(() => connection.stream(), InvalidStateError);
    assert.throws(() => connection.duplex(), InvalidStateError);
    assert.throws(() => accepted.stream(), /message handler/);
    assert.throws(() => accepted.duplex(), InvalidStateError);
  });

  it("the socket is not read while the readable is full, and a writer waits", async (t) => {
    const { accepted, connection } = await both(t);
    const { readable } = accepted.stream();
    const writer = connection.stream().writable.getWriter();
    const chunk = new Uint8Array(1 << 18);
    let written = 0;
    let isDone = false;
    const total = 256;
    const writing = (async () => {
      for (let i = 0; i < total; i++) {
        await writer.ready;
        await writer.write(chunk);
        written++;
      }
      await writer.close();
      isDone = true;
    })();
    // Until nothing moves any more: the writer waits for a reader.
    for (let before = -1; before !== written; ) {
      before = written;
      for (let i = 0; i < 20; i++) await settle();
    }
    assert.ok(written < total, `${written} messages were written`);
    assert.ok(!isDone);
    // 64 KiB, and the message that exceeds them.
    assert.ok(connection.bufferedAmount < 1 << 20, `${connection.bufferedAmount} bytes wait`);
    assert.ok(accepted.counters.messagesIn <= 4, `${accepted.counters.messagesIn} messages were read`);
    let length = 0;
    for await (const data of readable) length += data.length;
    await writing;
    assert.equal(length, total * chunk.length);
  });

  it("cancel and abort: the code of a WebSocketError, else 1000 or 1011", async (t) => {
    const coded = new WebSocketError("why", { closeCode: 3003, reason: "mine" });
    const foreign = Object.defineProperty(new WebSocketError("x"), "closeCode", { value: 1006 });
    const ways: [
      what: string,
      end: (connection: Connection) => Promise<unknown>,
      code: number,
      reason: string,
    ][] = [
      ["cancel()", (connection) => connection.stream().readable.cancel(), 1000, ""],
      ["cancel(error)", (connection) => connection.stream().readable.cancel(new Error("x")), 1011, ""],
      ["cancel(coded)", (connection) => connection.stream().readable.cancel(coded), 3003, "mine"],
      ["cancel(foreign)", (connection) => connection.stream().readable.cancel(foreign), 1011, ""],
      ["abort()", (connection) => connection.stream().writable.abort(), 1011, ""],
      ["abort(coded)", (connection) => connection.stream().writable.abort(coded), 3003, "mine"],
      [
        "abort(no code)",
        (connection) => connection.stream().writable.abort(new WebSocketError("x")),
        1005,
        "",
      ],
      ["close()", (connection) => connection.stream().writable.close(), 1000, ""],
    ];
    for (const [what, end, code, reason] of ways) {
      const { accepted, connection } = await both(t);
      await end(connection);
      assert.deepEqual(await accepted.closed, { code, reason }, what);
    }
  });

  it("a close with an error code is an error of both streams, with that code", async (t) => {
    for (const [code, reason] of [
      [1001, "away"],
      [1011, ""],
      [4401, "who?"],
    ] as const) {
      const { accepted, connection } = await both(t);
      const { readable, writable } = accepted.stream();
      const writer = writable.getWriter();
      const ends = [failure(readable.getReader().read()), failure(writer.closed)];
      void connection.close(code, reason);
      for (const error of await Promise.all(ends)) {
        assert.ok(error instanceof WebSocketError);
        assert.deepEqual([error.name, error.closeCode, error.reason], ["WebSocketError", code, reason]);
      }
      assert.equal(await failure(writer.write("x")), await ends[1]);
    }
  });

  it("a cut connection fails after the messages that arrived before", async (t) => {
    const { accepted, connection } = await both(t);
    const { readable } = accepted.stream();
    connection.sendNow("arrived");
    await until(() => accepted.counters.messagesIn === 1);
    connection.terminate();
    await accepted.closed;
    const reader = readable.getReader();
    assert.equal((await reader.read()).value, "arrived");
    assert.equal((await failure(reader.read())).closeCode, 1006);
  });

  it("a violation, and a limit, are the cause of the error", async (t) => {
    const { accepted, connection } = await both(t, { maxMessageSize: 10 });
    const { readable } = accepted.stream();
    connection.send("longer than ten bytes");
    const error = await failure(readable.getReader().read());
    assert.equal(error.cause, accepted.error);
    assert.equal((accepted.error as { code?: string }).code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
  });

  it("a value that cannot be sent is an error of the write, and the connection stays", async (t) => {
    const { connection } = await both(t);
    const writer = connection.stream().writable.getWriter();
    assert.ok((await failure(writer.write(5 as unknown as string))) instanceof TypeError);
    assert.equal(connection.state, "open");
  });

  it("pipeTo with a signal: the abort reaches the peer", async (t) => {
    const { accepted, connection } = await both(t);
    const controller = new AbortController();
    const endless = new ReadableStream<string>({ pull: (to) => to.enqueue("again") });
    const piped = endless.pipeTo(connection.stream().writable as WritableStream<string>, controller);
    const reader = accepted.stream().readable.getReader();
    await reader.read();
    controller.abort(new Error("enough"));
    assert.equal((await failure(piped)).message, "enough");
    const ended = (async () => {
      while (!(await reader.read()).done);
    })();
    assert.equal((await failure(ended)).closeCode, 1011);
  });

  it("leaving a loop over the readable closes in order", async (t) => {
    const { accepted, connection } = await both(t);
    connection.send("one");
    for await (const text of accepted.stream().readable) {
      assert.equal(text, "one");
      break;
    }
    assert.equal((await connection.closed).code, 1000);
  });

  it("a policy that drops makes a writer wait, and nothing is lost", async (t) => {
    const { accepted, connection } = await both(t, {}, { maxBufferedAmount: 1000, onOverflow: "drop" });
    const { readable } = accepted.stream();
    const source = Readable.from(
      (function* () {
        for (let i = 0; i < 500; i++) yield "x".repeat(999);
      })(),
    );
    const sent = Readable.toWeb(source).pipeTo(connection.stream().writable as WritableStream);
    let count = 0;
    for await (const data of readable) count += data.length / 999;
    await sent;
    assert.equal(count, 500);
  });
});

describe("connection.duplex()", TIMEOUT, () => {
  it("gives bytes for all types of messages", async (t) => {
    const { accepted, connection } = await both(t);
    const ours = connection.duplex();
    for (const data of ["te", "", "xt", Uint8Array.of(33), new Uint8Array(0)]) accepted.send(data);
    void accepted.close();
    const chunks: Buffer[] = [];
    for await (const chunk of ours) {
      assert.ok(Buffer.isBuffer(chunk));
      chunks.push(chunk);
    }
    assert.equal(Buffer.concat(chunks).toString(), "text!");
  });

  it("in object mode it is messages", async (t) => {
    const { accepted, connection } = await both(t);
    const [ours, theirs] = [connection.duplex({ objectMode: true }), accepted.duplex({ objectMode: true })];
    for (const data of ["text", Uint8Array.of(1)]) ours.write(data);
    ours.end();
    assert.deepEqual(await theirs.map((data) => (typeof data === "string" ? data : [...data])).toArray(), [
      "text",
      [1],
    ]);
  });

  it("an echo by pipe, and pipelines, come to their end", async (t) => {
    const { accepted, connection } = await both(t);
    const theirs = accepted.duplex();
    const echoed = pipeline(theirs, theirs);
    const ours = connection.duplex();
    const parts = Array.from({ length: 200 }, (_, i) => Buffer.alloc(1000, i));
    const sent = Buffer.concat(parts);
    const got: Buffer[] = [];
    let length = 0;
    ours.on("data", (chunk) => {
      got.push(chunk);
      length += chunk.length;
      if (length === sent.length) ours.end();
    });
    Readable.from(parts).pipe(ours, { end: false });
    await once(ours, "close");
    await echoed;
    assert.ok(Buffer.concat(got).equals(sent));
    assert.equal((await accepted.closed).code, 1000);
  });

  it("an error of ours cuts, and one of the peer's is an error", async (t) => {
    const { accepted, connection } = await both(t);
    const [ours, theirs] = [connection.duplex(), accepted.duplex()];
    const broken = new Readable({ read: () => undefined });
    const sent = pipeline(broken, ours);
    const received = pipeline(theirs, new PassThrough().resume());
    broken.destroy(new Error("the disk is gone"));
    assert.equal((await failure(sent)).message, "the disk is gone");
    const error = await failure(received);
    assert.ok(error instanceof WebSocketError);
    assert.equal(error.closeCode, 1006);
  });

  it("a stream that only writes gets an error when the connection is lost", async (t) => {
    const { accepted, connection } = await both(t);
    const ours = connection.duplex();
    ours.write("x");
    accepted.terminate();
    const [error] = await once(ours, "error");
    assert.equal(error.closeCode, 1006);
  });

  it("a write behind the peer's close fails", async (t) => {
    const { accepted, connection } = await both(t);
    const ours = connection.duplex();
    await accepted.close();
    ours.write("x");
    const [error] = await once(ours, "error");
    assert.match(error.message, /closed/);
  });

  it("destroying it releases the connection", async (t) => {
    const { accepted, connection } = await both(t);
    connection.duplex().destroy();
    assert.equal((await accepted.closed).code, 1006);
    assert.equal((await connection.closed).code, 1006);
  });

  it("meets createWebSocketStream of ws", async (t) => {
    const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    t.after(() => server.close());
    await once(server, "listening");
    server.on("connection", (webSocket) => {
      const stream = createWebSocketStream(webSocket);
      stream.pipe(stream);
    });
    const hawser = await listen(t, {
      open(connection) {
        const duplex = connection.duplex();
        duplex.pipe(duplex);
      },
    });
    const { connect } = await import("../../src/index.js");
    const { port } = server.address() as { port: number };
    const streams: Duplex[] = [
      (await connect(`ws://127.0.0.1:${port}`)).duplex(),
      createWebSocketStream(new Ws(hawser.url)),
    ];
    for (const stream of streams) {
      const sent = Buffer.alloc(1 << 20, "hawser");
      const got: Buffer[] = [];
      let length = 0;
      stream.on("data", (chunk) => {
        got.push(chunk);
        length += chunk.length;
        if (length === sent.length) stream.end();
      });
      const parts = Array.from({ length: 16 }, (_, i) => sent.subarray(i * CHUNK, (i + 1) * CHUNK));
      Readable.from(parts).pipe(stream, { end: false });
      await once(stream, "close");
      assert.ok(Buffer.concat(got).equals(sent));
    }
  });
});

describe(`${LENGTH >> 20} MiB`, { timeout: 240_000 }, () => {
  /** A process of its own, so that each side's memory is its own. */
  async function sender(t: { after(run: () => void): void }): Promise<ChildProcess> {
    const file = fileURLToPath(new URL("../support/stream-sender.ts", import.meta.url));
    const child = fork(file, { execArgv: ["--import", import.meta.resolve("tsx")] });
    t.after(() => child.kill());
    return child;
  }

  for (const how of ["stream", "duplex", "WebSocketStream"] as const) {
    for (const pace of ["as fast as it can", "slowly at first"] as const) {
      it(`through ${how}, read ${pace}`, async (t) => {
        const hash = createHash("sha256");
        let length = 0;
        let most = 0;
        const received: Promise<unknown>[] = [];
        const server = await listen(t, {
          open(connection) {
            const idle = process.memoryUsage().rss;
            const take = async (chunk: string | Uint8Array) => {
              hash.update(chunk);
              length += chunk.length;
              // A reader that is slow for a while: everything in between has filled up by then.
              if (pace === "slowly at first" && length < CHUNK * 40) await settle(5);
              if (length % (CHUNK * 16) === 0) most = Math.max(most, process.memoryUsage().rss - idle);
            };
            const sink = new Writable({
              write: (chunk, _, done) => void take(chunk).then(() => done(), done),
            });
            received.push(
              how === "duplex"
                ? pipeline(connection.duplex(), sink)
                : connection.stream().readable.pipeTo(new WritableStream({ write: take })),
            );
          },
        });
        const child = await sender(t);
        child.send({ url: server.url, how, length: LENGTH, chunk: CHUNK });
        const [sent] = (await once(child, "message")) as [{ hash: string; most: number }];
        // A WebSocketStream's end has no code, which is an end, too.
        await Promise.all(received);
        assert.equal(length, LENGTH);
        assert.equal(hash.digest("hex"), sent.hash);
        t.diagnostic(`sender ${sent.most >> 20} MiB, receiver ${most >> 20} MiB above idle`);
        assert.ok(sent.most < MOST_MEMORY, `the sender took ${sent.most} bytes`);
        assert.ok(most < MOST_MEMORY, `the receiver took ${most} bytes`);
      });
    }
  }
});

describe("WebSocketStream", TIMEOUT, () => {
  it("takes options of connect", async (t) => {
    const server = await listen(t, { authorize: ({ headers }) => headers["x-key"] === "1" });
    const refused = new WebSocketStream(server.url);
    assert.match(String((await failure(refused.opened)).cause), /status 101, not 401/);
    const stream = new WebSocketStream(server.url, { headers: { "x-key": "1" }, perMessageDeflate: true });
    await stream.opened;
    stream.close();
    assert.deepEqual(await stream.closed, { closeCode: 1005, reason: "" });
    assert.throws(
      () => new WebSocketStream(server.url, { text: "bytes" } as object),
      /text is always a string/,
    );
    assert.throws(() => new WebSocketStream(server.url, { message() {} } as object), TypeError);
  });

  it("passes the reason of a signal on, and leaves nothing on it", async (t) => {
    const server = await listen(t);
    const controller = new AbortController();
    const reason = new Error("mine");
    const stream = new WebSocketStream(server.url, controller);
    controller.abort(reason);
    assert.equal(await failure(stream.opened), reason);
    assert.equal(await failure(stream.closed), reason);
  });

  it("delivers messages that came before a Close", async (t) => {
    const server = await listen(t, {
      open(connection) {
        for (let i = 0; i < 10; i++) connection.send(`${i}`);
        void connection.close(3001, "bye");
      },
    });
    const stream = new WebSocketStream(server.url);
    const { readable } = await stream.opened;
    await stream.closed;
    const got: unknown[] = [];
    for await (const text of readable) got.push(text);
    assert.equal(got.join(""), "0123456789");
  });
});
