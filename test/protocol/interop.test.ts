/**
 * The handshake over real sockets: our request to a server of `ws`, a client of `ws` to our response, and both
 * halves of ours to each other through Node's HTTP. On loopback.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { WebSocket, WebSocketServer } from "ws";
import { encodeText, FrameDecoder } from "../../src/codec/index.js";
import {
  buildHandshakeRequest,
  buildHandshakeResponse,
  buildRefusal,
  encodeHead,
  generateKey,
  HandshakeError,
  HandshakeReader,
  type HandshakeRequestOptions,
  type HandshakeServerOptions,
  judgeHandshakeRequest,
  parseHeaders,
  parseWebSocketUrl,
  type ResponseHead,
  validateHandshakeResponse,
} from "../../src/protocol/index.js";
import { plain } from "./support.js";

/** Sends a request of ours. Resolves with the bytes of the answer, and the socket. */
async function send(t: TestContext, port: number, text: string, byteAtATime = false) {
  const socket = net.connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  const reader = new HandshakeReader();
  if (byteAtATime) {
    socket.setNoDelay(true);
    for (const byte of encodeHead(text)) socket.write(Uint8Array.of(byte));
  } else socket.write(encodeHead(text));
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    const result = reader.push(chunk);
    if (result !== undefined) return { result, socket };
  }
  throw new Error("the server closed the connection before its head was whole");
}

function headOf(result: ResponseHead | HandshakeError): ResponseHead {
  assert.ok(!(result instanceof HandshakeError), String(result));
  return result;
}

/** The first text that a socket brings, of which `rest` has come. */
async function firstText(socket: net.Socket, rest: Uint8Array): Promise<string> {
  const decoder = new FrameDecoder({ role: "client" });
  decoder.push(rest.slice());
  for (;;) {
    if (decoder.next()) return decoder.text();
    const [chunk] = await once(socket, "data");
    decoder.push(chunk);
  }
}

describe("our request to a server of ws", () => {
  for (const byteAtATime of [false, true]) {
    it(byteAtATime ? "byte at a time" : "in one chunk", async (t) => {
      const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: true });
      t.after(() => server.close());
      await once(server, "listening");
      let seen: http.IncomingMessage | undefined;
      server.on("connection", (connection, request) => {
        seen = request;
        connection.send("hello", { compress: false });
      });
      const { port } = server.address() as AddressInfo;
      const key = generateKey();
      const offered = [{ name: "permessage-deflate", parameters: { server_no_context_takeover: true } }];
      const options: HandshakeRequestOptions = {
        url: `ws://u:p@127.0.0.1:${port}/x?y=1`,
        key,
        protocols: "chat, superchat",
        extensions: offered,
        origin: "http://page.example",
        cookies: { a: "1" },
        headers: { "X-Latin": "é" },
        params: { z: "2" },
      };
      const { result, socket } = await send(t, port, buildHandshakeRequest(options), byteAtATime);
      const head = headOf(result);
      const judged = validateHandshakeResponse(head, {
        key,
        protocols: "chat, superchat",
        extensions: offered,
      });
      assert.ok(judged.ok, String(judged));
      assert.equal(judged.protocol, "chat");
      assert.deepEqual(plain(judged.extensions), [
        ["permessage-deflate", [["server_no_context_takeover", true]]],
      ]);
      assert.equal(await firstText(socket, head.rest), "hello");
      assert.equal(seen?.url, "/x?y=1&z=2");
      const { host, origin, cookie, authorization } = seen.headers;
      assert.deepEqual(
        { host, origin, cookie },
        { host: `127.0.0.1:${port}`, origin: "http://page.example", cookie: "a=1" },
      );
      assert.equal(authorization, `Basic ${btoa("u:p")}`);
      assert.equal(seen.headers["x-latin"], "é");
    });
  }

  it("is refused with a reason", async (t) => {
    const server = new WebSocketServer({
      port: 0,
      host: "127.0.0.1",
      verifyClient: (_, done) => done(false, 401, "no"),
    });
    t.after(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const key = generateKey();
    const { result } = await send(t, port, buildHandshakeRequest({ url: `ws://127.0.0.1:${port}`, key }));
    const judged = validateHandshakeResponse(headOf(result), { key });
    assert.ok(judged instanceof HandshakeError);
    assert.deepEqual([judged.code, judged.status], ["WS_ERR_UNEXPECTED_STATUS", 401]);
  });
});

describe("a client of ws to our response", () => {
  /** A server that knows no HTTP but ours. Resolves with its port. */
  async function listen(
    t: TestContext,
    answer: (line: string, headers: string) => Uint8Array,
  ): Promise<number> {
    const sockets = new Set<net.Socket>();
    const server = net.createServer((socket) => {
      sockets.add(socket);
      let text = "";
      socket.on("error", () => {});
      socket.on("data", (chunk) => {
        const before = text.indexOf("\r\n\r\n");
        text += chunk.toString("latin1");
        const end = text.indexOf("\r\n\r\n");
        if (before >= 0 || end < 0) return;
        const [line] = text.split("\r\n", 1);
        socket.write(answer(line, text.slice(line.length + 2, end + 4)));
      });
    });
    t.after(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  function answer(line: string, text: string): Uint8Array {
    const headers = parseHeaders(text);
    assert.ok(!(headers instanceof HandshakeError));
    const [method, url, version] = line.split(" ");
    const offer = judgeHandshakeRequest({ method, url, httpVersion: version.slice(5), headers });
    if (!offer.ok) return encodeHead(buildRefusal(offer));
    const extensions = offer.extensions
      .filter(({ name }) => name === "permessage-deflate")
      .map(({ name }) => ({ name, parameters: { client_no_context_takeover: true } }));
    const head = buildHandshakeResponse({
      key: offer.key,
      protocol: offer.protocols.at(-1),
      extensions,
      headers: { "X-Path": offer.path, "X-Latin": "é" },
    });
    // The first frame comes with the head.
    return Buffer.concat([encodeHead(head), encodeText("hello")]);
  }

  it("opens, with the agreed parameters", async (t) => {
    const port = await listen(t, answer);
    const client = new WebSocket(`ws://127.0.0.1:${port}/x?y`, ["chat", "superchat"]);
    t.after(() => client.terminate());
    const upgraded = once(client, "upgrade");
    const message = once(client, "message");
    const [response] = (await upgraded) as [http.IncomingMessage];
    assert.equal(response.headers["x-path"], "/x?y");
    assert.equal(response.headers["x-latin"], "é");
    assert.equal(String((await message)[0]), "hello");
    assert.equal(client.protocol, "superchat");
    assert.equal(client.extensions, "permessage-deflate");
  });

  it("is refused with a reason", async (t) => {
    const port = await listen(t, answer);
    const client = new WebSocket(`ws://127.0.0.1:${port}`, { origin: "http://evil.example" });
    client.on("error", () => {});
    const [, response] = (await once(client, "unexpected-response")) as [unknown, http.IncomingMessage];
    let body = "";
    for await (const chunk of response) body += chunk;
    assert.deepEqual([response.statusCode, response.statusMessage], [403, "Forbidden"]);
    assert.equal(body, "the Origin must be one that may connect here");
  });

  it("gets the version that we speak", async (t) => {
    const port = await listen(t, answer);
    const client = new WebSocket(`ws://127.0.0.1:${port}`, { protocolVersion: 8 });
    client.on("error", () => {});
    const [, response] = (await once(client, "unexpected-response")) as [unknown, http.IncomingMessage];
    response.resume();
    assert.equal(response.statusCode, 426);
    assert.equal(response.headers["sec-websocket-version"], "13");
    assert.equal(response.headers.upgrade, "websocket");
    assert.equal(response.headers.connection, "Upgrade, close");
  });
});

describe("our request to our response, through Node's HTTP server", () => {
  async function listen(t: TestContext, options: HandshakeServerOptions = {}) {
    const server = http.createServer((request, response) => {
      const refusal = judgeHandshakeRequest(request, options);
      assert.ok(!refusal.ok);
      response.socket?.end(encodeHead(buildRefusal(refusal)));
    });
    server.on("upgrade", (request, socket) => {
      const offer = judgeHandshakeRequest(request, options);
      if (!offer.ok) return socket.end(encodeHead(buildRefusal(offer)));
      const text = buildHandshakeResponse({
        key: offer.key,
        protocol: offer.protocols[0],
        headers: { "X-Path": offer.path },
      });
      return socket.write(Buffer.concat([encodeHead(text), encodeText("hello")]));
    });
    t.after(() => {
      server.closeAllConnections();
      server.close();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  it("opens", async (t) => {
    const port = await listen(t);
    const key = generateKey();
    const url = parseWebSocketUrl(`ws://127.0.0.1:${port}/é?ü`);
    assert.ok(url);
    const { result, socket } = await send(t, port, buildHandshakeRequest({ url, key, protocols: ["a"] }));
    const head = headOf(result);
    assert.deepEqual(validateHandshakeResponse(head, { key, protocols: ["a"] }), {
      ok: true,
      protocol: "a",
      extensions: [],
    });
    assert.deepEqual(head.headers.get("x-path"), [url.path]);
    assert.equal(await firstText(socket, head.rest), "hello");
    socket.destroy();
  });

  it("refuses anything that is not a handshake", async (t) => {
    const port = await listen(t);
    const cases: [text: string, status: number][] = [
      ["GET / HTTP/1.1\r\nHost: h\r\n\r\n", 426],
      ["POST / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 405],
      ["GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 400],
      ["GET http://evil/ HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", 400],
    ];
    for (const [text, status] of cases) {
      const { result } = await send(t, port, text);
      assert.equal(headOf(result).status, status, text);
    }
  });

  it("CVE-2024-37890: Node drops the Upgrade header past its maximum, and we answer", async (t) => {
    const port = await listen(t, { maxHeaderCount: Infinity });
    const text = buildHandshakeRequest({ url: "ws://h", key: generateKey() });
    const many = "x: 1\r\n".repeat(2001);
    const moved = text
      .replace("Upgrade: websocket\r\n", "")
      .replace("\r\n\r\n", `\r\n${many}Upgrade: websocket\r\n\r\n`);
    const { result } = await send(t, port, moved);
    assert.equal(headOf(result).status, 426);
    const limited = await listen(t);
    const others = Array.from({ length: 101 }, (_, i) => `x-${i}: 1\r\n`).join("");
    const { result: refused } = await send(t, limited, text.replace("\r\n\r\n", `\r\n${others}\r\n`));
    assert.equal(headOf(refused).status, 431);
  });
});
