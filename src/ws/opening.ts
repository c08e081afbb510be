/**
 * The client's opening handshake as in `ws`: Node's request with the user's options, events for its stages, and the
 * error messages of `ws`. Hawser's protocol layer generates the key and the extension offer, and checks the response.
 */

import type { EventEmitter } from "node:events";
import http, { type ClientRequest, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import https from "node:https";
import net from "node:net";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import {
  generateKey,
  HandshakeError,
  isToken,
  parseExtensions,
  validateHandshakeResponse,
} from "../protocol/index.js";
import { format, parse } from "./extension.js";
import { EXTENSION_NAME, PerMessageDeflate, type PerMessageDeflateOptions } from "./per-message-deflate.js";
import type { Extensions, GenerateMask } from "./sender.js";

/** The members of a WebSocket that the handshake uses. */
export interface Opening extends EventEmitter {
  _url: string | undefined;
  _protocol: string;
  _extensions: Extensions;
  _readyState: number;
  _errorEmitted: boolean;
  _req: ClientRequest | null;
  /** The number of redirects followed so far. */
  _redirects: number;
  setSocket(socket: Duplex, head: Buffer, options: SocketOptions): void;
  emitClose(): void;
}

/** Options of an open connection. */
export interface SocketOptions {
  allowSynchronousEvents?: boolean | undefined;
  generateMask?: GenerateMask | undefined;
  maxBufferedChunks?: number | undefined;
  maxFragments?: number | undefined;
  maxPayload?: number | undefined;
  skipUTF8Validation?: boolean | undefined;
}

/** Options of the constructor, including Node's options for requests, sockets and TLS. */
export interface OpeningOptions extends SocketOptions {
  autoPong?: boolean;
  closeTimeout?: number;
  finishRequest?: ((request: ClientRequest, webSocket: never) => void) | undefined;
  followRedirects?: boolean;
  handshakeTimeout?: number;
  maxRedirects?: number;
  origin?: string;
  perMessageDeflate?: boolean | PerMessageDeflateOptions;
  protocolVersion?: number;
  headers?: OutgoingHttpHeaders;
  createConnection?: unknown;
  [name: string]: unknown;
}

const CLOSING = 2;
const CONNECTING = 0;
const VERSIONS: readonly unknown[] = [8, 13];
const DEFAULT_MAX_PAYLOAD = 100 * 1024 * 1024;
export const DEFAULT_CLOSE_TIMEOUT_MS = 30_000;

/** Requests that we ended ourselves. Their later errors are ignored. */
const aborted = new WeakSet<ClientRequest>();

/** TLS options that identify the client. They are not used for a redirect to another host. */
const IDENTITY: readonly string[] = ["cert", "key", "passphrase", "pfx", "secureContext"];

/** The target of the first request, compared with the targets of redirects. */
interface Origin {
  readonly isSecure: boolean;
  /** Host and port, or the path of a Unix socket. */
  readonly place: string;
}

interface Attempt {
  readonly protocols: readonly string[];
  readonly options: OpeningOptions;
  readonly first: Origin | undefined;
  /** The credentials in the first URL. */
  readonly credentials?: string | undefined;
}

/**
 * Opens a connection.
 *
 * @returns the options with defaults.
 * @throws {SyntaxError | RangeError} for an invalid URL, invalid subprotocols or an unsupported protocol version.
 */
export function open(
  webSocket: Opening,
  address: string | URL,
  protocols: readonly string[],
  given: OpeningOptions,
): OpeningOptions {
  const options: OpeningOptions = {
    allowSynchronousEvents: true,
    autoPong: true,
    closeTimeout: DEFAULT_CLOSE_TIMEOUT_MS,
    protocolVersion: 13,
    maxPayload: DEFAULT_MAX_PAYLOAD,
    skipUTF8Validation: false,
    perMessageDeflate: true,
    followRedirects: false,
    maxRedirects: 10,
    ...given,
  };
  const { protocolVersion } = options;
  if (!VERSIONS.includes(protocolVersion)) {
    throw new RangeError(
      `Unsupported protocol version: ${protocolVersion} (supported versions: ${VERSIONS.join(", ")})`,
    );
  }
  const url = urlOf(address);
  webSocket._url = url.href;
  assertUrl(url);
  assertProtocols(protocols);
  request(webSocket, url, { protocols, options, first: undefined });
  return options;
}

function urlOf(address: string | URL, base?: URL): URL {
  let url: URL;
  try {
    url = new URL(address, base);
  } catch {
    throw new SyntaxError(`Invalid URL: ${address}`);
  }
  if (url.protocol === "http:") url.protocol = "ws:";
  if (url.protocol === "https:") url.protocol = "wss:";
  return url;
}

function assertUrl({ protocol, pathname, hash }: URL): void {
  if (protocol !== "ws:" && protocol !== "wss:" && protocol !== "ws+unix:") {
    const expected = '"ws:", "wss:", "http:", "https:", or "ws+unix:"';
    throw new SyntaxError(`The URL's protocol must be one of ${expected}`);
  }
  if (protocol === "ws+unix:" && pathname === "") throw new SyntaxError("The URL's pathname is empty");
  if (hash !== "") throw new SyntaxError("The URL contains a fragment identifier");
}

function assertProtocols(protocols: readonly string[]): void {
  const isWrong = (protocol: unknown) => typeof protocol !== "string" || !isToken(protocol);
  if (!protocols.some(isWrong) && new Set(protocols).size === protocols.length) return;
  throw new SyntaxError("An invalid or duplicated subprotocol was specified");
}

/** Sends one request of the handshake. */
function request(webSocket: Opening, url: URL, attempt: Attempt): void {
  const { options, protocols } = attempt;
  const key = generateKey();
  const deflate = deflateFor(options);
  const offer = deflate === undefined ? undefined : format({ [EXTENSION_NAME]: deflate.offer() });
  const target = targetOf(url);
  const { isSecure, socketPath } = target;
  const origin = { isSecure, place: socketPath ?? url.host };
  const kept = webSocket.listenerCount("redirect") === 0 ? withoutCredentials(origin, attempt) : options;
  const isKept = kept === options;
  const settings: https.RequestOptions & Record<string, unknown> = {
    ...kept,
    ...target,
    method: "GET",
    protocol: undefined,
    hostname: undefined,
    defaultPort: (kept.defaultPort ?? target.port) as number,
    auth: isKept ? (attempt.credentials ?? credentialsOf(url) ?? (kept.auth as string)) : undefined,
    timeout: kept.handshakeTimeout,
    createConnection: (kept.createConnection ?? (isSecure ? connectTls : connectPlain)) as never,
    headers: {
      ...kept.headers,
      "Sec-WebSocket-Version": kept.protocolVersion,
      "Sec-WebSocket-Key": key,
      Connection: "Upgrade",
      Upgrade: "websocket",
      ...(offer === undefined ? {} : { "Sec-WebSocket-Extensions": offer }),
      ...(protocols.length === 0 ? {} : { "Sec-WebSocket-Protocol": protocols.join(",") }),
      ...(kept.origin
        ? { [kept.protocolVersion === 8 ? "Sec-WebSocket-Origin" : "Origin"]: kept.origin }
        : {}),
    },
  };
  const outgoing = (isSecure ? https : http).request(settings as https.RequestOptions);
  webSocket._req = outgoing;
  if (webSocket._redirects > 0) webSocket.emit("redirect", webSocket._url, outgoing);

  outgoing.on("timeout", () => abort(webSocket, outgoing, "Opening handshake has timed out"));
  outgoing.on("error", (error) => {
    if (aborted.has(outgoing) || webSocket._req !== outgoing) return;
    webSocket._req = null;
    fail(webSocket, error);
  });
  outgoing.on("response", (response) => {
    const { location } = response.headers;
    const { statusCode = 0 } = response;
    if (location !== undefined && options.followRedirects === true && statusCode >= 300 && statusCode < 400) {
      follow(webSocket, outgoing, url, location, {
        ...attempt,
        first: attempt.first ?? origin,
        credentials: attempt.first === undefined ? credentialsOf(url) : attempt.credentials,
      });
    } else if (!webSocket.emit("unexpected-response", outgoing, response)) {
      abort(webSocket, outgoing, `Unexpected server response: ${statusCode}`);
    }
  });
  outgoing.on("upgrade", (response, socket, head) => {
    webSocket.emit("upgrade", response);
    // A listener may have closed the WebSocket.
    if (webSocket._readyState !== CONNECTING) return;
    webSocket._req = null;
    const wrong = judge(webSocket, response, { key, protocols, offer, deflate });
    if (wrong !== undefined) giveUp(webSocket, socket, wrong);
    else webSocket.setSocket(socket, head, options);
  });
  if (typeof options.finishRequest === "function") options.finishRequest(outgoing, webSocket as never);
  else outgoing.end();
}

function deflateFor({ perMessageDeflate, maxPayload }: OpeningOptions): PerMessageDeflate | undefined {
  if (!perMessageDeflate) return undefined;
  const options = perMessageDeflate === true ? {} : perMessageDeflate;
  return new PerMessageDeflate({ ...options, isServer: false, maxPayload: maxPayload ?? 0 });
}

interface Target {
  readonly isSecure: boolean;
  readonly host: string;
  readonly port: string | number;
  readonly path: string;
  readonly socketPath: string | undefined;
}

function targetOf(url: URL): Target {
  const isSecure = url.protocol === "wss:";
  const port = url.port || (isSecure ? 443 : 80);
  // Brackets around an IPv6 address are URL syntax and not part of the host.
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const whole = url.pathname + url.search;
  if (url.protocol !== "ws+unix:") return { isSecure, host, port, path: whole, socketPath: undefined };
  const colon = whole.indexOf(":");
  const socketPath = colon < 0 ? whole : whole.slice(0, colon);
  return { isSecure, host, port, path: colon < 0 ? "" : whole.slice(colon + 1), socketPath };
}

function credentialsOf({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  return `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
}

/** Removes credentials from the options if a redirect leads to another host, or from wss to ws. */
function withoutCredentials(origin: Origin, { options, first }: Attempt): OpeningOptions {
  if (first === undefined) return options;
  const isSamePlace = first.place === origin.place;
  if (isSamePlace && (origin.isSecure || !first.isSecure)) return options;
  const secret = new Set(["authorization", "cookie", ...(isSamePlace ? [] : ["host"])]);
  const headers = Object.entries(options.headers ?? {}).filter(([name]) => !secret.has(name.toLowerCase()));
  const others = Object.entries(options).filter(([name]) => !IDENTITY.includes(name));
  return { ...Object.fromEntries(others), headers: Object.fromEntries(headers) };
}

function follow(
  webSocket: Opening,
  outgoing: ClientRequest,
  from: URL,
  location: string,
  attempt: Attempt,
): void {
  webSocket._redirects++;
  if (webSocket._redirects > (attempt.options.maxRedirects ?? 0)) {
    abort(webSocket, outgoing, "Maximum redirects exceeded");
    return;
  }
  aborted.add(outgoing);
  outgoing.destroy();
  try {
    const next = urlOf(location, from);
    webSocket._url = next.href;
    assertUrl(next);
    if (next.protocol === "ws+unix:" && from.protocol !== "ws+unix:") {
      throw new Error("A server does not decide which Unix socket is connected to");
    }
    request(webSocket, next, attempt);
  } catch (error) {
    fail(webSocket, error as Error);
  }
}

interface Offered {
  readonly key: string;
  readonly protocols: readonly string[];
  readonly offer: string | undefined;
  readonly deflate: PerMessageDeflate | undefined;
}

/** Checks the response and stores the accepted subprotocol and extensions. Returns an error message, if any. */
function judge(webSocket: Opening, response: IncomingMessage, offered: Offered): string | undefined {
  const { key, protocols, offer, deflate } = offered;
  const { headers, statusCode = 0 } = response;
  const extensions = offer === undefined ? [] : parseExtensions(offer);
  const judged = validateHandshakeResponse(
    { status: statusCode, headers },
    { key, protocols, extensions, requireProtocol: true },
  );
  if (judged instanceof HandshakeError) return worded(judged, headers, protocols, offer !== undefined);
  webSocket._protocol = judged.protocol;
  const accepted = headers["sec-websocket-extensions"];
  if (accepted === undefined || deflate === undefined) return undefined;
  try {
    deflate.accept(parse(accepted)[EXTENSION_NAME]);
  } catch {
    return "Invalid Sec-WebSocket-Extensions header";
  }
  webSocket._extensions[EXTENSION_NAME] = deflate;
  return undefined;
}

function worded(
  error: HandshakeError,
  headers: http.IncomingHttpHeaders,
  protocols: readonly string[],
  hasOffered: boolean,
): string {
  switch (error.code) {
    case "WS_ERR_INVALID_UPGRADE_HEADER":
      return "Invalid Upgrade header";
    case "WS_ERR_INVALID_ACCEPT_HEADER":
      return "Invalid Sec-WebSocket-Accept header";
    case "WS_ERR_UNEXPECTED_EXTENSION":
      if (hasOffered) return "Server indicated an extension that was not requested";
      return "Server sent a Sec-WebSocket-Extensions header but no extension was requested";
    case "WS_ERR_INVALID_EXTENSIONS_HEADER":
      if (hasOffered) return "Invalid Sec-WebSocket-Extensions header";
      return "Server sent a Sec-WebSocket-Extensions header but no extension was requested";
    case "WS_ERR_UNEXPECTED_PROTOCOL":
    case "WS_ERR_INVALID_PROTOCOL_HEADER":
      if (headers["sec-websocket-protocol"] === undefined) return "Server sent no subprotocol";
      if (protocols.length === 0) return "Server sent a subprotocol but none was requested";
      return "Server sent an invalid subprotocol";
    default:
      return error.message;
  }
}

function connectPlain(options: Record<string, unknown>): net.Socket {
  return net.connect({ ...options, path: options.socketPath } as never);
}

function connectTls(options: Record<string, unknown>): tls.TLSSocket {
  const { servername, host } = options;
  // RFC 6066 §3: "Literal IPv4 and IPv6 addresses are not permitted in "HostName"."
  const name = servername ?? (net.isIP(String(host)) ? "" : host);
  return tls.connect({ ...options, path: undefined, servername: name } as never);
}

/** Emits the error and the "close" event. */
function fail(webSocket: Opening, error: Error): void {
  webSocket._readyState = CLOSING;
  webSocket._errorEmitted = true;
  webSocket.emit("error", error);
  webSocket.emitClose();
}

/** Ends the handshake before the response. */
export function abort(webSocket: Opening, outgoing: ClientRequest, message: string): void {
  webSocket._readyState = CLOSING;
  aborted.add(outgoing);
  // Its "error" is ignored; without a listener it would end the process.
  outgoing.on("error", () => undefined);
  outgoing.destroy();
  outgoing.socket?.destroy();
  process.nextTick(fail, webSocket, new Error(message));
}

/** Ends the handshake after a response that is not acceptable. */
function giveUp(webSocket: Opening, socket: Duplex, message: string): void {
  webSocket._readyState = CLOSING;
  socket.once("error", (error) => webSocket.emit("error", error));
  socket.once("close", () => webSocket.emitClose());
  socket.destroy(new Error(message));
}
