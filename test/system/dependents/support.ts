/**
 * Installs the dependents once, and puts the face in the place of their `ws`, as an alias of npm would:
 * `node_modules/ws` is our package `packages/ws`, and `node_modules/hawser` is this project as it is built.
 */

import { existsSync } from "node:fs";
import { cp, mkdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { type Finished, npm, root, run } from "../package/support.js";

const here = fileURLToPath(new URL("./", import.meta.url));

/** Where they are kept between test runs; git ignores it. */
export const installed = path.join(here, ".installed");

/** `HAWSER_DEPENDENTS=ws` leaves the real `ws` in its place: all programs must pass with it as well. */
export const withWs = process.env.HAWSER_DEPENDENTS === "ws";

const MANIFESTS = ["package.json", "package-lock.json"];

async function contents(folder: string): Promise<string> {
  const texts = await Promise.all(MANIFESTS.map((name) => readFile(path.join(folder, name), "utf8")));
  return texts.join("\n");
}

async function isInstalled(): Promise<boolean> {
  // The copy of ws is the last thing that the installation makes.
  if (!existsSync(path.join(installed, "ws"))) return false;
  return (await contents(installed)) === (await contents(path.join(here, "fixture")));
}

/** What npm says when it reaches no registry. */
const UNREACHABLE =
  /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)\b|network/;

/** Installs the dependents unless they are. Returns why they cannot be, if they cannot. */
export async function prepare(): Promise<string | undefined> {
  if (!(await isInstalled())) {
    await rm(installed, { recursive: true, force: true });
    await mkdir(installed, { recursive: true });
    for (const name of MANIFESTS) await cp(path.join(here, "fixture", name), path.join(installed, name));
    try {
      const options = ["--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund", "--prefer-offline"];
      await npm(["ci", ...options], installed);
    } catch (error) {
      if (!UNREACHABLE.test(String(error))) throw error;
      return `the registry cannot be reached: ${String(error).slice(0, 200)}`;
    }
    await rename(path.join(installed, "node_modules", "ws"), path.join(installed, "ws"));
  }
  const modules = path.join(installed, "node_modules");
  await rm(path.join(modules, "ws"), { recursive: true, force: true });
  await cp(
    withWs ? path.join(installed, "ws") : path.join(root, "packages", "ws"),
    path.join(modules, "ws"),
    {
      recursive: true,
    },
  );
  await rm(path.join(modules, "hawser"), { force: true });
  await symlink(root, path.join(modules, "hawser"), "dir");
  await rm(path.join(installed, "programs"), { recursive: true, force: true });
  await cp(path.join(here, "programs"), path.join(installed, "programs"), { recursive: true });
  // Programs are modules, even if the package of the fixture says otherwise.
  await writeFile(
    path.join(installed, "programs", "package.json"),
    '{ "type": "module", "private": true }\n',
  );
  return undefined;
}

/** Runs Node in the folder of the installed packages, to its end: a program that leaves something open hangs. */
export function runNode(args: readonly string[]): Promise<Finished> {
  return run(process.execPath, args, installed);
}
