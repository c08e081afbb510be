/**
 * Who is still there: one coarse timer looks after all connections of a server, or after all client
 * connections with the same limits. What it does to a connection is the connection's business.
 */

/** What is looked after. */
export interface Living {
  /**
   * Looks what happened since the last time.
   *
   * @param now - milliseconds of a steady clock, whole.
   */
  checkLiveness(now: number): void;
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

/** The timer looks at least once a second, and at most every 10 ms. */
const SLOWEST_MS = 1000;
const FASTEST_MS = 10;

export class Liveness {
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
  readonly idleTimeoutMs: number;
  readonly closeTimeoutMs: number;
  readonly #tickMs: number;
  readonly #living = new Set<Living>();
  #timer: NodeJS.Timeout | undefined = undefined;

  /** @throws {RangeError} for a limit that is no number of milliseconds. */
  constructor(limits: LivenessLimits) {
    this.pingIntervalMs = duration(limits, "pingIntervalMs", 30_000);
    this.pingTimeoutMs = duration(limits, "pingTimeoutMs", 20_000);
    this.idleTimeoutMs = duration(limits, "idleTimeoutMs", 0);
    this.closeTimeoutMs = duration(limits, "closeTimeoutMs", 10_000);
    const all = [this.pingIntervalMs, this.pingTimeoutMs, this.idleTimeoutMs, this.closeTimeoutMs];
    const least = Math.min(...all.filter((limit) => limit > 0));
    this.#tickMs = Math.max(FASTEST_MS, Math.min(SLOWEST_MS, least / 4));
  }

  add(living: Living): void {
    this.#living.add(living);
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => this.#tick(), this.#tickMs);
    // The sockets keep the process alive, as long as there are any.
    this.#timer.unref();
  }

  delete(living: Living): void {
    this.#living.delete(living);
    if (this.#living.size > 0) return;
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #tick(): void {
    const now = steadyNow();
    for (const living of this.#living) living.checkLiveness(now);
  }
}

/** Whole milliseconds of a clock that is never set back. */
export function steadyNow(): number {
  return Math.trunc(performance.now());
}

/** What a timer of the host cannot wait for; it would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/**
 * An option in milliseconds; 0 for no limit, which is also what is longer than timers can wait.
 *
 * @throws {RangeError} for what is no number of milliseconds.
 */
export function duration<Name extends string>(
  options: { readonly [name in Name]?: number | undefined },
  name: Name,
  otherwise: number,
): number {
  const value = options[name] ?? otherwise;
  if (typeof value !== "number" || !(value >= 0)) {
    throw new RangeError(`${name} must be a number of milliseconds from 0 on, not ${String(value)}`);
  }
  return value > MAX_TIMER_MS ? 0 : value;
}

const shared = new Map<string, Liveness>();

/** The liveness that connections without a server of their own share, if they have the same limits. */
export function sharedLiveness(limits: LivenessLimits): Liveness {
  const made = new Liveness(limits);
  const { pingIntervalMs, pingTimeoutMs, idleTimeoutMs, closeTimeoutMs } = made;
  const key = [pingIntervalMs, pingTimeoutMs, idleTimeoutMs, closeTimeoutMs].join();
  const found = shared.get(key) ?? made;
  shared.set(key, found);
  return found;
}
