// `npm run release`: everything that a release needs, in order; it stops at the first step that fails. Without `--publish`
// the last step is a dry run. `--publish` is for CI: npm signs the provenance there.

import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../", import.meta.url));
const isPublish = process.argv.includes("--publish");
const { version } = JSON.parse(readFileSync(`${root}package.json`, "utf8"));

function fail(message) {
  console.error(`release: ${message}`);
  process.exit(1);
}

/** Runs a command with its output on ours. */
function step(name, command, args) {
  console.log(`\n== ${name}`);
  const { status } = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (status !== 0) fail(`${name} failed`);
}

const changes = execFileSync("git", ["status", "--porcelain"], { cwd: root, encoding: "utf8" }).trim();
const changelog = readFileSync(`${root}CHANGELOG.md`, "utf8");
const heading = changelog.split("\n").find((line) => line.includes(version) && line.startsWith("## "));
if (heading === undefined) fail(`CHANGELOG.md has no entry for ${version}`);
if (isPublish) {
  if (changes !== "") fail("there are changes that are not committed");
  if (/unreleased/i.test(heading)) fail(`CHANGELOG.md: give ${version} its date`);
  if (process.env.CI !== "true") fail("publish from CI, which can sign the provenance");
}

step("types, lint, documents", "npm", ["run", "check"]);
step("build", "npm", ["run", "build"]);
step("sizes", process.execPath, ["scripts/sizes.mjs"]);
// Packs, and runs publint and arethetypeswrong on the tarball.
step("the tarball", process.execPath, ["--import", "tsx", "--test", "test/system/package/tarball.test.ts"]);
const options = ["publish", "--ignore-scripts", "--access", "public"];
if (isPublish) step(`publish ${version}`, "npm", [...options, "--provenance"]);
else step(`publish ${version}, dry run`, "npm", [...options, "--dry-run"]);
