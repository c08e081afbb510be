/**
 * Prints, as JSON, the names of all tests that Node finds in the files it is given, behind a seed, without running one: what the results
 * of a bundle of the same files are compared with.
 */

import { createRequire, syncBuiltinESMExports } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const names: string[] = [];
const suites: string[] = [];

function describe(name: string, body: () => void): void {
  suites.push(name);
  body();
  suites.pop();
}

const it = (name: string): number => names.push([...suites, name].join(" > "));
const hook = (): void => undefined;

const hooks = { before: hook, beforeEach: hook, after: hook, afterEach: hook };
const module = createRequire(import.meta.url)("node:test") as object;
Object.assign(module, { describe, suite: describe, it, test: it, ...hooks });
syncBuiltinESMExports();

const [seed, ...files] = process.argv.slice(2);
// It is in the names of properties.
process.env.HAWSER_SEED = seed;
for (const file of files) {
  suites.push(file);
  await import(pathToFileURL(path.resolve(file)).href);
  suites.pop();
}
process.stdout.write(JSON.stringify(names));
