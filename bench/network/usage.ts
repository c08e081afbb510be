/** Processor time: of a process, sampled by itself while it works, and of everybody else on its core. */

import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** A moment in a process's life. Times in microseconds. */
export interface Sample {
  /** On the clock that all processes share. */
  readonly atUs: number;
  /** Processor time used so far, of all threads, the kernel's work for them included. */
  readonly cpuUs: number;
}

export function sample(): Sample {
  const { user, system } = process.cpuUsage();
  return { atUs: Number(process.hrtime.bigint() / 1000n), cpuUs: user + system };
}

/** How much of a core was used between two samples: 1 is all of it. */
export function busyShare(from: Sample, to: Sample): number {
  return (to.cpuUs - from.cpuUs) / (to.atUs - from.atUs);
}

/** From this share on a pinned process has no core left to be faster with. */
export const FULLY_BUSY = 0.95;

/**
 * Begins to watch some cores from outside. What it returns ends that, and says which share of a core others
 * used than the processes that are pinned to it: the greatest of these cores.
 */
export function watchOthers(cores: readonly number[]): (ownShares: readonly number[]) => number {
  const from = cores.map(sampleCore);
  return (ownShares) =>
    Math.max(0, ...cores.map((core, i) => busyShare(from[i], sampleCore(core)) - ownShares[i]));
}

function sampleCore(core: number): Sample {
  const { user, nice, sys } = cpus()[core].times;
  return { atUs: Number(process.hrtime.bigint() / 1000n), cpuUs: 1000 * (user + nice + sys) };
}

/** From this share of a core on, others make a round worthless for comparing speeds. */
export const DISTURBED = 0.1;

const GLANCE_MS = 200;

/** Waits until nobody uses these cores, which are not to be used by the caller's processes either. */
export async function quiet(cores: readonly number[], patienceMs: number): Promise<void> {
  const end = performance.now() + patienceMs;
  for (let others = 1; others > DISTURBED && performance.now() + GLANCE_MS < end; ) {
    const since = watchOthers(cores);
    await sleep(GLANCE_MS);
    others = since(cores.map(() => 0));
  }
}
