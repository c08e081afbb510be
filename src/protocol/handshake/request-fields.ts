/**
 * The header lines of a request that matter to the handshake, read in one pass over all of them, within limits.
 * Knows only rules of every header.
 */

import type { HandshakeError } from "./handshake-error.js";
import { invalidValueIndex, trimWhitespace } from "./header-values.js";
import {
  DEFAULT_MAX_HEAD_LENGTH,
  DEFAULT_MAX_HEADER_COUNT,
  type HeaderRecord,
  type HeadLimits,
  type HttpHeaders,
  headTooLong,
  invalidValue,
  LINE_OVERHEAD,
  tooManyHeaders,
} from "./headers.js";

/**
 * Values by header; undefined if there is no such line. Several lines are one list, joined by ", " (RFC 9110
 * §5.3): in a header that must come once, that makes an invalid value.
 */
export class RequestFields {
  host: string | undefined = undefined;
  upgrade: string | undefined = undefined;
  connection: string | undefined = undefined;
  key: string | undefined = undefined;
  version: string | undefined = undefined;
  protocol: string | undefined = undefined;
  extensions: string | undefined = undefined;
  origin: string | undefined = undefined;
  contentLength: string | undefined = undefined;
  transferEncoding: string | undefined = undefined;
  /** The sum of all lines, in lines and in bytes. */
  #count = 0;
  #length = 0;

  /** Takes one line. @returns an error if the line is invalid. */
  add(name: string, value: string, maxLength: number, maxCount: number): HandshakeError | undefined {
    this.#length += name.length + value.length + LINE_OVERHEAD;
    if (this.#length > maxLength) return headTooLong(maxLength, this.#length);
    if (++this.#count > maxCount) return tooManyHeaders(maxCount);
    if (invalidValueIndex(value) >= 0) return invalidValue(name, value);
    this.#note(name, value);
    return undefined;
  }

  /** The length of a name leaves few candidates among the headers that matter. */
  #note(name: string, value: string): void {
    switch (name.length) {
      case 4:
        if (isNamed(name, "host")) this.host = joined(this.host, value);
        break;
      case 6:
        if (isNamed(name, "origin")) this.origin = joined(this.origin, value);
        break;
      case 7:
        if (isNamed(name, "upgrade")) this.upgrade = joined(this.upgrade, value);
        break;
      case 10:
        if (isNamed(name, "connection")) this.connection = joined(this.connection, value);
        break;
      case 14:
        if (isNamed(name, "content-length")) this.contentLength = joined(this.contentLength, value);
        break;
      case 17:
        if (isNamed(name, "sec-websocket-key")) this.key = joined(this.key, value);
        else if (isNamed(name, "transfer-encoding")) {
          this.transferEncoding = joined(this.transferEncoding, value);
        }
        break;
      case 21:
        if (isNamed(name, "sec-websocket-version")) this.version = joined(this.version, value);
        break;
      case 22:
        if (isNamed(name, "sec-websocket-protocol")) this.protocol = joined(this.protocol, value);
        break;
      case 24:
        if (isNamed(name, "sec-websocket-extensions")) this.extensions = joined(this.extensions, value);
        break;
    }
  }
}

function isNamed(name: string, lowerCase: string): boolean {
  return name === lowerCase || name.toLowerCase() === lowerCase;
}

function joined(before: string | undefined, value: string): string {
  const trimmed = trimWhitespace(value);
  return before === undefined ? trimmed : `${before}, ${trimmed}`;
}

/**
 * Reads lines as they came: name, value, name, value, …
 *
 * @returns the fields; a HandshakeError when a limit is exceeded or a value has control characters.
 */
export function readRawHeaders(raw: readonly string[], limits: HeadLimits): RequestFields | HandshakeError {
  const { maxHeadLength = DEFAULT_MAX_HEAD_LENGTH, maxHeaderCount = DEFAULT_MAX_HEADER_COUNT } = limits;
  const fields = new RequestFields();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const error = fields.add(raw[i], raw[i + 1], maxHeadLength, maxHeaderCount);
    if (error !== undefined) return error;
  }
  return fields;
}

/**
 * The same for headers that a host has sorted. Only own properties count: members of `Object.prototype` are not headers.
 */
export function readHeaders(
  source: HttpHeaders | HeaderRecord,
  limits: HeadLimits,
): RequestFields | HandshakeError {
  const { maxHeadLength = DEFAULT_MAX_HEAD_LENGTH, maxHeaderCount = DEFAULT_MAX_HEADER_COUNT } = limits;
  const fields = new RequestFields();
  const entries: Iterable<[string, string | readonly string[] | undefined]> =
    source instanceof Map ? source : Object.entries(source);
  for (const [name, given] of entries) {
    if (given === undefined) continue;
    for (const value of typeof given === "string" ? [given] : given) {
      const error = fields.add(name, value, maxHeadLength, maxHeaderCount);
      if (error !== undefined) return error;
    }
  }
  return fields;
}
