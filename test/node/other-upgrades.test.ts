/** Requests that come by 'upgrade' and are not ours: beside other listeners, and for other protocols. */

import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import express from "express";
import { WebSocketServer } from "ws";
import { connect, createUpgradeHandler, type UpgradeHandler, type UpgradeOptions } from "../../src/index.js";
import { certificate } from "../support/certificate.js";
import { listen } from "../support/connections.js";
import { TEXT } from "../support/frames.js";
import { dial, knock, rawClient, requestText, settle, until } from "../support/sockets.js";

/** An HTTP server with some listeners for 'upgrade', in this order. */
async function run(
  t: TestContext,
  listeners: readonly ((...all: Parameters<UpgradeHandler>) => void)[],
  server: http.Server = http.createServer((request, response) => response.end(`page ${request.url}`)),
): Promise<number> {
  for (const listener of listeners) server.on("upgrade", listener);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const sockets = new Set<{ destroy(): void }>();
  server.on("connection", (socket) => sockets.add(socket));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A handler that says its name to each connection. */
function named(name: string, options: UpgradeOptions = {}): UpgradeHandler {
  return createUpgradeHandler((connection) => void connection.send(name), options);
}

function hearErrors(t: TestContext): Error[] {
  const heard: Error[] = [];
  const listener = (message: unknown) => {
    heard.push((message as { error: Error }).error);
  };
  subscribe("hawser:connection:error", listener);
  t.after(() => unsubscribe("hawser:connection:error", listener));
  return heard;
}

const to = (path: string, headers = {}) => requestText(headers, `GET ${path} HTTP/1.1`);

const H2C = {
  Connection: "Upgrade, HTTP2-Settings",
  Upgrade: "h2c",
  "HTTP2-Settings": "AAMAAABkAAQCAAAAAAIAAAAA",
};

describe("beside other upgrade listeners", () => {
  for (const order of ["before", "after"] as const) {
    it(`ws, registered ${order} us: each has its path`, async (t) => {
      const heard = hearErrors(t);
      const other = new WebSocketServer({ noServer: true });
      t.after(() => other.close());
      other.on("connection", (socket) => {
        socket.send("ws");
        socket.on("message", (data) => socket.send(String(data)));
      });
      const listener = (...[request, socket, head]: Parameters<UpgradeHandler>) => {
        // As Vite does: its own path, and nothing else.
        if (request.url !== "/ws") return;
        other.handleUpgrade(request, socket, Buffer.from(head), (opened) =>
          other.emit("connection", opened, request),
        );
      };
      const ours = named("ours", { path: "/ours", handshakeTimeoutMs: 30 });
      const port = await run(t, order === "before" ? [listener, ours] : [ours, listener]);
      const peer = await rawClient(t, port, to("/ws"));
      assert.equal(await peer.next(), "text ws");
      const mine = await rawClient(t, port, to("/ours"));
      assert.equal(await mine.next(), "text ours");
      // The time of a socket that was left is up by then; no answer of ours stands in the other's stream.
      const late = await knock(t, port, to("/neither"));
      assert.equal(late.status, 404);
      peer.send({ opcode: TEXT, payload: Buffer.from("still ws") });
      assert.equal(await peer.next(), "text still ws");
      assert.deepEqual(heard, []);
    });
  }

  it("several of ours: each has its path, and a path of none is refused at once", async (t) => {
    const port = await run(t, [
      named("a", { path: "/a" }),
      named("b", { path: "/b" }),
      named("c", { path: /^\/c/ }),
    ]);
    for (const name of ["a", "b", "c"]) {
      assert.equal(await (await rawClient(t, port, to(`/${name}`))).next(), `text ${name}`);
    }
    for (const path of ["/", "/d"]) assert.equal((await knock(t, port, to(path))).status, 404);
    assert.equal((await knock(t, port, to("/a", { "Sec-WebSocket-Version": "8" }))).status, 426);
    // Not ours, however wrong it is.
    assert.equal((await knock(t, port, to("/d", { "Sec-WebSocket-Version": "8" }))).status, 426);
  });

  it("the origin function of one is not asked about another's path", async (t) => {
    const port = await run(t, [
      named("a", { path: "/a", origin: () => assert.fail("it was asked") }),
      named("b", { path: "/b" }),
    ]);
    assert.equal(await (await rawClient(t, port, to("/b"))).next(), "text b");
  });

  for (const [name, make] of [
    ["one with a path and one without", () => [named("a", { path: "/a" }), named("b")]],
    [
      "the same one twice",
      () => {
        const a = named("a");
        return [a, a];
      },
    ],
    [
      "one that is still deciding",
      () => [named("a", { authorize: async () => settle().then(() => true) }), named("b")],
    ],
    [
      "one that has refused",
      () => [
        (_request: unknown, socket: { end(text: string): void }) => socket.end("HTTP/1.1 418 x\r\n\r\n"),
        named("b"),
      ],
    ],
    [
      "one that reads",
      () => [
        (_request: unknown, socket: NodeJS.ReadWriteStream) => {
          socket.write("HTTP/1.1 101 x\r\n\r\n");
          socket.on("data", () => {});
        },
        named("b"),
      ],
    ],
  ] as const) {
    it(`a socket that is taken is left alone, and reported: ${name}`, async (t) => {
      const heard = hearErrors(t);
      const port = await run(t, make() as never);
      const peer = await knock(t, port, to("/a"));
      if (name === "one that reads") assert.equal(peer.head, "HTTP/1.1 101 x\r\n\r\n");
      else if (name === "one that has refused") assert.equal(peer.status, 418);
      else assert.equal(await peer.next(), "text a");
      await settle();
      assert.deepEqual(peer.take(), []);
      assert.equal(peer.received <= 3, true, "nothing else was written");
      assert.equal(heard.length, 1);
      assert.match(heard[0].message, /another listener for upgrade has taken the socket/);
    });
  }

  it("unmatched: refuse, and leave", async (t) => {
    const untouched: string[] = [];
    const port = await run(t, [
      named("a", { path: "/a", unmatched: "refuse" }),
      (request) => untouched.push(`${request.url}`),
    ]);
    assert.equal((await knock(t, port, to("/b"))).status, 404);
    assert.deepEqual(untouched, ["/b"]);
    const leaving = await run(t, [
      named("a", { path: "/a", unmatched: "leave", handshakeTimeoutMs: 0 }),
      () => {},
    ]);
    const peer = await dial(t, leaving);
    peer.write(to("/b"));
    await settle(20);
    assert.equal(peer.head, "");
    // It dies while no listener is there for its errors.
    peer.reset();
    await settle(20);
  });

  it("a listener that takes the socket later, and pauses it, keeps it", async (t) => {
    const port = await run(t, [
      named("a", { path: "/a", handshakeTimeoutMs: 50 }),
      async (request, socket) => {
        if (request.url !== "/late") return;
        await settle();
        socket.write("HTTP/1.1 101 Switching Protocols\r\n\r\n");
        socket.on("data", () => {});
        socket.pause();
      },
    ]);
    const late = await rawClient(t, port, to("/late"));
    // Its time is up after that of the other.
    assert.equal((await knock(t, port, to("/none"))).status, 404);
    assert.equal(late.hasEnded, false);
    assert.equal(late.received, 0);
  });
});

describe("requests that offer another protocol", () => {
  const page = (status: number, text: string) => new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*${text}`);

  it("get the page, with their content, and headers as they came", async (t) => {
    const seen: (string | undefined)[][] = [];
    const server = await listen(t, {
      request: async (request, response) => {
        let text = "";
        for await (const chunk of request.setEncoding("utf8")) text += chunk;
        seen.push([request.method, request.url, request.headers["x-a"] as string, text]);
        response.end(`page ${text}`);
      },
    });
    const get = await knock(t, server.port, to("/x?y", { ...H2C, "X-A": ["1", "2"] }));
    await get.closed();
    assert.match(get.head, page(200, "page "));
    const post = await knock(
      t,
      server.port,
      `${requestText({ ...H2C, "Content-Length": "3" }, "POST /form HTTP/1.1")}a=b`,
    );
    await post.closed();
    assert.match(post.head, page(200, "page a=b"));
    const chunked = await dial(t, server.port);
    chunked.write(requestText({ ...H2C, "Transfer-Encoding": "chunked", "X-A": "é" }, "PUT /c HTTP/1.1"));
    await settle();
    for (const part of ["3\r\n", "xyz\r\n", "0\r\n\r\n"]) chunked.write(part);
    await chunked.closed();
    assert.match(chunked.head, page(200, "page xyz"));
    assert.deepEqual(seen, [
      ["GET", "/x?y", "1, 2", ""],
      ["POST", "/form", undefined, "a=b"],
      ["PUT", "/c", "é", "xyz"],
    ]);
    const connection = await connect(server.url);
    assert.equal((await connection.close()).code, 1000);
  });

  it("get 426 by a server without pages", async (t) => {
    const server = await listen(t);
    const peer = await knock(t, server.port, to("/", H2C));
    await peer.closed();
    assert.equal(peer.status, 426);
  });

  it("get Express's page beside a handler of ours", async (t) => {
    const app = express();
    app.get("/health", (_request, response) => void response.send("healthy"));
    const server = http.createServer(app);
    const port = await run(t, [named("a", { path: "/a" })], server);
    const peer = await knock(t, port, to("/health", H2C));
    await peer.closed();
    assert.match(peer.head, page(200, "healthy"));
    assert.equal(await (await rawClient(t, port, to("/a"))).next(), "text a");
  });

  it("get it over TLS, too", async (t) => {
    const { key, cert } = await certificate();
    const server = await listen(t, {
      tls: { key, cert },
      request: (_request, response) => response.end("a page"),
    });
    const request = https.get(`https://127.0.0.1:${server.port}/`, { ca: cert, headers: H2C, agent: false });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    assert.equal(response.statusCode, 200);
    response.resume();
    await once(response, "end");
  });

  it("are left to a listener that may speak it", async (t) => {
    const port = await run(t, [
      named("a", { path: "/a" }),
      (request, socket) => {
        if (request.headers.upgrade === "h2c") socket.end("HTTP/1.1 101 h2c\r\n\r\n");
      },
    ]);
    const peer = await knock(t, port, to("/a", H2C));
    assert.equal(peer.head, "HTTP/1.1 101 h2c\r\n\r\n");
  });
});

it("a server closes although a client does not read its refusal, and another listener keeps a socket", async (t) => {
  const server = await listen(t, { path: "/a" });
  server.http.prependListener("upgrade", (request, socket) => {
    if (request.url === "/theirs") socket.on("data", () => {}).write("HTTP/1.1 101 x\r\n\r\n");
  });
  await rawClient(t, server.port, to("/theirs"));
  const refused = await dial(t, server.port);
  refused.socket.pause();
  refused.write(to("/a", { Origin: "http://evil.example" }));
  await until(() => server.counters.refused.WS_ERR_ORIGIN_NOT_ALLOWED === 1);
  await server.close({ timeoutMs: 0 });
});

it("a server closes although a socket was left to a listener that does nothing", async (t) => {
  const server = await listen(t, { path: "/a", handshakeTimeoutMs: 0 });
  server.http.on("upgrade", () => {});
  const peer = await dial(t, server.port);
  peer.write(to("/b"));
  await settle(20);
  assert.equal(peer.head, "");
  await server.close({ timeoutMs: 50 });
  await until(() => peer.isClosed);
});
