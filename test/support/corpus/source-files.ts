/** The sources that the corpus is made of; apart from it, so that a bundle for a host without files can hold them. */

import { readdirSync, readFileSync } from "node:fs";

const root = new URL("../../../", import.meta.url);

let read: readonly string[] | undefined;

/** Files of src/ and assembly/ but for the generated ones, in the order of their names. */
export function sourceFiles(): readonly string[] {
  read ??= ["assembly", "src"].flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts") && !name.includes("generated"))
      .sort()
      .map((name) => readFileSync(new URL(`${folder}/${name}`, root), "utf8")),
  );
  return read;
}
