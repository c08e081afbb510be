/** Connections over streams that no server and no client of ours opened. */

import assert from "node:assert/strict";
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { encodeText } from "../../src/codec/index.js";
import { type Connection, type CreateConnectionOptions, createConnection } from "../../src/node/index.js";
import { hex } from "../support/hex.js";
import { duplexPair } from "../support/streams.js";

function connected(
  serverOptions: Omit<CreateConnectionOptions<unknown>, "role"> = {},
  clientOptions: Omit<CreateConnectionOptions<unknown>, "role"> = {},
): [server: Connection, client: Connection] {
  const [left, right] = duplexPair();
  return [
    createConnection(left, { role: "server", ...serverOptions }),
    createConnection(right, { role: "client", ...clientOptions }),
  ];
}

describe("createConnection", () => {
  it("connects over streams in memory, and closes", async () => {
    const [server, client] = connected(
      { message: (connection, message) => connection.send(`You said: ${message}`) },
      { url: "ws://example.com:99/chat", protocol: "chat", data: 7 },
    );
    client.send("hello");
    assert.equal((await client.receive())?.data, "You said: hello");
    const { url, host, protocol, data, role, state, fd } = client;
    assert.deepEqual(
      { url, host, protocol, data, role, state, fd },
      {
        url: "ws://example.com:99/chat",
        host: "example.com:99",
        protocol: "chat",
        data: 7,
        role: "client",
        state: "open",
        fd: -1,
      },
    );
    assert.deepEqual([server.url, server.host, server.protocol], ["", "", ""]);
    assert.deepEqual(await client.close(3000, "done"), { code: 3000, reason: "" });
    assert.deepEqual(await server.closed, { code: 3000, reason: "done" });
  });

  it("begins with bytes that came before, and with frames that wait", async (t: TestContext) => {
    const listener = net.createServer();
    t.after(() => listener.close());
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    const peer = net.connect((listener.address() as AddressInfo).port, "127.0.0.1");
    t.after(() => peer.destroy());
    const [socket] = (await once(listener, "connection")) as [net.Socket];
    const opened: string[] = [];
    const connection = createConnection(socket, {
      role: "server",
      head: encodeText("early", { mask: true }),
      outbox: [encodeText("one"), encodeText("two")],
      open: (self) => opened.push(`${self.role}, ${self.outbox.length} wait`),
    });
    assert.deepEqual(opened, ["server, 2 wait"]);
    assert.ok(connection.fd > 0);
    assert.equal((await connection.receive())?.data, "early");
    const chunks: Buffer[] = [];
    for await (const chunk of peer.iterator({ destroyOnReturn: false })) {
      chunks.push(chunk);
      if (Buffer.concat(chunks).length >= 10) break;
    }
    assert.deepEqual(new Uint8Array(Buffer.concat(chunks)), hex("81 03 6f6e65 81 03 74776f"));
    connection.terminate();
  });

  it("throws for options that make no sense", () => {
    const [left] = duplexPair();
    assert.throws(() => createConnection(left, { role: "any" as "server" }), /^TypeError: role must be/);
    assert.throws(() => createConnection(left, { role: "server", highWaterMark: -1 }), RangeError);
    assert.throws(() => createConnection(left, { role: "server", outbox: [hex("81")] }), TypeError);
    const [other] = duplexPair();
    const wrong: [options: object, message: RegExp][] = [
      [{ head: "81" }, /^TypeError: head must be a Uint8Array/],
      [
        { maxPayload: 1 },
        /^TypeError: createConnection has no option "maxPayload": the limit of a message is/,
      ],
      [{ protocols: "a" }, /^TypeError: createConnection has no option "protocols": did you mean protocol/],
    ];
    for (const [options, message] of wrong) {
      assert.throws(() => createConnection(other, { role: "server", ...options }), message);
    }
    // The transport is still the caller's.
    createConnection(other, { role: "server" }).terminate();
  });
});

describe("tryReceive", () => {
  it("never waits", async () => {
    const [server, client] = connected();
    assert.equal(client.tryReceive(), undefined);
    server.send("one");
    server.send("two");
    assert.equal((await client.receive())?.data, "one");
    assert.equal(client.tryReceive()?.data, "two");
    assert.equal(client.tryReceive(), undefined);
    await server.close();
    assert.equal(client.tryReceive(), undefined);
  });

  it("makes room for unread bytes", async () => {
    const [server, client] = connected({}, { highWaterMark: 1000 });
    for (let i = 0; i < 100; i++) server.send("x".repeat(100));
    let count = 0;
    while (count < 100) {
      if (client.tryReceive() === undefined) await new Promise(setImmediate);
      else count++;
    }
    assert.equal(client.counters.messagesIn, 100);
    client.terminate();
    server.terminate();
  });
});
