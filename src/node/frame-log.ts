/** Prints each frame and event of connections: for `HAWSER_DEBUG=1` and `hawser connect --debug`. */

import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { inspect } from "node:util";
import { decodeCloseBody, isValidUtf8, Opcode } from "../codec/index.js";

/** A frame as subscribers of the channel `hawser:frame` get it. */
export interface FrameSeen {
  readonly direction: "in" | "out";
  readonly opcode: Opcode;
  /** Bytes of the payload, as the header says. */
  readonly length: number;
  readonly fin: boolean;
  readonly rsv1: boolean;
  /**
   * A copy of the payload's first 64 KiB: unmasked, but still compressed if `rsv1` is set. The copy is made when you
   * read this property, which is undefined once the subscriber has returned.
   */
  readonly payload: Uint8Array | undefined;
}

/** UTF-16 units shown of a text, and how many of them come from the end of a longer text. */
const SHOWN_LENGTH = 75;
const END_LENGTH = 24;

/** Bytes shown of a payload that is not text: from its beginning and from its end. */
const FIRST_BYTES = 16;
const LAST_BYTES = 8;

const NAMES: Readonly<Record<number, string>> = {
  [Opcode.Continuation]: "CONT",
  [Opcode.Text]: "TEXT",
  [Opcode.Binary]: "BINARY",
  [Opcode.Close]: "CLOSE",
  [Opcode.Ping]: "PING",
  [Opcode.Pong]: "PONG",
};

/** One line for a frame, such as `TEXT 'hello' [5 bytes]`. */
export function describeFrame({ opcode, length, fin, rsv1, payload }: FrameSeen): string {
  const about = [`${length} byte${length === 1 ? "" : "s"}`];
  if (rsv1) about.push("compressed");
  if (!fin) about.push("continued");
  const name = NAMES[opcode] ?? `OPCODE ${opcode}`;
  const shown = payload === undefined || rsv1 ? "" : `${show(opcode, payload, payload.length < length)} `;
  return `${name} ${shown}[${about.join(", ")}]`;
}

function show(opcode: Opcode, payload: Uint8Array, isCut: boolean): string {
  if (opcode === Opcode.Close) {
    try {
      const { code, reason } = decodeCloseBody(payload);
      if (code !== undefined) return reason === "" ? `${code}` : `${code} ${quote(reason, false)}`;
      return "''";
    } catch {
      // A body that breaks the rules is shown as bytes.
    }
  }
  // A fragment, or the copied part of a long payload, may end inside a character.
  const mayBeText = opcode !== Opcode.Binary && (isCut || isValidUtf8(payload));
  if (opcode === Opcode.Text || mayBeText) return quote(new TextDecoder().decode(payload), isCut);
  if (!isCut && payload.length <= FIRST_BYTES + LAST_BYTES) return hex(payload);
  return `${hex(payload.subarray(0, FIRST_BYTES))} ...${isCut ? "" : ` ${hex(payload.subarray(-LAST_BYTES))}`}`;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** Text in quotes, with control characters escaped. Of a long text, only its beginning and its end. */
function quote(text: string, isCut: boolean): string {
  const isLong = isCut || text.length > SHOWN_LENGTH;
  const start = isLong ? text.slice(0, SHOWN_LENGTH - END_LENGTH) : text;
  const end = isLong && !isCut ? text.slice(-END_LENGTH) : "";
  const shown = isLong ? `${start}...${end}` : text;
  return inspect(shown, { maxStringLength: null }).replaceAll(
    /[\p{Bidi_Control}\u2028\u2029]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** Connections are numbered in the order of their first event. */
const numbers = new WeakMap<object, number>();
let lastNumber = 0;

function numberOf(connection: object): number {
  let number = numbers.get(connection);
  if (number === undefined) {
    number = ++lastNumber;
    numbers.set(connection, number);
  }
  return number;
}

/** The properties of a connection that are printed. */
interface Opened {
  readonly role: string;
  readonly url: string;
  readonly protocol: string;
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  readonly perMessageDeflate: object | undefined;
}

function describeOpening(connection: Opened): string {
  const { role, url, protocol, remoteAddress, remotePort, perMessageDeflate } = connection;
  const about: string[] = [role];
  if (role === "server" && remoteAddress !== undefined)
    about.push(`from ${remoteAddress} port ${remotePort}`);
  if (protocol !== "") about.push(`subprotocol ${protocol}`);
  if (perMessageDeflate !== undefined) about.push("permessage-deflate");
  return `= open ${quote(url, false).slice(1, -1)} (${about.join(", ")})`;
}

/** For each channel, the text of a line after the connection's number. */
const LINES: Readonly<Record<string, (event: never) => string>> = {
  "hawser:connection:open": ({ connection }: { connection: Opened }) => describeOpening(connection),
  "hawser:frame": (frame: FrameSeen) => `${frame.direction === "in" ? "<" : ">"} ${describeFrame(frame)}`,
  "hawser:connection:error": ({ error }: { error: Error }) => `! ${quote(error.message, false).slice(1, -1)}`,
  "hawser:connection:close": ({ code, reason }: { code: number; reason: string }) =>
    `= closed ${code}${reason === "" ? "" : ` ${quote(reason, false)}`}`,
};

/**
 * Prints each frame of every connection of this process, and when connections open, fail and close. The environment
 * variable `HAWSER_DEBUG=1` does the same from the start of the process:
 *
 * ```
 * hawser #1 = open ws://127.0.0.1:8080/ (client)
 * hawser #1 > TEXT 'hello' [5 bytes]
 * hawser #1 < CLOSE 1000 'bye' [5 bytes]
 * ```
 *
 * @param write - called with each line, without a line break. Default: writes to standard error.
 * @returns a function that stops the log.
 */
export function logFrames(
  write: (line: string) => unknown = (line) => process.stderr.write(`${line}\n`),
): () => void {
  const stops = Object.entries(LINES).map(([channel, describe]) => {
    const listener = (event: unknown) => {
      const { connection } = event as { connection?: object };
      // An error of a request has no connection.
      if (connection !== undefined) write(`hawser #${numberOf(connection)} ${describe(event as never)}`);
    };
    subscribe(channel, listener);
    return () => unsubscribe(channel, listener);
  });
  return () => {
    for (const stop of stops) stop();
  };
}
