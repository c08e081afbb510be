/**
 * Which branches an input reaches, by V8's precise block coverage.
 *
 * V8 reports ranges of source with counts, and joins neighbours with equal counts. So each border that was ever seen is
 * kept, and each input is asked how often the code behind each border ran: once, twice, up to 3, 7, 15, …. A count of
 * another magnitude, at any border, is something new.
 */

import { type Profiler, Session } from "node:inspector";

/** No magnitude: it only says that the border is known. */
const FORGIVEN = 1 << 30;

interface KnownFunction {
  /** Borders, and a bit for each magnitude that was seen behind them. */
  readonly borders: Map<number, number>;
}

export class Guide {
  readonly #session = new Session();
  readonly #isGuiding: (url: string) => boolean;
  readonly #known = new Map<string, KnownFunction>();
  #pending: [KnownFunction, number][] = [];
  /** How many pairs of border and magnitude were seen. */
  count = 0;

  /** @param isGuiding - whether a source, by its URL, counts. */
  constructor(isGuiding: (url: string) => boolean) {
    this.#isGuiding = isGuiding;
    this.#session.connect();
    this.#post("Profiler.enable");
    this.#post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  }

  #post<T>(method: string, parameters: object = {}): T {
    let answer: T | undefined;
    let failure: Error | null = null;
    // Within one thread it is answered before `post` returns.
    this.#session.post(
      method as "Profiler.enable",
      parameters as never,
      (error: Error | null, result?: unknown) => {
        failure = error;
        answer = result as T;
      },
    );
    if (failure !== null) throw failure;
    return answer as T;
  }

  /** How many things that ran since the last call are new; from now on they are not. For one input. */
  look(): number {
    const before = this.count;
    this.#take((known, border, count) => {
      const bit = 1 << Math.min(29, 32 - Math.clz32(count));
      const seen = known.borders.get(border) as number;
      if ((seen & bit) !== 0) return;
      known.borders.set(border, seen | bit);
      this.count++;
    });
    return this.count - before;
  }

  /**
   * Whether something ran since the last call that never ran before. For several inputs, whose counts are summed up:
   * look at each of them alone then.
   */
  hasNew(): boolean {
    const found: [KnownFunction, number][] = [];
    this.#take((known, border) => {
      if (known.borders.get(border) === 0) found.push([known, border]);
    });
    this.#pending = found;
    return found.length > 0;
  }

  /** What `hasNew` found and no input showed alone depends on what ran before: it counts no more. */
  forgive(): void {
    for (const [known, border] of this.#pending) {
      if (known.borders.get(border) === 0) known.borders.set(border, FORGIVEN);
    }
    this.#pending = [];
  }

  /** Calls `note` for each border behind which something ran. */
  #take(note: (known: KnownFunction, border: number, count: number) => void): void {
    const { result } = this.#post<Profiler.TakePreciseCoverageReturnType>("Profiler.takePreciseCoverage");
    for (const { url, functions } of result) {
      if (!this.#isGuiding(url)) continue;
      for (const { ranges } of functions) this.#note(`${url} ${ranges[0].startOffset}`, ranges, note);
    }
  }

  #note(
    key: string,
    ranges: readonly Profiler.CoverageRange[],
    note: (known: KnownFunction, border: number, count: number) => void,
  ): void {
    let known = this.#known.get(key);
    if (known === undefined) this.#known.set(key, (known = { borders: new Map() }));
    const { borders } = known;
    for (const { startOffset, endOffset } of ranges) {
      if (!borders.has(startOffset)) borders.set(startOffset, 0);
      if (!borders.has(endOffset)) borders.set(endOffset, 0);
    }
    for (const border of borders.keys()) {
      // Ranges are nested, the outer one first: the last that holds the border is the innermost.
      let count = 0;
      for (const { startOffset, endOffset, count: times } of ranges) {
        if (startOffset <= border && border < endOffset) count = times;
      }
      if (count > 0) note(known, border, count);
    }
  }

  close(): void {
    this.#post("Profiler.stopPreciseCoverage");
    this.#session.disconnect();
  }
}
