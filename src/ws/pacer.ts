/** One event in each turn of the event loop, in order: `allowSynchronousEvents: false` of `ws`. */

export class Pacer {
  readonly #hold: (isHeld: boolean) => void;
  readonly #waiting: (() => void)[] = [];

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
    const emit = this.#waiting[0];
    try {
      emit();
    } finally {
      this.#waiting.shift();
      if (this.isWaiting) setImmediate(() => this.#next());
      else this.#hold(false);
    }
  }
}
