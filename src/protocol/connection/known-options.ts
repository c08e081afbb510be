/**
 * Options by name: a name that is misspelt, or that another library has, would be ignored silently, and with it
 * what it was to forbid. Knows no option.
 */

import { nameOf } from "./handlers.js";

/** What to do in place of an option that a user may know from elsewhere; each says a whole sentence's end. */
export type OptionHints = Readonly<Record<string, string>>;

/**
 * Checks that an object has options that exist.
 *
 * Members whose value is undefined count as absent. An object with a class of its own may have other members:
 * only plain objects are checked.
 *
 * @param options - what the user gave.
 * @param known - the names of all options.
 * @param hints - by a name that is not known: what to say about it, such as `authorize decides who may connect`.
 * @param where - the function that was called, for the message.
 * @throws {TypeError} naming the option, and the one that is probably meant; also for a value that is not an object.
 */
export function assertKnownOptions(
  options: unknown,
  known: readonly string[],
  hints: OptionHints,
  where: string,
): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${where} takes an object of options, not ${nameOf(options)}`);
  }
  assertNames(options, known, hints, `${where} has no option`);
}

/**
 * Checks an object of handlers: it has those that exist and no others, and each is a function.
 *
 * @param handlers - what the user gave. Names are checked as `assertKnownOptions` does.
 * @param known - the names of all handlers.
 * @param where - what the handlers are of, for the message, such as `connection.handlers`.
 * @param before - handlers that these may have been copied from: other members of theirs are let through.
 * @throws {TypeError} naming the handler, and the one that is probably meant; also for a value that is not an object.
 */
export function assertHandlers(
  handlers: unknown,
  known: readonly string[],
  hints: OptionHints,
  where: string,
  before: object = {},
): void {
  if (typeof handlers !== "object" || handlers === null) {
    throw new TypeError(`${where} must be an object of handlers, not ${nameOf(handlers)}`);
  }
  assertNames(handlers, known, hints, `${where} can have no handler`, before);
  assertFunctions(handlers, known);
}

/**
 * Checks members of an object that are functions where they are given.
 *
 * @throws {TypeError} naming the first that is not.
 */
export function assertFunctions(options: object, names: readonly string[]): void {
  for (const name of names) {
    const given = (options as Record<string, unknown>)[name];
    if (given === undefined || typeof given === "function") continue;
    throw new TypeError(`${name} must be a function, not ${nameOf(given)}`);
  }
}

function assertNames(
  given: object,
  known: readonly string[],
  hints: OptionHints,
  problem: string,
  before: object = {},
): void {
  if (!isPlainObject(given)) return;
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const value = (given as Record<string, unknown>)[name];
    if (value === undefined || value === (before as Record<string, unknown>)[name]) continue;
    const nearest = nearestOf(name, known);
    const hint = Object.hasOwn(hints, name) ? hints[name] : nearest && `did you mean ${nearest}?`;
    throw new TypeError(`${problem} ${JSON.stringify(name)}${hint ? `: ${hint}` : ""}`);
  }
}

/** Whether an object was written as one: it is of no class. */
export function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  // The prototype of a plain object of another realm has no prototype, either.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** The name that differs least, if any differs by less than a third of its letters. */
function nearestOf(name: string, known: readonly string[]): string | undefined {
  let nearest: string | undefined;
  let least = Infinity;
  for (const each of known) {
    const distance = editDistance(name.toLowerCase(), each.toLowerCase());
    if (distance < least && distance * 3 <= Math.max(each.length, 3)) {
      nearest = each;
      least = distance;
    }
  }
  return nearest;
}

/** How many letters must be inserted, left out, replaced or swapped with the next to make one text of the other. */
function editDistance(a: string, b: string): number {
  // A long text is near to none of ours, and comparing it would take long.
  if (a.length > 2 * b.length) return Infinity;
  const rows = [Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = rows[i - 1][j - 1] + (a[i - 1] === b[j - 1] ? 0 : 1);
      row.push(Math.min(replaced, rows[i - 1][j] + 1, row[j - 1] + 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
      }
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
