/** Opening something in several attempts: how many, how long between, and when not. Brings no clock of its own. */

import { HandshakeError } from "../handshake/handshake-error.js";

export interface RetryLimits {
  /** Attempts in all. Default: as many as it takes. */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds before the second attempt. Default 1000. */
  readonly delay?: number | undefined;
  /** What each delay is longer than the one before, as a factor. Default 2. */
  readonly factor?: number | undefined;
  /** Milliseconds that no delay exceeds. Default 30 s. */
  readonly maxDelay?: number | undefined;
  /**
   * How much of a delay is left to chance, from 0 to 1, so that the clients of a server that comes back do not all come
   * at once. Default 0.5.
   */
  readonly jitter?: number | undefined;
  /** Told about each failure that another attempt follows. */
  readonly onRetry?: ((error: unknown, attempt: number, delayMs: number) => void) | undefined;
}

/** Statuses of a server that may answer otherwise later (RFC 9110 §15, RFC 6585). */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/** A timer of the host that is set to more than this fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Whether it is the call that makes no sense, not the connection that cannot be opened. */
export function isMisuse(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
}

/** Whether another attempt may end otherwise: not when the server refuses us, or the call makes no sense. */
function isPassing(error: unknown): boolean {
  if (isMisuse(error)) return false;
  // A page of https: may open nothing but wss:, whatever the server does.
  if (error instanceof Error && error.name === "SecurityError") return false;
  return !(error instanceof HandshakeError) || error.status < 400 || PASSING.has(error.status);
}

/** As much of an AbortSignal as is looked at. */
interface Stop {
  readonly aborted: boolean;
  readonly reason: unknown;
}

/**
 * Tries to open a connection until it works, waiting longer each time.
 *
 * @param open - one attempt.
 * @param wait - resolves after so many milliseconds, or rejects when `signal` aborts.
 * @throws {RangeError} for limits that make no sense; what the last attempt threw; what will not change (401, 403, 404,
 *   …), at once; `signal.reason`.
 */
export async function openWithRetry<T>(
  open: () => Promise<T>,
  limits: RetryLimits,
  wait: (delayMs: number) => Promise<unknown>,
  signal?: Stop,
): Promise<T> {
  const { maxAttempts = Infinity, delay = 1000, factor = 2, maxDelay = 30_000, jitter = 0.5 } = limits;
  for (const [name, value] of Object.entries({ delay, factor, maxDelay })) {
    if (!(value >= 0)) throw new RangeError(`${name} must be a number from 0 on, not ${String(value)}`);
  }
  if (!(maxAttempts >= 1)) throw new RangeError(`maxAttempts must be at least 1, not ${String(maxAttempts)}`);
  if (!(jitter >= 0 && jitter <= 1))
    throw new RangeError(`jitter must be from 0 to 1, not ${String(jitter)}`);
  for (let attempt = 1; ; attempt++) {
    let delayMs: number;
    try {
      return await open();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (attempt >= maxAttempts || !isPassing(error)) throw error;
      const full = delay === 0 ? 0 : Math.min(maxDelay, MAX_TIMER_MS, delay * factor ** (attempt - 1));
      delayMs = Math.round(full * (1 - jitter * Math.random()));
      limits.onRetry?.(error, attempt, delayMs);
    }
    try {
      await wait(delayMs);
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
  }
}
