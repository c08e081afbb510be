/** What the tests of the playground, and of the server that serves it, share: that server, as `npm start` runs it. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import path from "node:path";
import { root } from "../package/support.js";

const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));

export interface Running {
  readonly child: ChildProcess;
  /** ws://address:port */
  readonly url: string;
  /** Everything it has written. */
  output(): string;
}

/** Runs what `npm start` runs, until it says where it listens. The caller ends it. */
export async function start(port: number): Promise<Running> {
  const [command, ...args] = scripts.start.split(" ");
  assert.equal(command, "node");
  const child = spawn(process.execPath, args, {
    cwd: root,
    env: { ...process.env, PORT: String(port) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  const address = () => /^(ws:\S+)\/echo/m.exec(output)?.[1];
  while (address() === undefined || !output.includes("Ctrl+C")) await once(child.stdout, "data");
  return { child, url: address() as string, output: () => output };
}
