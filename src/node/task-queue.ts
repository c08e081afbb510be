/**
 * Tasks of the web platform: each runs when the microtasks of the one before are done, as a browser runs one for each
 * event. What they send leaves in one write when none is left.
 */

import { onNextTick } from "./clock.js";
import { beginTurn, endTurn } from "./turn.js";

export class TaskQueue {
  readonly #waiting: (() => void)[] = [];
  #isRunning = false;

  /** Whether a task runs or waits. */
  get isBusy(): boolean {
    return this.#isRunning;
  }

  /** Runs a task: at once if none runs or waits. Call it where no code of the program is on the stack. */
  run(task: () => void): void {
    if (this.#isRunning) {
      this.#waiting.push(task);
      return;
    }
    this.#isRunning = true;
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
    const task = this.#waiting.shift();
    if (task !== undefined) {
      this.#perform(task);
      return;
    }
    this.#isRunning = false;
    endTurn();
  }
}
