/** Servers of other makers, as processes of their own on a free port of loopback. */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TestContext } from "node:test";
import { freePort } from "./sockets.js";

/** Whether a program is there. */
export function isInstalled(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}

export interface Engine {
  readonly port: number;
  start(): Promise<void>;
  kill(): Promise<void>;
  /** SIGSTOP and SIGCONT: its connections stay, and nothing is read. */
  stop(): void;
  go(): void;
}

/** Starts a program that listens on a port; it is gone after the test. */
export async function startEngine(
  t: TestContext,
  program: string,
  argumentsFor: (port: number, folder: string) => readonly string[],
): Promise<Engine> {
  const port = await freePort();
  const folder = mkdtempSync(path.join(tmpdir(), "hawser-engine-"));
  let child: ChildProcess | undefined;
  const kill = async () => {
    const dying = child;
    child = undefined;
    if (dying === undefined || dying.exitCode !== null) return;
    const ended = once(dying, "exit");
    dying.kill("SIGKILL");
    await ended;
  };
  const start = async () => {
    const started = spawn(program, argumentsFor(port, folder), { stdio: "ignore", cwd: folder });
    child = started;
    while (!(await answers(port))) {
      if (started.exitCode !== null) throw new Error(`${program} ended with ${started.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  };
  t.after(async () => {
    await kill();
    rmSync(folder, { recursive: true, force: true });
  });
  await start();
  return { port, start, kill, stop: () => child?.kill("SIGSTOP"), go: () => child?.kill("SIGCONT") };
}

async function answers(port: number): Promise<boolean> {
  const socket = net.connect(port, "127.0.0.1");
  try {
    await once(socket, "connect");
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
