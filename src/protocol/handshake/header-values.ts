/**
 * The grammar of header values: tokens, lists, quoted strings (RFC 9110 §5.6), extensions and subprotocols
 * (RFC 6455 §4.1, §4.3, §9.1). Every parser walks its text once, by index, and gives undefined for text that
 * breaks the grammar. Knows no header names.
 */

import { quote } from "./handshake-error.js";

const TAB = 0x09;
const SPACE = 0x20;
const QUOTE = 0x22;
const COMMA = 0x2c;
const SEMICOLON = 0x3b;
const EQUALS = 0x3d;
const BACKSLASH = 0x5c;

/** RFC 9110 §5.6.2: `tchar`, by character code. */
const TOKEN_CHARACTERS: readonly boolean[] = Array.from({ length: 0x80 }, (_, code) =>
  /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(String.fromCharCode(code)),
);

function isTokenCharacter(code: number): boolean {
  return code < 0x80 && TOKEN_CHARACTERS[code];
}

function isWhitespace(code: number): boolean {
  return code === SPACE || code === TAB;
}

/** Whether a text is a token: one or more characters, all of them allowed in a name (RFC 9110 §5.6.2). */
export function isToken(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (!isTokenCharacter(text.charCodeAt(i))) return false;
  return text.length > 0;
}

/** Index of the first character that a header value cannot have, -1 if there is none (RFC 9110 §5.5). */
export function invalidValueIndex(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code < SPACE && code !== TAB) || code === 0x7f || code > 0xff) return i;
  }
  return -1;
}

/**
 * Checks a token that we are about to send.
 *
 * @param what - names it in the message.
 * @throws {TypeError} when it is not one.
 */
export function assertToken(text: string, what: string): void {
  if (typeof text !== "string" || !isToken(text)) {
    throw new TypeError(
      `${what} must be a token (letters, digits, !#$%&'*+-.^_\`|~), not ${quote(String(text))}`,
    );
  }
}

/**
 * Checks a header value that we are about to send. A CR or LF would inject another header (CVE-2026-1527), and
 * NUL ends the value for some readers.
 *
 * @param what - names it in the message.
 * @throws {TypeError} when it has a control character other than a tab, or one above U+00FF.
 * @see RFC 9110 §5.5
 */
export function assertHeaderValue(text: string, what: string): void {
  if (typeof text !== "string") throw new TypeError(`${what} must be a string, not ${typeof text}`);
  const index = invalidValueIndex(text);
  if (index < 0) return;
  const code = text.charCodeAt(index).toString(16).padStart(4, "0").toUpperCase();
  throw new TypeError(
    `${what} must have no control characters and none above U+00FF, not U+${code} at ${index}`,
  );
}

/** A text with A to Z as a to z and nothing else changed: header values are compared as ASCII. */
export function asciiLowerCase(text: string): string {
  return /[A-Z]/.test(text) ? text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase()) : text;
}

/** A text without the spaces and tabs around it (OWS, RFC 9110 §5.6.3). */
export function trimWhitespace(text: string): string {
  let start = 0;
  let end = text.length;
  while (start < end && isWhitespace(text.charCodeAt(start))) start++;
  while (end > start && isWhitespace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

/** Whether a comma-separated list has an element, compared as ASCII without case (RFC 9110 §5.6.1). */
export function listIncludes(value: string, element: string): boolean {
  for (let start = 0; start <= value.length; ) {
    const comma = value.indexOf(",", start);
    const end = comma < 0 ? value.length : comma;
    if (isElement(value, start, end, element)) return true;
    start = end + 1;
  }
  return false;
}

/** Whether a part of a text is `element`, ignoring space around it and the case of A to Z. */
function isElement(text: string, start: number, end: number, element: string): boolean {
  while (start < end && isWhitespace(text.charCodeAt(start))) start++;
  while (start < end && isWhitespace(text.charCodeAt(end - 1))) end--;
  if (end - start !== element.length) return false;
  for (let i = 0; i < element.length; i++) {
    const code = text.charCodeAt(start + i);
    const lower = code >= 0x41 && code <= 0x5a ? code + 0x20 : code;
    if (lower !== element.charCodeAt(i)) return false;
  }
  return true;
}

/** A position in a text, moving forward only. */
class Cursor {
  readonly text: string;
  index = 0;

  constructor(text: string) {
    this.text = text;
  }

  get atEnd(): boolean {
    return this.index >= this.text.length;
  }

  /** Passes over spaces and tabs. §9.1: "using ABNF syntax/rules from [RFC2616], including the implied *LWS rule". */
  skipWhitespace(): void {
    while (!this.atEnd && isWhitespace(this.text.charCodeAt(this.index))) this.index++;
  }

  /** Passes over one character if it is the next. */
  take(code: number): boolean {
    if (this.text.charCodeAt(this.index) !== code) return false;
    this.index++;
    return true;
  }

  /** The token that begins here; empty if there is none. */
  token(): string {
    const start = this.index;
    while (!this.atEnd && isTokenCharacter(this.text.charCodeAt(this.index))) this.index++;
    return this.text.slice(start, this.index);
  }

  /** The content of the quoted string whose opening quote was taken; undefined if it is not closed. */
  quoted(): string | undefined {
    let content = "";
    let start = this.index;
    for (; !this.atEnd; this.index++) {
      const code = this.text.charCodeAt(this.index);
      if (code === QUOTE) return content + this.text.slice(start, this.index++);
      if (code === BACKSLASH) {
        content += this.text.slice(start, this.index++);
        start = this.index;
      }
    }
    return undefined;
  }
}

/**
 * Reads `1#element`. RFC 2616 §2.1: "null elements are allowed, but do not contribute to the count of
 * elements present", of which there must be one.
 *
 * @param element - reads one element; undefined if there is none where the cursor is.
 */
function parseList<T>(value: string, element: (cursor: Cursor) => T | undefined): T[] | undefined {
  const cursor = new Cursor(value);
  const list: T[] = [];
  for (;;) {
    cursor.skipWhitespace();
    if (cursor.atEnd) break;
    if (cursor.take(COMMA)) continue;
    const read = element(cursor);
    if (read === undefined) return undefined;
    list.push(read);
    cursor.skipWhitespace();
    if (!cursor.atEnd && !cursor.take(COMMA)) return undefined;
  }
  return list.length > 0 ? list : undefined;
}

/**
 * Parses the value of a Sec-WebSocket-Protocol header of a request.
 *
 * @returns the subprotocols in their order, at least one; undefined when one is not a token or comes twice.
 * @see RFC 6455 §4.1 item 10, §11.3.4
 */
export function parseProtocols(value: string): string[] | undefined {
  const protocols = parseList(value, (cursor) => cursor.token() || undefined);
  // §4.1: "and MUST all be unique strings"; two that differ in case are unique.
  return protocols !== undefined && new Set(protocols).size === protocols.length ? protocols : undefined;
}

/**
 * The subprotocols that a caller gives for an offer.
 *
 * @param protocols - a list, or a text with commas.
 * @throws {SyntaxError} when one is not a token or comes twice, as in browsers and `ws`.
 */
export function listProtocols(protocols: string | readonly string[] = []): readonly string[] {
  if (typeof protocols === "string") {
    const list = trimWhitespace(protocols) === "" ? [] : parseProtocols(protocols);
    if (list !== undefined) return list;
    throw new SyntaxError(`subprotocols must be different tokens, not ${quote(protocols)}`);
  }
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (typeof protocol !== "string" || !isToken(protocol) || seen.has(protocol)) {
      throw new SyntaxError(
        `subprotocols must be different tokens, not ${quote(String(protocol))} among them`,
      );
    }
    seen.add(protocol);
  }
  // Not `protocols` again: an iterator may be read only once.
  return [...seen];
}

/** The value of an extension's parameter: a text, or `true` if it has none. */
export type ExtensionParameterValue = string | true;

/** One extension of a list, offered or accepted. */
export interface Extension {
  readonly name: string;
  /**
   * Values by name, names in the order of their first appearance. More than one value means that the
   * parameter came more than once; RFC 7692 §7 forbids that, §9.1 does not.
   */
  readonly parameters: ReadonlyMap<string, readonly ExtensionParameterValue[]>;
}

/**
 * Parses the value of a Sec-WebSocket-Extensions header.
 *
 * @returns the extensions in their order, repeated ones included; undefined when the grammar is broken.
 * @see RFC 6455 §9.1
 */
export function parseExtensions(value: string): Extension[] | undefined {
  return parseList(value, parseExtension);
}

/** §9.1: `extension-token *( ";" extension-param )`. */
function parseExtension(cursor: Cursor): Extension | undefined {
  const name = cursor.token();
  if (name === "") return undefined;
  // A Map, because "constructor" and "__proto__" are tokens too (GHSA-5v72-xg48-5rpm).
  const parameters = new Map<string, ExtensionParameterValue[]>();
  for (;;) {
    cursor.skipWhitespace();
    if (!cursor.take(SEMICOLON)) return { name, parameters };
    cursor.skipWhitespace();
    const parameter = cursor.token();
    if (parameter === "") return undefined;
    cursor.skipWhitespace();
    const value = cursor.take(EQUALS) ? parseParameterValue(cursor) : true;
    if (value === undefined) return undefined;
    const values = parameters.get(parameter);
    if (values === undefined) parameters.set(parameter, [value]);
    else values.push(value);
  }
}

function parseParameterValue(cursor: Cursor): string | undefined {
  cursor.skipWhitespace();
  if (!cursor.take(QUOTE)) return cursor.token() || undefined;
  const value = cursor.quoted();
  // §9.1: "the value after quoted-string unescaping MUST conform to the 'token' ABNF".
  return value !== undefined && isToken(value) ? value : undefined;
}

/** An extension to send; `parseExtensions` returns such ones. */
export interface ExtensionInit {
  readonly name: string;
  readonly parameters?:
    | ReadonlyMap<string, ParameterInit>
    | Readonly<Record<string, ParameterInit>>
    | undefined;
}

type ParameterInit = string | number | boolean | undefined | readonly (string | number | true)[];

/**
 * Serializes extensions as the value of a Sec-WebSocket-Extensions header.
 *
 * @param extensions - a parameter that is `true` has no value; one that is `false` or undefined is left out.
 * @returns empty when there are none; then the header must not be sent.
 * @throws {TypeError} when a name or a value is not a token.
 * @see RFC 6455 §9.1
 */
export function serializeExtensions(extensions: Iterable<ExtensionInit>): string {
  const list: string[] = [];
  for (const { name, parameters = {} } of extensions) {
    assertToken(name, "the name of an extension");
    const parts = [name];
    const entries = parameters instanceof Map ? parameters : Object.entries(parameters);
    for (const [parameter, given] of entries as Iterable<[string, ParameterInit]>) {
      assertToken(parameter, `a parameter of ${name}`);
      for (const value of Array.isArray(given) ? given : [given]) {
        if (value === undefined || value === false) continue;
        if (value === true) parts.push(parameter);
        else {
          assertToken(String(value), `${parameter} of ${name}`);
          parts.push(`${parameter}=${value}`);
        }
      }
    }
    list.push(parts.join("; "));
  }
  return list.join(", ");
}
