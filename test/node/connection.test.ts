/** Connection: what users call, on both sides, against a peer that speaks by hand. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { inspect } from "node:util";
import {
  type AnyMessage,
  Connection,
  connect,
  InvalidStateError,
  isConnection,
  LimitError,
  Message,
  prepareMessage,
} from "../../src/index.js";
import { NOT_BYTES } from "../support/bytes.js";
import { certificate } from "../support/certificate.js";
import { both, listen, serverAndPeer, withPeer } from "../support/connections.js";
import { BINARY, CLOSE, CONTINUATION, closeBody, concat, PING, PONG, TEXT } from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import {
  eachReadPath,
  rawClient,
  settle,
  sleep,
  socketPair,
  socketPath,
  until,
  watchWrites,
} from "../support/sockets.js";

const ROLES = ["server", "client"] as const;

for (const role of ROLES) {
  eachReadPath(`Connection as a ${role}`, () => {
    it("sends every type of data", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      const bytes = hex("00 01 02 03 ff");
      assert.equal(connection.send("text é"), true);
      connection.send(bytes);
      connection.send(bytes.buffer);
      connection.send(new DataView(bytes.buffer, 1, 2));
      connection.send(new Uint16Array([0x0102]));
      connection.send(Buffer.from("ff", "hex"));
      connection.send(new Uint8Array(new SharedArrayBuffer(1)));
      connection.send(utf8("text"), { type: "text" });
      connection.sendBinary(hex("0a"));
      connection.send(prepareMessage("prepared"));
      connection.sendMessage(new Message("message", "text"));
      connection.sendMessage(new Message(hex("70"), "ping"));
      connection.sendMessage(new Message(hex("71"), "pong"));
      await until(() => peer.frames.length === 13);
      assert.deepEqual(peer.take(), [
        "text text é",
        "binary 00010203ff",
        "binary 00010203ff",
        "binary 0102",
        "binary 0201",
        "binary ff",
        "binary 00",
        "text text",
        "binary 0a",
        "text prepared",
        "text message",
        "ping p",
        "pong q",
      ]);
    });

    it("refuses anything that is not a message: no number becomes a length (CVE-2016-10518)", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      const odd = [
        5,
        2 ** 31,
        Number.NaN,
        true,
        Symbol("x"),
        5n,
        {},
        [1],
        { length: 5 },
        () => 5,
        null,
        undefined,
      ];
      for (const wrong of odd) {
        assert.throws(() => connection.send(wrong as string), TypeError, String(wrong));
        assert.throws(() => connection.sendNow(wrong as string), TypeError);
        assert.throws(() => connection.sendBinary(wrong as Uint8Array), TypeError);
        // Without a payload, both have a default.
        if (wrong !== undefined && wrong !== null) {
          assert.throws(() => connection.ping(wrong as string), TypeError, String(wrong));
          assert.throws(() => connection.pong(wrong as string), TypeError, String(wrong));
        }
        assert.throws(() => connection.sendMessage(wrong as never), TypeError);
        assert.throws(() => connection.sendAll(wrong as never), TypeError);
        assert.throws(() => connection.close(1000, (wrong ?? 5) as string), TypeError);
      }
      for (const wrong of NOT_BYTES) {
        if (wrong === undefined || wrong === null || typeof wrong === "string") continue;
        if (ArrayBuffer.isView(wrong) || wrong instanceof ArrayBuffer) continue;
        assert.throws(() => connection.ping(wrong as string), TypeError, String(wrong));
      }
      connection.send("after");
      assert.equal(await peer.next(), "text after");
    });

    it("sends fragments by hand, and refuses what does not fit between them", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      connection.sendMessage(new Message("a", "text", true));
      assert.throws(() => connection.sendMessage(new Message(hex("01"), "binary", true)), InvalidStateError);
      connection.ping("p").catch(() => undefined);
      connection.sendMessage(new Message("b", "text", true));
      connection.sendMessage(new Message("c", "text", false));
      connection.sendMessage(new Message(hex("01"), "binary", true));
      connection.sendMessage(new Message(hex("02"), "binary"));
      await until(() => peer.frames.length === 6);
      assert.deepEqual(peer.take(), [
        "text… a",
        "ping p",
        "continuation… b",
        "continuation c",
        "binary… 01",
        "continuation \u{2}",
      ]);
    });

    it("sendMessage wants one frame, send and sendAll cut", async (t) => {
      const { connection, peer } = await withPeer(t, role, { maxFrameSize: 4 });
      assert.throws(() => connection.sendMessage(new Message("ééé", "text")), RangeError);
      assert.throws(() => connection.sendMessage(new Message(new Uint8Array(5), "binary")), RangeError);
      connection.sendMessage(new Message("éé", "text"));
      connection.sendAll(new Message("abcdef", "text"));
      connection.send("ghijkl");
      await until(() => peer.frames.length === 5);
      assert.deepEqual(peer.take(), [
        "text éé",
        "text… abcd",
        "continuation ef",
        "text… ghij",
        "continuation kl",
      ]);
      connection.sendAll(new Message("bye", "close", false, 3000));
      assert.equal(await peer.next(), "close 3000 bye");
    });

    it("everything sent while handlers run leaves in one write, also over many messages", async (t) => {
      const { connection, peer } = await withPeer(t, role, {
        message(connection, { data }) {
          for (let i = 0; i < 3; i++) connection.send(`${data}${i}`);
        },
      });
      const writes = watchWrites(connection.socket);
      peer.write(concat(["a", "b", "c"].map((text) => peer.encode({ opcode: TEXT, payload: utf8(text) }))));
      await until(() => peer.frames.length === 9);
      assert.deepEqual(
        peer.take(),
        ["a", "b", "c"].flatMap((text) => [0, 1, 2].map((i) => `text ${text}${i}`)),
      );
      assert.equal(writes.length, 1);
    });

    it("messages sent outside of handlers leave when the current callback is done", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      const writes = watchWrites(connection.socket);
      connection.send("one");
      connection.send("two");
      assert.equal(writes.length, 0);
      assert.ok(connection.bufferedAmount > 0);
      await Promise.resolve().then(() => connection.send("three"));
      await until(() => peer.frames.length === 3);
      assert.ok(writes.length <= 2);
      assert.equal(connection.bufferedAmount, 0);
    });

    it("sendNow reaches the system before it returns, behind queued messages", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      const writes = watchWrites(connection.socket);
      connection.send("queued");
      connection.sendNow("now");
      assert.equal(writes.length, 1);
      connection.sendBinaryNow(hex("01"));
      assert.equal(writes.length, 2);
      connection.send("flushed");
      connection.flush();
      assert.equal(writes.length, 3);
      connection.flush();
      assert.equal(writes.length, 3);
      await until(() => peer.frames.length === 4);
      assert.deepEqual(peer.take(), ["text queued", "text now", "binary 01", "text flushed"]);
    });

    it("receives by receive, for await and handlers alike", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      peer.send({ opcode: TEXT, payload: utf8("one") }, { opcode: BINARY, payload: hex("02") });
      const first = await connection.receive();
      assert.deepEqual([first?.type, first?.data, first?.partial], ["text", "one", false]);
      assert.equal(toHex((await connection.receive())?.data as Uint8Array), "02");
      const waiting = [connection.receive(), connection.receive()];
      peer.send({ opcode: TEXT, payload: utf8("three") }, { opcode: TEXT, payload: utf8("four") });
      assert.deepEqual((await Promise.all(waiting)).map(String), ["three", "four"]);
      peer.send({ opcode: TEXT, payload: utf8("five") }, { opcode: TEXT, payload: utf8("six") });
      await settle();
      const handled: string[] = [];
      connection.handlers = {
        message: (_connection, message) => {
          handled.push(String(message));
        },
      };
      peer.send({ opcode: TEXT, payload: utf8("seven") });
      await until(() => handled.length === 3);
      assert.deepEqual(handled, ["five", "six", "seven"]);
    });

    it("iterates until the connection is closed, and loses nothing that came before", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      peer.send(
        { opcode: TEXT, payload: utf8("one") },
        { opcode: TEXT, payload: utf8("two") },
        { opcode: CLOSE, payload: closeBody(1000, "done") },
      );
      if (role === "client") void peer.ended().then(() => peer.socket.end());
      if (role === "client") setTimeout(() => peer.socket.end(), 20);
      const seen: string[] = [];
      for await (const message of connection) seen.push(String(message));
      assert.deepEqual(seen, ["one", "two"]);
      assert.equal(await connection.receive(), undefined);
      assert.deepEqual(await connection.closed, { code: 1000, reason: "done" });
    });

    it("leaving the loop closes the connection", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      peer.send({ opcode: TEXT, payload: utf8("one") }, { opcode: TEXT, payload: utf8("two") });
      for await (const message of connection) {
        assert.equal(String(message), "one");
        break;
      }
      assert.equal(await peer.next(), "close 1000");
      assert.equal(connection.state, "closing");
    });

    it("puts parts together by receiveAll, within a limit", async (t) => {
      const { connection, peer } = await withPeer(t, role, { partial: true });
      const text = "é水😀";
      for (const byte of peer.encode({ opcode: TEXT, payload: utf8(text) })) {
        peer.write(Uint8Array.of(byte));
        await settle(1);
      }
      const whole = await connection.receiveAll();
      assert.deepEqual([whole?.type, whole?.data, whole?.partial], ["text", text, false]);
      peer.send(
        { opcode: BINARY, fin: false, payload: hex("01 02") },
        { opcode: CONTINUATION, payload: hex("03") },
        { opcode: TEXT, payload: utf8("whole") },
      );
      assert.equal(toHex((await connection.receiveAll(3))?.data as Uint8Array), "010203");
      assert.equal(String(await connection.receiveAll(5)), "whole");
      peer.send(
        { opcode: BINARY, fin: false, payload: hex("01 02") },
        { opcode: CONTINUATION, payload: hex("03") },
      );
      await assert.rejects(
        connection.receiveAll(2),
        (error) => error instanceof LimitError && error.limit === 2 && error.actual === 3,
      );
      assert.match(await peer.next(), /^close 1009/);
    });

    it("measures round trips", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      const first = connection.ping();
      const second = connection.ping("named");
      await until(() => peer.frames.length === 2);
      const [, named] = peer.frames;
      assert.equal(Buffer.from(named.payload).toString(), "named");
      peer.send({ opcode: PONG, payload: utf8("unsolicited") });
      await sleep(10);
      peer.send({ opcode: PONG, payload: named.payload });
      const [a, b] = await Promise.all([first, second]);
      assert.ok(b >= 9 && a >= b, `${a} and ${b} ms`);
      assert.throws(() => connection.ping("x".repeat(126)), RangeError);
      const never = connection.ping();
      connection.terminate();
      await assert.rejects(never, InvalidStateError);
      await connection.closed;
      await assert.rejects(connection.ping(), InvalidStateError);
      connection.pong("late"); // It may have closed at any time: no misuse.
    });

    it("closes when we ask: Close, the answer, the end", async (t) => {
      const closes: unknown[] = [];
      const { connection, peer } = await withPeer(t, role, {
        close: (_connection, code, reason) => {
          closes.push([code, reason]);
        },
      });
      connection.send("before");
      const closed = connection.close(3000, "bye");
      assert.deepEqual([connection.state, connection.connected], ["closing", false]);
      assert.equal(connection.send("after"), undefined);
      assert.equal(connection.sendMessage(new Message("after", "text")), undefined);
      assert.equal(await peer.next(), "text before");
      assert.equal(await peer.next(), "close 3000 bye");
      peer.send({ opcode: TEXT, payload: utf8("under way") });
      peer.send({ opcode: CLOSE, payload: closeBody(3000) });
      if (role === "server") await peer.ended();
      else {
        await sleep(20);
        assert.equal(peer.hasEnded, false, "§7.1.1: the client waits for the server's end");
        peer.socket.end();
      }
      assert.deepEqual(await closed, { code: 3000, reason: "" });
      assert.deepEqual(await connection.close(), { code: 3000, reason: "" });
      assert.deepEqual(closes, [[3000, ""]]);
      assert.equal(connection.state, "closed");
      assert.deepEqual(
        [connection.closeCode, connection.closeReason, connection.error],
        [3000, "", undefined],
      );
      assert.equal(await connection.receive(), undefined, "a message behind our Close is dropped");
      assert.deepEqual(peer.take(), []);
    });

    it("closes when the peer asks", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      peer.send({ opcode: CLOSE, payload: closeBody(4000, "why not") });
      assert.equal(await peer.next(), "close 4000");
      if (role === "client") peer.socket.end();
      await peer.closed();
      assert.deepEqual(await connection.closed, { code: 4000, reason: "why not" });
      assert.equal(await connection.receive(), undefined);
    });

    it("refuses codes that must not be sent, at once", async (t) => {
      const { connection } = await withPeer(t, role);
      for (const code of [0, 999, 1004, 1016, 5000, Number.NaN]) {
        assert.throws(() => connection.close(code), RangeError);
      }
      assert.throws(() => connection.close(1000, "x".repeat(124)), RangeError);
      assert.equal(connection.state, "open");
    });

    it("an end without a Close is 1006, and so is a reset", async (t) => {
      const ended = await withPeer(t, role);
      ended.peer.socket.end();
      assert.deepEqual(await ended.connection.closed, { code: 1006, reason: "" });
      assert.equal(ended.connection.error, undefined);
      const reset = await withPeer(t, role);
      reset.peer.reset();
      assert.deepEqual(await reset.connection.closed, { code: 1006, reason: "" });
      assert.equal((reset.connection.error as NodeJS.ErrnoException).code, "ECONNRESET");
    });

    it("terminate cuts, without a Close", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      connection.send("lost");
      connection.terminate();
      assert.deepEqual(await connection.closed, { code: 1006, reason: "" });
      await peer.closed();
      assert.deepEqual(peer.take(), []);
      connection.terminate();
      assert.equal(connection.send("x"), undefined);
      assert.equal(connection.sendNow("x"), undefined);
      connection.flush();
      connection.pause();
      connection.resume();
      await connection.drained();
      assert.deepEqual(await connection.close(), { code: 1006, reason: "" });
    });

    it("terminates and closes while it is paused, and while too much waits to be received", async (t) => {
      const paused = await withPeer(t, role);
      paused.connection.pause();
      paused.connection.terminate();
      assert.deepEqual(await paused.connection.closed, { code: 1006, reason: "" });

      const stalled = await withPeer(t, role, { highWaterMark: 1000 });
      for (let i = 0; i < 20; i++) stalled.peer.send({ opcode: TEXT, payload: utf8("x".repeat(200)) });
      await settle(20);
      stalled.connection.terminate();
      assert.deepEqual(await stalled.connection.closed, { code: 1006, reason: "" });

      const closing = await withPeer(t, role, { highWaterMark: 1000 });
      for (let i = 0; i < 20; i++) closing.peer.send({ opcode: TEXT, payload: utf8("x".repeat(200)) });
      await settle(20);
      const closed = closing.connection.close();
      assert.equal(await closing.peer.next(), "close 1000");
      for (let i = 0; i < 1000; i++) closing.peer.send({ opcode: TEXT, payload: utf8("y".repeat(200)) });
      closing.peer.send({ opcode: CLOSE, payload: closeBody(1000) });
      closing.peer.socket.end();
      assert.deepEqual(await closed, { code: 1000, reason: "" });
      let waiting = 0;
      while ((await closing.connection.receive()) !== undefined) waiting++;
      assert.ok(waiting > 0 && waiting < 30, `${waiting} messages were kept for a side that closes`);
    });

    it("pauses in the middle of a chunk: delivers nothing meanwhile and loses nothing", async (t) => {
      const seen: string[] = [];
      const { connection, peer } = await withPeer(t, role, {
        message(connection, message) {
          seen.push(String(message));
          if (seen.length === 2) connection.pause();
        },
      });
      const frames = (from: number, to: number) =>
        concat(
          Array.from({ length: to - from }, (_, i) =>
            peer.encode({
              opcode: i % 2 ? BINARY : TEXT,
              payload: utf8(`message ${from + i} ${"x".repeat(50)}`),
            }),
          ),
        );
      peer.write(frames(0, 100));
      await until(() => seen.length === 2);
      assert.equal(connection.isPaused, true);
      for (let i = 100; i < 2000; i += 100) peer.write(frames(i, i + 100));
      await sleep(20);
      assert.equal(seen.length, 2);
      // Bytes that others read meanwhile must not be seen here.
      const other = await withPeer(t, role);
      for (let i = 0; i < 20; i++)
        other.peer.send({ opcode: BINARY, payload: new Uint8Array(1000).fill(0xdb) });
      await settle(20);
      connection.resume();
      await until(() => seen.length === 2000);
      assert.deepEqual(
        seen,
        Array.from({ length: 2000 }, (_, i) => `message ${i} ${"x".repeat(50)}`),
      );
      connection.resume();
    });

    it("reads no more while it is paused, so that the peer has to wait", async (t) => {
      const { connection, peer } = await withPeer(t, role, { message: () => undefined });
      connection.pause();
      const before = connection.counters.bytesIn;
      const chunk = peer.encode({ opcode: BINARY, payload: new Uint8Array(1 << 20) });
      const written = 24;
      for (let i = 0; i < written; i++) peer.write(chunk);
      await sleep(50);
      assert.ok(peer.socket.writableLength > 0, "the peer's bytes wait at the peer");
      assert.ok(connection.counters.bytesIn - before < 2 << 20);
      connection.resume();
      await until(() => connection.counters.messagesIn === written);
    });

    it("does not read while too much waits for receive, and goes on once it was received", async (t) => {
      const { connection, peer } = await withPeer(t, role, { highWaterMark: 10_000 });
      const chunk = peer.encode({ opcode: BINARY, payload: new Uint8Array(100_000) });
      for (let i = 0; i < 200; i++) peer.write(chunk);
      await sleep(50);
      assert.ok(peer.socket.writableLength > 0, "the sender sees it");
      const held = connection.counters.messagesIn;
      assert.ok(held < 150, `${held} messages were read`);
      for (let i = 0; i < 200; i++) assert.equal((await connection.receive())?.data.length, 100_000);
      assert.equal(peer.socket.writableLength, 0);
    });

    it("says false when it is time to wait, then drains", async (t) => {
      let drains = 0;
      const { connection, peer } = await withPeer(t, role, {
        highWaterMark: 100_000,
        drain: () => {
          drains++;
        },
      });
      peer.socket.pause();
      const data = new Uint8Array(50_000);
      assert.equal(connection.send(data), true);
      await connection.drained();
      let sent = 1;
      // The system takes some, and then no more.
      while (connection.bufferedAmount < 100_000) {
        connection.sendNow(data);
        assert.ok(++sent < 1000);
      }
      assert.equal(connection.send("x"), false);
      drains = 0;
      let isDrained = false;
      const drained = connection.drained().then(() => {
        isDrained = true;
      });
      await sleep(20);
      assert.deepEqual([isDrained, drains], [false, 0]);
      peer.socket.resume();
      await drained;
      assert.ok(connection.bufferedAmount < 100_000);
      await until(() => drains === 1);
      await until(() => peer.frames.length === sent + 1);
      assert.equal(connection.bufferedAmount, 0);
    });

    it("no caller waits for a connection that is gone", async (t) => {
      const { connection, peer } = await withPeer(t, role, { highWaterMark: 1000 });
      peer.socket.pause();
      while (connection.bufferedAmount < 1 << 20) connection.sendNow(new Uint8Array(1 << 20));
      const drained = connection.drained();
      connection.terminate();
      await drained;
    });

    for (const onOverflow of ["close", "drop", "throw"] as const) {
      it(`when more than maxBufferedAmount waits: ${onOverflow}`, async (t) => {
        const errors: Error[] = [];
        const { connection, peer } = await withPeer(t, role, {
          highWaterMark: 0x10000,
          maxBufferedAmount: 1 << 20,
          onOverflow,
          closeTimeoutMs: 100,
          error: (_connection, error) => {
            errors.push(error);
          },
        });
        peer.socket.pause();
        const data = new Uint8Array(1 << 18);
        // Until more waits than is allowed, everything is taken.
        for (let i = 0; connection.bufferedAmount <= 1 << 20; i++) {
          connection.sendNow(data);
          assert.ok(i < 1000);
        }
        // The peer has had its chance to read.
        await settle(10);
        const waiting = connection.bufferedAmount;
        if (onOverflow === "throw") {
          assert.throws(() => connection.send(data), RangeError);
          assert.throws(() => connection.sendMessage(new Message(hex(""), "ping")), RangeError);
        } else {
          assert.equal(connection.send(data), undefined);
          assert.equal(connection.sendMessage(new Message(hex(""), "ping")), undefined);
        }
        assert.ok(connection.bufferedAmount <= waiting + 125, "nothing was added but a Close");
        if (onOverflow === "close") {
          assert.equal(connection.state, "closing");
          assert.equal(errors.length, 0, "not inside the call that caused it");
          await settle();
          assert.equal(errors.length, 1);
          assert.ok(errors[0] instanceof RangeError);
          assert.equal(connection.error, errors[0]);
          // The peer never reads the Close: the connection is cut all the same.
          assert.equal((await connection.closed).code, 1006);
        } else {
          assert.deepEqual([connection.state, errors.length], ["open", 0]);
          peer.socket.resume();
          await until(() => connection.bufferedAmount === 0);
          peer.take();
          assert.equal(connection.send("again"), true);
          await until(() => peer.frames.length > 0);
        }
      });
    }

    it("has its outbox as a value: frames, copies, replaceable", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      connection.send("one");
      connection.sendMessage(new Message("two", "text", true));
      connection.sendMessage(new Message("three", "text"));
      connection.send(hex("04"));
      const { outbox } = connection;
      assert.equal(outbox.length, 4);
      const again = connection.outbox;
      for (const frame of again) frame.fill(0xff);
      assert.deepEqual(connection.outbox, outbox, "they are copies");
      connection.outbox = [outbox[3], outbox[0]];
      for (let i = 0; i < 10; i++) outbox[3].fill(0);
      connection.updateOutbox((frames) => [...frames, frames[0]]);
      await until(() => peer.frames.length === 3);
      assert.deepEqual(peer.take(), ["binary 04", "text one", "binary 04"]);
      assert.deepEqual(connection.outbox, []);
      assert.throws(() => {
        connection.outbox = [hex("81 05 00")];
      }, TypeError);
      assert.throws(() => {
        connection.outbox = ["x" as unknown as Uint8Array];
      }, TypeError);
    });

    it("describes itself", async (t) => {
      const { connection, peer } = await withPeer(t, role, { data: 1 });
      const { host, url } = connection;
      assert.match(host, /^127\.0\.0\.1/);
      assert.equal(url, `ws://${host}/chat`);
      assert.equal(String(connection), `Connection(${role} ${url} open)`);
      assert.equal(inspect(connection), String(connection));
      assert.equal(inspect({ connection }), `{ connection: ${connection} }`);
      const json = JSON.parse(JSON.stringify(connection));
      assert.deepEqual([json.role, json.state, json.url], [role, "open", url]);
      assert.equal(connection.protocol, "");
      assert.ok(connection.fd > 0);
      assert.ok(isConnection(connection) && connection instanceof Connection && !isConnection({}));
      assert.deepEqual([connection.maxFrameSize, connection.maxMessageSize], [1 << 20, 1 << 24]);
      const snapshot = connection.clone();
      connection.terminate();
      await connection.closed;
      assert.equal(snapshot.state, "open");
      assert.deepEqual(Object.keys(snapshot).sort(), [
        "bufferedAmount",
        "counters",
        "extensions",
        "fd",
        "host",
        "outbox",
        "perMessageDeflate",
        "protocol",
        "state",
        "transport",
        "url",
      ]);
      assert.deepEqual([connection.state, connection.fd], ["closed", -1]);
      await peer.closed();
    });

    it("counts frames, messages and bytes", async (t) => {
      const { connection, peer } = await withPeer(t, role, { message: () => undefined });
      const first = peer.encode({ opcode: TEXT, fin: false, payload: utf8("a") });
      const last = peer.encode({ opcode: CONTINUATION, payload: utf8("b") });
      const ping = peer.encode({ opcode: PING });
      peer.write(concat([first, ping, last]));
      await until(() => peer.frames.length === 1);
      connection.send("abc");
      await until(() => peer.frames.length === 2);
      const mask = role === "client" ? 4 : 0;
      assert.deepEqual(connection.counters, {
        framesIn: 3,
        framesOut: 2,
        messagesIn: 1,
        messagesOut: 1,
        bytesIn: first.length + last.length + ping.length,
        bytesOut: 2 + mask + 5 + mask,
        messagesDropped: 0,
      });
    });

    it("closes when it is disposed of", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      const disposed = connection[Symbol.asyncDispose]();
      assert.equal(await peer.next(), "close 1000");
      peer.send({ opcode: CLOSE, payload: closeBody(1000) });
      peer.socket.end();
      await disposed;
      assert.equal(connection.state, "closed");
      const other = await withPeer(t, role);
      other.connection[Symbol.dispose]();
      await other.peer.closed();
      assert.deepEqual(other.peer.take(), []);
    });

    it("lends bytes for the time of the handler, if asked to", async (t) => {
      const seen: string[] = [];
      const { peer } = await withPeer(t, role, {
        borrow: true,
        message(connection, { data }) {
          seen.push(toHex(data as Uint8Array));
          connection.send(data);
        },
      });
      for (let i = 0; i < 5; i++) peer.send({ opcode: BINARY, payload: Uint8Array.of(i, i, i) });
      await until(() => peer.frames.length === 5);
      assert.deepEqual(seen, ["000000", "010101", "020202", "030303", "040404"]);
      assert.deepEqual(
        peer.take(),
        seen.map((bytes) => `binary ${bytes}`),
      );
    });

    it("copies bytes that are lent for those who ask for messages, which wait", async (t) => {
      const { connection, peer } = await withPeer(t, role, { borrow: true });
      for (let i = 1; i < 20; i++) peer.send({ opcode: BINARY, payload: new Uint8Array(i * 300).fill(i) });
      await until(() => connection.counters.messagesIn === 19);
      for (let i = 1; i < 20; i++) {
        const { data } = (await connection.receive()) ?? {};
        assert.deepEqual(data, new Uint8Array(i * 300).fill(i));
      }
    });

    it("keeps bytes that were not borrowed as they are", async (t) => {
      const kept: Uint8Array[] = [];
      const { peer } = await withPeer(t, role, {
        message(_connection, { data }) {
          kept.push(data as Uint8Array);
        },
      });
      for (let i = 0; i < 50; i++) {
        peer.send({ opcode: BINARY, payload: new Uint8Array(i * 100).fill(i) });
        if (i % 10 === 0) await settle(2);
      }
      await until(() => kept.length === 50);
      kept.forEach((bytes, i) => {
        assert.ok(bytes.length === i * 100 && bytes.every((byte) => byte === i), `message ${i}`);
      });
    });
  });
}

eachReadPath("Connection: with autoPong and autoClose false", () => {
  it("gives Pings and the Close to the receiver, who answers", async (t) => {
    const { connection, peer } = await serverAndPeer(t, { autoPong: false, autoClose: false });
    peer.send({ opcode: PING, payload: utf8("p") });
    const ping = await connection.receive();
    assert.deepEqual([ping?.type, toHex(ping?.data as Uint8Array)], ["ping", "70"]);
    connection.pong(ping?.data as Uint8Array);
    assert.equal(await peer.next(), "pong p");
    peer.send({ opcode: CLOSE, payload: closeBody(3000, "bye") });
    const close = await connection.receive();
    assert.deepEqual([close?.type, close?.code, close?.data], ["close", 3000, "bye"]);
    void connection.close(3001, "bye yourself");
    peer.socket.on("end", () => peer.socket.end());
    assert.deepEqual(await connection.closed, { code: 3000, reason: "bye" });
    assert.equal(peer.take().at(-1), "close 3001 bye yourself");
  });

  it("gives them to the message handler, who answers", async (t) => {
    const seen: string[] = [];
    const { connection, peer } = await serverAndPeer(t, {
      autoPong: false,
      autoClose: false,
      message(each, message) {
        // With these options control frames come here, too.
        const { type, data, code } = message as AnyMessage;
        seen.push(`${type} ${code} ${Buffer.from(data)}`);
        if (type === "ping") each.pong(data);
        if (type === "close") void each.close(code);
      },
    });
    peer.send({ opcode: PING, payload: utf8("p") });
    assert.equal(await peer.next(), "pong p");
    peer.send({ opcode: CLOSE, payload: closeBody(3000, "bye") });
    assert.equal(await peer.next(), "close 3000");
    peer.socket.on("end", () => peer.socket.end());
    await connection.closed;
    assert.deepEqual(seen, ["ping undefined p", "close 3000 bye"]);
  });

  it("does not stop reading for Pings without a handler", async (t) => {
    let last = "";
    const { peer } = await serverAndPeer(t, {
      autoPong: false,
      highWaterMark: 1000,
      message: (_connection, message) => {
        last = String(message);
      },
    });
    for (let i = 0; i < 1000; i++) peer.send({ opcode: PING, payload: new Uint8Array(100) });
    peer.send({ opcode: TEXT, payload: utf8("reached") });
    await until(() => last === "reached");
  });

  it("may be given handlers while a Close waits to be received", async (t) => {
    const { connection, peer } = await serverAndPeer(t, { autoPong: false, autoClose: false });
    peer.send({ opcode: PING }, { opcode: CLOSE });
    await until(() => connection.state === "closing");
    connection.handlers = { message: () => undefined };
    await connection.close();
  });
});

eachReadPath("Connection: transports", () => {
  it("goes on over another transport, and gives the one before back", async (t) => {
    const { connection, peer: first } = await serverAndPeer(t);
    const { socket, peer: second } = await socketPair(t, true);
    first.send({ opcode: TEXT, payload: utf8("over the first") });
    assert.equal(String(await connection.receive()), "over the first");
    const before = connection.transport;
    t.after(() => before.destroy());
    connection.send("queued before the move");
    connection.updateTransport((transport) => {
      assert.equal(transport, before);
      return socket;
    });
    assert.equal(connection.transport, socket);
    second.send({ opcode: TEXT, payload: utf8("over the second") });
    assert.equal(String(await connection.receive()), "over the second");
    connection.send("from here on");
    await until(() => second.frames.length === 2);
    assert.deepEqual(second.take(), ["text queued before the move", "text from here on"]);
    // The transport before is the caller's: open, paused, and readable.
    assert.equal(before.destroyed, false);
    const raw = first.encode({ opcode: TEXT, payload: utf8("raw") });
    first.write(raw);
    await settle();
    const chunk = await new Promise<Uint8Array>((resolve) => before.once("data", resolve).resume());
    assert.equal(toHex(chunk), toHex(raw));
    assert.equal(connection.tryReceive(), undefined);
    before.destroy();
    await settle();
    assert.equal(connection.state, "open");
  });

  it("may come back to a transport", async (t) => {
    const { connection, peer: first } = await serverAndPeer(t);
    const { socket } = await socketPair(t, true);
    const before = connection.transport;
    connection.transport = socket;
    connection.transport = before;
    connection.transport = before;
    first.send({ opcode: TEXT, payload: utf8("still here") });
    assert.equal(String(await connection.receive()), "still here");
    connection.send("once");
    assert.equal(await first.next(), "text once");
  });

  it("takes no transport of another connection", async (t) => {
    const server = await listen(t);
    await rawClient(t, server.port);
    const peer = await rawClient(t, server.port);
    await until(() => server.connections.size === 2);
    const [one, two] = [...server.connections];
    assert.throws(() => {
      one.transport = two.transport;
    }, InvalidStateError);
    assert.throws(() => one.withTransport(two.transport), InvalidStateError);
    peer.send({ opcode: TEXT, payload: utf8("mine") });
    assert.equal(String(await two.receive()), "mine");
  });

  it("stays paused when it moves", async (t) => {
    const { connection } = await serverAndPeer(t);
    const { socket, peer } = await socketPair(t, true);
    connection.pause();
    const before = connection.transport;
    connection.transport = socket;
    before.destroy();
    peer.send({ opcode: TEXT, payload: utf8("later") });
    await sleep(20);
    assert.equal(connection.counters.bytesIn, 0);
    connection.resume();
    assert.equal(String(await connection.receive()), "later");
  });

  it("makes another connection over a transport, with the same options, handlers and outbox", async (t) => {
    const seen: string[] = [];
    const { connection, peer: first } = await serverAndPeer(t, {
      maxFrameSize: 1000,
      message: (connection, message) => {
        seen.push(String(message));
        connection.send("answer");
      },
    });
    const { socket, peer: second } = await socketPair(t, true);
    connection.data = "mine";
    connection.send("in both outboxes");
    const copy = connection.withTransport(socket);
    const { data, maxFrameSize, url, role } = copy;
    assert.deepEqual([data, maxFrameSize, url, role], ["mine", 1000, connection.url, "server"]);
    assert.equal(await first.next(), "text in both outboxes");
    assert.equal(await second.next(), "text in both outboxes");
    second.send({ opcode: TEXT, payload: utf8("hello") });
    assert.equal(await second.next(), "text answer");
    assert.deepEqual(seen, ["hello"]);
    assert.equal(connection.state, "open");
  });
});

eachReadPath("Connection: ours to ours", () => {
  it("carries messages of every length both ways", async (t) => {
    const { connection } = await both(t, { message: (accepted, { data }) => accepted.send(data) });
    for (const length of [0, 1, 125, 126, 65535, 65536, 300_000, 1 << 20, (1 << 20) + 1, 3 << 20]) {
      const text = "é".repeat(length >> 1) + "x".repeat(length & 1);
      connection.send(text);
      assert.ok((await connection.receive())?.data === text, `text of ${length} bytes`);
      const bytes = new Uint8Array(length).fill(length & 0xff);
      connection.send(bytes);
      const { data } = (await connection.receive()) as Message;
      assert.equal(Buffer.compare(data as Uint8Array, bytes), 0, `${length} bytes`);
    }
  });

  it("closes from both sides at once", async (t) => {
    const { connection, accepted } = await both(t);
    const results = await Promise.all([connection.close(1000, "a"), accepted.close(1001, "b")]);
    for (const { code } of results) assert.ok(code === 1000 || code === 1001, String(code));
  });

  it("closes with both sides' codes known", async (t) => {
    const { connection, accepted } = await both(t);
    await connection.close(4321, "because");
    assert.deepEqual(await accepted.closed, { code: 4321, reason: "because" });
  });
});

eachReadPath("Connection: over TLS and over a Unix socket", () => {
  for (const way of ["TLS", "a Unix socket"] as const) {
    it(`${way}: messages, pauses, backpressure, Pings and the closing handshake`, async (t) => {
      const { key, cert } = await certificate();
      const path = socketPath();
      const server = await listen(t, {
        ...(way === "TLS" ? { tls: { key, cert } } : { socketPath: path }),
        maxFrameSize: 1 << 22,
        highWaterMark: 1 << 18,
      });
      const connection = await connect(way === "TLS" ? server.url : "ws://localhost/", {
        ...(way === "TLS" ? { tls: { ca: cert } } : { socketPath: path }),
        maxFrameSize: 1 << 22,
      });
      t.after(() => connection.terminate());
      await until(() => server.connections.size === 1);
      const [accepted] = server.connections;
      // The other side does not receive: the sender has to wait, and is notified when it need not.
      const data = new Uint8Array(1 << 20).fill(7);
      let sent = 0;
      // More than the system may still take once the other side has stopped reading.
      const enough = 12 << 20;
      await until(() => {
        if (connection.bufferedAmount < enough) {
          connection.sendNow(data);
          sent++;
        }
        return accepted.counters.messagesIn > 0 && connection.bufferedAmount >= enough;
      }, "the other side has stopped reading, and much waits");
      let isDrained = false;
      const drained = connection.drained().then(() => {
        isDrained = true;
      });
      await sleep(10);
      assert.equal(isDrained, false);
      for (let i = 0; i < sent; i++) {
        const message = await accepted.receive();
        assert.equal(Buffer.compare(message?.data as Uint8Array, data), 0, `message ${i} of ${sent}`);
      }
      await drained;
      connection.pause();
      for (let i = 0; i < 100; i++) accepted.send(`message ${i}`);
      const trip = connection.ping();
      await sleep(10);
      assert.equal(connection.counters.messagesIn, 0);
      connection.resume();
      for (let i = 0; i < 100; i++) assert.equal(String(await connection.receive()), `message ${i}`);
      assert.ok((await trip) > 0);
      assert.deepEqual(await connection.close(3000, "bye"), { code: 3000, reason: "" });
      assert.deepEqual(await accepted.closed, { code: 3000, reason: "bye" });
    });
  }
});
