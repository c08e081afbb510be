/** The last resort: prints a user's bug that neither a handler nor a subscriber gets. */

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
