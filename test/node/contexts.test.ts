/**
 * Async contexts and fake timers: no handler of one user's connection sees the store of another, no store is kept alive
 * by the library, and fake timers of a test do not stop connections.
 */

import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import {
  type ConnectionHandlers,
  createConnection,
  createUpgradeHandler,
  type UpgradeOptions,
} from "../../src/index.js";
import { BINARY, concat, frame, TEXT } from "../support/frames.js";
import { collectGarbage } from "../support/memory.js";
import { type RawPeer, rawClient, requestText, settle, until } from "../support/sockets.js";
import { SlowStream } from "../support/streams.js";

interface Store {
  readonly user: string;
}

const storage = new AsyncLocalStorage<Store>();
const userNow = () => storage.getStore()?.user;

/** A server that handles each upgrade within a store of its own, named after the path. */
async function start(t: TestContext, handlers: ConnectionHandlers, options: UpgradeOptions = {}) {
  const handler = createUpgradeHandler(handlers, options);
  const stores: WeakRef<Store>[] = [];
  const server = http.createServer();
  server.on("upgrade", (request, socket, head) => {
    const store = { user: request.url as string };
    stores.push(new WeakRef(store));
    storage.run(store, () => handler(request, socket, head));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(async () => {
    await handler.close({ timeoutMs: 0 });
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const dial = (user: string): Promise<RawPeer> =>
    rawClient(t, port, requestText({}, `GET /${user} HTTP/1.1`));
  return { handler, stores, dial };
}

describe("async contexts", () => {
  it("the error of a peer that is silent, or late, is reported outside of all contexts", async (t) => {
    const told: (string | undefined)[] = [];
    const { handler, dial } = await start(
      t,
      {
        message() {},
        error: () => {
          told.push(userNow());
        },
      },
      { pingIntervalMs: 20, pingTimeoutMs: 20 },
    );
    for (const user of ["ada", "bob"]) await dial(user);
    await until(() => told.length === 2, "both are reported");
    assert.deepEqual(told, [undefined, undefined]);
    await until(() => handler.connections.size === 0);
  });

  it("no store lives on with the connections of others", async (t) => {
    const { handler, stores, dial } = await start(t, { message() {} }, { pingIntervalMs: 10 });
    const ada = await dial("ada");
    await dial("bob");
    // The timer of all connections was made while the first was opened.
    await until(
      () => [...handler.connections].every(({ counters }) => counters.framesOut > 0),
      "Pings leave",
    );
    ada.socket.destroy();
    await until(() => handler.connections.size === 1, "one is gone");
    await until(() => {
      collectGarbage();
      return stores[0].deref() === undefined;
    }, "its store is garbage");
  });

  it("an error that a broadcast of another user caused, is reported outside of all contexts, and not inside the broadcast", async (t) => {
    const told: (string | undefined)[] = [];
    let isBroadcasting = false;
    const { handler, dial } = await start(
      t,
      {
        message: () => {
          storage.enterWith({ user: "who speaks" });
          isBroadcasting = true;
          for (let i = 0; i < 3; i++) handler.broadcast(new Uint8Array(1 << 20));
          isBroadcasting = false;
        },
        error: () => {
          assert.equal(isBroadcasting, false);
          told.push(userNow());
        },
      },
      { maxBufferedAmount: 1 << 20, pingIntervalMs: 0 },
    );
    const slow = await dial("slow");
    slow.socket.pause();
    const speaker = await dial("speaker");
    const speaking = setInterval(() => speaker.send({ opcode: TEXT }), 5);
    t.after(() => clearInterval(speaking));
    await until(() => told.length > 0, "it is reported");
    assert.equal(told[0], undefined);
  });

  it("a turn that goes on, a drain handler, and drained: each in its own context, or in none", async () => {
    const stream = new SlowStream();
    const seen: (string | undefined)[] = [];
    const drains: (string | undefined)[] = [];
    const connection = createConnection(stream, {
      role: "client",
      maxTurnMs: 0,
      message: () => {
        seen.push(userNow());
      },
      drain: () => {
        drains.push(userNow());
      },
    });
    await settle();
    const chunk = concat(Array.from({ length: 200 }, () => frame({ opcode: BINARY })));
    storage.run({ user: "who brings bytes" }, () => stream.push(Buffer.from(chunk)));
    await until(() => seen.length === 200, "all messages come");
    assert.equal(seen[0], "who brings bytes");
    assert.equal(seen[199], undefined);
    stream.hold();
    storage.run({ user: "who sends" }, () => {
      while (connection.send(new Uint8Array(50_000)) === true);
    });
    const waited = storage.run({ user: "who waits" }, () => connection.drained().then(userNow));
    stream.letGo();
    assert.equal(await waited, "who waits");
    await until(() => drains.length > 0, "it drains");
    assert.deepEqual(drains, [undefined]);
    connection.terminate();
  });
});

describe("fake timers of a test", () => {
  it("do not stop pings, time limits, turns and drains", async (t) => {
    const { setImmediate } = globalThis;
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const { handler, dial } = await start(
      t,
      { message() {} },
      { pingIntervalMs: 20, pingTimeoutMs: 0, closeTimeoutMs: 20 },
    );
    const peer = await dial("ada");
    const [connection] = handler.connections;
    const other = await dial("bob");
    t.mock.timers.enable({ apis: ["setTimeout", "setInterval", "setImmediate", "Date"] });
    try {
      while (!peer.frames.some(({ opcode }) => opcode === 9)) await turn();
      peer.socket.pause();
      while (connection.send(new Uint8Array(1 << 20)) === true);
      peer.socket.resume();
      await connection.drained();
      let isClosed = false;
      void connection.close().then(() => {
        isClosed = true;
      });
      while (!isClosed) await turn();
      // A server's own limit.
      void handler.close({ timeoutMs: 10 });
      while (!other.isClosed) await turn();
    } finally {
      t.mock.timers.reset();
    }
    assert.equal(connection.closeCode, 1006);
  });
});

describe("a loop that awaits drained again and again", () => {
  it("lets timers and sockets run", async () => {
    const stream = new SlowStream();
    const connection = createConnection(stream, { role: "client" });
    let isOver = false;
    setTimeout(() => {
      isOver = true;
    }, 1);
    while (!isOver) await connection.drained();
    connection.terminate();
    isOver = false;
    setTimeout(() => {
      isOver = true;
    }, 1);
    while (!isOver) await connection.drained();
  });
});
