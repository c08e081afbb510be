/**
 * Errors of an opening handshake (RFC 6455 §4): one table of `code` strings with the HTTP status that answers
 * each. Knows no headers.
 */

/**
 * The codes, each with the status that a server answers it with. 0: there is nothing to answer, because the
 * client rejected the response.
 */
export const HandshakeErrorStatus = {
  /** The method is not GET (§4.2.1 item 1). */
  WS_ERR_INVALID_METHOD: 405,
  /** Older than HTTP/1.1 (§4.2.1 item 1). */
  WS_ERR_INVALID_HTTP_VERSION: 400,
  /** Neither a path nor an http(s) URI of this host (§4.2.1 item 1). */
  WS_ERR_INVALID_REQUEST_TARGET: 400,
  /** No Host, an empty one, two, or an invalid one (§4.2.1 item 2, RFC 9112 §3.2). */
  WS_ERR_INVALID_HOST_HEADER: 400,
  /** Upgrade does not say websocket (§4.1 item 2 of the response, §4.2.1 item 3). */
  WS_ERR_INVALID_UPGRADE_HEADER: 426,
  /** Connection does not list upgrade (§4.1 item 3 of the response, §4.2.1 item 4). */
  WS_ERR_INVALID_CONNECTION_HEADER: 400,
  /** The request has content (RFC 9110 §7.8). */
  WS_ERR_UNEXPECTED_BODY: 400,
  /** Not one base64 text of 16 bytes (§4.2.1 item 5). */
  WS_ERR_INVALID_KEY_HEADER: 400,
  /** Not one number (§4.2.1 item 6). */
  WS_ERR_INVALID_VERSION_HEADER: 400,
  /** A number other than 13 (§4.2.2, §4.4). */
  WS_ERR_UNSUPPORTED_VERSION: 426,
  /** Sec-WebSocket-Protocol breaks its grammar (§4.1, §11.3.4). */
  WS_ERR_INVALID_PROTOCOL_HEADER: 400,
  /** Sec-WebSocket-Extensions breaks its grammar (§9.1). */
  WS_ERR_INVALID_EXTENSIONS_HEADER: 400,
  /** The policy refuses pages of this origin (§4.2.2, §10.2). */
  WS_ERR_ORIGIN_NOT_ALLOWED: 403,
  /** The head has more bytes or lines than allowed (RFC 6585 §5). */
  WS_ERR_HANDSHAKE_TOO_LARGE: 431,
  /** A header line breaks HTTP's grammar (RFC 9112 §5). */
  WS_ERR_INVALID_HEADER: 400,
  /** Not an HTTP/1 response (RFC 9112 §4). */
  WS_ERR_INVALID_RESPONSE: 0,
  /** A final status other than 101 (§4.1 item 1 of the response). `error.status` is that status. */
  WS_ERR_UNEXPECTED_STATUS: 0,
  /** A 3xx with a Location (§4.1 item 1 of the response). `error.status` is that status. */
  WS_ERR_REDIRECTED: 0,
  /** Not the digest of our key (§4.1 item 4 of the response). */
  WS_ERR_INVALID_ACCEPT_HEADER: 0,
  /** The browser opened no connection, and does not say why, so that pages cannot scan a network. */
  WS_ERR_CONNECTION_FAILED: 0,
  /** An extension that was not offered (§4.1 item 5 of the response), or one with other parameters (RFC 7692 §7). */
  WS_ERR_UNEXPECTED_EXTENSION: 0,
  /** A subprotocol that was not offered (§4.1 item 6 of the response), or none although one was required. */
  WS_ERR_UNEXPECTED_PROTOCOL: 0,
} as const;

/** Strings in `error.code`. */
export type HandshakeErrorCode = keyof typeof HandshakeErrorStatus;

/** More about an error than its code and message. */
export interface HandshakeErrorDetails {
  /** Where the server redirected to, as it stood in the response. */
  readonly location?: string | undefined;
  /** The response's headers: lower-case names, one value for each line. Kept, not copied. */
  readonly headers?: ReadonlyMap<string, readonly string[]> | undefined;
  /** The beginning of the response's body. Kept, not copied. */
  readonly body?: Uint8Array | undefined;
}

/**
 * An opening handshake that failed. Functions that judge the peer's message return it and never throw it; it has
 * `ok: false`, as a success has `ok: true`.
 */
export class HandshakeError extends Error {
  // Hidden from logs of the error: it may be long.
  readonly #body: Uint8Array;
  override readonly name = "HandshakeError";
  readonly ok = false;
  /** Stable name of the rule. */
  readonly code: HandshakeErrorCode;
  /**
   * On a server, the HTTP status to refuse with. On a client, the status that the server answered with; 0
   * when no readable one came.
   */
  readonly status: number;
  /** Where a redirecting server points to, unresolved: it may be relative. */
  readonly location: string | undefined;
  /** On a client, the response's headers: lower-case names, one value for each line. Else none. */
  readonly headers: ReadonlyMap<string, readonly string[]>;

  /**
   * @param message - the expected value, and the value that came.
   * @param status - default: the status in the table.
   */
  constructor(
    message: string,
    code: HandshakeErrorCode,
    status: number = HandshakeErrorStatus[code],
    details: HandshakeErrorDetails = {},
  ) {
    super(message);
    this.code = code;
    this.status = status;
    this.location = details.location;
    this.headers = details.headers ?? new Map();
    this.#body = details.body ?? new Uint8Array(0);
  }

  /** On a client, the beginning of the response's body, as much as was read of it. Else empty. */
  get body(): Uint8Array {
    return this.#body;
  }

  /** The same as text; bytes that are not UTF-8 become U+FFFD. */
  get bodyText(): string {
    return new TextDecoder().decode(this.#body);
  }
}

/** The longest piece of a peer's text that an error message repeats, in UTF-16 units. */
const MAX_QUOTED_LENGTH = 80;

/** A peer's text for an error message: quoted, escaped to one line, cut to a length that suits a log. */
export function quote(text: string | undefined): string {
  if (text === undefined) return "nothing";
  const isLong = text.length > MAX_QUOTED_LENGTH;
  return JSON.stringify(isLong ? text.slice(0, MAX_QUOTED_LENGTH) : text) + (isLong ? "…" : "");
}
