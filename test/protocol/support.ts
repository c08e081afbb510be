/** Requests and responses of RFC 6455 for tests, written by hand and independent of the code that builds ours. */

import assert from "node:assert/strict";
import type { Extension, HeaderRecord } from "../../src/protocol/index.js";

/** §1.3: the key and the digest that answers it. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/** §1.2: "The handshake from the client looks as follows". */
export const RFC_REQUEST_HEADERS = {
  host: "server.example.com",
  upgrade: "websocket",
  connection: "Upgrade",
  "sec-websocket-key": KEY,
  origin: "http://example.com",
  "sec-websocket-protocol": "chat, superchat",
  "sec-websocket-version": "13",
} as const;

/** §1.2: "The handshake from the server looks as follows". */
export const RFC_RESPONSE = [
  "HTTP/1.1 101 Switching Protocols",
  "Upgrade: websocket",
  "Connection: Upgrade",
  `Sec-WebSocket-Accept: ${ACCEPT}`,
  "Sec-WebSocket-Protocol: chat",
  "",
  "",
].join("\r\n");

/** The headers of a response that accepts, lower-case, with changes: undefined takes one away. */
export function responseHeaders(changes: HeaderRecord = {}): HeaderRecord {
  return { upgrade: "websocket", connection: "Upgrade", "sec-websocket-accept": ACCEPT, ...changes };
}

/** Texts that must never reach the wire inside of another. */
export const INJECTIONS = ["a\r\nX-Injected: 1", "a\nb", "a\rb", "a\0b", "\r\n\r\nGET / HTTP/1.1"] as const;

/** Extensions as plain values, to be compared. */
export function plain(extensions: readonly Extension[] | undefined) {
  return extensions?.map(({ name, parameters }) => [
    name,
    [...parameters].map(([key, values]) => [key, ...values]),
  ]);
}

/** A text that counts what its readers look at. Only the members that parsers may use exist. */
export class CountedText {
  readonly #text: string;
  operations = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get length(): number {
    return this.#text.length;
  }

  charCodeAt(index: number): number {
    this.operations++;
    return this.#text.charCodeAt(index);
  }

  slice(start: number, end = this.#text.length): string {
    this.operations += Math.max(0, end - start);
    return this.#text.slice(start, end);
  }

  indexOf(text: string, start = 0): number {
    const found = this.#text.indexOf(text, start);
    this.operations += (found < 0 ? this.#text.length : found) - start + 1;
    return found;
  }
}

/** Texts of about `size` characters, each the worst for some parser. */
export function hostileTexts(size: number): [name: string, text: string][] {
  const repeat = (unit: string) => unit.repeat(Math.ceil(size / unit.length));
  return [
    ["spaces", repeat(" ")],
    ["spaces, then a token", `${repeat(" ")}a`],
    ["a token, then spaces", `a${repeat(" ")}`],
    ["spaces between two tokens", `a${repeat(" ")}b`],
    ["tabs and spaces", repeat("\t ")],
    ["commas", repeat(",")],
    ["commas and spaces", repeat(", ")],
    ["semicolons", `a${repeat(";")}`],
    ["parameters", `a${repeat("; b")}`],
    ["parameters with values", `a${repeat("; b=c")}`],
    ["an unclosed quote", `a; b="${repeat("c")}`],
    ["an unclosed quote of backslashes", `a; b="${repeat("\\")}`],
    ["an unclosed quote of escapes", `a; b="${repeat("\\c")}`],
    ["a closed quote of escapes", `a; b="${repeat("\\c")}"`],
    ["many unclosed quotes", `a${repeat('; b="c')}`],
    ["quotes", repeat('"')],
    ["one long token", repeat("a")],
    ["many tokens", repeat("a, ")],
    ["equals signs", `a; b${repeat("=")}`],
  ];
}

/**
 * Asserts that a task does not take more than linear time: sixteen times the size takes far less than the
 * 256 times that a quadratic task takes. The best of several runs, so that noise hardly matters.
 */
export function assertLinear(name: string, task: (size: number) => () => void, size = 8192): void {
  const best = (run: () => void) => {
    let shortest = Infinity;
    for (let i = 0; i < 3; i++) {
      const start = performance.now();
      run();
      shortest = Math.min(shortest, performance.now() - start);
    }
    return shortest;
  };
  const small = Math.max(best(task(size)), 0.05);
  const large = best(task(size * 16));
  assert.ok(large / small < 96, `${name}: ${small} ms, and ${large} ms for 16 times the size`);
}
