/**
 * What a WebSocketStream does, as a log: in Chromium over the browser's own, in Node over ours. Where the draft and
 * Chromium differ, the logs leave the difference out: bytes come as a Uint8Array or as an ArrayBuffer, a signal's own
 * reason is passed on or not, and messages that came before a Close are delivered or not.
 */

import type { WebSocketError, WebSocketStream } from "../../../src/node/index.js";
import type { Log } from "./cases.js";

export interface StreamContext {
  readonly WebSocketStream: typeof WebSocketStream;
  readonly WebSocketError: new (
    message?: string,
    init?: { closeCode?: number; reason?: string },
  ) => WebSocketError;
  readonly base: string;
  readonly log: Log;
}

interface StreamCase {
  readonly name: string;
  run(context: StreamContext): unknown;
}

export const STREAM_CASES: StreamCase[] = [];
const define = (name: string, run: StreamCase["run"]) => STREAM_CASES.push({ name, run });

function shown(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown);
  const { closeCode, reason } = thrown as WebSocketError;
  return `${thrown.name} ${closeCode} ${reason}`;
}

/** How a promise settles. */
async function outcome(promise: Promise<unknown>): Promise<string> {
  try {
    const value = await promise;
    return value === undefined ? "done" : JSON.stringify(value);
  } catch (error) {
    return `rejected: ${shown(error)}`;
  }
}

function thrownBy(run: () => unknown): string {
  try {
    run();
    return "nothing";
  } catch (error) {
    return shown(error);
  }
}

async function open({ WebSocketStream, base }: StreamContext, path: string, protocols: string[] = []) {
  const stream = new WebSocketStream(base + path, { protocols });
  const opened = await stream.opened;
  return { stream, ...opened, writer: opened.writable.getWriter(), reader: opened.readable.getReader() };
}

type Open = Awaited<ReturnType<typeof open>>;

/** How everything of a stream ends. */
async function ending({ stream, writer, reader }: Open, log: Log, isWriterClosed = false): Promise<void> {
  log("closed", await outcome(stream.closed));
  log("read", await outcome(reader.read()));
  log("reader", await outcome(reader.closed));
  log("writer", await outcome(writer.closed));
  // Node's own streams break at a write to a writer that was closed.
  if (!isWriterClosed) log("write", await outcome(writer.write("more")));
}

define("the interface", ({ WebSocketStream, WebSocketError, log }) => {
  log(WebSocketStream.length, WebSocketStream.name, WebSocketError.length, WebSocketError.name);
  for (const { prototype } of [WebSocketStream, WebSocketError]) {
    for (const name of ["url", "opened", "closed", "close", "closeCode", "reason", Symbol.toStringTag]) {
      const found = Object.getOwnPropertyDescriptor(prototype, name);
      if (found === undefined) continue;
      log(String(name), typeof found.get, typeof found.set, found.enumerable, found.configurable);
    }
  }
});

define("an error", ({ WebSocketError, log }) => {
  const error = new WebSocketError();
  log(error.name, error.code, JSON.stringify(error.message), error.closeCode, JSON.stringify(error.reason));
  log(error instanceof DOMException, error instanceof Error, Object.prototype.toString.call(error));
  const inits = [
    { closeCode: 1000 },
    { reason: "why" },
    { closeCode: 4999, reason: "why" },
    { closeCode: "3000" },
    {},
    null,
  ];
  for (const init of inits) {
    const { message, closeCode, reason } = new WebSocketError("text", init as { reason: string });
    log(message, closeCode, reason);
  }
  const wrong = [
    { closeCode: 1001 },
    { closeCode: 66536 },
    { closeCode: null },
    { reason: "é".repeat(62) },
    5,
  ];
  for (const init of wrong) log(thrownBy(() => new WebSocketError("text", init as { reason: string })));
});

define("what the constructor refuses", ({ WebSocketStream, base, log }) => {
  const Any = WebSocketStream as unknown as new (...given: unknown[]) => unknown;
  log(thrownBy(() => new Any()));
  for (const url of ["ftp://example.com", `${base}/#a`, `${base}/#`, "ws://[", Symbol("x")]) {
    log(thrownBy(() => new Any(url)));
  }
  for (const protocols of [["a", "a"], [""], ["a b"], "chat", 5]) {
    log(thrownBy(() => new Any(`${base}/echo`, { protocols })));
  }
  log(
    thrownBy(() => new Any(`${base}/echo`, 5)),
    thrownBy(() => new Any(`${base}/echo`, { signal: {} })),
  );
});

define("the URL", ({ WebSocketStream, base, log }) => {
  const stream = new WebSocketStream(base.replace("ws:", "http:"));
  log(stream.url === `${base}/`);
  stream.close();
});

define("what opened gives", async (context) => {
  const found = await open(context, "/echo", ["nope", "chat"]);
  const { stream, protocol, extensions, readable, writable, writer } = found;
  const opened = await stream.opened;
  const again = stream;
  context.log(protocol, extensions, opened.readable === readable, opened.writable === writable);
  context.log(
    Object.keys(opened).sort().join(),
    stream.opened === again.opened,
    stream.closed === again.closed,
  );
  context.log(readable instanceof ReadableStream, writable instanceof WritableStream, writer.desiredSize);
  stream.close();
  await ending(found, context.log);
});

define("what is written, and read", async (context) => {
  const { stream, writer, reader } = await open(context, "/echo");
  const values = [
    ...["text", "", "東京 🚢", "\ud800", 12, undefined, null, {}, new Blob(["x"])],
    ...[
      Uint8Array.of(1, 2),
      Uint8Array.of(1, 2, 3).subarray(1),
      Uint8Array.of(5).buffer,
      new DataView(new ArrayBuffer(2)),
    ],
  ];
  for (const value of values) {
    context.log(await outcome(writer.write(value as string)));
    const { value: read } = await reader.read();
    context.log(typeof read === "string" ? read : [...new Uint8Array(read as Uint8Array)].join());
  }
  stream.close();
});

define("a write that throws", async (context) => {
  const { stream, writer } = await open(context, "/echo");
  context.log(await outcome(writer.write(Symbol("x") as unknown as string)), await outcome(writer.closed));
  stream.close();
  context.log(await outcome(stream.closed));
});

for (const info of [
  undefined,
  {},
  { closeCode: 1000 },
  { closeCode: 3001, reason: "bye" },
  { reason: "only" },
]) {
  define(`close(${JSON.stringify(info) ?? ""})`, async (context) => {
    const query = `?stream-close-${JSON.stringify(info)?.replaceAll(/\W/g, "")}`;
    const found = await open(context, `/echo${query}`);
    context.log(found.stream.close(info) as unknown);
    await ending(found, context.log);
    context.log(await (await fetch(`${context.base.replace("ws", "http")}/ending${query}`)).text());
  });
}

define("close: what it refuses, also once closed", async (context) => {
  const { stream } = await open(context, "/echo");
  const wrong = [{ closeCode: 1001 }, { closeCode: 0 }, { closeCode: 66536 }, { reason: "é".repeat(62) }, 5];
  const refused = () => {
    for (const info of wrong) context.log(thrownBy(() => stream.close(info as { reason: string })));
  };
  refused();
  stream.close();
  await stream.closed;
  refused();
  context.log(thrownBy(() => stream.close()));
});

define("closing the writer", async (context) => {
  const found = await open(context, "/echo?stream-writer");
  await found.writer.write("x");
  context.log((await found.reader.read()).value);
  context.log(await outcome(found.writer.close()));
  await ending(found, context.log, true);
  context.log(await (await fetch(`${context.base.replace("ws", "http")}/ending?stream-writer`)).text());
});

for (const how of ["cancel", "abort"] as const) {
  for (const [name, reasonOf] of Object.entries({
    "no reason": () => undefined,
    "an error": () => new RangeError("mine"),
    "a WebSocketError": (context: StreamContext) =>
      new context.WebSocketError("m", { closeCode: 3003, reason: "r" }),
    "a WebSocketError without a code": (context: StreamContext) => new context.WebSocketError("m"),
    "an object with a code": () => ({ closeCode: 3003 }),
  })) {
    define(`${how}: for ${name}`, async (context) => {
      const query = `?stream-${how}-${name.replaceAll(" ", "-")}`;
      const found = await open(context, `/echo${query}`);
      const end = how === "cancel" ? found.reader : found.writer;
      const reason = reasonOf(context);
      const ended = how === "cancel" ? found.reader.cancel(reason) : found.writer.abort(reason);
      context.log(await outcome(ended), end === found.reader);
      const { closeCode } = await found.stream.closed;
      context.log(closeCode);
      context.log(await (await fetch(`${context.base.replace("ws", "http")}/ending${query}`)).text());
    });
  }
}

for (const said of ["1000 fine", "1001 going", "1011 東京", "3002 why", "4999 "]) {
  define(`the server closes with ${said}`, async (context) => {
    const found = await open(context, "/close");
    await found.writer.write(said);
    await ending(found, context.log);
  });
}

define("the server closes without a code", async (context) => {
  const found = await open(context, "/close-without-code");
  await found.writer.write("now");
  await ending(found, context.log);
});

for (const path of ["/cut", "/end", "/reset"]) {
  define(`a connection that ends by ${path}`, async (context) => {
    const found = await open(context, path);
    await found.writer.write("now");
    await ending(found, context.log);
    const closed = await found.stream.closed.catch((error) => error);
    context.log(closed === (await found.reader.read().catch((error) => error)));
    context.log(
      closed === (await found.writer.closed.catch((error) => error)),
      closed instanceof context.WebSocketError,
    );
  });
}

define("a server that breaks the protocol", async (context) => {
  const found = await open(context, "/raw");
  await found.writer.write("8300");
  await ending(found, context.log);
});

for (const path of ["/refuse", "/garbage", "/wrong-accept", "/nothing"]) {
  define(`opening: ${path} opens nothing`, async ({ WebSocketStream, WebSocketError, base, log }) => {
    const stream = new WebSocketStream(base + path);
    log(await outcome(stream.opened), await outcome(stream.closed));
    const errors = [await stream.opened.catch((error) => error), await stream.closed.catch((error) => error)];
    log(errors[0] === errors[1], errors[0] instanceof WebSocketError);
  });
}

define("opening: no subprotocol is chosen", async ({ WebSocketStream, base, log }) => {
  const stream = new WebSocketStream(`${base}/echo`, { protocols: ["nope"] });
  log(await outcome(stream.opened), await outcome(stream.closed));
});

define("opening: closed before", async ({ WebSocketStream, base, log }) => {
  const stream = new WebSocketStream(`${base}/never`);
  log(
    thrownBy(() => stream.close({ closeCode: 1001 })),
    thrownBy(() => stream.close({ closeCode: 3001 })),
  );
  log(
    await outcome(stream.opened),
    await outcome(stream.closed),
    thrownBy(() => stream.close()),
  );
});

define("opening: aborted, before and meanwhile", async ({ WebSocketStream, base, log }) => {
  const controller = new AbortController();
  const late = new WebSocketStream(`${base}/never`, { signal: controller.signal });
  controller.abort();
  for (const stream of [late, new WebSocketStream(`${base}/never`, { signal: AbortSignal.abort() })]) {
    log(await outcome(stream.opened).then((said) => said.slice(0, 20)));
    log(await outcome(stream.closed).then((said) => said.slice(0, 20)));
  }
});

define("an open stream is not aborted", async ({ WebSocketStream, base, log }) => {
  const controller = new AbortController();
  const stream = new WebSocketStream(`${base}/echo`, { signal: controller.signal });
  const { writable, readable } = await stream.opened;
  controller.abort();
  await writable.getWriter().write("still");
  log((await readable.getReader().read()).value);
  stream.close();
  log(await outcome(stream.closed));
});

define("a writer waits while the peer does not read", async (context) => {
  const { stream, writer } = await open(context, "/deaf");
  const chunk = new Uint8Array(1 << 20);
  let waited = false;
  for (let i = 0; i < 64 && !waited; i++) {
    void writer.write(chunk).catch(() => undefined);
    const late = new Promise<string>((resolve) => setTimeout(() => resolve("late"), 500));
    waited = (await Promise.race([writer.ready.then(() => "ready"), late])) === "late";
  }
  context.log(waited, writer.desiredSize);
  stream.close();
});

define("the readable is piped to the writable", async ({ WebSocketStream, base, log }) => {
  const stream = new WebSocketStream(`${base}/greet`);
  const { readable } = await stream.opened;
  const got: unknown[] = [];
  const sink = new WritableStream({
    write(chunk) {
      got.push(typeof chunk === "string" ? chunk : new Uint8Array(chunk).join());
      if (got.length === 3) stream.close();
    },
  });
  log(await outcome(readable.pipeTo(sink)), got.join("|"));
});
