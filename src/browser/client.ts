/** Opening connections by the browser's WebSocket. */

import { InvalidStateError } from "../codec/index.js";
import {
  addQuery,
  assertSignal,
  HandshakeError,
  isMisuse,
  listProtocols,
  type QueryInit,
  resolveWebSocketUrl,
  whenAborted,
} from "../protocol/index.js";
import { OPEN } from "./backlog.js";
import { Connection, type CreateConnectionOptions } from "./connection.js";
import { CONNECTION_OPTIONS, settingsOf } from "./connection-options.js";
import { assertOptions } from "./option-names.js";

export interface ConnectOptions<Data = undefined> extends Omit<CreateConnectionOptions<Data>, "role"> {
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

/** Options of `connect`, but those of every connection. The compiler sees to it that none is missing. */
export const CONNECT_OPTIONS = {
  protocol: 1,
  params: 1,
  timeout: 1,
  signal: 1,
  data: 1,
} as const satisfies Record<Exclude<keyof ConnectOptions, keyof typeof CONNECTION_OPTIONS>, 1>;

/** What a URL may be relative to: a page's base, or a worker's address; there is none at a network's edge. */
function baseUrl(): string | undefined {
  const { document, location } = globalThis as Partial<typeof globalThis>;
  return document?.baseURI ?? location?.href;
}

/** The URL that a WebSocket gets; throws for a call that makes no sense. */
export function checkUrl(url: string, options: ConnectOptions<unknown>): string {
  return check(url, options).address;
}

/** The arguments of a WebSocket, and the address for messages; throws for a call that makes no sense. */
export function check<Data>(url: string | URL, options: ConnectOptions<Data>) {
  if (typeof url !== "string" && !(url instanceof URL)) {
    throw new TypeError(`the URL must be a string or a URL, not ${String(url)}`);
  }
  // Relative to a page it would be the page itself.
  if (url === "") throw new SyntaxError("a WebSocket URL must not be empty");
  const { timeout = DEFAULT_TIMEOUT_MS } = options;
  if (typeof timeout !== "number" || !(timeout >= 0)) {
    throw new RangeError(`timeout must be a number of milliseconds from 0 on, not ${String(timeout)}`);
  }
  assertSignal(options.signal);
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
export async function connect<Data = undefined>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<Connection<Data>> {
  assertOptions(options, [CONNECTION_OPTIONS, CONNECT_OPTIONS], "connect");
  return openConnection(url, options);
}

/**
 * `connect`, for options whose names were checked.
 *
 * @param signal - aborts opening.
 * @param handlers - of the connection.
 * @param watch - given what the open handler returned; returns the same.
 */
export async function openConnection<Data>(
  url: string | URL,
  options: ConnectOptions<Data>,
  signal: AbortSignal | undefined = options.signal,
  handlers: ConnectOptions<Data> = options,
  watch: (returned: unknown) => unknown = (returned) => returned,
): Promise<Connection<Data>> {
  const { address, protocols, shown } = check(url, options);
  const { timeout = DEFAULT_TIMEOUT_MS } = options;
  signal?.throwIfAborted();
  const socket = new WebSocket(address, [...protocols]);
  const listeners = new AbortController();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let forget: (() => void) | undefined;
  try {
    return await new Promise<Connection<Data>>((resolve, reject) => {
      const settled = { signal: listeners.signal };
      const open = () => {
        // What happens in the open handler does not concern the opening any more.
        listeners.abort();
        forget?.();
        resolve(new Connection(socket, handlers, "client", watch));
      };
      socket.addEventListener("open", open, settled);
      // A policy that forbids the connection makes an error that no close follows.
      for (const event of ["error", "close"]) {
        socket.addEventListener(event, () => reject(failed(shown)), settled);
      }
      if (signal !== undefined) forget = whenAborted(signal, () => reject(signal.reason));
      const late = () =>
        reject(new DOMException(`no connection within ${timeout} ms (timeout)`, "TimeoutError"));
      if (timeout > 0 && timeout < 2 ** 31) timer = setTimeout(late, timeout);
    });
  } catch (error) {
    socket.close();
    throw error;
  } finally {
    clearTimeout(timer);
    forget?.();
    listeners.abort();
  }
}

function failed(shown: string): HandshakeError {
  const why =
    "a browser does not say why. Is the server there, and does it let pages of this origin connect?";
  return new HandshakeError(`no connection to ${shown} could be opened; ${why}`, "WS_ERR_CONNECTION_FAILED");
}

/** The same, but undefined where no connection can be opened. Misuse throws as in `connect`. */
export async function tryConnect<Data = undefined>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<Connection<Data> | undefined> {
  // Wrong arguments are detected before the first wait: they are not a failure to connect.
  assertOptions(options, [CONNECTION_OPTIONS, CONNECT_OPTIONS], "tryConnect");
  check(url, options);
  try {
    return await openConnection(url, options);
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
export function createConnection<Data = undefined>(
  transport: WebSocket,
  options: CreateConnectionOptions<Data> = {},
): Connection<Data> {
  assertOptions(options, [CONNECTION_OPTIONS, { role: 1, data: 1 }], "createConnection");
  const { role = "client" } = options;
  if (role !== "client" && role !== "server") {
    throw new TypeError(`role must be "client" or "server", not ${String(role)}`);
  }
  if (transport.readyState !== OPEN) {
    throw new InvalidStateError(`the WebSocket must be open, not in the state ${transport.readyState}`);
  }
  return new Connection(transport, options, role);
}
