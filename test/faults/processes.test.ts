/**
 * Peers that are killed (SIGKILL: the system ends their sockets) and stopped (SIGSTOP: their sockets stay, and nothing is
 * read) in each state of a connection, in both roles. Each connection ends with 1006, each handshake is given up, and
 * the server serves on.
 */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { promisify } from "node:util";
import { type Connection, connect, type Server } from "../../src/index.js";
import { listen } from "../support/connections.js";
import { peerProcess } from "./support.js";

const SIGNALS = ["SIGKILL", "SIGSTOP"] as const;
const OPEN_STATES = ["open", "mid-header", "mid-payload", "mid-message", "mid-close", "not reading"];
/** Short deadlines, which only a peer that is gone or stopped misses: the tests wait for them. */
const LIMITS = { pingIntervalMs: 100, pingTimeoutMs: 100, closeTimeoutMs: 200 };
const NO_PINGS = { pingIntervalMs: 0, closeTimeoutMs: 200 };

async function assertServes(server: Server): Promise<void> {
  const connection = await connect(server.url, {
    timeout: 30_000,
    pingIntervalMs: 0,
    closeTimeoutMs: 30_000,
  });
  connection.send("still there");
  assert.equal((await connection.receive())?.data, "still there");
  assert.equal((await connection.close()).code, 1000);
}

const sockets = (server: Server) => promisify(server.http.getConnections.bind(server.http))();

/** All promises of a connection settle when it is cut. */
async function assertEnds(connection: Connection): Promise<void> {
  const { code } = await connection.closed;
  assert.equal(code, 1006);
  assert.equal(connection.state, "closed");
  assert.equal(await connection.receive(), undefined);
  await connection.drained();
  assert.equal(connection.send("too late"), undefined);
  await assert.rejects(connection.ping());
  assert.equal(connection.bufferedAmount, 0);
}

/** A server of ours that echoes what text clients send. */
async function echoServer(
  t: TestContext,
  limits: object,
): Promise<{ server: Server; accepted: Connection[] }> {
  const accepted: Connection[] = [];
  const server = await listen(t, {
    ...limits,
    handshakeTimeoutMs: 1500,
    open: (connection) => {
      accepted.push(connection);
    },
    message: (connection, message) => {
      if (message.type === "text") connection.send(message.data);
    },
  });
  return { server, accepted };
}

for (const signal of SIGNALS) {
  describe(`a client that gets ${signal}`, () => {
    for (const state of ["connected", "mid-request"]) {
      it(`in the state ${state}`, async (t) => {
        const { server } = await echoServer(t, NO_PINGS);
        const peer = peerProcess(t, "client", String(server.port), state);
        await peer.says(/ready/);
        peer.child.kill(signal);
        // A handshake that was not begun has no deadline but the server's for its head.
        while ((await sockets(server)) > 0) await new Promise(setImmediate);
        assert.equal(server.connections.size, 0);
        await assertServes(server);
      });
    }

    for (const state of OPEN_STATES) {
      it(`in the state ${state}`, async (t) => {
        const { server, accepted } = await echoServer(t, {
          ...LIMITS,
          pingIntervalMs: signal === "SIGSTOP" ? 100 : 0,
        });
        const peer = peerProcess(t, "client", String(server.port), state);
        await peer.says(/ready/);
        const [connection] = accepted;
        assert.ok(connection, "it is open");
        peer.child.kill(signal);
        await assertEnds(connection);
        assert.equal(server.connections.size, 0);
        await assertServes(server);
      });
    }

    it("while much waits for it: the policy or its death ends it, and the rest is dropped", async (t) => {
      const { server, accepted } = await echoServer(t, { ...NO_PINGS, maxBufferedAmount: 1 << 20 });
      const peer = peerProcess(t, "client", String(server.port), "not reading");
      await peer.says(/ready/);
      const [connection] = accepted;
      peer.child.kill(signal);
      const chunk = new Uint8Array(1 << 18);
      // Until the system takes no more, and then until more waits than may.
      while (connection.send(chunk) !== undefined) {
        assert.ok(
          connection.bufferedAmount <= (1 << 20) + 2 * chunk.length,
          `${connection.bufferedAmount} wait`,
        );
        await new Promise(setImmediate);
      }
      await assertEnds(connection);
      await assertServes(server);
    });

    it("while we close", async (t) => {
      const { server, accepted } = await echoServer(t, NO_PINGS);
      const peer = peerProcess(t, "client", String(server.port), "open");
      await peer.says(/ready/);
      const [connection] = accepted;
      peer.child.kill(signal);
      assert.equal((await connection.close(1000)).code, 1006);
      await assertEnds(connection);
    });
  });

  describe(`a server that gets ${signal}`, () => {
    const start = async (t: TestContext, state: string) => {
      const peer = peerProcess(t, "server", state);
      const [, port] = await peer.says(/port (\d+)/);
      return { peer, url: `ws://127.0.0.1:${port}` };
    };

    for (const state of ["accepted", "mid-response"]) {
      it(`in the state ${state}`, async (t) => {
        const { peer, url } = await start(t, state);
        // A stopped server says nothing: then our deadline ends it.
        const opening = connect(url, { timeout: signal === "SIGSTOP" ? 1000 : 0 });
        const failed = assert.rejects(opening);
        await Promise.race([peer.says(/ready/), failed]);
        peer.child.kill(signal);
        await failed;
      });
    }

    for (const state of OPEN_STATES) {
      it(`in the state ${state}`, async (t) => {
        const { peer, url } = await start(t, state);
        const connection = await connect(url, {
          ...LIMITS,
          pingIntervalMs: signal === "SIGSTOP" ? 100 : 0,
          timeout: 0,
        });
        t.after(() => connection.terminate());
        await peer.says(/ready/);
        // A message that arrived whole is delivered.
        assert.equal((await connection.receive())?.type, "binary");
        peer.child.kill(signal);
        await assertEnds(connection);
      });
    }
  });
}
