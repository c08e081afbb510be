/** Opening a connection as a client: the options, the deadline, and the resulting connection. */

import type { Agent } from "node:http";
import type { LookupFunction, Socket } from "node:net";
import { clearTimeout, setTimeout } from "node:timers";
import type { ConnectionOptions as TlsConnectionOptions } from "node:tls";
import {
  assertFunctions,
  assertKnownOptions,
  assertSignal,
  type Credentials,
  type HeaderInit,
  isMisuse,
  listProtocols,
  nameOf,
  type OptionHints,
  printWebSocketUrl,
  type QueryInit,
  resolveWebSocketUrl,
  type WebSocketUrl,
  whenAborted,
} from "../protocol/index.js";
import { begin, Connection, type ConnectionHandlers } from "./connection.js";
import {
  CONNECTION_OPTION_HINTS,
  CONNECTION_OPTION_NAMES,
  type ConnectionOptions,
  HANDLER_NAMES,
  settingsOf,
} from "./connection-options.js";
import { readProxy } from "./environment-proxy.js";
import { sharedLiveness } from "./liveness.js";
import type { OpeningOptions, Upgraded } from "./opening-request.js";
import { openFollowing } from "./redirects.js";
import { beginTurn, endTurn } from "./turn.js";
import type { CreateStream } from "./user-functions.js";

export interface ConnectOptions<Data = undefined> extends ConnectionOptions, ConnectionHandlers<Data> {
  /** Subprotocols in order of preference: a list, or a text with commas. */
  readonly protocol?: string | readonly string[] | undefined;
  /** More headers of the request; a Host among them takes the place of the URL's. */
  readonly headers?: HeaderInit | undefined;
  /** The Cookie header's value, or cookies by name. */
  readonly cookies?: string | Readonly<Record<string, string>> | undefined;
  /** Added to the query of the URL. */
  readonly params?: QueryInit | undefined;
  /** The Authorization header's value, or credentials for HTTP's Basic scheme. Default: those in the URL. */
  readonly auth?: string | Credentials | undefined;
  /** The Origin header. Default: none, because this is not a browser. */
  readonly origin?: string | undefined;
  /**
   * How many redirects to follow; true: 10. To another host, port or scheme no credentials go along: neither `auth`
   * nor `cookies`, nor a header Authorization, Cookie, Proxy-Authorization or Host, nor a certificate. One that only
   * `agent` has is kept back by not following the redirect. Default: none.
   */
  readonly redirect?: boolean | number | undefined;
  /** For wss: certificates, names, verification. */
  readonly tls?: TlsConnectionOptions | undefined;
  /** Milliseconds from the call until the connection must be open, redirects included; 0: no limit. Default 10 s. */
  readonly timeout?: number | undefined;
  /** Gives up opening when it aborts, with its reason. An open connection is not concerned. */
  readonly signal?: AbortSignal | undefined;
  /** A Unix socket to connect to; the URL then only says host and path. Default: that of a `ws+unix:` URL. */
  readonly socketPath?: string | undefined;
  /**
   * A proxy to open a tunnel through (HTTP CONNECT), as a URL, with credentials if it wants some. true: the one that
   * `http_proxy`, `https_proxy` and `no_proxy` in the environment say, and none for this machine. false: none. Default:
   * that of the environment if Node is configured to use it (`NODE_USE_ENV_PROXY`, Node 24).
   */
  readonly proxy?: string | URL | boolean | undefined;
  /** Opens the socket in its own way. Default: a new socket, through a proxy if there is one. */
  readonly agent?: Agent | undefined;
  /** The same, as a function; it returns the stream, a promise of it, or calls back with it. */
  readonly createConnection?: CreateStream | undefined;
  /** Finds the addresses of the host, in place of `dns.lookup`. */
  readonly lookup?: LookupFunction | undefined;
  /** Addresses to connect to: 4, 6, or 0 for both. Default 0. */
  readonly family?: 0 | 4 | 6 | undefined;
  /** The address of this machine to connect from. */
  readonly localAddress?: string | undefined;
  /** Bytes of the response's head. Default 16 KiB. */
  readonly maxHeadLength?: number | undefined;
  /** What `connection.data` begins with. */
  readonly data?: Data;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_REDIRECTS = 10;

/** Names of all options. The compiler sees to it that none is missing. */
export const CONNECT_OPTION_NAMES: readonly string[] = [
  ...CONNECTION_OPTION_NAMES,
  ...HANDLER_NAMES,
  ...Object.keys({
    protocol: true,
    headers: true,
    cookies: true,
    params: true,
    auth: true,
    origin: true,
    redirect: true,
    tls: true,
    timeout: true,
    signal: true,
    socketPath: true,
    proxy: true,
    agent: true,
    createConnection: true,
    lookup: true,
    family: true,
    localAddress: true,
    maxHeadLength: true,
    data: true,
  } satisfies Record<
    Exclude<keyof ConnectOptions, keyof ConnectionOptions | keyof ConnectionHandlers>,
    true
  >),
];

const TLS_HINT = "options of TLS are members of tls";

/** What other libraries, and Node, call options of a client. */
export const CONNECT_OPTION_HINTS: OptionHints = {
  ...CONNECTION_OPTION_HINTS,
  protocols: "it is protocol",
  subprotocols: "it is protocol",
  handshakeTimeout: "it is timeout, in milliseconds",
  followRedirects: "it is redirect: how many to follow, or true",
  maxRedirects: "it is redirect: how many to follow, or true",
  protocolVersion: "there is one version, 13",
  host: "the URL says the host; a Host header of its own is a member of headers",
  path: "the URL says the path",
  port: "the URL says the port",
  query: "it is params",
  dispatcher: "it is agent, of node:http or node:https",
  finishRequest: "headers of the request are the option headers",
  generateMask: "each frame has a key of its own, by node:crypto",
  rejectUnauthorized: TLS_HINT,
  ca: TLS_HINT,
  cert: TLS_HINT,
  key: TLS_HINT,
  pfx: TLS_HINT,
  passphrase: TLS_HINT,
  servername: TLS_HINT,
  checkServerIdentity: TLS_HINT,
  secureContext: TLS_HINT,
};

/** A checked call of `connect`; values that can be read only once are read. */
export interface Call<Data> {
  readonly target: WebSocketUrl;
  readonly options: ConnectOptions<Data>;
  readonly opening: OpeningOptions;
  readonly timeout: number;
  readonly redirects: number;
  readonly context: ConstructorParameters<typeof Connection<Data>>[3];
}

/**
 * Opens a connection.
 *
 * @param url - ws:, wss:, http: or https:; for a Unix socket `ws+unix:/file:/resource`.
 * @returns the connection, open. Read it by `receive`, by `for await`, or by handlers in `options`.
 * @throws {SyntaxError | TypeError | RangeError} for a URL or options that make no sense.
 * @throws {HandshakeError} for a response that opens no connection; `status`, `headers` and `body` are what the
 *   server said.
 * @throws a DOMException named "TimeoutError", `signal.reason`, what the system said, or what a function in `options`
 *   threw.
 */
export async function connect<Data = undefined>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<Connection<Data>> {
  return openCall(checkCall("connect", url, options));
}

/** The same, but undefined where no connection can be opened. Misuse throws as in `connect`. */
export async function tryConnect<Data = undefined>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<Connection<Data> | undefined> {
  try {
    return await openCall(checkCall("tryConnect", url, options));
  } catch (error) {
    if (isMisuse(error)) throw error;
    return undefined;
  }
}

/**
 * Checks a call, which can then be performed several times.
 *
 * @param where - the function that was called, for messages.
 * @param more - names of options that it takes besides.
 * @throws {SyntaxError | TypeError | RangeError} naming the expected value.
 */
export function checkCall<Data>(
  where: string,
  url: string | URL,
  options: ConnectOptions<Data>,
  more: readonly string[] = [],
): Call<Data> {
  assertKnownOptions(options, [...CONNECT_OPTION_NAMES, ...more], CONNECT_OPTION_HINTS, where);
  const { timeout = DEFAULT_TIMEOUT_MS, redirect = 0, headers = [] } = options;
  if (typeof timeout !== "number" || !(timeout >= 0)) {
    throw new RangeError(`timeout must be a number of milliseconds from 0 on, not ${nameOf(timeout)}`);
  }
  const redirects = redirect === true ? DEFAULT_REDIRECTS : Number(redirect);
  if (!(redirects >= 0)) throw new RangeError(`redirect must be a number from 0 on, not ${nameOf(redirect)}`);
  assertSignal(options.signal);
  assertOpeners(options);
  const target = resolveWebSocketUrl(url);
  const proxy = readProxy(options.proxy);
  const settings = settingsOf("client", options);
  const { cookies, params, auth, origin, tls, agent, createConnection, lookup, family } = options;
  const { localAddress, maxHeadLength, socketPath = target.socketPath } = options;
  const opening: OpeningOptions = {
    protocols: listProtocols(options.protocol),
    headers: (Symbol.iterator in headers ? [...headers] : Object.entries(headers)) as [string, string][],
    compression: settings.compression,
    params: params !== undefined && Symbol.iterator in params ? [...params] : params,
    ...{ cookies, auth, origin, tls, agent, createConnection, lookup, family },
    ...{ localAddress, maxHeadLength, socketPath, proxy },
  };
  return {
    target,
    options,
    opening,
    timeout,
    redirects,
    context: { settings, liveness: sharedLiveness(options), onGone: undefined },
  };
}

/** @throws {TypeError} for what Node would refuse later, or not at all. */
function assertOpeners(options: Omit<ConnectOptions, keyof ConnectionHandlers | "data">): void {
  const { agent, createConnection, proxy, family = 0, tls = {} } = options;
  if ((typeof proxy === "string" || proxy instanceof URL) && (agent ?? createConnection) !== undefined) {
    throw new TypeError(
      "proxy cannot be combined with agent or createConnection, which open the socket themselves",
    );
  }
  if (agent !== undefined && typeof (agent as Partial<AgentLike> | null)?.addRequest !== "function") {
    throw new TypeError(`agent must be an Agent of node:http or node:https, not ${nameOf(agent)}`);
  }
  assertFunctions(options, [...HANDLER_NAMES, "createConnection", "lookup"]);
  if (![0, 4, 6].includes(family)) throw new TypeError(`family must be 0, 4 or 6, not ${nameOf(family)}`);
  if (typeof tls !== "object" || tls === null)
    throw new TypeError(`tls must be an object, not ${nameOf(tls)}`);
}

/** What Node calls of an agent. */
interface AgentLike {
  addRequest(request: unknown, options: unknown): void;
}

/**
 * Performs a call of `connect`, from here on within its timeout.
 *
 * @param signal - aborts opening.
 * @param watch - given what the open handler returned; returns the same.
 */
export async function openCall<Data>(
  call: Call<Data>,
  signal: AbortSignal | undefined = call.options.signal,
  watch: (returned: unknown) => unknown = (returned) => returned,
): Promise<Connection<Data>> {
  const { target, opening, timeout, redirects } = call;
  signal?.throwIfAborted();
  const given = new AbortController();
  const forget = signal && whenAborted(signal, () => given.abort(signal.reason));
  const late = () =>
    given.abort(new DOMException(`no connection within ${timeout} ms (timeout)`, "TimeoutError"));
  const timer = timeout > 0 && timeout < 2 ** 31 ? setTimeout(late, timeout) : undefined;
  try {
    return open(await openFollowing(target, opening, redirects, given.signal), call, watch);
  } catch (error) {
    throw signal?.aborted ? signal.reason : error;
  } finally {
    clearTimeout(timer);
    forget?.();
  }
}

function open<Data>(
  upgraded: Upgraded,
  { options, context }: Call<Data>,
  watch: (returned: unknown) => unknown,
): Connection<Data> {
  const { url, path, protocol, extensions, perMessageDeflate, headers, socket, head } = upgraded;
  try {
    const { setTimeout: noTimeout, setNoDelay } = socket as Partial<Socket>;
    noTimeout?.call(socket as Socket, 0);
    setNoDelay?.call(socket as Socket, true);
    // Without credentials: it is for logs, too.
    const said = { url: printWebSocketUrl(url, path), host: url.authority };
    const opening = { ...said, protocol, extensions, perMessageDeflate, headers };
    const connection = new Connection<Data>(socket, opening, options, context);
    connection.data = options.data as Data;
    beginTurn();
    try {
      connection[begin](() => watch(options.open?.(connection, undefined)), head);
    } finally {
      endTurn();
    }
    return connection;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}
