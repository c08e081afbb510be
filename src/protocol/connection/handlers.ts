/** Functions that a user gave to be called: the caller goes on, also when they throw. Knows no connection. */

/** Whether a value is a promise, of any make. */
export function isThenable<T>(value: T | PromiseLike<T>): value is PromiseLike<T> {
  return typeof (value as PromiseLike<T> | null | undefined)?.then === "function";
}

/** The thrown value, as an error. */
export function asError(thrown: unknown): Error {
  try {
    if (thrown instanceof Error) return thrown;
  } catch {
    // A revoked Proxy cannot even be asked.
  }
  return new Error(`a handler threw ${nameOf(thrown)}`, { cause: thrown });
}

/** A value in a message; an object need not have a `toString`, and one that has it may throw. */
export function nameOf(value: unknown): string {
  try {
    // "0" is not 0: quotes show that a number is meant.
    return typeof value === "string" ? JSON.stringify(value) : String(value);
  } catch {
    return "an object that cannot be a string";
  }
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
