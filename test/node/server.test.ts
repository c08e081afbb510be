/** serve: where it listens, what it answers, how it closes. */

import assert from "node:assert/strict";
import { getEventListeners, once } from "node:events";
import http from "node:http";
import type net from "node:net";
import { describe, it } from "node:test";
import tls from "node:tls";
import {
  type Connection,
  connect,
  type Message,
  prepareMessage,
  type Server,
  serve,
} from "../../src/index.js";
import { certificate } from "../support/certificate.js";
import { listen, serverAndPeer } from "../support/connections.js";
import { CLOSE, closeBody, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import {
  dial,
  eachReadPath,
  knock,
  RawPeer,
  rawClient,
  requestText,
  settle,
  sleep,
  socketPath,
  until,
} from "../support/sockets.js";

const echo = {
  message(connection: Connection, { data }: Message): void {
    connection.send(data);
  },
};

/** An ordinary request. */
async function get(
  url: string,
  init: http.RequestOptions = {},
): Promise<{ status: number; text: string; headers: http.IncomingHttpHeaders }> {
  const request = http.get(url, init);
  const [response] = (await once(request, "response")) as [http.IncomingMessage];
  let text = "";
  for await (const chunk of response.setEncoding("utf8")) text += chunk;
  return { status: response.statusCode ?? 0, text, headers: response.headers };
}

eachReadPath("serve", () => {
  it("listens on a free port and says where", async (t) => {
    const server = await listen(t, echo);
    assert.ok(server.port > 0);
    assert.deepEqual([server.hostname, server.url], ["127.0.0.1", `ws://127.0.0.1:${server.port}`]);
    const peer = await rawClient(t, server.port);
    peer.send({ opcode: TEXT, payload: utf8("hello") });
    assert.equal(await peer.next(), "text hello");
  });

  it("listens on all addresses by default", async (t) => {
    const server = await serve(echo);
    t.after(() => server.close());
    assert.equal(server.url, `ws://localhost:${server.port}`);
    const connection = await connect(server.url);
    connection.send("x");
    assert.equal(String(await connection.receive()), "x");
    await connection.close();
  });

  it("listens on a Unix socket", async (t) => {
    const path = socketPath();
    const server = await listen(t, { ...echo, socketPath: path });
    assert.deepEqual([server.port, server.url], [0, `ws+unix:${path}`]);
    const peer = await rawClient(t, { path });
    peer.send({ opcode: TEXT, payload: utf8("hello") });
    assert.equal(await peer.next(), "text hello");
    const connection = await connect("ws://localhost/x", { socketPath: path });
    connection.send("y");
    assert.equal(String(await connection.receive()), "y");
    await connection.close();
  });

  it("speaks TLS", async (t) => {
    const { key, cert } = await certificate();
    const server = await listen(t, { ...echo, tls: { key, cert } });
    assert.match(server.url, /^wss:/);
    const connection = await connect(server.url, { tls: { ca: cert } });
    const [accepted] = server.connections;
    assert.match(accepted.url, /^wss:\/\/127\.0\.0\.1:/);
    for (const length of [5, 70_000, 400_000]) {
      connection.send("x".repeat(length));
      assert.equal((await connection.receive())?.data.length, length);
    }
    assert.ok((await connection.ping()) >= 0);
    await connection.close(4000, "bye");
    assert.deepEqual(await accepted.closed, { code: 4000, reason: "bye" });
    const socket = tls.connect({ port: server.port, host: "127.0.0.1", ca: cert });
    t.after(() => socket.destroy());
    const peer = new RawPeer(socket, true);
    peer.write(requestText());
    peer.send({ opcode: TEXT, payload: utf8("in one flight") });
    assert.equal(await peer.next(), "text in one flight");
  });

  it("rejects when it cannot listen, and for options that make no sense", async (t) => {
    const server = await listen(t);
    await assert.rejects(
      serve({ port: server.port, hostname: "127.0.0.1" }),
      (error: NodeJS.ErrnoException) => error.code === "EADDRINUSE",
    );
    const wrong: [object, typeof TypeError | typeof RangeError][] = [
      [{ maxFrameSize: -1 }, RangeError],
      [{ maxMessageSize: Number.NaN }, RangeError],
      [{ highWaterMark: -1 }, RangeError],
      [{ maxBufferedAmount: "1" }, RangeError],
      [{ onOverflow: "explode" }, TypeError],
      [{ text: "latin1" }, TypeError],
      [{ pingIntervalMs: -1 }, RangeError],
      [{ pingTimeoutMs: Number.NaN }, RangeError],
      [{ idleTimeoutMs: "1" }, RangeError],
      [{ closeTimeoutMs: -5 }, RangeError],
      [{ maxConnections: -1 }, RangeError],
    ];
    for (const [options, type] of wrong) {
      // Sockets accepted here must not stay behind and keep the tests from ending.
      const outcome = await serve({ hostname: "127.0.0.1", ...options }).catch((error: unknown) => error);
      if (!(outcome instanceof Error)) await (outcome as Server).close();
      assert.ok(outcome instanceof type, JSON.stringify(options));
    }
  });

  it("answers ordinary requests by 426, or by the option", async (t) => {
    const plain = await listen(t);
    const { status, headers } = await get(`http://127.0.0.1:${plain.port}/`);
    assert.deepEqual([status, headers.upgrade], [426, "websocket"]);
    const told = await listen(t, {
      ...echo,
      request(request, response) {
        response.end(`you asked for ${request.url}`);
      },
    });
    const peer = await rawClient(t, told.port);
    assert.equal((await get(`http://127.0.0.1:${told.port}/x`)).text, "you asked for /x");
    peer.send({ opcode: TEXT, payload: utf8("beside") });
    assert.equal(await peer.next(), "text beside");
  });

  it("answers 500 where the callback fails, or cuts what it had begun; others are answered", async (t) => {
    t.mock.method(console, "error", () => undefined);
    const server = await listen(t, {
      request(request, response) {
        if (request.url === "/ok") return response.end("fine");
        response.setHeader("X-Secret", "1");
        if (request.url === "/begun") response.write("half");
        if (request.url === "/ended") response.end("whole");
        if (request.url === "/async") return settle().then(() => Promise.reject(new Error("secret")));
        throw new Error("secret");
      },
    });
    const url = `http://127.0.0.1:${server.port}`;
    for (const path of ["/sync", "/async"]) {
      const { status, headers, text } = await get(url + path);
      assert.deepEqual([status, headers["x-secret"], text], [500, undefined, "Internal Server Error\n"]);
    }
    await assert.rejects(get(`${url}/begun`), { code: "ECONNRESET" });
    assert.equal((await get(`${url}/ended`)).text, "whole");
    assert.equal((await get(`${url}/ok`)).text, "fine");
  });

  it("handshakeTimeoutMs is about handshakes: an upload may take longer", async (t) => {
    const server = await listen(t, {
      handshakeTimeoutMs: 50,
      request: (request, response) => request.resume().on("end", () => response.end("got it")),
    });
    const peer = await dial(t, server.port);
    peer.write("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\na");
    // A handshake that takes as long is cut.
    const slow = await dial(t, server.port);
    slow.write("GET / HTTP/1.1\r\n");
    await slow.closed();
    peer.write("b");
    await peer.closed();
    assert.equal(peer.status, 200);
  });

  it("knows its connections, and their totals", async (t) => {
    const server = await listen(t, echo);
    const [a, b] = [await rawClient(t, server.port), await rawClient(t, server.port)];
    await knock(t, server.port, requestText({ "Sec-WebSocket-Key": "short" }));
    assert.equal(server.connections.size, 2);
    a.send({ opcode: TEXT, payload: utf8("x") });
    await a.next();
    a.send({ opcode: CLOSE, payload: closeBody(1000) });
    await a.closed();
    await until(() => server.connections.size === 1);
    b.send({ opcode: TEXT, payload: utf8("x") });
    await b.next();
    const { accepted, refused, framesIn, framesOut, messagesIn, messagesOut } = server.counters;
    assert.deepEqual(
      { accepted, framesIn, framesOut, messagesIn, messagesOut },
      {
        accepted: 2,
        framesIn: 3,
        framesOut: 3,
        messagesIn: 2,
        messagesOut: 2,
      },
    );
    assert.deepEqual(Object.values(refused), [1]);
  });

  it("broadcasts one frame to all that are open, but for one", async (t) => {
    const server = await listen(t);
    const peers = [
      await rawClient(t, server.port),
      await rawClient(t, server.port),
      await rawClient(t, server.port),
    ];
    const [first, second] = server.connections;
    assert.equal(server.broadcast("to all"), 3);
    assert.equal(server.broadcast(prepareMessage("to some"), { except: first }), 2);
    assert.equal(server.broadcast(utf8("text"), { type: "text" }), 3);
    void second.close();
    assert.equal(server.broadcast("not to who closes"), 2);
    await until(() => peers[2].frames.length === 4);
    assert.deepEqual(peers[0].take(), ["text to all", "text text", "text not to who closes"]);
    assert.deepEqual(peers[1].take(), ["text to all", "text to some", "text text", "close 1000"]);
    assert.deepEqual(peers[2].take(), ["text to all", "text to some", "text text", "text not to who closes"]);
    assert.throws(() => server.broadcast(5 as unknown as string), TypeError);
    assert.throws(() => server.broadcast(Uint8Array.of(0xff), { type: "text" }), TypeError);
  });
});

describe("Server.close", () => {
  it("stops listening, closes with 1001 and waits for the answers", async (t) => {
    const { server, peer, connection } = await serverAndPeer(t);
    const closed = server.close();
    assert.equal(server.close(), closed, "a second call waits for the first");
    assert.equal(await peer.next(), "close 1001");
    await assert.rejects(dial(t, server.port));
    let isClosed = false;
    void closed.then(() => {
      isClosed = true;
    });
    await sleep(20);
    assert.equal(isClosed, false);
    peer.send({ opcode: CLOSE, payload: closeBody(1001) });
    await closed;
    assert.deepEqual(await connection.closed, { code: 1001, reason: "" });
    assert.equal(server.connections.size, 0);
  });

  it("cuts those that do not answer in time, also when they read nothing", async (t) => {
    const { server, connection, peer } = await serverAndPeer(t);
    peer.socket.pause();
    while (connection.bufferedAmount < 1 << 20) connection.sendNow(new Uint8Array(1 << 20));
    const start = performance.now();
    await server.close({ timeoutMs: 50 });
    assert.ok(performance.now() - start < 1500);
    assert.equal((await connection.closed).code, 1006);
  });

  it("does not wait for a client that has only an HTTP connection, or says nothing", async (t) => {
    const server = await listen(t);
    const silent = await dial(t, server.port);
    const half = await dial(t, server.port);
    half.write("GET / HTTP/1.1\r\nHost: x\r\n");
    const idle = await knock(t, server.port, "GET / HTTP/1.1\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
    await settle();
    await server.close();
    await Promise.all([silent.closed(), half.closed(), idle.closed()]);
  });

  it("says another code and a reason, checked before anything is closed", async (t) => {
    const { server, peer } = await serverAndPeer(t);
    const wrong: [options: object, type: typeof TypeError | typeof RangeError][] = [
      [{ code: 1006 }, RangeError],
      [{ code: "1000" }, TypeError],
      [{ reason: "x".repeat(124) }, RangeError],
      [{ timeoutMs: -1 }, RangeError],
      [{ timeout: 5 }, TypeError],
    ];
    for (const [options, type] of wrong)
      await assert.rejects(server.close(options), type, JSON.stringify(options));
    assert.deepEqual(peer.take(), []);
    await rawClient(t, server.port);
    const closed = server.close({ code: 4001, reason: "moved", timeoutMs: 100 });
    assert.equal(await peer.next(), "close 4001 moved");
    await closed;
  });

  it("of two calls the shorter time counts, and the first code", async (t) => {
    for (const [first, second] of [
      [60_000, 0],
      [0, 60_000],
      [Infinity, 50],
    ]) {
      const { server, peer } = await serverAndPeer(t);
      const closing = server.close({ timeoutMs: first, code: 4001 });
      await Promise.all([closing, server.close({ timeoutMs: second, code: 4002 })]);
      await peer.closed();
      assert.ok(peer.take().every((frame) => frame === "close 4001"));
    }
  });

  for (const withConnection of [false, true]) {
    it(`lets a response under way finish, ${withConnection ? "with" : "without"} a connection`, async (t) => {
      let answer: (() => void) | undefined;
      const server = await listen(t, {
        ...echo,
        request: (_request, response) => {
          response.write("slow ");
          answer = () => response.end("answer");
        },
      });
      const connection = withConnection ? await connect(server.url) : undefined;
      const page = get(`http://127.0.0.1:${server.port}/`);
      await until(() => answer !== undefined);
      const closed = server.close({ timeoutMs: 60_000 });
      if (connection !== undefined) await connection.closed;
      await settle();
      answer?.();
      assert.equal((await page).text, "slow answer");
      await closed;
    });
  }

  it("cuts a response that does not finish in time", async (t) => {
    const server = await listen(t, { request: (_request, response) => void response.write("never ends") });
    const peer = await knock(t, server.port, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await server.close({ timeoutMs: 50 });
    await peer.closed();
  });

  it("does not wait for a client that has not begun TLS", async (t) => {
    const { key, cert } = await certificate();
    const server = await listen(t, { tls: { key, cert }, handshakeTimeoutMs: 0 });
    const silent = await dial(t, server.port);
    await settle();
    await server.close();
    await silent.closed();
  });

  it("many servers share a signal: one listener, no warning, and none is left", async (t) => {
    const warn = t.mock.method(process, "emitWarning", () => undefined);
    const controller = new AbortController();
    const { signal } = controller;
    const start = () => Promise.all(Array.from({ length: 12 }, () => listen(t, { signal })));
    const gone = await start();
    assert.equal(getEventListeners(signal, "abort").length, 1);
    await Promise.all(gone.map((server) => server.close()));
    assert.equal(getEventListeners(signal, "abort").length, 0);
    const servers = await start();
    controller.abort();
    await Promise.all(servers.map((server) => once(server.http, "close")));
    assert.equal(getEventListeners(signal, "abort").length, 0);
    assert.equal(warn.mock.callCount(), 0);
  });

  it("happens on disposal, and when the signal aborts", async (t) => {
    const { server, peer } = await serverAndPeer(t);
    const disposed = server[Symbol.asyncDispose]();
    assert.equal(await peer.next(), "close 1001");
    peer.send({ opcode: CLOSE, payload: closeBody(1001) });
    await disposed;

    const controller = new AbortController();
    const other = await serverAndPeer(t, { signal: controller.signal });
    controller.abort();
    assert.equal(await other.peer.next(), "close 1001");
    other.peer.send({ opcode: CLOSE, payload: closeBody(1001) });
    await other.peer.closed();
    await other.server.close();
  });

  it("does not begin when the signal has aborted, nor while it begins", async () => {
    const reason = new Error("not now");
    await assert.rejects(serve({ signal: AbortSignal.abort(reason) }), reason);
    const controller = new AbortController();
    const starting = serve({ hostname: "127.0.0.1", signal: controller.signal });
    controller.abort(reason);
    await assert.rejects(starting, reason);
  });

  it("refuses those who come while it closes with 503", async (t) => {
    const { server, peer } = await serverAndPeer(t);
    const late = await dial(t, server.port);
    late.write("GET /chat HTTP/1.1\r\n");
    await settle();
    const closed = server.close();
    late.write(requestText().slice("GET /chat HTTP/1.1\r\n".length));
    await until(() => late.head !== "" || late.isClosed);
    if (late.head !== "") assert.equal(late.status, 503);
    peer.send({ opcode: CLOSE, payload: closeBody(1001) });
    await closed;
  });
});

eachReadPath("The HTTP server under it", () => {
  it("counts its connections right, and closes once they are gone", async (t) => {
    const { server, peer, connection } = await serverAndPeer(t);
    const count = () =>
      new Promise<number>((resolve, reject) =>
        server.http.getConnections((error, found) => (error ? reject(error) : resolve(found))),
      );
    assert.equal(await count(), 1);
    peer.socket.end();
    await connection.closed;
    await peer.closed();
    await settle();
    assert.equal(await count(), 0);
    const other = await rawClient(t, server.port);
    const closed = new Promise<void>((resolve) => server.http.close(() => resolve()));
    other.send({ opcode: CLOSE, payload: closeBody(1000) });
    await closed;
  });

  it("leaves the request's socket usable: addresses and all", async (t) => {
    let socket: net.Socket | undefined;
    const { peer } = await serverAndPeer(t, {
      open(connection, request) {
        socket = request?.socket;
        connection.send(`${request?.socket.remoteAddress} ${request?.url} ${request?.headers.host}`);
      },
      message(connection) {
        connection.send(
          `${socket?.remoteAddress}:${socket?.remotePort === (peer.socket as net.Socket).localPort}`,
        );
      },
    });
    assert.equal(await peer.next(), "text 127.0.0.1 /chat 127.0.0.1");
    peer.send({ opcode: TEXT });
    assert.equal(await peer.next(), "text 127.0.0.1:true");
    assert.ok(socket !== undefined && socket.bytesRead > 0 && socket.bytesWritten > 0);
  });
});
