/** createUpgradeHandler: judging, asking, refusing and opening, on servers that exist already. */

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import {
  type Connection,
  createUpgradeHandler,
  type UpgradeHandler,
  type UpgradeOptions,
} from "../../src/index.js";
import { listen } from "../support/connections.js";
import { BINARY, CLOSE, closeBody, concat, PING, TEXT } from "../support/frames.js";
import { hex, utf8 } from "../support/hex.js";
import {
  dial,
  eachReadPath,
  knock,
  type RawPeer,
  rawClient,
  requestText,
  settle,
  sleep,
  until,
} from "../support/sockets.js";

interface Running {
  readonly server: http.Server;
  readonly port: number;
  readonly upgrade: UpgradeHandler;
  readonly opened: Connection[];
}

/** An HTTP server with our handler. */
async function run(t: TestContext, options: UpgradeOptions<unknown> = {}): Promise<Running> {
  const opened: Connection[] = [];
  const upgrade = createUpgradeHandler((connection) => {
    opened.push(connection);
  }, options);
  const server = http.createServer((request, response) => response.end(`plain ${request.url}`));
  server.on("upgrade", upgrade);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    server.closeAllConnections();
    server.close();
    await upgrade.close({ timeoutMs: 0 });
  });
  return { server, port: (server.address() as AddressInfo).port, upgrade, opened };
}

async function statusOf(t: TestContext, port: number, text: string): Promise<number> {
  const peer = await knock(t, port, text);
  if (peer.status !== 101) await peer.closed();
  return peer.status;
}

eachReadPath("createUpgradeHandler", () => {
  it("accepts beside ordinary requests, which stay the server's", async (t) => {
    const { port, opened, server } = await run(t);
    const peer = await rawClient(t, port);
    assert.match(peer.head, /sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/i);
    const plain = await knock(t, port, "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    await plain.closed();
    assert.match(plain.head, /plain \/x/);
    opened[0].send("hello");
    assert.equal(await peer.next(), "text hello");
    assert.equal(opened[0].url, "ws://127.0.0.1/chat");
    assert.equal(await new Promise((resolve) => server.getConnections((_e, count) => resolve(count))), 1);
  });

  it("takes handlers in place of a function, and knows its connections", async (t) => {
    const events: string[] = [];
    const upgrade = createUpgradeHandler({
      open: (_connection, request) => {
        events.push(`open ${request?.url}`);
      },
      message: (connection, message) => {
        connection.send(`echo ${message}`);
      },
      close: (_connection, code, reason) => {
        events.push(`close ${code} ${reason}`);
      },
    });
    const server = http.createServer();
    server.on("upgrade", upgrade);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const peer = await rawClient(t, (server.address() as AddressInfo).port);
    peer.send({ opcode: TEXT, payload: utf8("x") });
    assert.equal(await peer.next(), "text echo x");
    assert.equal(upgrade.connections.size, 1);
    assert.equal(upgrade.broadcast("all"), 1);
    assert.equal(await peer.next(), "text all");
    peer.send({ opcode: CLOSE, payload: closeBody(3000, "bye") });
    await peer.closed();
    await until(() => upgrade.connections.size === 0);
    assert.deepEqual(events, ["open /chat", "close 3000 bye"]);
    assert.equal(upgrade.counters.accepted, 1);
  });

  it("what the open handler sends leaves with the response, in one packet", async (t) => {
    const upgrade = createUpgradeHandler((connection) => {
      connection.send("welcome");
      connection.send("again");
    });
    const server = http.createServer().on("upgrade", upgrade);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const peer = await dial(t, (server.address() as AddressInfo).port);
    const chunks: Buffer[] = [];
    peer.socket.on("data", (chunk: Buffer) => chunks.push(chunk));
    peer.write(requestText());
    await until(() => peer.frames.length === 2);
    assert.equal(chunks.length, 1);
    assert.deepEqual(peer.take(), ["text welcome", "text again"]);
  });

  it("reads frames that came with the request", async (t) => {
    const seen: string[] = [];
    const { port } = await listen(t, {
      open: () => {
        seen.push("open");
      },
      message: (connection, message) => {
        seen.push(String(message));
        connection.send(message.data);
      },
    });
    const peer = await dial(t, port);
    const hello = peer.encode({ opcode: TEXT, payload: utf8("hello") });
    const cut = peer.encode({ opcode: TEXT, payload: utf8("cut in two") });
    peer.write(concat([Buffer.from(requestText(), "latin1"), hello, cut.subarray(0, 5)]));
    assert.equal(await peer.next(), "text hello");
    peer.write(cut.subarray(5));
    assert.equal(await peer.next(), "text cut in two");
    assert.deepEqual(seen, ["open", "hello", "cut in two"]);
  });

  it("may pause in the open handler: frames that came with the request wait", async (t) => {
    let connection: Connection | undefined;
    const seen: string[] = [];
    const { port } = await listen(t, {
      open: (opened) => {
        connection = opened;
        opened.pause();
      },
      message: (_connection, message) => {
        seen.push(String(message));
      },
    });
    const peer = await dial(t, port);
    peer.write(
      concat([Buffer.from(requestText(), "latin1"), peer.encode({ opcode: TEXT, payload: utf8("one") })]),
    );
    await until(() => connection !== undefined);
    peer.send({ opcode: TEXT, payload: utf8("two") });
    await sleep(20);
    assert.deepEqual(seen, []);
    connection?.resume();
    await until(() => seen.length === 2);
    assert.deepEqual(seen, ["one", "two"]);
  });
});

describe("createUpgradeHandler: which requests", () => {
  it("path: one, an expression, none", async (t) => {
    const one = await run(t, { path: "/chat" });
    const line = (path: string) => requestText({}, `GET ${path} HTTP/1.1`);
    assert.equal(await statusOf(t, one.port, line("/chat")), 101);
    assert.equal(await statusOf(t, one.port, line("/chat?token=1")), 101);
    for (const other of ["/", "/chat/", "/chatter", "/other?/chat", "//chat", "/%63hat"]) {
      assert.equal(await statusOf(t, one.port, line(other)), 404, other);
    }
    assert.equal(one.upgrade.counters.refused["404"], 6);
    const some = await run(t, { path: /^\/rooms\/\d+$/g });
    for (const [path, status] of [
      ["/rooms/1", 101],
      ["/rooms/22?x", 101],
      ["/rooms/x", 404],
    ] as const) {
      assert.equal(await statusOf(t, some.port, line(path)), status, path);
    }
  });

  it("routes: handlers by path, and no names of every object", async (t) => {
    const said = (text: string) => ({ open: (connection: Connection) => void connection.send(text) });
    const { port } = await listen(t, { routes: { "/a": said("a"), "/b": said("b") } });
    for (const name of ["a", "b"]) {
      const peer = await rawClient(t, port, requestText({}, `GET /${name}?q HTTP/1.1`));
      assert.equal(await peer.next(), `text ${name}`);
    }
    for (const path of ["/", "/c", "/constructor", "/__proto__", "/a/"]) {
      assert.equal(await statusOf(t, port, requestText({}, `GET ${path} HTTP/1.1`)), 404, path);
    }
  });

  it("origin: the same host by default, a list, any, a function", async (t) => {
    const from = (origin?: string) => requestText({ Origin: origin });
    const same = await run(t);
    assert.equal(await statusOf(t, same.port, from("http://127.0.0.1")), 101);
    assert.equal(await statusOf(t, same.port, from()), 101, "no browser");
    assert.equal(await statusOf(t, same.port, from("http://evil.example")), 403);
    assert.equal(await statusOf(t, same.port, from("null")), 403);
    assert.equal(same.upgrade.counters.refused.WS_ERR_ORIGIN_NOT_ALLOWED, 2);
    const list = await run(t, { origin: ["https://a.example", /^https:\/\/[a-z]+\.b\.example$/] });
    assert.equal(await statusOf(t, list.port, from("https://a.example")), 101);
    assert.equal(await statusOf(t, list.port, from("https://x.b.example")), 101);
    assert.equal(await statusOf(t, list.port, from("http://127.0.0.1")), 403);
    assert.equal(await statusOf(t, (await run(t, { origin: "any" })).port, from("http://evil.example")), 101);
    const asked: unknown[] = [];
    const judged = await run(t, {
      origin: (origin, host) => {
        asked.push([origin, host]);
        return origin === "x:y";
      },
    });
    assert.equal(await statusOf(t, judged.port, from("x:y")), 101);
    assert.equal(await statusOf(t, judged.port, from()), 403);
    assert.deepEqual(asked, [
      ["x:y", "127.0.0.1"],
      [undefined, "127.0.0.1"],
    ]);
  });

  it("protocols: the first of the client's that the server speaks", async (t) => {
    const { port, opened } = await run(t, { protocols: ["b", "c"] });
    const offering = (value?: string) => requestText({ "Sec-WebSocket-Protocol": value });
    for (const [offered, chosen] of [
      ["a, c, b", "c"],
      ["b", "b"],
      ["x", ""],
      [undefined, ""],
    ] as const) {
      const peer = await rawClient(t, port, offering(offered));
      const header = /sec-websocket-protocol: (.*)\r\n/i.exec(peer.head)?.[1] ?? "";
      assert.deepEqual([header, opened.at(-1)?.protocol], [chosen, chosen]);
    }
  });

  it("selectProtocol: chooses, is not asked without an offer, and must choose an offered one", async (t) => {
    const asked: string[][] = [];
    let choice: string | false | undefined;
    const { port, opened } = await run(t, {
      selectProtocol: (protocols, request) => {
        assert.equal(request.url, "/chat");
        asked.push([...protocols]);
        return choice;
      },
    });
    const offering = requestText({ "Sec-WebSocket-Protocol": ["a", "b, c"] });
    for (const given of ["b", false, undefined] as const) {
      choice = given;
      const peer = await rawClient(t, port, offering);
      assert.equal(/sec-websocket-protocol: (.*)\r\n/i.exec(peer.head)?.[1], given === "b" ? "b" : undefined);
      assert.equal(opened.at(-1)?.protocol, given === "b" ? "b" : "");
    }
    choice = "d";
    assert.equal(await statusOf(t, port, offering), 500);
    await rawClient(t, port);
    assert.deepEqual(asked, Array(4).fill(["a", "b", "c"]));
  });

  it("maxConnections: more are refused with 503, until one is gone", async (t) => {
    const { port, opened } = await run(t, { maxConnections: 2 });
    await rawClient(t, port);
    const second = await rawClient(t, port);
    assert.equal(await statusOf(t, port, requestText()), 503);
    second.socket.destroy();
    await until(() => opened[1].state === "closed");
    await rawClient(t, port);
    assert.equal(await statusOf(t, (await run(t, { maxConnections: 0 })).port, requestText()), 503);
  });

  it("maxConnections counts those that are being decided about", async (t) => {
    let decide: ((value: boolean) => void)[] = [];
    const { port, opened } = await run(t, {
      maxConnections: 1,
      authorize: () => new Promise((resolve) => decide.push(resolve)),
    });
    const first = await dial(t, port);
    first.write(requestText());
    await until(() => decide.length === 1);
    assert.equal(await statusOf(t, port, requestText()), 503);
    decide[0](false);
    await first.closed();
    assert.equal(first.status, 401);
    decide = [];
    const third = await dial(t, port);
    third.write(requestText());
    await until(() => decide.length === 1);
    decide[0](true);
    await until(() => opened.length === 1);
  });
});

describe("createUpgradeHandler: authorize", () => {
  const cases: [name: string, decision: unknown, status: number][] = [
    ["undefined", undefined, 101],
    ["true", true, 101],
    ["an empty object", {}, 101],
    ["false", false, 401],
    ["a refusal", { status: 403 }, 403],
    ["a redirect", { status: 307, headers: { Location: "/elsewhere" } }, 307],
    ["a status that refuses nothing", { status: 200 }, 500],
    ["a header that would be two", { headers: { "X-A": "a\r\nX-Injected: 1" } }, 500],
    ["a refusal with a header that would be two", { status: 401, headers: { "X-A": "a\nb" } }, 500],
    ["a header of the handshake's own", { headers: { "Sec-WebSocket-Accept": "x" } }, 500],
    // A value that is neither yes nor no must not count as yes.
    ["null", null, 500],
    ["0", 0, 500],
    ["an empty string", "", 500],
    ["a string", "no", 500],
    ["an object of another shape", { ok: false }, 500],
    ["a list", [], 500],
    ["an error that was not thrown", new Error("no"), 500],
    ["a response of fetch", new Response(null, { status: 403 }), 500],
    ["a map", new Map([["status", 403]]), 500],
    ["a misspelt status", { statsu: 403 }, 500],
    ["a status that is a text", { status: "403" }, 500],
    ["a status that is undefined", { status: undefined }, 500],
    ["a refusal with members of an acceptance", { status: 403, data: 1 }, 500],
    ["acceptance with members of a refusal", { body: "no" }, 500],
    ["an object without a prototype", Object.assign(Object.create(null), { status: 403 }), 403],
  ];
  for (const [name, decision, status] of cases) {
    for (const way of ["at once", "as a promise", "as a thenable"] as const) {
      it(`${name}, ${way}: ${status}`, async (t) => {
        const { port, opened } = await run(t, {
          authorize: () => {
            if (way === "at once") return decision as boolean;
            if (way === "as a promise") return Promise.resolve(decision as boolean);
            // biome-ignore lint/suspicious/noThenProperty: what other promise libraries return
            return { then: (resolve: (value: unknown) => void) => setImmediate(resolve, decision) } as never;
          },
        });
        const peer = await knock(t, port);
        assert.equal(peer.status, status, peer.head);
        assert.ok(!/^X-Injected/m.test(peer.head));
        assert.equal(opened.length, status === 101 ? 1 : 0);
        if (status !== 101) await peer.closed();
        if (status === 307) assert.match(peer.head, /^Location: \/elsewhere\r\n/im);
      });
    }
  }

  it("gives headers and data to what it accepts", async (t) => {
    const { port, opened } = await run(t, {
      authorize: (request, offer) => {
        assert.deepEqual([request.headers.cookie, offer.path, offer.protocols], ["a=1", "/chat", ["p"]]);
        return { headers: { "Set-Cookie": ["x=1", "y=2"] as never, "X-One": "1" }, data: { user: 7 } };
      },
    });
    const peer = await rawClient(t, port, requestText({ Cookie: "a=1", "Sec-WebSocket-Protocol": "p" }));
    assert.match(peer.head, /^Set-Cookie: x=1\r\nSet-Cookie: y=2\r\nX-One: 1\r\n/m);
    assert.deepEqual(opened[0].data, { user: 7 });
  });

  it("gives status, headers and body to what it refuses", async (t) => {
    const { port, upgrade } = await run(t, {
      authorize: () => ({ status: 401, headers: { "WWW-Authenticate": "Basic" }, body: "who are you? é" }),
    });
    const peer = await knock(t, port);
    await peer.closed();
    assert.match(peer.head, /^HTTP\/1\.1 401 Unauthorized\r\n/);
    assert.match(peer.head, /^WWW-Authenticate: Basic\r\n/m);
    assert.match(peer.head, /^Content-Length: 15\r\n/m);
    assert.ok(Buffer.from(peer.head, "latin1").toString().endsWith("who are you? é"));
    assert.equal(upgrade.counters.refused["401"], 1);
  });

  for (const way of ["throws", "rejects"] as const) {
    it(`${way}: 500, which says nothing of why`, async (t) => {
      const { port } = await run(t, {
        authorize: () => {
          const error = new Error("secret detail");
          if (way === "throws") throw error;
          return Promise.reject(error);
        },
      });
      const peer = await knock(t, port);
      await peer.closed();
      assert.equal(peer.status, 500);
      assert.ok(!peer.head.includes("secret"));
    });
  }

  it("too late: 503, and what it decides then changes nothing", async (t) => {
    let decide: (value: boolean) => void = () => undefined;
    let reject: (error: Error) => void = () => undefined;
    const { port, opened } = await run(t, {
      handshakeTimeoutMs: 30,
      authorize: () =>
        new Promise((resolve, fail) => {
          decide = resolve;
          reject = fail;
        }),
    });
    const first = await knock(t, port);
    assert.equal(first.status, 503);
    decide(true);
    const second = await knock(t, port);
    assert.equal(second.status, 503);
    reject(new Error("late")); // an unhandled rejection would fail this test
    await settle();
    assert.equal(opened.length, 0);
    await first.closed();
  });

  it("a client that goes away while it decides makes room for another", async (t) => {
    let asked = 0;
    const { port } = await run(t, {
      maxConnections: 1,
      handshakeTimeoutMs: 0,
      authorize: () => (++asked === 1 ? new Promise<boolean>(() => {}) : true),
    });
    const first = await dial(t, port);
    first.write(requestText());
    await until(() => asked === 1);
    assert.equal(await statusOf(t, port, requestText()), 503);
    first.reset();
    for (const end = Date.now() + 20_000; (await statusOf(t, port, requestText())) !== 101; ) {
      assert.ok(Date.now() < end, "there was no room");
      await settle();
    }
  });

  it("the client goes away meanwhile: nothing is opened, nothing throws", async (t) => {
    for (const how of ["end", "reset", "destroy"] as const) {
      let decide: ((value: boolean) => void) | undefined;
      const { port, opened, upgrade } = await run(t, {
        authorize: () =>
          new Promise((resolve) => {
            decide = resolve;
          }),
      });
      const peer = await dial(t, port);
      peer.write(requestText());
      await until(() => decide !== undefined);
      if (how === "end") peer.socket.end();
      else if (how === "reset") peer.reset();
      else peer.socket.destroy();
      await sleep(10);
      decide?.(true);
      await settle();
      await until(() => upgrade.connections.size === 0, how);
      for (const connection of opened) assert.equal((await connection.closed).code, 1006);
    }
  });

  it("frames sent while it decides are read once it has", async (t) => {
    const { port, opened } = await run(t, { authorize: async () => sleep(20).then(() => true) });
    const peer = await dial(t, port);
    peer.write(requestText());
    peer.send({ opcode: TEXT, payload: utf8("early") });
    await sleep(5);
    peer.send({ opcode: BINARY, payload: hex("01") });
    await until(() => opened.length === 1);
    assert.equal(String(await opened[0].receive()), "early");
    assert.equal((await opened[0].receive())?.type, "binary");
  });
});

describe("UpgradeHandler.close", () => {
  it("refuses with 503, closes with 1001, and leaves the HTTP server alone", async (t) => {
    const { port, upgrade } = await run(t);
    const peer = await rawClient(t, port);
    const closes = [upgrade.close(), upgrade.close()];
    assert.equal(await peer.next(), "close 1001");
    assert.equal(await statusOf(t, port, requestText()), 503);
    peer.send({ opcode: CLOSE, payload: closeBody(1001) });
    await Promise.all(closes);
    const plain = await knock(t, port, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert.equal(plain.status, 200);
    await upgrade.close();
  });

  it("refuses those that were being decided about", async (t) => {
    let decide: ((value: boolean) => void) | undefined;
    const { port, upgrade } = await run(t, {
      authorize: () =>
        new Promise((resolve) => {
          decide = resolve;
        }),
    });
    const peer = await dial(t, port);
    peer.write(requestText());
    await until(() => decide !== undefined);
    await upgrade.close();
    decide?.(true);
    await peer.closed();
    assert.equal(peer.status, 503);
  });
});

describe("two handlers on one server, told apart by path", () => {
  it("each has its own connections", async (t) => {
    const a = createUpgradeHandler((connection) => void connection.send("a"));
    const b = createUpgradeHandler((connection) => void connection.send("b"), { maxFrameSize: 1 });
    const server = http.createServer().on("upgrade", (request, socket, head) => {
      (request.url === "/a" ? a : b)(request, socket, head);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const { port } = server.address() as AddressInfo;
    const peers: RawPeer[] = [];
    for (const name of ["a", "b"])
      peers.push(await rawClient(t, port, requestText({}, `GET /${name} HTTP/1.1`)));
    assert.deepEqual([await peers[0].next(), await peers[1].next()], ["text a", "text b"]);
    assert.deepEqual([a.connections.size, b.connections.size], [1, 1]);
    peers[1].send({ opcode: PING, payload: hex("01 02") });
    assert.match(await peers[1].next(), /^close 1009/);
    peers[0].send({ opcode: PING, payload: hex("61") });
    assert.equal(await peers[0].next(), "pong a");
  });
});
