/** What a result depends on and cannot be seen in its numbers. */

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";

const PACKAGES = ["bufferutil", "pako", "tinybench", "utf-8-validate", "websocket-driver", "ws"];

const root = new URL("..", import.meta.url);

export interface Environment {
  readonly date: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
  readonly packages: Readonly<Record<string, string>>;
  /** With "+" behind it when files differ from it. */
  readonly commit: string;
  /** Whether a source file changed since the last build. */
  readonly distIsOlder: boolean;
  readonly kernelBytes: number;
  /** Over the last minute, before the first suite. */
  readonly loadAverage: number;
}

/** Call it once `dist/` is known to be there. */
export async function describeEnvironment(): Promise<Environment> {
  const packages = PACKAGES.map((name) => {
    const file = new URL(`node_modules/${name}/package.json`, root);
    return [name, JSON.parse(readFileSync(file, "utf8")).version as string];
  });
  return {
    date: new Date().toISOString(),
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    node: process.version,
    v8: process.versions.v8,
    packages: Object.fromEntries(packages),
    commit: commit(),
    distIsOlder: newest("dist/codec", "dist/kernel") < newest("src/codec", "src/kernel", "assembly"),
    kernelBytes: statSync(new URL("build/kernel.wasm", root)).size,
    loadAverage: loadavg()[0],
  };
}

function commit(): string {
  const git = (...args: string[]) =>
    execFileSync("git", args, {
      cwd: root,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  try {
    const changed = git("status", "--porcelain").trim() !== "";
    return git("rev-parse", "--short", "HEAD").trim() + (changed ? "+" : "");
  } catch {
    return "unknown";
  }
}

/** When the newest file of these folders was written. */
function newest(...folders: readonly string[]): number {
  const times = folders.flatMap((folder) =>
    readdirSync(new URL(folder, root), { recursive: true, encoding: "utf8" }).map(
      (file) => statSync(new URL(`${folder}/${file}`, root)).mtimeMs,
    ),
  );
  return Math.max(...times);
}
