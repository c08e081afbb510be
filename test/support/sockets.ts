/** Real sockets for tests: clients that write exact bytes, servers that answer by hand, and waiting for conditions. */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import net, { type AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import type { Duplex } from "node:stream";
import { beforeEach, describe, type TestContext } from "node:test";
import { readingOptions } from "../../src/node/kernel-reading.js";
import { type FrameSpec, frame, KEY } from "./frames.js";
import { describeFrame, type WireFrame, WireReader } from "./wire.js";

/** Registers `body` once for each way to read: to the kernel's memory, and by 'data' events. */
export function eachReadPath(name: string, body: (readToKernel: boolean) => void): void {
  for (const readToKernel of [true, false]) {
    describe(`${name} (${readToKernel ? "read to the kernel" : "'data' events"})`, () => {
      beforeEach(() => {
        readingOptions.toKernel = readToKernel;
      });
      body(readToKernel);
    });
  }
}

/** Waits until something is so; fails when it does not become so. */
export async function until(holds: () => boolean, what = "it", timeoutMs = 20_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!holds()) {
    assert.ok(Date.now() < end, `${what} did not come true within ${timeoutMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Lets everything happen that is about to, on loopback. */
export async function settle(turns = 5): Promise<void> {
  for (let i = 0; i < turns; i++) await new Promise(setImmediate);
}

let sockets = 0;

/** A path for a Unix socket that is not in use. */
export function socketPath(): string {
  return path.join(os.tmpdir(), `hawser-test-${process.pid}-${++sockets}.sock`);
}

/** A port without a listener. */
export async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

/** Where a test's server listens. */
export type Target = number | { readonly path: string };

export const SAMPLE_KEY = "dGhlIHNhbXBsZSBub25jZQ==";

/** A request of RFC 6455 §1.2, with changes: undefined takes a header away, a list repeats it. */
export function requestText(
  changes: Readonly<Record<string, string | readonly string[] | undefined>> = {},
  requestLine = "GET /chat HTTP/1.1",
): string {
  const headers = {
    Host: "127.0.0.1",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Key": SAMPLE_KEY,
    "Sec-WebSocket-Version": "13",
    ...changes,
  };
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    value === undefined ? [] : [value].flat().map((each) => `${name}: ${each}\r\n`),
  );
  return `${requestLine}\r\n${lines.join("")}\r\n`;
}

/** A response to the request with this key, by RFC 6455 §4.2.2. */
export function responseText(key: string, headers: Readonly<Record<string, string>> = {}): string {
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  const all = { Upgrade: "websocket", Connection: "Upgrade", "Sec-WebSocket-Accept": accept, ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 101 Switching Protocols\r\n${lines.join("")}\r\n`;
}

/** One end of a TCP connection that speaks WebSocket by hand. */
export class RawPeer {
  readonly socket: Duplex;
  /** The head of the other side's request or response, once it came. */
  head = "";
  /** Received frames that were not taken yet, oldest first. */
  readonly frames: WireFrame[] = [];
  /** Bytes that came behind the head. */
  received = 0;
  /** How the socket ended: "end" when the other side ended it, "close" when it is gone. */
  hasEnded = false;
  isClosed = false;
  error: Error | undefined;
  readonly #reader = new WireReader();
  readonly #mask: boolean;
  #text = "";

  /** @param mask - whether the frames that it sends are masked: a client's are. */
  constructor(socket: Duplex, mask: boolean, readsFrames = true) {
    this.socket = socket;
    this.#mask = mask;
    socket.on("error", (error) => {
      this.error = error;
    });
    socket.on("end", () => {
      this.hasEnded = true;
    });
    socket.on("close", () => {
      this.hasEnded = this.isClosed = true;
    });
    if (readsFrames) socket.on("data", (chunk: Buffer) => this.#receive(chunk));
  }

  #receive(chunk: Buffer): void {
    let rest = chunk;
    if (this.head === "") {
      this.#text += chunk.toString("latin1");
      const end = this.#text.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.head = this.#text.slice(0, end + 4);
      rest = Buffer.from(this.#text.slice(end + 4), "latin1");
      // A refusal has a body, which is not frames.
      if (/^HTTP\/1\.1 (?!101)/.test(this.head)) this.head += rest.toString("latin1");
    } else if (/^HTTP\/1\.1 (?!101)/.test(this.head)) {
      this.head += chunk.toString("latin1");
    }
    if (/^HTTP\/1\.1 (?!101)/.test(this.head)) return;
    this.received += rest.length;
    this.#reader.push(rest);
    for (let next: WireFrame | undefined; (next = this.#reader.next()) !== undefined; ) {
      this.frames.push(next);
    }
  }

  /** The status of the response, once its head came. */
  get status(): number {
    return Number(/^HTTP\/1\.1 (\d+)/.exec(this.head)?.[1]);
  }

  write(bytes: Uint8Array | string): boolean {
    return this.socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  send(...frames: readonly FrameSpec[]): void {
    for (const spec of frames) this.write(this.encode(spec));
  }

  /** The bytes of a frame as this side sends it. */
  encode(spec: FrameSpec): Uint8Array {
    return frame(this.#mask ? { key: KEY, ...spec } : spec);
  }

  /** Takes the next frame, in words. */
  async next(timeoutMs?: number): Promise<string> {
    await until(() => this.frames.length > 0, "a frame", timeoutMs);
    return describeFrame(this.frames.shift() as WireFrame);
  }

  /** Takes the frames that came, in words. */
  take(): string[] {
    return this.frames.splice(0).map(describeFrame);
  }

  async closed(): Promise<void> {
    await until(() => this.isClosed, "the socket closes");
  }

  async ended(): Promise<void> {
    await until(() => this.hasEnded, "the socket ends");
  }

  /** Resets the connection: the other side gets ECONNRESET. */
  reset(): void {
    (this.socket as net.Socket).resetAndDestroy();
  }
}

/** A raw connection to a server; nothing is written yet. */
export async function dial(t: TestContext, target: Target): Promise<RawPeer> {
  const socket = typeof target === "number" ? net.connect(target, "127.0.0.1") : net.connect(target.path);
  socket.setNoDelay(true);
  t.after(() => socket.destroy());
  const peer = new RawPeer(socket, true);
  await once(socket, "connect");
  return peer;
}

/** A raw client whose handshake was answered, accepted or refused. */
export async function knock(t: TestContext, target: Target, text = requestText()): Promise<RawPeer> {
  const peer = await dial(t, target);
  peer.write(text);
  await until(() => peer.head !== "" || peer.isClosed, "the response comes");
  return peer;
}

/** A raw client with an open connection. */
export async function rawClient(t: TestContext, target: Target, text = requestText()): Promise<RawPeer> {
  const peer = await knock(t, target, text);
  assert.equal(peer.status, 101, peer.head);
  return peer;
}

/** A server that gives each TCP connection to `accept`. Resolves with its port. */
export async function rawServer(t: TestContext, accept: (peer: RawPeer) => void): Promise<number> {
  const open = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    open.add(socket);
    socket.setNoDelay(true);
    accept(new RawPeer(socket, false));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of open) socket.destroy();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

/** A server that accepts every handshake by hand, and then says what `opened` says. */
export function acceptingServer(
  t: TestContext,
  opened: (peer: RawPeer) => void = () => {},
  headers: Readonly<Record<string, string>> = {},
): Promise<number> {
  return rawServer(t, async (peer) => {
    await until(() => peer.head !== "" || peer.isClosed, "the request comes");
    if (peer.isClosed) return;
    const key = /sec-websocket-key: (.*)\r\n/i.exec(peer.head)?.[1] ?? "";
    peer.write(responseText(key, headers));
    opened(peer);
  });
}

/** A socket that nothing was done with, and a peer at its other end, behind the handshake. */
export async function socketPair(
  t: TestContext,
  mask: boolean,
): Promise<{ socket: net.Socket; peer: RawPeer }> {
  const server = net.createServer({ pauseOnConnect: true });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const far = net.connect((server.address() as AddressInfo).port, "127.0.0.1");
  const [socket] = (await once(server, "connection")) as [net.Socket];
  server.close();
  t.after(() => {
    far.destroy();
    socket.destroy();
  });
  const peer = new RawPeer(far, mask);
  peer.head = "(none)";
  return { socket, peer };
}

/** What a socket's handle writes by. */
interface WritingHandle {
  writeBuffer(request: object, chunk: Uint8Array): number;
  writev(request: object, chunks: Uint8Array[], allBuffers: boolean): number;
}

/** Counts what a socket hands to the system: one entry for each write, with its bytes. */
export function watchWrites(socket: Duplex): number[] {
  const writes: number[] = [];
  const handle = (socket as unknown as { _handle: WritingHandle })._handle;
  const { writeBuffer, writev } = handle;
  handle.writeBuffer = (request, chunk) => {
    writes.push(chunk.length);
    return writeBuffer.call(handle, request, chunk);
  };
  handle.writev = (request, chunks, allBuffers) => {
    writes.push(chunks.reduce((sum, { length }) => sum + length, 0));
    return writev.call(handle, request, chunks, allBuffers);
  };
  return writes;
}
