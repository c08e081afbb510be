/**
 * The client's half of the opening handshake: WebSocket URLs (RFC 6455 §3) and the request (§4.1). Makes text;
 * it knows no socket.
 */

import { isValidKey, toBase64 } from "./handshake-accept.js";
import { quote } from "./handshake-error.js";
import {
  assertHeaderValue,
  assertToken,
  type ExtensionInit,
  listProtocols,
  parseExtensions,
  serializeExtensions,
} from "./header-values.js";
import { type HeaderInit, joinHead, listHeaders } from "./headers.js";

/** User name and password, decoded. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A WebSocket URL and its parts (§3). */
export interface WebSocketUrl {
  /** The URL in its normal form, with the scheme ws or wss; as it was given otherwise, credentials too. */
  readonly href: string;
  readonly scheme: "ws" | "wss";
  /** §3: "The URI is called "secure" … if the scheme component matches "wss"". */
  readonly secure: boolean;
  /** Name or address to connect to; an IPv6 address without brackets. */
  readonly host: string;
  /** Default: 80, or 443 when secure. */
  readonly port: number;
  /** What the Host header says: host, in brackets if it is IPv6, and the port if it is not the default. */
  readonly authority: string;
  /** The resource name: path, and "?" and query if there is one. Never empty. */
  readonly path: string;
  /** Undefined when the URL has neither user name nor password. */
  readonly credentials: Credentials | undefined;
}

/** The schemes that are taken, and what they mean. http and https are mapped as WHATWG does. */
const SCHEMES = new Map<string, "ws" | "wss">([
  ["ws:", "ws"],
  ["wss:", "wss"],
  ["http:", "ws"],
  ["https:", "wss"],
]);

/**
 * Parses a WebSocket URL.
 *
 * @returns undefined when it is none; `resolveWebSocketUrl` says why.
 * @see RFC 6455 §3
 */
export function parseWebSocketUrl(url: string | URL): WebSocketUrl | undefined {
  const parsed = readUrl(url, undefined);
  return typeof parsed === "string" ? undefined : parsed;
}

/**
 * Parses a WebSocket URL, or a reference to one from another: a redirecting server's Location may be relative.
 *
 * @param base - what a relative reference is relative to; without it, `url` must be absolute.
 * @throws {SyntaxError} saying what was expected; it is what browsers and `ws` throw.
 * @see RFC 6455 §3
 */
export function resolveWebSocketUrl(url: string | URL, base?: string | URL): WebSocketUrl {
  const parsed = readUrl(url, base);
  if (typeof parsed === "string") throw new SyntaxError(parsed);
  return parsed;
}

/** Returns what is wrong, or the parts. */
function readUrl(given: string | URL, base: string | URL | undefined): WebSocketUrl | string {
  const shown = quote(String(given));
  let url: URL;
  try {
    url = new URL(given, base);
  } catch {
    return `a WebSocket URL must be absolute, such as "wss://example.com/chat", not ${shown}`;
  }
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined) {
    return `the scheme of a WebSocket URL must be ws, wss, http or https, not ${quote(url.protocol.slice(0, -1))}`;
  }
  // §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used". A "#"
  // that is no fragment's stands escaped in href; an empty fragment shows there and not in hash.
  if (url.href.includes("#")) return `a WebSocket URL must have no fragment, as ${shown} does`;
  const secure = scheme === "wss";
  const { username, password, hostname } = url;
  return {
    href: scheme + url.href.slice(url.protocol.length - 1),
    scheme,
    secure,
    host: hostname.startsWith("[") ? hostname.slice(1, -1) : hostname,
    // The default ports of http and https are those of ws and wss, so URL leaves out the same ones.
    port: url.port === "" ? (secure ? 443 : 80) : Number(url.port),
    authority: url.host,
    path: url.pathname + url.search,
    credentials:
      username === "" && password === ""
        ? undefined
        : { username: decodeComponent(username), password: decodeComponent(password) },
  };
}

/** Percent-decodes; a text that is not well-formed stays as it is. */
function decodeComponent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Query parameters to add: a record, or pairs, such as a URLSearchParams. */
export type QueryInit =
  | Readonly<Record<string, string | number | boolean | undefined>>
  | Iterable<readonly [name: string, value: string]>;

export interface HandshakeRequestOptions {
  /** Where to; or give `host` and `path`. */
  readonly url?: string | URL | WebSocketUrl | undefined;
  /** The Host header, `name` or `name:port`; default: of the URL. One of the two must be given. */
  readonly host?: string | undefined;
  /** The resource name, percent-encoded; default: of the URL, or "/". */
  readonly path?: string | undefined;
  /** From `generateKey`, new for each connection. */
  readonly key: string;
  /** Subprotocols in order of preference: a list, or a text with commas. */
  readonly protocols?: string | readonly string[] | undefined;
  /** Extensions in order of preference: a list, or the header's value. */
  readonly extensions?: string | Iterable<ExtensionInit> | undefined;
  /** More headers, except those that the handshake writes itself. */
  readonly headers?: HeaderInit | undefined;
  /** The Origin header; a page's browser sets it, other clients need none. */
  readonly origin?: string | undefined;
  /** The Cookie header's value, or cookies by name. */
  readonly cookies?: string | Readonly<Record<string, string>> | undefined;
  /**
   * The Authorization header's value, or credentials for HTTP's Basic scheme. Without it, the URL's
   * credentials are sent so, unless `headers` has an Authorization.
   */
  readonly auth?: string | Credentials | undefined;
  /** Added to the query of the path. */
  readonly params?: QueryInit | undefined;
}

/**
 * Builds the request that begins the opening handshake.
 *
 * @returns the text of the whole request, one character for each byte; `encodeHead` makes the bytes.
 * @throws {TypeError} for whatever could not be sent, or would put something else on the wire than it says:
 *   a control character, a token that is none, a header that the handshake writes itself.
 * @throws {SyntaxError} for a URL or subprotocols that cannot be used.
 * @see RFC 6455 §4.1
 */
export function buildHandshakeRequest(options: HandshakeRequestOptions): string {
  const { path, headers } = listHandshakeHeaders(options);
  return joinHead(`GET ${path} HTTP/1.1`, headers);
}

/**
 * What `buildHandshakeRequest` makes a text of, for whoever has an HTTP client that writes it.
 *
 * @throws what that throws.
 */
export function listHandshakeHeaders(options: HandshakeRequestOptions): {
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
} {
  const { url, key, origin } = options;
  const target = typeof url === "string" || url instanceof URL ? resolveWebSocketUrl(url) : url;
  const host = options.host ?? target?.authority;
  if (host === undefined) throw new TypeError("a handshake request needs a url or a host");
  assertHost(host);
  if (!isValidKey(key)) throw new TypeError(`key must be 16 bytes in base64, not ${quote(String(key))}`);
  const path = addQuery(options.path ?? target?.path ?? "/", options.params);
  assertPath(path);

  const headers: [string, string][] = [
    ["Host", host],
    ["Upgrade", "websocket"],
    ["Connection", "Upgrade"],
    ["Sec-WebSocket-Key", key],
    ["Sec-WebSocket-Version", "13"],
  ];
  const protocols = listProtocols(options.protocols);
  if (protocols.length > 0) headers.push(["Sec-WebSocket-Protocol", protocols.join(", ")]);
  const extensions = extensionsText(options.extensions);
  if (extensions !== "") headers.push(["Sec-WebSocket-Extensions", extensions]);

  const given = listHeaders(options.headers);
  const add = (name: string, value: string | undefined) => {
    if (value === undefined) return;
    if (has(given, name))
      throw new TypeError(`the ${name} header is given twice: in headers and by its option`);
    assertHeaderValue(value, `the ${name} header`);
    headers.push([name, value]);
  };
  add("Origin", origin);
  add(
    "Authorization",
    authorizationText(options.auth, has(given, "Authorization") ? undefined : target?.credentials),
  );
  add("Cookie", cookieText(options.cookies));
  return { path, headers: [...headers, ...given] };
}

function has(headers: readonly [string, string][], name: string): boolean {
  return headers.some(([given]) => given.toLowerCase() === name.toLowerCase());
}

/** RFC 9110 §7.2: `uri-host [ ":" port ]`; names of RFC 3986 §3.2.2, brackets around IPv6. */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+)(?::[0-9]{1,5})?$/;

function assertHost(host: string): void {
  if (typeof host !== "string" || !HOST.test(host)) {
    throw new TypeError(`host must be a name or address with or without a port, not ${quote(String(host))}`);
  }
}

/** What may stand in a path: visible ASCII except "#", with which a fragment would begin. */
const PATH = /^\/[!-"$-~]*$/;

function assertPath(path: string): void {
  if (!PATH.test(path)) {
    throw new TypeError(
      `path must begin with "/" and be percent-encoded, without a fragment, not ${quote(String(path))}`,
    );
  }
}

/** The resource name with parameters added to its query; those whose value is undefined are left out. */
export function addQuery(path: string, init: QueryInit | undefined): string {
  if (init === undefined) return path;
  const query = new URLSearchParams();
  const entries =
    Symbol.iterator in init ? (init as Iterable<readonly [string, string]>) : Object.entries(init);
  for (const [name, value] of entries) if (value !== undefined) query.append(name, String(value));
  const added = query.toString();
  if (added === "") return path;
  const begin = path.indexOf("?");
  if (begin < 0) return `${path}?${added}`;
  // A query may contain "?"; only one that is empty or ends in "&" needs nothing between.
  return begin === path.length - 1 || path.endsWith("&") ? path + added : `${path}&${added}`;
}

function extensionsText(given: string | Iterable<ExtensionInit> | undefined): string {
  if (given === undefined || given === "") return "";
  if (typeof given !== "string") return serializeExtensions(given);
  const parsed = parseExtensions(given);
  if (parsed === undefined) throw new TypeError(`extensions must be a list of §9.1, not ${quote(given)}`);
  return serializeExtensions(parsed);
}

function authorizationText(
  auth: string | Credentials | undefined,
  ofUrl: Credentials | undefined,
): string | undefined {
  const given = auth ?? ofUrl;
  if (given === undefined || typeof given === "string") return given;
  const { username, password } = given;
  // RFC 7617 §2: "a user-id containing a colon character is invalid, as the first colon … separates".
  if (username.includes(":")) throw new TypeError("a user name must have no colon");
  for (const text of [username, password]) {
    for (let i = 0; i < text.length; i++) {
      // RFC 7617 §2: "The user-id and password MUST NOT contain any control characters".
      const code = text.charCodeAt(i);
      if (code < 0x20 || code === 0x7f)
        throw new TypeError("user name and password must have no control characters");
    }
  }
  return `Basic ${toBase64(new TextEncoder().encode(`${username}:${password}`))}`;
}

function cookieText(cookies: string | Readonly<Record<string, string>> | undefined): string | undefined {
  if (cookies === undefined || typeof cookies === "string") return cookies;
  const pairs = Object.entries(cookies).map(([name, value]) => {
    assertToken(name, "the name of a cookie");
    // A semicolon would begin another cookie (RFC 6265 §4.2.1); the rest is checked with the header.
    if (String(value).includes(";")) throw new TypeError(`the cookie ${name} must have no semicolon`);
    return `${name}=${value}`;
  });
  return pairs.length === 0 ? undefined : pairs.join("; ");
}
