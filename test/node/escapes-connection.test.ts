/**
 * Every place where code of the user's runs on an open connection, and every way in which it may misbehave there: that
 * one connection has a defined outcome, the error is seen, the others live, and closing comes to an end. An uncaught
 * exception or an unhandled rejection fails a test. `escapes.test.ts` has the handshake and the channels.
 */

import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Duplex } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import {
  type Connection,
  type ConnectionHandlers,
  connect,
  createConnection,
  type Sendable,
  type ServeOptions,
} from "../../src/index.js";
import { HANDLER_NAMES } from "../../src/node/connection-options.js";
import { listen } from "../support/connections.js";
import { BINARY, CLOSE, closeBody, PING, PONG, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import { type RawPeer, rawClient, until } from "../support/sockets.js";
import { SlowStream } from "../support/streams.js";
import { describeFrames } from "../support/wire.js";

const mine = new Error("a bug of the user's");
const fail = (): never => {
  throw mine;
};

/** What a function does instead of its job. */
const WAYS = {
  throws: fail,
  "throws anything that is not an error": () => {
    throw Object.create(null);
  },
  "throws a value that cannot be inspected": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    throw proxy;
  },
  rejects: () => Promise.reject(mine),
  "rejects later": async () => {
    await new Promise(setImmediate);
    throw mine;
  },
  // biome-ignore lint/suspicious/noThenProperty: that is the point
  "returns what throws when it is looked at": () => Object.defineProperty({}, "then", { get: fail }),
  "returns what throws when it is awaited": () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    then: fail,
  }),
  "returns what rejects twice": () => ({
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    then: (_: unknown, reject: (thrown: unknown) => void) => {
      reject(mine);
      reject(mine);
    },
  }),
  "returns nonsense": () => 5,
  "never answers": () => new Promise(() => {}),
} satisfies Record<string, () => unknown>;
type Way = keyof typeof WAYS;

/** What a handler returns means nothing. */
const RIGHT: readonly Way[] = ["returns nonsense", "never answers"];

interface Place {
  /** A handler by its name, or a word for another place. */
  readonly name: string;
  /** Makes it run. */
  readonly act?: (peer: RawPeer, connection: Connection) => unknown;
  /** The frame that the peer gets, by its beginning, where the handler misbehaves. Default: close 1011. */
  readonly outcome?: string;
}

const HANDLERS: readonly Place[] = [
  { name: "open" },
  { name: "message", act: (peer) => peer.send({ opcode: TEXT, payload: utf8("x") }) },
  { name: "stream", act: (peer) => peer.send({ opcode: TEXT, payload: new Uint8Array(1000).fill(97) }) },
  { name: "ping", act: (peer) => peer.send({ opcode: PING }), outcome: "pong" },
  { name: "pong", act: (peer) => peer.send({ opcode: PONG }) },
  {
    name: "drain",
    act: (_peer, connection) => {
      while (connection.send(new Uint8Array(1 << 20)) === true);
    },
    outcome: "binary",
  },
  {
    name: "close",
    act: (peer) => peer.send({ opcode: CLOSE, payload: closeBody(3000) }),
    outcome: "close 3000",
  },
  { name: "error", act: (peer) => peer.send({ opcode: 3 }), outcome: "close 1002" },
];

/** Errors on the channel. */
function listenIn(t: TestContext): Error[] {
  const heard: Error[] = [];
  const listener = (message: unknown) => {
    heard.push((message as { error: Error }).error);
  };
  subscribe("hawser:connection:error", listener);
  t.after(() => unsubscribe("hawser:connection:error", listener));
  return heard;
}

/** A server with a connection to a raw peer, which gets `handlers`, and one that echoes. */
async function start(t: TestContext, handlers: ConnectionHandlers, options: ServeOptions = {}) {
  let victim: Connection | undefined;
  const server = await listen(t, {
    message: (connection, { data }) => {
      connection.send(data);
    },
    closeTimeoutMs: 2000,
    streamFrom: 1000,
    ...options,
    open: (connection) => {
      if (victim !== undefined) return undefined;
      victim = connection;
      connection.handlers = handlers;
      return handlers.open?.(connection, undefined);
    },
  });
  const peer = await rawClient(t, server.port);
  const bystander = await connect(server.url);
  t.after(() => bystander.terminate());
  return { server, peer, bystander, connection: victim as unknown as Connection };
}

/** The other connection echoes, the one at fault ends, and the server closes. */
async function assertLives({ server, peer, bystander, connection }: Awaited<ReturnType<typeof start>>) {
  bystander.send("still here");
  assert.equal((await bystander.receive())?.data, "still here");
  peer.send({ opcode: CLOSE, payload: closeBody(3000) });
  await connection.closed;
  await server.close();
}

describe("a handler", () => {
  for (const { name, act, outcome = "close 1011" } of HANDLERS) {
    for (const [way, misbehave] of Object.entries(WAYS)) {
      it(`${name} ${way}`, async (t) => {
        t.mock.method(console, "error", () => {});
        const heard = listenIn(t);
        const all = await start(t, { message() {}, [name]: misbehave });
        await act?.(all.peer, all.connection);
        const isRight = RIGHT.includes(way as Way);
        if (!isRight || act === undefined || outcome !== "close 1011") {
          if (!(isRight && act === undefined)) {
            const frame = await all.peer.next();
            assert.ok(frame.startsWith(outcome), frame.slice(0, 40));
          }
        }
        if (!isRight) await until(() => heard.length > 0, "the error is heard");
        await assertLives(all);
        if (isRight && name !== "error") assert.deepEqual(heard, []);
      });
    }
  }

  for (const { name, act } of HANDLERS) {
    it(`${name} is a getter that throws`, async (t) => {
      t.mock.method(console, "error", () => {});
      const heard = listenIn(t);
      const all = await start(t, Object.defineProperty({ message() {} }, name, { get: fail }));
      await act?.(all.peer, all.connection);
      await until(() => heard.length > 0 || all.peer.isClosed, "the error is heard");
      await assertLives(all);
    });
  }

  for (const wrong of [5, null, "function", {}]) {
    it(`that is not a function (${JSON.stringify(wrong)})`, async (t) => {
      t.mock.method(console, "error", () => {});
      const handlers = Object.fromEntries(HANDLER_NAMES.map((name) => [name, wrong])) as never;
      const all = await start(t, { ...(handlers as object), open: () => {} });
      for (const { act } of HANDLERS.slice(0, 4)) await act?.(all.peer, all.connection);
      await assertLives(all);
    });
  }

  it("that fails once the connection is closed is heard, too", async (t) => {
    const printed: unknown[] = [];
    t.mock.method(console, "error", (_text: string, thrown: unknown) => {
      printed.push(thrown);
    });
    const all = await start(t, {
      async message(connection) {
        await connection.closed;
        throw mine;
      },
    });
    all.peer.send({ opcode: TEXT });
    await assertLives(all);
    await until(() => printed.length > 0, "it is printed");
    assert.deepEqual([printed, all.connection.error], [[mine], undefined]);
  });

  it("that transfers the memory of a message, with others behind it in the chunk", async (t) => {
    for (const borrow of [false, true]) {
      t.mock.method(console, "error", () => {});
      const took: number[] = [];
      const stream = new SlowStream();
      const connection = createConnection(stream, {
        role: "client",
        borrow,
        message(_connection, { data }) {
          took.push(data.length);
          const { buffer } = data as Uint8Array<ArrayBuffer>;
          structuredClone(buffer, { transfer: [buffer] });
        },
      });
      // By 'data': the chunk is memory of the stream's, which can be transferred.
      const frames = [3000, 20_000, 10].map((length) =>
        Buffer.concat([Buffer.from([0x82, 126, length >> 8, length & 0xff]), Buffer.alloc(length)]),
      );
      stream.push(Buffer.from(new Uint8Array(Buffer.concat(frames))));
      await until(() => connection.state !== "open", "the connection fails");
      assert.ok(took.length > 0 && connection.error !== undefined);
      stream.push(null);
      await connection.closed;
    }
  });

  it("every name of Handlers has rows", () => {
    assert.deepEqual(HANDLERS.map(({ name }) => name).sort(), [...HANDLER_NAMES].sort());
  });
});

describe("a loop over messages", () => {
  for (const way of ["throws", "throws anything that is not an error", "rejects later"] as const) {
    it(`whose body ${way}: 1011`, async (t) => {
      t.mock.method(console, "error", () => {});
      const heard = listenIn(t);
      const all = await start(t, {
        open: async (connection) => {
          for await (const _ of connection) await WAYS[way]();
        },
      });
      all.peer.send({ opcode: TEXT });
      assert.equal(await all.peer.next(), "close 1011");
      await until(() => heard.length > 0, "the error is heard");
      await assertLives(all);
    });
  }

  it("whose body never ends: the connection closes all the same", async (t) => {
    const all = await start(t, {
      open: async (connection) => {
        for await (const _ of connection) await new Promise(() => {});
      },
    });
    all.peer.send({ opcode: TEXT });
    await assertLives(all);
  });
});

describe("a Blob", () => {
  const blob = (arrayBuffer: () => unknown, size: unknown = 2) =>
    ({ size, arrayBuffer }) as unknown as Sendable;
  const ROWS: Readonly<Record<string, readonly [Sendable, outcome: string]>> = {
    throws: [blob(fail), "close 1011"],
    rejects: [blob(() => Promise.reject(mine)), "close 1011"],
    "gives a number": [blob(() => 5), "close 1011"],
    "gives nothing": [blob(() => Promise.resolve()), "close 1011"],
    "gives what throws when it is looked at": [
      blob(WAYS["returns what throws when it is looked at"]),
      "close 1011",
    ],
    "gives more than it said": [blob(() => Promise.resolve(new ArrayBuffer(3)), 1), "binary 000000"],
    "gives bytes at once": [blob(() => new ArrayBuffer(2)), "binary 0000"],
  };

  for (const [way, [data, outcome]] of Object.entries(ROWS)) {
    it(`that ${way}: ${outcome}`, async (t) => {
      const heard = listenIn(t);
      const all = await start(t, { error() {} });
      assert.equal(all.connection.send(data), true);
      assert.equal(await all.peer.next(), outcome);
      if (outcome === "close 1011") await until(() => heard.length > 0, "the error is heard");
      await assertLives(all);
    });
  }

  it("that is sent as text and is not UTF-8: 1011, and messages sent behind it go first", async (t) => {
    const heard = listenIn(t);
    const all = await start(t, {});
    all.connection.send(new Blob([Uint8Array.of(0xff)]), { type: "text" });
    all.connection.send("behind");
    assert.deepEqual([await all.peer.next(), await all.peer.next()], ["text behind", "close 1011"]);
    await until(() => heard.length > 0, "the error is heard");
    await assertLives(all);
  });

  it("that never answers holds up messages, and neither Pongs nor the Close", async (t) => {
    const all = await start(t, {});
    all.connection.send(blob(() => new Promise(() => {})));
    all.connection.send("never sent");
    all.peer.send({ opcode: PING, payload: utf8("p") });
    assert.equal(await all.peer.next(), "pong p");
    void all.connection.close(3001);
    assert.equal(await all.peer.next(), "close 3001");
    await assertLives(all);
    assert.equal(all.connection.counters.messagesOut, 0);
  });

  it("that has no size is none: the call throws", async (t) => {
    const all = await start(t, {});
    for (const size of [undefined, Number.NaN, -1, "2"]) {
      assert.throws(() => all.connection.send(blob(fail, size === undefined ? null : size)), TypeError);
    }
    all.connection.send("goes on");
    assert.equal(await all.peer.next(), "text goes on");
    await assertLives(all);
  });

  it("that answers after the connection is gone changes nothing", async (t) => {
    const heard = listenIn(t);
    let answer = () => {};
    const all = await start(t, {});
    all.connection.send(
      blob(
        () =>
          new Promise((_, reject) => {
            answer = () => reject(mine);
          }),
      ),
    );
    await assertLives(all);
    answer();
    await new Promise(setImmediate);
    assert.deepEqual([heard, all.connection.error], [[], undefined]);
  });
});

describe("a stream of the user's", () => {
  /** A stream that breaks when the test says so. */
  class Breaking extends SlowStream {
    broken: string | undefined = undefined;

    constructor() {
      super();
      for (const method of [
        "write",
        "end",
        "pause",
        "resume",
        "destroy",
        "cork",
        "on",
        "_destroy",
      ] as const) {
        const own = this[method] as (...all: unknown[]) => unknown;
        Object.defineProperty(this, method, {
          value: (...all: unknown[]) => (this.broken === method ? fail() : own.apply(this, all)),
        });
      }
    }
  }

  const ACTS: Readonly<Record<string, (connection: Connection, stream: Breaking) => void>> = {
    write: (connection) => connection.send("x"),
    cork: (connection) => {
      connection.send(new Uint8Array(1 << 20), { copy: false });
      connection.send("x");
    },
    pause: (connection) => connection.pause(),
    resume: (connection) => {
      connection.pause();
      connection.resume();
    },
    end: (_connection, stream) => stream.push(Buffer.from([0x83, 0])),
    destroy: (connection) => connection.terminate(),
    _destroy: (connection) => connection.terminate(),
  };

  for (const [method, act] of Object.entries(ACTS)) {
    it(`whose ${method} throws: the connection is closed`, async () => {
      const stream = new Breaking();
      let closes = 0;
      const connection = createConnection(stream, {
        role: method === "cork" ? "server" : "client",
        closeTimeoutMs: 50,
        message() {},
        close: () => {
          closes++;
        },
      });
      await new Promise(setImmediate);
      stream.broken = method;
      act(connection, stream);
      assert.deepEqual(await connection.closed, { code: 1006, reason: "" });
      assert.equal(closes, 1);
      assert.equal(connection.send("late"), undefined);
      if (!/destroy|end/.test(method)) assert.equal(connection.error, mine);
    });
  }

  it("whose on throws is closed, and the call does not throw", async () => {
    const stream = new Breaking();
    stream.broken = "on";
    const connection = createConnection(stream, { role: "client" });
    assert.equal((await connection.closed).code, 1006);
    assert.equal(connection.error, mine);
  });

  it("whose writing fails in the middle", async () => {
    for (const fails of [(done: (error: Error) => void) => done(mine), fail]) {
      const stream = new Duplex({ read() {}, write: (_chunk, _encoding, done) => fails(done) });
      const connection = createConnection(stream, { role: "client" });
      connection.send("x");
      assert.equal((await connection.closed).code, 1006);
      assert.equal(connection.error, mine);
    }
  });

  it("that brings strings, or objects, and no bytes", async () => {
    for (const [chunk, options] of [
      ["text", { encoding: "utf8" }],
      [{ data: 1 }, { readableObjectMode: true }],
    ] as const) {
      const stream = new Duplex({ ...options, read() {}, write: (_chunk, _encoding, done) => done() });
      const connection = createConnection(stream, { role: "client" });
      stream.push(chunk);
      assert.equal((await connection.closed).code, 1006);
      assert.match(String(connection.error), /must bring bytes/);
    }
  });

  it("that never says that it is gone: a time limit is the end", async () => {
    const closing = { closeTimeoutMs: 30, pingIntervalMs: 0 };
    const pinging = { closeTimeoutMs: 0, pingIntervalMs: 30, pingTimeoutMs: 30 };
    for (const [act, limits] of [
      [(connection: Connection) => connection.terminate(), closing],
      [(connection: Connection) => void connection.close(), closing],
      [(connection: Connection) => connection.socket.destroy(), pinging],
    ] as const) {
      const stream = new Duplex({
        emitClose: false,
        read() {},
        write: (_chunk, _encoding, done) => done(),
        destroy() {},
      });
      const connection = createConnection(stream, { role: "client", ...limits });
      act(connection);
      // The timer of the limits keeps no process alive.
      await until(() => connection.state === "closed", "the connection is given up");
      assert.equal((await connection.closed).code, 1006);
    }
  });

  it("is free again when createConnection refuses its options", () => {
    const stream = new SlowStream();
    const wrong: readonly object[] = [
      { outbox: [Uint8Array.of(0x82)] },
      { outbox: [5] },
      { outbox: 5 },
      { head: "x" },
      { maxFrameSize: -1 },
      { perMessageDeflate: { serverMaxWindowBits: 99 } },
    ];
    for (const options of wrong) {
      assert.throws(() => createConnection(stream, { role: "server", ...options } as never));
    }
    const connection = createConnection(stream, { role: "server" });
    connection.sendNow("x");
    assert.deepEqual(describeFrames(stream.written), ["text x"]);
    connection.terminate();
  });
});

describe("a subscriber of the channel of messages", () => {
  for (const way of ["throws", "rejects"] as const) {
    it(`that ${way} is printed, and the connection goes on`, async (t) => {
      const printed = t.mock.method(console, "error", () => {});
      const subscriber = () => WAYS[way]();
      subscribe("hawser:connection:message", subscriber);
      t.after(() => unsubscribe("hawser:connection:message", subscriber));
      const all = await start(t, {
        message: (connection, { data }) => {
          connection.send(data);
        },
      });
      all.peer.send({ opcode: BINARY, payload: utf8("x") });
      assert.equal(await all.peer.next(), "binary 78");
      await until(() => printed.mock.callCount() > 0, "it is printed");
      await assertLives(all);
    });
  }
});
