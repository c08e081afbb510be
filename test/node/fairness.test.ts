/**
 * Turns of the event loop are shared among connections. Nothing here looks at a clock: handlers' calls are counted by
 * turns, and `maxTurnMs: 0` ends a turn at the second look, after 64 messages.
 */

import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type Connection, connect, createConnection, type ServeOptions, WebSocket } from "../../src/index.js";
import type { SessionContext } from "../../src/node/connection-options.js";
import { TaskQueue } from "../../src/node/task-queue.js";
import { certificate } from "../support/certificate.js";
import { listen } from "../support/connections.js";
import { BINARY, concat, frame } from "../support/frames.js";
import { countMoved } from "../support/shifts.js";
import { acceptingServer, eachReadPath, settle, until } from "../support/sockets.js";
import { SlowStream } from "../support/streams.js";

/** A number that grows with each turn of the event loop. */
function countTurns(t: TestContext): () => number {
  let turn = 0;
  let isOn = true;
  const next = () => {
    turn++;
    if (isOn) setImmediate(next);
  };
  next();
  t.after(() => {
    isOn = false;
  });
  return () => turn;
}

/** What handlers saw: of which connection, the number in the message, and the turn. */
interface Seen {
  readonly from: string;
  readonly index: number;
  readonly turn: number;
}

function mostInOneTurn(seen: readonly Seen[], from: string): number {
  const counts = new Map<number, number>();
  for (const each of seen) if (each.from === from) counts.set(each.turn, (counts.get(each.turn) ?? 0) + 1);
  return Math.max(...counts.values());
}

const COUNT = 2000;

/** Two clients send as fast as they can; their messages take turns. */
async function assertShared(
  t: TestContext,
  options: ServeOptions<string>,
  clientOptions: object,
): Promise<void> {
  const turnNow = countTurns(t);
  const seen: Seen[] = [];
  const server = await listen<string>(t, {
    ...options,
    maxTurnMs: 0,
    authorize: (request) => ({ data: request.url ?? "" }),
    message: (connection, { data }) => {
      seen.push({ from: connection.data, index: Number(data), turn: turnNow() });
    },
  });
  const clients = await Promise.all(
    ["/a", "/b"].map((path) => connect(`${server.url}${path}`, clientOptions)),
  );
  t.after(() => {
    for (const client of clients) client.terminate();
  });
  for (const client of clients) for (let i = 0; i < COUNT; i++) client.send(String(i));
  await until(() => seen.length === 2 * COUNT, "all messages come");
  for (const from of ["/a", "/b"]) {
    const indexes = seen.filter((each) => each.from === from).map(({ index }) => index);
    assert.deepEqual(
      indexes,
      Array.from({ length: COUNT }, (_, i) => i),
      "in order",
    );
    // 64 when the bytes come, and 64 when the turn goes on.
    assert.ok(mostInOneTurn(seen, from) <= 128, `${from}: ${mostInOneTurn(seen, from)} in one turn`);
  }
  const firstOfB = seen.findIndex(({ from }) => from === "/b");
  const lastOfA = seen.findLastIndex(({ from }) => from === "/a");
  assert.ok(
    firstOfB < lastOfA &&
      seen.findLastIndex(({ from }) => from === "/b") > seen.findIndex(({ from }) => from === "/a"),
  );
}

eachReadPath("turns", () => {
  it("are shared: messages of two connections alternate, each in order", (t) => assertShared(t, {}, {}));

  it("are shared while a long message is inflated", async (t) => {
    const turnNow = countTurns(t);
    const MIB = 1 << 20;
    let began = 0;
    let done = 0;
    const between: number[] = [];
    const server = await listen<string>(t, {
      perMessageDeflate: true,
      authorize: (request) => ({ data: request.url ?? "" }),
      message: (connection, { data }) => {
        if (connection.data !== "/long") between.push(turnNow());
        else if (data.length > 15 * MIB) done = turnNow();
        else began = turnNow();
      },
    });
    const long = await connect(`${server.url}/long`, { perMessageDeflate: true });
    const short = await connect(`${server.url}/short`);
    t.after(() => {
      long.terminate();
      short.terminate();
    });
    long.send("x");
    long.send(new Uint8Array(15 * MIB + 1));
    // In each turn, as long as it takes.
    const speak = () => {
      if (done > 0 || short.state !== "open") return;
      short.sendNow("here");
      setImmediate(speak);
    };
    speak();
    await until(() => done > 0, "the long message comes");
    assert.ok(done - began >= 14, `${done - began} turns for 15 MiB, with 1 MiB in each`);
    const handled = between.filter((turn) => turn > began && turn < done).length;
    assert.ok(handled >= 5, `${handled} messages of the other connection in between`);
  });

  it("pausing in the middle holds the rest of the turn, too", async (t) => {
    const seen: number[] = [];
    let paused: Connection | undefined;
    const server = await listen(t, {
      maxTurnMs: 0,
      message: (connection, { data }) => {
        seen.push(Number(data));
        if (seen.length % 500 !== 100) return;
        connection.pause();
        paused = connection;
      },
    });
    const client = await connect(server.url);
    t.after(() => client.terminate());
    for (let i = 0; i < COUNT; i++) client.send(String(i));
    while (seen.length < COUNT) {
      await until(() => paused !== undefined || seen.length === COUNT, "it pauses");
      const { length } = seen;
      await settle();
      assert.equal(seen.length, length, "nothing comes while it is paused");
      const connection = paused;
      paused = undefined;
      connection?.resume();
    }
    assert.deepEqual(
      seen,
      Array.from({ length: COUNT }, (_, i) => i),
    );
  });
});

describe("turns over TLS", () => {
  it("are shared, too", async (t) => {
    const { key, cert } = await certificate();
    await assertShared(t, { tls: { key, cert } }, { tls: { ca: cert } });
  });
});

describe("a turn in bytes", () => {
  const chunk = concat(
    Array.from({ length: 33 }, () => frame({ opcode: BINARY, payload: new Uint8Array(1000) })),
  );

  it("ends after so many in a row of filled reads; a read that was not filled ends the row", async () => {
    const stream = new SlowStream();
    const connection = createConnection(stream, {
      role: "client",
      maxTurnSize: 100_000,
      maxTurnMs: Number.POSITIVE_INFINITY,
      message() {},
    });
    await settle();
    const isRead = () => !stream.isPaused();
    const push = (bytes: Uint8Array) => stream.push(Buffer.from(new Uint8Array(bytes)));
    for (const expected of [true, true, true, false]) {
      push(chunk);
      assert.equal(isRead(), expected);
    }
    await settle();
    assert.equal(isRead(), true, "it goes on in the next turn");
    for (const expected of [true, true, true]) {
      push(chunk);
      assert.equal(isRead(), expected);
    }
    push(frame({ opcode: BINARY }));
    for (const expected of [true, true, true, false]) {
      push(chunk);
      assert.equal(isRead(), expected);
    }
    assert.equal(connection.counters.messagesIn, 11 * 33 + 1);
    connection.terminate();
  });

  it("ends after one read that is longer", () => {
    const stream = new SlowStream();
    const connection = createConnection(stream, {
      role: "client",
      maxTurnSize: 1000,
      maxTurnMs: Number.POSITIVE_INFINITY,
      message() {},
    });
    return settle().then(async () => {
      stream.push(Buffer.from(frame({ opcode: BINARY, payload: new Uint8Array(1000) })));
      assert.equal(stream.isPaused(), true);
      await settle();
      assert.equal(stream.isPaused(), false);
      connection.terminate();
    });
  });

  it("moves with the connection to another transport", async () => {
    const [first, second] = [new SlowStream(), new SlowStream()];
    const seen: number[] = [];
    const connection = createConnection(first, {
      role: "client",
      maxTurnSize: 1000,
      maxTurnMs: Number.POSITIVE_INFINITY,
      message: (_connection, { data }) => {
        seen.push(data.length);
      },
    });
    await settle();
    first.push(Buffer.from(frame({ opcode: BINARY, payload: new Uint8Array(1000) })));
    connection.transport = second;
    assert.equal(second.isPaused(), true);
    await settle();
    assert.equal(second.isPaused(), false);
    second.push(Buffer.from(frame({ opcode: BINARY, payload: new Uint8Array(7) })));
    assert.deepEqual(seen, [1000, 7]);
    connection.terminate();
  });
});

describe("the standard WebSocket", () => {
  it("shares turns, too, and writes sent messages between them", async (t) => {
    const turnNow = countTurns(t);
    const port = await acceptingServer(t, (peer) => {
      const frames = Array.from({ length: COUNT }, () =>
        peer.encode({ opcode: BINARY, payload: Buffer.from("x") }),
      );
      peer.write(concat(frames));
    });
    const webSocket = new WebSocket(`ws://127.0.0.1:${port}`, { maxTurnMs: 1 });
    const seen: Seen[] = [];
    webSocket.onmessage = () => {
      // To queue an event takes less time than its listener: 32 listeners take more than maxTurnMs.
      for (const start = performance.now(); performance.now() - start < 0.1; ) {}
      if (seen.length === 0) webSocket.send("answer");
      // The answer left before the last message was delivered.
      if (seen.length === COUNT - 1) assert.equal(webSocket.bufferedAmount, 0);
      seen.push({ from: "", index: seen.length, turn: turnNow() });
    };
    await until(() => seen.length === COUNT, "all arrive");
    assert.ok(mostInOneTurn(seen, "") <= 64, `${mostInOneTurn(seen, "")} in one turn`);
    webSocket.close();
  });

  it("runs tasks in order, holds its source while many wait, and moves none of them", async (t) => {
    const turnNow = countTurns(t);
    const held: boolean[] = [];
    const context = { settings: { maxTurnMs: 0 } } as unknown as SessionContext;
    const tasks = new TaskQueue(context, (isHeld) => held.push(isHeld));
    const seen: Seen[] = [];
    const movedNow = countMoved(t);
    for (let index = 0; index < COUNT; index++) {
      tasks.run(() => seen.push({ from: "", index, turn: turnNow() }));
    }
    await until(() => !tasks.isBusy, "all ran");
    assert.deepEqual(
      seen.map(({ index }) => index),
      [...Array(COUNT).keys()],
    );
    assert.ok(mostInOneTurn(seen, "") <= 64);
    assert.deepEqual(held, [true, false]);
    assert.equal(movedNow(), 0);
  });
});
