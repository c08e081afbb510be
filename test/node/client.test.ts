/** connect: what it sends, whom it tells who we are, what it takes for an answer, and when it gives up. */

import assert from "node:assert/strict";
import { once } from "node:events";
import http, { type IncomingHttpHeaders } from "node:http";
import https from "node:https";
import net, { type AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import tls from "node:tls";
import { type ConnectOptions, connect, HandshakeError, tryConnect } from "../../src/index.js";
import { certificate } from "../support/certificate.js";
import { listen } from "../support/connections.js";
import { concat, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import {
  acceptingServer,
  eachReadPath,
  type RawPeer,
  rawServer,
  responseText,
  settle,
  sleep,
  socketPath,
  until,
} from "../support/sockets.js";

interface Seen {
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
}

/** A server of ours that notes the requests it gets. */
async function noting(t: TestContext, options: Parameters<typeof listen>[1] = {}) {
  const seen: Seen[] = [];
  const server = await listen(t, {
    origin: "any",
    protocols: ["b"],
    ...options,
    authorize: ({ url, headers }) => {
      seen.push({ url, headers });
      return true;
    },
  });
  return { server, seen };
}

/** Connects and closes. */
async function visit(url: string, options: ConnectOptions = {}) {
  const connection = await connect(url, options);
  const { protocol, url: opened, host } = connection;
  connection.terminate();
  await connection.closed;
  return { protocol, url: opened, host };
}

describe("connect: the request", () => {
  it("asks as RFC 6455 §4.1 says, and for nothing else", async (t) => {
    const { server, seen } = await noting(t);
    const { host, url, protocol } = await visit(`${server.url}/a?b=1`);
    assert.deepEqual([host, url, protocol], [`127.0.0.1:${server.port}`, `${server.url}/a?b=1`, ""]);
    const [{ headers }] = seen;
    assert.equal(seen[0].url, "/a?b=1");
    assert.equal(Buffer.from(headers["sec-websocket-key"] ?? "", "base64").length, 16);
    delete headers["sec-websocket-key"];
    assert.deepEqual(headers, {
      host: `127.0.0.1:${server.port}`,
      upgrade: "websocket",
      connection: "Upgrade",
      "sec-websocket-version": "13",
    });
  });

  it("takes http: for ws:, and a URL object", async (t) => {
    const { server } = await noting(t);
    await visit(server.url.replace("ws:", "http:"));
    const connection = await connect(new URL(server.url));
    connection.terminate();
  });

  it("protocol: a text or a list", async (t) => {
    const { server, seen } = await noting(t);
    assert.equal((await visit(server.url, { protocol: "a, b" })).protocol, "b");
    assert.equal((await visit(server.url, { protocol: ["b"] })).protocol, "b");
    assert.equal((await visit(server.url, { protocol: "other" })).protocol, "");
    assert.deepEqual(
      seen.map(({ headers }) => headers["sec-websocket-protocol"]),
      ["a, b", "b", "other"],
    );
    await assert.rejects(connect(server.url, { protocol: "a, a" }), SyntaxError);
    await assert.rejects(connect(server.url, { protocol: "a b" }), SyntaxError);
  });

  it("headers, cookies, params, auth and origin", async (t) => {
    const { server, seen } = await noting(t);
    await visit(`${server.url}/?a=1`, {
      headers: { "X-One": "1", "X-Two": ["a", "b"] as never },
      cookies: { session: "s", theme: "dark" },
      params: { b: 2, c: "ü&" },
      auth: { username: "me", password: "pä:ss" },
      origin: "https://page.example",
    });
    const [{ url, headers }] = seen;
    assert.equal(url, "/?a=1&b=2&c=%C3%BC%26");
    assert.deepEqual([headers["x-one"], headers["x-two"]], ["1", "a, b"]);
    assert.equal(headers.cookie, "session=s; theme=dark");
    assert.equal(headers.authorization, `Basic ${Buffer.from("me:pä:ss").toString("base64")}`);
    assert.equal(headers.origin, "https://page.example");
    await visit(server.url, { auth: "Bearer token", cookies: "raw=1" });
    assert.deepEqual([seen[1].headers.authorization, seen[1].headers.cookie], ["Bearer token", "raw=1"]);
    await visit(server.url.replace("//", "//user:p%40ss@"));
    assert.equal(seen[2].headers.authorization, `Basic ${Buffer.from("user:p@ss").toString("base64")}`);
  });

  it("socketPath, agent and createConnection lead elsewhere", async (t) => {
    const path = socketPath();
    const { seen } = await noting(t, { socketPath: path });
    const { url } = await visit("ws://some.example/x", { socketPath: path });
    assert.equal(url, "ws://some.example/x");
    assert.equal(seen[0].headers.host, "some.example");
    const { server, seen: far } = await noting(t);
    let calls = 0;
    const createConnection = () => {
      calls++;
      return net.connect(server.port, "127.0.0.1");
    };
    await visit("ws://proxied.example:81/y", { createConnection });
    class ProxyAgent extends http.Agent {
      override createConnection() {
        return createConnection();
      }
    }
    const agent = new ProxyAgent({ keepAlive: true });
    await visit("ws://proxied.example/z", { agent });
    agent.destroy();
    assert.equal(calls, 2);
    assert.deepEqual(
      far.map(({ url, headers }) => [url, headers.host]),
      [
        ["/y", "proxied.example:81"],
        ["/z", "proxied.example"],
      ],
    );
  });

  it("tls: verifies by default, and follows its options", async (t) => {
    const { key, cert } = await certificate();
    const { server } = await noting(t, { tls: { key, cert } });
    await assert.rejects(connect(server.url), (error: NodeJS.ErrnoException) =>
      /SELF_SIGNED/.test(error.code ?? ""),
    );
    await visit(server.url, { tls: { ca: cert } });
    await visit(server.url, { tls: { rejectUnauthorized: false } });
    await assert.rejects(
      connect(server.url, { tls: { ca: cert, servername: "other.example" } }),
      (error: NodeJS.ErrnoException) => error.code === "ERR_TLS_CERT_ALTNAME_INVALID",
    );
    const connection = await connect(server.url, { tls: { ca: cert } });
    assert.ok(connection.fd > 0);
    connection.terminate();
    await connection.closed;
    assert.equal(connection.fd, -1);
  });

  for (const bad of ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b", "a\r\n\r\nGET / HTTP/1.1"]) {
    it(`sends no ${JSON.stringify(bad)} in any of its strings (CVE-2026-1527)`, async (t) => {
      let connections = 0;
      const port = await rawServer(t, () => {
        connections++;
      });
      const url = `ws://127.0.0.1:${port}/`;
      const options: ConnectOptions[] = [
        { headers: { "X-A": bad } },
        { headers: { [bad]: "1" } },
        { protocol: bad },
        { protocol: [bad] },
        { cookies: bad },
        { cookies: { a: bad } },
        { cookies: { [bad]: "a" } },
        { auth: bad },
        { auth: { username: bad, password: "" } },
        { auth: { username: "", password: bad } },
        { origin: bad },
      ];
      for (const each of options) {
        await assert.rejects(
          connect(url, each),
          (error) => error instanceof TypeError || error instanceof SyntaxError,
          JSON.stringify(each),
        );
        await assert.rejects(tryConnect(url, each), Error, "tryConnect throws for misuse too");
      }
      assert.equal(connections, 0);
    });
  }

  it("refuses URLs and options that make no sense, before anything is sent", async () => {
    for (const url of ["", "x", "/path", "ftp://a.example", "ws://a.example/#x", "ws://", "ws://a b/"]) {
      await assert.rejects(connect(url), SyntaxError, url);
      await assert.rejects(tryConnect(url), SyntaxError, url);
    }
    const url = "ws://127.0.0.1:1/";
    const wrong: [object, typeof TypeError | typeof RangeError][] = [
      [{ timeout: -1 }, RangeError],
      [{ timeout: Number.NaN }, RangeError],
      [{ redirect: Number.NaN }, RangeError],
      [{ redirect: -1 }, RangeError],
      [{ maxFrameSize: -1 }, RangeError],
      [{ onOverflow: "x" }, TypeError],
      [{ pingIntervalMs: -1 }, RangeError],
      [{ headers: { Upgrade: "h2c" } }, TypeError],
      [{ headers: { "Sec-WebSocket-Key": "x" } }, TypeError],
      [{ headers: { Cookie: "a=1" }, cookies: "b=2" }, TypeError],
    ];
    for (const [options, type] of wrong) {
      await assert.rejects(connect(url, options), type, JSON.stringify(options));
      await assert.rejects(tryConnect(url, options), type, JSON.stringify(options));
    }
  });
});

describe("connect: the answer", () => {
  const answering = (t: TestContext, text: string | ((key: string) => string), end = false) =>
    rawServer(t, async (peer) => {
      await until(() => peer.head !== "" || peer.isClosed);
      const key = /sec-websocket-key: (.*)\r\n/i.exec(peer.head)?.[1] ?? "";
      peer.write(typeof text === "string" ? text : text(key));
      if (end) peer.socket.end();
    });
  const failing = async (t: TestContext, text: string | ((key: string) => string), end = true) => {
    const port = await answering(t, text, end);
    const error = await connect(`ws://127.0.0.1:${port}`, { timeout: 2000 }).then(
      () => assert.fail("a connection was opened"),
      (error: unknown) => error,
    );
    assert.equal(await tryConnect(`ws://127.0.0.1:${port}`, { timeout: 2000 }), undefined);
    return error as HandshakeError;
  };

  it("a refusal is a HandshakeError with its status", async (t) => {
    for (const status of [400, 401, 403, 404, 426, 500, 503]) {
      const error = await failing(t, `HTTP/1.1 ${status} No\r\nContent-Length: 2\r\n\r\nno`);
      assert.ok(error instanceof HandshakeError);
      assert.equal(error.status, status);
    }
    const ok = await failing(t, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert.ok(ok instanceof HandshakeError);
  });

  const changes: [string, (key: string) => string][] = [
    ["another key's digest", () => responseText("other")],
    ["no digest", (key) => responseText(key).replace(/Sec-WebSocket-Accept.*\r\n/, "")],
    ["no Upgrade", (key) => responseText(key).replace(/Upgrade: websocket\r\n/, "")],
    ["another Upgrade", (key) => responseText(key).replace("Upgrade: websocket", "Upgrade: h2c")],
    ["no Connection", (key) => responseText(key).replace(/Connection: Upgrade\r\n/, "")],
    ["a subprotocol that was not offered", (key) => responseText(key, { "Sec-WebSocket-Protocol": "x" })],
    [
      "an extension that was not offered",
      (key) => responseText(key, { "Sec-WebSocket-Extensions": "permessage-deflate" }),
    ],
    ["a status of 102 that upgrades", (key) => responseText(key).replace("101", "200")],
  ];
  for (const [name, response] of changes) {
    it(`fails for ${name}`, async (t) => {
      assert.ok((await failing(t, response)) instanceof HandshakeError);
    });
  }

  it("fails for anything that is not HTTP, for an end, and for a port where nothing listens", async (t) => {
    assert.ok((await failing(t, "SSH-2.0-OpenSSH\r\n")) instanceof HandshakeError);
    assert.ok((await failing(t, "")) instanceof Error);
    assert.ok((await failing(t, "HTTP/1.1 101 Sw")) instanceof Error);
    const port = await rawServer(t, (peer) => peer.reset());
    await assert.rejects(connect(`ws://127.0.0.1:${port}`));
    await assert.rejects(
      connect("ws://127.0.0.1:1"),
      (error: NodeJS.ErrnoException) => error.code === "ECONNREFUSED",
    );
    assert.equal(await tryConnect("ws://127.0.0.1:1"), undefined);
  });

  it("fails for a head that is longer than maxHeadLength", async (t) => {
    const port = await answering(t, (key) => responseText(key, { "X-Long": "x".repeat(2000) }));
    await assert.rejects(connect(`ws://127.0.0.1:${port}`, { maxHeadLength: 1024 }));
    await visit(`ws://127.0.0.1:${port}`, { maxHeadLength: 4096 });
  });

  it("waits through 100 and 103", async (t) => {
    const port = await answering(
      t,
      (key) => `HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n${responseText(key)}`,
    );
    await visit(`ws://127.0.0.1:${port}`);
  });
});

eachReadPath("connect: frames that come with the answer", () => {
  it("reads frames that came with the response", async (t) => {
    const port = await rawServer(t, async (peer) => {
      await until(() => peer.head !== "");
      const key = /sec-websocket-key: (.*)\r\n/i.exec(peer.head)?.[1] ?? "";
      const hello = peer.encode({ opcode: TEXT, payload: utf8("hello") });
      const cut = peer.encode({ opcode: TEXT, payload: utf8("cut") });
      peer.write(concat([Buffer.from(responseText(key)), hello, cut.subarray(0, 3)]));
      await sleep(5);
      peer.write(cut.subarray(3));
    });
    const connection = await connect(`ws://127.0.0.1:${port}`);
    t.after(() => connection.terminate());
    assert.equal(String(await connection.receive()), "hello");
    assert.equal(String(await connection.receive()), "cut");
    const seen: string[] = [];
    const handled = await connect(`ws://127.0.0.1:${port}`, {
      open: (opened, request) => {
        seen.push(`open ${opened.role} ${request}`);
      },
      message: (_connection, message) => {
        seen.push(String(message));
      },
      data: "mine",
    });
    t.after(() => handled.terminate());
    assert.equal(handled.data, "mine");
    await until(() => seen.length === 3);
    assert.deepEqual(seen, ["open client undefined", "hello", "cut"]);
  });

  it("an invalid frame with the response is an error of the connection, not a throw", async (t) => {
    let peer: RawPeer | undefined;
    const port = await rawServer(t, async (accepted) => {
      peer = accepted;
      await until(() => accepted.head !== "");
      const key = /sec-websocket-key: (.*)\r\n/i.exec(accepted.head)?.[1] ?? "";
      accepted.write(concat([Buffer.from(responseText(key)), Uint8Array.of(0x83, 0)]));
    });
    const connection = await connect(`ws://127.0.0.1:${port}`);
    assert.equal((await connection.closed).code, 1006);
    assert.equal((connection.error as { code?: string } | undefined)?.code, "WS_ERR_INVALID_OPCODE");
    assert.match(peer?.take().join() ?? "", /^close 1002/);
  });
});

describe("connect: redirects", () => {
  /** A server that redirects to `location`, and notes the request. */
  async function redirecting(
    t: TestContext,
    location: () => string,
    secure?: { key: string; cert: string },
    status = 302,
  ) {
    const seen: Seen[] = [];
    const answer = (request: http.IncomingMessage, response: http.ServerResponse) => {
      seen.push({ url: request.url, headers: request.headers });
      response.writeHead(status, { Location: location() }).end();
    };
    const server = secure === undefined ? http.createServer(answer) : https.createServer(secure, answer);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    return { port: (server.address() as AddressInfo).port, seen };
  }
  const secrets: ConnectOptions = {
    redirect: true,
    headers: { "X-Other": "kept", "Proxy-Authorization": "p" },
    cookies: { a: "1" },
    auth: "Bearer secret",
  };
  const told = ({ headers }: Seen) => [headers.authorization, headers.cookie, headers["proxy-authorization"]];
  const ALL = ["Bearer secret", "a=1", "p"];
  const NONE = [undefined, undefined, undefined];

  it("are not followed unless asked for", async (t) => {
    const { port } = await redirecting(t, () => "ws://127.0.0.1:1/");
    await assert.rejects(
      connect(`ws://127.0.0.1:${port}`),
      (error) =>
        error instanceof HandshakeError && error.status === 302 && error.location === "ws://127.0.0.1:1/",
    );
  });

  for (const status of [301, 302, 303, 307, 308]) {
    it(`${status} to the same host keeps credentials; parameters are for the first URL`, async (t) => {
      const seen: Seen[] = [];
      const server = await listen(t, {
        path: "/end",
        authorize: ({ url, headers }) => {
          seen.push({ url, headers });
          return true;
        },
      });
      // Redirects come from the same host and port as the end.
      server.http.removeAllListeners("upgrade");
      const { createUpgradeHandler } = await import("../../src/index.js");
      const upgrade = createUpgradeHandler(() => {}, {
        path: "/end",
        authorize: ({ url, headers }) => {
          seen.push({ url, headers });
          return true;
        },
      });
      server.http.on("upgrade", (request, socket, head) => {
        if (request.url?.startsWith("/end")) upgrade(request, socket, head);
        else
          socket.end(
            `HTTP/1.1 ${status} x\r\nLocation: end?from=${request.url?.length}\r\nContent-Length: 0\r\n\r\n`,
          );
      });
      const { url } = await visit(`${server.url}/start`, { ...secrets, params: { p: 1 } });
      assert.equal(url, `${server.url}/end?from=10`);
      assert.deepEqual(seen.map(told), [ALL]);
      await upgrade.close({ timeoutMs: 0 });
    });
  }

  it("to another host drop credentials, in URL, options and headers, and do not bring them back", async (t) => {
    const { server, seen: last } = await noting(t);
    let first = 0;
    const second = await redirecting(t, () => `ws://127.0.0.1:${server.port}/c`);
    const start = await redirecting(t, () => (first++ === 0 ? `http://127.0.0.1:${second.port}/b` : ""));
    const connection = await connect(`ws://127.0.0.1:${start.port}/a`, secrets);
    connection.terminate();
    assert.deepEqual(start.seen.map(told), [ALL]);
    assert.deepEqual(second.seen.map(told), [NONE]);
    assert.deepEqual(last.map(told), [NONE]);
    assert.deepEqual([second.seen[0].headers["x-other"], last[0].headers["x-other"]], ["kept", "kept"]);

    const { server: other, seen } = await noting(t);
    const named = await redirecting(t, () => other.url);
    await visit(`ws://user:secret@127.0.0.1:${named.port}/`, { redirect: 1 });
    assert.match(String(named.seen[0].headers.authorization), /^Basic /);
    assert.equal(seen[0].headers.authorization, undefined);
  });

  it("credentials in a Location of another host are not sent either", async (t) => {
    const { server, seen } = await noting(t);
    const { port } = await redirecting(t, () => server.url.replace("//", "//a:b@"));
    await visit(`ws://127.0.0.1:${port}`, secrets);
    assert.equal(seen[0].headers.authorization, undefined);
  });

  it("from wss to ws drop credentials, although the host is the same", async (t) => {
    const { key, cert } = await certificate();
    const { server, seen } = await noting(t);
    const { port, seen: before } = await redirecting(t, () => server.url, { key, cert });
    await visit(`wss://127.0.0.1:${port}`, { ...secrets, tls: { ca: cert } });
    assert.deepEqual([before.map(told), seen.map(told)], [[ALL], [NONE]]);
  });

  it("to another host show no certificate of ours", async (t) => {
    const { key, cert } = await certificate();
    const secure = { key, cert, requestCert: true, rejectUnauthorized: false };
    const shown: unknown[] = [];
    const server = await listen(t, {
      tls: secure,
      open: (connection) => {
        shown.push((connection.socket as tls.TLSSocket).getPeerCertificate().subject?.CN);
      },
    });
    const { port } = await redirecting(t, () => server.url, { key, cert });
    const options = { redirect: true, tls: { ca: cert, key, cert } };
    await visit(server.url, options);
    await visit(`wss://127.0.0.1:${port}`, options);
    assert.deepEqual(shown, ["localhost", undefined]);
  });

  it("from ws to wss are followed, with TLS options", async (t) => {
    const { key, cert } = await certificate();
    const { server } = await noting(t, { tls: { key, cert } });
    const { port } = await redirecting(t, () => server.url);
    const { url } = await visit(`ws://127.0.0.1:${port}`, { redirect: true, tls: { ca: cert } });
    assert.equal(url, `${server.url}/`);
  });

  it("come to an end", async (t) => {
    const loop: { port: number; seen: Seen[] } = await redirecting(t, () => `ws://127.0.0.1:${loop.port}/`);
    for (const [redirect, requests] of [
      [3, 4],
      [true, 11],
      [0, 1],
      [false, 1],
    ] as const) {
      loop.seen.length = 0;
      await assert.rejects(connect(`ws://127.0.0.1:${loop.port}`, { redirect }), (error: Error) => {
        assert.ok(error instanceof HandshakeError);
        return (
          requests === 1 || error.message.endsWith(`redirect is ${requests - 1}, and as many were followed`)
        );
      });
      assert.equal(loop.seen.length, requests, String(redirect));
    }
  });

  it("to anything that is not a WebSocket URL fail", async (t) => {
    for (const location of ["ftp://a.example/", "//", "ws://x/#y", "javascript:1"]) {
      const { port } = await redirecting(t, () => location);
      await assert.rejects(
        connect(`ws://127.0.0.1:${port}`, { redirect: true }),
        (error) => error instanceof HandshakeError && error.status === 302,
        location,
      );
    }
  });
});

describe("connect: giving up", () => {
  it("after timeout, at each stage", async (t) => {
    const silent = await rawServer(t, () => {});
    const slow = await rawServer(t, (peer) => {
      const timer = setInterval(() => peer.write("H"), 10);
      peer.socket.once("close", () => clearInterval(timer));
    });
    for (const [stage, port] of Object.entries({ silent, slow })) {
      const start = performance.now();
      await assert.rejects(
        connect(`ws://127.0.0.1:${port}`, { timeout: 50 }),
        (error: Error) => error.name === "TimeoutError" || error instanceof HandshakeError,
        stage,
      );
      assert.ok(performance.now() - start < 1500);
    }
    const server = tls.createServer({}).listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => server.close());
    const mute = await rawServer(t, () => {});
    await assert.rejects(
      connect(`wss://127.0.0.1:${mute}`, { timeout: 50 }),
      (error: Error) => error.name === "TimeoutError",
      "TLS",
    );
  });

  it("counts redirects into the timeout", async (t) => {
    const server = http.createServer((_request, response) => {
      setTimeout(() => response.writeHead(302, { Location: "/again" }).end(), 20);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    const { port } = server.address() as AddressInfo;
    await assert.rejects(
      connect(`ws://127.0.0.1:${port}`, { redirect: 1000, timeout: 100 }),
      (error: Error) => error.name === "TimeoutError",
    );
  });

  it("leaves no timer behind, and no connection", async (t) => {
    let peer: RawPeer | undefined;
    const port = await rawServer(t, (accepted) => {
      peer = accepted;
    });
    await assert.rejects(connect(`ws://127.0.0.1:${port}`, { timeout: 20 }));
    await peer?.closed();
    assert.equal(peer?.isClosed, true);
  });

  it("when the signal aborts: before, while it connects, while it waits", async (t) => {
    const reason = new Error("changed my mind");
    await assert.rejects(connect("ws://127.0.0.1:1", { signal: AbortSignal.abort(reason) }), reason);
    let peers: RawPeer[] = [];
    const port = await rawServer(t, (peer) => peers.push(peer));
    for (const stage of ["at once", "connected", "asked"] as const) {
      peers = [];
      const controller = new AbortController();
      const connecting = connect(`ws://127.0.0.1:${port}`, { signal: controller.signal });
      const refused = assert.rejects(connecting, reason);
      if (stage === "connected") await until(() => peers.length > 0);
      if (stage === "asked") await until(() => peers[0]?.head !== undefined && peers[0].head !== "");
      controller.abort(reason);
      await refused;
      await settle();
      if (peers.length > 0) await peers[0].closed();
    }
  });

  it("an open connection is not concerned by the signal", async (t) => {
    const port = await acceptingServer(t);
    const controller = new AbortController();
    const connection = await connect(`ws://127.0.0.1:${port}`, { signal: controller.signal });
    controller.abort();
    await settle();
    assert.equal(connection.state, "open");
    connection.terminate();
  });

  it("takes no limit as none", async (t) => {
    const port = await acceptingServer(t);
    for (const timeout of [0, Infinity, 2 ** 31]) await visit(`ws://127.0.0.1:${port}`, { timeout });
  });
});
