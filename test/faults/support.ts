/** Processes that tests kill and stop. */

import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { until } from "../support/sockets.js";

type Child = ChildProcessByStdio<null, Readable, Readable>;

/** A process that says in lines how far it is. It is killed after the test, stopped or not. */
export class PeerProcess {
  readonly child: Child;
  output = "";
  errors = "";
  isGone = false;

  constructor(t: TestContext, command: string, args: readonly string[]) {
    this.child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    t.after(() => this.child.kill("SIGKILL"));
    this.child.stdout.on("data", (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    this.child.stderr.on("data", (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
    this.child.on("close", () => {
      this.isGone = true;
    });
  }

  async says(pattern: RegExp): Promise<RegExpExecArray> {
    await until(() => pattern.test(this.output) || this.isGone, String(pattern), 60_000);
    const match = pattern.exec(this.output);
    assert.ok(match, `${this.output}${this.errors}`);
    return match;
  }
}

const PROGRAM = fileURLToPath(new URL("./peer-process.mjs", import.meta.url));

export function peerProcess(t: TestContext, ...args: readonly string[]): PeerProcess {
  return new PeerProcess(t, process.execPath, [PROGRAM, ...args]);
}
