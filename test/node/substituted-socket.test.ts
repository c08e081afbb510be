/**
 * Sockets that are not what they seem: interceptors of HTTP give one that reads by another's handle, or writes to
 * another socket. What they do is done here with real sockets, as @mswjs/interceptors (nock) does it.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, it, type TestContext } from "node:test";
import { connect, type Server } from "../../src/index.js";
import { listen } from "../support/connections.js";
import { until } from "../support/sockets.js";

/** A plain socket whose handle is another one's: what the handle reads goes there, and is pushed from there (0.44). */
async function withLentHandle(t: TestContext, { port }: Server): Promise<net.Socket> {
  const real = net.connect(port, "127.0.0.1");
  await once(real, "connect");
  const shown = new net.Socket();
  real.on("error", () => {});
  t.after(() => real.destroy());
  shown._read = () => void real.resume();
  Object.assign(shown, { _handle: (real as unknown as { _handle: object })._handle });
  real.on("data", (chunk) => {
    if (!shown.push(chunk)) real.pause();
  });
  return shown;
}

/** A socket of a class of its own that hands each chunk on at once (0.41 and before). */
class PassingSocket extends net.Socket {
  readonly real: net.Socket;

  constructor(port: number) {
    super();
    this.real = net.connect(port, "127.0.0.1");
    this.real.on("data", (chunk) => this.push(chunk));
    this.real.on("error", () => {});
    this.real.on("close", () => this.destroy());
    this._read = () => {};
    this._destroy = (_error, callback) => {
      this.real.destroy();
      callback(null);
    };
  }

  override write(chunk: Uint8Array | string, ...rest: unknown[]): boolean {
    this.real.write(chunk, ...(rest as []));
    return true;
  }
}

describe("sockets that stand for others", () => {
  it("one with a lent handle is read, in full", async (t) => {
    const server = await listen(t, { message: (connection, message) => connection.send(message.data) });
    const socket = await withLentHandle(t, server);
    const connection = await connect(server.url, { createConnection: () => socket });
    t.after(() => connection.terminate());
    for (let i = 0; i < 100; i++) connection.send(`${i} ${"x".repeat(i * 50)}`);
    for (let i = 0; i < 100; i++) {
      const message = await connection.receive();
      assert.equal(message?.data, `${i} ${"x".repeat(i * 50)}`);
    }
  });

  it("one that passes chunks on sends all messages, though the system takes it later", async (t) => {
    const text = (i: number) => String(i).padStart(8, "0").repeat(2048);
    let count = 0;
    let wrong = 0;
    const server = await listen(t, {
      open: (connection) => connection.pause(),
      message: (_connection, message) => {
        if (message.data !== text(count++)) wrong++;
      },
    });
    const createConnection = () => new PassingSocket(server.port);
    const connection = await connect(server.url, { createConnection });
    t.after(() => connection.terminate());
    await until(() => server.connections.size === 1);
    const [accepted] = server.connections;
    for (let i = 0; i < 1000; i++) {
      connection.send(text(i));
      // Each turn of the loop writes again, so that earlier bytes may be overwritten.
      if (i % 10 === 0) await new Promise(setImmediate);
    }
    accepted.resume();
    await until(() => count === 1000 || !accepted.connected, "all arrive");
    assert.deepEqual([count, wrong, accepted.error], [1000, 0, undefined]);
  });

  it("one that is watched by 'data' is seen by who watches, and by the connection", async (t) => {
    const server = await listen(t, { message: (connection, message) => connection.send(message.data) });
    let seen = 0;
    const createConnection = () => {
      const socket = net.connect(server.port, "127.0.0.1");
      socket.on("data", (chunk) => {
        seen += chunk.length;
      });
      return socket;
    };
    const connection = await connect(server.url, { createConnection });
    t.after(() => connection.terminate());
    connection.send("hello");
    assert.equal(String(await connection.receive()), "hello");
    assert.equal(seen, (connection.socket as net.Socket).bytesRead);
  });
});
