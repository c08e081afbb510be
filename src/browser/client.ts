/** Opening connections by the browser's WebSocket. */

import { InvalidStateError } from "../codec/index.js";
import {
  addQuery,
  HandshakeError,
  listProtocols,
  type QueryInit,
  resolveWebSocketUrl,
} from "../protocol/index.js";
import { Connection, type CreateConnectionOptions } from "./connection.js";
import { settingsOf } from "./connection-options.js";
import { OPEN } from "./driver.js";

export interface ConnectOptions<Data = unknown> extends CreateConnectionOptions<Data> {
  /** Subprotocols in order of preference: a list, or a text with commas. */
  readonly protocol?: string | readonly string[] | undefined;
  /** Added to the query of the URL. */
  readonly params?: QueryInit | undefined;
  /** Milliseconds until the connection must be open; 0: no limit. Default 10 s. */
  readonly timeout?: number | undefined;
  /** Gives up opening when it aborts, with its reason. An open connection is not concerned. */
  readonly signal?: AbortSignal | undefined;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Options of Node's `connect` that say who we are or whom we talk to: to leave them out would not be what was meant. */
const NOT_OURS = [
  ...["headers", "cookies", "auth", "origin", "tls"],
  ...["agent", "createConnection", "socketPath"],
];

/** A page's or worker's address, to which a URL may be relative; there is none on a server at a network's edge. */
function baseUrl(): string | undefined {
  return (globalThis.location as Location | undefined)?.href;
}

/** The arguments of a WebSocket; throws for a call that makes no sense. */
function check<Data>(url: string | URL, options: ConnectOptions<Data>): [string, readonly string[]] {
  const { timeout = DEFAULT_TIMEOUT_MS } = options;
  if (typeof timeout !== "number" || !(timeout >= 0)) {
    throw new RangeError(`timeout must be a number of milliseconds from 0 on, not ${String(timeout)}`);
  }
  for (const name of NOT_OURS) {
    if ((options as Record<string, unknown>)[name] === undefined) continue;
    throw new TypeError(`a browser opens its connections by itself: the option ${name} is for Node`);
  }
  settingsOf(options);
  const { href, path } = resolveWebSocketUrl(url, baseUrl());
  const beforePath = href.slice(0, href.length - path.length);
  return [beforePath + addQuery(path, options.params), listProtocols(options.protocol)];
}

/**
 * Opens a connection.
 *
 * @param url - ws:, wss:, http: or https:; in a page it may be relative to the page's.
 * @returns the connection, open. Read it by `receive`, by `for await`, or by handlers in `options`.
 * @throws {SyntaxError | TypeError | RangeError} for a URL or options that make no sense.
 * @throws {HandshakeError} if no connection could be opened; a browser does not say why.
 * @throws a DOMException named "TimeoutError" or "SecurityError" (ws: from a page of https:), or `signal.reason`.
 */
export async function connect<Data = unknown>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<Connection<Data>> {
  const { timeout = DEFAULT_TIMEOUT_MS, signal } = options;
  const [address, protocols] = check(url, options);
  signal?.throwIfAborted();
  const socket = new WebSocket(address, [...protocols]);
  const listeners = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<Connection<Data>>((resolve, reject) => {
      const settled = { signal: listeners.signal };
      socket.addEventListener("open", () => resolve(new Connection(socket, options)), settled);
      // An error event says nothing, and is followed by this one.
      socket.addEventListener("close", () => reject(failed(address)), settled);
      signal?.addEventListener("abort", () => reject(signal.reason), settled);
      const late = () => reject(new DOMException(`no connection within ${timeout} ms`, "TimeoutError"));
      if (timeout > 0 && timeout < 2 ** 31) timer = setTimeout(late, timeout);
    });
  } catch (error) {
    socket.close();
    throw error;
  } finally {
    clearTimeout(timer);
    listeners.abort();
  }
}

function failed(address: string): HandshakeError {
  return new HandshakeError(`no connection to ${address} could be opened`, "WS_ERR_CONNECTION_FAILED");
}

/** The same, but undefined where no connection can be opened. Misuse throws as in `connect`. */
export async function tryConnect<Data = unknown>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<Connection<Data> | undefined> {
  // What is wrong with the call is found out before anything is awaited, and is no failure to connect.
  check(url, options);
  try {
    return await connect(url, options);
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError)
      throw error;
    return undefined;
  }
}

/**
 * Makes a connection of a WebSocket that is open already: one that a page opened in its own way, or the server's side
 * of one where servers have the same interface.
 *
 * @param transport - the connection's from here on.
 * @throws {InvalidStateError} for one that is not open; {TypeError | RangeError} for options that make no sense.
 */
export function createConnection<Data = unknown>(
  transport: WebSocket,
  options: CreateConnectionOptions<Data> = {},
): Connection<Data> {
  if (transport.readyState !== OPEN) {
    throw new InvalidStateError(`the WebSocket must be open, not in the state ${transport.readyState}`);
  }
  return new Connection(transport, options);
}
