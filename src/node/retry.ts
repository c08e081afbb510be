/** Opening a connection in several attempts. */

import { setTimeout as sleep } from "node:timers/promises";
import { openWithRetry, type RetryLimits } from "../protocol/index.js";
import { type ConnectOptions, connect } from "./client.js";
import type { Connection } from "./connection.js";

export interface RetryOptions<Data = unknown> extends ConnectOptions<Data>, RetryLimits {}

/**
 * Opens a connection; where that fails, waits and tries again, longer each time. A connection that closes later is
 * not opened again: see `examples/reconnect.ts` for a loop that does.
 *
 * @throws what the last attempt threw; what the server will not change its mind about (401, 403, 404, …), at once;
 *   `signal.reason`.
 */
export async function connectWithRetry<Data = unknown>(
  url: string | URL,
  options: RetryOptions<Data> = {},
): Promise<Connection<Data>> {
  const { signal } = options;
  const wait = (delayMs: number) => sleep(delayMs, undefined, signal === undefined ? {} : { signal });
  return openWithRetry(() => connect(url, options), options, wait, signal);
}
