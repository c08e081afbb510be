/** Options of a connection, on either side, and the handlers that it calls. */

import type { IncomingMessage } from "node:http";
import { isCompressionAvailable } from "../codec/index.js";
import {
  checkPerMessageDeflate,
  Endpoint,
  type EndpointOptions,
  type Message,
  type PerMessageDeflateOptions,
} from "../protocol/index.js";
import type { Connection } from "./connection.js";
import type { LivenessLimits } from "./liveness.js";

/**
 * Functions that a connection calls. What one throws, or rejects with, closes the connection with 1011 and goes to
 * `error`; others live on.
 */
export interface ConnectionHandlers<Data = unknown> {
  /** The connection is open. `request` is what opened it; undefined on a client. */
  open?(connection: Connection<Data>, request: IncomingMessage | undefined): unknown;
  /** A message arrived; what is sent until this returns leaves in one write. Without it, see `receive`. */
  message?(connection: Connection<Data>, message: Message): unknown;
  /** A Ping arrived; it is answered already, unless `autoPong` is false. */
  ping?(connection: Connection<Data>, payload: Uint8Array): unknown;
  pong?(connection: Connection<Data>, payload: Uint8Array): unknown;
  /** After `send` returned false: it is worth sending again. */
  drain?(connection: Connection<Data>): unknown;
  /** The connection is closed (§7.1.4), with the code and the reason that came. Called once, last. */
  close?(connection: Connection<Data>, code: number, reason: string): unknown;
  /** The peer broke a rule, a limit was exceeded, or a handler failed. */
  error?(connection: Connection<Data>, error: Error): unknown;
}

/** What happens when more than `maxBufferedAmount` bytes wait and another message is sent. */
export type OverflowPolicy = "close" | "drop" | "throw";

export interface ConnectionOptions
  extends Omit<EndpointOptions, "role" | "perMessageDeflate">,
    LivenessLimits {
  /**
   * Compression (RFC 7692): a client offers it, a server accepts it. It takes up to 64 KiB for a connection that
   * uses it, and tells whoever can see lengths and have a say in messages what else is in them. Default false.
   */
  readonly perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  /** Bytes that may wait before `send` says so by returning false. Default 64 KiB. */
  readonly highWaterMark?: number | undefined;
  /** Bytes that may wait before `onOverflow` is done. Default 16 MiB. */
  readonly maxBufferedAmount?: number | undefined;
  /**
   * close: no more is sent but a Close with code 1013; drop: what is sent is not, `send` returns false; throw:
   * `send` throws a RangeError. Default "close".
   */
  readonly onOverflow?: OverflowPolicy | undefined;
}

/** The same, with defaults, checked; made once for all connections of a server. */
export interface ConnectionSettings extends Omit<EndpointOptions, "perMessageDeflate"> {
  /** To offer or to accept; undefined: no compression. */
  readonly compression: PerMessageDeflateOptions | undefined;
  readonly highWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly onOverflow: OverflowPolicy;
}

const POLICIES: readonly unknown[] = ["close", "drop", "throw"];

/**
 * Checks options and fills in what is missing.
 *
 * @throws {TypeError | RangeError} saying what was expected.
 */
export function settingsOf(role: "client" | "server", options: ConnectionOptions): ConnectionSettings {
  const { highWaterMark = 0x10000, maxBufferedAmount = 1 << 24, onOverflow = "close" } = options;
  for (const [name, value] of Object.entries({ highWaterMark, maxBufferedAmount })) {
    if (typeof value !== "number" || !(value >= 0)) {
      throw new RangeError(`${name} must be a number of bytes from 0 to Infinity, not ${String(value)}`);
    }
  }
  if (!POLICIES.includes(onOverflow)) {
    throw new TypeError(`onOverflow must be "close", "drop" or "throw", not ${String(onOverflow)}`);
  }
  const { maxFrameSize, maxMessageSize, partial, text, autoPong = true, autoClose = true, borrow } = options;
  const endpoint = { role, maxFrameSize, maxMessageSize, partial, text, autoPong, autoClose, borrow };
  // Whoever starts a server hears at once what is wrong with these, not at its first connection.
  new Endpoint(endpoint);
  const compression = compressionOf(options.perMessageDeflate);
  return { ...endpoint, compression, highWaterMark, maxBufferedAmount, onOverflow };
}

/**
 * What is wanted of compression, checked; undefined for none, and where there can be none.
 *
 * @throws {TypeError | RangeError} saying what was expected.
 */
export function compressionOf(
  wanted: boolean | PerMessageDeflateOptions | undefined,
): PerMessageDeflateOptions | undefined {
  const options = checkPerMessageDeflate(wanted);
  return options !== undefined && isCompressionAvailable() ? options : undefined;
}
