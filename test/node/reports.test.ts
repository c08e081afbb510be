/**
 * What users of other systems reported, and what trials of this one found, as small programs over real sockets: each
 * was wrong once, here or elsewhere.
 */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { WebSocket as Undici } from "undici";
import { WebSocket } from "ws";
import {
  type Connection,
  connect,
  Message,
  prepareMessage,
  type Sendable,
  type ServeOptions,
  serve,
} from "../../src/index.js";
import { both, listen, serverAndPeer } from "../support/connections.js";
import { BINARY, CLOSE, closeBody, PONG, TEXT } from "../support/frames.js";
import { eachReadPath, knock, settle, until } from "../support/sockets.js";

const KIB = 1 << 10;
const MIB = 1 << 20;

/** The echo server of the README. */
const ECHO: ServeOptions = {
  message: (connection, { data }) => {
    connection.send(data);
  },
};

describe("backpressure", () => {
  it("a naive echo server gives everything back to a client that sends fast and reads", async (t) => {
    const server = await listen(t, ECHO);
    let came = 0;
    const client = await connect(server.url, {
      maxBufferedAmount: Infinity,
      message: (_connection, { data }) => {
        came += data.length;
      },
    });
    t.after(() => client.terminate());
    for (let i = 0; i < 2000; i++) client.send(new Uint8Array(16 * KIB));
    await until(() => came === 2000 * 16 * KIB || client.state !== "open", "all of it comes back");
    client.send(new Uint8Array(16 * MIB));
    await until(
      () => came === 2000 * 16 * KIB + 16 * MIB || client.state !== "open",
      "one large message, too",
    );
    assert.deepEqual([client.state, client.error], ["open", undefined]);
  });

  /** A client that sends `count` messages as fast as it can, and counts the answers. */
  type Flood = (
    url: string,
    count: number,
    message: Uint8Array,
  ) => Promise<{ readonly received: () => number; end(): void }>;

  const CLIENTS: Readonly<Record<string, Flood>> = {
    hawser: async (url, count, message) => {
      let received = 0;
      const client = await connect(url, {
        maxBufferedAmount: Infinity,
        message: (_connection, { data }) => {
          received += data.length;
        },
      });
      for (let i = 0; i < count; i++) client.send(message);
      return { received: () => received, end: () => client.terminate() };
    },
    ws: (url, count, message) =>
      new Promise((resolve) => {
        let received = 0;
        const client = new WebSocket(url, { perMessageDeflate: false });
        client.on("message", (data: Buffer) => {
          received += data.length;
        });
        client.on("open", () => {
          for (let i = 0; i < count; i++) client.send(message);
          resolve({ received: () => received, end: () => client.terminate() });
        });
      }),
    undici: (url, count, message) =>
      new Promise((resolve) => {
        let received = 0;
        const client = new Undici(url);
        client.binaryType = "arraybuffer";
        client.onmessage = ({ data }) => {
          received += (data as ArrayBuffer).byteLength;
        };
        client.onopen = () => {
          for (let i = 0; i < count; i++) client.send(new Uint8Array(message));
          resolve({ received: () => received, end: () => client.close() });
        };
      }),
  };

  for (const [name, flood] of Object.entries(CLIENTS)) {
    it(`both sides send 20 MiB as fast as they can, and read everything: with ${name} as the client`, async (t) => {
      const message = new Uint8Array(64 * KIB);
      const count = (20 * MIB) / message.length;
      let received = 0;
      let connection: Connection | undefined;
      const server = await listen(t, {
        maxBufferedAmount: 64 * MIB,
        open: (opened) => {
          connection = opened;
          for (let i = 0; i < count; i++) opened.send(message);
        },
        message: (_connection, { data }) => {
          received += data.length;
        },
      });
      const client = await flood(server.url, count, message);
      t.after(() => client.end());
      await until(() => received === 20 * MIB && client.received() === 20 * MIB, "everything arrives");
      assert.equal(connection?.error, undefined);
    });
  }

  const IDIOMS: Readonly<Record<string, ServeOptions>> = {
    "for await, send, drained": {
      open: async (connection) => {
        for await (const { data } of connection) if (!connection.send(data)) await connection.drained();
      },
    },
    "pause until drained": {
      message: (connection, { data }) => {
        if (connection.send(data)) return;
        connection.pause();
        void connection.drained().then(() => connection.resume());
      },
    },
    "a naive echo": ECHO,
  };

  for (const [name, options] of Object.entries(IDIOMS)) {
    it(`a peer that sends and never reads is given up: ${name}`, async (t) => {
      const { server, peer } = await serverAndPeer(t, { ...options, pingIntervalMs: 50, pingTimeoutMs: 50 });
      peer.socket.pause();
      for (let i = 0; i < 400; i++) peer.send({ opcode: BINARY, payload: new Uint8Array(60_000) });
      await until(() => server.connections.size === 0, "it is given up");
    });
  }

  it("reading that waited for the peer goes on, for all marks", async (t) => {
    for (const options of [
      { highWaterMark: 0 },
      { highWaterMark: 10, pauseReadingAt: 0 },
      { pauseReadingAt: 1 },
    ]) {
      const server = await listen(t, { ...ECHO, ...options });
      let came = 0;
      const client = await connect(server.url, {
        maxBufferedAmount: Infinity,
        message: () => {
          came++;
        },
      });
      for (let i = 0; i < 300; i++) client.send(new Uint8Array(50_000));
      await until(() => came === 300, "everything comes back");
      client.terminate();
    }
  });

  it("bytes behind a Blob or a message in parts do not keep the peer from being read", async (t) => {
    const { connection, peer } = await serverAndPeer(t, {
      message: (opened) => {
        opened.sendMessage(new Message(new Uint8Array(1), "binary"));
      },
    });
    connection.sendMessage(new Message(new Uint8Array(1), "binary", true));
    for (let i = 0; i < 3; i++) connection.send(new Uint8Array(MIB));
    assert.ok(connection.bufferedAmount > 2 * MIB);
    peer.send({ opcode: TEXT });
    await until(() => peer.frames.length >= 5, "the message in parts ends, and the others follow");
  });
});

eachReadPath("a connection that only sends", (_readToKernel) => {
  /** Sends as long as it can, and has no message handler. */
  const sending = (ends: unknown[]): ServeOptions => ({
    pingIntervalMs: 50,
    pingTimeoutMs: 50,
    open: async (connection) => {
      while (connection.state === "open")
        if (!connection.send(new Uint8Array(10_000))) await connection.drained();
    },
    close: (_connection, code) => ends.push(code),
  });

  it("notices the peer's Close", async (t) => {
    const ends: unknown[] = [];
    const { server, peer } = await serverAndPeer(t, sending(ends));
    peer.send({ opcode: TEXT }, { opcode: CLOSE, payload: closeBody(3000) });
    await until(() => server.connections.size === 0, "it is closed");
    assert.deepEqual(ends, [3000]);
  });

  it("notices that the peer is gone, behind more than it holds unread", async (t) => {
    const ends: unknown[] = [];
    const { server, connection, peer } = await serverAndPeer(t, sending(ends));
    for (let i = 0; i < 300; i++) peer.send({ opcode: BINARY, payload: new Uint8Array(1000) });
    peer.send({ opcode: CLOSE, payload: closeBody(3000) });
    await until(() => connection.counters.messagesIn > 50, "the inbox is full");
    peer.socket.destroy();
    await until(() => server.connections.size === 0, "it is closed");
    assert.equal(ends.length, 1);
  });

  for (const way of ["ends", "is reset"] as const) {
    it(`which sends nothing, notices by its Pings that a peer ${way} behind more than it holds unread`, async (t) => {
      const { server, connection, peer } = await serverAndPeer(t, { pingIntervalMs: 50, pingTimeoutMs: 50 });
      for (let i = 0; i < 300; i++) peer.send({ opcode: BINARY, payload: new Uint8Array(1000) });
      await until(() => connection.counters.messagesIn > 50, "the inbox is full");
      if (way === "ends") peer.socket.destroy();
      else peer.reset();
      await until(() => server.connections.size === 0, "it is closed");
    });
  }
});

describe("messages behind a close of ours", () => {
  for (const deliverWhileClosing of [false, true]) {
    it(`are ${deliverWhileClosing ? "delivered" : "dropped"}, however they come, and the peer's Close is reached`, async (t) => {
      for (const how of ["handler", "receive", "iterator", "partial", "full"] as const) {
        const came: string[] = [];
        const { connection, peer } = await serverAndPeer(t, {
          deliverWhileClosing,
          highWaterMark: how === "full" ? 1 : 65_536,
          partial: how === "partial",
          ...(how === "handler" && {
            message: (_connection, { data }) => {
              came.push(String(data));
            },
          }),
        });
        if (how === "iterator") {
          void (async () => {
            for await (const { data } of connection) came.push(String(data));
          })();
        }
        const closed = connection.close(3001);
        peer.send({ opcode: TEXT, payload: Buffer.from("a") }, { opcode: TEXT, payload: Buffer.from("b") });
        peer.send({ opcode: CLOSE, payload: closeBody(3001) });
        assert.equal((await closed).code, 3001);
        if (how === "receive" || how === "partial" || how === "full") {
          for await (const { data } of connection) came.push(String(data));
        }
        await until(() => came.length === (deliverWhileClosing ? 2 : 0) || how === "full");
        if (how !== "full") assert.deepEqual(came, deliverWhileClosing ? ["a", "b"] : []);
      }
    });
  }
});

describe("bytes of every kind", () => {
  const kinds = {
    ArrayBuffer: new ArrayBuffer(2),
    SharedArrayBuffer: new SharedArrayBuffer(2),
    DataView: new DataView(new ArrayBuffer(4), 1, 2),
    Float64Array: new Float64Array(1),
    Uint16Array: new Uint16Array(1),
    Buffer: Buffer.from("xy"),
  };

  for (const [name, bytes] of Object.entries(kinds)) {
    it(`${name}: wherever bytes are taken`, async (t) => {
      const { server, accepted, connection } = await both(t, ECHO);
      const expected = "00".repeat(name === "Float64Array" ? 8 : 2);
      const isSame = async (from: Connection) => {
        const hex = Buffer.from((await from.receive())?.data as Uint8Array).toString("hex");
        assert.equal(hex, name === "Buffer" ? "7879" : expected);
      };
      assert.equal(server.broadcast(bytes), 1);
      await isSame(connection);
      accepted.send(prepareMessage(bytes));
      await isSame(connection);
      for (const send of ["send", "sendBinary", "sendNow", "sendBinaryNow"] as const) {
        connection[send](bytes);
        await isSame(connection);
      }
      assert.equal(typeof (await connection.ping(bytes)), "number");
      connection.pong(bytes);
    });
  }

  it("Blobs and Files keep their place, sent and broadcast, compressed and not", async (t) => {
    for (const perMessageDeflate of [false, true]) {
      const { server, accepted, connection } = await both(t, { perMessageDeflate }, { perMessageDeflate });
      const other = await connect(server.url, { perMessageDeflate });
      t.after(() => other.terminate());
      await until(() => server.connections.size === 2, "both are open");
      let reads = 0;
      class Counted extends Blob {
        override arrayBuffer() {
          reads++;
          return super.arrayBuffer();
        }
      }
      accepted.send("1");
      assert.equal(server.broadcast(new Counted(["2".repeat(500)]), { type: "text" }), 2);
      assert.equal(server.broadcast("3"), 2);
      accepted.send(new File(["4"], "four"), { type: "text" });
      server.broadcast(prepareMessage("5"), { except: accepted });
      server.broadcast(new Blob(["6"]));
      accepted.send("7");
      const take = async (from: Connection, count: number) => {
        const all: string[] = [];
        while (all.length < count) all.push(String(await from.receive()).slice(0, 1));
        return all.join("");
      };
      assert.deepEqual([await take(connection, 6), await take(other, 4), reads], ["123467", "2356", 1]);
    }
  });

  it("a subclass that claims another length sends what it has", async (t) => {
    class Liar extends Uint8Array {
      override get length() {
        return 4000;
      }
    }
    const { server, accepted, connection } = await both(t);
    accepted.send("secret ".repeat(600));
    await connection.receive();
    accepted.send(new Liar(8));
    server.broadcast(new Liar(8));
    accepted.send(new Liar(8), { copy: false });
    for (let i = 0; i < 3; i++) assert.equal((await connection.receive())?.data.length, 8);
  });

  it("a prepared Blob is a TypeError, for it cannot be read at once", () => {
    assert.throws(() => prepareMessage(new Blob(["x"]) as never), TypeError);
  });
});

describe("messages in parts", () => {
  it("a broadcast waits behind one, and a part is nothing for send", async (t) => {
    const { server, accepted, connection } = await both(t);
    accepted.sendMessage(new Message("one ", "text", true));
    assert.equal(server.broadcast("price"), 1);
    assert.throws(() => accepted.send(new Message("two", "text", true)), /sendMessage and sendAll/);
    accepted.sendMessage(new Message("two", "text"));
    assert.deepEqual(
      [String(await connection.receive()), String(await connection.receive())],
      ["one two", "price"],
    );
  });

  it("are all dropped or none, if the policy drops", async (t) => {
    const { accepted, connection } = await both(t, { onOverflow: "drop", maxBufferedAmount: MIB });
    connection.pause();
    let sent = 0;
    while (accepted.send(new Uint8Array(MIB)) !== undefined) sent++;
    for (const partial of [true, true, false]) {
      assert.equal(accepted.sendAll(new Message("dropped", "text", partial)), undefined);
    }
    assert.equal(accepted.counters.messagesDropped, 2);
    accepted.sendAll(new Message("dropped", "text", true));
    connection.resume();
    for (; sent > 0; sent--) assert.equal((await connection.receive())?.data.length, MIB);
    await accepted.drained();
    accepted.sendAll(new Message("its end", "text"));
    accepted.sendAll(new Message("whole", "text"));
    assert.equal(String(await connection.receive()), "whole");
  });

  it("take compress from their first part, and copy", async (t) => {
    const { accepted, connection } = await both(t, { perMessageDeflate: true }, { perMessageDeflate: true });
    const part = new Uint8Array(20_000);
    const lengths: number[] = [];
    for (const compress of [true, false]) {
      const before = accepted.counters.bytesOut;
      accepted.sendAll(new Message(part, "binary", true), { compress, copy: false });
      accepted.sendMessage(new Message(part, "binary"), { copy: false });
      assert.equal((await connection.receive())?.data.length, 40_000);
      lengths.push(accepted.counters.bytesOut - before);
    }
    assert.ok(lengths[0] < 1000 && lengths[1] > 40_000, String(lengths));
  });
});

describe("counts", () => {
  for (const onOverflow of ["drop", "throw", "close"] as const) {
    it(`broadcast says to how many it sent, if the policy is ${onOverflow}`, async (t) => {
      const { server, peer } = await serverAndPeer(t, {
        onOverflow,
        maxBufferedAmount: 100_000,
        pauseReadingAt: Infinity,
      });
      peer.socket.pause();
      let said = 0;
      let calls = 0;
      for (; calls < 2000 && said === calls; calls++) {
        said += server.broadcast(new Uint8Array(50_000));
        await new Promise(setImmediate);
      }
      assert.ok(said < calls, "it overflows");
      const { messagesOut, messagesDropped } = server.counters;
      assert.deepEqual([messagesOut, messagesDropped], [said, onOverflow === "drop" ? 1 : 0]);
      peer.socket.destroy();
      await until(() => server.connections.size === 0, "it is closed");
      assert.equal(server.counters.messagesDropped, messagesDropped, "closed connections included");
    });
  }

  it("terminate does not count what it never sent", async (t) => {
    const { accepted } = await both(t);
    const before = accepted.counters.bytesOut;
    accepted.send(new Uint8Array(1000));
    accepted.terminate();
    assert.equal(accepted.send("late"), undefined);
    await accepted.closed;
    assert.equal(accepted.counters.bytesOut, before);
  });
});

describe("a peer's address", () => {
  eachReadPath("is known to every handler", () => {
    for (const way of ["is reset", "closes", "is cut in the open handler"] as const) {
      it(`of a peer that ${way}`, async (t) => {
        const told: unknown[] = [];
        const note = ({ remoteAddress, remotePort }: Connection) => {
          told.push([remoteAddress, typeof remotePort]);
        };
        const server = await listen(t, {
          open: (connection) => {
            if (way === "is cut in the open handler") connection.terminate();
          },
          message() {},
          close: note,
        });
        const peer = await knock(t, server.port);
        if (way === "is reset") peer.reset();
        else if (way === "closes") peer.send({ opcode: CLOSE });
        await until(() => told.length > 0, "it is reported");
        assert.deepEqual(told, [["127.0.0.1", "number"]]);
      });
    }
  });

  it("is not asked for, where no handler can ask when it is gone", async (t) => {
    const { connection } = await serverAndPeer(t, { message() {} });
    assert.equal("_peername" in connection.socket, false);
  });
});

describe("closing", () => {
  it("codes that a close handler reports can be passed on", async (t) => {
    for (const [how, expected] of [
      ["code", 4001],
      ["none", 1005],
      ["cut", 1011],
    ] as const) {
      const upstream = await listen(t, {
        message: (connection) => {
          if (how === "cut") connection.terminate();
          else void connection.close(how === "none" ? 1005 : 4001);
        },
      });
      const relay = await listen<Connection>(t, {
        async open(down) {
          down.pause();
          down.data = await connect(upstream.url, {
            close: (_up, code, reason) => void down.close(code, reason),
          });
          down.resume();
        },
        message: (down, { data }) => {
          down.data.send(data);
        },
        close: (down, code, reason) => void down.data.close(code, reason),
      });
      const client = await connect(relay.url);
      client.send("x");
      assert.equal((await client.closed).code, expected, how);
    }
  });

  it("is not held up by bytes that the peer does not read", async (t) => {
    const { connection, peer } = await serverAndPeer(t, { ...ECHO, closeTimeoutMs: 60_000 });
    peer.socket.pause();
    for (let i = 0; i < 100; i++) peer.send({ opcode: BINARY, payload: new Uint8Array(100_000) });
    await until(() => connection.bufferedAmount > MIB, "reading waits");
    void connection.close(3001);
    peer.send({ opcode: CLOSE, payload: closeBody(3001) });
    await until(() => connection.closeCode === 3001, "the peer's Close is read all the same");
  });

  it("an error is reported to handlers that come late, behind the messages before it", async (t) => {
    const { connection, peer } = await serverAndPeer(t, { closeTimeoutMs: 100 });
    peer.send({ opcode: TEXT, payload: Buffer.from("hi") }, { opcode: 3 });
    await connection.closed;
    const told: string[] = [];
    connection.handlers = {
      message: (_connection, message) => told.push(String(message)),
      error: (_connection, { message }) => told.push(message),
      close: (_connection, code) => told.push(`close ${code}`),
    };
    assert.deepEqual(told, ["hi", "Invalid WebSocket frame: invalid opcode 3", "close 1006"]);
  });

  it("handlers that the error handler sets get the closing once", async (t) => {
    const told: string[] = [];
    const { connection, peer } = await serverAndPeer(t, {
      message: (opened) => {
        opened.terminate();
        throw new Error("mine");
      },
      error: (opened) => {
        told.push("error");
        opened.handlers = { close: () => told.push("close") };
      },
    });
    peer.send({ opcode: TEXT });
    await connection.closed;
    await settle();
    assert.deepEqual(told, ["error", "close"]);
  });
});

describe("sizes", () => {
  it("a message of 2 MiB in one frame, from clients that send such", async (t) => {
    const server = await listen(t, {
      message: (connection, { data }) => {
        connection.send(`got ${data.length}`);
      },
    });
    const answer = await new Promise((resolve) => {
      const client = new WebSocket(server.url, { perMessageDeflate: false });
      client.on("open", () => client.send(Buffer.alloc(2 * MIB)));
      client.on("message", (data) => {
        resolve(String(data));
        client.terminate();
      });
    });
    assert.equal(answer, `got ${2 * MIB}`);
    const client = await connect(server.url);
    client.send(new Uint8Array(2 * MIB));
    assert.equal(String(await client.receive()), `got ${2 * MIB}`);
    client.terminate();
  });

  it("stray Pongs cost the same, however many Pings wait", async (t) => {
    const { connection, peer } = await serverAndPeer(t, { message() {}, pingIntervalMs: 0 });
    const rejected: unknown[] = [];
    for (let i = 0; i < 1500; i++) connection.ping().catch((error: unknown) => rejected.push(error));
    await until(() => rejected.length === 500, "1,000 Pings wait, and no more");
    const pong = Buffer.from(peer.encode({ opcode: PONG, payload: Uint8Array.of(1, 2, 3, 4, 5) }));
    peer.write(Buffer.concat(Array.from({ length: 50_000 }, () => pong)));
    await until(() => connection.counters.framesIn === 50_000, "all are read");
    assert.equal(connection.state, "open");
  });
});

/** A server's option that fits no type is refused at the call. */
describe("misuse of send", () => {
  it("throws at the call", async (t: TestContext) => {
    const server = await serve({ hostname: "127.0.0.1" });
    t.after(() => server.close());
    for (const wrong of [5, null, undefined, {}, [1], { size: 1 }] as unknown as Sendable[]) {
      assert.throws(() => server.broadcast(wrong as never), TypeError);
    }
    assert.throws(() => server.broadcast(Uint8Array.of(0xff), { type: "text" }), TypeError);
  });
});
