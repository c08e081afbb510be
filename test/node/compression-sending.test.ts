/** What a connection that compresses sends: which messages, in how many bytes, over which streams. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createConnection, type DeflateParameters, prepareMessage } from "../../src/index.js";
import { AGREED, ALONE, TEXTS } from "../support/agreed.js";
import { both, listen } from "../support/connections.js";
import { sample } from "../support/corpus.js";
import { BINARY, frame, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import { rawClient, requestText, settle, until } from "../support/sockets.js";
import { duplexPair } from "../support/streams.js";
import { readFrames } from "../support/wire.js";
import { inflateAlone } from "../support/zlib-streams.js";

const EXTENSIONS = "Sec-WebSocket-Extensions";

describe("sending", () => {
  it("is compressed from the threshold on, unless a message says otherwise", {
    timeout: 60_000,
  }, async (t) => {
    const server = await listen(t, { perMessageDeflate: { serverNoContextTakeover: true, threshold: 100 } });
    const peer = await rawClient(t, server.port, requestText({ [EXTENSIONS]: "permessage-deflate" }));
    const [connection] = server.connections;
    const long = "a".repeat(100);
    connection.send(long.slice(1));
    connection.send(long);
    connection.send(long.slice(1), { compress: true });
    connection.send(long, { compress: false });
    // They would not shrink.
    connection.send(sample("random", 1000), { compress: true });
    connection.send("", { compress: true });
    connection.send(prepareMessage(long), { compress: false });
    connection.send(prepareMessage(long));
    server.broadcast(long, { compress: false });
    server.broadcast(long);
    server.broadcast(long.slice(1), { compress: true });
    await until(() => peer.frames.length === 11, "all frames");
    assert.deepEqual(
      peer.frames.map(({ rsv }) => rsv >> 2),
      [0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 1],
    );
    for (const { rsv, opcode, payload } of peer.frames) {
      if (rsv === 4) assert.match(Buffer.from(inflateAlone(payload)).toString(), /^a{99,100}$/);
      assert.equal(opcode === TEXT || opcode === BINARY, true, `opcode ${opcode}`);
    }
  });

  it("counts as it leaves: compressed", { timeout: 60_000 }, async (t) => {
    const { connection, accepted } = await both(
      t,
      { perMessageDeflate: true, highWaterMark: 100_000 },
      { perMessageDeflate: true },
    );
    const zeros = new Uint8Array(1_000_000);
    assert.equal(accepted.send(zeros), true, "there is room");
    const waiting = accepted.bufferedAmount;
    assert.ok(waiting > 100 && waiting < 20_000, `${waiting} bytes wait`);
    assert.equal(accepted.send(zeros, { compress: false }), false, "there is none");
    assert.ok(accepted.bufferedAmount >= waiting + 1_000_000, `${accepted.bufferedAmount} bytes wait`);
    assert.equal((await connection.receive())?.data.length, zeros.length);
    assert.equal((await connection.receive())?.data.length, zeros.length);
    assert.equal(connection.counters.bytesIn, accepted.counters.bytesOut);
  });

  it("may be looked at, and put back, as it waits", { timeout: 60_000 }, async (t) => {
    const { connection, accepted } = await both(t, { perMessageDeflate: true }, { perMessageDeflate: true });
    for (const text of TEXTS) accepted.send(text);
    const { outbox } = accepted;
    assert.equal(outbox.length, TEXTS.length);
    assert.deepEqual(new Set(outbox.map((bytes) => readFrames(bytes)[0].rsv)), new Set([4]));
    accepted.outbox = [...outbox, frame({ opcode: TEXT, payload: utf8("as it is") })];
    for (const text of TEXTS) assert.equal((await connection.receive())?.data, text);
    assert.equal((await connection.receive())?.data, "as it is");
  });

  it("may be dropped or reordered as it waits, where no message refers to another", {
    timeout: 60_000,
  }, async (t) => {
    const { connection, accepted } = await both(
      t,
      { perMessageDeflate: { serverNoContextTakeover: true } },
      { perMessageDeflate: true },
    );
    for (const text of TEXTS) accepted.send(text);
    accepted.updateOutbox((frames) => [frames[7], frames[3]]);
    accepted.send(TEXTS[1]);
    for (const i of [7, 3, 1]) assert.equal((await connection.receive())?.data, TEXTS[i]);
  });

  it("cannot be compressed frames where nothing was agreed on", { timeout: 60_000 }, async (t) => {
    const { accepted } = await both(t);
    assert.throws(
      () => {
        accepted.outbox = [frame({ opcode: TEXT, rsv: 4, payload: Uint8Array.of(2, 0) })];
      },
      { code: "WS_ERR_UNEXPECTED_RSV_1" },
    );
  });
});

describe("connections over other streams", () => {
  const open = (perMessageDeflate: DeflateParameters) => {
    const [left, right] = duplexPair();
    const server = createConnection(left, {
      role: "server",
      perMessageDeflate,
      extensions: "permessage-deflate",
    });
    const client = createConnection(right, { role: "client", perMessageDeflate });
    return { server, client };
  };

  it("compress as a handshake agreed", { timeout: 60_000 }, async (t) => {
    for (const agreed of [
      AGREED,
      ALONE,
      { ...AGREED, serverMaxWindowBits: 8, clientMaxWindowBits: 8, windowBits: 8 },
    ]) {
      const { server, client } = open(agreed);
      t.after(() => [server, client].map((connection) => connection.terminate()));
      assert.deepEqual([server.perMessageDeflate, server.extensions], [agreed, "permessage-deflate"]);
      assert.deepEqual([client.perMessageDeflate, client.extensions], [agreed, ""]);
      const length = TEXTS.reduce((sum, text) => sum + text.length, 0);
      for (const text of TEXTS) {
        server.send(text);
        client.send(text);
      }
      for (const text of TEXTS) {
        assert.equal((await client.receive())?.data, text);
        assert.equal((await server.receive())?.data, text);
      }
      const { bytesOut } = server.counters;
      assert.ok(bytesOut < length, `${bytesOut} bytes for ${length}`);
      await client.close();
    }
  });

  it("made by withTransport begin a stream of their own", { timeout: 60_000 }, async (t) => {
    const { server, client } = open(AGREED);
    for (const text of TEXTS) server.send(text);
    for (const text of TEXTS) assert.equal((await client.receive())?.data, text);
    const [left, right] = duplexPair();
    const other = server.withTransport(left);
    const far = createConnection(right, { role: "client", perMessageDeflate: AGREED });
    t.after(() => [server, client, other, far].map((connection) => connection.terminate()));
    assert.deepEqual([other.perMessageDeflate, other.extensions], [AGREED, "permessage-deflate"]);
    assert.deepEqual(other.clone().perMessageDeflate, AGREED);
    // The same text again: it must not refer to what only the first peer has. Each goes on by itself.
    for (const text of TEXTS) {
      for (const each of [server, other]) each.send(text);
      assert.equal((await far.receive())?.data, text);
      assert.equal((await client.receive())?.data, text);
    }
  });

  it("that go on over another transport go on with the same stream", { timeout: 60_000 }, async (t) => {
    const { server, client } = open(AGREED);
    t.after(() => [server, client].map((connection) => connection.terminate()));
    server.send(TEXTS[0]);
    assert.equal((await client.receive())?.data, TEXTS[0]);
    const [left, right] = duplexPair();
    server.transport = left;
    client.transport = right;
    await settle();
    const before = server.counters.bytesOut;
    server.send(TEXTS[0]);
    assert.equal((await client.receive())?.data, TEXTS[0]);
    assert.ok(server.counters.bytesOut - before < 30, "it refers to the one before");
  });
});
