/** The committed outcomes: one line for each case, so that a change in conformance is a diff. */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Result } from "./run.js";
import { linesOf } from "./table.js";

const file = (name: string) => fileURLToPath(new URL(`./outcomes/${name}`, import.meta.url));
export const FRAMES_FILE = file("frames.txt");
export const HANDSHAKES_FILE = file("handshakes.txt");

/** Fails with the lines that differ from those of the committed file. */
export function assertCommitted(
  results: readonly Result[],
  path: string,
  isOurs = (_id: string) => true,
): void {
  const committed = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "" && isOurs(line.split(" ")[0]));
  const lines = linesOf(results);
  const changed = [
    ...committed.filter((line) => !lines.includes(line)).map((line) => `- ${line}`),
    ...lines.filter((line) => !committed.includes(line)).map((line) => `+ ${line}`),
  ];
  const how = "If that is meant: npm run conformance -- --subject hawser --write";
  assert.deepEqual(changed, [], `outcomes have changed:\n${changed.join("\n")}\n${how}`);
}
