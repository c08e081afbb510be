/**
 * Tasks of the web platform: each runs when the microtasks of the one before are done, as a browser runs one for each
 * event. What they send leaves in one write when none is left, or when they have run for `maxTurnMs`.
 */

import { onNextTick, onNextTurn } from "./clock.js";
import type { SessionContext } from "./connection-options.js";
import { beginTurn, endTurn } from "./turn.js";
import { MESSAGES_PER_LOOK, TurnAllowance } from "./turn-allowance.js";

export class TaskQueue {
  readonly #allowance: TurnAllowance;
  readonly #hold: (isHeld: boolean) => void;
  #waiting: (() => void)[] = [];
  /** Index of the first task that waits. */
  #first = 0;
  #isRunning = false;
  #isHeld = false;
  /** Tasks that ran in this turn. */
  #ran = 0;

  /** @param hold - called with true when many tasks wait: no more should come. Called with false when none is left. */
  constructor(context: SessionContext, hold: (isHeld: boolean) => void) {
    this.#allowance = new TurnAllowance(context);
    this.#hold = hold;
  }

  /** Whether a task runs or waits. */
  get isBusy(): boolean {
    return this.#isRunning;
  }

  /** Runs a task: at once if none runs or waits. Call it where no code of the program is on the stack. */
  run(task: () => void): void {
    if (this.#isRunning) {
      this.#waiting.push(task);
      if (this.#isHeld || this.#waiting.length - this.#first < MESSAGES_PER_LOOK) return;
      this.#isHeld = true;
      this.#hold(true);
      return;
    }
    this.#isRunning = true;
    this.#ran = 0;
    beginTurn();
    this.#perform(task);
  }

  #perform(task: () => void): void {
    try {
      task();
    } finally {
      // A tick that a microtask asks for comes behind all microtasks.
      void Promise.resolve().then(() => onNextTick(() => this.#next()));
    }
  }

  #next(): void {
    if (this.#isHeld && this.#first === this.#waiting.length) {
      this.#isHeld = false;
      this.#hold(false);
    }
    const task = this.#take();
    if (task === undefined) {
      this.#isRunning = false;
      endTurn();
    } else if (++this.#ran % MESSAGES_PER_LOOK === 0 && this.#allowance.isOver(this.#ran)) {
      this.#ran = 0;
      endTurn();
      onNextTurn(() => {
        beginTurn();
        this.#perform(task);
      });
    } else {
      this.#perform(task);
    }
  }

  /** The first task that waits. An index takes constant time; `Array.prototype.shift` moves all that wait. */
  #take(): (() => void) | undefined {
    const task = this.#waiting[this.#first];
    if (task === undefined) return undefined;
    this.#waiting[this.#first++] = undefined as never;
    if (this.#first === this.#waiting.length) {
      this.#waiting = [];
      this.#first = 0;
    }
    return task;
  }
}
