/**
 * The packed package on Deno and on Bun: the tests of the codec, over WebAssembly and without it, and echoes over real
 * sockets. Both come from npm; DENO and BUN name executables that are used instead.
 */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { assertPassed, type Suite, suiteOfEchoes, suiteOverPackage } from "../../support/portable/bundle.js";
import type { Result } from "../../support/portable/runner.js";
import { createFolder, install, pack, removeFolder, run } from "./support.js";

interface Runtime {
  readonly name: string;
  /** Where it is, if the environment says so. */
  readonly given: string | undefined;
  /** On npm, for Linux on x64. */
  readonly package: string;
  readonly major: string;
  readonly executable: string;
  readonly args: readonly string[];
}

const RUNTIMES: readonly Runtime[] = [
  {
    name: "Deno",
    given: process.env.DENO,
    package: "@deno/linux-x64-glibc",
    major: "2",
    executable: "deno",
    args: ["run", "--no-prompt", "--no-remote", "--allow-read", "--allow-env", "--allow-net=127.0.0.1"],
  },
  {
    name: "Bun",
    given: process.env.BUN,
    package: "@oven/bun-linux-x64",
    major: "1",
    executable: "bin/bun",
    args: [],
  },
];

const isLinux = process.platform === "linux" && process.arch === "x64";

/** What a run may take on a slow machine; a minute here. */
const LONGEST_MS = 300_000;

/** Takes globals away before anything of ours is loaded, and prints the results of a suite. */
const MAIN = `
const [suite, ...missing] = process.argv.slice(2);
for (const name of missing) delete globalThis[name];
const { runSuite } = await import(suite);
console.log(JSON.stringify({ results: await runSuite(), gone: missing.every((name) => !(name in globalThis)) }));
`;

for (const runtime of RUNTIMES) {
  const { name, given } = runtime;
  const skip =
    isLinux || given !== undefined ? false : `set ${name.toUpperCase()} to an executable of ${name}`;

  describe(`the installed package on ${name}`, { skip }, () => {
    let folder = "";

    before(async () => {
      folder = await createFolder({ "main.mjs": MAIN });
      const { filename } = await pack(folder);
      const dependencies: Record<string, string> = { hawser: `file:${filename}` };
      if (given === undefined) dependencies[runtime.package] = runtime.major;
      await writeFile(path.join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
      await install(folder);
    });
    after(() => removeFolder(folder));

    async function passes(suite: Suite, missing: readonly string[] = []): Promise<void> {
      await writeFile(path.join(folder, "suite.mjs"), suite.code);
      const executable = given ?? path.join(folder, "node_modules", runtime.package, runtime.executable);
      // What they cache goes with the folder.
      const caches = [`DENO_DIR=${folder}/.deno`, `BUN_INSTALL=${folder}/.bun`];
      const args = [...caches, executable, ...runtime.args, "main.mjs", "./suite.mjs", ...missing];
      const { stdout } = await run("env", args, folder, LONGEST_MS);
      const { results, gone } = JSON.parse(stdout) as { results: Result[]; gone: boolean };
      assertPassed(results, suite);
      assert.ok(gone, `without ${missing}`);
    }

    test("passes the tests of the codec", async () => passes(await suiteOverPackage("wasm")));

    test("passes them without WebAssembly, over the reference", async () => {
      await passes(await suiteOverPackage("reference"), ["WebAssembly"]);
    });

    test("echoes, to itself and to the runtime's own WebSockets", async () => passes(await suiteOfEchoes()));
  });
}
