/** Times in buckets that grow by a fiftieth each: any number of them in little memory, to within a hundredth. */

const GROWTH = Math.log(1.02);
/** Everything below is one bucket: a microsecond. */
const LEAST_MS = 0.001;

export class Histogram {
  count = 0;
  readonly #counts = new Map<number, number>();

  add(ms: number): void {
    const bucket = Math.max(0, Math.round(Math.log(Math.max(ms, LEAST_MS) / LEAST_MS) / GROWTH));
    this.#counts.set(bucket, (this.#counts.get(bucket) ?? 0) + 1);
    this.count++;
  }

  /**
   * The time that a share of all do not exceed.
   *
   * @param share - 0.5 for the median.
   * @returns milliseconds; NaN when there are none.
   */
  percentile(share: number): number {
    let left = Math.max(1, Math.ceil(this.count * share));
    for (const bucket of [...this.#counts.keys()].sort((a, b) => a - b)) {
      left -= this.#counts.get(bucket) as number;
      if (left <= 0) return LEAST_MS * Math.exp(bucket * GROWTH);
    }
    return Number.NaN;
  }

  clear(): void {
    this.#counts.clear();
    this.count = 0;
  }
}
