/**
 * The server's answer to a request (RFC 6455 §4.2.2): the text of the 101 response, or of a refusal. Knows no
 * socket; `judgement.ts` decides between the two.
 */

import { computeAccept, isValidKey } from "./accept.js";
import { quote } from "./handshake-error.js";
import { assertHeaderValue, assertToken, type ExtensionInit, serializeExtensions } from "./header-values.js";
import { decodeHead, type HeaderInit, joinHead, listHeaders } from "./headers.js";

/** The beginning of every response that accepts, up to the digest. */
const ACCEPTED =
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ";

export interface HandshakeResponseOptions {
  /** The key of the request. */
  readonly key: string;
  /** The subprotocol chosen among those offered; undefined, false or empty for none. */
  readonly protocol?: string | false | undefined;
  /** The extensions accepted, with the parameters agreed on. */
  readonly extensions?: Iterable<ExtensionInit> | undefined;
  /** More headers, except those that the handshake writes itself. */
  readonly headers?: HeaderInit | undefined;
}

/**
 * Builds the response that accepts a connection.
 *
 * @returns the text of the whole response, one character for each byte; `encodeHead` makes the bytes.
 * @throws {TypeError} for a value that cannot be sent, such as a control character in a header.
 * @see RFC 6455 §4.2.2 item 5
 */
export function buildHandshakeResponse(options: HandshakeResponseOptions): string {
  const { key, protocol, extensions } = options;
  if (!isValidKey(key)) throw new TypeError(`key must be 16 bytes in base64, not ${quote(String(key))}`);
  let text = `${ACCEPTED}${computeAccept(key)}\r\n`;
  // §4.2.2: "The empty string … is not a legal value for this field": none means no header.
  if (protocol !== undefined && protocol !== false && protocol !== "") {
    assertToken(protocol, "the subprotocol");
    text += `Sec-WebSocket-Protocol: ${protocol}\r\n`;
  }
  const accepted = extensions === undefined ? "" : serializeExtensions(extensions);
  if (accepted !== "") text += `Sec-WebSocket-Extensions: ${accepted}\r\n`;
  if (options.headers !== undefined) {
    for (const [name, value] of listHeaders(options.headers)) text += `${name}: ${value}\r\n`;
  }
  return `${text}\r\n`;
}

/** RFC 9110 §15, RFC 6585: reason phrases of the usual refusals. Other statuses have none. */
const REASONS = new Map([
  [301, "Moved Permanently"],
  [302, "Found"],
  [303, "See Other"],
  [307, "Temporary Redirect"],
  [308, "Permanent Redirect"],
  [400, "Bad Request"],
  [401, "Unauthorized"],
  [403, "Forbidden"],
  [404, "Not Found"],
  [405, "Method Not Allowed"],
  [408, "Request Timeout"],
  [410, "Gone"],
  [426, "Upgrade Required"],
  [429, "Too Many Requests"],
  [431, "Request Header Fields Too Large"],
  [500, "Internal Server Error"],
  [501, "Not Implemented"],
  [502, "Bad Gateway"],
  [503, "Service Unavailable"],
  [504, "Gateway Timeout"],
]);

export interface RefusalOptions {
  /** 300 to 599. */
  readonly status: number;
  /** More headers: WWW-Authenticate, Location, Retry-After, … */
  readonly headers?: HeaderInit | undefined;
  /** Text, sent as UTF-8; default empty. */
  readonly body?: string | undefined;
}

/** Headers that only the handshake writes in other messages, and that a refusal may have. */
const REFUSAL_OWN = new Set(["upgrade", "sec-websocket-version"]);

/**
 * Builds the response that refuses a connection; the connection ends after it.
 *
 * @returns the text of the whole response, one character for each byte, the body's too: `encodeHead` makes
 *   the bytes.
 * @throws {RangeError} for a status that is not a refusal.
 * @throws {TypeError} for a value that cannot be sent, such as a control character in a header.
 * @see RFC 6455 §4.2.2
 */
export function buildRefusal({ status, headers = [], body = "" }: RefusalOptions): string {
  if (!Number.isInteger(status) || status < 300 || status > 599) {
    throw new RangeError(`the status of a refusal must be 300 to 599, not ${status}`);
  }
  const own: [string, string][] = [];
  const others: (readonly [string, string | number])[] = [];
  const entries = Symbol.iterator in headers ? headers : Object.entries(headers);
  for (const [name, value] of entries as Iterable<
    readonly [string, string | number | string[] | undefined]
  >) {
    if (value === undefined) continue;
    if (REFUSAL_OWN.has(String(name).toLowerCase())) {
      assertHeaderValue(String(value), `the ${name} header`);
      own.push([name, String(value)]);
    } else {
      for (const each of Array.isArray(value) ? value : [value]) others.push([name, each]);
    }
  }
  const given = listHeaders(others);
  const upgrades = own.some(([name]) => name.toLowerCase() === "upgrade");
  const hasType = given.some(([name]) => name.toLowerCase() === "content-type");
  const bytes = new TextEncoder().encode(body);
  const head = joinHead(`HTTP/1.1 ${status} ${REASONS.get(status) ?? ""}`, [
    // RFC 9110 §7.8: "A sender of Upgrade MUST also send an "Upgrade" connection option".
    ["Connection", upgrades ? "Upgrade, close" : "close"],
    ...own,
    ...given,
    ...(hasType || body === "" ? [] : ([["Content-Type", "text/plain; charset=utf-8"]] as const)),
    ["Content-Length", String(bytes.length)],
  ]);
  return head + decodeHead(bytes);
}
