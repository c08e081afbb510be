/**
 * Times rivals against each other with tinybench: several interleaved rounds in one process, a ratio to the
 * peer for each round, and the median of those ratios. Knows nothing of WebSockets.
 */

import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Bench } from "tinybench";

/** One way to do the work of a contest. */
export interface Rival {
  readonly name: string;
  /** Runs before every sample, outside of the timing. */
  readonly prepare?: () => void;
  /** Does all operations of the contest; timed. Each rival's loop is a function literal of its own. */
  readonly run: () => void | Promise<void>;
  /** Whether `run` gives a promise, which is waited for. */
  readonly isAsync?: boolean;
  /** How many times `run` does the operations. Default 1. */
  readonly repeats?: number;
  /** What it makes of the contest's bytes, if that is what it does. */
  readonly volume?: Volume;
}

/** Bytes of all operations. */
export interface Volume {
  readonly raw: number;
  readonly compressed: number;
}

/** Rivals that do the same work. */
export interface Contest {
  readonly suite: string;
  /** Rows of one table. */
  readonly table: string;
  /** Payload bytes of an operation. */
  readonly size: number;
  /** Operations of one call of `run`. */
  readonly operations: number;
  /** The rival that ratios are against; always the same work, never one of ours. */
  readonly peer: string;
  /** Others that the first of the rivals is compared with too. */
  readonly morePeers?: readonly string[];
  readonly rivals: readonly Rival[];
}

/** What one rival needed in one contest. */
export interface Result {
  readonly suite: string;
  readonly table: string;
  readonly size: number;
  readonly rival: string;
  readonly peer: string;
  /** Median over the rounds of each round's median sample, in nanoseconds for one operation. */
  readonly nsPerOperation: number;
  /** Median over the rounds of each round's mean, garbage collection and interruptions included. */
  readonly meanNsPerOperation: number;
  /** How many times as fast as the peer in the same round: the median, the least and the greatest. */
  readonly ratio: number;
  readonly leastRatio: number;
  readonly greatestRatio: number;
  /** The same as `ratio`, of the means. */
  readonly meanRatio: number;
  readonly operations: number;
  readonly volume?: Volume;
}

/** How long and how often. Times in milliseconds. */
export interface Pace {
  readonly rounds: number;
  readonly roundTimeMs: number;
  readonly warmupTimeMs: number;
}

export const FULL_PACE: Pace = { rounds: 9, roundTimeMs: 20, warmupTimeMs: 80 };
export const QUICK_PACE: Pace = { rounds: 3, roundTimeMs: 8, warmupTimeMs: 50 };

/** A sample is one call of `run`; at least so many in each round. */
const LEAST_SAMPLES = 3;

setFlagsFromString("--expose-gc");
/**
 * Only the minor one is fair: a forced major collection also throws away optimised code, and on Node 24 left
 * the next rival up to ten times as slow for a whole contest.
 */
const collectGarbage = runInNewContext("gc") as (options: { type: "minor" }) => void;

/** Reads what rivals produce, so that none of it can be optimised away, and keeps it when asked to. */
export class Sink {
  /** Where results go while a rival is checked, before any timing. */
  kept: (string | Uint8Array)[] | undefined = undefined;
  sum = 0;

  /** The last unit: reading it makes one flat string of a rope. */
  text(text: string): void {
    if (this.kept !== undefined) this.kept.push(text);
    this.sum = (this.sum + text.charCodeAt(text.length - 1)) | 0;
  }

  bytes(bytes: Uint8Array): void {
    if (this.kept !== undefined) this.kept.push(Buffer.from(bytes));
    this.sum = (this.sum + bytes[0] + bytes[bytes.length - 1]) | 0;
  }
}

/** Stops the benchmark when a rival's output is wrong: a wrong rival is not fast. */
export function check(
  contest: string,
  rival: string,
  actual: readonly (string | Uint8Array)[],
  expected: readonly (string | Uint8Array)[],
): void {
  if (actual.length !== expected.length) {
    throw new Error(`${contest}: ${rival} gave ${actual.length} results, not ${expected.length}`);
  }
  for (let i = 0; i < expected.length; i++) {
    const [a, b] = [actual[i], expected[i]];
    const same = typeof a === "string" || typeof b === "string" ? a === b : Buffer.compare(a, b) === 0;
    if (!same) throw new Error(`${contest}: result ${i} of ${rival} differs from the reference`);
  }
}

/** Runs all rivals of a contest; ratios are within rounds, so what slows the machine slows both. */
export async function measure(contest: Contest, pace: Pace): Promise<Result[]> {
  const { suite, table, size, operations, peer, morePeers = [], rivals } = contest;
  const bench = new Bench({
    time: pace.roundTimeMs,
    iterations: LEAST_SAMPLES,
    warmupTime: pace.warmupTimeMs,
    warmupIterations: LEAST_SAMPLES,
    throws: true,
  });
  for (const { name, run, prepare, isAsync = false } of rivals) {
    bench.add(name, run, { async: isAsync, ...(prepare && { beforeEach: prepare }) });
  }
  for (const [i, task] of bench.tasks.entries()) {
    if (rivals[i].isAsync) await task.warmup();
    else task.warmupSync();
  }

  const medians = rivals.map((): number[] => []);
  const means = rivals.map((): number[] => []);
  for (let round = 0; round < pace.rounds; round++) {
    for (let turn = 0; turn < rivals.length; turn++) {
      const i = (turn + round) % rivals.length; // none is always the first
      const task = bench.tasks[i];
      collectGarbage({ type: "minor" }); // none pays for what the one before left
      task.reset();
      if (rivals[i].isAsync) await task.run();
      else task.runSync();
      const { result } = task;
      if (result.state !== "completed") throw new Error(`${table}, ${size} B: ${task.name} ${result.state}`);
      const done = operations * (rivals[i].repeats ?? 1);
      medians[i].push((result.latency.p50 * 1e6) / done);
      means[i].push((result.latency.mean * 1e6) / done);
    }
  }

  const compare = (i: number, against: string): Result => {
    const { name, volume } = rivals[i];
    const peerIndex = rivals.findIndex((rival) => rival.name === against);
    const ratios = medians[i].map((ns, round) => medians[peerIndex][round] / ns);
    const meanRatios = means[i].map((ns, round) => means[peerIndex][round] / ns);
    return {
      suite,
      table,
      size,
      rival: name,
      peer: against,
      nsPerOperation: median(medians[i]),
      meanNsPerOperation: median(means[i]),
      ratio: median(ratios),
      leastRatio: Math.min(...ratios),
      greatestRatio: Math.max(...ratios),
      meanRatio: median(meanRatios),
      operations,
      ...(volume && { volume }),
    };
  };
  return [...rivals.map((_, i) => compare(i, peer)), ...morePeers.map((against) => compare(0, against))];
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Who meets the peer. */
export type Field = "duel" | "others";

/** A target, and the measured result. */
export interface Target {
  readonly target: string;
  readonly measured: string;
  readonly met: boolean;
}
