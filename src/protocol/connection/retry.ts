/** Opening something in several attempts: how many, how long between, and when not. Brings no clock of its own. */

import { HandshakeError } from "../handshake/handshake-error.js";
import { isThenable } from "./handlers.js";
import { assertFunctions } from "./known-options.js";

export interface RetryLimits {
  /** Attempts in all. Default: as many as it takes. */
  readonly maxAttempts?: number | undefined;
  /** Milliseconds before the second attempt. Default 1000. */
  readonly delay?: number | undefined;
  /** How many times longer each delay is than the one before. Default 2. */
  readonly factor?: number | undefined;
  /** Milliseconds that no delay of ours exceeds. Default 30 s. */
  readonly maxDelay?: number | undefined;
  /**
   * Milliseconds that a server can make us wait by Retry-After (RFC 9110 §10.2.3), which counts where it is longer than
   * our delay. A server that asks for more gets this. 0: Retry-After does not count. Default 5 min.
   */
  readonly maxRetryAfter?: number | undefined;
  /**
   * How much of a delay is left to chance, from 0 to 1, so that the clients of a server that comes back do not all come
   * at once. Default 0.5.
   */
  readonly jitter?: number | undefined;
  /**
   * Told about each failure that another attempt follows. What it throws, or rejects with, ends the attempts; it is not
   * waited for.
   */
  readonly onRetry?: ((error: unknown, attempt: number, delayMs: number) => unknown) | undefined;
}

/** Statuses of a server that may answer otherwise later (RFC 9110 §15, RFC 6585). */
const PASSING = new Set([408, 425, 429, 500, 502, 503, 504]);

/**
 * Codes of errors about a certificate, or a name, that is not trusted: those of OpenSSL (X509_V_ERR) as Node has them,
 * and Node's own. Another attempt meets the same certificate.
 */
const UNTRUSTED =
  /^(?:ERR_TLS_CERT_ALTNAME_\w+|CERT_\w+|CRL_\w+|UNABLE_TO_\w+|ERROR_IN_C\w+_FIELD|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|HOSTNAME_MISMATCH)$/;

/** A timer of the host that is set to more than this fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Whether it is the call that makes no sense, not the connection that cannot be opened. */
export function isMisuse(error: unknown): boolean {
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
}

/** Whether another attempt may end better: not when one side refuses the other, or the call makes no sense. */
export function isPassing(error: unknown): boolean {
  if (isMisuse(error)) return false;
  // A page of https: may open nothing but wss:; no server can change that.
  if (error instanceof Error && error.name === "SecurityError") return false;
  const { code } = (error ?? {}) as { code?: unknown };
  if (typeof code === "string" && UNTRUSTED.test(code)) return false;
  return !(error instanceof HandshakeError) || error.status < 400 || PASSING.has(error.status);
}

/** As much of an AbortSignal as is looked at. */
interface Stop {
  readonly aborted: boolean;
  readonly reason: unknown;
}

/** What the host brings. */
export interface RetryHost {
  /** Resolves after so many milliseconds, or rejects when `signal` aborts. */
  readonly wait: (delayMs: number) => Promise<unknown>;
  readonly signal?: Stop | undefined;
  /** How many milliseconds the server asked us to wait, by this error; 0: it did not. */
  readonly askedFor: (error: unknown) => number;
}

/**
 * Tries to open a connection until it works, waiting longer each time.
 *
 * @param open - one attempt.
 * @throws {RangeError} for limits that make no sense; what the last attempt threw; what will not change (401, 403, 404,
 *   a certificate that is not trusted, …), at once; what `onRetry` threw; `signal.reason`.
 */
export async function openWithRetry<T>(
  open: () => Promise<T>,
  limits: RetryLimits,
  { wait, signal, askedFor }: RetryHost,
): Promise<T> {
  const { maxAttempts, delayAfter } = checkRetryLimits(limits);
  let failure: { readonly thrown: unknown } | undefined;
  for (let attempt = 1; ; attempt++) {
    let delayMs: number;
    try {
      return await open();
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (attempt >= maxAttempts || !isPassing(error)) throw error;
      delayMs = delayAfter(attempt, askedFor(error));
      const told = limits.onRetry?.(error, attempt, delayMs);
      if (isThenable(told)) {
        told.then(undefined, (thrown: unknown) => {
          failure = { thrown };
        });
      }
    }
    try {
      await wait(delayMs);
    } catch (error) {
      throw signal?.aborted ? signal.reason : error;
    }
    if (failure !== undefined) throw failure.thrown;
  }
}

/** The limits, with defaults. */
export interface CheckedRetryLimits {
  readonly maxAttempts: number;
  readonly maxDelay: number;
  /**
   * Milliseconds to wait after so many attempts in a row.
   *
   * @param askedMs - milliseconds that the server asked us to wait; 0: it did not.
   */
  readonly delayAfter: (attempts: number, askedMs: number) => number;
}

/** @throws {RangeError | TypeError} naming the expected value. */
export function checkRetryLimits(limits: RetryLimits): CheckedRetryLimits {
  const { maxAttempts = Infinity, delay = 1000, factor = 2, maxDelay = 30_000, jitter = 0.5 } = limits;
  const { maxRetryAfter = 300_000 } = limits;
  for (const [name, value] of Object.entries({ delay, factor, maxDelay, maxRetryAfter })) {
    if (!(value >= 0)) throw new RangeError(`${name} must be a number from 0 on, not ${String(value)}`);
  }
  if (!(maxAttempts >= 1)) throw new RangeError(`maxAttempts must be at least 1, not ${String(maxAttempts)}`);
  if (!(jitter >= 0 && jitter <= 1))
    throw new RangeError(`jitter must be from 0 to 1, not ${String(jitter)}`);
  assertFunctions(limits, ["onRetry"]);
  const delayAfter = (attempts: number, askedMs: number) => {
    const full = delay === 0 ? 0 : Math.min(maxDelay, MAX_TIMER_MS, delay * factor ** (attempts - 1));
    const sparedMs = full * jitter * Math.random();
    const asked = Math.min(askedMs, maxRetryAfter);
    // Clients that got the same time should not return at once, either.
    const wanted = Math.max(full - sparedMs, asked > 0 ? asked + sparedMs : 0);
    return Math.min(MAX_TIMER_MS, Math.round(wanted));
  };
  return { maxAttempts, maxDelay, delayAfter };
}
