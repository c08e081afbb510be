/**
 * The clock and the timers of this library. Each function is taken once, when this module is loaded, so that fake
 * timers of tests do not stop connections. Each timer is made outside of the caller's async context, so that no
 * timer keeps one user's store alive or shows it to the handlers of another.
 */

import { AsyncResource } from "node:async_hooks";

const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval } = globalThis;
const { nextTick } = process;
const now = performance.now.bind(performance);

/** The context that this module was loaded in. */
const context = /* @__PURE__ */ new AsyncResource("hawser", { requireManualDestroy: true });

/** Milliseconds of a clock that is never set back, with fractions. */
export const exactNow: () => number = now;

/** Whole milliseconds of the same clock. */
export function steadyNow(): number {
  return Math.trunc(now());
}

/** Runs a function at once, outside of the caller's async context. */
export function outsideOfContext(run: () => void): void {
  context.runInAsyncScope(run);
}

/** Runs a function when the current callback and its microtasks are done. */
export function onNextTick(run: () => void): void {
  context.runInAsyncScope(nextTick, process, run);
}

/** Runs a function in the next turn of the event loop, after it looked at the sockets. */
export function onNextTurn(run: () => void): void {
  context.runInAsyncScope(setImmediate, undefined, run);
}

/** Runs a function once, after some milliseconds. Returns a function that cancels it. */
export function after(ms: number, run: () => void): () => void {
  const timer = context.runInAsyncScope(setTimeout, undefined, run, ms) as NodeJS.Timeout;
  return () => clearTimeout(timer);
}

/**
 * Runs a function every so many milliseconds. The timer does not keep the process alive. Returns a function that
 * cancels it.
 */
export function every(ms: number, run: () => void): () => void {
  const timer = context.runInAsyncScope(setInterval, undefined, run, ms) as NodeJS.Timeout;
  timer.unref();
  return () => clearInterval(timer);
}
