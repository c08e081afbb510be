/** Functions that a user gave to be called: whatever they do, whoever calls them goes on. Knows no connection. */

/** Whether a value is a promise, of any make. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null | undefined)?.then === "function";
}

/** What was thrown, as an error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(`a handler threw ${String(thrown)}`);
}

/** Calls a handler; what it throws, or rejects with, goes to `failed`. */
export function runHandler(handler: () => unknown, failed: (thrown: unknown) => void): void {
  try {
    const returned = handler();
    if (isThenable(returned)) returned.then(undefined, failed);
  } catch (thrown) {
    failed(thrown);
  }
}
