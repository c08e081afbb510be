/** Options of a connection in a browser, and the handlers that it calls. */

import {
  assertByteCounts,
  type BufferLimits,
  checkBufferLimits,
  type DataMessage,
  DEFAULT_MAX_MESSAGE_SIZE,
  type OverflowPolicy,
} from "../protocol/index.js";

/**
 * Functions that a connection calls. What one throws, or rejects with, closes the connection and goes to `error`;
 * others live on. Without an `error` handler it is printed on the console.
 */
export interface Handlers<Connection> {
  /** The connection is open. */
  open?(connection: Connection): unknown;
  /** A message arrived. Without it, see `receive`. */
  message?(connection: Connection, message: DataMessage): unknown;
  /** After `send` returned false: it is worth sending again. */
  drain?(connection: Connection): unknown;
  /** The connection is closed (§7.1.4), with the code and the reason that came. Called once, last. */
  close?(connection: Connection, code: number, reason: string): unknown;
  /** The browser failed the connection, a limit was exceeded, or a handler failed. Never called within `send`. */
  error?(connection: Connection, error: Error): unknown;
}

export interface ConnectionOptions extends BufferLimits {
  /** Greatest message, in bytes, that is delivered; a longer one closes the connection. Default 16 MiB. */
  readonly maxMessageSize?: number | undefined;
  /** What text is delivered as: strings, or their bytes in UTF-8. Default "string". */
  readonly text?: "string" | "bytes" | undefined;
  /**
   * Bytes that may wait to be received: a page cannot stop its browser from reading, so more than these close the
   * connection. Default 64 MiB.
   */
  readonly maxQueuedAmount?: number | undefined;
  /** Milliseconds that the closing handshake may take before the connection counts as lost; 0: no limit. Default 10 s. */
  readonly closeTimeoutMs?: number | undefined;
}

/** The same, with defaults, checked. */
export interface ConnectionSettings {
  readonly maxMessageSize: number;
  readonly textAsBytes: boolean;
  readonly maxQueuedAmount: number;
  readonly closeTimeoutMs: number;
  readonly highWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly onOverflow: OverflowPolicy;
}

/**
 * Checks options and fills in the defaults.
 *
 * @throws {TypeError | RangeError} naming the expected value.
 */
export function settingsOf(options: ConnectionOptions): ConnectionSettings {
  const limits = checkBufferLimits(options);
  const { maxMessageSize = DEFAULT_MAX_MESSAGE_SIZE, maxQueuedAmount = 1 << 26 } = options;
  const { text = "string", closeTimeoutMs = 10_000 } = options;
  assertByteCounts({ maxMessageSize, maxQueuedAmount });
  if (typeof closeTimeoutMs !== "number" || !(closeTimeoutMs >= 0)) {
    throw new RangeError(
      `closeTimeoutMs must be a number of milliseconds from 0 on, not ${String(closeTimeoutMs)}`,
    );
  }
  if (text !== "string" && text !== "bytes") {
    throw new TypeError(`text must be "string" or "bytes", not ${String(text)}`);
  }
  // A caller that waits until it is worth sending again is not refused then.
  const highWaterMark = Math.min(limits.highWaterMark, limits.maxBufferedAmount);
  return {
    ...limits,
    highWaterMark,
    maxMessageSize,
    maxQueuedAmount,
    closeTimeoutMs,
    textAsBytes: text === "bytes",
  };
}

/** Names of all handlers. The compiler sees to it that none is missing. */
export const HANDLER_NAMES: readonly string[] = Object.keys({
  open: 1,
  message: 1,
  drain: 1,
  close: 1,
  error: 1,
} satisfies Record<keyof Handlers<unknown>, 1>);

/** Options of every connection, and its handlers. The compiler sees to it that none is missing. */
export const CONNECTION_OPTIONS = {
  maxMessageSize: 1,
  text: 1,
  maxQueuedAmount: 1,
  closeTimeoutMs: 1,
  highWaterMark: 1,
  maxBufferedAmount: 1,
  onOverflow: 1,
  open: 1,
  message: 1,
  drain: 1,
  close: 1,
  error: 1,
} as const satisfies Record<keyof ConnectionOptions | keyof Handlers<unknown>, 1>;
