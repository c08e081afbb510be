/** Opening a connection in several attempts. */

import { openWithRetry, type RetryLimits, whenAborted } from "../protocol/index.js";
import { CONNECT_OPTIONS, type ConnectOptions, openConnection } from "./client.js";
import type { Connection } from "./connection.js";
import { CONNECTION_OPTIONS } from "./connection-options.js";
import { assertOptions } from "./option-names.js";

export interface RetryOptions<Data = undefined> extends ConnectOptions<Data>, RetryLimits {}

/** Options that `connectWithRetry` has beyond those of `connect`. */
const RETRY_OPTIONS = {
  maxAttempts: 1,
  delay: 1,
  factor: 1,
  maxDelay: 1,
  jitter: 1,
  onRetry: 1,
  maxRetryAfter: 1,
} as const satisfies Record<keyof RetryLimits, 1>;

/**
 * Opens a connection; where that fails, waits and tries again, longer each time. A browser does not say why a
 * connection could not be opened, so a refusal is tried again too: `maxAttempts` ends that. A connection that closes
 * later is not opened again.
 *
 * @throws what the last attempt threw; `signal.reason`.
 */
export async function connectWithRetry<Data = undefined>(
  url: string | URL,
  options: RetryOptions<Data> = {},
): Promise<Connection<Data>> {
  assertOptions(options, [CONNECTION_OPTIONS, CONNECT_OPTIONS, RETRY_OPTIONS], "connectWithRetry");
  const { signal } = options;
  const wait = (delayMs: number) => sleep(delayMs, signal);
  // A page does not see what a refusal says.
  const askedFor = () => 0;
  return openWithRetry(() => openConnection(url, options), options, { wait, signal, askedFor });
}

/** Resolves later, or rejects when `signal` aborts. */
function sleep(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      forget?.();
      resolve();
    }, delayMs);
    const abort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    if (signal?.aborted) return abort();
    const forget = signal && whenAborted(signal, abort);
  });
}
