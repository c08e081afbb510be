/** What a WebSocket has taken and not sent yet. It does not tell when that becomes less, so it is looked at. */

import { sleep } from "./sleep.js";

/** The `readyState` of an open WebSocket. */
export const OPEN = 1;

/** How long to wait before the next look: each time twice as long, between these. */
const SHORTEST_WAIT_MS = 1;
const LONGEST_WAIT_MS = 16;

export class Backlog {
  readonly #socket: WebSocket;
  readonly #highWaterMark: number;
  readonly #onDrain: () => void;
  #isWatched = false;
  #waiting: (() => void)[] = [];

  /**
   * @param highWaterMark - bytes from which on it is not worth sending more.
   * @param onDrain - called when it is worth sending again, after it was not.
   */
  constructor(socket: WebSocket, highWaterMark: number, onDrain: () => void) {
    this.#socket = socket;
    this.#highWaterMark = highWaterMark;
    this.#onDrain = onDrain;
  }

  /** Bytes that wait. At a network's edge a WebSocket may not say. */
  get size(): number {
    return (this.#socket.bufferedAmount as number | undefined) ?? 0;
  }

  /** Whether it is not worth sending more. */
  get isHigh(): boolean {
    return this.size >= this.#highWaterMark;
  }

  /** Resolves when it is worth sending again, and at `end`. */
  drained(): Promise<void> {
    if (!this.isHigh) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      void this.watch();
    });
  }

  /** Looks until it is worth sending again, or the WebSocket is not open any more. */
  async watch(): Promise<void> {
    if (this.#isWatched) return;
    this.#isWatched = true;
    let waitMs = SHORTEST_WAIT_MS;
    do {
      await sleep(waitMs);
      waitMs = Math.min(2 * waitMs, LONGEST_WAIT_MS);
      // Where nothing may wait, to have sent everything is enough.
    } while (this.#socket.readyState === OPEN && this.isHigh && this.size > 0);
    this.#isWatched = false;
    this.end();
    if (this.#socket.readyState === OPEN) this.#onDrain();
  }

  /** Lets everyone go who waits. */
  end(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
