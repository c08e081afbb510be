/** The client's side of the opening handshake on real sockets: request, redirects, response, deadline. */

import http, { type Agent, type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { ConnectionOptions as TlsConnectionOptions } from "node:tls";
import {
  type AcceptedHandshake,
  type Credentials,
  confirmPerMessageDeflate,
  DEFAULT_MAX_HEAD_LENGTH,
  type DeflateParameters,
  generateKey,
  HandshakeError,
  type HeaderInit,
  isMisuse,
  listHandshakeHeaders,
  listProtocols,
  offerPerMessageDeflate,
  type PerMessageDeflateOptions,
  type QueryInit,
  resolveWebSocketUrl,
  serializeExtensions,
  validateHandshakeResponse,
  type WebSocketUrl,
} from "../protocol/index.js";
import { begin, Connection, type ConnectionHandlers } from "./connection.js";
import { type ConnectionOptions, settingsOf } from "./connection-options.js";
import { sharedLiveness } from "./liveness.js";
import { beginTurn, endTurn } from "./turn.js";

export interface ConnectOptions<Data = unknown> extends ConnectionOptions, ConnectionHandlers<Data> {
  /** Subprotocols in order of preference: a list, or a text with commas. */
  readonly protocol?: string | readonly string[] | undefined;
  /** More headers of the request. */
  readonly headers?: HeaderInit | undefined;
  /** The Cookie header's value, or cookies by name. */
  readonly cookies?: string | Readonly<Record<string, string>> | undefined;
  /** Added to the query of the URL. */
  readonly params?: QueryInit | undefined;
  /** The Authorization header's value, or credentials for HTTP's Basic scheme. Default: those in the URL. */
  readonly auth?: string | Credentials | undefined;
  /** The Origin header. Default: none, for this is no browser. */
  readonly origin?: string | undefined;
  /**
   * How many redirects to follow; true: 10. To another host, or from wss to ws, no credentials are sent along:
   * neither `auth` nor `cookies`, nor an Authorization or Cookie header, nor a certificate. Default: none.
   */
  readonly redirect?: boolean | number | undefined;
  /** For wss: certificates, names, verification. */
  readonly tls?: TlsConnectionOptions | undefined;
  /** Milliseconds until the connection must be open, redirects included; 0: no limit. Default 10 s. */
  readonly timeout?: number | undefined;
  /** Gives up opening when it aborts, with its reason. An open connection is not concerned. */
  readonly signal?: AbortSignal | undefined;
  /** A Unix socket to connect to; the URL then only says host and path. */
  readonly socketPath?: string | undefined;
  /** For proxies: opens the socket in its own way. */
  readonly agent?: Agent | undefined;
  /** The same, as a function; it returns the stream, or calls back with it. */
  readonly createConnection?: http.ClientRequestArgs["createConnection"];
  /** Bytes of the response's head. Default 16 KiB. */
  readonly maxHeadLength?: number | undefined;
  /** What `connection.data` begins with. */
  readonly data?: Data;
}

/** What concerns the opening handshake alone. */
interface HandshakeOptions
  extends Omit<ConnectOptions, keyof ConnectionHandlers | "data" | "perMessageDeflate"> {
  /** What to offer, checked. */
  readonly compression: PerMessageDeflateOptions | undefined;
}

const DEFAULT_TIMEOUT_MS = 10_000;
const DEFAULT_REDIRECTS = 10;

/** An upgraded response, and the stream that goes on behind it. */
interface Upgraded {
  /** As it was requested, parameters included. */
  readonly url: WebSocketUrl;
  readonly protocol: string;
  readonly extensions: string;
  readonly perMessageDeflate: DeflateParameters | undefined;
  readonly socket: Duplex;
  readonly head: Uint8Array;
}

/**
 * Opens a connection.
 *
 * @param url - ws:, wss:, http: or https:.
 * @returns the connection, open. Read it by `receive`, by `for await`, or by handlers in `options`.
 * @throws {SyntaxError | TypeError | RangeError} for a URL or options that make no sense.
 * @throws {HandshakeError} for a response that opens no connection; `status` is what the server said.
 * @throws a DOMException named "TimeoutError", `signal.reason`, or what the system said.
 */
export async function connect<Data = unknown>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<Connection<Data>> {
  const { timeout = DEFAULT_TIMEOUT_MS, signal, redirect = 0 } = options;
  if (typeof timeout !== "number" || !(timeout >= 0)) {
    throw new RangeError(`timeout must be a number of milliseconds from 0 on, not ${String(timeout)}`);
  }
  const left = redirect === true ? DEFAULT_REDIRECTS : Number(redirect);
  if (!(left >= 0)) throw new RangeError(`redirect must be a number from 0 on, not ${String(redirect)}`);
  const settings = settingsOf("client", options);
  const liveness = sharedLiveness(options);
  const target = resolveWebSocketUrl(url);
  signal?.throwIfAborted();

  const given = new AbortController();
  const abort = () => given.abort(signal?.reason);
  signal?.addEventListener("abort", abort, { once: true });
  const late = () => given.abort(new DOMException(`no connection within ${timeout} ms`, "TimeoutError"));
  const timer = timeout > 0 && timeout < 2 ** 31 ? setTimeout(late, timeout) : undefined;
  try {
    const { compression } = settings;
    const upgraded = await follow(target, { ...options, compression }, left, given.signal);
    return open(upgraded, options, { settings, liveness });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
  }
}

/** The same, but undefined where no connection can be opened. Misuse throws as in `connect`. */
export async function tryConnect<Data = unknown>(
  url: string | URL,
  options: ConnectOptions<Data> = {},
): Promise<Connection<Data> | undefined> {
  // What is wrong with the call is found out before anything is awaited, and is no failure to connect.
  resolveWebSocketUrl(url);
  settingsOf("client", options);
  try {
    return await connect(url, options);
  } catch (error) {
    if (isMisuse(error)) throw error;
    return undefined;
  }
}

/** Sends requests until one is not redirected. */
async function follow(
  first: WebSocketUrl,
  options: HandshakeOptions,
  redirects: number,
  signal: AbortSignal,
): Promise<Upgraded> {
  let url = first;
  let mayTell = true;
  // Parameters are for the URL that was given; a Location says all that it wants.
  let { params } = options;
  for (let left = redirects; ; left--) {
    const outcome = await request(url, { ...options, params }, mayTell, signal);
    if (!(outcome instanceof HandshakeError)) return outcome;
    if (outcome.location === undefined || left <= 0) throw outcome;
    const base = (url.secure ? "https" : "http") + url.href.slice(url.scheme.length);
    const next = resolveLocation(outcome, base);
    if (next.authority !== url.authority || (url.secure && !next.secure)) mayTell = false;
    url = next;
    params = undefined;
  }
}

function resolveLocation(redirected: HandshakeError, base: string): WebSocketUrl {
  try {
    return resolveWebSocketUrl(redirected.location as string, base);
  } catch (cause) {
    const message = `the server redirected to what is no WebSocket URL: ${(cause as Error).message}`;
    throw new HandshakeError(message, "WS_ERR_REDIRECTED", redirected.status);
  }
}

/** Headers that say who we are. */
const CREDENTIALS = new Set(["authorization", "cookie", "proxy-authorization"]);

/** What says who we are in a TLS handshake. */
const IDENTITY = new Set(["cert", "key", "passphrase", "pfx", "session"]);

function withoutIdentity(tls: TlsConnectionOptions | undefined): TlsConnectionOptions {
  return Object.fromEntries(Object.entries(tls ?? {}).filter(([name]) => !IDENTITY.has(name)));
}

function withoutCredentials(headers: HeaderInit | undefined): HeaderInit | undefined {
  if (headers === undefined) return undefined;
  const entries = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return (entries as [string, string][]).filter(([name]) => !CREDENTIALS.has(name.toLowerCase()));
}

/** One request. Resolves with a HandshakeError for a response that opens no connection. */
function request(
  url: WebSocketUrl,
  options: HandshakeOptions,
  mayTell: boolean,
  signal: AbortSignal,
): Promise<Upgraded | HandshakeError> {
  const { tls, agent, createConnection, socketPath, protocol: protocols, params, origin } = options;
  const key = generateKey();
  const { compression } = options;
  const extensions = compression === undefined ? [] : offerPerMessageDeflate(compression);
  const { path, headers } = listHandshakeHeaders({
    url: mayTell ? url : { ...url, credentials: undefined },
    key,
    protocols,
    extensions,
    params,
    origin,
    headers: mayTell ? options.headers : withoutCredentials(options.headers),
    cookies: mayTell ? options.cookies : undefined,
    auth: mayTell ? options.auth : undefined,
  });
  const settings: https.RequestOptions = {
    ...(url.secure ? (mayTell ? tls : withoutIdentity(tls)) : undefined),
    host: url.host,
    port: url.port,
    path,
    headers: headers.flat(),
    // An agent that keeps sockets would have one less with each connection.
    // Node asks `createConnection` only where no agent is.
    agent: agent ?? (createConnection === undefined ? false : undefined),
    maxHeaderSize: options.maxHeadLength ?? DEFAULT_MAX_HEAD_LENGTH,
    ...(createConnection === undefined ? undefined : { createConnection }),
    ...(socketPath === undefined ? undefined : { socketPath }),
  };
  return new Promise((resolve, reject) => {
    const outgoing: ClientRequest = (url.secure ? https : http).request(settings);
    const abort = () => outgoing.destroy(signal.reason);
    const settle = () => signal.removeEventListener("abort", abort);
    signal.addEventListener("abort", abort, { once: true });
    outgoing.on("error", (error) => {
      settle();
      reject(signal.aborted ? signal.reason : asHandshakeError(error));
    });
    const judge = (response: IncomingMessage) => {
      settle();
      const { statusCode: status = 0, headersDistinct } = response;
      const expected = { key, protocols: listProtocols(protocols), extensions };
      const accepted = validateHandshakeResponse({ status, headers: headersDistinct }, expected);
      return accepted.ok ? confirm(accepted, compression) : accepted;
    };
    outgoing.on("response", (response) => {
      const outcome = judge(response);
      outgoing.destroy();
      // A response of status 101 that upgrades nothing is judged by its headers and passes no further.
      resolve(outcome.ok ? invalid("the response must upgrade the connection", status(response)) : outcome);
    });
    outgoing.on("upgrade", (response, socket, head) => {
      const outcome = judge(response);
      if (signal.aborted || !outcome.ok) socket.destroy();
      if (signal.aborted) reject(signal.reason);
      else resolve(outcome.ok ? { ...outcome, url: { ...url, path }, socket, head } : outcome);
    });
    outgoing.end();
    if (signal.aborted) abort();
  });
}

/** What the server accepted, if it is what was offered. */
function confirm(accepted: AcceptedHandshake, offered: PerMessageDeflateOptions | undefined) {
  const { ok, protocol, extensions } = accepted;
  const agreed = offered && confirmPerMessageDeflate(extensions, offered);
  if (agreed instanceof HandshakeError) return agreed;
  return { ok, protocol, extensions: serializeExtensions(extensions), perMessageDeflate: agreed };
}

function status(response: IncomingMessage): number {
  return response.statusCode ?? 0;
}

function invalid(message: string, status: number): HandshakeError {
  return new HandshakeError(message, "WS_ERR_INVALID_RESPONSE", status);
}

/** What Node's parser finds wrong with a response is the server's fault; other errors are the system's. */
function asHandshakeError(error: Error): Error {
  const code = String((error as NodeJS.ErrnoException).code);
  if (!code.startsWith("HPE_")) return error;
  return Object.assign(invalid(`the response must be HTTP: ${error.message}`, 0), { cause: error });
}

function open<Data>(
  upgraded: Upgraded,
  options: ConnectOptions<Data>,
  context: ConstructorParameters<typeof Connection<Data>>[3],
): Connection<Data> {
  const { url, protocol, extensions, perMessageDeflate, socket, head } = upgraded;
  const { setTimeout: noTimeout, setNoDelay } = socket as Partial<Socket>;
  noTimeout?.call(socket as Socket, 0);
  setNoDelay?.call(socket as Socket, true);
  // Without credentials: it is for logs, too.
  const opening = {
    url: `${url.scheme}://${url.authority}${url.path}`,
    host: url.authority,
    protocol,
    extensions,
    perMessageDeflate,
  };
  const connection = new Connection<Data>(socket, opening, options, context);
  connection.data = options.data as Data;
  beginTurn();
  try {
    connection[begin](() => options.open?.(connection, undefined), head);
  } finally {
    endTurn();
  }
  return connection;
}
