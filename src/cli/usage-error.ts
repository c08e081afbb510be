/** Wrong arguments: the message names the expected form. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}
