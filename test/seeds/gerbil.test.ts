/** The names of Gerbil's `:std/net/websocket`: messages of five types, partial ones too. */

import assert from "node:assert/strict";
import { once } from "node:events";
import http, { type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { describe } from "node:test";
import {
  assertValidMessage,
  type Connection,
  connect,
  createUpgradeHandler,
  DEFAULT_MAX_FRAME_SIZE,
  LimitError,
  Message,
  type MessageType,
  serve,
} from "../../src/index.js";
import { certificate } from "../support/certificate.js";
import { utf8 } from "../support/hex.js";
import { connected, vocabulary } from "./support.js";

const NAMES = `
  WebSocket message message:init! message-data message-type message-partial? valid-message?
  'text 'binary 'ping 'pong 'close
  websocket-connect protocol: redirect: headers: cookies: params: auth: ssl-context: timeout: max-frame-size:
  default-max-frame-size websocket-request-handler continue select-protocol
  WebSocket-send WebSocket-send-all WebSocket-recv WebSocket-recv-all WebSocket-protocol WebSocket-max-frame-size
`;

describe("Gerbil: :std/net/websocket", () => {
  const seed = vocabulary(NAMES);

  seed("WebSocket", async (t) => {
    const { accepted, connection } = await connected(t, { protocols: ["chat"] }, { protocol: "chat" });
    connection.sendMessage(new Message("hello", "text"));
    assert.deepEqual(await accepted.receive(), new Message("hello", "text"));
    assert.deepEqual([accepted.protocol, accepted.maxFrameSize], ["chat", 1 << 20]);
  });

  seed("message message:init! message-data message-type message-partial?", () => {
    const message = new Message("a", "text");
    assert.deepEqual([message.data, message.type, message.partial], ["a", "text", false]);
    assert.equal(new Message("a", "text", true).partial, true);
  });

  seed("valid-message?", () => {
    for (const message of [
      new Message("a", "text"),
      new Message("bye", "close"),
      new Message(utf8(""), "ping"),
    ]) {
      assert.doesNotThrow(() => assertValidMessage(message));
    }
    for (const message of [
      new Message("a", "binary"),
      new Message(utf8("a"), "close"),
      new Message("", "ping"),
    ]) {
      assert.throws(() => assertValidMessage(message), TypeError);
    }
  });

  const types: [MessageType, string | Uint8Array][] = [
    ["text", "hello"],
    ["binary", utf8("hello")],
    ["ping", utf8("?")],
    ["pong", utf8("!")],
    ["close", "bye"],
  ];
  for (const [type, data] of types) {
    seed(`'${type}`, async (t) => {
      // The programmer's part: to answer messages.
      const { accepted, connection } = await connected(t, { autoPong: false, autoClose: false });
      connection.sendMessage(new Message(data, type));
      const message = await accepted.receive();
      assert.equal(message?.type, type);
      assert.equal(String(message), String(new Message(data, type)));
      if (type === "ping") accepted.sendMessage(new Message(message.data, "pong"));
      if (type !== "close") return;
      assert.equal(message.code, 1000);
      accepted.sendMessage(new Message("bye", "close"));
      assert.deepEqual(await connection.closed, { code: 1000, reason: "bye" });
    });
  }

  seed("websocket-connect headers: cookies: params: auth:", async (t) => {
    let seen: IncomingMessage | undefined;
    await connected(
      t,
      { open: (_connection, request) => void (seen = request) },
      {
        headers: { "X-A": "1" },
        cookies: { session: "s" },
        params: { q: "a b" },
        auth: { username: "ada", password: "secret" },
      },
    );
    assert.equal(seen?.url, "/socket?q=a+b");
    const { cookie, authorization } = seen.headers;
    assert.deepEqual(
      [seen.headers["x-a"], cookie, authorization],
      ["1", "session=s", `Basic ${btoa("ada:secret")}`],
    );
  });

  seed("protocol:", async (t) => {
    const { connection } = await connected(t, { protocols: ["c", "b"] }, { protocol: "a, b, c" });
    assert.equal(connection.protocol, "b");
  });

  seed("redirect:", async (t) => {
    const { url } = await connected(t);
    const from = await serve({
      hostname: "127.0.0.1",
      authorize: () => ({ status: 302, headers: { Location: url.replace("ws", "http") } }),
    });
    t.after(() => from.close());
    await assert.rejects(connect(from.url), { code: "WS_ERR_REDIRECTED" });
    const connection = await connect(from.url, { redirect: true });
    assert.equal(connection.url, `${url}/`);
    connection.terminate();
  });

  seed("ssl-context:", async (t) => {
    const own = await certificate();
    const { connection } = await connected(t, { tls: own }, { tls: { ca: own.cert } });
    assert.match(connection.url, /^wss:/);
    assert.equal(await connection.ping().then((ms) => ms >= 0), true);
  });

  seed("timeout:", async (t) => {
    const server = http.createServer().on("upgrade", (_request, socket) => t.after(() => socket.destroy()));
    t.after(() => server.close());
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await assert.rejects(connect(`ws://127.0.0.1:${port}`, { timeout: 30 }), { name: "TimeoutError" });
  });

  seed("max-frame-size: default-max-frame-size WebSocket-max-frame-size", async (t) => {
    assert.equal(DEFAULT_MAX_FRAME_SIZE, 1024 * 1024);
    const { accepted, connection } = await connected(t, {}, { maxFrameSize: 100 });
    assert.deepEqual([accepted.maxFrameSize, connection.maxFrameSize], [1 << 20, 100]);
  });

  seed("websocket-request-handler continue select-protocol", async (t) => {
    const asked: (readonly string[])[] = [];
    const continued: Connection[] = [];
    const handler = createUpgradeHandler((connection) => continued.push(connection), {
      maxFrameSize: 1000,
      selectProtocol(protocols) {
        asked.push(protocols);
        return protocols.includes("chat") ? "chat" : false;
      },
    });
    const server = http.createServer().on("upgrade", handler);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    t.after(async () => {
      await handler.close({ timeoutMs: 0 });
      server.close();
    });
    const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const connections = [
      await connect(url, { protocol: ["chat", "x"] }),
      await connect(url, { protocol: "x" }),
      await connect(url),
    ];
    assert.deepEqual(
      connections.map(({ protocol }) => protocol),
      ["chat", "", ""],
    );
    // The callback is not called for a client that offers none.
    assert.deepEqual(asked, [["chat", "x"], ["x"]]);
    assert.deepEqual(
      continued.map(({ state, maxFrameSize }) => [state, maxFrameSize]),
      [1, 2, 3].map(() => ["open", 1000]),
    );
  });

  seed("WebSocket-send", async (t) => {
    const { accepted, connection } = await connected(t, {}, { maxFrameSize: 10 });
    assert.throws(() => connection.sendMessage(new Message("eleven byte", "text")), RangeError);
    connection.sendMessage(new Message("ten bytes!", "text"));
    assert.equal((await accepted.receive())?.data, "ten bytes!");
  });

  seed("WebSocket-send-all", async (t) => {
    const { accepted, connection } = await connected(t, { partial: true }, { maxFrameSize: 10 });
    connection.sendAll(new Message("x".repeat(25), "text"));
    const whole = await accepted.receiveAll();
    assert.equal(whole?.data, "x".repeat(25));
    assert.equal(accepted.counters.framesIn, 3);
  });

  seed("WebSocket-recv", async (t) => {
    const { accepted, connection } = await connected(t, { partial: true, maxFrameSize: 100 });
    connection.sendMessage(new Message("first ", "text", true));
    connection.flush();
    assert.deepEqual(await accepted.receive(), new Message("first ", "text", true));
    connection.sendMessage(new Message("second", "text"));
    assert.deepEqual(await accepted.receive(), new Message("second", "text"));
    connection.send("x".repeat(101));
    // The header announced too much.
    assert.equal(await accepted.receive(), undefined);
    assert.ok(accepted.error instanceof LimitError);
    assert.equal((await connection.closed).code, 1009);
  });

  seed("WebSocket-recv-all", async (t) => {
    const { accepted, connection } = await connected(t, { partial: true });
    const parts = ["one ", "two ", "three"];
    for (const [i, part] of parts.entries()) {
      connection.sendMessage(new Message(part, "text", i < parts.length - 1));
    }
    assert.deepEqual(await accepted.receiveAll(100), new Message("one two three", "text"));
    for (const [i, part] of parts.entries()) {
      connection.sendMessage(new Message(part, "text", i < parts.length - 1));
    }
    await assert.rejects(accepted.receiveAll(12), LimitError);
    assert.equal((await connection.closed).code, 1009);
  });

  seed("WebSocket-protocol", async (t) => {
    const { connection } = await connected(t, { protocols: ["chat"] });
    assert.equal(connection.protocol, "");
  });
});
