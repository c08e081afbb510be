/** A histogram of durations whose size does not grow with what it counts. Knows no WebSocket. */

/** Duration of one unit. */
const UNIT_MS = 0.0001;

/** Longer durations count as this one: seven minutes. */
const MAX_UNITS = 0xffffffff;

/** Binary digits that are kept of a value. A bucket is at most 1/128 of its value wide, so a percentile is exact to 1 %. */
const DIGITS = 8;
const HALF = 1 << (DIGITS - 1);

/** Index of the bucket of a value: the value itself below 2^DIGITS, then HALF buckets for each further binary digit. */
function bucketOf(units: number): number {
  const shift = Math.max(0, 32 - DIGITS - Math.clz32(units));
  return shift * HALF + (units >>> shift);
}

/** The greatest value of a bucket. */
function highestOf(bucket: number): number {
  const shift = Math.max(0, Math.floor(bucket / HALF) - 1);
  return (bucket - shift * HALF + 1) * 2 ** shift - 1;
}

/** Counts durations in buckets that get wider as the values do. */
export class Histogram {
  // Not Uint32Array: a long run has more than 2^32 messages.
  readonly #buckets = new Float64Array(bucketOf(MAX_UNITS) + 1);
  #count = 0;
  #max = 0;

  /** How many durations were counted. */
  get count(): number {
    return this.#count;
  }

  /** The longest, in milliseconds, exactly; 0 when there is none. */
  get max(): number {
    return this.#max;
  }

  /** @param ms - a duration in milliseconds; a negative one, of a clock that was set back, counts as 0. */
  record(ms: number): void {
    const units = Math.min(Math.max(0, Math.round(ms / UNIT_MS)), MAX_UNITS);
    this.#buckets[bucketOf(units)]++;
    this.#count++;
    if (ms > this.#max) this.#max = ms;
  }

  /**
   * The duration that a share of all durations do not exceed.
   *
   * @param percent - 0 to 100.
   * @returns milliseconds, at most 1 % above the exact one; 0 when nothing was counted.
   */
  percentile(percent: number): number {
    const rank = Math.max(1, Math.ceil((percent / 100) * this.#count));
    let seen = 0;
    for (let bucket = 0; bucket < this.#buckets.length; bucket++) {
      seen += this.#buckets[bucket];
      if (seen >= rank) return Math.min(highestOf(bucket) * UNIT_MS, this.#max);
    }
    return this.#max;
  }
}
