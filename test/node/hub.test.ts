/** Hub: the connections of a server, as a whole. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Hub } from "../../src/node/hub.js";
import { prepareMessage } from "../../src/protocol/index.js";
import { listen } from "../support/connections.js";
import { CLOSE } from "../support/frames.js";
import { rawClient, until, watchWrites } from "../support/sockets.js";

describe("Hub", () => {
  it("is empty at first, and closes at once", async () => {
    const hub = new Hub();
    assert.equal(hub.broadcast("x"), 0);
    await hub.close();
    const { accepted, refused, bytesIn } = hub.counters;
    assert.deepEqual([accepted, refused, bytesIn], [0, {}, 0]);
  });

  it("counts refusals by reason, for every name of a reason", () => {
    const hub = new Hub();
    for (const reason of ["404", "404", "WS_ERR_X", "__proto__", "constructor"]) hub.refused(reason);
    const { refused } = hub.counters;
    assert.deepEqual(
      Object.entries(refused).filter(([name]) => name !== "__proto__"),
      [
        ["404", 2],
        ["WS_ERR_X", 1],
        ["constructor", 1],
      ],
    );
  });

  it("writes the same bytes to all, once each, also when they are paused", async (t) => {
    const server = await listen(t);
    const peers = [await rawClient(t, server.port), await rawClient(t, server.port)];
    const [first, second] = server.connections;
    first.pause();
    const writes = [watchWrites(first.socket), watchWrites(second.socket)];
    const message = prepareMessage("x".repeat(1000));
    server.broadcast(message);
    await until(() => peers.every(({ frames }) => frames.length === 1));
    assert.deepEqual(writes, [[message.frame.length], [message.frame.length]]);
  });

  it("a connection that overflows does not keep the others from getting theirs", async (t) => {
    const server = await listen(t, { maxBufferedAmount: 1 << 20, onOverflow: "throw" });
    const slow = await rawClient(t, server.port);
    slow.socket.pause();
    const [first] = server.connections;
    while (first.bufferedAmount <= 1 << 20) first.sendNow(new Uint8Array(1 << 20));
    const peer = await rawClient(t, server.port);
    server.broadcast("to who reads");
    assert.equal(await peer.next(), "text to who reads");
  });

  it("keeps the counts of those that are gone", async (t) => {
    const server = await listen(t);
    const peer = await rawClient(t, server.port);
    server.broadcast("x");
    await peer.next();
    const before = server.counters;
    peer.send({ opcode: CLOSE });
    await until(() => server.connections.size === 0);
    const after = server.counters;
    assert.deepEqual([after.messagesOut, after.accepted], [1, 1]);
    assert.ok(after.bytesOut > before.bytesOut && after.bytesIn > before.bytesIn);
  });
});
