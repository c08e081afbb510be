/**
 * The headers of a message head (RFC 9112 §2.1, §5): reading them within limits, looking them up, and making
 * the lines of those we send. A head is text of one character for each byte. Knows no header's meaning.
 */

import { HandshakeError, quote } from "./handshake-error.js";
import {
  assertHeaderValue,
  assertToken,
  invalidValueIndex,
  isToken,
  trimWhitespace,
} from "./header-values.js";

/**
 * Headers: lower-case name to values in the order of their lines, one for each line. A Map, so that a header
 * called `constructor` or `__proto__` is a header like any other.
 */
export type HttpHeaders = ReadonlyMap<string, readonly string[]>;

/** Headers as hosts give them, such as `headers` or `headersDistinct` of Node's IncomingMessage. */
export type HeaderRecord = Readonly<Record<string, string | readonly string[] | undefined>>;

/** Headers to send: a record, or pairs, of which a name may have several. Undefined values are left out. */
export type HeaderInit =
  | Readonly<Record<string, string | number | readonly (string | number)[] | undefined>>
  | Iterable<readonly [name: string, value: string | number]>;

/** Limits of a head. */
export interface HeadLimits {
  /** Bytes of the head, first line and empty line included. Default 16 KiB. */
  readonly maxHeadLength?: number | undefined;
  /** Header lines. Default 100. */
  readonly maxHeaderCount?: number | undefined;
}

export const DEFAULT_MAX_HEAD_LENGTH = 16384;
export const DEFAULT_MAX_HEADER_COUNT = 100;

/** Bytes of a header line beside name and value: ": " and CRLF. */
export const LINE_OVERHEAD = 4;

/**
 * Parses header lines.
 *
 * @param text - lines that end in CRLF, without the first line of the message; an empty line ends them.
 * @returns the headers; a HandshakeError when a line is malformed or a limit exceeded.
 * @see RFC 9112 §5
 */
export function parseHeaders(text: string, limits: HeadLimits = {}): HttpHeaders | HandshakeError {
  const { maxHeadLength = DEFAULT_MAX_HEAD_LENGTH, maxHeaderCount = DEFAULT_MAX_HEADER_COUNT } = limits;
  if (text.length > maxHeadLength) return headTooLong(maxHeadLength, text.length);
  const headers = new Map<string, string[]>();
  let count = 0;
  for (let start = 0; start < text.length; ) {
    const found = text.indexOf("\r\n", start);
    const end = found < 0 ? text.length : found;
    if (end === start) break;
    if (++count > maxHeaderCount) return tooManyHeaders(maxHeaderCount);
    const line = text.slice(start, end);
    const colon = line.indexOf(":");
    // RFC 9112 §5.1: "No whitespace is allowed between the field name and colon." §5.2: a line that begins
    // with whitespace would go on with the one before; obsolete, and refused as §5.2 lets a server.
    if (colon < 0 || !isToken(line.slice(0, colon))) {
      return new HandshakeError(
        `a header line must be "name: value", not ${quote(line)}`,
        "WS_ERR_INVALID_HEADER",
      );
    }
    const name = line.slice(0, colon).toLowerCase();
    const value = trimWhitespace(line.slice(colon + 1));
    if (invalidValueIndex(value) >= 0) return invalidValue(name, value);
    append(headers, name, value);
    start = end + 2;
  }
  return headers;
}

function append(headers: Map<string, string[]>, name: string, value: string): void {
  const values = headers.get(name);
  if (values === undefined) headers.set(name, [value]);
  else values.push(value);
}

export function invalidValue(name: string, value: string): HandshakeError {
  return new HandshakeError(
    `the ${name} header must have no control characters, as ${quote(value)} does`,
    "WS_ERR_INVALID_HEADER",
  );
}

/** @param actual - bytes that came, at least. */
export function headTooLong(limit: number, actual: number): HandshakeError {
  return new HandshakeError(
    `maxHeadLength is ${limit}, and the head of the handshake has at least ${actual} bytes`,
    "WS_ERR_HANDSHAKE_TOO_LARGE",
  );
}

/** Tells of one header line too many. */
export function tooManyHeaders(limit: number): HandshakeError {
  return new HandshakeError(
    `maxHeaderCount is ${limit}, and the head of the handshake has at least ${limit + 1} header lines`,
    "WS_ERR_HANDSHAKE_TOO_LARGE",
  );
}

/**
 * Looks a header up by its name, in any case.
 *
 * @param source - headers, or the text of a head with or without its first line.
 * @returns its value, undefined if there is none. Several lines are one list, joined by ", " (RFC 9110 §5.3);
 *   Set-Cookie cannot be joined: use `getHeaderValues` for it.
 */
export function getHeader(source: HttpHeaders | HeaderRecord | string, name: string): string | undefined {
  const values = getHeaderValues(source, name);
  return values.length === 0 ? undefined : values.join(", ");
}

/** The values of a header, one for each of its lines; empty if there is none. */
export function getHeaderValues(
  source: HttpHeaders | HeaderRecord | string,
  name: string,
): readonly string[] {
  const wanted = name.toLowerCase();
  if (source instanceof Map) return (source as HttpHeaders).get(wanted) ?? [];
  if (typeof source === "string") return valuesInText(source, wanted);
  const found: string[] = [];
  for (const [key, value] of Object.entries(source as HeaderRecord)) {
    if (value === undefined || key.toLowerCase() !== wanted) continue;
    for (const each of typeof value === "string" ? [value] : value) found.push(trimWhitespace(each));
  }
  return found;
}

function valuesInText(text: string, wanted: string): string[] {
  const found: string[] = [];
  for (let start = 0; start < text.length; ) {
    const end = text.indexOf("\n", start);
    const line = text.slice(start, end < 0 ? text.length : end).replace(/\r$/, "");
    if (line === "" && start > 0) break;
    const colon = line.indexOf(":");
    if (colon >= 0 && line.slice(0, colon).toLowerCase() === wanted)
      found.push(trimWhitespace(line.slice(colon + 1)));
    if (end < 0) break;
    start = end + 1;
  }
  return found;
}

/**
 * Headers that the handshake writes itself, or that would change where the message ends. `ws` lets a caller
 * replace some of them; the endpoint would not know how such a connection was opened.
 */
const RESERVED = new Set(["host", "upgrade", "connection", "content-length", "transfer-encoding"]);
const RESERVED_PREFIX = "sec-websocket-";

/**
 * The header lines of headers that a caller adds to the handshake's own.
 *
 * @returns pairs of the name as it was written and the value.
 * @throws {TypeError} for a name that is not a token, or is reserved, or a value that cannot be sent.
 */
export function listHeaders(init: HeaderInit = []): [name: string, value: string][] {
  const entries =
    Symbol.iterator in init ? (init as Iterable<readonly [string, unknown]>) : Object.entries(init);
  const list: [string, string][] = [];
  for (const [name, given] of entries) {
    assertToken(name, "the name of a header");
    const lowerCase = name.toLowerCase();
    if (RESERVED.has(lowerCase) || lowerCase.startsWith(RESERVED_PREFIX)) {
      throw new TypeError(`the ${name} header is the handshake's own and cannot be given in headers`);
    }
    if (given === undefined) continue;
    for (const value of Array.isArray(given) ? given : [given]) {
      const text = typeof value === "number" ? String(value) : value;
      assertHeaderValue(text, `the ${name} header`);
      list.push([name, text]);
    }
  }
  return list;
}

/** The text of a head. @param lines - without their ends; every part of them was checked. */
export function joinHead(firstLine: string, headers: readonly (readonly [string, string])[]): string {
  return `${[firstLine, ...headers.map(([name, value]) => `${name}: ${value}`)].join("\r\n")}\r\n\r\n`;
}

/**
 * The bytes of a text that `buildHandshakeRequest`, `buildHandshakeResponse` or `buildRefusal` made: one for
 * each character (Latin-1, as in HTTP).
 *
 * @returns new bytes.
 * @throws {RangeError} for a character above U+00FF, which none of those texts has.
 */
export function encodeHead(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) throw new RangeError(`a head has no characters above U+00FF, as at ${i}`);
    bytes[i] = code;
  }
  return bytes;
}

/** The inverse of `encodeHead`. */
export function decodeHead(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  return text;
}
