/** Converts values passed to interfaces of the web platform, by the rules of Web IDL. */

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

/** Options of `connect` that the web platform's WebSocket fixes. */
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

/** Options for the connection, taken from hawser's ConnectOptions. */
export type SocketOptions = Omit<ConnectOptions, keyof typeof DECIDED | keyof ConnectionHandlers | "signal">;

/**
 * Checks the names of options.
 *
 * @param more - allowed names in addition to those of SocketOptions.
 * @throws {TypeError} that names the unknown option.
 */
export function assertSocketOptions(where: string, options: object, more: readonly string[]): void {
  const handlers = Object.fromEntries(HANDLER_NAMES.map((name) => [name, "events have listeners"]));
  const hints = { ...CONNECT_OPTION_HINTS, ...handlers, ...DECIDED };
  const names = CONNECT_OPTION_NAMES.filter((name) => !Object.hasOwn(hints, name) && name !== "signal");
  assertKnownOptions(options, [...names, ...more], hints, where);
  assertFunctions(options, ["createConnection", "lookup"]);
}

/** Converts a value to a DOMString. A Symbol throws a TypeError. */
export function toText(value: unknown): string {
  return `${value as string}`;
}

/**
 * The normalized URL of a WebSocket: http becomes ws, and https becomes wss.
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
 * Checks subprotocols: each must be a token, and none may occur twice.
 *
 * @throws a DOMException named SyntaxError, and errors of the iterator.
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

/** Whether a value is a sequence: an iterable object. */
export function isSequence(value: unknown): value is Iterable<unknown> {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
  const { [Symbol.iterator]: iterator } = value as Partial<Iterable<unknown>>;
  return iterator !== undefined && iterator !== null;
}

/**
 * A view of the bytes of a BufferSource; undefined for other values.
 *
 * @throws {TypeError} if the memory is shared or resizable.
 */
export function toBytesOfSource(value: unknown): Uint8Array | undefined {
  const isView = ArrayBuffer.isView(value);
  if (!isView && !types.isAnyArrayBuffer(value)) return undefined;
  const buffer = isView ? value.buffer : value;
  if (types.isSharedArrayBuffer(buffer)) throw new TypeError("bytes to send must not be shared memory");
  if ((buffer as { readonly resizable?: boolean }).resizable) {
    throw new TypeError("bytes to send must not be memory that can change its size");
  }
  // A detached buffer has no bytes.
  if (value.byteLength === 0) return new Uint8Array(0);
  return isView ? new Uint8Array(buffer, value.byteOffset, value.byteLength) : new Uint8Array(buffer);
}

/**
 * Reads a dictionary. undefined and null are empty dictionaries.
 *
 * @throws {TypeError} for other values that are not objects.
 */
export function toDictionary<T extends object>(value: unknown, where: string): Partial<T> {
  if (value === undefined || value === null) return {};
  if (typeof value === "object" || typeof value === "function") return value as Partial<T>;
  throw new TypeError(`${where} takes an object of options, not ${nameOf(value)}`);
}
