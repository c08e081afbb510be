/**
 * Turns: the frames that connections queue while handlers run leave when the handlers return, in one write for each
 * connection. Outside of a turn they leave when the current callback and its microtasks are done.
 */

import { onNextTick, onNextTurn } from "./clock.js";

/** A connection that has frames to write or errors to tell. */
export interface Flushable {
  /** Called at the end of the turn. Never throws. */
  flush(): void;
}

let depth = 0;
let isScheduled = false;
const dirty: Flushable[] = [];
/** How many of them were flushed, or are being flushed. */
let flushed = 0;

/** Flushes `connection` at the end of this turn. Call it once for each flush. */
export function flushLater(connection: Flushable): void {
  dirty.push(connection);
  if (depth > 0 || isScheduled) return;
  isScheduled = true;
  onNextTick(flushAll);
}

/** A turn begins: handlers are about to run. */
export function beginTurn(): void {
  depth++;
}

/** The turn ends. Call it once for each `beginTurn`, even when something threw in between. */
export function endTurn(): void {
  if (--depth === 0 && dirty.length > 0) flushAll();
}

function flushAll(): void {
  isScheduled = false;
  // A flush may run a drain handler, which may make others dirty, or be a turn at whose end this runs again.
  while (flushed < dirty.length) dirty[flushed++].flush();
  dirty.length = flushed = 0;
}

/** Promises that may resolve at once in one turn of the event loop. */
const MAX_AT_ONCE = 64;
let resolvedAtOnce = 0;

/**
 * A promise for something that is already so. After some of them in one turn of the event loop it resolves in the
 * next turn: a loop that awaits it again and again must not keep the process from its timers and sockets.
 */
export function alreadySo(): Promise<void> {
  if (++resolvedAtOnce < MAX_AT_ONCE) {
    if (resolvedAtOnce === 1) onNextTurn(() => (resolvedAtOnce = 0));
    return Promise.resolve();
  }
  return new Promise((resolve) => onNextTurn(resolve));
}
