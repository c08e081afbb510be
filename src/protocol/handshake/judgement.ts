/**
 * The server's judgement of a request to open a connection (RFC 6455 §4.2.1): its offer, or the reason to refuse it.
 * The caller has parsed HTTP; `answer.ts` builds the answer.
 */

import { isValidKey } from "./accept.js";
import { HandshakeError, type HandshakeErrorCode, quote } from "./handshake-error.js";
import { type Extension, listIncludes, parseExtensions, parseProtocols } from "./header-values.js";
import type { HeaderRecord, HeadLimits, HttpHeaders } from "./headers.js";
import { isValidHost } from "./host-header.js";
import { judgeOrigin, type OriginPolicy } from "./origin.js";
import { readHeaders, readRawHeaders } from "./request-fields.js";

/** A request as HTTP parsers give it; Node's IncomingMessage is one. */
export interface HandshakeRequest {
  readonly method?: string | undefined;
  /** Such as "1.1". */
  readonly httpVersion?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** Any of them may be missing, or an array where a line came twice. */
  readonly headers: HttpHeaders | HeaderRecord;
  /**
   * Name, value, name, value, … of every line, as they came. If they are given, they are judged instead of
   * `headers`: hosts merge lines there, and drop repeated ones.
   */
  readonly rawHeaders?: readonly string[] | undefined;
}

export interface HandshakeServerOptions extends HeadLimits {
  /** Which pages may connect. Default "same-origin". */
  readonly origin?: OriginPolicy | undefined;
}

/** A request that can be answered with 101. */
export interface HandshakeOffer {
  readonly ok: true;
  /** For `buildHandshakeResponse`. */
  readonly key: string;
  readonly version: 13;
  /** The Host header. */
  readonly host: string;
  /**
   * The resource name: path, and "?" and query if there is one; also when the request gave a whole URI. As the
   * client sent it: one that begins with "//" would name another host if it were resolved as a reference.
   */
  readonly path: string;
  /** The Origin header, undefined if there was none: then it is not from a browser. */
  readonly origin: string | undefined;
  /** Subprotocols offered, in order of preference. Ask for a choice only if there are any. */
  readonly protocols: readonly string[];
  /** Extensions offered, in order of preference, repeated ones included. */
  readonly extensions: readonly Extension[];
}

/** A request that must be refused, with its refusal; `buildRefusal` takes it as it is. */
export interface HandshakeRefusal {
  readonly ok: false;
  readonly status: number;
  readonly code: HandshakeErrorCode;
  readonly headers: Readonly<Record<string, string>>;
  /** Names the expected value; repeats nothing of the request. */
  readonly body: string;
  /** For logs: also repeats the given value. */
  readonly error: HandshakeError;
}

const NONE: readonly never[] = [];

/** Headers that the answers of some codes must have. */
const REFUSAL_HEADERS: Readonly<Partial<Record<HandshakeErrorCode, Readonly<Record<string, string>>>>> = {
  // RFC 9110 §15.5.6: "The origin server MUST generate an Allow header field in a 405 response".
  WS_ERR_INVALID_METHOD: { Allow: "GET" },
  // RFC 9110 §15.5.22: "The server MUST send an Upgrade header field in a 426 response".
  WS_ERR_INVALID_UPGRADE_HEADER: { Upgrade: "websocket" },
  // §4.2.2: "a |Sec-WebSocket-Version| header field indicating the version(s) the server is capable of".
  WS_ERR_UNSUPPORTED_VERSION: { Upgrade: "websocket", "Sec-WebSocket-Version": "13" },
  WS_ERR_INVALID_VERSION_HEADER: { "Sec-WebSocket-Version": "13" },
};

function refuse(code: HandshakeErrorCode, expected: string, came?: string): HandshakeRefusal {
  const error = new HandshakeError(came === undefined ? expected : `${expected}, not ${came}`, code);
  const headers = REFUSAL_HEADERS[code] ?? {};
  return { ok: false, status: error.status, code, headers, body: expected, error };
}

/**
 * Judges a request to open a connection.
 *
 * @returns its offer, or a refusal. Never throws for an error of the client.
 * @throws errors of `options.origin`, if it is a function, and a TypeError if that returns no boolean.
 * @see RFC 6455 §4.2.1
 */
export function judgeHandshakeRequest(
  request: HandshakeRequest,
  options: HandshakeServerOptions = {},
): HandshakeOffer | HandshakeRefusal {
  const { method, httpVersion, url } = request;
  // Item 1: "An HTTP/1.1 or higher GET request".
  if (method !== "GET") return refuse("WS_ERR_INVALID_METHOD", "the method must be GET", quote(method));
  if (!isHttp11(httpVersion)) {
    return refuse("WS_ERR_INVALID_HTTP_VERSION", "the HTTP version must be at least 1.1", quote(httpVersion));
  }
  const { rawHeaders } = request;
  const fields =
    rawHeaders === undefined ? readHeaders(request.headers, options) : readRawHeaders(rawHeaders, options);
  if (fields instanceof HandshakeError) {
    const { code, message, status } = fields;
    const body = code === "WS_ERR_INVALID_HEADER" ? "a header must have no control characters" : message;
    return { ok: false, status, code, headers: {}, body, error: fields };
  }

  // Item 2: "A |Host| header field containing the server's authority." RFC 9112 §3.2: "A server MUST respond with
  // a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a Host header field and to any
  // request message that contains more than one Host header field line or a Host header field with an invalid
  // field value."
  const { host } = fields;
  if (host === undefined || !isValidHost(host)) {
    const expected = "there must be one Host header, a host and perhaps a port";
    return refuse("WS_ERR_INVALID_HOST_HEADER", expected, quote(host));
  }
  const path = resourceName(url, host);
  if (path === undefined) {
    const expected = "the request target must be a path or an http URI of this host";
    return refuse("WS_ERR_INVALID_REQUEST_TARGET", expected, quote(url));
  }
  // Item 3: "An |Upgrade| header field containing the value "websocket", treated as an ASCII
  // case-insensitive value." It may be missing although the client sent it: hosts drop headers past a
  // number of them (CVE-2024-37890).
  const { upgrade } = fields;
  if (upgrade !== "websocket" && (upgrade === undefined || !listIncludes(upgrade, "websocket"))) {
    const expected = 'the Upgrade header must say "websocket"';
    return refuse("WS_ERR_INVALID_UPGRADE_HEADER", expected, quote(upgrade));
  }
  // Item 4: "A |Connection| header field that includes the token "Upgrade"".
  const { connection } = fields;
  if (connection !== "Upgrade" && (connection === undefined || !listIncludes(connection, "upgrade"))) {
    const expected = 'the Connection header must list "Upgrade"';
    return refuse("WS_ERR_INVALID_CONNECTION_HEADER", expected, quote(connection));
  }
  // RFC 9110 §7.8 lets a client send its content before it speaks the new protocol. A handshake has no content,
  // and its bytes must not be taken for frames.
  if (fields.transferEncoding !== undefined || (fields.contentLength ?? "0") !== "0") {
    return refuse("WS_ERR_UNEXPECTED_BODY", "the request must have no content");
  }
  const refusal = judgeVersion(fields.version);
  if (refusal !== undefined) return refusal;

  // Item 5. §11.3.1: "The |Sec-WebSocket-Key| header field MUST NOT appear more than once".
  const { key } = fields;
  if (key === undefined || !isValidKey(key)) {
    return refuse(
      "WS_ERR_INVALID_KEY_HEADER",
      "Sec-WebSocket-Key must be 16 bytes in base64, once",
      quote(key),
    );
  }
  // Item 8. §11.3.4: it "MAY appear multiple times in an HTTP request (which is logically the same as a
  // single |Sec-WebSocket-Protocol| header field that contains all values)".
  const protocols = fields.protocol === undefined ? NONE : parseProtocols(fields.protocol);
  if (protocols === undefined) {
    const expected = "Sec-WebSocket-Protocol must be a list of different tokens";
    return refuse("WS_ERR_INVALID_PROTOCOL_HEADER", expected, quote(fields.protocol));
  }
  // Item 9. §9.1: "the recipient of such malformed data MUST immediately _Fail the WebSocket Connection_".
  const extensions = fields.extensions === undefined ? NONE : offersIn(fields.extensions);
  if (extensions === undefined) {
    const expected = "Sec-WebSocket-Extensions must be a list of extensions";
    return refuse("WS_ERR_INVALID_EXTENSIONS_HEADER", expected, quote(fields.extensions));
  }
  // §4.2.2: "If the server does not wish to accept this connection, it MUST return an appropriate HTTP
  // error code (e.g., 403 Forbidden)".
  const { origin } = fields;
  if (!judgeOrigin(origin, host, options.origin)) {
    return refuse("WS_ERR_ORIGIN_NOT_ALLOWED", "the Origin must be one that may connect here", quote(origin));
  }
  return { ok: true, key, version: 13, host, path, origin, protocols, extensions };
}

/** The last offers of extensions that were read: browsers of one make all send the same text. */
let lastOffers: { readonly text: string; readonly extensions: readonly Extension[] } | undefined;

function offersIn(text: string): readonly Extension[] | undefined {
  if (lastOffers?.text === text) return lastOffers.extensions;
  const extensions = parseExtensions(text);
  if (extensions !== undefined) lastOffers = { text, extensions };
  return extensions;
}

function isHttp11(version: string | undefined): boolean {
  if (version === "1.1") return true;
  const match = /^([0-9])(?:\.([0-9]))?$/.exec(version ?? "");
  return match !== null && (Number(match[1]) > 1 || (match[1] === "1" && Number(match[2] ?? 0) >= 1));
}

/** §4.3: `version`, a number from 0 to 255 without leading zeros. */
const VERSION = /^(?:0|[1-9][0-9]?|1[0-9]{2}|2[0-4][0-9]|25[0-5])$/;

/**
 * Item 6: "A |Sec-WebSocket-Version| header field, with a value of 13." No other is accepted: 8, which `ws`
 * accepts too, is a draft of 2011 with another name for Origin; no client of today sends it.
 */
function judgeVersion(version: string | undefined): HandshakeRefusal | undefined {
  if (version === "13") return undefined;
  if (version !== undefined && VERSION.test(version)) {
    return refuse("WS_ERR_UNSUPPORTED_VERSION", "Sec-WebSocket-Version must be 13", quote(version));
  }
  // §11.3.5: "The |Sec-WebSocket-Version| header field MUST NOT appear more than once in an HTTP request."
  return refuse("WS_ERR_INVALID_VERSION_HEADER", "Sec-WebSocket-Version must be 13, once", quote(version));
}

/** A path with or without a query: visible ASCII and characters that clients leave unescaped, no fragment. */
const ORIGIN_FORM = /^\/[!-"$-~\x80-\xff]*$/;
const ABSOLUTE_FORM = /^https?:\/\/([^/?#]*)(.*)$/i;

/**
 * The resource name in a request target (§4.2.1 item 1: "or an absolute HTTP/HTTPS URI containing the
 * resource name"). A URI of another host than the Host header's is refused: a program behind us may trust either of
 * the two, and the client could send it elsewhere (GHSA-c4j6-fc7j-m34r).
 */
function resourceName(target: string | undefined, host: string): string | undefined {
  if (target === undefined) return undefined;
  if (ORIGIN_FORM.test(target)) return target;
  const match = ABSOLUTE_FORM.exec(target);
  if (match === null || match[1].toLowerCase() !== host.toLowerCase()) return undefined;
  const path = match[2].startsWith("/") ? match[2] : `/${match[2]}`;
  return ORIGIN_FORM.test(path) ? path : undefined;
}
