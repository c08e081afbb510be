/** Seeded chance: the same numbers in every run and on every machine (mulberry32). */

export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** 32 bits, unsigned. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** From 0 until 1. */
  fraction(): number {
    return this.next() / 2 ** 32;
  }

  /** An integer from 0 until `limit`. */
  below(limit: number): number {
    return Math.floor(this.fraction() * limit);
  }

  between(least: number, greatest: number): number {
    return least + this.below(greatest - least + 1);
  }

  chance(probability: number): boolean {
    return this.fraction() < probability;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)];
  }

  /** Mostly the first ones, by Zipf's law: rank r comes about 1 / r as often as the first. */
  pickZipf<T>(from: readonly T[]): T {
    return from[Math.floor((from.length + 1) ** this.fraction()) - 1];
  }

  /** Around 0, mostly within ±1: a sum of uniform numbers is close enough to a normal distribution. */
  bell(): number {
    return (this.fraction() + this.fraction() + this.fraction() + this.fraction() - 2) * 1.7;
  }

  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.next().toString(16).padStart(8, "0");
    return text.slice(0, digits);
  }

  uuid(): string {
    const [a, b, c] = [this.hex(8), this.hex(4), this.hex(3)];
    return `${a}-${b}-4${c}-${this.pick(["8", "9", "a", "b"])}${this.hex(3)}-${this.hex(12)}`;
  }
}
