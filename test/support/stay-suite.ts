/**
 * What a client that stays connected does, in Node and in a browser alike. /stay of test/support/connection-server.ts
 * is the other side: it counts requests and connections, and notes every message, by a key that each case has for itself.
 * Delays are options here, and attempts are counted: no case measures time.
 */

import assert from "node:assert/strict";
import type * as browser from "../../src/browser/index.js";
import { HandshakeError, InvalidStateError } from "../../src/index.browser.js";
import { failureOf, type SharedConnection, type SharedHandlers } from "./connection-suite.js";

/** The members that both clients have, with the same types. */
export type SharedStaying = Omit<
  Pick<browser.StayingConnection<string>, keyof browser.StayingConnection<string>>,
  "connection" | "opened" | "send" | typeof Symbol.asyncIterator
> & {
  readonly connection: SharedConnection | undefined;
  opened(): Promise<SharedConnection>;
  send(data: string | Uint8Array, options?: { readonly queue?: boolean | undefined }): boolean | undefined;
  [Symbol.asyncIterator](): AsyncIterator<SharedConnection, void>;
};

type Options = Omit<browser.StayOptions<string>, keyof SharedHandlers | "onState"> &
  SharedHandlers & { readonly onState?: (client: SharedStaying) => unknown };

export interface StayApi {
  stayConnected(url: string | (() => string | Promise<string>), options?: Options): SharedStaying;
}

export interface StayCase {
  readonly name: string;
  /** @param base - of the server, with ws: */
  run(api: StayApi, base: string): Promise<void>;
}

const cases: StayCase[] = [];
const define = (name: string, run: StayCase["run"]) => cases.push({ name, run });

let keys = 0;
const salt = Math.random().toString(36).slice(2);

/** A path of its own; `query` says which connections are refused or closed at once. */
const path = (base: string, query = "") => `${base}/stay?key=${salt}${keys++}&${query}`;

interface Log {
  readonly requests: number;
  readonly connections: number;
  readonly messages: readonly string[];
}

/** What the server saw, in the order in which it saw it: all that was sent before came first. */
async function logOf(connection: SharedConnection): Promise<Log> {
  connection.send("log");
  for (;;) {
    const message = await connection.receive();
    assert.ok(message !== undefined, "the connection is open");
    if (String(message).startsWith("{")) return JSON.parse(String(message));
  }
}

const FAST = { delay: 1, jitter: 0, minUptime: 0 };

/** The next connection, after this one was cut. */
async function cut(stay: SharedStaying): Promise<SharedConnection> {
  const connection = await stay.opened();
  connection.send("cut");
  await connection.closed;
  return stay.opened();
}

/** All that waited was given to a connection, which has sent it. */
async function nothingWaits(stay: SharedStaying): Promise<void> {
  while (stay.bufferedAmount > 0) await new Promise((resolve) => setTimeout(resolve, 1));
}

define("it comes back, with an open handler each time", async (api, base) => {
  const opened: SharedConnection[] = [];
  const codes: number[] = [];
  const stay = api.stayConnected(path(base), {
    ...FAST,
    data: "mine",
    open(connection) {
      assert.equal(connection.data, "mine");
      opened.push(connection);
      connection.send(`subscribe ${opened.length}`);
    },
    close: (_connection, code) => void codes.push(code),
  });
  assert.equal(stay.state, "connecting");
  assert.equal(stay.connection, undefined);
  for (let i = 0; i < 2; i++) await cut(stay);
  const last = await stay.opened();
  assert.equal(stay.connection, last);
  assert.deepEqual(opened.indexOf(last), 2);
  assert.deepEqual((await logOf(last)).messages, ["subscribe 1", "subscribe 2", "subscribe 3"]);
  assert.deepEqual(await stay.close(), { code: 1000, reason: "", error: undefined });
  assert.deepEqual(codes, [1006, 1006, 1000]);
  assert.equal(stay.state, "closed");
  assert.deepEqual(stay.counters, { attempts: 3, connections: 3, messagesDropped: 0 });
});

define(
  "messages that are sent while disconnected arrive once and in order, after messages of open",
  async (api, base) => {
    const stay = api.stayConnected(path(base, "refuse=2"), { ...FAST, open: (c) => void c.send("hello") });
    const bytes = Uint8Array.of(1, 2);
    assert.equal(stay.send("a"), true);
    assert.equal(stay.send(bytes), true);
    bytes.fill(9);
    assert.ok(stay.bufferedAmount > 3);
    const first = await stay.opened();
    stay.send("b");
    await nothingWaits(stay);
    first.send("cut");
    await first.closed;
    for (let i = 0; i < 100; i++) stay.send(String(i));
    const second = await stay.opened();
    stay.send("last");
    await nothingWaits(stay);
    const { messages, requests } = await logOf(second);
    const hundred = Array.from({ length: 100 }, (_, i) => String(i));
    assert.deepEqual(messages, ["hello", "a", "bytes 1 2", "b", "hello", ...hundred, "last"]);
    assert.equal(requests, 4);
    await stay.close();
    assert.equal(stay.counters.messagesDropped, 0);
  },
);

define("an open handler that is async holds the queue back until it is done", async (api, base) => {
  const stay = api.stayConnected(path(base, "hasty=3"), {
    ...FAST,
    async open(connection) {
      // Of the first three connections none gets its welcome, so none gets the message.
      const welcome = await connection.receive();
      if (welcome !== undefined) connection.send(`answer to ${welcome}`);
    },
  });
  stay.send("kept");
  const { messages } = await logOf(await stay.opened());
  await stay.close();
  assert.equal(messages[0], "answer to welcome 4");
  assert.ok(messages.length === 1 || messages[1] === "kept");
});

define("close sends queued messages if there is a connection", async (api, base) => {
  const url = path(base);
  const stay = api.stayConnected(url, { ...FAST });
  await stay.opened();
  for (let i = 0; i < 10; i++) stay.send(String(i));
  await stay.close(3001, "done");
  assert.equal(stay.send("late"), undefined);
  const other = api.stayConnected(url, FAST);
  const { messages } = await logOf(await other.opened());
  assert.equal(messages.length, 10);
  await other.close();
});

define("a server that accepts and closes is asked ever more seldom", async (api, base) => {
  const told: [string, number, number][] = [];
  const stay = api.stayConnected(path(base, "hasty=4"), {
    delay: 1,
    jitter: 0,
    minUptime: 60_000,
    onRetry: (error, attempt, delayMs) => void told.push([String(error), attempt, delayMs]),
  });
  const states: string[] = [];
  for await (const connection of stay) {
    states.push(stay.state);
    if ((await connection.receive()) !== undefined) break;
  }
  const error = 'ConnectionClosedError: the connection closed (4401, "not now")';
  assert.deepEqual(
    told,
    [1, 2, 4, 8].map((ms, i) => [error, i + 1, ms]),
  );
  await stay.closed;
  assert.equal(stay.counters.connections, 5);
  assert.equal(stay.attempt, 5);
});

define("the delays start over once a connection was good", async (api, base) => {
  const delays: number[] = [];
  const stay = api.stayConnected(path(base, "refuse=2&hasty=2"), {
    delay: 1,
    jitter: 0,
    minUptime: 0,
    onRetry: (_error, _attempt, delayMs) => void delays.push(delayMs),
  });
  for await (const connection of stay) if ((await connection.receive()) !== undefined) break;
  assert.deepEqual(delays, [1, 2, 1, 1]);
});

define("it tells its state", async (api, base) => {
  const told: unknown[] = [];
  const stay = api.stayConnected(path(base, "refuse=1"), {
    ...FAST,
    onState: (client) => {
      const { state, attempt, delayMs, error } = client;
      told.push([state, attempt, delayMs, error instanceof Error ? error.name : error]);
    },
  });
  await cut(stay);
  assert.equal(String(stay), "StayingConnection(open)");
  await stay.close();
  const refused = (await failureOf(
    Promise.reject(new HandshakeError("", "WS_ERR_CONNECTION_FAILED")),
  )) as Error;
  assert.deepEqual(told, [
    ["waiting", 1, 1, refused.name],
    ["connecting", 2, undefined, refused.name],
    ["open", 2, undefined, refused.name],
    ["waiting", 0, 1, "ConnectionClosedError"],
    ["connecting", 1, undefined, "ConnectionClosedError"],
    ["open", 1, undefined, "ConnectionClosedError"],
    ["closed", 1, undefined, undefined],
  ]);
});

define("a code that means to stay away ends it", async (api, base) => {
  for (const [code, options] of [
    [1008, {}],
    [4401, { finalCodes: [4401] }],
    [4403, { giveUp: ({ code }) => code === 4403 }],
  ] as const satisfies [number, Options][]) {
    const stay = api.stayConnected(path(base), { ...FAST, ...options });
    (await stay.opened()).send("close 1000");
    const seen: number[] = [];
    for await (const connection of stay) {
      seen.push((await connection.closed).code);
      break;
    }
    const other = api.stayConnected(path(base), { ...FAST, ...options });
    (await other.opened()).send(`close ${code}`);
    const { error, ...how } = await other.closed;
    assert.deepEqual(how, { code, reason: "as you wish" });
    assert.ok(error instanceof Error && "closeCode" in error && error.closeCode === code);
    assert.equal(other.error, error);
    assert.equal(await failureOf(other.opened()), error);
  }
});

define("giveUp has the last word, but not over maxAttempts", async (api, base) => {
  const seen: unknown[] = [];
  const stay = api.stayConnected(path(base), {
    ...FAST,
    giveUp: ({ code, status, isFinal, error }) => {
      seen.push([code, status, isFinal, error instanceof Error]);
      return false;
    },
  });
  (await stay.opened()).send("close 1008");
  await (await stay.opened()).closed;
  await stay.opened();
  assert.deepEqual(seen, [[1008, undefined, true, true]]);
  await stay.close();
  const refused = api.stayConnected(`${base}/refuse`, { ...FAST, maxAttempts: 3, giveUp: () => false });
  assert.ok((await refused.closed).error instanceof HandshakeError);
  assert.equal(refused.counters.attempts, 3);
});

define("as a loop: the next connection when the last one has ended, until it is left", async (api, base) => {
  const stay = api.stayConnected(path(base), FAST);
  const welcomes: string[] = [];
  for await (const connection of stay) {
    connection.send(`body ${welcomes.length}`);
    stay.send(`queue ${welcomes.length}`);
    for await (const message of connection) {
      welcomes.push(String(message));
      if (welcomes.length < 3) connection.send("cut");
      else break;
    }
    if (welcomes.length === 3) break;
  }
  assert.deepEqual(welcomes, ["welcome 1", "welcome 2", "welcome 3"]);
  assert.equal((await stay.closed).error, undefined);
  assert.throws(() => stay[Symbol.asyncIterator](), InvalidStateError);
});

define("a loop ends when the client is closed or aborted, and throws when it gives up", async (api, base) => {
  const run = async (stay: SharedStaying, use: (connection: SharedConnection) => void) => {
    for await (const connection of stay) {
      use(connection);
      await connection.closed;
    }
  };
  const closed = api.stayConnected(path(base), FAST);
  await run(closed, () => void closed.close());
  const controller = new AbortController();
  const aborted = api.stayConnected(path(base), { ...FAST, signal: controller.signal });
  await run(aborted, () => controller.abort(new Error("enough")));
  assert.equal(((await aborted.closed).error as Error).message, "enough");
  const given = api.stayConnected(path(base), FAST);
  const failure = await failureOf(run(given, (connection) => void connection.send("close 1008")));
  assert.equal((failure as Error).name, "ConnectionClosedError");
  await run(given, () => assert.fail()).catch((error) => assert.ok(error instanceof InvalidStateError));
  // A loop that begins when all is over.
  const over = api.stayConnected(`${base}/refuse`, { ...FAST, maxAttempts: 1 });
  await over.closed;
  assert.ok((await failureOf(run(over, () => assert.fail()))) instanceof HandshakeError);
});

define("a loop that is busy gets no connection that it would miss", async (api, base) => {
  const stay = api.stayConnected(path(base), FAST);
  let rounds = 0;
  for await (const connection of stay) {
    connection.send("cut");
    await connection.closed;
    // Far longer than the delay: nothing opens meanwhile.
    for (let i = 0; i < 5; i++) await new Promise((resolve) => setTimeout(resolve, 5));
    assert.equal(stay.counters.connections, ++rounds);
    if (rounds === 3) break;
  }
});

define("an error in a loop's body closes the client", async (api, base) => {
  const stay = api.stayConnected(path(base), FAST);
  const failure = await failureOf(
    (async () => {
      for await (const _ of stay) throw new Error("mine");
    })(),
  );
  assert.equal((failure as Error).message, "mine");
  assert.equal((await stay.close(3005)).code, 3005);
});

define("nothing waits where nothing may", async (api, base) => {
  const stay = api.stayConnected(path(base, "refuse=1"), { ...FAST, queue: false });
  assert.equal(stay.send("lost"), undefined);
  assert.equal(stay.send("kept", { queue: true }), true);
  const { counters } = stay;
  assert.equal(counters.messagesDropped, 1);
  const first = await stay.opened();
  await nothingWaits(stay);
  assert.deepEqual((await logOf(first)).messages, ["kept"]);
  const other = api.stayConnected(path(base), FAST);
  assert.equal(other.send("lost", { queue: false }), undefined);
  await other.opened();
  assert.equal(other.send("now", { queue: false }), true);
  assert.deepEqual((await logOf(await other.opened())).messages, ["now"]);
  await Promise.all([stay.close(), other.close()]);
});

define("the queue has the limits of a connection", async (api, base) => {
  const url = `${base}/never`;
  for (const onOverflow of ["close", "drop", "throw"] as const) {
    const stay = api.stayConnected(url, { ...FAST, onOverflow, maxBufferedAmount: 1000, highWaterMark: 500 });
    const sent = [];
    for (let i = 0; i < 4; i++) sent.push(stay.send("x".repeat(100)));
    // 356 each: the second passes the mark, the third the limit.
    assert.deepEqual(sent.slice(0, 3), [true, false, false]);
    if (onOverflow === "throw") assert.fail("the fourth throws");
    assert.equal(sent[3], undefined);
    assert.equal(stay.counters.messagesDropped, 1);
    const drained = stay.drained();
    await stay.close();
    await drained;
    assert.equal(stay.counters.messagesDropped, 4, "queued messages are dropped at the end");
    assert.equal(stay.bufferedAmount, 0);
    if (onOverflow === "drop") break;
  }
  const strict = api.stayConnected(url, { ...FAST, onOverflow: "throw", maxBufferedAmount: 0 });
  strict.send("");
  assert.throws(() => strict.send(""), RangeError, "many empty messages reach the limit, too");
  for (const wrong of [5, null, undefined, {}, [1]] as unknown as string[]) {
    assert.throws(() => strict.send(wrong), TypeError);
  }
  assert.throws(() => strict.send(Uint8Array.of(0xff), { type: "text" } as object), TypeError);
  assert.throws(() => strict.send("x", { type: "ping" } as object), TypeError);
  await strict.close();
});

define("the URL and parameters can be asked for before each attempt", async (api, base) => {
  const url = path(base);
  let asked = 0;
  let tokens = 0;
  const stay = api.stayConnected(
    async () => {
      // A missing token does not end the client.
      if (++asked === 2) throw new TypeError("fetch failed");
      return asked === 1 ? `${base}/refuse` : `${base}/query`;
    },
    { ...FAST, params: () => ({ token: ++tokens }) },
  );
  const connection = await stay.opened();
  assert.ok(String(await connection.receive()).includes("token=3"));
  assert.equal(asked, 3);
  await stay.close();
  for (const wrong of ["ftp://x", "", 5 as unknown as string]) {
    const bad = api.stayConnected(() => wrong, FAST);
    const { error } = await bad.closed;
    assert.ok(error instanceof SyntaxError || error instanceof TypeError, String(error));
    assert.equal(bad.counters.attempts, 1);
  }
  // One that never answers does not hold it up, and does not hold it.
  let slow = 0;
  const late = api.stayConnected(
    () => (++slow === 1 ? new Promise<string>(() => undefined) : `${base}/echo`),
    { ...FAST, timeout: 50, onRetry: (error) => assert.equal((error as Error).name, "TimeoutError") },
  );
  await late.opened();
  assert.equal(slow, 2);
  await late.close();
  const hung = api.stayConnected(() => new Promise<string>(() => undefined), FAST);
  hung.send("x");
  assert.equal((await hung.close()).code, 1000);
  assert.ok(url);
});

define("it ends at any time", async (api, base) => {
  const reason = new Error("enough");
  const at: ((abort: () => void) => Options)[] = [
    (abort) => ({ onState: ({ state }) => void (state === "waiting" && abort()) }),
    (abort) => ({ onState: ({ state }) => void (state === "connecting" && abort()) }),
    (abort) => ({ onRetry: () => void abort() }),
    (abort) => ({ giveUp: () => void abort() as undefined }),
    (abort) => ({ open: () => void abort() }),
    (abort) => ({ onState: ({ state }) => void (state === "open" && abort()) }),
    (abort) => ({ close: () => void abort() }),
  ];
  for (const how of at) {
    const controller = new AbortController();
    const stay = api.stayConnected(path(base, "refuse=1"), {
      ...FAST,
      signal: controller.signal,
      ...how(() => controller.abort(reason)),
    });
    if (String(how).includes("close:")) (await stay.opened()).send("cut");
    const { error } = await stay.closed;
    assert.equal(error, reason, String(how));
    assert.equal(stay.connection, undefined);
  }
  const before = api.stayConnected(path(base), { signal: AbortSignal.abort(reason) });
  assert.equal((await before.closed).error, reason);
  assert.equal(before.counters.attempts, 0);
  const never = api.stayConnected(`${base}/never`, FAST);
  await Promise.resolve();
  assert.deepEqual(await never.close(3000, "x"), { code: 3000, reason: "x", error: undefined });
  await never.close();
  assert.equal((await failureOf(never.opened())) instanceof InvalidStateError, true);
  assert.throws(() => never.reconnect(), InvalidStateError);
  assert.throws(() => void never.close(5), RangeError);
});

define("reconnect does not wait", async (api, base) => {
  let waits = 0;
  const stay = api.stayConnected(path(base, "refuse=1"), {
    delay: 86_400_000,
    maxDelay: 86_400_000,
    onState: (client) => {
      if (client.state !== "waiting" || waits++ > 0) return;
      client.reconnect();
    },
  });
  // Within the handler the wait has not begun.
  while (stay.delayMs === undefined) await new Promise((resolve) => setTimeout(resolve, 1));
  stay.reconnect();
  const first = await stay.opened();
  stay.reconnect();
  await first.closed;
  const second = await stay.opened();
  assert.notEqual(second, first);
  await stay.close();
});

define("what a function of the user's throws ends it, and it says so", async (api, base) => {
  const thrown = new Error("mine");
  const fail = () => {
    throw thrown;
  };
  const reject = () => Promise.reject(thrown);
  for (const options of [
    { onState: fail },
    { onState: reject },
    { onRetry: fail },
    { onRetry: reject },
    { giveUp: fail },
  ] as Options[]) {
    const stay = api.stayConnected(path(base, "refuse=1"), { ...FAST, ...options });
    assert.equal((await stay.closed).error, thrown);
  }
  const nonsense = api.stayConnected(path(base, "refuse=1"), { ...FAST, giveUp: (() => 5) as never });
  assert.ok((await nonsense.closed).error instanceof TypeError);
  // A connection's handler ends its connection.
  let opened = 0;
  const errors: Error[] = [];
  const stay = api.stayConnected(path(base), {
    ...FAST,
    open: () => (++opened === 1 ? fail() : opened === 2 ? reject() : undefined),
    error: (_connection, error) => void errors.push(error),
  });
  await stay.opened();
  assert.deepEqual([opened, errors], [3, [thrown, thrown]]);
  await stay.close();
});

define("a call that makes no sense throws at once", async (api, base) => {
  const wrong: [object, new (...args: never[]) => Error][] = [
    [{ minUptime: -1 }, RangeError],
    [{ minUptime: "1" }, RangeError],
    [{ delay: -1 }, RangeError],
    [{ jitter: 2 }, RangeError],
    [{ timeout: -1 }, RangeError],
    [{ queue: 5 }, TypeError],
    [{ finalCodes: 4401 }, TypeError],
    [{ finalCodes: ["4401"] }, TypeError],
    [{ giveUp: true }, TypeError],
    [{ onState: 1 }, TypeError],
    [{ signal: {} }, TypeError],
    [{ highWaterMark: -1 }, RangeError],
    [{ message: 5 }, TypeError],
    [{ minUptme: 5 }, TypeError],
  ];
  for (const [options, type] of wrong) {
    assert.throws(() => api.stayConnected(`${base}/echo`, options), type, JSON.stringify(options));
  }
  for (const url of ["ftp://127.0.0.1/", "ws://", ""]) {
    assert.throws(() => api.stayConnected(url), SyntaxError, url);
  }
  assert.throws(() => api.stayConnected(`${base}/echo`, 5 as never), TypeError);
  assert.throws(() => api.stayConnected(`${base}/echo`, { maxRetries: 3 } as object), /maxAttempts/);
  assert.throws(() => api.stayConnected(`${base}/echo`, { reconnectionDelay: 3 } as object), /it is delay/);
});

export const STAY_CASES: readonly StayCase[] = cases;
