/** Checks the options of a client that stays connected. */

import { type BufferLimits, checkBufferLimits } from "./buffer-limits.js";
import { assertFunctions, isPlainObject } from "./known-options.js";
import { type CheckedRetryLimits, checkRetryLimits, type RetryLimits } from "./retry.js";

/** The error of a client that stays connected after a connection has closed: its `error`, also passed to `onRetry`. */
export class ConnectionClosedError extends Error {
  /** §7.1.5: the code of the received Close; 1005 if it had no code, 1006 if no Close was received. */
  readonly closeCode: number;
  readonly closeReason: string;

  constructor(closeCode: number, closeReason: string, cause?: Error) {
    const how = closeReason === "" ? `${closeCode}` : `${closeCode}, ${JSON.stringify(closeReason)}`;
    super(`the connection closed (${how})`, cause === undefined ? undefined : { cause });
    this.name = "ConnectionClosedError";
    this.closeCode = closeCode;
    this.closeReason = closeReason;
  }
}

/** Why there is no connection, and whether the client gives up by default. */
export interface Loss {
  /** The error of the failed attempt, or a ConnectionClosedError. */
  readonly error: unknown;
  /** The close code, if a connection ended. */
  readonly code: number | undefined;
  readonly reason: string | undefined;
  /** The HTTP status if the server refused the handshake. Undefined in browsers, which hide it. */
  readonly status: number | undefined;
  /** Whether the client gives up by default. */
  readonly isFinal: boolean;
}

export interface StayLimits extends RetryLimits {
  /**
   * Milliseconds that a connection must last to reset the delays. A connection that ends earlier counts as a failure,
   * so that the delays keep growing if a server accepts and closes at once. Default 5 s.
   */
  readonly minUptime?: number | undefined;
  /**
   * Whether messages sent without a connection are queued for the next one. false: `send` refuses them and returns
   * undefined. Default true.
   */
  readonly queue?: boolean | undefined;
  /** Close codes after which the client does not reconnect. Default 1003 and 1008. */
  readonly finalCodes?: readonly number[] | undefined;
  /**
   * Called after each loss: returns whether to give up, or undefined for the default. If it throws or returns another
   * value, the client ends with an error.
   */
  readonly giveUp?: ((loss: Loss) => boolean | undefined) | undefined;
}

/** The names of these options. The compiler checks that none is missing. */
export const STAY_LIMITS = {
  minUptime: 1,
  queue: 1,
  finalCodes: 1,
  giveUp: 1,
  onState: 1,
  maxAttempts: 1,
  delay: 1,
  factor: 1,
  maxDelay: 1,
  maxRetryAfter: 1,
  jitter: 1,
  onRetry: 1,
} as const satisfies Record<keyof StayLimits | "onState", 1>;

/** The names of these options in reconnecting-websocket, partysocket and Socket.IO. */
const HINTS: Readonly<Record<string, string>> = {
  minReconnectionDelay: "it is delay",
  maxReconnectionDelay: "it is maxDelay",
  reconnectionDelay: "it is delay",
  reconnectionDelayMax: "it is maxDelay",
  reconnectionDelayGrowFactor: "it is factor",
  randomizationFactor: "it is jitter, from 0 to 1",
  connectionTimeout: "it is timeout, in milliseconds",
  maxRetries: "it is maxAttempts",
  reconnectionAttempts: "it is maxAttempts",
  maxEnqueuedMessages: "the queue is limited in bytes, by maxBufferedAmount; queue: false turns it off",
  shouldReconnect: "it is giveUp, which returns true to stay away",
  shouldReconnectOnClose: "it is giveUp, which returns true to stay away",
  startClosed: "it begins when it is called",
  autoConnect: "it begins when it is called",
};

/** Limits with defaults, checked. */
export interface CheckedStayLimits extends CheckedRetryLimits {
  readonly minUptime: number;
  readonly queue: boolean;
  readonly finalCodes: readonly number[];
  readonly highWaterMark: number;
  readonly maxBufferedAmount: number;
  readonly throwsOnOverflow: boolean;
}

/** @throws {RangeError | TypeError} that names the expected value. */
export function checkStayLimits(options: StayLimits & BufferLimits): CheckedStayLimits {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`stayConnected takes an object of options, not ${String(options)}`);
  }
  if (isPlainObject(options)) {
    for (const [name, hint] of Object.entries(HINTS)) {
      if ((options as Record<string, unknown>)[name] === undefined) continue;
      throw new TypeError(`stayConnected has no option "${name}": ${hint}`);
    }
  }
  const { minUptime = 5000, queue = true, finalCodes = [1003, 1008] } = options;
  if (typeof minUptime !== "number" || !(minUptime >= 0)) {
    throw new RangeError(`minUptime must be a number of milliseconds from 0 on, not ${String(minUptime)}`);
  }
  if (typeof queue !== "boolean") throw new TypeError(`queue must be true or false, not ${String(queue)}`);
  if (!Array.isArray(finalCodes) || finalCodes.some((code) => !Number.isInteger(code))) {
    throw new TypeError("finalCodes must be a list of close codes, such as [1008, 4401]");
  }
  assertFunctions(options, ["giveUp", "onState"]);
  const { highWaterMark, maxBufferedAmount, onOverflow } = checkBufferLimits(options);
  return {
    ...checkRetryLimits(options),
    minUptime,
    queue,
    finalCodes: [...finalCodes],
    // At most `maxBufferedAmount`, so that a send after `drained` is accepted.
    highWaterMark: Math.min(highWaterMark, maxBufferedAmount),
    maxBufferedAmount,
    throwsOnOverflow: onOverflow === "throw",
  };
}
