/** How much one connection may do before others have their turn: bytes it reads, and time in its handlers. */

import { exactNow } from "./clock.js";
import type { SessionContext } from "./connection-options.js";
import { FULL_READ } from "./transport.js";

/** Messages that are delivered between two looks at the clock. */
export const MESSAGES_PER_LOOK = 32;

/**
 * Bytes from which a read counts as filled: as much as TLS hands over at once. Behind a filled read libuv reads the
 * same socket again, up to 32 times, before any other.
 */
const FILLED_READ = 0x4000;

export class TurnAllowance {
  readonly #context: SessionContext;
  /** Bytes of the reads of this turn; 0 if the next read begins another. */
  #size = 0;
  #began = 0;

  constructor(context: SessionContext) {
    this.#context = context;
  }

  /** Whether the next read begins a turn. */
  get isFresh(): boolean {
    return this.#size === 0;
  }

  begin(): void {
    this.#size = 0;
  }

  /** Takes a read. Returns whether the turn ends behind it. */
  take(length: number): boolean {
    const size = this.#size + length;
    this.#size = length < FILLED_READ ? 0 : size;
    return size >= this.#context.settings.maxTurnSize || length >= FULL_READ;
  }

  /** Looks at the clock. Returns whether the handlers ran for too long; `delivered` messages since the turn began. */
  isOver(delivered: number): boolean {
    const now = exactNow();
    if (delivered === MESSAGES_PER_LOOK) this.#began = now;
    const ms = now - this.#began;
    if (ms < this.#context.settings.maxTurnMs || delivered === MESSAGES_PER_LOOK) return false;
    this.#context.longTurns?.record(ms);
    return true;
  }
}
