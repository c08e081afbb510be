/**
 * What a client's connection does, in Node and in a browser alike: the same cases run over `src/node` and, in a page
 * and in a worker, over `src/browser`. They know neither; test/support/connection-server.ts is the other side.
 */

import assert from "node:assert/strict";
import type * as browser from "../../src/browser/index.js";
import { type DataMessage, HandshakeError, LimitError, Message } from "../../src/index.browser.js";

/** The members that both connections have, with the same types. */
export type SharedConnection = Omit<
  Pick<browser.Connection<string>, keyof browser.Connection<string>>,
  "socket" | "handlers" | keyof SharedSending
> &
  SharedSending & { handlers: SharedHandlers };

type SharedBytes = Exclude<browser.Sendable, string | Blob>;

/** Sending: the types that both take. */
interface SharedSending {
  send(
    data: string | SharedBytes,
    options?: { readonly type?: "text" | "binary" | undefined },
  ): boolean | undefined;
  sendNow(data: string | SharedBytes): boolean | undefined;
  sendBinary(bytes: SharedBytes): boolean | undefined;
  sendBinaryNow(bytes: SharedBytes): boolean | undefined;
}

/** The handlers that both have. */
export interface SharedHandlers {
  /** Node gives the request, too. */
  open?(connection: SharedConnection, ...more: never[]): unknown;
  message?(connection: SharedConnection, message: DataMessage): unknown;
  drain?(connection: SharedConnection): unknown;
  close?(connection: SharedConnection, code: number, reason: string): unknown;
  error?(connection: SharedConnection, error: Error): unknown;
}

type SharedOptions = Omit<browser.RetryOptions<string>, keyof SharedHandlers> & SharedHandlers;

/** The functions that both have. */
export interface SharedApi {
  connect(url: string, options?: SharedOptions): Promise<SharedConnection>;
  tryConnect(url: string, options?: SharedOptions): Promise<SharedConnection | undefined>;
  connectWithRetry(url: string, options?: SharedOptions): Promise<SharedConnection>;
  isConnection(value: unknown): boolean;
}

export interface Case {
  readonly name: string;
  /** @param base - of the server, with ws: */
  run(api: SharedApi, base: string): Promise<void>;
}

const cases: Case[] = [];
const define = (name: string, run: Case["run"]) => cases.push({ name, run });

/** An event that a case waits for. */
function once<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** What a promise rejects with; undefined if it does not. */
export const failureOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => undefined,
    (error: unknown) => error,
  );

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const listOf = (data: Message["data"] | undefined) => (data instanceof Uint8Array ? [...data] : data);

define("an open connection tells what it is", async (api, base) => {
  const connection = await api.connect(`${base}/echo`, { data: "mine" });
  assert.equal(connection.role, "client");
  assert.equal(connection.url, `${base}/echo`);
  assert.equal(connection.host, new URL(base).host);
  assert.equal(connection.protocol, "");
  assert.equal(connection.data, "mine");
  assert.equal(connection.state, "open");
  assert.equal(connection.connected, true);
  assert.equal(connection.error, undefined);
  assert.equal(connection.closeCode, undefined);
  assert.equal(connection.maxMessageSize, 1 << 24);
  assert.equal(connection.bufferedAmount, 0);
  assert.equal(api.isConnection(connection), true);
  assert.equal(api.isConnection({}), false);
  assert.equal(String(connection), `Connection(client ${base}/echo open)`);
  assert.equal((JSON.parse(JSON.stringify(connection)) as { url: string }).url, `${base}/echo`);
  await connection.close();
  assert.equal(connection.state, "closed");
  assert.equal(connection.connected, false);
});

define("text and bytes come back as they were sent", async (api, base) => {
  const connection = await api.connect(`${base}/echo`);
  for (const text of ["", "hello", "Grüße, 東京 🚢", "\ufeffBOM", "x".repeat(200_000), "語".repeat(70_000)]) {
    assert.equal(connection.send(text), text.length < 60_000);
    const message = await connection.receive();
    assert.equal(message?.type, "text");
    assert.equal(message.data, text);
    assert.equal(message.partial, false);
  }
  const bytes = Uint8Array.from({ length: 70_000 }, (_, i) => i * 7);
  for (const sent of [bytes.subarray(0, 0), bytes.subarray(3, 128), bytes]) {
    connection.send(sent);
    const message = await connection.receive();
    assert.equal(message?.type, "binary");
    assert.deepEqual(listOf(message.data), [...sent]);
  }
  await connection.close();
});

define("bytes in every shape are sent, and nothing else", async (api, base) => {
  const connection = await api.connect(`${base}/echo`);
  const { buffer } = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  const shapes = [
    buffer,
    new DataView(buffer, 2, 3),
    new Uint16Array(buffer, 2, 2),
    new Uint8Array(buffer, 1, 1),
  ];
  const wanted = [[1, 2, 3, 4, 5, 6, 7, 8], [3, 4, 5], [3, 4, 5, 6], [2]];
  for (const shape of shapes) connection.sendBinary(shape);
  for (const bytes of wanted) assert.deepEqual(listOf((await connection.receive())?.data), bytes);
  for (const wrong of [5, null, undefined, {}, [1, 2], true] as unknown as string[]) {
    assert.throws(() => connection.send(wrong), TypeError);
  }
  assert.equal(connection.counters.messagesOut, 4);
  assert.equal(connection.counters.messagesIn, 4);
  await connection.close();
});

define("bytes are copied when they are sent", async (api, base) => {
  const connection = await api.connect(`${base}/echo`);
  const bytes = Uint8Array.of(1, 2, 3);
  connection.send(bytes);
  bytes.fill(9);
  assert.deepEqual(listOf((await connection.receive())?.data), [1, 2, 3]);
  await connection.close();
});

define("a type can be chosen: UTF-8 as text, a string as bytes", async (api, base) => {
  const connection = await api.connect(`${base}/echo`);
  connection.send(new TextEncoder().encode("Ü"), { type: "text" });
  connection.send("Ü", { type: "binary" });
  const [text, binary] = [await connection.receive(), await connection.receive()];
  assert.deepEqual([text?.type, text?.data], ["text", "Ü"]);
  assert.deepEqual([binary?.type, listOf(binary?.data)], ["binary", [0xc3, 0x9c]]);
  connection.send(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61), { type: "text" });
  assert.equal((await connection.receive())?.data, "\ufeffa");
  assert.throws(() => connection.send(Uint8Array.of(0xff), { type: "text" }), TypeError);
  assert.throws(() => connection.send("x", { type: "ping" as "text" }), TypeError);
  await connection.close();
});

define("messages as values are sent", async (api, base) => {
  const connection = await api.connect(`${base}/echo`);
  connection.sendMessage(new Message("a", "text"));
  connection.sendAll(new Message(Uint8Array.of(1), "binary"));
  connection.sendNow("b");
  connection.sendBinaryNow(Uint8Array.of(2));
  connection.flush();
  const received = [];
  for (let i = 0; i < 4; i++) received.push(listOf((await connection.receive())?.data));
  assert.deepEqual(received, ["a", [1], "b", [2]]);
  assert.throws(() => connection.sendMessage({} as Message), TypeError);
  connection.sendMessage(new Message("bye", "close", false, 3001));
  assert.equal((await connection.closed).code, 3001);
});

define("text can be delivered as bytes", async (api, base) => {
  const connection = await api.connect(`${base}/echo`, { text: "bytes" });
  connection.send("Ü");
  const message = await connection.receive();
  assert.deepEqual([message?.type, listOf(message?.data), String(message)], ["text", [0xc3, 0x9c], "Ü"]);
  await connection.close();
});

define("messages that arrive at once are not lost, for every way and time to ask", async (api, base) => {
  const connection = await api.connect(`${base}/greet`);
  while (connection.counters.messagesIn < 2) await sleep(5);
  assert.equal((await connection.receive())?.data, "welcome");
  assert.deepEqual(listOf(connection.tryReceive()?.data), [1, 2, 3]);
  assert.equal(connection.tryReceive(), undefined);
  await connection.close();
  assert.equal(await connection.receive(), undefined);

  const greeted: unknown[] = [];
  const second = once<void>();
  const handled = await api.connect(`${base}/greet`, {
    open: () => greeted.push("open"),
    message(_connection, { data }) {
      if (greeted.push(listOf(data)) === 3) second.resolve();
    },
  });
  await second.promise;
  assert.deepEqual(greeted, ["open", "welcome", [1, 2, 3]]);
  await handled.close();
});

define("a message handler that comes later gets the waiting messages", async (api, base) => {
  const connection = await api.connect(`${base}/greet`);
  while (connection.counters.messagesIn < 2) await sleep(5);
  const seen: unknown[] = [];
  const both = once<void>();
  connection.handlers = {
    message(_connection, { data }) {
      if (seen.push(listOf(data)) === 2) both.resolve();
    },
  };
  await both.promise;
  assert.deepEqual(seen, ["welcome", [1, 2, 3]]);
  for (const wrong of [null, { mesage() {} }, { message: 5 }] as unknown as SharedHandlers[]) {
    assert.throws(() => {
      connection.handlers = wrong;
    }, TypeError);
  }
  connection.handlers = { ...connection.handlers, close() {} };
  await connection.close();
});

define(
  "handlers that come after the end get the messages, the error and the closing, once",
  async (api, base) => {
    const connection = await api.connect(`${base}/broken`);
    connection.send("go");
    await connection.closed;
    const told: unknown[] = [];
    const noting = (name: string): SharedHandlers => ({
      message: (_connection, { data }) => told.push(`${name} ${data}`),
      error: (_connection, error) => told.push([name, error]),
      close: (_connection, ...how) => told.push([name, ...how]),
    });
    connection.handlers = noting("first");
    connection.handlers = noting("second");
    await sleep(0);
    assert.deepEqual(told, ["first before", ["first", connection.error], ["first", 1006, ""]]);

    // The handlers of the end were called last.
    const ended: unknown[] = [];
    const other = await api.connect(`${base}/broken`, { close: () => ended.push("closed") });
    other.send("go");
    await other.closed;
    other.handlers = { error: () => ended.push("late"), close: () => ended.push("again") };
    await sleep(0);
    assert.deepEqual(ended, ["closed"]);
  },
);

define("handlers that come after an error get it, and later the end", async (api, base) => {
  const connection = await api.connect(`${base}/text?length=2000`, { maxMessageSize: 1999 });
  connection.send("go");
  while (connection.error === undefined) await sleep(5);
  const told: unknown[] = [];
  connection.handlers = {
    error: (_connection, error) => told.push(error),
    close: () => told.push("closed"),
  };
  await connection.closed;
  await sleep(0);
  assert.deepEqual(told, [connection.error, "closed"]);
});

define("a loop gets every message, and ends when the server closes", async (api, base) => {
  const connection = await api.connect(`${base}/count?n=500`);
  let count = 0;
  for await (const { data } of connection) assert.equal(data, String(count++));
  assert.equal(count, 500);
  assert.deepEqual(await connection.closed, { code: 1000, reason: "done" });
});

define("leaving a loop closes", async (api, base) => {
  const connection = await api.connect(`${base}/greet`);
  for await (const { data } of connection) {
    assert.equal(data, "welcome");
    break;
  }
  assert.equal((await connection.closed).code, 1000);
});

define("receiveAll has a limit of its own", async (api, base) => {
  const connection = await api.connect(`${base}/echo`);
  connection.send("12345");
  assert.equal((await connection.receiveAll(5))?.data, "12345");
  connection.send("語語");
  const told = await failureOf(connection.receiveAll(5));
  assert.ok(told instanceof LimitError);
  assert.equal(told.limit, 5);
  assert.equal(told.actual, 6);
  await connection.closed;
});

define(
  "a message that is too long closes the connection, and what came before is delivered",
  async (api, base) => {
    const told = once<Error>();
    const seen: unknown[] = [];
    const connection = await api.connect(`${base}/text?length=2000`, {
      maxMessageSize: 1999,
      message: (_connection, { data }) => seen.push(data),
      error: (_connection, error) => told.resolve(error),
    });
    connection.send("go");
    const error = await told.promise;
    assert.ok(error instanceof LimitError);
    assert.equal(error.code, "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH");
    assert.equal(error.limit, 1999);
    await connection.closed;
    assert.equal(connection.error, error);
    assert.deepEqual(seen, []);
    // The limit counts bytes of UTF-8.
    for (const [length, isDelivered] of [
      [666, true],
      [667, false],
    ] as const) {
      const counting = await api.connect(`${base}/echo`, { maxMessageSize: 2000 });
      counting.send("語".repeat(length));
      assert.equal((await counting.receive())?.data.length, isDelivered ? length : undefined);
      await counting.close();
    }
  },
);

define("the server's Close is reported: code, reason, once", async (api, base) => {
  for (const [sent, code, reason] of [
    ["1000 done", 1000, "done"],
    ["3001 ünder", 3001, "ünder"],
    ["4999 x", 4999, "x"],
    ["1001 away", 1001, "away"],
  ] as const) {
    const told: unknown[] = [];
    const connection = await api.connect(`${base}/close`, {
      close: (_connection, ...how) => told.push(how),
    });
    connection.send(sent);
    assert.deepEqual(await connection.closed, { code, reason });
    assert.deepEqual(told, [[code, reason]]);
    assert.deepEqual(
      [connection.closeCode, connection.closeReason, connection.state],
      [code, reason, "closed"],
    );
    assert.equal(connection.error, undefined);
    assert.equal(connection.send("late"), undefined);
    assert.equal(await connection.receive(), undefined);
  }
});

define(
  "a method that makes no sense throws at the call, also where it returns a promise",
  async (api, base) => {
    const connection = await api.connect(`${base}/echo`);
    const check = () => {
      for (const code of ["1000", null, {}, true] as unknown as number[]) {
        assert.throws(() => void connection.close(code), TypeError, String(code));
      }
      assert.throws(
        () => void connection.close("1000" as unknown as number),
        /must be a number, not .*string 1000/,
      );
      assert.throws(() => void connection.close(1000, 5 as unknown as string), TypeError);
      assert.throws(() => void connection.close(5), RangeError);
      assert.throws(
        () => void connection.close(1000, "x".repeat(124)),
        /at most 123 bytes of UTF-8, not 124/,
      );
      for (const most of ["5", -1, Number.NaN] as unknown as number[]) {
        assert.throws(() => void connection.receiveAll(most), RangeError, String(most));
      }
      for (const signal of [5, {}, null] as unknown as AbortSignal[]) {
        assert.throws(() => void connection.receive({ signal }), TypeError);
        assert.throws(() => void connection.receiveAll(5, { signal }), TypeError);
      }
    };
    check();
    assert.equal(connection.state, "open");
    connection.send("a");
    assert.equal((await connection.receive())?.data, "a");
    // What happens is a rejection.
    const reason = new Error("enough");
    assert.equal(await failureOf(connection.receive({ signal: AbortSignal.abort(reason) })), reason);
    await connection.close();
    check();
  },
);

define("closing says code and reason, and nothing that must not be said", async (api, base) => {
  const connection = await api.connect(`${base}/echo`);
  for (const code of [0, 999, 1004, 2999, 5000, 1.5, Number.NaN]) {
    assert.throws(() => void connection.close(code), RangeError, `${code}`);
  }
  assert.throws(() => void connection.close(3000, "x".repeat(124)), RangeError);
  assert.throws(() => void connection.close(3000, 5 as unknown as string), TypeError);
  assert.equal(connection.state, "open");
  const closed = connection.close(3456, "x".repeat(123));
  assert.equal(connection.state, "closing");
  assert.equal(connection.send("no more"), undefined);
  // A second call changes nothing.
  assert.deepEqual(await connection.close(3457), await closed);
  assert.equal((await closed).code, 3456);
});

define("a connection that is cut was not closed: 1006", async (api, base) => {
  const told: unknown[] = [];
  const connection = await api.connect(`${base}/cut`, { close: (_connection, code) => told.push(code) });
  connection.send("go");
  assert.deepEqual(await connection.closed, { code: 1006, reason: "" });
  assert.deepEqual(told, [1006]);
});

define("a server that breaks the protocol is an error, after what it sent before", async (api, base) => {
  const told: Error[] = [];
  const connection = await api.connect(`${base}/broken`, { error: (_connection, error) => told.push(error) });
  connection.send("go");
  assert.equal((await connection.receive())?.data, "before");
  assert.equal(await connection.receive(), undefined);
  assert.equal((await connection.closed).code, 1006);
  assert.equal(told.length, 1);
  assert.equal(connection.error, told[0]);
});

define("terminate cuts", async (api, base) => {
  // Before anything is delivered, while it is held back, and between two messages.
  for (const when of ["at once", "paused", "in the handler"]) {
    const told: unknown[] = [];
    const connection = await api.connect(`${base}/echo`, {
      message(opened, { data }) {
        told.push(data);
        opened.terminate();
      },
      close: (_connection, code) => told.push(code),
    });
    if (when !== "at once") connection.pause();
    connection.send("a");
    connection.send("b");
    if (when !== "at once") await sleep(60);
    if (when === "in the handler") connection.resume();
    else connection.terminate();
    assert.deepEqual(await connection.closed, { code: 1006, reason: "" });
    await sleep(30);
    assert.deepEqual(told, when === "in the handler" ? ["a", 1006] : [1006], when);
    assert.deepEqual(
      [connection.state, connection.error, connection.bufferedAmount],
      ["closed", undefined, 0],
    );
  }
});

define("a handler that fails is not called again", async (api, base) => {
  const told: unknown[] = [];
  const connection = await api.connect(`${base}/echo`, {
    message(_connection, { data }) {
      told.push(data);
      throw new Error("oh");
    },
    error(opened) {
      // It closes already.
      told.push([opened.state, opened.send("late")]);
    },
    close: () => told.push("closed"),
  });
  connection.pause();
  connection.send("a");
  connection.send("b");
  await sleep(60);
  connection.resume();
  await connection.closed;
  assert.deepEqual(told, ["a", ["closing", undefined], "closed"]);
});

define("handlers may do anything to their connection", async (api, base) => {
  const seen: unknown[] = [];
  const connection = await api.connect(`${base}/count?n=4`, {
    message(opened, { data }) {
      seen.push(data);
      opened.pause();
      opened.resume();
      opened.handlers = {
        ...opened.handlers,
        message(_again, { data: more }) {
          seen.push(`then ${more}`);
          opened.pause();
          setTimeout(() => opened.resume());
        },
      };
    },
  });
  await connection.closed;
  assert.deepEqual(seen, ["0", "then 1", "then 2", "then 3"]);
});

define("a peer that does not answer a Close is not waited for", async (api, base) => {
  const connection = await api.connect(`${base}/deaf`, { closeTimeoutMs: 100 });
  assert.deepEqual(await connection.close(), { code: 1006, reason: "" });
});

define("a handler that fails closes its connection, and error is called", async (api, base) => {
  const failures: (() => unknown)[] = [
    () => {
      throw new Error("oh");
    },
    () => Promise.reject(new Error("oh")),
  ];
  for (const fail of failures) {
    const told: Error[] = [];
    const connection = await api.connect(`${base}/greet`, {
      message: fail,
      error: (_connection, error) => told.push(error),
    });
    await connection.closed;
    assert.deepEqual(
      told.map(({ message }) => message),
      ["oh"],
    );
    assert.equal(connection.error, told[0]);
  }
  const later: string[] = [];
  const both = await api.connect(`${base}/greet`, {
    async message(_connection, { type }) {
      await sleep(20);
      throw new Error(type);
    },
    error: (_connection, { message }) => later.push(message),
  });
  await both.closed;
  await sleep(40);
  assert.deepEqual(later, ["text"], "the first one is reported, once");
  const inOpen = await api.connect(`${base}/echo`, {
    open() {
      throw new TypeError("in open");
    },
  });
  await inOpen.closed;
  assert.equal(inOpen.error?.message, "in open");
});

define("paused, the handler is not called; then it is, with all of it", async (api, base) => {
  const seen: unknown[] = [];
  const both = once<void>();
  const connection = await api.connect(`${base}/echo`, {
    message(_connection, { data }) {
      if (seen.push(data) === 2) both.resolve();
    },
  });
  connection.pause();
  assert.equal(connection.isPaused, true);
  connection.send("a");
  connection.send("b");
  await sleep(60);
  assert.deepEqual(seen, []);
  connection.resume();
  assert.equal(connection.isPaused, false);
  await both.promise;
  assert.deepEqual(seen, ["a", "b"]);
  await connection.close();
});

define("send says when to wait, and drain when to go on", async (api, base) => {
  const drained = once<void>();
  const connection = await api.connect(`${base}/slow`, {
    maxBufferedAmount: Infinity,
    drain: () => drained.resolve(),
  });
  const piece = new Uint8Array(1 << 20);
  let isGood: boolean | undefined = true;
  for (let sent = 0; sent < 64 && isGood; sent++) isGood = connection.send(piece);
  assert.equal(isGood, false);
  assert.ok(connection.bufferedAmount > 0);
  // The handler is called without a call of `drained`.
  await drained.promise;
  assert.ok(connection.bufferedAmount < 0x10000);
  await connection.drained();
  await connection.close();
});

define("who waits for drain is not left alone when the connection closes", async (api, base) => {
  const connection = await api.connect(`${base}/slow`, { maxBufferedAmount: Infinity });
  const piece = new Uint8Array(1 << 20);
  for (let sent = 0; sent < 32; sent++) connection.send(piece);
  const drained = connection.drained();
  connection.terminate();
  await drained;
  await connection.drained();
});

define("a message beyond the limit is refused by the policy", async (api, base) => {
  const fill = (connection: SharedConnection) => {
    const piece = new Uint8Array(1 << 20);
    for (let sent = 0; sent < 64 && connection.bufferedAmount <= 1 << 20; sent++) connection.send(piece);
  };
  const limits = { maxBufferedAmount: 1 << 20 };
  const dropping = await api.connect(`${base}/slow`, { ...limits, onOverflow: "drop" });
  fill(dropping);
  const { messagesOut } = dropping.counters;
  assert.equal(dropping.send("dropped"), undefined);
  assert.equal(dropping.counters.messagesOut, messagesOut);
  assert.equal(dropping.state, "open");
  // A send after the drain is accepted.
  await dropping.drained();
  assert.equal(dropping.send("sent"), true);
  dropping.terminate();

  // Not even where the limit is below the mark.
  const low = { maxBufferedAmount: 0x8000, highWaterMark: 1 << 22, onOverflow: "drop" } as const;
  const patient = await api.connect(`${base}/echo`, low);
  patient.send(new Uint8Array(1 << 20));
  let turns = 0;
  while (patient.send("x") !== true) {
    await patient.drained();
    assert.ok(++turns < 3, "refused again after the drain");
  }
  patient.terminate();

  const throwing = await api.connect(`${base}/slow`, { ...limits, onOverflow: "throw" });
  fill(throwing);
  assert.throws(() => throwing.send("refused"), RangeError);
  assert.equal(throwing.state, "open");
  throwing.terminate();

  const closing = await api.connect(`${base}/slow`, limits);
  // The peer must have had its chance to read before a connection is closed for that.
  while (closing.send(new Uint8Array(1 << 20)) !== undefined) await new Promise((r) => setTimeout(r));
  assert.ok(closing.error instanceof RangeError);
  assert.notEqual(closing.state, "open");
  await closing.closed;
});

define("a subprotocol is agreed on", async (api, base) => {
  for (const protocol of ["superchat, nothing", ["superchat", "nothing"]]) {
    const connection = await api.connect(`${base}/echo`, { protocol });
    assert.equal(connection.protocol, "superchat");
    await connection.close();
  }
  for (const wrong of ["a b", ["a", "a"]]) {
    assert.ok(
      (await failureOf(api.connect(`${base}/echo`, { protocol: wrong }))) instanceof Error,
      `${wrong}`,
    );
  }
});

define("parameters are added to the query", async (api, base) => {
  const params = { room: "a b&c", n: 5, skip: undefined };
  const connection = await api.connect(`${base}/query?x=1`, { params });
  assert.equal((await connection.receive())?.data, "x=1&room=a+b%26c&n=5");
  assert.equal(connection.url, `${base}/query?x=1&room=a+b%26c&n=5`);
  await connection.close();
});

define("http: means ws:", async (api, base) => {
  const connection = await api.connect(`${base}/echo`.replace("ws:", "http:"));
  assert.equal(connection.url, `${base}/echo`);
  await connection.close();
});

define("a call that makes no sense is refused at once", async (api, base) => {
  const wrong: [SharedOptions, new (...args: never[]) => Error][] = [
    [{ timeout: -1 }, RangeError],
    [{ timeout: "1" as unknown as number }, RangeError],
    [{ maxMessageSize: -1 }, RangeError],
    [{ highWaterMark: Number.NaN }, RangeError],
    [{ onOverflow: "explode" as "drop" }, TypeError],
    [{ text: "base64" as "bytes" }, TypeError],
    [{ message: 5 as unknown as () => void }, TypeError],
    [{ mesage() {} } as SharedOptions, TypeError],
  ];
  for (const [options, type] of wrong) {
    for (const opened of [api.connect(`${base}/echo`, options), api.tryConnect(`${base}/echo`, options)]) {
      assert.ok((await failureOf(opened)) instanceof type, JSON.stringify(options));
    }
  }
  for (const url of ["ftp://127.0.0.1/", `${base}/echo#there`, "ws://"]) {
    for (const opened of [api.connect(url), api.tryConnect(url)]) {
      assert.ok((await failureOf(opened)) instanceof SyntaxError, url);
    }
  }
  const wild = await failureOf(api.connectWithRetry(`${base}/echo`, { jitter: 2 }));
  assert.ok(wild instanceof RangeError);
});

define("a refused connection rejects, or is undefined", async (api, base) => {
  const refused = await failureOf(api.connect(`${base}/refuse`));
  assert.ok(refused instanceof HandshakeError);
  assert.equal(await api.tryConnect(`${base}/refuse`), undefined);
});

define("a server that never answers is given up", async (api, base) => {
  // In the open handler it is not an opening any more.
  const soon = new AbortController();
  const opened = await api.connect(`${base}/echo`, { signal: soon.signal, open: () => soon.abort() });
  assert.equal(opened.state, "open");
  await opened.close();
  const late = await failureOf(api.connect(`${base}/never`, { timeout: 60 }));
  assert.equal((late as Error).name, "TimeoutError");
  const reason = new Error("enough");
  const controller = new AbortController();
  const given = api.connect(`${base}/never`, { signal: controller.signal });
  controller.abort(reason);
  assert.equal(await failureOf(given), reason);
  const never = api.connect(`${base}/echo`, { signal: controller.signal });
  assert.equal(await failureOf(never), reason);
  // An open connection is not concerned.
  const other = new AbortController();
  const connection = await api.connect(`${base}/echo`, { signal: other.signal, timeout: 1000 });
  other.abort();
  connection.send("still here");
  assert.equal((await connection.receive())?.data, "still here");
  await connection.close();
});

define("another attempt is made after a failure, until one works", async (api, base) => {
  const told: [number, number][] = [];
  const connection = await api.connectWithRetry(`${base}/later`, {
    delay: 1,
    jitter: 0,
    onRetry: (error, attempt, delayMs) => {
      assert.ok(error instanceof Error);
      told.push([attempt, delayMs]);
    },
  });
  assert.deepEqual(told, [
    [1, 1],
    [2, 2],
  ]);
  connection.send("at last");
  assert.equal((await connection.receive())?.data, "at last");
  await connection.close();
  const refused = await failureOf(api.connectWithRetry(`${base}/refuse`, { delay: 1, maxAttempts: 2 }));
  assert.ok(refused instanceof HandshakeError);
  // A caller that gives up need not wait for the next attempt, also if that happens before the waiting begins.
  for (const soon of [(abort: () => void) => setTimeout(abort, 10), (abort: () => void) => abort()]) {
    const reason = new Error("enough");
    const controller = new AbortController();
    const given = api.connectWithRetry(`${base}/refuse`, {
      delay: 60_000,
      signal: controller.signal,
      onRetry: () => void soon(() => controller.abort(reason)),
    });
    assert.equal(await failureOf(given), reason);
  }
});

define("stream(): messages both ways, and an end in order", async (api, base) => {
  const connection = await api.connect(`${base}/echo`);
  const { readable, writable } = connection.stream();
  const writer = writable.getWriter();
  const reader = readable.getReader();
  for (const sent of ["text", "", Uint8Array.of(1, 2, 3)]) {
    await writer.write(sent);
    const { value } = await reader.read();
    assert.deepEqual(typeof value === "string" ? value : new Uint8Array(value as Uint8Array), sent);
  }
  assert.throws(() => connection.stream(), /another stream/);
  await writer.close();
  assert.equal((await reader.read()).done, true);
  assert.equal((await connection.closed).code, 1000);
});

define(
  "stream(): messages that arrived are read before the error of a connection that was cut",
  async (api, base) => {
    const connection = await api.connect(`${base}/cut`);
    const { readable, writable } = connection.stream();
    const writer = writable.getWriter();
    await writer.write("now");
    for (const failed of [readable.getReader().read(), writer.closed]) {
      const error = (await failureOf(failed)) as Error & { closeCode?: number };
      assert.deepEqual([error.name, error.closeCode], ["WebSocketError", 1006]);
    }
  },
);

define("stream(): a writer waits for a server that does not read", async (api, base) => {
  const connection = await api.connect(`${base}/slow`);
  const writer = connection.stream().writable.getWriter();
  let most = 0;
  for (let i = 0; i < 200; i++) {
    await writer.write(new Uint8Array(0x10000));
    most = Math.max(most, connection.bufferedAmount);
  }
  assert.ok(most < 0x40000, `${most} bytes waited`);
  await writer.close();
});

define("several connections do not get in each other's way", async (api, base) => {
  const all = await Promise.all(Array.from({ length: 6 }, () => api.connect(`${base}/echo`)));
  for (let round = 0; round < 20; round++) {
    all.forEach((connection, i) => void connection.send(`${i} ${round}`));
  }
  await Promise.all(
    all.map(async (connection, i) => {
      for (let round = 0; round < 20; round++) {
        assert.equal((await connection.receive())?.data, `${i} ${round}`);
      }
      assert.equal((await connection.close()).code, 1000);
    }),
  );
});

export const CONNECTION_CASES: readonly Case[] = cases;
