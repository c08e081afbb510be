/** The two halves of a request's target. */

/** The path, without a query. */
export function pathOf(target: string): string {
  return target.split("?", 1)[0] as string;
}

export function queryOf(target: string): URLSearchParams {
  return new URLSearchParams(target.slice(pathOf(target).length));
}
