/**
 * Peers that mean harm, over real sockets. Tests that begin with the number of an advisory are about what that
 * advisory was about, in any library.
 */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { connect, createUpgradeHandler, type Server } from "../../src/index.js";
import { listen, serverAndPeer, withPeer } from "../support/connections.js";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closeBody,
  concat,
  frame,
  headerOf,
  KEY,
  PING,
  TEXT,
} from "../support/frames.js";
import { hex, toHex, utf8 } from "../support/hex.js";
import {
  acceptingServer,
  dial,
  eachReadPath,
  knock,
  type RawPeer,
  rawClient,
  requestText,
  SAMPLE_KEY,
  settle,
  sleep,
  socketPair,
  until,
} from "../support/sockets.js";

const ROLES = ["server", "client"] as const;

/** Keys of RFC 6455 §1.2 and §4.1. */
const KEYS = [SAMPLE_KEY, "AQIDBAUGBwgJCgsMDQ4PEC=="];

/** The server still serves. */
async function assertServes(server: Server): Promise<void> {
  const connection = await connect(server.url);
  const { code } = await connection.ping().then(() => connection.close());
  assert.equal(code, 1000);
}

describe("handshakes that are wrong in one field", () => {
  const cases: [name: string, text: string, status: number][] = [
    ["POST", requestText({}, "POST /chat HTTP/1.1"), 405],
    ["HEAD", requestText({}, "HEAD /chat HTTP/1.1"), 405],
    ["HTTP/1.0", requestText({}, "GET /chat HTTP/1.0"), 400],
    ["no Host", requestText({ Host: undefined }), 400],
    ["an empty Host", requestText({ Host: "" }), 400],
    ["another protocol to upgrade to", requestText({ Upgrade: "h2c" }), 426],
    ["websocket as a part of a word", requestText({ Upgrade: "websockets" }), 426],
    ["no Sec-WebSocket-Key", requestText({ "Sec-WebSocket-Key": undefined }), 400],
    ["a key of 15 bytes", requestText({ "Sec-WebSocket-Key": Buffer.alloc(15).toString("base64") }), 400],
    ["a key of 17 bytes", requestText({ "Sec-WebSocket-Key": Buffer.alloc(17).toString("base64") }), 400],
    ["a key that is not base64", requestText({ "Sec-WebSocket-Key": "!!!!!!!!!!!!!!!!!!!!!!==" }), 400],
    ["two keys", requestText({ "Sec-WebSocket-Key": [KEYS[0], KEYS[1]] }), 400],
    ["no version", requestText({ "Sec-WebSocket-Version": undefined }), 400],
    ["version 8", requestText({ "Sec-WebSocket-Version": "8" }), 426],
    ["version 013", requestText({ "Sec-WebSocket-Version": "013" }), 400],
    ["two versions", requestText({ "Sec-WebSocket-Version": ["13", "13"] }), 400],
    ["a subprotocol twice", requestText({ "Sec-WebSocket-Protocol": "a, a" }), 400],
    ["a subprotocol that is not a token", requestText({ "Sec-WebSocket-Protocol": "a b" }), 400],
    ["extensions that are none", requestText({ "Sec-WebSocket-Extensions": 'a; b="' }), 400],
    ["a foreign Origin", requestText({ Origin: "http://evil.example" }), 403],
    ["GHSA-c4j6-fc7j-m34r: a URI of another host", requestText({}, "GET http://internal/chat HTTP/1.1"), 400],
  ];
  for (const [name, text, status] of cases) {
    it(`${name}: ${status}`, async (t) => {
      const server = await listen(t);
      const peer = await knock(t, server.port, text);
      assert.equal(peer.status, status, peer.head);
      await peer.closed();
      assert.equal(server.connections.size, 0);
    });
  }

  for (const name of ["Upgrade", "Connection"]) {
    it(`no ${name} header: an ordinary request`, async (t) => {
      const server = await listen(t);
      assert.equal((await knock(t, server.port, requestText({ [name]: undefined }))).status, 426);
    });
  }

  it("CVE-2024-37890: a request whose headers the host dropped, every one of them", async (t) => {
    const upgrade = createUpgradeHandler(() => assert.fail("it was accepted"));
    for (const missing of ["host", "upgrade", "connection", "sec-websocket-key", "sec-websocket-version"]) {
      const headers: http.IncomingHttpHeaders = {
        host: "h",
        upgrade: "websocket",
        connection: "Upgrade",
        "sec-websocket-key": KEYS[0],
        "sec-websocket-version": "13",
      };
      delete headers[missing];
      const { socket, peer } = await socketPair(t, true);
      peer.head = "";
      const request = {
        method: "GET",
        httpVersion: "1.1",
        url: "/",
        headers,
        socket,
      } as unknown as http.IncomingMessage;
      upgrade(request, socket, Buffer.alloc(0));
      await until(() => peer.status >= 400, missing);
    }
    const server = await listen(t);
    const many = Object.fromEntries(Array.from({ length: 2100 }, (_, i) => [`X${i}`, "1"]));
    const peer = await dial(t, server.port);
    peer.write(
      `GET / HTTP/1.1\r\n${Object.keys(many)
        .map((name) => `${name}: 1\r\n`)
        .join("")}${requestText().slice(20)}`,
    );
    await peer.closed();
    assert.equal(server.connections.size, 0);
    await assertServes(server);
  });

  it("GHSA-5v72-xg48-5rpm: names of every object's properties as extensions and subprotocols", async (t) => {
    const server = await listen(t, { protocols: ["chat"] });
    for (const name of ["constructor", "__proto__", "toString", "hasOwnProperty", "valueOf"]) {
      for (const header of ["Sec-WebSocket-Extensions", "Sec-WebSocket-Protocol"]) {
        const peer = await knock(t, server.port, requestText({ [header]: name }));
        assert.equal(peer.status, 101);
        assert.ok(!peer.head.includes(name));
      }
    }
  });

  it("CVE-2021-32640, CVE-2020-7662: headers that make bad parsers slow are refused at once", async (t) => {
    const server = await listen(t, { maxHeadLength: 64 << 10 });
    for (const value of [`a${" ".repeat(50_000)}b`, `a; b="${"\\".repeat(50_000)}`, "a,".repeat(25_000)]) {
      for (const header of ["Sec-WebSocket-Protocol", "Sec-WebSocket-Extensions"]) {
        // That the work grows with the length, and not with its square, `test/protocol/handshake` counts.
        const peer = await knock(t, server.port, requestText({ [header]: value }));
        assert.ok(peer.isClosed || peer.status === 400 || peer.status === 101);
      }
    }
  });

  it("CVE-2023-43669: a handshake that is too long, or too slow, byte by byte", async (t) => {
    const server = await listen(t, { handshakeTimeoutMs: 80, maxHeadLength: 2048 });
    const long = await knock(t, server.port, requestText({ "X-Long": "x".repeat(3000) }));
    assert.equal(long.status, 431);
    await long.closed();
    const slow = await dial(t, server.port);
    let written = 0;
    const timer = setInterval(() => slow.write(requestText()[written++ % 80]), 5);
    t.after(() => clearInterval(timer));
    await slow.closed();
    const silent = await dial(t, server.port);
    await silent.closed();
    // Who is open is not concerned by the time that handshakes have.
    const open = await rawClient(t, server.port);
    await sleep(250);
    open.send({ opcode: PING });
    assert.equal(await open.next(), "pong");
  });
});

eachReadPath("frames", () => {
  for (const role of ROLES) {
    it(`${role}: cut at every byte, a connection gives the same messages`, async (t) => {
      const { connection, peer } = await withPeer(t, role);
      const bytes = concat([
        peer.encode({ opcode: TEXT, fin: false, payload: utf8("水").subarray(0, 2) }),
        peer.encode({ opcode: CONTINUATION, payload: utf8("水").subarray(2) }),
        peer.encode({ opcode: BINARY, payload: new Uint8Array(130).fill(7) }),
      ]);
      for (let cut = 1; cut < bytes.length; cut += 1 + (cut > 20 ? 6 : 0)) {
        peer.write(bytes.slice(0, cut));
        await settle(2);
        peer.write(bytes.slice(cut));
        assert.equal(String(await connection.receive()), "水");
        assert.equal(toHex((await connection.receive())?.data as Uint8Array), "07".repeat(130));
      }
    });

    it(`${role}: a socket that dies at every byte of a frame`, async (t) => {
      const spec = { opcode: TEXT, payload: utf8("Hello") };
      for (const how of ["end", "reset"] as const) {
        for (let cut = 0; cut < 11; cut += 2) {
          const { connection, peer } = await withPeer(t, role);
          peer.write(peer.encode(spec).slice(0, cut));
          await settle(1);
          if (how === "end") peer.socket.end();
          else peer.reset();
          assert.equal((await connection.closed).code, 1006);
        }
      }
    });

    const lengths: [bigint, number][] = [
      [2n ** 24n + 1n, 1009],
      [2n ** 31n, 1009],
      [2n ** 32n, 1009],
      [2n ** 32n + 5n, 1009],
      [2n ** 53n - 1n, 1009],
      [2n ** 53n, 1009],
      [2n ** 63n, 1002],
      [2n ** 64n - 1n, 1002],
    ];
    for (const [announced, code] of lengths) {
      it(`${role}: CVE-2026-1528, CVE-2026-27889, CVE-2016-10542: a length of ${announced} is ${code}, on the header`, async (t) => {
        const errors: Error[] = [];
        const { connection, peer } = await withPeer(t, role, {
          error: (_connection, error) => {
            errors.push(error);
          },
        });
        peer.send({ opcode: TEXT, payload: utf8("before") });
        peer.write(headerOf({ opcode: BINARY, announced, key: role === "server" ? KEY : undefined }));
        assert.match(await peer.next(), new RegExp(`^close ${code} `));
        assert.equal(String(await connection.receive()), "before");
        assert.equal(await connection.receive(), undefined);
        assert.deepEqual(errors, [connection.error]);
      });
    }

    it(`${role}: CVE-2020-27813: lengths of fragments do not overflow when they are summed`, async (t) => {
      const { connection, peer } = await withPeer(t, role, { maxFrameSize: Infinity });
      peer.send({ opcode: BINARY, fin: false, payload: hex("00") });
      peer.write(
        headerOf({
          opcode: CONTINUATION,
          announced: 2n ** 53n - 1n,
          key: role === "server" ? KEY : undefined,
        }),
      );
      assert.match(await peer.next(), /^close 1009/);
      assert.equal((await connection.closed).code, 1006);
    });

    it(`${role}: CVE-2016-10518, CVE-2026-45736: no memory of others on the wire`, async (t) => {
      const { connection, peer } = await withPeer(t, role);
      for (const reason of [new Float64Array(20), new Uint8Array(100), Buffer.alloc(100), 100]) {
        assert.throws(() => connection.close(1000, reason as unknown as string), TypeError);
      }
      assert.throws(() => connection.ping(100 as unknown as string), TypeError);
      connection.send(new Float64Array([1]));
      assert.equal(await peer.next(), "binary 000000000000f03f");
      connection.send(new Uint8Array(new ArrayBuffer(100), 10, 3));
      assert.equal(await peer.next(), "binary 000000");
    });

    it(`${role}: undici#5050, ws#2285: the code and the reason go out as they were given`, async (t) => {
      const { connection, peer } = await withPeer(t, role, { maxFrameSize: 10, closeTimeoutMs: 50 });
      peer.send({ opcode: TEXT, payload: utf8("x".repeat(11)) });
      assert.match(
        await peer.next(),
        /^close 1009/,
        "1009 and not 1007: it was too long before it was not text",
      );
      await connection.closed;
      const other = await withPeer(t, role, { closeTimeoutMs: 50 });
      void other.connection.close(4999, "0");
      assert.equal(await other.peer.next(), "close 4999 0");
    });

    it(`${role}: XX-net#14170, aiohttp#12677: MASK must be as the side demands`, async (t) => {
      const { peer } = await withPeer(t, role);
      peer.write(frame({ opcode: TEXT, payload: utf8("x"), key: role === "server" ? undefined : KEY }));
      assert.match(await peer.next(), /^close 1002/);
    });

    it(`${role}: errors after the end of everything throw nowhere`, async (t) => {
      const { connection, peer } = await withPeer(t, role, {
        message() {
          throw new Error("handler");
        },
        error() {
          throw new Error("error handler");
        },
        close() {
          throw new Error("close handler");
        },
      });
      const { socket } = connection;
      peer.send({ opcode: TEXT }, { opcode: TEXT }, { opcode: 3 });
      peer.reset();
      await connection.closed;
      socket.emit("error", new Error("late"));
      socket.emit("close");
      socket.emit("end");
      socket.emit("drain");
      socket.destroy(new Error("again"));
      await settle();
      assert.equal(connection.state, "closed");
    });
  }
});

eachReadPath("floods", () => {
  for (const role of ROLES) {
    it(`${role}: (ws 8.23.0) a flood of Pings whose answers are not read leaves one Pong`, async (t) => {
      const { connection, peer } = await withPeer(t, role);
      peer.socket.pause();
      // Answers fill what the system keeps; then they have to wait.
      const pings = concat(
        Array.from({ length: 2000 }, () => peer.encode({ opcode: PING, payload: new Uint8Array(125) })),
      );
      let rounds = 0;
      while (connection.bufferedAmount < 16_384 && rounds++ < 400) {
        for (let i = 0; i < 20; i++) peer.write(pings.slice());
        const { bytesIn } = connection.counters;
        await until(() => connection.counters.bytesIn > bytesIn || connection.bufferedAmount >= 16_384);
        connection.send(new Uint8Array(200_000));
        connection.flush();
      }
      const { framesOut } = connection.counters;
      const buffered = connection.bufferedAmount;
      assert.ok(buffered >= 16_384, `${rounds} rounds`);
      for (let i = 0; i < 10; i++) peer.write(pings.slice());
      await sleep(50);
      assert.ok(connection.counters.framesOut - framesOut <= 1, "one more Pong at most");
      assert.ok(connection.bufferedAmount <= buffered + 200);
      assert.equal(connection.state, "open");
      peer.socket.resume();
      await until(() => connection.bufferedAmount === 0);
      connection.send("still there");
      await until(() => peer.frames.some(({ opcode }) => opcode === TEXT));
      t.diagnostic(`${rounds} rounds`);
    });
  }

  it("Pings are answered one by one, in order, before messages that are sent later (§5.5.2)", async (t) => {
    const { peer } = await serverAndPeer(t, { message: (each, { data }) => each.send(data) });
    const pings = ["a", "b", "c"].map((text) => peer.encode({ opcode: PING, payload: utf8(text) }));
    peer.write(concat([...pings, peer.encode({ opcode: TEXT, payload: utf8("d") })]));
    await until(() => peer.frames.length === 4);
    assert.deepEqual(peer.take(), ["pong a", "pong b", "pong c", "text d"]);
  });

  it("CVE-2026-48779, CVE-2026-12151, CVE-2026-42786: fragments of one byte cost little memory", async (t) => {
    const { connection, peer } = await serverAndPeer(t, {
      maxMessageSize: 1 << 20,
      message: () => undefined,
    });
    const count = 1 << 20;
    const part = peer.encode({ opcode: CONTINUATION, fin: false, payload: hex("61") });
    const parts = concat(Array.from({ length: 8192 }, () => part));
    peer.send({ opcode: TEXT, fin: false });
    const before = process.memoryUsage();
    for (let sent = 0; sent < count; sent += 8192) {
      if (!peer.write(parts.slice())) await once(peer.socket, "drain");
    }
    await until(() => connection.retainedLength === count, "all arrives");
    const after = process.memoryUsage();
    const grown = after.heapUsed + after.external - before.heapUsed - before.external;
    assert.ok(grown < 24 << 20, `${grown >> 20} MiB for 1 MiB of fragments`);
    assert.equal(connection.state, "open");
    peer.write(part);
    assert.match(await peer.next(), /^close 1009/);
    await until(() => connection.retainedLength === 0);
  });

  it("CVE-2026-48779: chunks of one byte cost little memory", async (t) => {
    const { connection, peer } = await serverAndPeer(t);
    const bytes = peer.encode({ opcode: TEXT, payload: new Uint8Array(3000).fill(0x61) });
    const before = process.memoryUsage().heapUsed;
    for (const byte of bytes) {
      peer.write(Uint8Array.of(byte));
      await new Promise(setImmediate);
    }
    assert.equal(String(await connection.receive()), "a".repeat(3000));
    assert.ok(process.memoryUsage().heapUsed - before < 64 << 20);
  });

  it("a length that was only announced reserves no memory, on a hundred connections", async (t) => {
    const server = await listen(t);
    const before = process.memoryUsage();
    const peers: RawPeer[] = [];
    for (let i = 0; i < 100; i++) peers.push(await rawClient(t, server.port));
    for (const peer of peers) {
      peer.write(concat([headerOf({ opcode: BINARY, announced: 1n << 20n, key: KEY }), Uint8Array.of(1)]));
    }
    await until(() => [...server.connections].every(({ retainedLength }) => retainedLength === 1));
    const after = process.memoryUsage();
    const grown = after.arrayBuffers - before.arrayBuffers;
    assert.ok(grown < 100 * (20 << 10), `${grown >> 10} KiB`);
  });

  it("a peer that reads nothing makes us keep no more than maxBufferedAmount", async (t) => {
    const { connection, peer } = await serverAndPeer(t, {
      maxBufferedAmount: 1 << 20,
      pauseReadingAt: Number.POSITIVE_INFINITY,
      closeTimeoutMs: 50,
      message(connection, { data }) {
        for (let i = 0; i < 100; i++) connection.send(data);
      },
    });
    peer.socket.pause();
    while (connection.state === "open") {
      peer.send({ opcode: BINARY, payload: new Uint8Array(100_000) });
      await settle();
    }
    await connection.closed;
    assert.ok(connection.error instanceof RangeError);
  });
});

eachReadPath("GHSA-273r-mgr4-v34f: first frames that came with the handshake", () => {
  for (const [name, bytes, said] of [
    ["invalid", hex("c1 80 00 00 00 00"), /^close 1002/],
    ["too long", headerOf({ opcode: BINARY, announced: 2n ** 40n, key: KEY }), /^close 1009/],
    ["a Close", frame({ opcode: CLOSE, payload: closeBody(3000), key: KEY }), /^close 3000/],
  ] as const) {
    it(`${name}: nothing is thrown, with and without listeners`, async (t) => {
      const calls: string[] = [];
      const server = await listen(t, {
        open: () => {
          calls.push("open");
        },
        error: () => {
          calls.push("error");
        },
        close: (_connection, code) => {
          calls.push(`close ${code}`);
        },
      });
      const peer = await dial(t, server.port);
      peer.write(concat([Buffer.from(requestText(), "latin1"), bytes]));
      assert.match(await peer.next(), said);
      await peer.closed();
      await until(() => calls.at(-1)?.startsWith("close") === true);
      assert.deepEqual(calls, name === "a Close" ? ["open", "close 3000"] : ["open", "error", "close 1006"]);
      await assertServes(server);
    });
  }
});

describe("CVE-2022-41940: sockets that die while they are upgraded", () => {
  for (const [name, options] of Object.entries({
    accepted: {},
    refused: { authorize: () => false },
    "refused later": { authorize: () => sleep(5).then(() => false) },
    "accepted later": { authorize: () => sleep(5).then(() => true) },
  })) {
    it(`${name}: the process lives`, async (t) => {
      const server = await listen(t, options as { authorize(): boolean });
      for (let i = 0; i < 10; i++) {
        const peer = await dial(t, server.port);
        peer.write(requestText());
        if (i % 2 === 0) await settle(i);
        peer.reset();
      }
      await sleep(20);
      await until(() => server.connections.size === 0);
      // A socket that errors right in the event.
      const upgrade = createUpgradeHandler(() => undefined, options as { authorize(): boolean });
      const raw = http.createServer().on("upgrade", (request, socket, head) => {
        upgrade(request, socket, head);
        socket.destroy(new Error("boom"));
      });
      raw.listen(0, "127.0.0.1");
      await once(raw, "listening");
      t.after(() => raw.close());
      const peer = await dial(t, (raw.address() as AddressInfo).port);
      peer.write(requestText());
      await peer.closed();
      await settle();
      assert.equal(upgrade.connections.size, 0);
    });
  }
});

eachReadPath("handlers that fail", () => {
  const failing: [string, Parameters<typeof listen>[1]][] = [
    [
      "message throws",
      {
        message: () => {
          throw new Error("oops");
        },
      },
    ],
    [
      "message rejects",
      {
        message: async () => {
          throw new Error("oops");
        },
      },
    ],
    [
      "message rejects late",
      {
        message: () =>
          sleep(5).then(() => {
            throw new Error("oops");
          }),
      },
    ],
    [
      "message throws no Error",
      {
        message: () => {
          throw "oops";
        },
      },
    ],
    [
      "ping throws",
      {
        ping: () => {
          throw new Error("oops");
        },
      },
    ],
    [
      "open throws",
      {
        open: () => {
          throw new Error("oops");
        },
      },
    ],
    [
      "open rejects",
      {
        open: async () => {
          throw new Error("oops");
        },
      },
    ],
  ];
  for (const [name, handlers] of failing) {
    it(`${name}: 1011, and the server lives`, async (t) => {
      const calls: string[] = [];
      const server = await listen(t, {
        ...handlers,
        error: async (_connection, error) => {
          calls.push(error.message);
          throw new Error("the error handler fails, too"); // an unhandled rejection would fail this test
        },
        close: () => {
          calls.push("close");
        },
      });
      const peer = await rawClient(t, server.port);
      peer.send({ opcode: PING }, { opcode: TEXT, payload: utf8("x") }, { opcode: TEXT, payload: utf8("y") });
      await until(() => peer.frames.some(({ opcode }) => opcode === CLOSE));
      assert.equal(peer.take().at(-1), "close 1011");
      await peer.closed();
      await until(() => calls.length === 2);
      assert.match(calls[0], /oops/);
      assert.equal(calls[1], "close");
      const again = await knock(t, server.port);
      assert.equal(again.status, 101);
    });
  }

  it("close throws: the error is printed, for error is never called after close", async (t) => {
    const errors: string[] = [];
    const print = t.mock.method(console, "error", () => undefined);
    const { connection, peer } = await serverAndPeer(t, {
      close: () => {
        throw new Error("oops");
      },
      error: (_connection, error) => {
        errors.push(error.message);
      },
    });
    peer.socket.destroy();
    assert.equal((await connection.closed).code, 1006);
    assert.deepEqual(errors, []);
    assert.match(String(print.mock.calls[0]?.arguments[1]), /oops/);
  });

  it("drain throws: 1011", async (t) => {
    const { connection, peer } = await serverAndPeer(t, {
      drain: () => {
        throw new Error("oops");
      },
    });
    connection.send(new Uint8Array(200_000));
    await until(() => peer.frames.length === 2);
    assert.equal(peer.take()[1], "close 1011");
    assert.equal(connection.error?.message, "oops");
  });
});

describe("a client and a server that is hostile", () => {
  it("frames behind the Close, data behind the end, endless responses: nothing throws", async (t) => {
    const port = await acceptingServer(t, (peer) => {
      peer.send({ opcode: CLOSE, payload: closeBody(1000) });
      peer.send({ opcode: TEXT, payload: utf8("never") });
      peer.write(new Uint8Array(100_000));
      peer.socket.end();
    });
    const connection = await connect(`ws://127.0.0.1:${port}`);
    assert.equal((await connection.closed).code, 1000);
    assert.equal(await connection.receive(), undefined);
    const endless = net.createServer((socket) => {
      socket.on("error", () => undefined);
      const timer = setInterval(() => socket.write(`X: ${"x".repeat(1000)}\r\n`), 1);
      socket.on("close", () => clearInterval(timer));
      socket.write("HTTP/1.1 101 Switching Protocols\r\n");
    });
    endless.listen(0, "127.0.0.1");
    await once(endless, "listening");
    t.after(() => endless.close());
    await assert.rejects(connect(`ws://127.0.0.1:${(endless.address() as AddressInfo).port}`));
  });
});

describe("a process", () => {
  it("ends by itself once its connections are closed: no timer keeps it", async () => {
    const index = fileURLToPath(new URL("../../src/index.ts", import.meta.url));
    const program = `
      import { connect, serve } from ${JSON.stringify(index)};
      const server = await serve({ hostname: "127.0.0.1", message: (c, m) => c.send(m.data) });
      const connection = await connect(server.url);
      connection.send("x");
      await connection.receive();
      await connection.close();
      await server.close();
      console.log("done");
    `;
    const child = spawn(process.execPath, ["--import", "tsx", "--input-type=module", "-e", program], {
      cwd: fileURLToPath(new URL("../../", import.meta.url)),
    });
    let output = "";
    child.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    child.stderr.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    const start = performance.now();
    const timer = setTimeout(() => child.kill(), 15_000);
    const [code] = await once(child, "exit");
    clearTimeout(timer);
    assert.deepEqual([output.trim(), code], ["done", 0], `${performance.now() - start} ms`);
  });
});
