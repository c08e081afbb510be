/** The type of a case in the table, and the line that describes the tester's result. */

import { createHash } from "node:crypto";
import type { Sender } from "./sender.js";

export type Role = "server" | "client";
export const ROLES: readonly Role[] = ["server", "client"];

/** How the bytes of a case leave. */
export type Writing = "whole" | "octet by octet" | "random cuts";
export const WRITINGS: readonly Writing[] = ["whole", "octet by octet", "random cuts"];

/** What the two sides say about permessage-deflate. */
export interface Negotiation {
  /** Sec-WebSocket-Extensions that the tester offers to a server under test. */
  readonly offer: string;
  /** What the tester answers to the offer of a client under test. */
  readonly response: string;
}

export interface Case {
  /** Its first number is the section in the taxonomy of Autobahn's testsuite. */
  readonly id: string;
  readonly title: string;
  /** What the tester sends. It sends Close 1000 behind that, unless `sender.stops()` was called. */
  readonly sends: (sender: Sender) => unknown;
  /** The expected messages and control frames, in order; "close 1000" is added after them. */
  readonly expects: readonly string[];
  /** Ends that the RFC allows where it says SHOULD. */
  readonly lenient?: readonly (readonly string[])[];
  /** Default: both. */
  readonly roles?: readonly Role[];
  /** Default: all three. Large cases have their own pieces. */
  readonly writings?: readonly Writing[];
  readonly negotiation?: Negotiation;
}

export const CLOSE_1000 = "close 1000";

/** The result of one case in one role, in one writing. */
export type Verdict = "OK" | "NON-STRICT" | "FAILED";

const SHORT = 24;

/** A message or a control frame in words: its content if that is short, else its length and a digest. */
export function inWords(name: string, payload: Uint8Array): string {
  const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
  if (bytes.length === 0) return name;
  if (bytes.length > SHORT) {
    const digest = createHash("sha256").update(bytes).digest("hex").slice(0, 8);
    return `${name} of ${bytes.length} bytes #${digest}`;
  }
  const isText = name === "text" || (name !== "binary" && /^[ -~]*$/.test(bytes.toString("latin1")));
  return `${name} ${isText ? JSON.stringify(bytes.toString()) : bytes.toString("hex")}`;
}

export const text = (content: string | Uint8Array): string =>
  inWords("text", typeof content === "string" ? Buffer.from(content) : content);
export const binary = (content: Uint8Array): string => inWords("binary", content);
export const pong = (content: string | Uint8Array = ""): string =>
  inWords("pong", typeof content === "string" ? Buffer.from(content) : content);

/** A list of events in one line: equal neighbours are counted. */
export function joined(events: readonly string[]): string {
  const parts: string[] = [];
  for (let i = 0; i < events.length; ) {
    let end = i + 1;
    while (end < events.length && events[end] === events[i]) end++;
    parts.push(end - i > 1 ? `${events[i]} ×${end - i}` : events[i]);
    i = end;
  }
  return parts.length > 8 ? abridged(parts, events) : parts.join(" · ");
}

/** Many different ones: the first, the last, and a digest of all. */
function abridged(parts: readonly string[], events: readonly string[]): string {
  const digest = createHash("sha256").update(events.join("\n")).digest("hex").slice(0, 8);
  return `${parts[0]} · … ${events.length} events #${digest} … · ${parts.at(-1)}`;
}

/** All events that must come back. */
export function expectedOf({ expects }: Case): readonly string[] {
  const last = expects.at(-1);
  return last !== undefined && /^(close|cut)/.test(last) ? expects : [...expects, CLOSE_1000];
}

/**
 * Judges the received messages and frames.
 *
 * A connection must fail with the Close frame and the code that the RFC names; one that only ends the socket, uses
 * another code of a failure, or drops messages that were whole before the violation is not strict (§7.1.7: "MAY",
 * "SHOULD").
 */
export function judge(one: Case, events: readonly string[]): Verdict {
  const expected = expectedOf(one);
  const came = events.join("\n");
  if (came === expected.join("\n")) return "OK";
  if (one.lenient?.some((other) => came === other.join("\n"))) return "NON-STRICT";
  const end = expected.at(-1) as string;
  if (!/^close 10(02|03|07|09|10)$/.test(end)) return "FAILED";
  const failed = events.at(-1) ?? "";
  const isPrefix = events.slice(0, -1).every((event, i) => event === expected[i] && event !== end);
  return isPrefix && /^(cut|close 10(02|03|07|09|08|11))$/.test(failed) ? "NON-STRICT" : "FAILED";
}
