/** Source code: this repository's own, so what it holds changes with the repository, not from run to run. */

import type { Random } from "./random.js";
import { sourceFiles } from "./source-files.js";

/** Whole files in any order until there are at least `length` characters. */
export function source(random: Random, length: number): string {
  let text = "";
  while (text.length < length) text += random.pick(sourceFiles());
  return text;
}

/** Whole lines from somewhere in a file, about `length` characters. */
export function sourceLines(random: Random, length: number): string {
  const text = source(random, length + 1);
  const start = text.lastIndexOf("\n", random.below(text.length - length)) + 1;
  const end = text.indexOf("\n", start + length - 1);
  return text.slice(start, end < 0 ? undefined : end + 1);
}
