/**
 * What a WebSocket does, as a log: the same cases run in Chromium over the browser's own class, and in Node over ours,
 * and their logs are compared. They cover the same behaviours as the web-platform-tests.
 */

export type Log = (...values: unknown[]) => void;

/** What a case runs with. */
export interface CaseContext {
  readonly WebSocket: typeof globalThis.WebSocket;
  /** Of the server, with ws: */
  readonly base: string;
  readonly log: Log;
}

export interface WebSocketCase {
  readonly name: string;
  run(context: CaseContext): unknown;
}

export const WEB_SOCKET_CASES: WebSocketCase[] = [];
const define = (name: string, run: WebSocketCase["run"]) => WEB_SOCKET_CASES.push({ name, run });

/** The name of the error that a function throws: messages differ. */
function thrownBy(run: () => unknown): string {
  try {
    run();
    return "nothing";
  } catch (error) {
    const { name, code } = error as DOMException;
    const kind = error instanceof DOMException ? `DOMException ${code}` : "Error";
    return `${kind} ${name}`;
  }
}

const sleep = (ms: number) => new Promise<void>((resolve) => setTimeout(resolve, ms));

function eventOf(socket: WebSocket, type: string): Promise<Event> {
  return new Promise((resolve) => socket.addEventListener(type, resolve, { once: true }));
}

async function open({ WebSocket, base }: CaseContext, path: string, protocols?: string | string[]) {
  const socket = protocols === undefined ? new WebSocket(base + path) : new WebSocket(base + path, protocols);
  socket.binaryType = "arraybuffer";
  await eventOf(socket, "open");
  return socket;
}

async function closed(socket: WebSocket, log: Log): Promise<void> {
  const { code, reason, wasClean } = (await eventOf(socket, "close")) as CloseEvent;
  log("close", socket.readyState, code, reason, wasClean);
}

async function received(socket: WebSocket): Promise<unknown> {
  const { data } = (await eventOf(socket, "message")) as MessageEvent;
  return typeof data === "string" ? data : `bytes ${[...new Uint8Array(data)].join()}`;
}

/** Every event in its order, with the state that it finds, until the socket is closed. */
async function story(socket: WebSocket, log: Log): Promise<void> {
  for (const type of ["open", "message", "error", "close"]) {
    socket.addEventListener(type, (event) => {
      const { data, code, reason, wasClean } = event as MessageEvent & CloseEvent;
      log(type, socket.readyState, typeof data === "string" ? data : typeof data, code, reason, wasClean);
      void Promise.resolve().then(() => log("microtask of", type));
    });
  }
  await eventOf(socket, "close");
  await sleep(0);
}

// The constructor ───────────────────────────────────────────────────────────────────────────────

for (const url of [
  "ws:/",
  "ws://",
  "wss://",
  "ws://?",
  "ws://[::1",
  "ws://127.0.0.1:99999/",
  "ftp://example.com/",
  "mailto:a@example.com",
  "about:blank",
  "file:///x",
  "javascript:void 0",
  "ws+unix:/run/socket:/",
]) {
  define(`constructor: ${url} is refused`, ({ WebSocket, log }) => log(thrownBy(() => new WebSocket(url))));
}

for (const end of ["#", "#fragment", "?query#fragment", "/#?x"]) {
  define(`constructor: the fragment ${end} is refused`, ({ WebSocket, base, log }) =>
    log(thrownBy(() => new WebSocket(`${base}/echo${end}`))),
  );
}

define("constructor: without arguments, without new", ({ WebSocket, log }) => {
  log(thrownBy(() => Reflect.construct(WebSocket, [])));
  log(thrownBy(() => (WebSocket as unknown as () => void)()));
  log(WebSocket.length, WebSocket.name);
});

define("constructor: what becomes a string", ({ WebSocket, base, log }) => {
  const address = `${base}/echo`;
  for (const url of [new URL(address), { toString: () => address }, [address]]) {
    const socket = new WebSocket(url as string);
    log(socket.url === address, socket.readyState);
    socket.close();
  }
  log(thrownBy(() => new WebSocket(Symbol("x") as unknown as string)));
  log(
    thrownBy(
      () =>
        new WebSocket({
          toString() {
            throw new RangeError("mine");
          },
        } as unknown as string),
    ),
  );
});

for (const [given, expected] of [
  ["/a%20b", "/a%20b"],
  ["/a b", "/a%20b"],
  ["/ü?ö=%", "/%C3%BC?%C3%B6=%"],
  ["/a/../b", "/b"],
  ["?", "/?"],
  ["", "/"],
]) {
  define(`url: ${given} is ${expected}`, ({ WebSocket, base, log }) => {
    const socket = new WebSocket(base + given);
    log(socket.url.replace(base, ""), socket.url === base + expected);
    socket.close();
  });
}

define("url: http and https stand for ws and wss, schemes in any case", ({ WebSocket, base, log }) => {
  for (const scheme of ["http:", "https:", "HTTP:", "WS:", "Wss:"]) {
    const socket = new WebSocket(base.replace("ws:", scheme));
    log(socket.url.replace(/\d{4,}/, "port"));
    socket.onerror = null;
    socket.close();
  }
});

define("url: has credentials, and the default port is left out", ({ WebSocket, base, log }) => {
  const socket = new WebSocket(base.replace("//", "//user:pass@"));
  log(socket.url.replace(/\d{4,}/, "port"));
  socket.close();
  const other = new WebSocket("wss://127.0.0.1:443/x");
  log(other.url);
  other.close();
});

for (const protocols of [
  "",
  "a b",
  "a,b",
  "a\u007f",
  "ü",
  "a\u0000",
  "(",
  '"quoted"',
  [""],
  ["a", "a"],
  ["a", "b", "a"],
  ["ok", "not ok"],
  {},
  5.5,
] as unknown[]) {
  define(`protocols: ${JSON.stringify(protocols)}`, ({ WebSocket, base, log }) => {
    // Node's takes an object of options there.
    if (Object.prototype.toString.call(protocols) === "[object Object]") return;
    let socket: WebSocket | undefined;
    log(thrownBy(() => (socket = new WebSocket(`${base}/echo`, protocols as string))));
    socket?.close();
  });
}

for (const protocols of [
  "chat",
  ["chat"],
  ["nope", "chat"],
  ["superchat", "chat"],
  [],
  undefined,
  new Set(["chat"]),
]) {
  const name = protocols instanceof Set ? "a set" : JSON.stringify(protocols);
  define(`protocol: ${name} is chosen from`, async (context) => {
    const socket = new context.WebSocket(`${context.base}/echo`, protocols as string[]);
    context.log(JSON.stringify(socket.protocol));
    await eventOf(socket, "open");
    context.log(socket.protocol, socket.extensions);
    socket.close();
    await closed(socket, context.log);
    context.log(socket.protocol);
  });
}

for (const protocols of ["nope", ["nope", "Chat"], null, "5"]) {
  define(`protocol: none of ${JSON.stringify(protocols)} is chosen`, ({ WebSocket, base, log }) =>
    story(new WebSocket(`${base}/echo`, protocols as string), log),
  );
}

define("protocols: an iterator that throws", ({ WebSocket, base, log }) => {
  const protocols = {
    [Symbol.iterator]() {
      throw new EvalError("mine");
    },
  };
  log(thrownBy(() => new WebSocket(base, protocols as unknown as string[])));
});

// The interface ─────────────────────────────────────────────────────────────────────────────────

const MEMBERS =
  "url readyState bufferedAmount extensions protocol binaryType onopen onmessage onerror onclose send close";

define("interface: the members of the prototype", ({ WebSocket, log }) => {
  for (const name of [...MEMBERS.split(" "), "constructor", Symbol.toStringTag]) {
    const found = Object.getOwnPropertyDescriptor(WebSocket.prototype, name);
    const { get, set, value, writable, enumerable, configurable } = found as PropertyDescriptor;
    log(String(name), typeof get, typeof set, typeof value, writable, enumerable, configurable);
  }
  log(Object.getOwnPropertyNames(WebSocket.prototype).sort().join());
  log(WebSocket.prototype.send.length, WebSocket.prototype.close.length);
});

define("interface: the constants", ({ WebSocket, base, log }) => {
  const socket = new WebSocket(`${base}/echo`);
  for (const name of ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const) {
    log(WebSocket[name], WebSocket.prototype[name], socket[name]);
    for (const object of [WebSocket, WebSocket.prototype]) {
      log(JSON.stringify(Object.getOwnPropertyDescriptor(object, name)));
    }
  }
  log(Object.keys(socket).length, Object.prototype.toString.call(socket), String(socket));
  log(socket instanceof EventTarget, Object.getPrototypeOf(WebSocket) === EventTarget);
  socket.close();
});

define("interface: members want a WebSocket", ({ WebSocket, log }) => {
  const prototype = WebSocket.prototype as unknown as Record<string, unknown>;
  for (const name of MEMBERS.split(" ").slice(0, 10)) {
    log(
      name,
      thrownBy(() => prototype[name]),
    );
    const { get, set } = Object.getOwnPropertyDescriptor(WebSocket.prototype, name) as PropertyDescriptor;
    log(
      thrownBy(() => get?.call({})),
      thrownBy(() => set?.call({}, "blob")),
    );
  }
  log(thrownBy(() => WebSocket.prototype.send.call({} as WebSocket, "x")));
  log(thrownBy(() => WebSocket.prototype.close.call({} as WebSocket)));
});

define("interface: a class may extend it", async ({ WebSocket, base, log }) => {
  class Mine extends WebSocket {
    mine = true;
  }
  const socket = new Mine(`${base}/echo`);
  log(socket instanceof WebSocket, socket.mine, socket.readyState);
  await eventOf(socket, "open");
  socket.close();
  await closed(socket, log);
});

define("interface: attributes that are read-only", async (context) => {
  const socket = await open(context, "/echo");
  for (const name of ["url", "readyState", "bufferedAmount", "protocol", "extensions", "OPEN"]) {
    context.log(
      name,
      thrownBy(() => ((socket as unknown as Record<string, unknown>)[name] = "x")),
    );
  }
  context.log(socket.readyState, socket.protocol);
  socket.close();
});

// Opening ───────────────────────────────────────────────────────────────────────────────────────

define("opening: the state before and after", async ({ WebSocket, base, log }) => {
  const socket = new WebSocket(`${base}/echo`);
  log(socket.readyState, socket.bufferedAmount, socket.protocol, socket.extensions, socket.binaryType);
  await eventOf(socket, "open");
  log(socket.readyState);
  socket.close();
  log(socket.readyState);
  await closed(socket, log);
});

for (const path of ["/refuse", "/redirect", "/garbage", "/wrong-accept", "/nothing"]) {
  define(`opening: ${path} opens nothing`, ({ WebSocket, base, log }) =>
    story(new WebSocket(base + path), log),
  );
}

define("opening: a port without a server", ({ WebSocket, log }) =>
  story(new WebSocket("ws://127.0.0.1:9/"), log),
);

define("opening: events of a failure come in a later task", async ({ WebSocket, base, log }) => {
  const socket = new WebSocket(`${base}/refuse`);
  log(socket.readyState);
  await Promise.resolve();
  log("microtask", socket.readyState);
  await story(socket, log);
});

define("opening: send is refused before it", ({ WebSocket, base, log }) => {
  const socket = new WebSocket(`${base}/echo`);
  log(
    thrownBy(() => socket.send("x")),
    socket.bufferedAmount,
  );
  log(thrownBy(() => Reflect.apply(socket.send, socket, [])));
  log(thrownBy(() => socket.send(Symbol("x") as unknown as string)));
  socket.close();
});

// Events ────────────────────────────────────────────────────────────────────────────────────────

for (const path of ["/greet-and-close", "/empty?x"]) {
  define(`events: the story of ${path}`, async ({ WebSocket, base, log }) => {
    const socket = new WebSocket(base + path);
    let messages = 0;
    const closeBehindBoth = () => {
      if (path.startsWith("/empty") && ++messages === 2) socket.close();
    };
    socket.addEventListener("message", closeBehindBoth);
    await story(socket, log);
  });
}

for (const path of ["/cut", "/end", "/reset", "/close-without-code", "/raw-close"]) {
  define(`events: the story of ${path}`, async (context) => {
    const socket = await open(context, path);
    socket.send("now");
    await story(socket, context.log);
  });
}

/** Violations of the protocol by a server: each fails the connection. */
for (const [what, hex] of [
  ["a reserved opcode", "8300"],
  ["a masked frame", "818001020304"],
  ["text that is not UTF-8", "8102c328"],
  ["a continuation of nothing", "8000"],
  ["RSV1 without an extension", "c100"],
  ["RSV2", "a100"],
  ["a long Ping", "897e007e"],
  ["a fragmented Ping", "0900"],
  ["a Close of one byte", "880100"],
  ["a Close with 1005", "880203ed"],
  ["a Close with 999", "880203e7"],
  ["a Close whose reason is not UTF-8", "880403e8c328"],
  ["a new message in another", "010161820162"],
] as const) {
  define(`events: a server that sends ${what}`, async (context) => {
    const socket = await open(context, "/raw");
    socket.send(hex);
    await story(socket, context.log);
  });
}

define("events: fragments are one message, with a Ping in between", async (context) => {
  const socket = await open(context, "/raw");
  socket.send("0101618900000162800163");
  context.log(await received(socket));
  socket.close();
});

define("events: their fields", async (context) => {
  const { log, base } = context;
  const socket = new context.WebSocket(`${base}/greet-and-close`);
  const show = (event: Event) => {
    const { type, bubbles, cancelable, composed, defaultPrevented, eventPhase } = event;
    log(type, bubbles, cancelable, composed, defaultPrevented, eventPhase, event.target === socket);
    log(event.currentTarget === socket, event instanceof Event, typeof event.timeStamp);
  };
  for (const type of ["open", "message", "close"]) socket.addEventListener(type, show, { once: true });
  const { origin, lastEventId, source, ports, data } = (await eventOf(socket, "message")) as MessageEvent;
  log(origin === base, lastEventId, source, ports.length, data);
  await closed(socket, log);
});

define("events: an error is an Event, not cancelable", async (context) => {
  const socket = new context.WebSocket(`${context.base}/refuse`);
  const error = await eventOf(socket, "error");
  context.log(error.type, error.bubbles, error.cancelable, error instanceof Event, socket.readyState);
});

define("events: a close event's class", async (context) => {
  const socket = await open(context, "/close");
  socket.send("3500 why");
  const event = await eventOf(socket, "close");
  context.log(Object.prototype.toString.call(event), (event as CloseEvent).reason);
});

define("events: a message event's class", async (context) => {
  const socket = await open(context, "/echo");
  socket.send("x");
  context.log((await eventOf(socket, "message")) instanceof MessageEvent);
  socket.close();
});

define("events: none after close", async (context) => {
  const socket = await open(context, "/greet?x");
  let messages = 0;
  socket.onmessage = () => {
    messages++;
    socket.close();
  };
  await closed(socket, context.log);
  context.log(messages > 0 && messages < 3);
});

define("events: no message after close in a listener", async (context) => {
  const socket = await open(context, "/raw");
  socket.onmessage = ({ data }) => {
    context.log(data);
    socket.close();
  };
  // Two messages in one chunk.
  socket.send("810161810162");
  await closed(socket, context.log);
});

define("handlers: their place among listeners", async (context) => {
  const { log } = context;
  const socket = await open(context, "/echo");
  socket.addEventListener("message", () => log("first"));
  socket.onmessage = () => log("replaced");
  socket.addEventListener("message", () => log("third"));
  socket.onmessage = () => log("second");
  socket.send("x");
  await received(socket);
  const handler = socket.onmessage;
  socket.onmessage = null;
  socket.onmessage = handler;
  log("set again");
  socket.send("x");
  await received(socket);
  await sleep(0);
  socket.close();
});

define("handlers: what they may be set to", async (context) => {
  const { log } = context;
  const socket = await open(context, "/echo");
  const set = (value: unknown) => {
    (socket as { onmessage: unknown }).onmessage = value;
    const { onmessage } = socket as { onmessage: unknown };
    log(typeof value, onmessage === value, onmessage === null);
  };
  const object = { handleEvent: () => log("must not be called") };
  for (const value of [null, undefined, 5, "x", true, Symbol("x"), {}, [], object, () => undefined])
    set(value);
  set(object);
  socket.send("x");
  await received(socket);
  socket.close();
});

define("handlers: this, the argument, and what they return", async (context) => {
  const { log } = context;
  const socket = await open(context, "/echo");
  socket.onmessage = function (this: WebSocket, event: MessageEvent) {
    log(this === socket, event.type, event.currentTarget === socket);
    return false;
  };
  socket.addEventListener("message", (event) => log(event.defaultPrevented));
  socket.send("x");
  await received(socket);
  socket.close();
});

// Sending ───────────────────────────────────────────────────────────────────────────────────────

const SENDABLE: Readonly<Record<string, () => unknown>> = {
  "an empty string": () => "",
  ASCII: () => "hello",
  "other scripts": () => "Grüße, 東京 🚢",
  "a NUL": () => "\0",
  "a lone high surrogate": () => "a\ud800b",
  "a lone low surrogate": () => "\udc00",
  "surrogates in the wrong order": () => "\udc00\ud800",
  "a leading U+FEFF": () => "\ufefftext",
  "an ArrayBuffer": () => Uint8Array.of(1, 2, 3).buffer,
  "an empty ArrayBuffer": () => new ArrayBuffer(0),
  "a Uint8Array": () => Uint8Array.of(1, 2, 3),
  "a part of a buffer": () => Uint8Array.of(1, 2, 3, 4, 5).subarray(1, 4),
  "an Int16Array": () => Int16Array.of(1, -1),
  "a Float64Array": () => Float64Array.of(1.5),
  "a BigInt64Array": () => BigInt64Array.of(-1n),
  "a DataView": () => new DataView(Uint8Array.of(9, 8, 7).buffer, 1, 2),
  "a Blob": () => new Blob(["blob"]),
  "an empty Blob": () => new Blob([]),
  "a File": () => new File(["file"], "name"),
  "a detached buffer": () => {
    const buffer = new ArrayBuffer(8);
    structuredClone(buffer, { transfer: [buffer] });
    return buffer;
  },
  "a view of a detached buffer": () => {
    const view = new Uint8Array(8);
    structuredClone(view.buffer, { transfer: [view.buffer] });
    return view;
  },
  undefined: () => undefined,
  null: () => null,
  "a number": () => 12.5,
  "minus zero": () => -0,
  "a bigint": () => 10n,
  "a boolean": () => true,
  "an object": () => ({}),
  "an array": () => [1, [2, 3]],
  "a String object": () => new String("boxed"),
  "toString of its own": () => ({ toString: () => "own" }),
  "valueOf of its own": () => ({ valueOf: () => "not this" }),
};

for (const [what, make] of Object.entries(SENDABLE)) {
  define(`send: ${what}`, async (context) => {
    const { log } = context;
    const socket = await open(context, "/echo");
    const given = make();
    log(socket.send(given as string) as unknown, socket.bufferedAmount);
    const data = await received(socket);
    log(typeof data === "string" ? JSON.stringify(data) : data);
    socket.close();
    await closed(socket, log);
    log(socket.bufferedAmount);
  });
}

define("send: what throws", async (context) => {
  const { log } = context;
  const socket = await open(context, "/echo");
  const shared = new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer;
  const Resizable = ArrayBuffer as unknown as new (length: number, options: object) => ArrayBuffer;
  const resizable = new Resizable(8, { maxByteLength: 16 });
  const values = [
    Symbol("x"),
    Object.create(null),
    { toString: () => ({}) },
    {
      toString() {
        throw new URIError("mine");
      },
    },
    shared,
    new Uint8Array(shared),
    resizable,
    new Uint8Array(resizable),
  ];
  for (const value of values)
    log(
      thrownBy(() => socket.send(value as string)),
      socket.bufferedAmount,
    );
  log(thrownBy(() => Reflect.apply(socket.send, socket, [])));
  socket.close();
});

define("send: bytes are taken at the call", async (context) => {
  const socket = await open(context, "/echo");
  const bytes = Uint8Array.of(1, 2, 3);
  socket.send(bytes);
  bytes.fill(9);
  context.log(await received(socket));
  socket.close();
});

define("send: messages keep their order, a Blob among them", async (context) => {
  const socket = await open(context, "/echo");
  const got: unknown[] = [];
  socket.onmessage = ({ data }) => got.push(typeof data === "string" ? data : data.byteLength);
  for (const data of ["1", new Blob(["22"]), "3", Uint8Array.of(4), new Blob(["55555"]), "6"])
    socket.send(data);
  while (got.length < 6) await eventOf(socket, "message");
  context.log(got.join());
  socket.close();
});

for (const length of [125, 126, 65535, 65536, 1 << 20]) {
  define(`send: ${length} bytes and as many letters`, async (context) => {
    const socket = await open(context, "/measure");
    socket.send(new Uint8Array(length).fill(7));
    context.log(await received(socket));
    socket.send("x".repeat(length));
    context.log(await received(socket));
    socket.close();
  });
}

// bufferedAmount ────────────────────────────────────────────────────────────────────────────────

define("bufferedAmount: the bytes of UTF-8, in the turn of send", async (context) => {
  const { log } = context;
  const socket = await open(context, "/echo");
  for (const data of [
    "abc",
    "é",
    "東京",
    "🚢",
    "\ud800",
    "",
    new Uint8Array(7),
    new Blob(["12"]),
    new ArrayBuffer(5),
  ]) {
    socket.send(data);
    log(socket.bufferedAmount);
  }
  await Promise.resolve();
  log("microtask", socket.bufferedAmount);
  while (socket.bufferedAmount > 0) await sleep(1);
  log("later", socket.bufferedAmount);
  socket.close();
});

define("bufferedAmount: grows where nothing is sent any more", async (context) => {
  const { log } = context;
  const socket = await open(context, "/echo");
  socket.close();
  socket.send("12345");
  log(socket.readyState, socket.bufferedAmount);
  await closed(socket, log);
  for (const data of ["1", new Uint8Array(3), new Blob(["four"])]) {
    socket.send(data);
    log(socket.readyState, socket.bufferedAmount);
  }
  log(thrownBy(() => socket.send(Symbol("x") as unknown as string)));
  await sleep(5);
  log(socket.bufferedAmount);
});

define("bufferedAmount: of a connection that failed to open", async ({ WebSocket, base, log }) => {
  const socket = new WebSocket(`${base}/refuse`);
  await closed(socket, log);
  socket.send("xyz");
  log(socket.bufferedAmount);
});

define("bufferedAmount: much waits for a peer that does not read", async (context) => {
  const socket = await open(context, "/deaf");
  for (let i = 0; i < 64; i++) socket.send(new Uint8Array(1 << 20));
  context.log(socket.bufferedAmount);
  await sleep(20);
  context.log(socket.bufferedAmount > 1 << 20);
  socket.close();
});

// binaryType ────────────────────────────────────────────────────────────────────────────────────

define("binaryType: what it may be set to", async (context) => {
  const socket = await open(context, "/echo");
  for (const type of [
    "blob",
    "arraybuffer",
    "Blob",
    "",
    "nodebuffer",
    undefined,
    null,
    5,
    { toString: () => "blob" },
  ]) {
    context.log(
      thrownBy(() => ((socket as { binaryType: unknown }).binaryType = type)),
      socket.binaryType,
    );
  }
  socket.close();
});

define("binaryType: each delivers what it says", async (context) => {
  const { log } = context;
  const socket = await open(context, "/echo");
  for (const type of ["arraybuffer", "blob", "arraybuffer"] as const) {
    socket.binaryType = type;
    socket.send(Uint8Array.of(1, 2, 3));
    const { data } = (await eventOf(socket, "message")) as MessageEvent;
    const buffer = data instanceof Blob ? await data.arrayBuffer() : data;
    log(
      Object.prototype.toString.call(data),
      data.size,
      data.type,
      data.byteLength,
      new Uint8Array(buffer).join(),
    );
    socket.send("text");
    log(await received(socket));
  }
  socket.close();
});

define("binaryType: is blob from the beginning", async ({ WebSocket, base, log }) => {
  const socket = new WebSocket(`${base}/greet?blob`);
  await eventOf(socket, "message");
  await eventOf(socket, "message");
  const { data } = (await eventOf(socket, "message")) as MessageEvent;
  log(socket.binaryType, data instanceof Blob, data.size, data.type);
  socket.close();
});

// Closing ───────────────────────────────────────────────────────────────────────────────────────

const CODES = [undefined, 1000, 3000, 3500, 4999, 1000.4, "3000", [4000], { valueOf: () => 4001 }];
const WRONG_CODES = [
  0,
  1,
  999,
  1001,
  1005,
  1006,
  1011,
  1015,
  2999,
  5000,
  65535,
  66536,
  -1,
  Number.NaN,
  Infinity,
  null,
  "x",
  {},
];

for (const code of CODES) {
  const name = Array.isArray(code)
    ? "[4000]"
    : typeof code === "object"
      ? "an object"
      : typeof code === "string"
        ? "of a string"
        : String(code);
  define(`close: with the code ${name}`, async (context) => {
    const { log } = context;
    const query = `?code-${name.replaceAll(/\W/g, "-")}`;
    const socket = await open(context, `/echo${query}`);
    log(
      thrownBy(() => socket.close(code as number)),
      socket.readyState,
    );
    await closed(socket, log);
    log(await (await fetch(`${context.base.replace("ws", "http")}/ending${query}`)).text());
  });
}

define("close: codes that may not be sent", async (context) => {
  const socket = await open(context, "/echo");
  for (const code of WRONG_CODES)
    context.log(
      String(code),
      thrownBy(() => socket.close(code as number)),
    );
  context.log(
    thrownBy(() => socket.close(Symbol("x") as unknown as number)),
    thrownBy(() => socket.close(1n as unknown as number)),
  );
  context.log(socket.readyState);
  socket.close();
  await closed(socket, context.log);
  context.log(
    thrownBy(() => socket.close(1001)),
    thrownBy(() => socket.close()),
  );
});

define("close: reasons that may not be sent", async (context) => {
  const socket = await open(context, "/echo");
  for (const reason of ["x".repeat(124), "é".repeat(62), "🚢".repeat(31), "\ud800".repeat(42)]) {
    context.log(
      thrownBy(() => socket.close(1000, reason)),
      thrownBy(() => socket.close(1001, reason)),
    );
  }
  context.log(
    thrownBy(() => socket.close(1000, Symbol("x") as unknown as string)),
    socket.readyState,
  );
  socket.close();
});

for (const [name, reason] of Object.entries({
  "of 123 bytes": "x".repeat(123),
  "in another script": "東京",
  "with a lone surrogate": "a\ud800b",
  "that is null": null,
  "that is a number": 12,
  "that is empty": "",
})) {
  define(`close: with a reason ${name}`, async (context) => {
    const query = `?reason-${name.replaceAll(" ", "-")}`;
    const socket = await open(context, `/echo${query}`);
    socket.close(3000, reason as string);
    await closed(socket, context.log);
    const ending = await fetch(`${context.base.replace("ws", "http")}/ending${query}`);
    context.log(await ending.text());
  });
}

define("close: in CONNECTING", async ({ WebSocket, base, log }) => {
  const socket = new WebSocket(`${base}/never`);
  log(
    thrownBy(() => socket.close(1001)),
    socket.readyState,
  );
  const told = story(socket, log);
  socket.close(3000, "x");
  log(
    socket.readyState,
    thrownBy(() => socket.send("x")),
    socket.bufferedAmount,
  );
  void Promise.resolve().then(() => log("microtask", socket.readyState));
  socket.close();
  await told;
});

define("close: in CONNECTING, to a server that would answer", async ({ WebSocket, base, log }) => {
  const socket = new WebSocket(`${base}/echo?connecting`);
  const told = story(socket, log);
  socket.close();
  await told;
});

define("close: in the open event, and again", async ({ WebSocket, base, log }) => {
  const socket = new WebSocket(`${base}/echo?in-open`);
  socket.onopen = () => {
    socket.close(3001, "first");
    socket.close(3002, "second");
    log(socket.readyState);
  };
  await closed(socket, log);
});

define("close: messages that were sent before arrive", async (context) => {
  const socket = await open(context, "/close");
  socket.send("3003 said");
  socket.close();
  await eventOf(socket, "close");
  context.log(socket.readyState);
});

for (const [code, reason] of [
  [1000, ""],
  [1001, "going"],
  [1008, "policy"],
  [1011, "東京"],
  [1012, ""],
  [1014, ""],
  [3000, "x".repeat(123)],
  [4999, "last"],
] as const) {
  define(`close: by the server, with ${code} ${reason.slice(0, 9)}`, async (context) => {
    const socket = await open(context, "/close");
    socket.send(`${code} ${reason}`);
    await story(socket, context.log);
  });
}

define("close: by the server while messages of ours are under way", async (context) => {
  const socket = await open(context, "/close");
  socket.send("3100 now");
  socket.send("ignored");
  await closed(socket, context.log);
});

define("EventTarget: once, removeEventListener, signals and events of the program's", async (context) => {
  const { log } = context;
  const socket = await open(context, "/echo");
  const listener = () => log("removed");
  socket.addEventListener("message", listener);
  socket.removeEventListener("message", listener);
  socket.addEventListener("message", () => log("once"), { once: true });
  const controller = new AbortController();
  socket.addEventListener("message", () => log("aborted"), { signal: controller.signal });
  controller.abort();
  socket.addEventListener("message", { handleEvent: (event: Event) => log("object", event.type) });
  for (let i = 0; i < 2; i++) {
    socket.send("x");
    await received(socket);
    await sleep(0);
  }
  log(socket.dispatchEvent(new Event("mine")));
  socket.onmessage = (event) => log("handler", event.type, (event as MessageEvent).data);
  log(socket.dispatchEvent(new Event("message")));
  socket.close();
});

/** The longest that a case may take. */
const TIMEOUT_MS = 20_000;

/** Runs all cases; a case that throws, or takes too long, says so in its log. */
export async function runCases<Context extends { readonly log: Log }>(
  cases: readonly { readonly name: string; run(context: Context): unknown }[],
  context: Omit<Context, "log">,
): Promise<Record<string, string[]>> {
  const logs: Record<string, string[]> = {};
  for (const { name, run } of cases) {
    const lines: string[] = [];
    logs[name] = lines;
    const log: Log = (...values) => void lines.push(values.map(String).join(" "));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(() => resolve(log("took too long")), TIMEOUT_MS);
    });
    try {
      await Promise.race([run({ ...context, log } as unknown as Context), late]);
    } catch (error) {
      log("threw", error instanceof Error ? error.stack : error);
    }
    clearTimeout(timer);
  }
  return logs;
}
