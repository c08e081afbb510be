/**
 * Turns: what connections queue while handlers run leaves when they return, each connection's in one write.
 * Outside of a turn it leaves when the current callback and its promises are done.
 */

/** Whoever has something to write. */
export interface Flushable {
  flush(): void;
}

let depth = 0;
let isScheduled = false;
const dirty: Flushable[] = [];
/** How many of them were flushed, or are being flushed. */
let flushed = 0;

/** Has `connection` flushed at the end of this turn. It is the caller's to ask once only. */
export function flushLater(connection: Flushable): void {
  dirty.push(connection);
  if (depth > 0 || isScheduled) return;
  isScheduled = true;
  process.nextTick(flushAll);
}

/** A turn begins: handlers are about to run. */
export function beginTurn(): void {
  depth++;
}

/** It ends. Must follow each `beginTurn`, whatever was thrown in between. */
export function endTurn(): void {
  if (--depth === 0 && dirty.length > 0) flushAll();
}

function flushAll(): void {
  isScheduled = false;
  // Flushing one may run a drain handler, which may make others dirty, or be a turn at whose end this runs again.
  while (flushed < dirty.length) dirty[flushed++].flush();
  dirty.length = flushed = 0;
}
