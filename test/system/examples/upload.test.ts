/** The example that uploads files. `HAWSER_UPLOAD_MB=500` uploads a larger one. */

import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { createReadStream, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { promisify } from "node:util";
import { root } from "../package/support.js";

const MEGABYTES = Number(process.env.HAWSER_UPLOAD_MB ?? 50);
const MOST_MIB = 64;
const ARGUMENTS = ["--import", "tsx", "examples/upload.ts"];

/** The most memory that a process has had so far, in bytes. */
function peakOf(pid: number): number {
  return 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]);
}

test("a file goes up in one message, and neither side holds much of it", async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), "hawser-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, "file");
  const handle = await open(file, "w");
  const hash = createHash("sha256");
  for (let i = 0; i < MEGABYTES; i++) {
    const part = randomBytes(1_000_000);
    hash.update(part);
    await handle.write(part);
  }
  await handle.close();

  const server = spawn(process.execPath, ARGUMENTS, {
    cwd: root,
    env: { ...process.env, PORT: "0", TMPDIR: folder },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(server, "exit");
  t.after(async () => {
    server.kill("SIGKILL");
    await exited;
  });
  const [url] = (await once(createInterface(server.stdout), "line")) as [string];
  const before = process.platform === "linux" ? peakOf(server.pid as number) : 0;
  const { stdout } = await promisify(execFile)(process.execPath, [...ARGUMENTS, url, file], { cwd: root });
  const { name, length, sha256 } = JSON.parse(stdout);
  assert.deepEqual([length, sha256], [MEGABYTES * 1_000_000, hash.digest("hex")]);
  const arrived = createHash("sha256");
  for await (const part of createReadStream(name)) arrived.update(part);
  assert.equal(arrived.digest("hex"), sha256);
  if (process.platform !== "linux") return;
  const grown = (peakOf(server.pid as number) - before) / 2 ** 20;
  t.diagnostic(`the server grew by ${grown.toFixed(0)} MiB for ${MEGABYTES} MB`);
  assert.ok(grown < MOST_MIB, `${grown} MiB`);
});
