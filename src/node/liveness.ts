/**
 * Time limits of connections, and one coarse timer for all connections of a server, or for all client connections
 * with the same limits. `peer-watch.ts` judges one connection.
 */

import { nameOf } from "../protocol/index.js";
import { every, onNextTurn, steadyNow } from "./clock.js";

/** A connection that the timer looks after. */
export interface Living {
  /**
   * Compares the connection with the last look.
   *
   * @param now - milliseconds of a steady clock, whole.
   * @param readUntil - an earlier time: bytes that had arrived by then were read.
   */
  checkLiveness(now: number, readUntil: number): void;
}

export interface LivenessLimits {
  /** Send a Ping after this long without a byte from the peer; 0: never. Default 30 s. */
  readonly pingIntervalMs?: number | undefined;
  /** Cut the connection if nothing came for this long after such a Ping. Default 20 s. */
  readonly pingTimeoutMs?: number | undefined;
  /** Close the connection (1001) after this long without a message either way; 0: never. Default 0. */
  readonly idleTimeoutMs?: number | undefined;
  /** Cut the connection this long after the closing handshake began. Default 10 s. */
  readonly closeTimeoutMs?: number | undefined;
}

/** The timer ticks at least once a second, and at most every 10 ms. */
const SLOWEST_MS = 1000;
const FASTEST_MS = 10;

export class Liveness {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly #tickMs: number;
  readonly #living = new Set<Living>();
  readonly #onEmpty: () => void;
  #stop: (() => void) | undefined = undefined;

  /**
   * @param onEmpty - called when the last connection is gone.
   * @throws {RangeError} for a limit that is not a number of milliseconds.
   */
  constructor(limits: LivenessLimits, onEmpty: () => void = () => undefined) {
    this.pingIntervalMs = duration(limits, "pingIntervalMs", 30_000);
    this.pingTimeoutMs = duration(limits, "pingTimeoutMs", 20_000);
    this.idleTimeoutMs = duration(limits, "idleTimeoutMs", 0);
    this.closeTimeoutMs = duration(limits, "closeTimeoutMs", 10_000);
    this.#onEmpty = onEmpty;
    const all = [this.pingIntervalMs, this.pingTimeoutMs, this.idleTimeoutMs, this.closeTimeoutMs];
    const least = Math.min(...all.filter((limit) => limit > 0));
    this.#tickMs = Math.max(FASTEST_MS, Math.min(SLOWEST_MS, least / 4));
  }

  add(living: Living): void {
    this.#living.add(living);
    // Timers run before the event loop looks at the sockets. A loop that stood still may find the answer of a healthy
    // peer there, so the look comes after that, and judges by the time before. The sockets keep the process alive, not
    // the timer.
    this.#stop ??= every(this.#tickMs, () => {
      const readUntil = steadyNow();
      onNextTurn(() => this.#tick(readUntil));
    });
  }

  delete(living: Living): void {
    if (!this.#living.delete(living) || this.#living.size > 0) return;
    this.#stop?.();
    this.#stop = undefined;
    this.#onEmpty();
  }

  #tick(readUntil: number): void {
    const now = steadyNow();
    for (const living of this.#living) living.checkLiveness(now, readUntil);
  }
}

/** The longest that a timer of the host can wait for; a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * An option in milliseconds. 0 is no limit; a time longer than timers can wait is no limit either.
 *
 * @throws {RangeError} for a value that is not a number of milliseconds.
 */
export function duration<Name extends string>(
  options: { readonly [name in Name]?: number | undefined },
  name: Name,
  otherwise: number,
): number {
  const value = options[name] ?? otherwise;
  if (typeof value !== "number" || !(value >= 0)) {
    throw new RangeError(`${name} must be a number of milliseconds from 0 on, not ${nameOf(value)}`);
  }
  return value > MAX_TIMER_MS ? 0 : value;
}

const shared = new Map<string, Liveness>();

/** The liveness that connections without a server of their own share, if they have the same limits. */
export function sharedLiveness(limits: LivenessLimits): Liveness {
  const made = new Liveness(limits, () => shared.delete(key));
  const { pingIntervalMs, pingTimeoutMs, idleTimeoutMs, closeTimeoutMs } = made;
  const key = [pingIntervalMs, pingTimeoutMs, idleTimeoutMs, closeTimeoutMs].join();
  const found = shared.get(key) ?? made;
  shared.set(key, found);
  return found;
}
