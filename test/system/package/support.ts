/**
 * What the tests of the packed package share: npm, child processes, temporary projects, other Nodes.
 * They see the package as users do: packed, installed in a folder of its own, imported by name.
 */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** The project's folder. */
export const root = fileURLToPath(new URL("../../../", import.meta.url));

export interface Finished {
  readonly stdout: string;
  readonly stderr: string;
}

/** What `npm test` and the test runner tell their children, which must not reach ours. */
const INHERITED =
  /^(npm_(package|lifecycle)_|npm_config_local_prefix$|INIT_CWD$|NODE_TEST_CONTEXT$|NODE_OPTIONS$)/i;

function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !INHERITED.test(name)));
}

/** How long a program may run; and npm, which may have to fetch other Nodes over a slow line. */
const LONGEST_RUN_MS = 900_000;
const LONGEST_INSTALL_MS = 900_000;

/** Runs a program to its end. Rejects, with all it wrote, unless it exits with 0 in time. */
export function run(
  command: string,
  args: readonly string[],
  cwd: string,
  longestMs = LONGEST_RUN_MS,
): Promise<Finished> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd,
      env: environment(),
      stdio: ["ignore", "pipe", "pipe"],
      timeout: longestMs,
    });
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        output[name] += text;
      });
    }
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0) resolve(output);
      else {
        const how = `${command} ${args.join(" ")} ended with ${signal ?? code}`;
        reject(new Error(`${how}\n${output.stdout}\n${output.stderr}`));
      }
    });
  });
}

/** Runs the npm that runs us, or the one on the path. */
export function npm(args: readonly string[], cwd: string): Promise<Finished> {
  const script = process.env.npm_execpath;
  const [command, first] = script?.endsWith(".js") ? [process.execPath, [script]] : ["npm", []];
  return run(command, [...first, ...args], cwd, LONGEST_INSTALL_MS);
}

/** The first code block of a document whose fence says `info`. */
export async function documented(document: string, info: string): Promise<string> {
  const text = await readFile(path.join(root, document), "utf8");
  const [, code] = new RegExp(`^\`\`\`${info}\\n([\\s\\S]*?)^\`\`\`$`, "m").exec(text) ?? [];
  if (code === undefined) throw new Error(`${document} has no block of ${info}`);
  return code;
}

/** A temporary folder with these files in it: contents by path. Objects are written as JSON. */
export async function createFolder(files: Readonly<Record<string, string | object>>): Promise<string> {
  // Where the temporary folder is a link, Node and TypeScript resolve it: do so now.
  const folder = await realpath(await mkdtemp(path.join(tmpdir(), "hawser-test-")));
  for (const [name, content] of Object.entries(files)) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  }
  return folder;
}

export async function removeFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
}

/** What `npm pack --json` says of a tarball. */
export interface Packed {
  readonly filename: string;
  readonly files: readonly { readonly path: string; readonly size: number }[];
}

/** Packs the package as it is built now into `folder`. */
export async function pack(folder: string): Promise<Packed> {
  // No scripts: `prepare` would build again, under the feet of other tests.
  const { stdout } = await npm(["pack", "--ignore-scripts", "--json", "--pack-destination", folder], root);
  const said = JSON.parse(stdout) as Packed[] | Record<string, Packed>;
  return Object.values(said)[0];
}

/** Installs what the package.json in `folder` asks for. No package's scripts run, ours included. */
export async function install(folder: string): Promise<void> {
  await npm(["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], folder);
}

/** The Nodes that are supported beside the one that runs the tests. */
const OTHER_MAJORS = [22, 24, 26];

/** Where they are kept between test runs. */
const RUNTIMES = fileURLToPath(new URL(".runtimes/", import.meta.url));

/** Executables of every supported Node, by name. The first use installs the others, from npm. */
export async function runtimes(): Promise<Map<string, string>> {
  const platform = process.platform === "win32" ? "win" : process.platform;
  const executable = process.platform === "win32" ? "node.exe" : "node";
  const found = new Map<string, string>();
  for (const major of OTHER_MAJORS) {
    found.set(`Node ${major}`, path.join(RUNTIMES, "node_modules", `n${major}`, "bin", executable));
  }
  if (![...found.values()].every((file) => existsSync(file))) {
    await mkdir(RUNTIMES, { recursive: true });
    await writeFile(path.join(RUNTIMES, "package.json"), '{ "private": true }\n');
    // All of them: npm removes what it is not asked for.
    const packages = OTHER_MAJORS.map((major) => `n${major}@npm:node-${platform}-${process.arch}@${major}`);
    const options = ["--no-save", "--no-package-lock", "--ignore-scripts", "--no-audit", "--no-fund"];
    await npm(["install", ...options, "--prefer-offline", ...packages], RUNTIMES);
  }
  return new Map([[`this Node, ${process.version}`, process.execPath], ...found]);
}
