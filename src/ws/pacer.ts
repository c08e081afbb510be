/** One event in each turn of the event loop, in order: `allowSynchronousEvents: false` of `ws`. */

export class Pacer {
  readonly #hold: (isHeld: boolean) => void;
  #waiting: (() => void)[] = [];
  /** Index of the first event that waits. */
  #first = 0;

  /** @param hold - told whether events wait: no more should come then. */
  constructor(hold: (isHeld: boolean) => void) {
    this.#hold = hold;
  }

  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Emits in a later turn. */
  push(emit: () => void): void {
    if (this.#waiting.push(emit) > 1) return;
    this.#hold(true);
    setImmediate(() => this.#next());
  }

  #next(): void {
    const emit = this.#waiting[this.#first];
    try {
      emit();
    } finally {
      // An index takes constant time; `shift` moves all that wait.
      this.#waiting[this.#first++] = undefined as never;
      if (this.#first === this.#waiting.length) {
        this.#waiting = [];
        this.#first = 0;
      }
      if (this.isWaiting) setImmediate(() => this.#next());
      else this.#hold(false);
    }
  }
}
