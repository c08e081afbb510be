/**
 * Options by name: a name that is misspelt, or that another library has, would be ignored silently, and with it
 * what it was to forbid. Knows no option.
 */

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
 * @throws {TypeError} naming the option, and the one that is probably meant; also for what is no object.
 */
export function assertKnownOptions(
  options: unknown,
  known: readonly string[],
  hints: OptionHints,
  where: string,
): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`${where} takes an object of options, not ${String(options)}`);
  }
  if (!isPlainObject(options)) return;
  for (const name of Object.keys(options)) {
    if (known.includes(name) || (options as Record<string, unknown>)[name] === undefined) continue;
    const nearest = nearestOf(name, known);
    const hint = Object.hasOwn(hints, name) ? hints[name] : nearest && `did you mean ${nearest}?`;
    throw new TypeError(`${where} has no option ${JSON.stringify(name)}${hint ? `: ${hint}` : ""}`);
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
