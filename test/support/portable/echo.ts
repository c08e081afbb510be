/**
 * Echoes on Deno and on Bun: `hawser`, the installed package, on both sides; and on one side, with the runtime's own
 * WebSockets on the other.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { type Connection, type ConnectOptions, connect, type ServeOptions, type Server, serve } from "hawser";

interface OwnServer {
  readonly url: string;
  stop(): Promise<unknown>;
}

interface DenoSocket {
  onmessage: (event: { data: unknown }) => void;
  send(data: unknown): void;
}

/** The used members of the two. */
interface Deno {
  serve(
    options: { hostname: string; port: number; onListen(): void },
    handler: (request: Request) => Response,
  ): { readonly addr: { readonly port: number }; shutdown(): Promise<void> };
  upgradeWebSocket(request: Request): { readonly socket: DenoSocket; readonly response: Response };
}
interface Bun {
  serve(options: {
    hostname: string;
    port: number;
    fetch(request: Request, server: { upgrade(request: Request): boolean }): Response | undefined;
    websocket: { perMessageDeflate: boolean; message(socket: DenoSocket, data: unknown): void };
  }): { readonly port: number; stop(force: boolean): Promise<void> };
}
const { Deno, Bun } = globalThis as { Deno?: Deno; Bun?: Bun };

/** An echo server of the runtime's own. */
function serveByRuntime(): OwnServer {
  if (Deno !== undefined) {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => undefined }, (request) => {
      const { socket, response } = Deno.upgradeWebSocket(request);
      socket.onmessage = ({ data }) => socket.send(data);
      return response;
    });
    return { url: `ws://127.0.0.1:${server.addr.port}`, stop: () => server.shutdown() };
  }
  assert.ok(Bun !== undefined, "neither Deno nor Bun is here");
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch: (request, own) => (own.upgrade(request) ? undefined : new Response("", { status: 426 })),
    websocket: { perMessageDeflate: true, message: (socket, data) => socket.send(data) },
  });
  return { url: `ws://127.0.0.1:${server.port}`, stop: () => server.stop(true) };
}

const TEXTS = ["", "hello", "Grüße, 東京 🚢", "x".repeat(125), "é".repeat(63), "🪢".repeat(30_000)];
const LENGTHS = [0, 1, 125, 126, 65_535, 65_536, 1 << 20];
const bytesOf = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31) ^ (i >> 8));

/** Sends every text and length, and wants each back. */
async function exchange(connection: Connection): Promise<void> {
  for (const text of TEXTS) {
    connection.send(text);
    assert.equal((await connection.receive())?.data, text);
  }
  for (const length of LENGTHS) {
    const bytes = bytesOf(length);
    connection.send(bytes);
    const data = (await connection.receive())?.data;
    assert.ok(data instanceof Uint8Array && data.length === length, `${length} bytes`);
    assert.ok(
      data.every((byte, i) => byte === bytes[i]),
      `the same ${length} bytes`,
    );
  }
}

/** An echo server of ours, with what it learned when connections closed. */
async function serveEcho(options: ServeOptions = {}): Promise<Server & { readonly closings: unknown[] }> {
  const closings: unknown[] = [];
  const server = await serve({
    ...options,
    hostname: "127.0.0.1",
    perMessageDeflate: true,
    message: (connection, { data }) => void connection.send(data),
    close: (_connection, code, reason) => void closings.push({ code, reason }),
  });
  return Object.assign(server, { closings });
}

async function echo(url: string, options: ConnectOptions, look?: (connection: Connection) => void) {
  const connection = await connect(url, options);
  look?.(connection);
  await exchange(connection);
  await connection.close(3001, "bye");
  assert.equal((await connection.closed).code, 3001);
}

describe("hawser's client and hawser's server", () => {
  for (const perMessageDeflate of [false, true]) {
    it(`echo text and bytes up to 1 MiB, ${perMessageDeflate ? "compressed" : "plain"}`, async () => {
      const server = await serveEcho();
      await echo(server.url, { perMessageDeflate }, (connection) => {
        assert.equal(connection.perMessageDeflate !== undefined, perMessageDeflate);
      });
      await server.close();
      assert.deepEqual(server.closings, [{ code: 3001, reason: "bye" }]);
    });
  }

  it("echo messages in fragments", async () => {
    const server = await serveEcho({ maxFrameSize: 100_000 });
    const connection = await connect(server.url, { maxFrameSize: 100_000 });
    const bytes = bytesOf(350_000);
    connection.send(bytes);
    const data = (await connection.receive())?.data;
    assert.ok(data instanceof Uint8Array && data.length === bytes.length);
    assert.ok(data.every((byte, i) => byte === bytes[i]));
    assert.equal(connection.counters.framesIn, 4);
    await connection.close();
    await server.close();
  });
});

describe("the runtime's client and hawser's server", () => {
  it("echo text and bytes up to 1 MiB, and close", async () => {
    const server = await serveEcho();
    const socket = new WebSocket(server.url);
    socket.binaryType = "arraybuffer";
    await new Promise((resolve, reject) => {
      socket.onopen = resolve;
      socket.onerror = () => reject(new Error("it did not open"));
    });
    const send = (message: string | Uint8Array<ArrayBuffer>) =>
      new Promise<unknown>((resolve) => {
        socket.onmessage = ({ data }) => resolve(data);
        socket.send(message);
      });
    for (const text of TEXTS) assert.equal(await send(text), text);
    for (const length of LENGTHS) {
      const bytes = bytesOf(length);
      const seen = new Uint8Array((await send(bytes)) as ArrayBuffer);
      assert.equal(seen.length, length);
      assert.ok(seen.every((byte, i) => byte === bytes[i]));
    }
    const closed = new Promise<CloseEvent>((resolve) => {
      socket.onclose = resolve;
    });
    socket.close(3002, "from here");
    assert.equal((await closed).code, 3002);
    await server.close();
    assert.deepEqual(server.closings, [{ code: 3002, reason: "from here" }]);
  });

  it("hears why hawser closes", async () => {
    const server = await serve({
      hostname: "127.0.0.1",
      open: (connection) => void connection.close(4321, "from there"),
    });
    const socket = new WebSocket(server.url);
    const { code, reason, wasClean } = await new Promise<CloseEvent>((resolve) => {
      socket.onclose = resolve;
    });
    assert.deepEqual([code, reason, wasClean], [4321, "from there", true]);
    await server.close();
  });
});

describe("hawser's client and the runtime's server", () => {
  for (const perMessageDeflate of [false, true]) {
    it(`echo text and bytes up to 1 MiB, compression ${perMessageDeflate ? "offered" : "not offered"}`, async () => {
      const server = serveByRuntime();
      try {
        await echo(server.url, { perMessageDeflate });
      } finally {
        await server.stop();
      }
    });
  }
});
