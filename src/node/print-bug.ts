/** The last resort: a bug of the user's that no handler and no subscriber hears of is seen on the console. */

/**
 * Prints an error with its stack.
 *
 * @param what - what failed.
 * @param thrown - of any type. One that cannot even be printed ends nothing.
 */
export function printBug(what: string, thrown: unknown): void {
  try {
    console.error(`hawser: ${what}:`, thrown);
  } catch {
    console.error(`hawser: ${what}, and what it threw cannot be printed`);
  }
}
