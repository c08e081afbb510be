/** Where a browser's connection differs from Node's. Runs in a page and in a worker. */

import assert from "node:assert/strict";
// The one file for pages without a bundler has neither.
import { OwnWebSocketStream } from "../../src/browser/web-socket-stream.js";
import {
  type ConnectOptions,
  connect,
  connectWithRetry,
  createConnection,
  HandshakeError,
  InvalidStateError,
  Message,
  tryConnect,
  WebSocketError,
} from "../../src/index.browser.js";
import { prepareMessage } from "../../src/protocol/index.js";
import { failureOf } from "../support/connection-suite.js";

export interface BrowserCase {
  readonly name: string;
  /** @param base - of the server that gave the page, with ws: */
  run(base: string): Promise<void>;
}

const cases: BrowserCase[] = [];
const define = (name: string, run: BrowserCase["run"]) => cases.push({ name, run });

define("a URL may be relative to the page's", async (base) => {
  assert.equal(base, location.origin.replace("http", "ws"));
  for (const url of ["/echo?x", new URL("/echo?x", location.href), `//${new URL(base).host}/echo?x`]) {
    const connection = await connect(url);
    assert.equal(connection.url, `${base}/echo?x`);
    await connection.close();
  }
  // A worker has no document.
  const { document } = globalThis as Partial<typeof globalThis>;
  if (document === undefined) return;
  const element = document.createElement("base");
  element.href = "/below/";
  document.head.append(element);
  const connection = await connect("echo");
  element.remove();
  assert.equal(connection.url, `${base}/below/echo`);
  await connection.close();
});

define("no credentials are shown", async (base) => {
  const connection = await connect(`${base}/echo`.replace("//", "//user:secret@"));
  assert.equal(connection.url, `${base}/echo`);
  await connection.close();
  const failure = await failureOf(connect(`${base}/refuse?token=secret`.replace("//", "//user:secret@")));
  assert.ok(failure instanceof HandshakeError);
  assert.ok(failure.message.startsWith(`no connection to ${base}/refuse could be opened; `), failure.message);
  assert.ok(!failure.message.includes("secret"), failure.message);
});

define("nothing is left on a signal that many connections are opened with", async () => {
  const { signal } = new AbortController();
  let count = 0;
  const { addEventListener } = signal;
  signal.addEventListener = (type: string, listener: EventListener, options?: AddEventListenerOptions) => {
    count++;
    options?.signal?.addEventListener("abort", () => count--);
    addEventListener.call(signal, type, listener, options);
  };
  const { removeEventListener } = signal;
  signal.removeEventListener = (type: string, listener: EventListener) => {
    count--;
    removeEventListener.call(signal, type, listener);
  };
  const connection = await connect("/echo", { signal });
  assert.equal(count, 0);
  await failureOf(connectWithRetry("/refuse", { signal, delay: 1, maxAttempts: 3 }));
  assert.equal(count, 0);
  await connection.close();
});

define("options that are for Node are refused by name", async () => {
  const given: Record<string, unknown> = {
    ...{ headers: {}, cookies: "a=b", auth: "Bearer x", origin: "https://x.example", tls: {} },
    ...{ agent: {}, createConnection: () => undefined, socketPath: "x.sock" },
    ...{ redirect: 3, partial: true, autoPong: false, autoClose: false },
  };
  for (const [name, value] of Object.entries(given)) {
    for (const opened of [connect, tryConnect, connectWithRetry]) {
      const failure = await failureOf(opened("/echo", { [name]: value } as ConnectOptions));
      assert.ok(failure instanceof TypeError, name);
      assert.ok(failure.message.includes(name), failure.message);
    }
  }
  const harmless = { headers: undefined, redirect: false, partial: false, autoPong: true };
  const connection = await connect("/echo", harmless as ConnectOptions);
  await connection.close();
});

define("the habits of a bare WebSocket are refused, and told what to do instead", async () => {
  for (const [given, expected] of [
    [["/echo", "chat"], "protocol"],
    [["/echo", ["chat"]], "protocol"],
    [["/echo", { protocols: ["chat"] }], "protocol"],
    [["/echo", { onmessage: () => undefined }], "message"],
    [[undefined], "URL"],
    [[5], "URL"],
    [[""], "empty"],
  ] as [Parameters<typeof connect>, string][]) {
    for (const opened of [connect, tryConnect, connectWithRetry]) {
      const failure = await failureOf(opened(...given));
      assert.ok(failure instanceof TypeError || failure instanceof SyntaxError, JSON.stringify(given));
      assert.ok(failure.message.includes(expected), failure.message);
    }
  }
});

define("options that do not exist are refused, and the one that is meant is named", async () => {
  const socket = new WebSocket(new URL("/echo", location.href.replace("http", "ws")));
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  for (const [wrong, meant] of [
    ["highWatermark", "highWaterMark"],
    ["onMessage", "message"],
    ["maxPayload", "maxMessageSize"],
    ["closeTimeout", "closeTimeoutMs"],
    ["colour", "colour"],
  ]) {
    const options = { [wrong]: 5 } as ConnectOptions;
    for (const [name, opened] of Object.entries({ connect, tryConnect, connectWithRetry })) {
      const failure = await failureOf(opened("/echo", options));
      assert.ok(failure instanceof TypeError, wrong);
      assert.ok(failure.message.includes(`${name} has no option "${wrong}"`), failure.message);
      assert.ok(failure.message.includes(meant), failure.message);
    }
    assert.throws(() => createConnection(socket, options), TypeError);
  }
  assert.ok((await failureOf(connect("/echo", { maxAttempts: 3 } as ConnectOptions))) instanceof TypeError);
  assert.throws(() => createConnection(socket, { timeout: 5 } as object), TypeError);
  // Options that the browser decides itself are accepted, for a program that runs on Node too.
  const both = {
    perMessageDeflate: true,
    pingIntervalMs: 1000,
    maxFrameSize: 5000,
    highWatermark: undefined,
  };
  await (await connect("/echo", both as ConnectOptions)).close();
  await createConnection(socket).close();
});

define("no options at all are none, and null is not options", async () => {
  const failure = await failureOf(connect("/echo", null as unknown as ConnectOptions));
  assert.ok(failure instanceof TypeError);
  assert.ok(failure.message.includes("options must be an object"), failure.message);
  const connection = await connect("/echo", undefined);
  await connection.close();
});

define("a refusal does not say why", async () => {
  const failure = await failureOf(connect("/refuse"));
  assert.ok(failure instanceof HandshakeError);
  assert.equal(failure.code, "WS_ERR_CONNECTION_FAILED");
  assert.equal(failure.status, 0);
});

define("what a page cannot send is refused at the call", async () => {
  const connection = await connect("/echo");
  for (const code of [1001, 1002, 1008, 1011, 1013]) {
    assert.throws(() => void connection.close(code), RangeError, `${code}`);
  }
  const prepared = prepareMessage("not here") as unknown as string;
  assert.throws(() => connection.send(prepared), TypeError);
  const partial = { partial: true } as object;
  assert.throws(() => connection.send("part", partial), TypeError);
  assert.throws(() => connection.sendMessage(new Message("part", "text", true)), TypeError);
  for (const type of ["ping", "pong"] as const) {
    assert.throws(() => connection.sendMessage(new Message(new Uint8Array(2), type)), TypeError);
    assert.throws(() => connection.sendAll(new Message(new Uint8Array(2), type)), TypeError);
  }
  assert.equal(connection.state, "open");
  connection.send("whole", { partial: false } as object);
  assert.equal((await connection.receive())?.data, "whole");
  await connection.close();
});

define("shared memory, and memory that may grow, is copied and sent", async () => {
  const connection = await connect("/echo");
  const growing = Reflect.construct(ArrayBuffer, [2, { maxByteLength: 8 }]) as ArrayBuffer;
  connection.send(growing);
  connection.send(growing, { type: "text" });
  assert.deepEqual((await connection.receive())?.data, Uint8Array.of(0, 0));
  assert.equal((await connection.receive())?.data, "\0\0");
  const shared = new Uint8Array(new SharedArrayBuffer(3)).fill(7);
  connection.send(shared);
  connection.send(shared.buffer as unknown as ArrayBuffer);
  for (let i = 0; i < 2; i++) assert.deepEqual((await connection.receive())?.data, Uint8Array.of(7, 7, 7));
  await connection.close();
});

define("a Blob and a File keep their place among sent messages, and count as waiting bytes", async () => {
  const connection = await connect("/echo");
  connection.send("before");
  connection.send(new Blob(["a ", Uint8Array.of(0x72, 0x6f), "pe"]));
  connection.send("between");
  connection.sendBinary(new File(["file"], "file.txt"));
  connection.sendNow(new Blob([]));
  connection.send(Uint16Array.of(0x0201, 0x0403));
  connection.send(new DataView(Uint8Array.of(9, 5, 6, 9).buffer, 1, 2));
  const seen = [];
  for (let i = 0; i < 7; i++) seen.push((await connection.receive())?.data);
  const bytes = (text: string) => new TextEncoder().encode(text);
  assert.deepEqual(seen, [
    ...["before", bytes("a rope"), "between", bytes("file"), new Uint8Array(0)],
    ...[Uint8Array.of(1, 2, 3, 4), Uint8Array.of(5, 6)],
  ]);
  assert.throws(() => connection.send(new Blob(["text"]), { type: "text" }), TypeError);
  for (const wrong of [5, {}, [1], null, new Date()] as unknown as Blob[]) {
    assert.throws(() => connection.send(wrong), TypeError);
  }
  assert.equal(connection.state, "open");
  const large = new Blob([new Uint8Array(1 << 20)]);
  assert.equal(connection.send(large), false, "more than highWaterMark");
  assert.ok(connection.bufferedAmount >= 1 << 20);
  await connection.drained();
  assert.equal(connection.send("drained"), true);
  assert.equal((await connection.receive())?.data.length, 1 << 20);
  await connection.close();
});

define("a Blob of a frame is one too", async () => {
  const { document } = globalThis as Partial<typeof globalThis>;
  if (document === undefined) return;
  const frame = document.createElement("iframe");
  document.body.append(frame);
  const { Blob: Other } = frame.contentWindow as unknown as typeof globalThis;
  const connection = await connect("/echo");
  connection.send(new Other(["framed"]));
  assert.deepEqual((await connection.receive())?.data, new TextEncoder().encode("framed"));
  frame.remove();
  await connection.close();
});

define("a limit that send exceeds is reported after send has returned", async () => {
  const seen: string[] = [];
  const connection = await connect("/slow", {
    maxBufferedAmount: 1 << 20,
    error: () => seen.push("error"),
    close: () => seen.push("close"),
  });
  const piece = new Uint8Array(1 << 20);
  for (let sent = 0; sent < 64 && connection.state === "open"; sent++) connection.send(piece);
  seen.push("returned");
  assert.ok(connection.error instanceof RangeError);
  connection.terminate();
  await connection.closed;
  assert.deepEqual(seen, ["returned", "error", "close"]);
});

define(
  "what a handler throws is printed where no error handler is, and what a peer does is not",
  async () => {
    const printed: unknown[] = [];
    const { error } = console;
    console.error = (...args) => printed.push(...args);
    try {
      const bug = new Error("a bug");
      const thrower = { message: () => Promise.reject(bug) };
      const unheard = await connect("/greet", thrower);
      await unheard.closed;
      const late = await connect("/echo", {
        close: () => {
          throw bug;
        },
      });
      await late.close();
      const told: unknown[] = [];
      const heard = await connect("/greet", { ...thrower, error: (_connection, given) => told.push(given) });
      await heard.closed;
      const faulty = await connect("/greet", {
        ...thrower,
        error: () => {
          throw new RangeError("another bug");
        },
      });
      await faulty.closed;
      const limited = await connect("/greet", { maxMessageSize: 2 });
      await limited.closed;
      assert.ok(limited.error instanceof Error);
      assert.deepEqual(told, [bug]);
      assert.deepEqual(printed.map(String), ["Error: a bug", "Error: a bug", "RangeError: another bug"]);
    } finally {
      console.error = error;
    }
  },
);

define("what a page does not look at is bounded", async () => {
  const connection = await connect("/text?length=1000", { maxQueuedAmount: 5000 });
  for (let i = 0; i < 10; i++) connection.send("go");
  await connection.closed;
  assert.ok(connection.error instanceof RangeError);
  // A message counts as 256 bytes more than it has.
  const message = "5024 bytes wait to be received, and maxQueuedAmount is 5000";
  assert.equal(connection.error.message, message);
  let count = 0;
  while ((await connection.receive())?.data.length === 1000) count++;
  assert.equal(count, 4, "and what arrived before is still there");
});

define("a connection that fails on our side is closed without a code", async () => {
  const codes: unknown[] = [];
  const socket = new WebSocket(new URL("/echo", location.href.replace("http", "ws")));
  await new Promise((resolve) => socket.addEventListener("open", resolve));
  const { close } = socket;
  socket.close = (...args) => {
    codes.push(args);
    close.apply(socket, args);
  };
  const connection = createConnection(socket, { maxMessageSize: 3 });
  connection.send("1234");
  assert.deepEqual(await connection.closed, { code: 1005, reason: "" });
  assert.deepEqual(codes, [[]]);
});

define("a WebSocket that is open becomes a connection, and no other", async () => {
  const socket = new WebSocket(new URL("/greet", location.href.replace("http", "ws")), ["chat"]);
  assert.throws(() => createConnection(socket), InvalidStateError);
  const connection = await new Promise<ReturnType<typeof createConnection<string>>>((resolve) => {
    socket.onopen = () => resolve(createConnection(socket, { data: "mine" }));
  });
  assert.equal(connection.socket, socket);
  assert.deepEqual([connection.data, connection.protocol, connection.role], ["mine", "chat", "client"]);
  assert.throws(() => createConnection(socket, { role: "both" as "client" }), TypeError);
  assert.equal(createConnection(socket, { role: "server" }).role, "server");
  assert.equal((await connection.receive())?.data, "welcome");
  assert.deepEqual((await connection.receive())?.data, Uint8Array.of(1, 2, 3));
  await connection.close();
  assert.throws(() => createConnection(socket), InvalidStateError);
  assert.throws(() => createConnection(socket, { text: "x" as "bytes" }), Error);
});

define("the browser compresses by itself", async () => {
  const connection = await connect("/echo");
  assert.ok(connection.extensions.startsWith("permessage-deflate"), connection.extensions);
  const text = "again and again ".repeat(1000);
  connection.send(text);
  assert.equal((await connection.receive())?.data, text);
  await connection.close();
});

define("who pauses and forgets it gets everything when the server closes", async () => {
  const seen: unknown[] = [];
  const connection = await connect("/count?n=3", {
    open: (opened) => opened.pause(),
    message: (_connection, { data }) => seen.push(data),
    close: (_connection, code) => seen.push(code),
  });
  await connection.closed;
  assert.deepEqual(seen, ["0", "1", "2", 1000]);
  connection.pause();
  assert.equal(connection.isPaused, false);
});

define("a connection that was cut is not open any more, and its WebSocket is closed", async () => {
  const connection = await connect("/echo");
  const closed = new Promise((resolve) => connection.socket.addEventListener("close", resolve));
  connection.terminate();
  assert.equal(connection.state, "closing");
  assert.equal(connection.send("late"), undefined);
  assert.equal((await connection.closed).code, 1006);
  await closed;
  assert.equal(connection.closeCode, 1006);
});

define("a loop over a connection that is cut ends", async () => {
  const connection = await connect("/echo");
  const loop = (async () => {
    const seen = [];
    for await (const { data } of connection) seen.push(data);
    return seen;
  })();
  connection.send("one");
  while (connection.counters.messagesIn === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  connection.terminate();
  assert.deepEqual(await loop, ["one"]);
});

define("a WebSocketStream for browsers that have none", async (base) => {
  const stream = new OwnWebSocketStream(`${base}/echo`, { protocols: ["nope", "chat"] });
  const { readable, writable, protocol } = await stream.opened;
  assert.deepEqual([stream.url, protocol], [`${base}/echo`, "chat"]);
  const writer = writable.getWriter();
  const reader = readable.getReader();
  await writer.write("text");
  assert.equal((await reader.read()).value, "text");
  await writer.write(Uint8Array.of(1, 2).buffer);
  assert.deepEqual(new Uint8Array((await reader.read()).value as Uint8Array), Uint8Array.of(1, 2));
  stream.close({ closeCode: 3001, reason: "bye" });
  assert.equal((await stream.closed).closeCode, 3001);
  assert.equal((await reader.read()).done, true);

  const controller = new AbortController();
  const aborted = new OwnWebSocketStream(`${base}/never`, controller);
  controller.abort(new RangeError("mine"));
  assert.equal((await failureOf(aborted.opened)) instanceof RangeError, true);
  const refused = new OwnWebSocketStream(`${base}/refuse`);
  assert.ok((await failureOf(refused.opened)) instanceof WebSocketError);
  assert.equal(((await failureOf(refused.closed)) as WebSocketError).closeCode, 1006);
  assert.throws(() => new OwnWebSocketStream(`${base}/#x`), { name: "SyntaxError" });
});

export const BROWSER_CASES: readonly BrowserCase[] = cases;
