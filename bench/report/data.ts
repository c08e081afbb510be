/** Reads the published results. Everything that the documents and the page show comes from these files. */

import { readdirSync, readFileSync } from "node:fs";
import type { Environment } from "../environment.js";
import type { Result } from "../micro/harness.js";
import type { EchoResult } from "../network/echo/report.js";
import type { ProfileShares } from "../network/profile.js";

const folder = new URL("../published/", import.meta.url);

interface Run {
  readonly environment: Environment;
  readonly pinningNote?: string;
}

export interface EchoRun extends Run {
  readonly kind: "echo";
  readonly installed: Readonly<Record<string, string>>;
  readonly serverNode: string;
  readonly rounds: number;
  readonly timedMs: number;
  readonly profiles?: readonly (ProfileShares & { readonly workload: string; readonly rival: string })[];
  readonly results: readonly EchoResult[];
}

export interface CodecRun extends Run {
  readonly kind: "codec";
  readonly quick: boolean;
  readonly results: readonly Result[];
}

export interface ConnectionsRun extends Run {
  readonly kind: "connections";
  readonly results: Readonly<Record<string, unknown>>;
}

export type AnyRun = EchoRun | CodecRun | ConnectionsRun | (Run & { readonly kind: "fairness" });

/** A published file and the major version of the measured Node. */
export type Published = AnyRun & { readonly file: string; readonly node: number };

export function readPublished(): Published[] {
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return names.sort().map((file) => {
    const run = JSON.parse(readFileSync(new URL(file, folder), "utf8")) as AnyRun;
    const version = run.kind === "echo" ? run.serverNode : run.environment.node;
    return { ...run, file, node: Number(/^v(\d+)/.exec(version)?.[1]) };
  });
}

export const isEcho = (run: Published): run is Published & EchoRun => run.kind === "echo";
export const isCodec = (run: Published): run is Published & CodecRun => run.kind === "codec";

/** The results of echo runs on one Node, each rival of each workload once; without the runs that only profile. */
export function echoResults(runs: readonly Published[], node: number): EchoResult[] {
  const found = new Map<string, EchoResult>();
  const measured = runs
    .filter(isEcho)
    .filter((run) => run.node === node && !run.file.startsWith("echo-profile"));
  for (const result of measured.flatMap(({ results }) => results)) {
    found.set(`${result.workload}|${result.rival}`, result);
  }
  return [...found.values()];
}

/** Node versions with echo results, newest first. */
export function echoNodes(runs: readonly Published[]): number[] {
  return [...new Set(runs.filter(isEcho).map(({ node }) => node))].sort((a, b) => b - a);
}
