/** What else happens to sockets: resets, halves that end, no descriptors, TLS that fails, a process that stands still, bytes that trickle. */

import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync } from "node:fs";
import net from "node:net";
import { describe, it } from "node:test";
import tls from "node:tls";
import { fileURLToPath } from "node:url";
import { type Connection, connect, tryConnect } from "../../src/index.js";
import { certificate } from "../support/certificate.js";
import { listen, withPeer } from "../support/connections.js";
import { BINARY, CLOSE, closeBody, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import { dial, knock, rawServer, requestText, responseText, until } from "../support/sockets.js";
import { PeerProcess, peerProcess } from "./support.js";

const ROLES = ["server", "client"] as const;
const echo = {
  message: (connection: Connection, { data }: { data: string | Uint8Array }) => connection.send(data),
};

describe("a peer that resets the connection", () => {
  for (const role of ROLES) {
    it(`${role}: while bytes wait for it, calls wait, and a message is half there`, async (t) => {
      const { connection, peer } = await withPeer(t, role, {
        pingIntervalMs: 0,
        maxBufferedAmount: Infinity,
      });
      peer.send(
        { opcode: TEXT, payload: utf8("whole") },
        { opcode: BINARY, fin: false, payload: utf8("half") },
      );
      assert.equal(String(await connection.receive()), "whole");
      const waiting = connection.receive();
      peer.socket.pause();
      while (connection.bufferedAmount < 1 << 20) connection.sendNow(new Uint8Array(1 << 20));
      const drained = connection.drained();
      const pinged = assert.rejects(connection.ping());
      peer.reset();
      assert.equal((await connection.closed).code, 1006);
      assert.equal(await waiting, undefined);
      await drained;
      await pinged;
      assert.equal((connection.error as NodeJS.ErrnoException | undefined)?.code, "ECONNRESET");
    });

    it(`${role}: behind its Close, which counts`, async (t) => {
      const { connection, peer } = await withPeer(t, role, { pingIntervalMs: 0 });
      peer.send({ opcode: CLOSE, payload: closeBody(4000, "enough") });
      await until(() => connection.state !== "open", "the Close is read");
      peer.reset();
      const { code, reason } = await connection.closed;
      assert.deepEqual([code, reason], [4000, "enough"]);
    });
  }
});

describe("a peer that ends its half of the socket", () => {
  for (const role of ROLES) {
    it(`${role}: without a Close: 1006, and earlier messages are delivered`, async (t) => {
      const { connection, peer } = await withPeer(t, role, { pingIntervalMs: 0 });
      peer.socket.end(peer.encode({ opcode: TEXT, payload: utf8("last words") }));
      assert.equal(String(await connection.receive()), "last words");
      assert.equal(await connection.receive(), undefined);
      assert.equal((await connection.closed).code, 1006);
      await peer.closed();
    });

    it(`${role}: behind a Close: its code`, async (t) => {
      const { connection, peer } = await withPeer(t, role, { pingIntervalMs: 0 });
      peer.socket.end(peer.encode({ opcode: CLOSE, payload: closeBody(1001) }));
      assert.equal((await connection.closed).code, 1001);
      await peer.closed();
    });

    it(`${role}: and never the other, while much waits: it gets all of it`, async (t) => {
      const { connection, peer } = await withPeer(t, role, {
        pingIntervalMs: 0,
        maxBufferedAmount: Infinity,
      });
      const size = 1 << 20;
      connection.send(new Uint8Array(size));
      peer.send({ opcode: CLOSE, payload: closeBody(1000) });
      assert.equal((await connection.closed).code, 1000);
      await peer.ended();
      const data = peer.frames.filter(({ opcode }) => opcode !== CLOSE);
      assert.equal(
        data.reduce((sum, { payload }) => sum + payload.length, 0),
        size,
      );
      assert.equal(peer.frames.at(-1)?.opcode, CLOSE);
    });
  }
});

describe("a process without descriptors (EMFILE)", { skip: process.platform === "win32" }, () => {
  it("accepts again once connections are gone, and is alive", async (t) => {
    const program = fileURLToPath(new URL("./descriptors-server.mjs", import.meta.url));
    const limited = new PeerProcess(t, "sh", [
      "-c",
      'ulimit -n 60; exec "$0" "$1"',
      process.execPath,
      program,
    ]);
    const port = Number((await limited.says(/port (\d+)/))[1]);
    const sockets: net.Socket[] = [];
    t.after(() => sockets.forEach((socket) => void socket.destroy()));
    // More than it can take: those that it cannot take are cut or wait.
    for (let i = 0; i < 100; i++) {
      const socket = net.connect(port, "127.0.0.1");
      socket.on("error", () => undefined);
      sockets.push(socket);
    }
    const open = () => sockets.filter((socket) => !socket.destroyed && !socket.connecting).length;
    await until(() => open() > 0 && sockets.every((socket) => !socket.connecting), "all were tried");
    // It has as many descriptors as it may.
    if (existsSync("/proc"))
      await until(() => descriptors(limited.child.pid as number) >= 58, "none is left");
    for (const socket of sockets) socket.destroy();
    // It may take some attempts until the server has seen all of them go.
    let answer: string | undefined;
    for (let i = 0; answer === undefined && i < 1000; i++) {
      const connection = await tryConnect(`ws://127.0.0.1:${port}`);
      connection?.send("after the flood");
      const message = await connection?.receive();
      if (message !== undefined) answer = String(message);
      await connection?.close();
    }
    assert.equal(answer, "after the flood");
    assert.equal(limited.isGone, false, limited.errors);
  });
});

function descriptors(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

describe("TLS that fails", () => {
  it("a certificate that is not trusted, or has another name: connect says so, and the server serves on", async (t) => {
    const { key, cert } = await certificate();
    const errors: Error[] = [];
    const server = await listen(t, {
      ...echo,
      tls: { key, cert },
      onError: (error) => void errors.push(error),
    });
    const url = `wss://127.0.0.1:${server.port}`;
    await assert.rejects(connect(url), { code: "DEPTH_ZERO_SELF_SIGNED_CERT" });
    await assert.rejects(connect(url, { tls: { ca: cert, servername: "other.example" } }), {
      code: "ERR_TLS_CERT_ALTNAME_INVALID",
    });
    const connection = await connect(url, { tls: { ca: cert } });
    connection.send("trusted");
    assert.equal(String(await connection.receive()), "trusted");
    await connection.close();
  });

  it("plain text, garbage, and half a handshake to a TLS port: none is served, all others are", async (t) => {
    const { key, cert } = await certificate();
    const server = await listen(t, { ...echo, tls: { key, cert }, handshakeTimeoutMs: 1500 });
    for (const bytes of [
      requestText(),
      "\x16\x03\x01\x00\xff\x01\x00",
      "\0".repeat(200),
      "\x16\x03\x03\xff\xff".repeat(50),
    ]) {
      const peer = await dial(t, server.port);
      peer.write(bytes);
      await peer.closed();
    }
    const cut = await dial(t, server.port);
    cut.write("\x16\x03\x01\x00\xff");
    cut.reset();
    await assert.rejects(connect(`ws://127.0.0.1:${server.port}`, { timeout: 10_000 }));
    const connection = await connect(`wss://127.0.0.1:${server.port}`, { tls: { ca: cert } });
    assert.equal((await connection.close(1000)).code, 1000);
  });

  it("a TLS client on a plain port; and a TLS server that cuts behind its handshake", async (t) => {
    const server = await listen(t, { ...echo, handshakeTimeoutMs: 1500 });
    await assert.rejects(connect(`wss://127.0.0.1:${server.port}`, { timeout: 10_000 }));
    const { key, cert } = await certificate();
    const cutting = tls.createServer({ key, cert }, (socket) => socket.destroy());
    cutting.on("tlsClientError", () => undefined);
    cutting.listen(0, "127.0.0.1");
    await once(cutting, "listening");
    t.after(() => cutting.close());
    const { port } = cutting.address() as net.AddressInfo;
    await assert.rejects(connect(`wss://127.0.0.1:${port}`, { tls: { ca: cert } }), { code: "ECONNRESET" });
  });
});

describe("an event loop that stands still", () => {
  it("cuts no peer that answered meanwhile", async (t) => {
    const connections: Connection[] = [];
    const server = await listen(t, {
      pingIntervalMs: 100,
      // Longer than any process here waits for the processor; shorter than the loop stands still.
      pingTimeoutMs: 3000,
      open: (connection) => void connections.push(connection),
      message: () => undefined,
    });
    const peers = [1, 2, 3].map(() => peerProcess(t, "client", String(server.port), "answers"));
    for (const peer of peers) await peer.says(/ready/);
    await until(
      () => connections.length === 3 && connections.every(({ counters }) => counters.framesOut > 0),
      "Pings",
    );
    const end = Date.now() + 3500;
    while (Date.now() < end) Math.sqrt(end);
    const before = connections.map(({ counters }) => counters.framesIn);
    await until(
      () => connections.every(({ counters }, i) => counters.framesIn > before[i]),
      "they are heard again",
    );
    assert.deepEqual(
      connections.map(({ state }) => state),
      ["open", "open", "open"],
    );
  });
});

describe("bytes that trickle", () => {
  for (const role of ROLES) {
    it(`${role}: a frame that never ends keeps no connection open that may not be idle`, async (t) => {
      const { connection, peer } = await withPeer(t, role, {
        pingIntervalMs: 0,
        idleTimeoutMs: 300,
        closeTimeoutMs: 300,
      });
      const bytes = peer.encode({ opcode: BINARY, payload: new Uint8Array(60_000) });
      let at = 0;
      const trickle = setInterval(() => peer.write(bytes.subarray(at, ++at)), 5);
      t.after(() => clearInterval(trickle));
      assert.equal((await connection.closed).code, 1006);
      assert.match(peer.take()[0], /^close 1001/);
    });
  }

  it("a response that never ends: connect gives up", async (t) => {
    const port = await rawServer(t, (peer) => {
      const text = responseText("").replace("Upgrade", `X-Slow: ${"x".repeat(10_000)}\r\nUpgrade`);
      let at = 0;
      const trickle = setInterval(() => peer.write(text[at++]), 5);
      peer.socket.on("close", () => clearInterval(trickle));
    });
    await assert.rejects(connect(`ws://127.0.0.1:${port}`, { timeout: 300 }), { name: "TimeoutError" });
  });

  it("a hundred requests that never end leave room for one that does", async (t) => {
    const server = await listen(t, { ...echo, handshakeTimeoutMs: 1500 });
    const slow = await Promise.all(Array.from({ length: 100 }, () => dial(t, server.port)));
    const text = requestText({ "X-Slow": "x".repeat(10_000) });
    let at = 0;
    const trickle = setInterval(() => {
      for (const peer of slow) if (!peer.isClosed) peer.write(text[at]);
      at++;
    }, 20);
    t.after(() => clearInterval(trickle));
    const peer = await knock(t, server.port);
    assert.equal(peer.status, 101);
    await until(() => slow.every(({ isClosed }) => isClosed), "all that are slow are cut", 60_000);
    peer.send({ opcode: TEXT, payload: utf8("alive") });
    assert.equal(await peer.next(), "text alive");
  });
});
