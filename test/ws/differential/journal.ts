/**
 * The log of a script: one lane per actor. Order counts within a lane. Between lanes it does not, because which of two
 * sockets is served first is the system's choice.
 */

import { format } from "./format.js";

export type Log = Readonly<Record<string, readonly string[]>>;

interface Waiting {
  readonly lane: string;
  readonly word: string;
  readonly count: number;
  readonly resolve: () => void;
}

export class Journal {
  readonly #lanes: Record<string, string[]> = {};
  readonly #counts = new Map<string, number>();
  #waiting: Waiting[] = [];
  #closed = false;

  /** Writes a line: the word that says what happened, then values. */
  say(lane: string, word: string, ...values: readonly unknown[]): void {
    this.note(lane, word, values.map(format).join(" "));
  }

  /** Writes a line whose text is ready. */
  note(lane: string, word: string, text = ""): void {
    if (this.#closed) return;
    const line = text === "" ? word : `${word} ${text}`;
    this.#lanes[lane] ??= [];
    this.#lanes[lane].push(line);
    const key = `${lane}\n${word}`;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    this.#waiting = this.#waiting.filter((waiting) => {
      if (!this.#reached(waiting)) return true;
      waiting.resolve();
      return false;
    });
  }

  #reached({ lane, word, count }: Waiting): boolean {
    return (this.#counts.get(`${lane}\n${word}`) ?? 0) >= count;
  }

  /** Waits until the lane has `count` lines that begin with this word, from the beginning of the script on. */
  until(lane: string, word: string, count = 1): Promise<void> {
    return new Promise((resolve) => {
      const waiting = { lane, word, count, resolve };
      if (this.#reached(waiting)) resolve();
      else this.#waiting.push(waiting);
    });
  }

  /** Ends the log: what happens from now on is not part of it. */
  close(): Log {
    this.#closed = true;
    return Object.fromEntries(Object.entries(this.#lanes).sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** What the script is still waiting for, for the report of one that hangs. */
  get missing(): string {
    return this.#waiting.map(({ lane, word, count }) => `${lane}: ${word} (${count})`).join("; ");
  }
}
