/** Connections of ours for tests: against raw peers, and against each other. */

import type { TestContext } from "node:test";
import {
  type Connection,
  type ConnectOptions,
  connect,
  type ServeOptions,
  type Server,
  serve,
} from "../../src/index.js";
import { acceptingServer, type RawPeer, rawClient, until } from "./sockets.js";

/** A server of ours on loopback, gone after the test. */
export async function listen<Data>(t: TestContext, options: ServeOptions<Data> = {}): Promise<Server> {
  const server = await serve({ hostname: "127.0.0.1", ...options });
  t.after(() => server.close({ timeoutMs: 0 }));
  return server;
}

/** A connection of a server of ours, to a raw client. */
export async function serverAndPeer<Data>(
  t: TestContext,
  options: ServeOptions<Data> = {},
): Promise<{ server: Server; connection: Connection; peer: RawPeer }> {
  const server = await listen(t, options);
  const peer = await rawClient(t, server.port);
  await until(() => server.connections.size === 1, "the connection opens");
  const [connection] = server.connections;
  return { server, connection, peer };
}

/** A client of ours, to a raw server. */
export async function clientAndPeer(
  t: TestContext,
  options: ConnectOptions<unknown> = {},
): Promise<{ connection: Connection; peer: RawPeer }> {
  let peer: RawPeer | undefined;
  const port = await acceptingServer(t, (accepted) => {
    peer = accepted;
  });
  const connection = await connect(`ws://127.0.0.1:${port}/chat`, options);
  t.after(() => connection.terminate());
  return { connection, peer: peer as unknown as RawPeer };
}

/** Either, by our role. */
export function withPeer(
  t: TestContext,
  role: "server" | "client",
  options: ServeOptions<unknown> & ConnectOptions<unknown> = {},
): Promise<{ connection: Connection; peer: RawPeer }> {
  if (role === "client") return clientAndPeer(t, options);
  // `data` is an option of a client; a server has `authorize` for it.
  const { data, ...others } = options;
  return serverAndPeer(t, data === undefined ? others : { authorize: () => ({ data }), ...others });
}

/** A server of ours and a client of ours. */
export async function both(
  t: TestContext,
  serverOptions: ServeOptions<unknown> = {},
  clientOptions: ConnectOptions<unknown> = {},
): Promise<{ server: Server; accepted: Connection; connection: Connection }> {
  const server = await listen(t, serverOptions);
  const connection = await connect(server.url, clientOptions);
  t.after(() => connection.terminate());
  await until(() => server.connections.size > 0, "the connection opens");
  const [accepted] = server.connections;
  return { server, accepted, connection };
}
