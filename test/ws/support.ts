/** Servers and clients of the face for tests, gone after them. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import WebSocket, { WebSocketServer } from "../../src/ws/index.js";

type ServerOptions = WebSocket.ServerOptions;

/** A server on loopback. */
export async function listen(t: TestContext, options: ServerOptions = {}): Promise<WebSocketServer> {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0, ...options });
  t.after(() => {
    for (const client of server.clients ?? []) client.terminate();
    server.close();
  });
  await once(server, "listening");
  return server;
}

export function urlOf(server: WebSocketServer): string {
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Both ends of a connection, open. */
export async function pair(
  t: TestContext,
  serverOptions: ServerOptions = {},
  clientOptions: WebSocket.ClientOptions = {},
): Promise<{ server: WebSocketServer; ours: WebSocket; theirs: WebSocket }> {
  const server = await listen(t, serverOptions);
  const connected = once(server, "connection");
  const theirs = new WebSocket(urlOf(server), clientOptions);
  t.after(() => theirs.terminate());
  const opened = once(theirs, "open");
  const [ours] = (await connected) as [WebSocket];
  await opened;
  return { server, ours, theirs };
}

/** What an emitter tells, in order: names of events and their arguments. */
export function logOf(webSocket: WebSocket, events: readonly string[]): unknown[][] {
  const log: unknown[][] = [];
  for (const event of events) {
    webSocket.on(event, (...values: unknown[]) => log.push([event, ...values.map(readable)]));
  }
  return log;
}

function readable(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString();
  return value instanceof Error ? ((value as NodeJS.ErrnoException).code ?? value.message) : value;
}

/** How a WebSocket closed; earlier errors do not reject. */
export function closed(webSocket: WebSocket): Promise<[code: number, reason: string]> {
  webSocket.on("error", () => {});
  return new Promise((resolve) =>
    webSocket.on("close", (code, reason) => resolve([code, reason.toString()])),
  );
}
