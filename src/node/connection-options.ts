/** Options of a connection, on either side, and the handlers that it calls. */

import type { IncomingMessage } from "node:http";
import { isCompressionAvailable } from "../codec/index.js";
import {
  type BufferLimits,
  checkBufferLimits,
  checkPerMessageDeflate,
  Endpoint,
  type EndpointOptions,
  type Message,
  type OverflowPolicy,
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

export interface ConnectionOptions
  extends Omit<EndpointOptions, "role" | "perMessageDeflate">,
    BufferLimits,
    LivenessLimits {
  /**
   * Compression (RFC 7692): a client offers it, a server accepts it. It takes up to 64 KiB for a connection that
   * uses it, and tells whoever can see lengths and have a say in messages what else is in them. Default false.
   */
  readonly perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
}

/** The same, with defaults, checked; made once for all connections of a server. */
export interface ConnectionSettings extends Omit<EndpointOptions, "perMessageDeflate"> {
  /** To offer or to accept; undefined: no compression. */
  readonly compression: PerMessageDeflateOptions | undefined;
  readonly highWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly onOverflow: OverflowPolicy;
}

/**
 * Checks options and fills in what is missing.
 *
 * @throws {TypeError | RangeError} saying what was expected.
 */
export function settingsOf(role: "client" | "server", options: ConnectionOptions): ConnectionSettings {
  const limits = checkBufferLimits(options);
  const { maxFrameSize, maxMessageSize, partial, text, autoPong = true, autoClose = true, borrow } = options;
  const endpoint = { role, maxFrameSize, maxMessageSize, partial, text, autoPong, autoClose, borrow };
  // Whoever starts a server hears at once what is wrong with these, not at its first connection.
  new Endpoint(endpoint);
  const compression = compressionOf(options.perMessageDeflate);
  return { ...endpoint, compression, ...limits };
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

/** Names of all options of a connection. The compiler sees to it that none is missing. */
export const CONNECTION_OPTION_NAMES: readonly string[] = Object.keys({
  maxFrameSize: true,
  maxMessageSize: true,
  partial: true,
  text: true,
  autoPong: true,
  autoClose: true,
  borrow: true,
  perMessageDeflate: true,
  highWaterMark: true,
  maxBufferedAmount: true,
  onOverflow: true,
  pingIntervalMs: true,
  pingTimeoutMs: true,
  idleTimeoutMs: true,
  closeTimeoutMs: true,
} satisfies Record<keyof ConnectionOptions, true>);

/** Names of all handlers, likewise. */
export const HANDLER_NAMES: readonly string[] = Object.keys({
  open: true,
  message: true,
  ping: true,
  pong: true,
  drain: true,
  close: true,
  error: true,
} satisfies Record<keyof ConnectionHandlers, true>);

/** What other libraries call options of a connection. */
export const CONNECTION_OPTION_HINTS: Readonly<Record<string, string>> = {
  maxPayload: "the limit of a message is maxMessageSize, that of a frame maxFrameSize",
  maxPayloadLength: "the limit of a message is maxMessageSize, that of a frame maxFrameSize",
  skipUTF8Validation: 'text is always validated; text: "bytes" delivers it as bytes',
  idleTimeout: "it is idleTimeoutMs, in milliseconds",
  closeTimeout: "it is closeTimeoutMs, in milliseconds",
  pingInterval: "it is pingIntervalMs, in milliseconds",
  pingTimeout: "it is pingTimeoutMs, in milliseconds",
  backpressureLimit: "the limit of what waits to be sent is maxBufferedAmount",
  maxBackpressure: "the limit of what waits to be sent is maxBufferedAmount",
  compression: "compression is perMessageDeflate",
  allowSynchronousEvents: "messages of one chunk are always delivered in one turn",
};
