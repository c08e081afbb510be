/** What the page and a worker of the benchmark say to each other. */

import type { kernelBackend } from "hawser/codec";

export type Backend = ReturnType<typeof kernelBackend>;

export type Order =
  /** The first: which backend to be. */
  | { readonly order: "begin"; readonly backend: Backend }
  /** Run one case for so many milliseconds. */
  | { readonly order: "run"; readonly index: number; readonly timeMs: number };

/** One case, as a worker knows it. */
export interface CaseInfo {
  readonly name: string;
  readonly size: number;
  readonly digest: number;
}

export type Answer =
  | { readonly answer: "ready"; readonly backend: Backend; readonly cases: readonly CaseInfo[] }
  /** Nanoseconds of one operation: the median of the samples. */
  | { readonly answer: "ran"; readonly ns: number }
  | { readonly answer: "failed"; readonly message: string };
