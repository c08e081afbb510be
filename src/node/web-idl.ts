/** What a value becomes that a program passes to an interface of the web platform: the rules of Web IDL, for Node. */

import { types } from "node:util";
import {
  assertFunctions,
  assertKnownOptions,
  isToken,
  nameOf,
  type OptionHints,
  resolveWebSocketUrl,
} from "../protocol/index.js";
import { CONNECT_OPTION_HINTS, CONNECT_OPTION_NAMES, type ConnectOptions } from "./client.js";
import type { ConnectionHandlers } from "./connection.js";
import { HANDLER_NAMES } from "./connection-options.js";

/** Options of `connect` that a WebSocket of the web platform decides by itself. */
const DECIDED = {
  protocol: "it is protocols",
  data: "there is no connection.data",
  text: "text is always a string",
  partial: "messages are always whole",
  borrow: "bytes are always the program's",
  autoPong: "Pings are always answered",
  autoClose: "a Close is always answered",
  deliverWhileClosing: "nothing is delivered after close",
} as const satisfies OptionHints;

/** How to connect: members of hawser's ConnectOptions. */
export type SocketOptions = Omit<ConnectOptions, keyof typeof DECIDED | keyof ConnectionHandlers | "signal">;

/**
 * Checks the names of options.
 *
 * @param more - names besides those of SocketOptions.
 * @throws {TypeError} naming the option.
 */
export function assertSocketOptions(where: string, options: object, more: readonly string[]): void {
  const handlers = Object.fromEntries(HANDLER_NAMES.map((name) => [name, "events have listeners"]));
  const hints = { ...CONNECT_OPTION_HINTS, ...handlers, ...DECIDED };
  const names = CONNECT_OPTION_NAMES.filter((name) => !Object.hasOwn(hints, name) && name !== "signal");
  assertKnownOptions(options, [...names, ...more], hints, where);
  assertFunctions(options, ["createConnection", "lookup"]);
}

/** A DOMString; a Symbol throws a TypeError. */
export function toText(value: unknown): string {
  return `${value as string}`;
}

/**
 * The URL of a WebSocket, in its normal form: http and https stand for ws and wss.
 *
 * @throws a DOMException named SyntaxError for another scheme, and for a fragment.
 */
export function toSocketUrl(value: unknown): string {
  const text = toText(value);
  try {
    const { href, socketPath } = resolveWebSocketUrl(text);
    if (socketPath === undefined) return href;
  } catch (error) {
    throw new DOMException((error as Error).message, "SyntaxError");
  }
  const message =
    "the scheme of a WebSocket URL must be ws, wss, http or https; a Unix socket is the option socketPath";
  throw new DOMException(message, "SyntaxError");
}

/**
 * Subprotocols: each a token, none twice.
 *
 * @throws a DOMException named SyntaxError, and what an iterator throws.
 */
export function toProtocols(values: Iterable<unknown>): string[] {
  const protocols = Array.from(values, toText);
  const seen = new Set<string>();
  for (const protocol of protocols) {
    if (!isToken(protocol) || seen.has(protocol)) {
      const message = `subprotocols must be different tokens, not ${JSON.stringify(protocol)} among them`;
      throw new DOMException(message, "SyntaxError");
    }
    seen.add(protocol);
  }
  return protocols;
}

/** Whether a value is a sequence: an object that can be iterated. */
export function isSequence(value: unknown): value is Iterable<unknown> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const { [Symbol.iterator]: iterator } = value as Partial<Iterable<unknown>>;
  return iterator !== undefined && iterator !== null;
}

/**
 * Bytes, if a value is a BufferSource: a view of its memory.
 *
 * @throws {TypeError} for memory that is shared or may change its size.
 */
export function toBytesOfSource(value: unknown): Uint8Array | undefined {
  const isView = ArrayBuffer.isView(value);
  if (!isView && !types.isAnyArrayBuffer(value)) return undefined;
  const buffer = isView ? value.buffer : value;
  if (types.isSharedArrayBuffer(buffer)) throw new TypeError("bytes to send must not be shared memory");
  if ((buffer as { readonly resizable?: boolean }).resizable) {
    throw new TypeError("bytes to send must not be memory that can change its size");
  }
  // What was transferred away has no bytes.
  if (value.byteLength === 0) return new Uint8Array(0);
  return isView ? new Uint8Array(buffer, value.byteOffset, value.byteLength) : new Uint8Array(buffer);
}

/**
 * A dictionary's members; undefined and null have none.
 *
 * @throws {TypeError} for what is no object.
 */
export function toDictionary<T extends object>(value: unknown, where: string): Partial<T> {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" || typeof value === "function") return value as Partial<T>;
  throw new TypeError(`${where} takes an object of options, not ${nameOf(value)}`);
}
