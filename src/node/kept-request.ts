/**
 * The URL and headers of the request that opened a connection, kept if the server's option says so. Node's
 * `IncomingMessage` would keep the socket, the parser's buffers and the raw headers alive.
 */

import type { IncomingMessage } from "node:http";

export interface KeptRequest {
  /** Path and query, as the client sent them. */
  readonly url: string;
  /** By lower-case name. Values of a repeated name are joined by commas, as in `IncomingMessage`. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** A map and not a field: connections of servers without the option use no memory for it. */
const kept = new WeakMap<object, KeptRequest>();

export function keepRequest(connection: object, { url = "", headers }: IncomingMessage): void {
  kept.set(connection, Object.freeze({ url, headers: Object.freeze({ ...headers }) }));
}

export function requestOf(connection: object): KeptRequest | undefined {
  return kept.get(connection);
}
