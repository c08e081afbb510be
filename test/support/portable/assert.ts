/**
 * Stands in for `node:assert/strict` where there is no Node: what the tests of kernel and codec use of it, with the same
 * verdicts. test/support/portable.test.ts compares the two.
 */

class AssertionError extends Error {
  override readonly name = "AssertionError";
}

type Message = string | Error | undefined;

const LONGEST = 400;

function show(value: unknown): string {
  const json = (_key: string, part: unknown) =>
    typeof part === "bigint" || part === undefined || typeof part === "function" ? String(part) : part;
  let text: string;
  try {
    text = ArrayBuffer.isView(value)
      ? `${kindOf(value)} ${value}`
      : (JSON.stringify(value, json) ?? String(value));
  } catch {
    text = String(value);
  }
  if (Object.is(value, -0) || Number.isNaN(value)) text = Object.is(value, -0) ? "-0" : "NaN";
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}

function reject(message: Message, what: string): never {
  if (message instanceof Error) throw message;
  throw new AssertionError(message === undefined ? what : `${message}: ${what}`);
}

function kindOf(value: object): string {
  return Object.prototype.toString.call(value).slice("[object ".length, -1);
}

/** Own enumerable keys, symbols included. */
function keysOf(value: object): PropertyKey[] {
  return Reflect.ownKeys(value).filter((key) => Object.prototype.propertyIsEnumerable.call(value, key));
}

function haveSameKeys(a: object, b: object): boolean {
  const keys = keysOf(a);
  if (keys.length !== keysOf(b).length) return false;
  return keys.every(
    (key) =>
      Object.prototype.propertyIsEnumerable.call(b, key) &&
      isDeepEqual(Reflect.get(a, key), Reflect.get(b, key)),
  );
}

function haveSameElements(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

function isDeepEqual(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  const kind = kindOf(a);
  if (kind !== kindOf(b) || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
  if (ArrayBuffer.isView(a) && kind !== "DataView") {
    return haveSameElements(a as unknown as ArrayLike<unknown>, b as unknown as ArrayLike<unknown>);
  }
  switch (kind) {
    case "Array":
      return (a as unknown[]).length === (b as unknown[]).length && haveSameKeys(a, b);
    case "Error": {
      // Not enumerable, and compared nevertheless.
      const [one, other] = [a as Error, b as Error];
      const same =
        one.name === other.name && one.message === other.message && isDeepEqual(one.cause, other.cause);
      return same && haveSameKeys(a, b);
    }
    case "Object":
      return haveSameKeys(a, b);
    default:
      throw new TypeError(`the portable assert cannot compare a ${kind}`);
  }
}

function isWanted(error: unknown, wanted: unknown): boolean {
  if (wanted instanceof RegExp) return wanted.test(String(error));
  if (typeof wanted === "function") {
    if (wanted.prototype !== undefined && error instanceof wanted) return true;
    if (Object.prototype.isPrototypeOf.call(Error, wanted)) return false;
    return Reflect.apply(wanted, undefined, [error]) === true;
  }
  const members = wanted as object;
  if (typeof error !== "object" || error === null) return false;
  return Object.keys(members).every((key) => {
    const [seen, expected] = [Reflect.get(error, key) as unknown, Reflect.get(members, key) as unknown];
    if (expected instanceof RegExp && typeof seen === "string") return expected.test(seen);
    return key in error && isDeepEqual(seen, expected);
  });
}

const assert = {
  ok(value: unknown, message?: Message): void {
    if (!value) reject(message, `${show(value)} is not truthy`);
  },
  fail(message?: Message): never {
    reject(message, "failed");
  },
  equal(actual: unknown, expected: unknown, message?: Message): void {
    if (!Object.is(actual, expected)) reject(message, `${show(actual)} is not ${show(expected)}`);
  },
  notEqual(actual: unknown, unexpected: unknown, message?: Message): void {
    if (Object.is(actual, unexpected)) reject(message, `is ${show(actual)}`);
  },
  deepEqual(actual: unknown, expected: unknown, message?: Message): void {
    if (!isDeepEqual(actual, expected)) reject(message, `${show(actual)} is not deeply ${show(expected)}`);
  },
  notDeepEqual(actual: unknown, unexpected: unknown, message?: Message): void {
    if (isDeepEqual(actual, unexpected)) reject(message, `is deeply ${show(actual)}`);
  },
  /** As with Node's, a string in the place of the expected error is the message. */
  throws(body: () => unknown, ...[wanted, message]: [wanted?: unknown, message?: Message]): void {
    const text = typeof wanted === "string" ? wanted : message;
    try {
      body();
    } catch (error) {
      if (wanted === undefined || typeof wanted === "string" || isWanted(error, wanted)) return;
      reject(text, `${String(error)} is not the error that was wanted`);
    }
    reject(text, "nothing was thrown");
  },
};

export default assert;
