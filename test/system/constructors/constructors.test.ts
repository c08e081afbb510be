/** Libraries that take a WebSocket class, unmodified from the registry, are given ours. */

import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { cp, mkdir, readFile, rm, symlink } from "node:fs/promises";
import path from "node:path";
import { before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { npm, root, run } from "../package/support.js";

const here = fileURLToPath(new URL("./", import.meta.url));
/** Where they are kept between test runs; git ignores it. */
const installed = path.join(here, ".installed");
const LOCKFILE = "package-lock.json";

/** What npm says when it reaches no registry. */
const UNREACHABLE = /\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH)\b/;

async function isInstalled(): Promise<boolean> {
  const copy = path.join(installed, LOCKFILE);
  if (!existsSync(copy) || !existsSync(path.join(installed, "node_modules/yjs"))) return false;
  return (await readFile(copy, "utf8")) === (await readFile(path.join(here, "fixture", LOCKFILE), "utf8"));
}

/** Installs the libraries unless they are. Returns why they cannot be, if they cannot. */
async function prepare(): Promise<string | undefined> {
  if (!(await isInstalled())) {
    await rm(installed, { recursive: true, force: true });
    await mkdir(installed);
    await cp(path.join(here, "fixture"), installed, { recursive: true });
    try {
      await npm(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline"], installed);
    } catch (error) {
      if (!UNREACHABLE.test(String(error))) throw error;
      await rm(installed, { recursive: true, force: true });
      return "the registry cannot be reached";
    }
  }
  const link = path.join(installed, "node_modules/hawser");
  await rm(link, { force: true });
  await symlink(root, link, "junction");
  await rm(path.join(installed, "programs"), { recursive: true, force: true });
  await cp(path.join(here, "programs"), path.join(installed, "programs"), { recursive: true });
  return undefined;
}

describe("our WebSocket is taken by", () => {
  let missing: string | undefined;
  before(async () => {
    missing = await prepare();
  });

  for (const file of readdirSync(path.join(here, "programs"))) {
    it(path.parse(file).name, { timeout: 60_000 }, async (t) => {
      if (missing !== undefined) return t.skip(missing);
      const { stdout, stderr } = await run(process.execPath, [path.join("programs", file)], installed);
      assert.deepEqual([stdout.trim(), stderr], ["passed", ""]);
    });
  }
});
