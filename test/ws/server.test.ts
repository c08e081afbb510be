/** WebSocketServer: which requests it takes, what it refuses and how, and its end. */

import assert from "node:assert/strict";
import { EventEmitter, once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import net, { type AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { describe, type TestContext, test } from "node:test";
import WebSocket, { WebSocketServer } from "../../src/ws/index.js";
import { listen, urlOf } from "./support.js";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** The whole answer to a request. */
async function ask(port: number, headers: Readonly<Record<string, string>>, method = "GET"): Promise<string> {
  const socket = net.connect(port, "127.0.0.1");
  const all = {
    Host: "x",
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Key": KEY,
    ...headers,
  };
  const lines = Object.entries({ "Sec-WebSocket-Version": "13", ...all }).filter(([, value]) => value !== "");
  socket.write(`${method} /chat HTTP/1.1\r\n${lines.map((line) => line.join(": ")).join("\r\n")}\r\n\r\n`);
  let answer = "";
  for await (const chunk of socket) {
    answer += chunk;
    if (answer.startsWith("HTTP/1.1 101")) break;
  }
  return answer;
}

const portOf = (server: WebSocketServer) => (server.address() as AddressInfo).port;

async function httpServer(t: TestContext): Promise<http.Server> {
  const server = http.createServer();
  t.after(() => server.close());
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

describe("requests", () => {
  const REFUSED: readonly [what: string, headers: Record<string, string>, status: number, body: string][] = [
    ["another protocol", { Upgrade: "h2c" }, 400, "Invalid Upgrade header"],
    ["no key", { "Sec-WebSocket-Key": "" }, 400, "Missing or invalid Sec-WebSocket-Key header"],
    ["a short key", { "Sec-WebSocket-Key": "abc=" }, 400, "Missing or invalid Sec-WebSocket-Key header"],
    [
      "another version",
      { "Sec-WebSocket-Version": "12" },
      400,
      "Missing or invalid Sec-WebSocket-Version header",
    ],
    ["bad subprotocols", { "Sec-WebSocket-Protocol": "a,,b" }, 400, "Invalid Sec-WebSocket-Protocol header"],
    [
      "bad extensions",
      { "Sec-WebSocket-Extensions": "permessage-deflate; =" },
      400,
      "Invalid or unacceptable Sec-WebSocket-Extensions header",
    ],
  ];
  for (const [what, headers, status, body] of REFUSED) {
    test(`${what} is refused with ${status}, or told to wsClientError`, async (t) => {
      const server = await listen(t, { perMessageDeflate: true });
      const answer = await ask(portOf(server), headers);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} Bad Request\r\nConnection: close\r\n`));
      assert.ok(answer.endsWith(`\r\n\r\n${body}`), answer);
      server.on("wsClientError", (error: Error, socket: Duplex, request: IncomingMessage) => {
        assert.equal(request.url, "/chat");
        socket.end(`told: ${error.message}`);
      });
      assert.equal(await ask(portOf(server), headers), `told: ${body}`);
    });
  }

  test("another method is refused with 405, an ordinary request with 426", async (t) => {
    const server = await listen(t);
    assert.match(await ask(portOf(server), {}, "POST"), /^HTTP\/1\.1 405 Method Not Allowed/);
    assert.match(
      await ask(portOf(server), { Connection: "close", Upgrade: "" }),
      /^HTTP\/1\.1 426 Upgrade Required/,
    );
  });

  test("another path is refused, unless shouldHandle says otherwise", async (t) => {
    const server = await listen(t, { path: "/else" });
    assert.match(await ask(portOf(server), {}), /^HTTP\/1\.1 400 Bad Request/);
    server.shouldHandle = () => true;
    assert.match(await ask(portOf(server), {}), /^HTTP\/1\.1 101 Switching Protocols/);
  });

  test("listeners of headers may add lines", async (t) => {
    const server = await listen(t);
    server.on("headers", (headers, request) => headers.push(`X-Path: ${request.url}`));
    const answer = await ask(portOf(server), {});
    assert.equal(
      answer,
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Path: /chat\r\n\r\n",
    );
  });

  test("verifyClient decides, at once or later", async (t) => {
    const server = await listen(t, {
      verifyClient: (info: { origin: string }) => info.origin === "http://a",
    });
    assert.match(await ask(portOf(server), { Origin: "http://b" }), /^HTTP\/1\.1 401 Unauthorized/);
    assert.match(await ask(portOf(server), { Origin: "http://a" }), /^HTTP\/1\.1 101/);
    server.options.verifyClient = (_info, callback) => {
      setImmediate(() => callback(false, 403, "no", { "X-Why": "because" }));
    };
    const answer = await ask(portOf(server), {});
    assert.match(answer, /^HTTP\/1\.1 403 Forbidden\r\n(?:.+\r\n)*X-Why: because\r\n\r\nno$/);
  });

  test("handleProtocols is read when it matters", async (t) => {
    const server = await listen(t);
    const first = new WebSocket(urlOf(server), ["a", "b"]);
    await once(first, "open");
    assert.equal(first.protocol, "a");
    server.options.handleProtocols = (protocols) => [...protocols][1];
    const second = new WebSocket(urlOf(server), ["a", "b"]);
    await once(second, "open");
    assert.equal(second.protocol, "b");
    first.close();
    second.close();
  });

  test("the class is an option", async (t) => {
    class Mine extends WebSocket {
      readonly isMine = true;
    }
    const server = await listen(t, { WebSocket: Mine as never });
    const client = new WebSocket(urlOf(server));
    const [socket] = await once(server, "connection");
    assert.equal(socket.isMine, true);
    assert.ok(server.clients.has(socket));
    const isClosed = once(socket, "close");
    if (client.readyState === WebSocket.CONNECTING) await once(client, "open");
    client.close();
    await isClosed;
    assert.equal(server.clients.size, 0);
  });
});

describe("noServer", () => {
  test("handleUpgrade calls back before it returns, and delivers the bytes in head later", async (t) => {
    const server = await httpServer(t);
    const webSockets = new WebSocketServer({ noServer: true });
    assert.throws(() => webSockets.address(), /"noServer" mode/);
    const upgraded = once(server, "upgrade");
    const socket = net.connect((server.address() as AddressInfo).port, "127.0.0.1");
    t.after(() => socket.destroy());
    socket.write(
      `GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: ${KEY}\r\n` +
        "Sec-WebSocket-Version: 13\r\n\r\n",
    );
    const [request, stream] = (await upgraded) as [IncomingMessage, Duplex];
    const head = Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x61]);
    let made: WebSocket | undefined;
    webSockets.handleUpgrade(request, stream, head, (webSocket) => (made = webSocket));
    assert.ok(made !== undefined);
    const [data] = await once(made, "message");
    assert.equal(String(data), "a");
    assert.throws(
      () => webSockets.handleUpgrade(request, stream, head, () => {}),
      /handleUpgrade\(\) was called more than once with the same socket/,
    );
    made.terminate();
  });
});

describe("the end of a server", () => {
  test("with a port, once its clients are gone; a second close is an error", async (t) => {
    const server = await listen(t);
    const client = new WebSocket(urlOf(server));
    await once(client, "open");
    let isClosed = false;
    const closed = new Promise<unknown>((resolve) =>
      server.close((error) => {
        isClosed = true;
        resolve(error);
      }),
    );
    assert.equal(server.address(), null);
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(isClosed, false);
    client.close();
    assert.equal(await closed, undefined);
    const error = await new Promise<Error | undefined>((resolve) => server.close(resolve));
    assert.match(String(error), /The server is not running/);
  });

  test("leaves the HTTP server of the option alone, and refuses upgrades that are not done yet", async (t) => {
    const server = await httpServer(t);
    const webSockets = new WebSocketServer({ server });
    await new Promise<unknown>((resolve) => webSockets.close(resolve));
    assert.equal(server.listening, true);
    assert.equal(server.listenerCount("upgrade"), 0);
    server.on("upgrade", (request, socket, head) =>
      webSockets.handleUpgrade(request, socket, head, () => {}),
    );
    const { port } = server.address() as AddressInfo;
    assert.match(await ask(port, {}), /^HTTP\/1\.1 503 Service Unavailable/);
  });

  test("options must say one way to listen", () => {
    for (const options of [{}, { port: 0, noServer: true }, { noServer: true, server: new EventEmitter() }]) {
      assert.throws(
        () => new WebSocketServer(options as never),
        /One and only one of the "port", "server", or "noServer" options must be specified/,
      );
    }
  });
});
