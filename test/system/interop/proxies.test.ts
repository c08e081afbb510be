/** Behind nginx and HAProxy, with small buffers and short timeouts. `.ci/run` installs both. */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type Connection, type ConnectOptions, connect, type ServeOptions } from "../../../src/index.js";
import { listen } from "../../support/connections.js";
import { PROXIES, type ReverseProxy, startProxy, TUNNEL_SECONDS } from "../../support/proxies.js";
import { until } from "../../support/sockets.js";

/** Far apart from a proxy's timeout, so that no busy machine confuses the two. */
const PING_MS = 200;

async function open(
  t: TestContext,
  proxy: ReverseProxy,
  serving: ServeOptions = {},
  connecting: ConnectOptions = {},
) {
  const accepted: Connection[] = [];
  const server = await listen(t, {
    pingIntervalMs: 0,
    message: (connection, { data }) => connection.send(data),
    ...serving,
    open: (connection) => {
      accepted.push(connection);
    },
  });
  const { port, child } = await startProxy(t, proxy, server.port);
  const url = `ws://127.0.0.1:${port}/chat?a=b`;
  const connection = await connect(url, { pingIntervalMs: 0, ...connecting });
  t.after(() => connection.terminate());
  return { url, connection, accepted: accepted[0], child };
}

for (const proxy of PROXIES) {
  const skip =
    proxy.command === undefined
      ? `${proxy.name} is not installed: apt-get install ${proxy.name.toLowerCase()}`
      : false;
  describe(`behind ${proxy.name}`, { skip }, () => {
    for (const perMessageDeflate of [false, true]) {
      it(`echoes messages of every size${perMessageDeflate ? ", compressed" : ""}`, async (t) => {
        const { connection, accepted } = await open(t, proxy, { perMessageDeflate }, { perMessageDeflate });
        assert.equal(connection.perMessageDeflate !== undefined, perMessageDeflate);
        assert.equal(new URL(accepted.url).search, "?a=b");
        for (const size of [0, 1, 125, 126, 4095, 4096, 4097, 65_535, 65_536, 1 << 20, 4 << 20]) {
          const content = "*é".repeat(size / 3 + 1).slice(0, size);
          connection.send(content);
          assert.equal((await connection.receive())?.data, content);
        }
        assert.equal((await connection.close(4000, "enough")).code, 4000);
        const { code, reason } = await accepted.closed;
        assert.deepEqual([code, reason], [4000, "enough"]);
      });
    }

    it("takes a Close of the server, and a refusal, to the client", async (t) => {
      const { url, connection, accepted } = await open(t, proxy, {
        path: "/chat",
        authorize: (request) => (request.headers.cookie === "no" ? { status: 403, body: "not you" } : true),
      });
      void accepted.close(1001, "going away");
      const { code, reason } = await connection.closed;
      assert.deepEqual([code, reason], [1001, "going away"]);
      await assert.rejects(connect(url, { cookies: "no" }), { status: 403, bodyText: "not you" });
      await assert.rejects(connect(url.replace("/chat", "/other")), { status: 404 });
    });

    it("holds a sender back while the client does not read, and loses nothing", async (t) => {
      const { connection, accepted } = await open(t, proxy, { maxBufferedAmount: Infinity });
      connection.pause();
      const count = 64;
      for (let i = 0; i < count; i++) accepted.send(Buffer.alloc(1 << 19, i));
      await until(() => accepted.bufferedAmount > 0, "much waits");
      connection.resume();
      for (let i = 0; i < count; i++) {
        const data = (await connection.receive())?.data as Uint8Array;
        assert.ok(data.length === 1 << 19 && data[0] === i && data.at(-1) === i);
      }
      await accepted.drained();
    });

    it(`ends an idle tunnel after ${TUNNEL_SECONDS} s: both sides say 1006`, async (t) => {
      const { connection, accepted } = await open(t, proxy);
      assert.equal((await connection.closed).code, 1006);
      assert.equal((await accepted.closed).code, 1006);
    });

    it("is kept open by the server's Pings", async (t) => {
      const start = Date.now();
      const { connection, accepted } = await open(t, proxy, {
        pingIntervalMs: PING_MS,
        pingTimeoutMs: 60_000,
      });
      // Longer than an idle tunnel lives, and as many Pings as fit in there.
      await until(
        () => Date.now() - start > 1500 * TUNNEL_SECONDS && accepted.counters.framesIn > TUNNEL_SECONDS,
        "time passes",
      );
      assert.deepEqual([connection.state, accepted.state], ["open", "open"]);
      connection.send("still there");
      assert.equal((await connection.receive())?.data, "still there");
    });

    it("is killed: both sides end", async (t) => {
      const { connection, accepted, child } = await open(t, proxy);
      child.kill("SIGKILL");
      assert.equal((await connection.closed).code, 1006);
      assert.equal((await accepted.closed).code, 1006);
    });
  });
}
