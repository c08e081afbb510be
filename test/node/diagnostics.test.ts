/** Channels of node:diagnostics_channel: who hears what. */

import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { it, type TestContext } from "node:test";
import type { Connection, Message } from "../../src/index.js";
import { listen, serverAndPeer } from "../support/connections.js";
import { BINARY, CLOSE, closeBody, PING, TEXT } from "../support/frames.js";
import { hex, utf8 } from "../support/hex.js";
import { eachReadPath, knock, requestText } from "../support/sockets.js";

/** The messages of a channel until the test ends. */
function hear<T>(t: TestContext, name: string): T[] {
  const heard: T[] = [];
  const listener = (message: unknown) => {
    heard.push(message as T);
  };
  subscribe(name, listener);
  t.after(() => unsubscribe(name, listener));
  return heard;
}

eachReadPath("diagnostics channels", () => {
  it("open, message and close, each with its connection", async (t) => {
    const opens = hear<{ connection: Connection }>(t, "hawser:connection:open");
    const messages = hear<{ connection: Connection; message: Message }>(t, "hawser:connection:message");
    const closes = hear<{ connection: Connection; code: number; reason: string }>(
      t,
      "hawser:connection:close",
    );
    const errors = hear<unknown>(t, "hawser:connection:error");
    const { connection, peer } = await serverAndPeer(t);
    assert.deepEqual(opens, [{ connection }]);
    peer.send({ opcode: TEXT, payload: utf8("a") }, { opcode: PING }, { opcode: BINARY, payload: hex("01") });
    peer.send({ opcode: CLOSE, payload: closeBody(3000, "bye") });
    await connection.closed;
    assert.deepEqual(
      messages.map(({ message }) => message.type),
      ["text", "binary"],
    );
    assert.ok(messages.every((each) => each.connection === connection));
    assert.deepEqual(closes, [{ connection, code: 3000, reason: "bye" }]);
    assert.deepEqual(errors, []);
  });

  it("error: the first one of a connection, also the system's", async (t) => {
    const errors = hear<{ connection: Connection; error: Error & { code?: string } }>(
      t,
      "hawser:connection:error",
    );
    const { connection, peer } = await serverAndPeer(t);
    peer.send({ opcode: 3 });
    await connection.closed;
    const reset = await serverAndPeer(t);
    reset.peer.reset();
    await reset.connection.closed;
    assert.deepEqual(
      errors.map((each) => [each.connection, each.error.code]),
      [
        [connection, "WS_ERR_INVALID_OPCODE"],
        [reset.connection, "ECONNRESET"],
      ],
    );
  });

  it("refuse: a request, its status and why", async (t) => {
    const refusals = hear<{ request: { url: string }; status: number; reason: string }>(
      t,
      "hawser:server:refuse",
    );
    const server = await listen(t, { path: "/chat" });
    await knock(t, server.port, requestText({}, "GET /other HTTP/1.1"));
    await knock(t, server.port, requestText({ "Sec-WebSocket-Version": "12" }));
    assert.deepEqual(
      refusals.map(({ request, status, reason }) => [request.url, status, reason]),
      [
        ["/other", 404, "404"],
        ["/chat", 426, "WS_ERR_UNSUPPORTED_VERSION"],
      ],
    );
  });
});
