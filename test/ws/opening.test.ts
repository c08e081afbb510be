/** The client's opening handshake: the request, answers that are refused, and the events. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { describe, type TestContext, test } from "node:test";
import WebSocket from "../../src/ws/index.js";
import { closed, listen, urlOf } from "./support.js";

type Answer = (key: string) => readonly string[];

const digestOf = (key: string) =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
const right: Answer = (key) => [
  "Upgrade: websocket",
  "Connection: Upgrade",
  `Sec-WebSocket-Accept: ${digestOf(key)}`,
];

/** A server that answers every upgrade with these lines; its URL, and the headers of the last request. */
async function answering(
  t: TestContext,
  answer: Answer,
): Promise<{ url: string; asked: http.IncomingHttpHeaders[] }> {
  const asked: http.IncomingHttpHeaders[] = [];
  const server = http.createServer();
  server.on("upgrade", (request, socket) => {
    asked.push(request.headers);
    socket.on("error", () => {});
    const lines = answer(request.headers["sec-websocket-key"] as string);
    socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join("\r\n")}\r\n\r\n`);
  });
  server.listen(0, "127.0.0.1");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  return { url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

describe("answers that open nothing", () => {
  const CASES: readonly [message: string, answer: Answer, protocols: string[], options: object][] = [
    ["Invalid Upgrade header", (key) => ["Upgrade: h2c", ...right(key).slice(1)], [], {}],
    [
      "Invalid Sec-WebSocket-Accept header",
      (key) => [...right(key).slice(0, 2), "Sec-WebSocket-Accept: x"],
      [],
      {},
    ],
    ["Server sent no subprotocol", right, ["a"], {}],
    ["Server sent an invalid subprotocol", (key) => [...right(key), "Sec-WebSocket-Protocol: b"], ["a"], {}],
    [
      "Server sent a subprotocol but none was requested",
      (key) => [...right(key), "Sec-WebSocket-Protocol: b"],
      [],
      {},
    ],
    [
      "Server sent a Sec-WebSocket-Extensions header but no extension was requested",
      (key) => [...right(key), "Sec-WebSocket-Extensions: permessage-deflate"],
      [],
      { perMessageDeflate: false },
    ],
    [
      "Server indicated an extension that was not requested",
      (key) => [...right(key), "Sec-WebSocket-Extensions: other"],
      [],
      {},
    ],
    [
      "Invalid Sec-WebSocket-Extensions header",
      (key) => [...right(key), "Sec-WebSocket-Extensions: permessage-deflate; unknown"],
      [],
      {},
    ],
  ];
  for (const [message, answer, protocols, options] of CASES) {
    test(message, async (t) => {
      const { url } = await answering(t, answer);
      const client = new WebSocket(url, protocols, options);
      const told: unknown[] = [];
      client.on("error", (error) => told.push(error.message, client.readyState));
      const [code, reason] = await closed(client);
      assert.deepEqual(told, [message, WebSocket.CLOSING]);
      assert.deepEqual([code, reason, client.readyState], [1006, "", WebSocket.CLOSED]);
    });
  }
});

describe("the request", () => {
  test("has the options' headers, origin, credentials and offers", async (t) => {
    const { url, asked } = await answering(t, right);
    const client = new WebSocket(url.replace("//", "//us%20er:pass@"), {
      headers: { "X-A": "b" },
      origin: "http://page",
      perMessageDeflate: { clientMaxWindowBits: 10 },
      finishRequest(request, webSocket) {
        assert.ok(webSocket instanceof WebSocket);
        request.setHeader("X-Late", "yes");
        request.end();
      },
    });
    await once(client, "open");
    const [headers] = asked;
    assert.equal(headers["x-a"], "b");
    assert.equal(headers["x-late"], "yes");
    assert.equal(headers.origin, "http://page");
    assert.equal(headers.authorization, `Basic ${Buffer.from("us er:pass").toString("base64")}`);
    assert.equal(headers["sec-websocket-extensions"], "permessage-deflate; client_max_window_bits=10");
    client.terminate();
  });

  test("mistakes throw at the call", () => {
    assert.throws(() => new WebSocket("nothing"), { name: "SyntaxError", message: "Invalid URL: nothing" });
    assert.throws(() => new WebSocket("ftp://a"), /The URL's protocol must be one of "ws:", "wss:"/);
    assert.throws(() => new WebSocket("ws://a/#b"), /The URL contains a fragment identifier/);
    assert.throws(() => new WebSocket("ws+unix:"), /The URL's pathname is empty/);
    assert.throws(
      () => new WebSocket("ws://a", ["b", "b"]),
      /An invalid or duplicated subprotocol was specified/,
    );
    assert.throws(() => new WebSocket("ws://a", { protocolVersion: 9 }), /Unsupported protocol version: 9/);
  });
});

describe("other answers", () => {
  async function redirecting(t: TestContext, location: () => string): Promise<string> {
    const server = http.createServer();
    server.on("upgrade", (_request, socket) => {
      socket.end(`HTTP/1.1 302 Found\r\nLocation: ${location()}\r\nContent-Length: 0\r\n\r\n`);
    });
    server.listen(0, "127.0.0.1");
    t.after(() => server.close());
    await once(server, "listening");
    return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test("are an error, or unexpected-response with the request and the response", async (t) => {
    const url = await redirecting(t, () => "/");
    const failing = new WebSocket(url);
    const [error] = await once(failing, "error");
    assert.equal(error.message, "Unexpected server response: 302");
    const client = new WebSocket(url);
    const [request, response] = await once(client, "unexpected-response");
    assert.equal(response.statusCode, 302);
    request.destroy();
    const isClosed = closed(client);
    client.terminate();
    await isClosed;
  });

  test("redirects are followed; to another host without credentials", async (t) => {
    const server = await listen(t);
    const url = await redirecting(t, () => `${urlOf(server)}/there`);
    const connected = once(server, "connection");
    const client = new WebSocket(url, {
      followRedirects: true,
      headers: { Cookie: "a=b", "X-A": "kept" },
      auth: "u:p",
    } as never);
    await once(client, "open");
    assert.equal(client.url, `${urlOf(server)}/there`);
    const [, { headers }] = await connected;
    assert.deepEqual([headers.cookie, headers.authorization, headers["x-a"]], [undefined, undefined, "kept"]);
    client.close();
  });

  test("circles of redirects end", async (t) => {
    const url: string = await redirecting(t, () => url);
    const client = new WebSocket(url, { followRedirects: true, maxRedirects: 3 });
    let count = 0;
    client.on("redirect", () => count++);
    const [error] = await once(client, "error");
    assert.equal(error.message, "Maximum redirects exceeded");
    assert.equal(count, 3);
  });
});
