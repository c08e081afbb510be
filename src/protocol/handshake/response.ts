/**
 * The client's view of the response (RFC 6455 §4.1): reading its head from chunks of any size, and judging
 * it. An error of the server is a value, never an exception.
 */

import { InvalidStateError } from "../../codec/index.js";
import { computeAccept } from "./accept.js";
import { HandshakeError, type HandshakeErrorCode, quote } from "./handshake-error.js";
import {
  asciiLowerCase,
  type Extension,
  type ExtensionInit,
  isToken,
  listIncludes,
  listProtocols,
  parseExtensions,
} from "./header-values.js";
import {
  DEFAULT_MAX_HEAD_LENGTH,
  DEFAULT_MAX_HEADER_COUNT,
  decodeHead,
  getHeader,
  getHeaderValues,
  type HeaderRecord,
  type HeadLimits,
  type HttpHeaders,
  headTooLong,
  parseHeaders,
  tooManyHeaders,
} from "./headers.js";

/** RFC 9112 §4: `HTTP-version SP status-code SP [ reason-phrase ]`; the last space is often left out. */
const STATUS_LINE = /^HTTP\/1\.[0-9] ([1-9][0-9]{2})(?: ([\t -~\x80-\xff]*))?$/;

/**
 * Parses the first line of a response.
 *
 * @param line - without its CRLF.
 * @returns the status code, undefined when it is not an HTTP/1 status line.
 * @see RFC 9112 §4
 */
export function parseStatusLine(line: string): number | undefined {
  const match = STATUS_LINE.exec(line);
  return match === null ? undefined : Number(match[1]);
}

/** The head of a response. */
export interface ResponseHead {
  readonly status: number;
  /** The reason phrase, empty if there was none. */
  readonly statusText: string;
  readonly headers: HttpHeaders;
  /**
   * Bytes that came after the head: with status 101 the first of the frames, otherwise the beginning of a
   * body. A view of the last chunk.
   */
  readonly rest: Uint8Array;
}

const CR = 0x0d;
const LF = 0x0a;
const NUL = 0x00;

/** The beginning of every response. A peer that speaks another protocol is detected by its first bytes. */
const BEGINNING = "HTTP/1.";

/** Bytes that the reader keeps at first; more are taken as they arrive, up to the limit. */
const INITIAL_LENGTH = 1024;

/**
 * Reads the head of a response from chunks of any size. Every byte is read once and kept at most until
 * the head is whole, so a server that sends it slowly or without end costs no more than the limit
 * (CVE-2023-43669).
 */
export class HandshakeReader {
  readonly #maxHeadLength: number;
  readonly #maxHeaderCount: number;
  #kept = new Uint8Array(0);
  /** Bytes of this head that are kept. */
  #length = 0;
  /** Bytes of earlier heads: interim responses count towards the limit. */
  #dropped = 0;
  /** Ended lines of this head. */
  #lineCount = 0;
  /** Bytes of the current line so far, its CR included. */
  #lineLength = 0;
  #previous = -1;
  /** Whether the last byte ended an empty line. */
  #headEnded = false;
  #done = false;

  constructor(limits: HeadLimits = {}) {
    this.#maxHeadLength = limits.maxHeadLength ?? DEFAULT_MAX_HEAD_LENGTH;
    this.#maxHeaderCount = limits.maxHeaderCount ?? DEFAULT_MAX_HEADER_COUNT;
  }

  /**
   * Takes the next bytes of the connection.
   *
   * @param chunk - the caller's; `rest` of the result is a view of it.
   * @returns the head once it is whole; a HandshakeError once it is invalid; undefined before.
   * @throws {InvalidStateError} after the head or an error was returned.
   */
  push(chunk: Uint8Array): ResponseHead | HandshakeError | undefined {
    if (this.#done) throw new InvalidStateError("the head of the response has been read");
    let start = 0;
    for (let i = 0; i < chunk.length; i++) {
      const length = this.#length + i - start + 1;
      const error = this.#judgeByte(chunk[i], length);
      if (error !== undefined) return this.#finish(error);
      if (!this.#headEnded) continue;

      const head = this.#parse(this.#keep(chunk.subarray(start, i + 1)), chunk.subarray(i + 1));
      // RFC 9110 §15.2: "A client MUST be able to parse one or more 1xx responses received prior to a final
      // response". 101 is the final one here.
      const isInterim = !(head instanceof HandshakeError) && head.status < 200 && head.status !== 101;
      if (!isInterim) return this.#finish(head);
      this.#dropped += length;
      this.#length = this.#lineCount = 0;
      this.#previous = -1;
      this.#headEnded = false;
      start = i + 1;
    }
    this.#keep(chunk.subarray(start));
    return undefined;
  }

  /** @param length - of this head, with this byte. */
  #judgeByte(byte: number, length: number): HandshakeError | undefined {
    const whole = this.#dropped + length;
    if (whole > this.#maxHeadLength) return headTooLong(this.#maxHeadLength, whole);
    if (length <= BEGINNING.length && byte !== BEGINNING.charCodeAt(length - 1)) {
      return invalidResponse(`begin with "${BEGINNING}"; byte ${length - 1} is 0x${byte.toString(16)}`);
    }
    // Lines end in CRLF only: if two readers disagree about line ends, they see different heads.
    const isLineEnd = byte === LF;
    if (isLineEnd !== (this.#previous === CR)) {
      return invalidResponse(isLineEnd ? "end its lines in CRLF, not LF" : "have no CR without LF");
    }
    if (byte === NUL) return invalidResponse("have no NUL in its head");
    this.#previous = byte;
    if (!isLineEnd) {
      this.#lineLength++;
      return undefined;
    }
    this.#headEnded = this.#lineLength === 1;
    this.#lineLength = 0;
    if (this.#headEnded) return undefined;
    // The first line is not a header.
    return this.#lineCount++ > this.#maxHeaderCount ? tooManyHeaders(this.#maxHeaderCount) : undefined;
  }

  /** Keeps bytes of the head. Returns all of it that is kept. */
  #keep(bytes: Uint8Array): Uint8Array {
    const length = this.#length + bytes.length;
    if (length > this.#kept.length) {
      const grown = new Uint8Array(Math.max(length, this.#kept.length * 2, INITIAL_LENGTH));
      grown.set(this.#kept.subarray(0, this.#length));
      this.#kept = grown;
    }
    this.#kept.set(bytes, this.#length);
    this.#length = length;
    return this.#kept.subarray(0, length);
  }

  #parse(bytes: Uint8Array, rest: Uint8Array): ResponseHead | HandshakeError {
    const text = decodeHead(bytes);
    const lineLength = text.indexOf("\r\n");
    const line = text.slice(0, lineLength);
    const match = STATUS_LINE.exec(line);
    if (match === null) return invalidResponse(`begin with a status line, not ${quote(line)}`);
    const headers = parseHeaders(text.slice(lineLength + 2), {
      maxHeadLength: this.#maxHeadLength,
      maxHeaderCount: this.#maxHeaderCount,
    });
    const status = Number(match[1]);
    if (headers instanceof HandshakeError) return new HandshakeError(headers.message, headers.code, status);
    return { status, statusText: match[2] ?? "", headers, rest };
  }

  #finish<T>(result: T): T {
    this.#done = true;
    this.#kept = new Uint8Array(0);
    return result;
  }
}

function invalidResponse(expected: string): HandshakeError {
  return new HandshakeError(`the response must ${expected}`, "WS_ERR_INVALID_RESPONSE");
}

/** The values of our request that the response must match. */
export interface ExpectedHandshake {
  /** The Sec-WebSocket-Key. */
  readonly key: string;
  /** The subprotocols offered. */
  readonly protocols?: string | readonly string[] | undefined;
  /** The extensions offered: a list, or the header's value. */
  readonly extensions?: string | Iterable<Pick<ExtensionInit, "name">> | undefined;
  /**
   * Whether a server must choose one of the subprotocols offered. Default false, as in RFC 6455; browsers and `ws`
   * require it.
   */
  readonly requireProtocol?: boolean | undefined;
}

/** An opening handshake that succeeded. */
export interface AcceptedHandshake {
  readonly ok: true;
  /** The subprotocol in use, empty if there is none (§4.1). */
  readonly protocol: string;
  /** The extensions that the server accepted, in its order; each extension judges its parameters. */
  readonly extensions: readonly Extension[];
}

/** The judged parts of a response. A ResponseHead has this shape; Node's IncomingMessage has it under other names. */
export interface HandshakeResponse {
  readonly status: number;
  readonly headers: HttpHeaders | HeaderRecord;
  /** The beginning of the body, as far as it was read: for the error, if there is one. */
  readonly body?: Uint8Array | undefined;
}

/** Headers of either form, as a map. */
function collectHeaders(headers: HttpHeaders | HeaderRecord): HttpHeaders {
  if (headers instanceof Map) return headers as HttpHeaders;
  const collected = new Map<string, readonly string[]>();
  for (const name of Object.keys(headers)) {
    const values = getHeaderValues(headers, name);
    if (values.length > 0) collected.set(name.toLowerCase(), values);
  }
  return collected;
}

/** An error about a response, with the response's headers and body. */
function fault(
  response: HandshakeResponse,
  message: string,
  code: HandshakeErrorCode,
  target?: string,
): HandshakeError {
  const { status, headers, body } = response;
  return new HandshakeError(message, code, status, {
    location: target,
    headers: collectHeaders(headers),
    body,
  });
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/**
 * Judges a server's response to our request.
 *
 * @returns the agreement, or a HandshakeError with the response's status, headers and body; for a redirect
 *   also its `location`.
 * @throws {SyntaxError} for `expected.protocols` that could not have been offered.
 * @see RFC 6455 §4.1, "The client MUST validate the server's response as follows"
 */
export function validateHandshakeResponse(
  response: HandshakeResponse,
  expected: ExpectedHandshake,
): AcceptedHandshake | HandshakeError {
  const { status, headers } = response;
  // Item 1: "If the status code received from the server is not 101, the client handles the response per
  // HTTP procedures". Its other headers do not matter then.
  if (status !== 101) {
    const target = getHeaderValues(headers, "Location")[0];
    if (REDIRECTS.has(status) && target !== undefined) {
      const message = `the server must answer with status 101, not ${status} to ${quote(target)}`;
      return fault(response, message, "WS_ERR_REDIRECTED", target);
    }
    const message = `the server must answer with status 101, not ${status}`;
    return fault(response, message, "WS_ERR_UNEXPECTED_STATUS");
  }

  // Item 2: "… contains a value that is not an ASCII case-insensitive match for the value "websocket"".
  const upgrade = getHeader(headers, "Upgrade");
  if (upgrade === undefined || asciiLowerCase(upgrade) !== "websocket") {
    const message = `the Upgrade header must be "websocket", not ${quote(upgrade)}`;
    return fault(response, message, "WS_ERR_INVALID_UPGRADE_HEADER");
  }
  // Item 3: "… doesn't contain a token that is an ASCII case-insensitive match for the value "Upgrade"".
  const connection = getHeader(headers, "Connection");
  if (connection === undefined || !listIncludes(connection, "upgrade")) {
    const message = `the Connection header must list "Upgrade", not ${quote(connection)}`;
    return fault(response, message, "WS_ERR_INVALID_CONNECTION_HEADER");
  }
  // Item 4. Nothing secret is compared: the side that answers has seen the key.
  const accept = getHeader(headers, "Sec-WebSocket-Accept");
  const digest = computeAccept(expected.key);
  if (accept !== digest) {
    const message = `the Sec-WebSocket-Accept header must be ${quote(digest)}, not ${quote(accept)}`;
    return fault(response, message, "WS_ERR_INVALID_ACCEPT_HEADER");
  }
  const extensions = judgeExtensions(response, expected);
  if (extensions instanceof HandshakeError) return extensions;
  const protocol = judgeProtocol(response, expected);
  if (protocol instanceof HandshakeError) return protocol;
  return { ok: true, protocol, extensions };
}

/** Whether a response completes the handshake; `validateHandshakeResponse` says why not. */
export function isValidHandshakeResponse(response: HandshakeResponse, expected: ExpectedHandshake): boolean {
  return validateHandshakeResponse(response, expected).ok;
}

/** Item 5: "… indicates the use of an extension that was not present in the client's handshake". */
function judgeExtensions(
  response: HandshakeResponse,
  { extensions: offered = [] }: ExpectedHandshake,
): readonly Extension[] | HandshakeError {
  const value = getHeader(response.headers, "Sec-WebSocket-Extensions");
  if (value === undefined) return [];
  const accepted = parseExtensions(value);
  if (accepted === undefined) {
    const message = `the Sec-WebSocket-Extensions header must be a list of extensions, not ${quote(value)}`;
    return fault(response, message, "WS_ERR_INVALID_EXTENSIONS_HEADER");
  }
  const names = new Set<string>();
  for (const { name } of typeof offered === "string" ? (parseExtensions(offered) ?? []) : offered)
    names.add(name);
  const stray = accepted.find(({ name }) => !names.has(name));
  if (stray === undefined) return accepted;
  const message = `the server must accept extensions that were offered (${listed(names)}), not ${quote(stray.name)}`;
  return fault(response, message, "WS_ERR_UNEXPECTED_EXTENSION");
}

/** Item 6: "… indicates the use of a subprotocol that was not present in the client's handshake". */
function judgeProtocol(
  response: HandshakeResponse,
  { protocols, requireProtocol = false }: ExpectedHandshake,
): string | HandshakeError {
  const offered = listProtocols(protocols);
  const values = getHeaderValues(response.headers, "Sec-WebSocket-Protocol");
  if (values.length === 0) {
    if (!requireProtocol || offered.length === 0) return "";
    const message = `the server must choose one of the subprotocols ${listed(offered)}, not none`;
    return fault(response, message, "WS_ERR_UNEXPECTED_PROTOCOL");
  }
  // §11.3.4: "the header field MUST NOT appear more than once in an HTTP response".
  if (values.length > 1 || !isToken(values[0])) {
    const message = `the Sec-WebSocket-Protocol header must be one token, not ${quote(values.join(", "))}`;
    return fault(response, message, "WS_ERR_INVALID_PROTOCOL_HEADER");
  }
  if (offered.includes(values[0])) return values[0];
  const message = `the server must choose a subprotocol that was offered (${listed(offered)}), not ${quote(values[0])}`;
  return fault(response, message, "WS_ERR_UNEXPECTED_PROTOCOL");
}

function listed(names: Iterable<string>): string {
  return [...names].map(quote).join(", ") || "none";
}
