/** WebSocket URLs (RFC 6455 §3): parsing, resolving, and query parameters. */

import { quote } from "./handshake-error.js";

/** User name and password, decoded. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** A WebSocket URL and its parts (§3). */
export interface WebSocketUrl {
  /**
   * The URL in its normal form, with the scheme ws, wss, ws+unix or wss+unix, and with its credentials.
   */
  readonly href: string;
  readonly scheme: "ws" | "wss";
  /** §3: "The URI is called "secure" … if the scheme component matches "wss"". */
  readonly secure: boolean;
  /** Name or address to connect to; an IPv6 address without brackets. "localhost" for a Unix socket. */
  readonly host: string;
  /** Default: 80, or 443 when secure. */
  readonly port: number;
  /** The Host header: host, in brackets if it is IPv6, and the port if it is not the default. */
  readonly authority: string;
  /** The resource name: path, and "?" and query if there is one. Never empty. */
  readonly path: string;
  /** Undefined when the URL has neither user name nor password. */
  readonly credentials: Credentials | undefined;
  /** The file of the Unix socket to connect to, decoded; undefined for a URL that names a host. */
  readonly socketPath: string | undefined;
}

/**
 * The schemes, and their meaning. http and https are mapped as WHATWG does; the schemes of Unix sockets are
 * those of `ws`: `ws+unix:/file:/resource`.
 */
const SCHEMES = new Map<string, "ws" | "wss">([
  ["ws:", "ws"],
  ["wss:", "wss"],
  ["http:", "ws"],
  ["https:", "wss"],
  ["ws+unix:", "ws"],
  ["wss+unix:", "wss"],
]);

/**
 * Parses a WebSocket URL.
 *
 * @returns undefined for any other text; `resolveWebSocketUrl` says why.
 * @see RFC 6455 §3
 */
export function parseWebSocketUrl(url: string | URL): WebSocketUrl | undefined {
  const parsed = readUrl(url, undefined);
  return typeof parsed === "string" ? undefined : parsed;
}

/**
 * Parses a WebSocket URL, or a reference to one from another: a redirecting server's Location may be relative.
 *
 * @param base - the base of a relative reference; without it, `url` must be absolute.
 * @throws {SyntaxError} that names the expected form, as browsers and `ws` do.
 * @see RFC 6455 §3
 */
export function resolveWebSocketUrl(url: string | URL, base?: string | URL): WebSocketUrl {
  const parsed = readUrl(url, base);
  if (typeof parsed === "string") throw new SyntaxError(parsed);
  return parsed;
}

/** Returns the parts, or an error message. */
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
    return `the scheme of a WebSocket URL must be ws, wss, http, https or ws+unix, not ${quote(url.protocol.slice(0, -1))}`;
  }
  // §3: "Fragment identifiers are meaningless in the context of WebSocket URIs and MUST NOT be used". In
  // href, a "#" outside of a fragment is escaped; an empty fragment is visible in href and not in hash.
  if (url.href.includes("#")) return `a WebSocket URL must have no fragment, as ${shown} does`;
  if (url.protocol.endsWith("+unix:")) return readUnixUrl(url, scheme, shown);
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
    socketPath: undefined,
  };
}

/** Reads `ws+unix:/file:/resource`; without `:/resource` it is "/". A colon in the file's name stands as %3A. */
function readUnixUrl(url: URL, scheme: "ws" | "wss", shown: string): WebSocketUrl | string {
  const given = url.pathname + url.search;
  const colon = given.indexOf(":");
  const file = colon < 0 ? url.pathname : given.slice(0, colon);
  const path = colon < 0 ? `/${url.search}` : given.slice(colon + 1) || "/";
  if (url.host !== "" || url.username !== "" || file === "" || file.includes("?") || !path.startsWith("/")) {
    return `the URL of a Unix socket must be such as "ws+unix:/file:/resource", not ${shown}`;
  }
  const secure = scheme === "wss";
  return {
    href: `${scheme}+unix:${file}:${path}`,
    scheme,
    secure,
    host: "localhost",
    port: secure ? 443 : 80,
    authority: "localhost",
    path,
    credentials: undefined,
    socketPath: decodeComponent(file),
  };
}

/**
 * The text of a URL for users and logs: without credentials.
 *
 * @param path - the resource name; default: the URL's.
 */
export function printWebSocketUrl(url: WebSocketUrl, path = url.path): string {
  const { scheme, authority, socketPath } = url;
  if (socketPath === undefined) return `${scheme}://${authority}${path}`;
  return `${scheme}+unix:${socketPath.split("/").map(encodeURIComponent).join("/")}:${path}`;
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
