/** Proxies of the environment: whom they are asked for, how, and the cleanup of one that does not answer. */

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { connect } from "../../src/index.js";
import { proxyFor } from "../../src/node/environment-proxy.js";
import { resolveWebSocketUrl } from "../../src/protocol/index.js";
import { certificate } from "../support/certificate.js";
import { listen } from "../support/connections.js";
import { rawServer, until } from "../support/sockets.js";

const { options } = http.globalAgent as unknown as { options: { proxyEnv?: unknown } };
const { proxyEnv: original } = options;

/** Gives Node's agents an environment, as Node 24 does when it is configured to use the environment's proxies. */
function environment(t: TestContext, variables: Readonly<Record<string, string>>): void {
  options.proxyEnv = variables;
  t.after(() => {
    options.proxyEnv = original;
  });
}

/** A proxy that opens tunnels to this port, for every request. */
async function tunnelling(t: TestContext, port: number, status = 200) {
  const seen: [string | undefined, http.IncomingHttpHeaders][] = [];
  const sockets = new Set<net.Socket>();
  const proxy = http.createServer();
  proxy.on("connect", (request: http.IncomingMessage, socket: net.Socket) => {
    seen.push([request.url, request.headers]);
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} x\r\n\r\n`);
      return;
    }
    const up = net.connect(port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      socket.pipe(up).pipe(socket);
    });
    up.on("error", () => socket.destroy());
    // What TLS says last has no one left to go to; unread, it would hide the end behind it.
    up.on("close", () => socket.resume());
    socket.on("close", () => up.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  t.after(() => proxy.close());
  return { url: `127.0.0.1:${(proxy.address() as AddressInfo).port}`, seen, sockets };
}

describe("proxies of the environment", () => {
  it("open tunnels for ws and for wss, with their credentials", async (t) => {
    const { key, cert } = await certificate();
    for (const secure of [false, true]) {
      const server = await listen(t, {
        ...(secure ? { tls: { key, cert } } : {}),
        message: (connection, message) => connection.send(message.data),
      });
      const { url, seen, sockets } = await tunnelling(t, server.port);
      environment(t, { [secure ? "HTTPS_PROXY" : "http_proxy"]: `http://us%40er:pass@${url}` });
      const scheme = secure ? "wss" : "ws";
      const connection = await connect(`${scheme}://localhost/chat`, { tls: { ca: cert } });
      connection.send("hello");
      assert.equal(String(await connection.receive()), "hello");
      assert.equal(connection.url, `${scheme}://localhost/chat`);
      const [[target, headers]] = seen;
      assert.equal(target, `localhost:${secure ? 443 : 80}`);
      assert.equal(headers.host, target);
      assert.equal(headers.authorization, undefined);
      assert.equal(headers["proxy-authorization"], `Basic ${Buffer.from("us@er:pass").toString("base64")}`);
      await connection.close();
      await until(() => sockets.size === 0, "the tunnel closes");
    }
  });

  it("verify the name of who is behind the tunnel", async (t) => {
    const { key, cert } = await certificate();
    const server = await listen(t, { tls: { key, cert } });
    const { url, sockets } = await tunnelling(t, server.port);
    environment(t, { http_proxy: `http://${url}` });
    await assert.rejects(
      connect("wss://other.example", { tls: { ca: cert } }),
      (error: NodeJS.ErrnoException) => error.code === "ERR_TLS_CERT_ALTNAME_INVALID",
    );
    await until(() => sockets.size === 0, "the tunnel closes");
  });

  it("fail the call where they refuse, are not there, or never answer", async (t) => {
    const { url } = await tunnelling(t, 1, 407);
    environment(t, { http_proxy: `http://${url}` });
    await assert.rejects(connect("ws://a.example"), /opens no tunnel to a.example:80: it answered 407/);
    environment(t, { http_proxy: "http://127.0.0.1:1" });
    await assert.rejects(connect("ws://a.example"), /ECONNREFUSED/);
    let isClosed = false;
    const port = await rawServer(t, (peer) => {
      peer.socket.once("close", () => {
        isClosed = true;
      });
    });
    environment(t, { http_proxy: `http://127.0.0.1:${port}` });
    await assert.rejects(connect("ws://a.example", { timeout: 50 }), { name: "TimeoutError" });
    await until(() => isClosed, "the proxy's socket closes");
  });

  it("are not asked where the call says how to connect", async (t) => {
    environment(t, { http_proxy: "http://127.0.0.1:1" });
    const server = await listen(t);
    for (const options of [
      { agent: new http.Agent() },
      { createConnection: () => net.connect(server.port, "127.0.0.1") },
    ]) {
      (await connect(server.url, options)).terminate();
    }
  });

  it("are chosen by scheme, and not for who is excepted", (t) => {
    const variables = { http_proxy: "http://p:1", HTTPS_PROXY: "http://s:2" };
    const proxy = (url: string) => proxyFor(resolveWebSocketUrl(url))?.host;
    assert.equal(proxy("ws://a.example"), undefined, "Node was not told to use them");
    environment(t, variables);
    assert.deepEqual([proxy("ws://a.example"), proxy("wss://a.example")], ["p:1", "s:2"]);
    environment(t, { HTTP_PROXY: "http://p:1" });
    assert.deepEqual([proxy("ws://a.example"), proxy("wss://a.example")], ["p:1", "p:1"]);
    environment(t, { no_proxy: "" });
    assert.equal(proxy("ws://a.example"), undefined);
    const cases: [list: string, excepted: string[], others: string[]][] = [
      ["*", ["ws://a.example"], []],
      [
        "A.example b.example",
        ["ws://a.example", "wss://b.example:1"],
        ["ws://c.a.example", "ws://c.example"],
      ],
      [".example,*.test", ["ws://a.example", "ws://b.test"], ["ws://example", "ws://a.example.com"]],
      ["a.example:81", ["ws://a.example:81"], ["ws://a.example", "ws://a.example:82"]],
      ["::1, 127.0.0.1", ["ws://[::1]:5", "ws://127.0.0.1"], ["ws://127.0.0.2"]],
      ["[::1]:5", ["ws://[::1]:5"], ["ws://[::1]:6"]],
    ];
    for (const [list, excepted, others] of cases) {
      environment(t, { ...variables, no_proxy: list });
      for (const url of excepted) assert.equal(proxy(url), undefined, `${list}: ${url}`);
      for (const url of others) assert.notEqual(proxy(url), undefined, `${list}: ${url}`);
    }
  });
});

describe("the option proxy", () => {
  it("opens a tunnel through the given proxy, with its credentials, and ignores the environment", async (t) => {
    const server = await listen(t, { message: (connection, message) => connection.send(message.data) });
    const { url, seen } = await tunnelling(t, server.port);
    environment(t, { http_proxy: "http://127.0.0.1:1", no_proxy: "*" });
    for (const proxy of [`http://user:pass@${url}`, new URL(`http://user:pass@${url}`)]) {
      const connection = await connect("ws://behind.example/chat", { proxy });
      connection.send("hello");
      assert.equal(String(await connection.receive()), "hello");
      await connection.close();
    }
    assert.deepEqual(
      seen.map(([target]) => target),
      ["behind.example:80", "behind.example:80"],
    );
    assert.equal(seen[0][1]["proxy-authorization"], `Basic ${btoa("user:pass")}`);
  });

  it("true takes what the environment names, and no proxy for this machine", async (t) => {
    const server = await listen(t);
    const { url, seen } = await tunnelling(t, server.port);
    const { http_proxy: before } = process.env;
    process.env.http_proxy = `http://${url}`;
    t.after(() => {
      if (before === undefined) delete process.env.http_proxy;
      else process.env.http_proxy = before;
    });
    (await connect("ws://behind.example/", { proxy: true })).terminate();
    (await connect(server.url, { proxy: true })).terminate();
    assert.deepEqual(
      seen.map(([target]) => target),
      ["behind.example:80"],
    );
    const direct = ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"];
    for (const host of direct) assert.equal(proxyFor(resolveWebSocketUrl(`ws://${host}`), true), undefined);
  });

  it("false takes none, though Node uses the environment's", async (t) => {
    const server = await listen(t);
    environment(t, { http_proxy: "http://127.0.0.1:1" });
    (await connect(server.url, { proxy: false })).terminate();
  });

  it("must name a proxy of HTTP, and say nothing against the other options", async () => {
    const wrong: [proxy: unknown, message: RegExp][] = [
      ["proxy.example:3128", /^proxy must be a URL such as http:.*; proxy\.example: is not supported$/],
      ["http://user:secret@", /^proxy must be a URL such as http:\/\/proxy\.example:3128, or true or false$/],
      ["socks5://127.0.0.1", /socks5: is not supported/],
      [3128, /not 3128/],
    ];
    for (const [proxy, message] of wrong) {
      await assert.rejects(connect("ws://a.example", { proxy: proxy as string }), {
        name: "TypeError",
        message,
      });
    }
    const both = { proxy: "http://127.0.0.1:1", agent: new http.Agent() };
    await assert.rejects(connect("ws://a.example", both), /proxy cannot be combined with agent/);
  });
});
