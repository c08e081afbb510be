/** The client's request that begins the opening handshake (RFC 6455 §4.1): builds its text. Knows no socket. */

import { isValidKey, toBase64 } from "./accept.js";
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
import { addQuery, type Credentials, type QueryInit, resolveWebSocketUrl, type WebSocketUrl } from "./url.js";

export interface HandshakeRequestOptions {
  /** The URL to connect to; or give `host` and `path`. */
  readonly url?: string | URL | WebSocketUrl | undefined;
  /** The Host header, `name` or `name:port`; default: that in `headers`, or of the URL. One of them must be given. */
  readonly host?: string | undefined;
  /** The resource name, percent-encoded; default: of the URL, or "/". */
  readonly path?: string | undefined;
  /** From `generateKey`, new for each connection. */
  readonly key: string;
  /** Subprotocols in order of preference: a list, or a text with commas. */
  readonly protocols?: string | readonly string[] | undefined;
  /** Extensions in order of preference: a list, or the header's value. */
  readonly extensions?: string | Iterable<ExtensionInit> | undefined;
  /** More headers, except those that the handshake writes itself; a Host among them replaces the URL's. */
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
 * @throws {TypeError} for a value that cannot be sent, or would change the meaning of the request: a control
 *   character, an invalid token, a header that the handshake writes itself.
 * @throws {SyntaxError} for a URL or subprotocols that cannot be used.
 * @see RFC 6455 §4.1
 */
export function buildHandshakeRequest(options: HandshakeRequestOptions): string {
  const { path, headers } = listHandshakeHeaders(options);
  return joinHead(`GET ${path} HTTP/1.1`, headers);
}

/**
 * The path and headers of `buildHandshakeRequest`, for an HTTP client that writes the text itself.
 *
 * @throws as `buildHandshakeRequest` does.
 */
export function listHandshakeHeaders(options: HandshakeRequestOptions): {
  readonly path: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
} {
  const { url, key, origin } = options;
  const target = typeof url === "string" || url instanceof URL ? resolveWebSocketUrl(url) : url;
  const { host: ownHost, others } = splitHost(options.headers);
  if (ownHost !== undefined && options.host !== undefined) {
    throw new TypeError("the Host header is given twice: in headers and by its option");
  }
  const host = options.host ?? ownHost ?? target?.authority;
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

  const given = listHeaders(others);
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

/** Takes the Host header out of headers. */
function splitHost(headers: HeaderInit = []): { host: string | undefined; others: HeaderInit } {
  const entries =
    Symbol.iterator in headers
      ? [...(headers as Iterable<readonly [string, string]>)]
      : (Object.entries(headers) as [string, string][]);
  const isHost = ([name]: readonly [string, unknown]) => String(name).toLowerCase() === "host";
  const [host, second] = entries.filter(isHost);
  if (second !== undefined) throw new TypeError("the Host header must be given once");
  return { host: host?.[1], others: entries.filter((entry) => !isHost(entry)) };
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

/** A path: visible ASCII except "#", which would begin a fragment. */
const PATH = /^\/[!-"$-~]*$/;

function assertPath(path: string): void {
  if (!PATH.test(path)) {
    throw new TypeError(
      `path must begin with "/" and be percent-encoded, without a fragment, not ${quote(String(path))}`,
    );
  }
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
  if (typeof username !== "string" || typeof password !== "string") {
    throw new TypeError("auth must be a text, or an object of username and password, both texts");
  }
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
