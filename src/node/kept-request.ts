/**
 * What is kept of the request that opened a connection, for servers that ask for it. Node's own object would keep the
 * socket, the parser's buffers and the raw headers as long as it lives.
 */

import type { IncomingMessage } from "node:http";

export interface KeptRequest {
  /** Path and query, as the client sent them. */
  readonly url: string;
  /** Lower-case names; a name that came several times has its values joined by commas, as `IncomingMessage` has it. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Not a member of connections: those whose server does not ask for it pay nothing. */
const kept = new WeakMap<object, KeptRequest>();

export function keepRequest(connection: object, { url = "", headers }: IncomingMessage): void {
  kept.set(connection, Object.freeze({ url, headers: Object.freeze({ ...headers }) }));
}

export function requestOf(connection: object): KeptRequest | undefined {
  return kept.get(connection);
}
