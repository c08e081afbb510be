/** Mistakes that were made once, in what connects the parts of a connection. */

import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import net from "node:net";
import { Duplex } from "node:stream";
import { describe, it } from "node:test";
import {
  type Connection,
  createConnection,
  createUpgradeHandler,
  InvalidStateError,
  serve,
} from "../../src/index.js";
import { listen, serverAndPeer, withPeer } from "../support/connections.js";
import { CLOSE, closeBody, concat, PING, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import { rawClient, requestText, settle, sleep, until } from "../support/sockets.js";

describe("what one connection does to others", () => {
  it("a stream that is done with a chunk before its reader is keeps it as it was", () => {
    const written: Uint8Array[] = [];
    const stream = () =>
      new Duplex({
        read: () => undefined,
        write: (chunk, _encoding, done) => {
          written.push(chunk);
          done();
        },
      });
    createConnection(stream(), { role: "server" }).sendNow("a secret of one");
    createConnection(stream(), { role: "server" }).sendNow("something else, for another");
    assert.equal(Buffer.from(written[0]).subarray(2).toString(), "a secret of one");
  });

  it("what a drain handler sends behind a turn of its own is flushed, and all that follows", async (t) => {
    let accepted: Connection | undefined;
    const server = await listen(t, {
      drain: (connection) => {
        server.broadcast("to all", { except: connection });
        accepted?.send("to one");
      },
    });
    const other = await rawClient(t, server.port);
    await until(() => server.connections.size === 1);
    [accepted] = server.connections;
    await rawClient(t, server.port);
    await until(() => server.connections.size === 2);
    const [, busy] = server.connections;
    assert.equal(busy.send(new Uint8Array(300_000)), false);
    await until(() => other.frames.length === 2);
    accepted.send("later");
    await until(() => other.frames.length === 3);
    assert.deepEqual(other.take(), ["text to all", "text to one", "text later"]);
  });
});

describe("connections that are never resumed", () => {
  it("tell that they are closed, behind the messages that had arrived", async (t) => {
    const calls: string[] = [];
    const { connection, peer } = await serverAndPeer(t, {
      message(connection, message) {
        calls.push(String(message));
        connection.pause();
      },
      close: (_connection, code) => calls.push(`close ${code}`),
    });
    peer.send({ opcode: TEXT, payload: utf8("a") }, { opcode: TEXT, payload: utf8("b") });
    await until(() => calls.length === 1);
    connection.socket.destroy(new Error("it died"));
    assert.deepEqual(await connection.closed, { code: 1006, reason: "" });
    assert.deepEqual(calls, ["a", "b", "close 1006"]);
  });

  it("are closed while much waits to be received, which stays", async (t) => {
    const { connection, peer } = await serverAndPeer(t, { highWaterMark: 1000 });
    for (let i = 0; i < 50; i++) peer.send({ opcode: TEXT, payload: utf8(String(i).padEnd(200)) });
    await settle(20);
    connection.socket.destroy(new Error("it died"));
    assert.deepEqual(await connection.closed, { code: 1006, reason: "" });
    for (let i = 0; i < 5; i++) assert.equal(String(await connection.receive()).trim(), String(i));
    while ((await connection.receive()) !== undefined);
  });

  it("do not pause once they close: the peer's Close would not be seen", async (t) => {
    const { connection, peer } = await serverAndPeer(t, {
      // As with backpressure: a message that cannot be sent any more is "false", too.
      message: (connection, message) => connection.send(message.data) || connection.pause(),
    });
    const closed = connection.close(4000, "");
    peer.send({ opcode: TEXT });
    await until(() => connection.counters.messagesIn === 1);
    assert.equal(connection.isPaused, false);
    peer.send({ opcode: CLOSE, payload: closeBody(4000) });
    assert.deepEqual(await closed, { code: 4000, reason: "" });
  });
});

for (const role of ["server", "client"] as const) {
  describe(`handlers of a ${role}`, () => {
    it("that come late get the waiting messages once, in order, and may pause", async (t) => {
      const { connection, peer } = await withPeer(t, role);
      for (const name of ["a", "b", "c"]) peer.send({ opcode: TEXT, payload: utf8(name) });
      await until(() => connection.counters.messagesIn === 3);
      const seen: string[] = [];
      connection.handlers = {
        message(connection, message) {
          seen.push(String(message));
          if (seen.length === 1) connection.pause();
        },
      };
      assert.deepEqual(seen, ["a"]);
      peer.send({ opcode: TEXT, payload: utf8("d") });
      connection.resume();
      await until(() => seen.length === 4);
      assert.deepEqual(seen, ["a", "b", "c", "d"]);
    });

    it("that come late are given a Close that is theirs to answer, too", async (t) => {
      const { connection, peer } = await withPeer(t, role, { autoClose: false });
      peer.send({ opcode: TEXT, payload: utf8("a") }, { opcode: CLOSE, payload: closeBody(4000) });
      await until(() => connection.state === "closing");
      const seen: string[] = [];
      connection.handlers = { message: (_connection, { type, code }) => seen.push(`${type} ${code}`) };
      assert.deepEqual(seen, ["text undefined", "close 4000"]);
      void connection.close(4000);
      assert.equal(await peer.next(), "close 4000");
    });

    it("are methods: each has its object", async (t) => {
      class Handlers {
        readonly called: string[] = [];
        drain() {
          this.called.push("drain");
        }
        message() {
          this.called.push("message");
        }
      }
      const handlers = new Handlers();
      const { connection, peer } = await withPeer(t, role);
      connection.handlers = handlers;
      peer.send({ opcode: TEXT });
      connection.send(new Uint8Array(300_000));
      await until(() => handlers.called.length === 2);
    });

    it("may move the connection when it opens: nothing arrives twice", async (t) => {
      const seen: string[] = [];
      const { connection, peer } = await withPeer(t, role, {
        open(connection) {
          connection.updateTransport((socket) => Duplex.from({ readable: socket, writable: socket }));
        },
        message: (_connection, message) => seen.push(String(message)),
      });
      peer.send({ opcode: TEXT, payload: utf8("a") }, { opcode: TEXT, payload: utf8("b") });
      await until(() => seen.length >= 2);
      await settle();
      assert.deepEqual(seen, ["a", "b"]);
      assert.equal(connection.socket.listenerCount("data"), 1);
    });
  });
}

describe("leaving a loop over messages", () => {
  it("by an error closes with 1011, as any handler that fails does", async (t) => {
    const { peer } = await serverAndPeer(t, {
      async open(connection) {
        for await (const message of connection) throw new Error(String(message));
      },
    });
    peer.send({ opcode: TEXT });
    assert.equal(await peer.next(), "close 1011");
  });

  it("lets the code that leaves it choose the close code; else it is 1000", async (t) => {
    const { peer } = await serverAndPeer(t, {
      async open(connection) {
        for await (const _message of connection) break;
        void connection.close(4000, "enough");
      },
    });
    peer.send({ opcode: TEXT });
    assert.equal(await peer.next(), "close 4000 enough");
    const other = await serverAndPeer(t, {
      async open(connection) {
        for await (const _message of connection) break;
      },
    });
    other.peer.send({ opcode: TEXT });
    assert.equal(await other.peer.next(), "close 1000");
  });
});

describe("one that sends as much as the system takes", () => {
  it("leaves others their turn, whether it waits for drain or for drained", async () => {
    // Its peer is always quicker.
    const stream = () => new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    let isDone = false;
    const send = (connection: Connection) => {
      while (!isDone && connection.send(new Uint8Array(4096)));
    };
    const eager = createConnection(stream(), { role: "server", open: send, drain: send });
    const patient = createConnection(stream(), { role: "server" });
    const loop = (async () => {
      for (; !isDone; await patient.drained()) send(patient);
    })();
    await until(() => eager.counters.bytesOut > 100_000 && patient.counters.bytesOut > 100_000);
    isDone = true;
    await loop;
  });
});

describe("times", () => {
  it("that no timer can wait for are no limit, and 0 is none", async (t) => {
    for (const handshakeTimeoutMs of [0, 2 ** 31, Infinity]) {
      const { server } = await serverAndPeer(t, {
        handshakeTimeoutMs,
        authorize: () => settle().then(() => true),
      });
      await server.close({ timeoutMs: 0 });
    }
    for (const handshakeTimeoutMs of [-1, Number.NaN, "5"]) {
      await assert.rejects(serve({ handshakeTimeoutMs: handshakeTimeoutMs as number }), RangeError);
      assert.throws(
        () => createUpgradeHandler({}, { handshakeTimeoutMs: handshakeTimeoutMs as number }),
        RangeError,
      );
    }
  });

  it("a server that closes for as long as it takes cuts no client", async (t) => {
    const { server, connection, peer } = await serverAndPeer(t);
    const closed = server.close({ timeoutMs: Infinity });
    assert.equal(await peer.next(), "close 1001");
    await sleep(20);
    assert.equal(connection.state, "closing");
    peer.send({ opcode: CLOSE, payload: closeBody(1001) });
    await closed;
  });

  it("a server that closes does not wait for those who are not decided about", async (t) => {
    let isAsked = false;
    const server = await listen(t, {
      authorize: () => {
        isAsked = true;
        return new Promise<boolean>(() => undefined);
      },
    });
    const socket = net.connect(server.port, "127.0.0.1");
    socket.on("error", () => undefined);
    let answer = "";
    socket.on("data", (chunk) => {
      answer += chunk;
    });
    socket.write(requestText());
    await until(() => isAsked, "authorize is called");
    await server.close({ timeoutMs: Infinity });
    await until(() => answer.startsWith("HTTP/1.1 503"));
  });
});

describe("what a peer does not read", () => {
  it("is limited, Pongs that the user sends too", async (t) => {
    const errors: string[] = [];
    const { connection, peer } = await serverAndPeer(t, {
      autoPong: false,
      maxBufferedAmount: 100_000,
      ping: (connection, payload) => connection.pong(payload),
      error: (_connection, error) => errors.push(error.message),
    });
    peer.socket.pause();
    const pings = Array.from({ length: 5000 }, () =>
      peer.encode({ opcode: PING, payload: new Uint8Array(125) }),
    );
    const flood = concat(pings);
    await until(() => {
      if (peer.socket.writableLength < flood.length) peer.write(flood.slice());
      return errors.length > 0;
    }, "too much waits");
    assert.match(errors.join(), /^the peer reads too slowly/);
    assert.ok(connection.bufferedAmount < 2_000_000, `${connection.bufferedAmount} bytes wait`);
  });
});

describe("misuse", () => {
  it("of transports and handlers is said, and changes nothing", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    for (const wrong of [undefined, null, {}, 5]) {
      assert.throws(() => {
        connection.transport = wrong as unknown as Duplex;
      }, TypeError);
      assert.throws(() => createConnection(wrong as unknown as Duplex, { role: "server" }), TypeError);
    }
    for (const wrong of [undefined, null, "message"]) {
      assert.throws(() => {
        connection.handlers = wrong as unknown as object;
      }, TypeError);
    }
    peer.send({ opcode: TEXT, payload: utf8("still there") });
    assert.equal(String(await connection.receive()), "still there");
    connection.terminate();
    const move = () => {
      connection.transport = new Duplex({ read: () => undefined });
    };
    assert.throws(move, InvalidStateError);
    await connection.closed;
    assert.throws(move, InvalidStateError);
  });
});

describe("a server", () => {
  it("goes on when it cannot take a connection", async (t) => {
    const { server, connection, peer } = await serverAndPeer(t);
    server.http.emit("error", new Error("accept EMFILE"));
    connection.send("still there");
    assert.equal(await peer.next(), "text still there");
  });

  it("leaves no listener at the signal that it did not need", async (t) => {
    const { signal } = new AbortController();
    for (let i = 0; i < 3; i++) await (await listen(t, { signal })).close();
    assert.equal(getEventListeners(signal, "abort").length, 0);
  });
});

describe("a connection that is paused and closes", () => {
  for (const deliverWhileClosing of [false, true]) {
    it(`${deliverWhileClosing ? "holds messages until resume" : "is read to its end"}`, async (t) => {
      const came: string[] = [];
      const { connection, peer } = await serverAndPeer(t, {
        deliverWhileClosing,
        message: (connection, { data }) => {
          came.push(String(data));
          if (came.length > 1) return;
          connection.pause();
          void connection.close(3001);
        },
      });
      const frames = ["a", "b"].map((text) => peer.encode({ opcode: TEXT, payload: Buffer.from(text) }));
      peer.write(Buffer.concat(frames));
      assert.match(await peer.next(), /close/i);
      peer.send({ opcode: CLOSE, payload: closeBody(3001) });
      await settle();
      assert.deepEqual(came, ["a"]);
      assert.equal(connection.isPaused, deliverWhileClosing);
      connection.resume();
      assert.equal((await connection.closed).code, 3001);
      assert.deepEqual(came, deliverWhileClosing ? ["a", "b"] : ["a"]);
    });
  }
});
