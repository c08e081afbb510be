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
/** The first `count` of them wait, but for those that were flushed or are being flushed. */
const dirty: (Flushable | undefined)[] = [];
let count = 0;
let flushed = 0;
/** A burst that made more of them dirty does not keep its memory. */
const MOST_KEPT = 1024;
let isFlushing = false;

/** Flushes `connection` at the end of this turn. Call it once for each flush. */
export function flushLater(connection: Flushable): void {
  // Setting an index costs less than `push` and then setting the length to 0, for every chunk that arrives.
  dirty[count++] = connection;
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
  if (--depth === 0 && count > 0) flushAll();
}

function flushAll(): void {
  isScheduled = false;
  // A flush may run an error handler, which may make others dirty, or be a turn of its own: they come behind it, so
  // that the stack does not grow with the number of connections.
  if (isFlushing) return;
  isFlushing = true;
  try {
    while (flushed < count) {
      const connection = dirty[flushed];
      dirty[flushed++] = undefined;
      connection?.flush();
    }
    count = flushed = 0;
    if (dirty.length > MOST_KEPT) dirty.length = 0;
  } finally {
    isFlushing = false;
    // Something threw: the others are flushed all the same.
    if (count > 0) onNextTick(flushAll);
  }
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
