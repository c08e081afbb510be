/** The committed corpus: for each target a file of inputs in hexadecimal, one a line. */

import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { hex, toHex } from "../support/hex.js";

const fileOf = (name: string) => fileURLToPath(new URL(`./corpus/${name}.txt`, import.meta.url));

export function readCorpus(name: string): Uint8Array[] {
  const file = fileOf(name);
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => hex(line));
}

export function writeCorpus(name: string, inputs: readonly Uint8Array[]): void {
  writeFileSync(fileOf(name), inputs.map((input) => `${toHex(input)}\n`).join(""));
}
