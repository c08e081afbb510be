/** Opening connections by the browser's WebSocket. */

import { InvalidStateError } from "../codec/index.js";
import {
  addQuery,
  HandshakeError,
  isMisuse,
  listProtocols,
  type QueryInit,
  resolveWebSocketUrl,
} from "../protocol/index.js";
import { OPEN } from "./backlog.js";
import { Connection, type CreateConnectionOptions } from "./connection.js";
import { settingsOf } from "./connection-options.js";

export interface ConnectOptions<Data = unknown> extends Omit<CreateConnectionOptions<Data>, "role"> {
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

/** Options of Node's `connect` without which something else would happen than was meant, unless they have this value. */
const NOT_OURS: Readonly<Record<string, unknown>> = {
  headers: undefined,
  cookies: undefined,
  auth: undefined,
  origin: undefined,
  tls: undefined,
  agent: undefined,
  createConnection: undefined,
  socketPath: undefined,
  redirect: false,
  partial: false,
  autoPong: true,
  autoClose: true,
};

/** What users of a bare WebSocket may write, and what it is called here. */
const MISNAMED: Readonly<Record<string, string>> = {
  protocols: "protocol",
  onopen: "open",
  onmessage: "message",
  onclose: "close",
  onerror: "error",
};

/** What a URL may be relative to: a page's base, or a worker's address; there is none at a network's edge. */
function baseUrl(): string | undefined {
  const { document, location } = globalThis as Partial<typeof globalThis>;
  return document?.baseURI ?? location?.href;
}

/** The arguments of a WebSocket, and the address for messages; throws for a call that makes no sense. */
function check<Data>(url: string | URL, options: ConnectOptions<Data>) {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(
      `options must be an object, such as { protocol: "chat" }, not ${JSON.stringify(options)}`,
    );
  }
  if (typeof url !== "string" && !(url instanceof URL)) {
    throw new TypeError(`the URL must be a string or a URL, not ${String(url)}`);
  }
  // Relative to a page it would be the page itself.
  if (url === "") throw new SyntaxError("a WebSocket URL must not be empty");
  const { timeout = DEFAULT_TIMEOUT_MS } = options;
  if (typeof timeout !== "number" || !(timeout >= 0)) {
    throw new RangeError(`timeout must be a number of milliseconds from 0 on, not ${String(timeout)}`);
  }
  for (const [name, ours] of Object.entries(MISNAMED)) {
    if (name in options) throw new TypeError(`there is no option ${name}: it is called ${ours}`);
  }
  for (const [name, harmless] of Object.entries(NOT_OURS)) {
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined || value === harmless) continue;
    throw new TypeError(`a browser opens its connections by itself: the option ${name} is for Node`);
  }
  settingsOf(options);
  const { href, path, scheme, authority } = resolveWebSocketUrl(url, baseUrl());
  const beforePath = href.slice(0, href.length - path.length);
  return {
    address: beforePath + addQuery(path, options.params),
    protocols: listProtocols(options.protocol),
    // Neither credentials nor parameters are for logs.
    shown: `${scheme}://${authority}${path.replace(/\?.*/, "")}`,
  };
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
  const { address, protocols, shown } = check(url, options);
  const { timeout = DEFAULT_TIMEOUT_MS, signal } = options;
  signal?.throwIfAborted();
  const socket = new WebSocket(address, [...protocols]);
  const listeners = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    return await new Promise<Connection<Data>>((resolve, reject) => {
      const settled = { signal: listeners.signal };
      const open = () => {
        // What happens in the open handler does not concern the opening any more.
        listeners.abort();
        resolve(new Connection(socket, options, "client"));
      };
      socket.addEventListener("open", open, settled);
      // A policy that forbids the connection makes an error that no close follows.
      for (const event of ["error", "close"]) {
        socket.addEventListener(event, () => reject(failed(shown)), settled);
      }
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

function failed(shown: string): HandshakeError {
  const why =
    "a browser does not say why. Is the server there, and does it let pages of this origin connect?";
  return new HandshakeError(`no connection to ${shown} could be opened; ${why}`, "WS_ERR_CONNECTION_FAILED");
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
    if (isMisuse(error)) throw error;
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
  const { role = "client" } = options;
  if (role !== "client" && role !== "server") {
    throw new TypeError(`role must be "client" or "server", not ${String(role)}`);
  }
  if (transport.readyState !== OPEN) {
    throw new InvalidStateError(`the WebSocket must be open, not in the state ${transport.readyState}`);
  }
  return new Connection(transport, options, role);
}
