/**
 * Every place where code of the user's runs on the server while it answers a request or serves a connection, and
 * every way in which it may misbehave there: the one request has a defined outcome, the error is seen, nothing ends
 * the process, others are served, and `close` resolves. An uncaught exception or an unhandled rejection fails a test.
 */

import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { describe, it, type TestContext } from "node:test";
import { type Connection, connect, type ServeOptions, type Server, serve } from "../../src/index.js";
import { CLOSE, closeBody, PING, PONG, TEXT } from "../support/frames.js";
import { functionOptions, mine, WAYS, type Way } from "../support/misbehaviour.js";
import { dial, knock, type RawPeer, requestText, settle, until } from "../support/sockets.js";

/** A status of the answer; or the frame that the client gets once it is open; or that nothing comes. */
type Outcome = number | string | "nothing";

interface Place {
  /** The option, as ServeOptions has it; or what else of the user's runs. */
  readonly name: string;
  /** Options in which `misbehave` runs at that place. */
  readonly options: (misbehave: () => never) => ServeOptions;
  /** Default: a handshake. */
  readonly request?: string;
  /** Once the connection is open, makes the callback run. */
  readonly act?: (peer: RawPeer) => void;
  /** Default: all. */
  readonly ways?: readonly Way[];
  readonly outcome: (way: Way) => Outcome;
  /** Ways in which nothing is wrong: no error is to be seen. */
  readonly right?: readonly Way[];
}

const THROWING: readonly Way[] = ["throws", "throws anything that is not an error"];

/** What a handler of a connection returns means nothing. */
const RETURNING: readonly Way[] = [
  "returns null",
  "returns a number",
  "returns an object of no known shape",
  "never answers",
];

/** A handler of a connection: what it throws closes the connection with 1011. */
function handler(name: keyof ServeOptions, act?: (peer: RawPeer) => void, more: ServeOptions = {}): Place {
  return {
    name,
    options: (misbehave) => ({ ...more, [name]: misbehave }),
    ...(act && { act }),
    outcome: (way) => (RETURNING.includes(way) ? "close 3000" : "close 1011"),
    right: RETURNING,
  };
}

const PLACES: readonly Place[] = [
  {
    name: "origin",
    options: (misbehave) => ({ origin: misbehave }),
    outcome: () => 500,
  },
  {
    name: "selectProtocol",
    options: (misbehave) => ({ selectProtocol: misbehave }),
    request: requestText({ "Sec-WebSocket-Protocol": "a" }),
    outcome: () => 500,
  },
  {
    name: "authorize",
    options: (misbehave) => ({ authorize: misbehave, handshakeTimeoutMs: 100 }),
    outcome: (way) => (way === "never answers" ? 503 : 500),
  },
  ...(["headers", "data", "perMessageDeflate", "status", "body"] as const).map(
    (member): Place => ({
      name: `a getter in what authorize returns (${member})`,
      options: (misbehave) => ({
        authorize: () => {
          const decision = member === "body" ? { status: 403 } : {};
          return Object.defineProperty(decision, member, { enumerable: true, get: misbehave }) as object;
        },
      }),
      ways: THROWING,
      outcome: () => 500,
    }),
  ),
  {
    name: "an iterator of headers that authorize returns",
    options: (misbehave) => ({
      authorize: () => ({ headers: { [Symbol.iterator]: misbehave } as Iterable<[string, string]> }),
    }),
    ways: [...THROWING, "returns null", "returns a number"],
    outcome: () => 500,
  },
  {
    name: "request",
    options: (misbehave) => ({ request: misbehave }),
    request: "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    outcome: (way) => (RETURNING.includes(way) ? "nothing" : 500),
    right: RETURNING,
  },
  {
    name: "onError",
    options: (misbehave) => ({
      onError: misbehave,
      authorize: () => {
        throw mine;
      },
    }),
    outcome: () => 500,
  },
  handler("open"),
  {
    name: "a getter among the handlers of a route",
    options(misbehave) {
      // It is read at the start, too, where what it throws concerns the call.
      let reads = 0;
      const get = () => (reads++ === 0 ? undefined : misbehave());
      return { path: /^\/$/, routes: { "/chat": Object.defineProperty({}, "open", { get }) } };
    },
    ways: THROWING,
    outcome: () => "close 1011",
  },
  handler("message", (peer) => peer.send({ opcode: TEXT })),
  handler("stream", (peer) => peer.send({ opcode: TEXT }), { streamFrom: 0 }),
  handler("ping", (peer) => peer.send({ opcode: PING }), { autoPong: false }),
  handler("pong", (peer) => peer.send({ opcode: PONG })),
  {
    ...handler("drain"),
    options: (misbehave) => ({
      // More than the socket takes at once.
      open: (connection) => {
        while (connection.send(new Uint8Array(1 << 20)) === true);
      },
      drain: misbehave,
    }),
    outcome: () => "binary",
  },
  // The closing handshake is over before it runs.
  { ...handler("close"), outcome: () => "close 3000" },
  // Its argument is recorded.
  {
    ...handler("error", (peer) => peer.send({ opcode: 3 })),
    outcome: () => "close 1002",
    right: [],
  },
];

/** The messages of the channel of errors, and the printed lines. */
function watch(t: TestContext): { heard: Error[]; printed: unknown[][] } {
  const heard: Error[] = [];
  const printed: unknown[][] = [];
  const listener = (message: unknown) => {
    heard.push((message as { error: Error }).error);
  };
  subscribe("hawser:connection:error", listener);
  t.after(() => unsubscribe("hawser:connection:error", listener));
  t.mock.method(console, "error", (...given: unknown[]) => {
    printed.push(given);
  });
  return { heard, printed };
}

async function start(t: TestContext, options: ServeOptions): Promise<Server> {
  const server = await serve({ hostname: "127.0.0.1", ...options });
  t.after(() => server.close({ timeoutMs: 0 }));
  return server;
}

/** Fails where a promise does not settle. */
async function settled(promise: Promise<unknown>, what: string): Promise<void> {
  let isSettled = false;
  const note = () => {
    isSettled = true;
  };
  promise.then(note, note);
  await until(() => isSettled, what);
}

async function expectOutcome(peer: RawPeer, place: Place, outcome: Outcome): Promise<void> {
  if (outcome === "nothing") {
    await settle();
    assert.equal(peer.head, "");
    return;
  }
  await until(() => peer.head !== "" || peer.isClosed, "an answer comes");
  if (typeof outcome === "number") {
    assert.equal(peer.status, outcome, peer.head);
    await peer.closed();
    return;
  }
  assert.equal(peer.status, 101, peer.head);
  place.act?.(peer);
  // After what a handler returns, the connection goes on.
  if (outcome === "close 3000") peer.send({ opcode: CLOSE, payload: closeBody(3000) });
  const frame = await peer.next();
  assert.ok(frame.startsWith(outcome), `${frame.slice(0, 40)}, not ${outcome}`);
}

describe("where code of the user's runs on a server", () => {
  for (const place of PLACES) {
    for (const way of place.ways ?? (Object.keys(WAYS) as Way[])) {
      const isRight = place.right?.includes(way) === true;
      const outcome = place.outcome(way);
      it(`${place.name} ${way}: ${outcome}`, async (t) => {
        const { heard, printed } = watch(t);
        let isBad = true;
        const options = place.options(WAYS[way] as () => never);
        const server = await start(
          t,
          switched(options, () => isBad),
        );
        const peer = await dial(t, server.port);
        peer.write(place.request ?? requestText());
        await expectOutcome(peer, place, outcome);
        if (isRight) assert.deepEqual([heard, printed], [[], []]);
        else await until(() => heard.length > 0, "the error is heard");
        isBad = false;
        await assertServes(server);
        await settled(server.close({ timeoutMs: 50 }), "close resolves");
        // It was heard, so nothing is printed.
        assert.deepEqual(printed, []);
      });
    }
  }

  it("the table has a row for every option that is a function", () => {
    const names = PLACES.map(({ name }) => name);
    const missing = functionOptions("src/node/server.ts", "ServeOptions").filter(
      (name) => !names.includes(name),
    );
    assert.deepEqual(missing, []);
    assert.ok(functionOptions("src/node/upgrade-options.ts", "UpgradeOptions").includes("authorize"));
    // topics/escapes.test.ts has those of Topics.
  });
});

/** The options while something is so; the handshake alone afterwards. */
function switched(options: ServeOptions, isOn: () => boolean): ServeOptions {
  const { origin, selectProtocol, authorize, request, ...others } = options;
  const given: Record<string, unknown> = { ...others };
  if (origin !== undefined)
    given.origin = (...all: never[]) => (isOn() ? (origin as never as Call)(...all) : true);
  if (selectProtocol !== undefined) {
    given.selectProtocol = (...all: never[]) => (isOn() ? (selectProtocol as Call)(...all) : false);
  }
  if (authorize !== undefined) {
    given.authorize = (...all: never[]) => (isOn() ? (authorize as Call)(...all) : true);
  }
  if (request !== undefined) {
    given.request = (...all: never[]) => (isOn() ? (request as Call)(...all) : undefined);
  }
  return given as ServeOptions;
}

type Call = (...all: never[]) => unknown;

async function assertServes(server: Server): Promise<void> {
  const connection = await connect(server.url);
  connection.terminate();
  await connection.closed;
}

describe("a bug of the user's is seen", () => {
  const failing = {
    authorize: () => {
      throw mine;
    },
  };

  it("printed once with its stack, where neither a handler nor a subscriber gets it", async (t) => {
    const printed: unknown[][] = [];
    t.mock.method(console, "error", (...given: unknown[]) => {
      printed.push(given);
    });
    const server = await start(t, failing);
    await knock(t, server.port);
    assert.deepEqual(printed, [["hawser: a callback failed:", mine]]);
  });

  it("by onError, which gets the request, and then it is not printed", async (t) => {
    const told: unknown[] = [];
    t.mock.method(console, "error", () => assert.fail("it was printed"));
    const server = await start(t, {
      ...failing,
      onError: (error, { request, connection }) => told.push(error, request?.url, connection),
    });
    await knock(t, server.port);
    assert.deepEqual(told, [mine, "/chat", undefined]);
  });

  it("a bug in onError itself is printed", async (t) => {
    const printed: unknown[][] = [];
    t.mock.method(console, "error", (...given: unknown[]) => {
      printed.push(given);
    });
    const second = new Error("a second bug");
    for (const onError of [
      () => {
        throw second;
      },
      () => Promise.reject(second),
    ]) {
      const server = await start(t, { ...failing, onError });
      await knock(t, server.port);
      await until(() => printed.length === 1);
      assert.deepEqual(printed.splice(0), [["hawser: a callback failed:", second]]);
    }
  });

  it("what peers do wrong prints nothing", async (t) => {
    t.mock.method(console, "error", () => assert.fail("it was printed"));
    const server = await start(t, {});
    for (const headers of [{ Upgrade: "h2c" }, { Origin: "http://evil.example" }, { Host: "a b" }]) {
      await knock(t, server.port, requestText(headers));
    }
    const peer = await knock(t, server.port);
    peer.send({ opcode: 3 });
    assert.match(await peer.next(), /^close 1002/);
    await assertServes(server);
  });
});

describe("subscribers of the channels", () => {
  const channels = [
    "connection:open",
    "connection:message",
    "connection:close",
    "connection:error",
    "server:refuse",
  ];
  for (const name of channels) {
    for (const way of ["throws", "throws anything that is not an error", "rejects"] as const) {
      it(`hawser:${name} ${way}: printed, and nothing else happens`, async (t) => {
        const printed: unknown[][] = [];
        t.mock.method(console, "error", (...given: unknown[]) => {
          printed.push(given);
        });
        const listener = WAYS[way];
        subscribe(`hawser:${name}`, listener);
        t.after(() => unsubscribe(`hawser:${name}`, listener));
        const server = await start(t, {
          message: (connection: Connection, { data }) => void connection.send(data),
        });
        const peer = await knock(t, server.port);
        peer.send({ opcode: TEXT });
        assert.equal(await peer.next(), "text");
        peer.send({ opcode: 3 });
        assert.match(await peer.next(), /^close 1002/);
        await peer.ended();
        peer.socket.end();
        assert.equal((await knock(t, server.port, requestText({ Host: "a b" }))).status, 400);
        await until(() => printed.length > 0, "it is printed");
        assert.match(String(printed[0][0]), new RegExp(`a subscriber of the channel hawser:${name} failed`));
        await settled(server.close({ timeoutMs: 50 }), "close resolves");
      });
    }
  }
});
