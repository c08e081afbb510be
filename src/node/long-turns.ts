/** How long turns were that `maxTurnMs` ended, in buckets: what a server counts without a look at the clock of its own. */

/** The upper bounds of the buckets, in milliseconds. */
const BOUNDS = [5, 10, 25, 50, 100, 250, 500, 1000, Infinity] as const;

/** Turns that `maxTurnMs` ended: handlers of one connection ran for longer, and others had their turn after them. */
export interface LongTurns {
  readonly count: number;
  /** Of all of them together. */
  readonly totalMs: number;
  /** How many took at most so long, and longer than the bucket before. The last bound is Infinity. */
  readonly buckets: readonly { readonly upToMs: number; readonly count: number }[];
}

export class LongTurnCounter {
  readonly #counts = BOUNDS.map(() => 0);
  #totalMs = 0;

  record(ms: number): void {
    this.#totalMs += ms;
    this.#counts[BOUNDS.findIndex((bound) => ms <= bound)]++;
  }

  get snapshot(): LongTurns {
    return {
      count: this.#counts.reduce((sum, count) => sum + count, 0),
      totalMs: this.#totalMs,
      buckets: BOUNDS.map((upToMs, i) => ({ upToMs, count: this.#counts[i] })),
    };
  }
}
