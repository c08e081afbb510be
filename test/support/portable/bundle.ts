/** The tests of kernel and codec in one module, for hosts that are not Node; and what Node says is in them. */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { type BuildOptions, build, type Plugin } from "esbuild";
import type { KernelBackend } from "../../../src/kernel/index.js";
import { root, run } from "../../system/package/support.js";
import { sourceFiles } from "../corpus/source-files.js";
import { SEED } from "../property.js";
import { LEFT_OUT, LEFT_OUT_OF_PACKAGE, LEFT_OUT_OF_REFERENCE, type LeftOut } from "./left-out.js";
import type { Result } from "./runner.js";

/** A module, with the names of all tests that it must run. */
export interface Suite {
  /** Exports `runSuite`, which runs one of the files, or all, and gives an array of `Result`. */
  readonly code: string;
  readonly files: readonly string[];
  readonly names: readonly string[];
}

/** What replaces a module: a file of this folder, or source. */
type StandIn = { readonly file: string } | { readonly source: string };

const throwing = (names: string, what: string): StandIn => ({
  source: names
    .split(" ")
    .map((name) => `export function ${name}() { throw new Error("there is no ${what} here"); }`)
    .join("\n"),
});

/** By import: a module of Node, or the path of a file of the project. */
const EVERYWHERE: Readonly<Record<string, StandIn>> = {
  "node:test": { file: "runner.ts" },
  "node:assert/strict": { file: "assert.ts" },
  "node:zlib": { file: "zlib.ts" },
  "node:child_process": throwing("spawnSync", "child process"),
  "node:timers/promises": throwing("setImmediate", "setImmediate"),
  "test/support/memory.ts": throwing("collectGarbage retainedBy", "collector to call"),
  "test/support/corpus/source-files.ts": {
    source: `const files = ${JSON.stringify(sourceFiles())}; export const sourceFiles = () => files;`,
  },
};

const IN_PAGES: Readonly<Record<string, StandIn>> = {
  ...EVERYWHERE,
  "node:buffer": { file: "buffer.ts" },
  "node:vm": { file: "realm.ts" },
  // The addon's own fallback.
  "node:module": {
    source:
      'import fallback from "bufferutil/fallback.js"; export const createRequire = () => () => fallback;',
  },
};

const ONE_BACKEND: Readonly<Record<string, StandIn>> = {
  "test/support/backends.ts": { file: "one-backend.ts" },
};

const OVER_PACKAGE: Readonly<Record<string, StandIn>> = {
  ...EVERYWHERE,
  ...ONE_BACKEND,
  "src/codec/index.ts": { source: 'export * from "hawser/codec";' },
};

function standIns(table: Readonly<Record<string, StandIn>>): Plugin {
  return {
    name: "stand-ins",
    setup({ onResolve, onLoad, resolve }) {
      const namespace = "stand-in";
      onResolve(
        { filter: /^node:|^\.{1,2}\// },
        async ({ path: name, importer, kind, resolveDir, pluginData }) => {
          if (pluginData === namespace) return undefined;
          const isNode = name.startsWith("node:");
          const found = isNode
            ? { path: name, external: true }
            : await resolve(name, { importer, kind, resolveDir, pluginData: namespace });
          const key = isNode ? name : path.relative(root, found.path).replaceAll(path.sep, "/");
          const standIn = table[key];
          if (standIn === undefined) return found;
          if ("file" in standIn) return { path: path.join(import.meta.dirname, standIn.file) };
          return { path: key, namespace };
        },
      );
      onLoad({ filter: /.*/, namespace }, ({ path: key }) => {
        const standIn = table[key];
        return { contents: "source" in standIn ? standIn.source : "", resolveDir: root };
      });
    },
  };
}

function options(table: Readonly<Record<string, StandIn>>): BuildOptions {
  return {
    absWorkingDir: root,
    bundle: true,
    format: "esm",
    target: "es2022",
    // Deno cannot read a lone surrogate before another escape.
    charset: "utf8",
    platform: "browser",
    plugins: [standIns(table)],
    define: {
      "process.env.HAWSER_SEED": JSON.stringify(String(SEED)),
      "process.env.HAWSER_RUNS": JSON.stringify(process.env.HAWSER_RUNS ?? ""),
    },
    logLevel: "silent",
    metafile: true,
    write: false,
  };
}

/** All test files of kernel and codec but those that are left out as a whole. */
function testFiles(leftOut: readonly LeftOut[]): string[] {
  const all = ["test/kernel", "test/codec"].flatMap((folder) =>
    readdirSync(path.join(root, folder), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".test.ts"))
      .map((name) => `${folder}/${name.replaceAll(path.sep, "/")}`),
  );
  for (const { file } of leftOut) assert.ok(all.includes(file), `there is no ${file} to leave out`);
  return all.filter((name) => !leftOut.some(({ file, tests }) => file === name && tests === undefined));
}

/** Those of the codec that need only exports of the package, and the map of the kernel's memory. */
async function overDoors(files: readonly string[]): Promise<string[]> {
  const entryPoints = files.filter((file) => file.startsWith("test/codec/"));
  const given = { ...options(OVER_PACKAGE), external: ["hawser/codec"] };
  const { metafile } = await build({ ...given, entryPoints, outdir: "unused" });
  const isPrivate = (input: string) =>
    input.startsWith("src/") && !/^src\/kernel\/generated\/\w*-?layout/.test(input);
  return Object.values(metafile?.outputs ?? {})
    .filter(({ inputs }) => !Object.keys(inputs).some(isPrivate))
    .map(({ entryPoint = "" }) => entryPoint);
}

/** Names of all tests in these files, from Node. */
async function namesIn(files: readonly string[]): Promise<string[]> {
  const list = path.join(import.meta.dirname, "list.ts");
  const { stdout } = await run(process.execPath, ["--import", "tsx", list, String(SEED), ...files], root);
  return JSON.parse(stdout) as string[];
}

async function makeSuite(
  files: readonly string[],
  leftOut: readonly LeftOut[],
  given: BuildOptions,
): Promise<Suite> {
  const names = await namesIn(files);
  const dropped = new Set<string>();
  for (const { file, tests } of leftOut) {
    const found = names.filter((name) => name.startsWith(`${file} >`) && tests?.test(name));
    if (files.includes(file)) assert.ok(found.length > 0, `nothing is left out by ${file}, ${tests}`);
    for (const name of found) dropped.add(name);
  }
  const loaders = files.map(
    (file) => `${JSON.stringify(file)}: () => import(${JSON.stringify(`./${file}`)}),`,
  );
  const contents = `
import { runFiles } from "./test/support/portable/runner.js";
const files = { ${loaders.join("\n")} };
const leftOut = new Set(${JSON.stringify([...dropped])});
export const runSuite = (file) => runFiles(file === undefined ? files : { [file]: files[file] }, leftOut);`;
  const { outputFiles } = await build({ ...given, stdin: { contents, resolveDir: root } });
  assert.ok(outputFiles?.length === 1);
  return { code: outputFiles[0].text, files, names: names.filter((name) => !dropped.has(name)) };
}

const inPages = (table: Readonly<Record<string, StandIn>>): BuildOptions => ({
  ...options(table),
  inject: [path.join(import.meta.dirname, "buffer.ts")],
  alias: { "hawser/codec": path.join(root, "src/codec/index.ts") },
});

/** For pages and workers: kernel and codec from the sources, over both backends. */
export function suiteForPages(): Promise<Suite> {
  return makeSuite(testFiles(LEFT_OUT), LEFT_OUT, inPages(IN_PAGES));
}

/** The codec's own tests, over the one backend that a host has: those that need no more than the package exports. */
async function suiteOver(backend: KernelBackend, given: BuildOptions): Promise<Suite> {
  const leftOut = [...LEFT_OUT, ...LEFT_OUT_OF_PACKAGE, ...(backend === "wasm" ? [] : LEFT_OUT_OF_REFERENCE)];
  const suite = await makeSuite(await overDoors(testFiles(leftOut)), leftOut, given);
  const other = backend === "wasm" ? "(reference)" : "(wasm)";
  return { ...suite, names: suite.names.filter((name) => !name.includes(other)) };
}

/** For pages that may not compile WebAssembly. */
export function suiteForStrictPages(): Promise<Suite> {
  return suiteOver("reference", inPages({ ...IN_PAGES, ...ONE_BACKEND }));
}

/** For runtimes where the package is installed: the codec is `hawser/codec`. */
export function suiteOverPackage(backend: KernelBackend): Promise<Suite> {
  return suiteOver(backend, { ...options(OVER_PACKAGE), external: ["hawser/codec"] });
}

/** For such runtimes: echoes over real sockets. */
export function suiteOfEchoes(): Promise<Suite> {
  return makeSuite(["test/support/portable/echo.ts"], [], { ...options(EVERYWHERE), external: ["hawser"] });
}

/** Throws unless every test was run, and none failed. */
export function assertPassed(results: readonly Result[], { names }: Pick<Suite, "names">): void {
  const failures = results.filter(({ error }) => error !== undefined);
  assert.equal(failures.map(({ error }) => error).join("\n\n"), "", `${failures.length} failed`);
  const seen = new Set(results.map(({ name }) => name));
  assert.equal(seen.size, results.length, "no test runs twice");
  const wanted = new Set(names);
  assert.deepEqual(
    {
      missing: names.filter((name) => !seen.has(name)),
      unknown: [...seen].filter((name) => !wanted.has(name)),
    },
    { missing: [], unknown: [] },
  );
}
