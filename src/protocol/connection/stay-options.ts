/** What a client that stays connected can be told, checked. */

import { type BufferLimits, checkBufferLimits } from "./buffer-limits.js";
import { assertFunctions, isPlainObject } from "./known-options.js";
import { type CheckedRetryLimits, checkRetryLimits, type RetryLimits } from "./retry.js";

/** A connection ended: what `error` and `onRetry` are told of a client that stays connected. */
export class ConnectionClosedError extends Error {
  /** §7.1.5: of the Close that was received; 1005 if it had none, 1006 without one. */
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

/** Why there is no connection, and whether there will be another one if nothing else is said. */
export interface Loss {
  /** What opening failed with, or a ConnectionClosedError. */
  readonly error: unknown;
  /** The close code, if a connection ended. */
  readonly code: number | undefined;
  readonly reason: string | undefined;
  /** The status of the response, if a server refused; a browser does not tell it. */
  readonly status: number | undefined;
  /** Whether it is given up by default. */
  readonly isFinal: boolean;
}

export interface StayLimits extends RetryLimits {
  /**
   * Milliseconds that a connection must last for the delays to begin anew. One that ends before counts as a failure,
   * so that a server that accepts and closes is not asked again and again. Default 5 s.
   */
  readonly minUptime?: number | undefined;
  /**
   * Whether messages that are sent while there is no connection wait for the next. false: `send` refuses them, by
   * returning undefined. Default true.
   */
  readonly queue?: boolean | undefined;
  /** Close codes of a server that wants us to stay away. Default 1003 and 1008. */
  readonly finalCodes?: readonly number[] | undefined;
  /**
   * Asked after each loss whether to give up: true or false; undefined: as by default. What it throws, or anything else
   * that it returns, ends the client.
   */
  readonly giveUp?: ((loss: Loss) => boolean | undefined) | undefined;
}

/** The names of these. The compiler sees to it that none is missing. */
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

/** How reconnecting-websocket, partysocket and Socket.IO call them. */
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
  maxEnqueuedMessages: "what may wait is limited in bytes, by maxBufferedAmount; queue: false keeps nothing",
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

/** @throws {RangeError | TypeError} saying what was expected. */
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
    // A caller that waits until it is worth sending again is not refused then.
    highWaterMark: Math.min(highWaterMark, maxBufferedAmount),
    maxBufferedAmount,
    throwsOnOverflow: onOverflow === "throw",
  };
}
