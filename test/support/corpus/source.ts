/** Source code: this repository's own, so what it holds changes with the repository, not from run to run. */

import { readdirSync, readFileSync } from "node:fs";
import type { Random } from "./random.js";

const root = new URL("../../../", import.meta.url);

let read: readonly string[] | undefined;

/** Files of src/ and assembly/ but for the generated ones, in the order of their names. */
function files(): readonly string[] {
  read ??= ["assembly", "src"].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.includes("generated"))
      .sort()
      .map((name) => readFileSync(new URL(`${folder}/${name}`, root), "utf8")),
  );
  return read;
}

/** Whole files in any order until there are at least `length` characters. */
export function source(random: Random, length: number): string {
  let text = "";
  while (text.length < length) text += random.pick(files());
  return text;
}

/** Whole lines from somewhere in a file, about `length` characters. */
export function sourceLines(random: Random, length: number): string {
  const text = source(random, length + 1);
  const start = text.lastIndexOf("\n", random.below(text.length - length)) + 1;
  const end = text.indexOf("\n", start + length - 1);
  return text.slice(start, end < 0 ? undefined : end + 1);
}
