/** Options of a connection, on either side, and the handlers that it calls. */

import type { IncomingMessage } from "node:http";
import { isCompressionAvailable } from "../codec/index.js";
import {
  assertByteCounts,
  type BufferLimits,
  checkBufferLimits,
  checkPerMessageDeflate,
  type DataMessage,
  Endpoint,
  type EndpointOptions,
  type MessageStream,
  nameOf,
  type OverflowPolicy,
  type PerMessageDeflateOptions,
} from "../protocol/index.js";
import type { Liveness, LivenessLimits } from "./liveness.js";
import type { LongTurnCounter } from "./long-turns.js";
import type { LazyTopics } from "./topics/lazy-topics.js";

/**
 * Functions that a connection calls. If one throws, or its promise rejects, the connection closes with 1011 and the
 * error goes to `error`; other connections live on.
 */
export interface Handlers<Face, Request = IncomingMessage | undefined> {
  /** The connection is open. `request` opened it; on a client it is undefined. */
  open?(connection: Face, request: Request): unknown;
  /** A message arrived. Frames that are sent until this returns leave in one write. Without it, see `receive`. */
  message?(connection: Face, message: DataMessage): unknown;
  /**
   * The beginning of a message of at least `streamFrom` bytes arrived: it comes here instead of to `message`, and is read
   * by iterating over `stream`. Messages that follow are delivered when they arrive, also while this one is still read.
   * If the handler has returned, its promise has resolved, and no iteration has begun, the message is discarded.
   */
  stream?(connection: Face, stream: MessageStream): unknown;
  /** A Ping arrived. It is answered already, unless `autoPong` is false. */
  ping?(connection: Face, payload: Uint8Array): unknown;
  pong?(connection: Face, payload: Uint8Array): unknown;
  /** After `send` returned false: there is room again. */
  drain?(connection: Face): unknown;
  /** The connection is closed (§7.1.4), with the code and the reason that came. Called once, last. */
  close?(connection: Face, code: number, reason: string): unknown;
  /**
   * The first thing that went wrong: the peer broke a rule, a limit was exceeded, or a handler failed. Called once, at
   * the end of the turn, before `close`.
   */
  error?(connection: Face, error: Error): unknown;
}

/**
 * Whether an object has a handler. One that a getter would throw for counts: the error is reported when the handler is to
 * be called.
 */
export function hasHandler(handlers: Handlers<never>, name: keyof Handlers<never>): boolean {
  try {
    return handlers[name] !== undefined && handlers[name] !== null;
  } catch {
    return true;
  }
}

/** Bytes from which a message is delivered as a stream. */
const DEFAULT_STREAM_FROM = 0x10000;

export interface ConnectionOptions
  extends Omit<EndpointOptions, "role" | "perMessageDeflate">,
    BufferLimits,
    LivenessLimits {
  /**
   * Bytes that may wait for the peer before reading from it pauses; Infinity: reading never pauses for that. Default:
   * 1 MiB on a server, so that one which answers every message holds a bounded amount for a client that does not
   * read; Infinity on a client, because two sides that both pause would wait for each other.
   */
  readonly pauseReadingAt?: number | undefined;
  /**
   * Milliseconds for which the handlers of one connection may run before other connections have their turn. Judged
   * after every 32 messages. Default 5.
   */
  readonly maxTurnMs?: number | undefined;
  /** Bytes that one connection may receive or inflate before others have their turn. Default 1 MiB. */
  readonly maxTurnSize?: number | undefined;
  /**
   * Bytes from which a message goes to the handler `stream`, if there is one: 0 for all messages. At most
   * `maxMessageSize`, or Infinity for none. Default 64 KiB.
   */
  readonly streamFrom?: number | undefined;
  /** Greatest message, in bytes, that goes to the handler `stream`. Default Infinity. */
  readonly maxStreamSize?: number | undefined;
  /** Deliver messages that arrive after `close` was called. Default false: they are dropped. */
  readonly deliverWhileClosing?: boolean | undefined;
  /**
   * Compression (RFC 7692): a client offers it, a server accepts it. It takes up to 64 KiB for a connection that
   * uses it, and reveals their content to a person who sees their lengths and can add text to them. Default false.
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
  readonly pauseReadingAt: number;
  readonly maxTurnMs: number;
  readonly maxTurnSize: number;
  readonly streamFrom: number;
  readonly deliverWhileClosing: boolean;
}

/** Shared by all connections of one server, or of one call of `connect`. */
export interface SessionContext {
  readonly settings: ConnectionSettings;
  readonly liveness: Liveness;
  /** Of a server. */
  readonly longTurns?: LongTurnCounter | undefined;
  /** The socket is gone. */
  readonly onGone: ((connection: never) => void) | undefined;
  /** Absent: the connection can subscribe to nothing. */
  readonly topics?: LazyTopics | undefined;
}

/**
 * Checks options and fills in the defaults.
 *
 * @throws {TypeError | RangeError} naming the expected value.
 */
export function settingsOf(role: "client" | "server", options: ConnectionOptions): ConnectionSettings {
  const limits = checkBufferLimits(options);
  const { maxFrameSize, maxMessageSize, partial, text, autoPong = true, autoClose = true, borrow } = options;
  const { maxStreamSize, streamFrom = Math.min(DEFAULT_STREAM_FROM, maxMessageSize ?? Infinity) } = options;
  const stream = { streamFrom, maxStreamSize };
  const { explainFailures, bytesClass } = options;
  const endpoint = {
    role,
    maxFrameSize,
    maxMessageSize,
    partial,
    text,
    autoPong,
    autoClose,
    borrow,
    ...stream,
    explainFailures,
    bytesClass,
  };
  // A server checks these at once, not at its first connection.
  new Endpoint(endpoint);
  const { maxTurnMs = 5, maxTurnSize = 1 << 20, deliverWhileClosing = false } = options;
  const { pauseReadingAt = role === "server" ? 1 << 20 : Infinity } = options;
  assertByteCounts({ pauseReadingAt, maxTurnSize });
  if (typeof maxTurnMs !== "number" || !(maxTurnMs >= 0)) {
    throw new RangeError(`maxTurnMs must be a number of milliseconds from 0 on, not ${nameOf(maxTurnMs)}`);
  }
  const compression = compressionOf(options.perMessageDeflate);
  const turn = { pauseReadingAt, maxTurnMs, maxTurnSize: Math.max(maxTurnSize, 1), deliverWhileClosing };
  return { ...endpoint, compression, ...limits, ...turn };
}

/**
 * The options of compression, checked; undefined for none, and where none is possible.
 *
 * @throws {TypeError | RangeError} naming the expected value.
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
  explainFailures: true,
  bytesClass: true,
  perMessageDeflate: true,
  highWaterMark: true,
  maxBufferedAmount: true,
  onOverflow: true,
  pingIntervalMs: true,
  pingTimeoutMs: true,
  idleTimeoutMs: true,
  closeTimeoutMs: true,
  pauseReadingAt: true,
  maxTurnMs: true,
  maxTurnSize: true,
  streamFrom: true,
  maxStreamSize: true,
  deliverWhileClosing: true,
} satisfies Record<keyof ConnectionOptions, true>);

/** Names of all handlers, likewise. */
export const HANDLER_NAMES: readonly string[] = Object.keys({
  open: true,
  message: true,
  stream: true,
  ping: true,
  pong: true,
  drain: true,
  close: true,
  error: true,
} satisfies Record<keyof Handlers<unknown>, true>);

/** What handlers may be called by mistake. */
export const HANDLER_HINTS: Readonly<Record<string, string>> = {
  connection: "it is open",
  onopen: "it is open",
  onmessage: "it is message",
  onclose: "it is close",
  onerror: "it is error",
};

/** What other libraries call options of a connection. */
export const CONNECTION_OPTION_HINTS: Readonly<Record<string, string>> = {
  ...HANDLER_HINTS,
  maxPayload: "the limit of a message is maxMessageSize, that of a frame maxFrameSize",
  maxPayloadLength: "the limit of a message is maxMessageSize, that of a frame maxFrameSize",
  skipUTF8Validation: 'text is always validated; text: "bytes" delivers it as bytes',
  idleTimeout: "it is idleTimeoutMs, in milliseconds",
  closeTimeout: "it is closeTimeoutMs, in milliseconds",
  pingInterval: "it is pingIntervalMs, in milliseconds",
  pingTimeout: "it is pingTimeoutMs, in milliseconds",
  backpressureLimit: "the limit of bytes that wait to be sent is maxBufferedAmount",
  maxBackpressure: "the limit of bytes that wait to be sent is maxBufferedAmount",
  compression: "compression is perMessageDeflate",
  allowSynchronousEvents: "messages of one chunk are always delivered in one turn",
};
