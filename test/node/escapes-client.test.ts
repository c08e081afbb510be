/**
 * Each place where code of the user's runs while a client connects: the result when it throws, rejects, gives
 * nonsense or never answers. The one call has a defined result, nothing is uncaught (the test runner fails a test for
 * that), and no socket stays open. A new place gets its rows here.
 */

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { Duplex } from "node:stream";
import { describe, it, type TestContext } from "node:test";
import {
  type Connection,
  type ConnectOptions,
  connect,
  connectWithRetry,
  createConnection,
  type RetryOptions,
} from "../../src/index.js";
import { certificate } from "../support/certificate.js";
import { listen } from "../support/connections.js";
import { settle, until } from "../support/sockets.js";

/** A server of ours, and how many sockets to it are open. */
async function target(t: TestContext, tls?: { key: string; cert: string }) {
  const server = await listen(t, tls === undefined ? {} : { tls });
  const open = new Set<net.Socket>();
  server.http.on("connection", (socket: net.Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  return { ...server, url: server.url, port: server.port, open };
}

type Target = Awaited<ReturnType<typeof target>>;

const OOPS = new Error("oops");
const never = () => new Promise<never>(() => {});
const rejecting = async () => {
  throw OOPS;
};
const throwing = () => {
  throw OOPS;
};
const dial = ({ port }: Target) => net.connect(port, "127.0.0.1");

/** The result of a row: the connection opens, or the call rejects with such an error. */
type Outcome = "open" | RegExp;

/** `given` makes options of a call; casts are for what types forbid and JavaScript does not. */
type Row = readonly [how: string, given: (target: Target) => object, outcome: Outcome];

const TIMEOUT = /^TimeoutError/;

const CREATE_CONNECTION: readonly Row[] = [
  ["throws", () => ({ createConnection: throwing }), /^Error: oops/],
  [
    "throws anything that is not an error",
    () => ({
      createConnection: () => {
        throw "text";
      },
    }),
    /text/,
  ],
  ["rejects", () => ({ createConnection: rejecting }), /^Error: oops/],
  ["calls back with an error", () => ({ createConnection: (_: unknown, back: Back) => back(OOPS) }), /oops/],
  ["calls back with a text", () => ({ createConnection: (_: unknown, back: Back) => back("text") }), /text/],
  [
    "calls back with an error, later",
    () => ({ createConnection: (_: unknown, back: Back) => void setImmediate(back, OOPS) }),
    /oops/,
  ],
  [
    "returns an object",
    () => ({ createConnection: () => ({}) }),
    /^TypeError: createConnection must give a Duplex/,
  ],
  [
    "returns a number",
    () => ({ createConnection: () => 5 }),
    /^TypeError: createConnection must give a Duplex/,
  ],
  [
    "resolves with an object",
    () => ({ createConnection: async () => ({}) }),
    /^TypeError: createConnection must/,
  ],
  [
    "calls back with a promise",
    (target) => ({ createConnection: (_: unknown, back: Back) => back(null, Promise.resolve(target)) }),
    /^TypeError: createConnection must give a Duplex stream, not a promise/,
  ],
  ["is not a function", () => ({ createConnection: {} }), /^TypeError: createConnection must be a function/],
  ["never calls back", () => ({ createConnection: () => {} }), TIMEOUT],
  ["never resolves", () => ({ createConnection: never }), TIMEOUT],
  [
    "returns a stream that is closed",
    (target) => ({ createConnection: () => dial(target).destroy() }),
    /^Error: createConnection gave a stream that is closed/,
  ],
  [
    "returns a stream that failed",
    (target) => ({ createConnection: () => dial(target).destroy(OOPS) }),
    /oops/,
  ],
  [
    "returns a stream that fails in the next tick",
    (target) => ({
      createConnection: () => {
        const socket = dial(target);
        process.nextTick(() => socket.destroy(OOPS));
        return socket;
      },
    }),
    /oops/,
  ],
  [
    "returns a stream that fails at once without a reason",
    (target) => ({
      createConnection: () => {
        const socket = dial(target);
        process.nextTick(() => socket.destroy());
        return socket;
      },
    }),
    /^Error/,
  ],
  [
    "returns a stream that swallows everything",
    () => ({ createConnection: () => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }) }),
    TIMEOUT,
  ],
  ["returns a stream", (target) => ({ createConnection: () => dial(target) }), "open"],
  ["resolves with a stream", (target) => ({ createConnection: async () => dial(target) }), "open"],
  [
    "resolves with nothing and calls back",
    (target) => ({
      createConnection: async (_: unknown, back: Back) => void setImmediate(() => back(null, dial(target))),
    }),
    "open",
  ],
  [
    "gives two streams",
    (target) => ({
      createConnection: (_: unknown, back: Back) => {
        setImmediate(() => back(null, dial(target)));
        return dial(target);
      },
    }),
    "open",
  ],
  [
    "returns a stream, and calls back with the same one and an error",
    (target) => ({
      createConnection: (_: unknown, back: Back) => {
        const socket = dial(target);
        back(null, socket);
        back(null, socket);
        back(OOPS);
        return socket;
      },
    }),
    "open",
  ],
];

type Back = (error: unknown, stream?: unknown) => void;

/** An agent of Node's whose createConnection is this. */
function agentOf(create: () => unknown): http.Agent {
  const agent = new http.Agent();
  return Object.assign(agent, { createConnection: create });
}

/** An agent of another make: Node calls nothing else of it. */
function bareAgent(addRequest: (request: { onSocket(socket: unknown, error?: unknown): void }) => void) {
  return { agent: { addRequest } };
}

const AGENT: readonly Row[] = [
  ["throws", () => ({ agent: agentOf(throwing) }), /^Error: oops/],
  ["gives an object", () => ({ agent: agentOf(() => ({})) }), /^TypeError/],
  ["gives a promise", () => ({ agent: agentOf(async () => ({})) }), /^TypeError/],
  ["gives nothing", () => ({ agent: agentOf(() => undefined) }), TIMEOUT],
  ["gives a socket", (target) => ({ agent: agentOf(() => dial(target)) }), "open"],
  ["of another make throws", () => bareAgent(throwing), /^Error: oops/],
  ["of another make does nothing", () => bareAgent(() => {}), TIMEOUT],
  [
    "of another make gives an object",
    () => bareAgent((request) => request.onSocket({})),
    /^TypeError: the agent must/,
  ],
  [
    "of another make gives an object later",
    () => bareAgent((request) => void setImmediate(() => request.onSocket({}))),
    /^TypeError: the agent must give a Duplex/,
  ],
  [
    "of another make gives an error",
    () => bareAgent((request) => void setImmediate(() => request.onSocket(undefined, OOPS))),
    /oops/,
  ],
  [
    "of another make gives a socket",
    (target) => bareAgent((request) => request.onSocket(dial(target))),
    "open",
  ],
  ["is an object", () => ({ agent: {} }), /^TypeError: agent must be an Agent/],
  ["is null", () => ({ agent: null }), /^TypeError: agent must be an Agent/],
];

type Found = (error: unknown, address?: unknown, family?: unknown) => void;
const lookingUp = (lookup: (found: Found) => unknown) => () => ({
  host: "host.example",
  lookup: (_name: string, _options: object, found: Found) => lookup(found),
});

const LOOKUP: readonly Row[] = [
  ["throws", lookingUp(throwing), /^Error: oops/],
  ["rejects", lookingUp(rejecting), /^Error: oops/],
  ["calls back with an error", lookingUp((found) => found(OOPS)), /^Error: oops/],
  ["calls back with a text", lookingUp((found) => setImmediate(found, "text")), /text/],
  [
    "finds nothing",
    lookingUp((found) => setImmediate(found, null)),
    /^TypeError: lookup must call back with an IP/,
  ],
  ["finds an empty list", lookingUp((found) => setImmediate(found, null, [])), /^TypeError: lookup must/],
  ["finds an object", lookingUp((found) => setImmediate(found, null, {})), /^TypeError: lookup must/],
  [
    "finds anything that is not text",
    lookingUp((found) => setImmediate(found, null, Object.create(null))),
    /^TypeError: lookup/,
  ],
  [
    "finds a number of another kind",
    lookingUp((found) => setImmediate(found, null, 1n)),
    /^TypeError: lookup must/,
  ],
  ["finds a name", lookingUp((found) => found(null, "localhost", 4)), /^TypeError: lookup must/],
  ["finds a list of nonsense", lookingUp((found) => found(null, [null, 1])), /^TypeError: lookup must/],
  ["never answers", lookingUp(() => {}), TIMEOUT],
  ["returns a promise that never resolves", lookingUp(never), TIMEOUT],
  ["is not a function", () => ({ lookup: "127.0.0.1" }), /^TypeError: lookup must be a function/],
  ["finds one address", lookingUp((found) => found(null, "127.0.0.1", 4)), "open"],
  [
    "finds a list, later",
    lookingUp((found) => setImmediate(found, null, [{ address: "127.0.0.1", family: 4 }])),
    "open",
  ],
  [
    "answers twice",
    lookingUp((found) => {
      found(null, "127.0.0.1", 4);
      found(OOPS);
    }),
    "open",
  ],
];

const iterable = (next: () => unknown) => ({ [Symbol.iterator]: () => ({ next }) });

const bare = Object.create(null);

const LISTS: readonly Row[] = [
  [
    "an option is unknown",
    () => ({ handshakeTimeout: 5 }),
    /^TypeError: connect has no option "handshakeTimeout": it is timeout/,
  ],
  [
    "an option is misspelt",
    () => ({ protocl: "a" }),
    /^TypeError: connect has no option "protocl": did you mean protocol/,
  ],
  ["an option of TLS stands outside", () => ({ rejectUnauthorized: false }), /^TypeError: .* members of tls/],
  [
    "anything that is not text stands everywhere",
    () => ({ agent: bare }),
    /^TypeError: agent must be an Agent/,
  ],
  ["headers throw", () => ({ headers: iterable(throwing) }), /^Error: oops/],
  ["headers give numbers", () => ({ headers: [1, 2] }), /^TypeError/],
  ["headers are a number", () => ({ headers: 5 }), /^TypeError/],
  ["a header is an object", () => ({ headers: { a: {} } }), /^TypeError/],
  ["a header is a promise", () => ({ headers: { a: rejecting().catch(() => {}) } }), /^TypeError/],
  [
    "a header's getter throws",
    () => ({ headers: Object.defineProperty({}, "a", { enumerable: true, get: throwing }) }),
    /oops/,
  ],
  ["protocols throw", () => ({ protocol: iterable(throwing) }), /^Error: oops/],
  ["protocols give numbers", () => ({ protocol: [1] }), /^SyntaxError/],
  ["protocols are a number", () => ({ protocol: 1 }), /^TypeError/],
  ["params throw", () => ({ params: iterable(throwing) }), /^Error: oops/],
  ["params are a number", () => ({ params: 5 }), /^TypeError/],
  ["cookies are a number", () => ({ cookies: { a: { toString: throwing } } }), /oops/],
  ["credentials have no name", () => ({ auth: {} }), /^TypeError: auth must/],
  ["a signal is none", () => ({ signal: {} }), /^TypeError: signal must be an AbortSignal/],
];

const checking = (check: () => unknown) => () => ({ tls: { checkServerIdentity: check } });

const TLS: readonly Row[] = [
  ["checkServerIdentity throws", checking(throwing), /^Error: oops/],
  [
    "checkServerIdentity throws a text",
    checking(() => {
      throw "text";
    }),
    /text/,
  ],
  ["checkServerIdentity rejects", checking(rejecting), /^TypeError: checkServerIdentity must return/],
  [
    "checkServerIdentity resolves",
    checking(async () => undefined),
    /^TypeError: checkServerIdentity must return/,
  ],
  [
    "checkServerIdentity returns anything that is not text",
    checking(() => Object.create(null)),
    /^TypeError: checkServerId/,
  ],
  ["checkServerIdentity returns true", checking(() => true), /^TypeError: checkServerIdentity must return/],
  ["checkServerIdentity returns an error", checking(() => OOPS), /^Error: oops/],
  ["checkServerIdentity returns nothing", checking(() => undefined), "open"],
  ["a certificate is nonsense", () => ({ tls: { cert: "nonsense", key: "nonsense" } }), /^Error/],
  ["secureContext is nonsense", () => ({ tls: { secureContext: {} } }), /^TypeError/],
  ["options are not an object", () => ({ tls: 5 }), /^TypeError: tls must be an object/],
  ["an agent of http's is given for wss", () => ({ agent: new http.Agent() }), /^TypeError/],
];

/** Runs a table over `open`. */
function table(
  name: string,
  rows: readonly Row[],
  prepare: (t: TestContext) => Promise<{ target: Target; more: ConnectOptions }>,
): void {
  describe(name, () => {
    for (const [how, given, outcome] of rows) {
      it(`${how}: ${outcome === "open" ? "opens" : `rejects, ${outcome}`}`, async (t) => {
        const { target, more } = await prepare(t);
        const { host = "127.0.0.1", ...options } = given(target) as { host?: string };
        // Attempts with an answer have it long before.
        const timeout = outcome === TIMEOUT ? 50 : 20_000;
        const url = target.url.replace("127.0.0.1", host);
        const merged = Object.defineProperties({ timeout }, Object.getOwnPropertyDescriptors({ ...more }));
        Object.defineProperties(merged, Object.getOwnPropertyDescriptors(options));
        if ("tls" in options && typeof options.tls === "object") {
          Object.assign(merged, { tls: { ...more.tls, ...options.tls } });
        }
        await conclude(connect(url, merged as ConnectOptions), outcome);
        if (outcome === TIMEOUT) {
          const giving = new AbortController();
          const connecting = connect(url, { ...merged, timeout: 0, signal: giving.signal });
          setImmediate(() => giving.abort(OOPS));
          await conclude(connecting, /^Error: oops/);
        }
        await settle();
        await until(() => target.open.size === 0, "all sockets close");
      });
    }
  });
}

async function conclude(connecting: Promise<Connection>, outcome: Outcome): Promise<void> {
  if (outcome === "open") {
    const connection = await connecting;
    assert.equal(connection.state, "open");
    connection.terminate();
    await connection.closed;
  } else {
    await assert.rejects(connecting, outcome);
  }
}

const plain = async (t: TestContext) => ({ target: await target(t), more: {} });
const secure = async (t: TestContext) => {
  const { key, cert } = await certificate();
  return { target: await target(t, { key, cert }), more: { tls: { ca: cert } } };
};

table("connect: createConnection", CREATE_CONNECTION, plain);
table("connect: agent", AGENT, plain);
table("connect: lookup", LOOKUP, plain);
table("connect: reading options", LISTS, plain);
table("connect: TLS", TLS, secure);

describe("connect: late answers", () => {
  const late: readonly [string, (target: Target, come: Promise<void>) => ConnectOptions][] = [
    [
      "createConnection resolves",
      (target, come) => ({ createConnection: async () => come.then(() => dial(target)) }),
    ],
    [
      "createConnection calls back",
      (target, come) => ({
        createConnection: (_options, back) => void come.then(() => back(null, dial(target))),
      }),
    ],
    ["createConnection rejects", (_target, come) => ({ createConnection: () => come.then(rejecting) })],
    [
      "an agent of another make gives a socket",
      (target, come) =>
        bareAgent(
          (request) => void come.then(() => request.onSocket(dial(target))),
        ) as unknown as ConnectOptions,
    ],
    [
      "lookup answers",
      (_target, come) => ({
        lookup: (_name, _options, found) => void come.then(() => found(null, "127.0.0.1", 4)),
      }),
    ],
  ];
  for (const [how, given] of late) {
    it(`${how}: the socket is closed`, async (t) => {
      const to = await target(t);
      let come!: () => void;
      const coming = new Promise<void>((resolve) => {
        come = resolve;
      });
      const url = how === "lookup answers" ? to.url.replace("127.0.0.1", "host.example") : to.url;
      await assert.rejects(connect(url, { timeout: 20, ...given(to, coming) }), TIMEOUT);
      come();
      await settle();
      await until(() => to.open.size === 0, "all sockets close");
    });
  }

  it("an agent that is busy is free again", async (t) => {
    const to = await target(t);
    const agent = new http.Agent({ maxSockets: 1, keepAlive: true });
    t.after(() => agent.destroy());
    let answer!: () => void;
    const slow = http.createServer((_request, response) => {
      answer = () => response.end();
    });
    slow.listen(0, "127.0.0.1");
    await once(slow, "listening");
    t.after(() => slow.close());
    const { port } = slow.address() as AddressInfo;
    const asking = http.get({ port, host: "127.0.0.1", agent });
    await once(slow, "request");
    await assert.rejects(connect(`ws://127.0.0.1:${port}`, { agent, timeout: 20 }), TIMEOUT);
    answer();
    const [response] = (await once(asking, "response")) as [http.IncomingMessage];
    response.resume();
    await once(response, "end");
    await settle();
    agent.destroy();
    await until(() => Object.keys(agent.requests).length === 0, "nothing waits");
    const connection = await connect(to.url, { agent });
    connection.terminate();
    await until(() => to.open.size === 0, "all sockets close");
  });

  it("an option's getter throws: rejects with that", async () => {
    const options = Object.defineProperty({}, "tls", { get: throwing });
    await assert.rejects(connect("ws://127.0.0.1:1", options), OOPS);
  });
});

describe("handlers of a client", () => {
  for (const [how, open] of [
    ["throws", throwing],
    ["rejects", rejecting],
  ] as const) {
    it(`open ${how}: the connection is there, and closes with 1011`, async (t) => {
      const to = await target(t);
      const errors: unknown[] = [];
      const connection = await connect(to.url, { open, error: (_connection, error) => errors.push(error) });
      await connection.closed;
      assert.deepEqual(errors, [OOPS]);
      assert.equal(connection.error, OOPS);
      await until(() => to.open.size === 0, "all sockets close");
    });
  }
  for (const [how, open] of [
    ["gives nonsense", () => 5],
    ["never resolves", never],
  ] as const) {
    it(`open ${how}: nothing comes of it`, async (t) => {
      const to = await target(t);
      const connection = await connect(to.url, { open });
      assert.equal((await connection.close()).code, 1000);
    });
  }
});

describe("connectWithRetry: onRetry", () => {
  const refused = async (t: TestContext, options: RetryOptions) => {
    const server = await listen(t, { authorize: () => ({ status: 503 }) });
    return connectWithRetry(server.url, { delay: 1, maxAttempts: 5, ...options });
  };
  it("throws: the attempts end with it", async (t) => {
    await assert.rejects(refused(t, { onRetry: throwing }), OOPS);
  });
  it("rejects: the attempts end with it", async (t) => {
    await assert.rejects(refused(t, { onRetry: rejecting }), OOPS);
  });
  it("never resolves, or gives nonsense: it is not waited for", async (t) => {
    await assert.rejects(refused(t, { onRetry: never }), /503/);
    await assert.rejects(refused(t, { onRetry: () => ({}) }), /503/);
  });
  it("is not a function: the call throws", async (t) => {
    await assert.rejects(refused(t, { onRetry: 5 as never }), /^TypeError: onRetry must be a function/);
  });
});

describe("createConnection: the transport", () => {
  const wrong: readonly [string, unknown, RegExp][] = [
    ["a promise", Promise.resolve(new Duplex()), /^TypeError: a transport must be a Duplex stream/],
    ["an object", {}, /^TypeError: a transport must be/],
    ["nothing", undefined, /^TypeError: a transport must be/],
    ["a number", 5, /^TypeError: a transport must be/],
  ];
  for (const [what, transport, message] of wrong) {
    it(`${what} throws`, () => {
      assert.throws(() => createConnection(transport as Duplex, { role: "client" }), message);
    });
  }
  it("that is closed is a connection that closes", async () => {
    const transport = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() }).destroy();
    const connection = createConnection(transport, { role: "client" });
    assert.equal((await connection.closed).code, 1006);
  });
});
