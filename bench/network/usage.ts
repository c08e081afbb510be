/** Processor time: of a process, sampled by itself while it works, and of all others on its core. */

import { existsSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

/** A moment in a process's life. Times in microseconds. */
export interface Sample {
  /** On the clock that all processes share. */
  readonly atUs: number;
  /** Processor time used so far, of all threads, the kernel's work for them included. */
  readonly cpuUs: number;
}

/** A moment of a load. */
export interface LoadSample extends Sample {
  /** Time in which it had something to do, so far: all its processor time where it sleeps otherwise. */
  readonly workedUs: number;
}

/** A moment in a server's life. */
export interface ServerSample extends Sample {
  /** Pages that the kernel had to provide so far, without reading from a disk: fresh memory. */
  readonly faults: number;
  /** Time in which its main thread could have run and others had its core, so far; 0 where no system says so. */
  readonly delayedUs: number;
}

const SCHEDULER_FILE = "/proc/self/schedstat";
const saysDelay = existsSync(SCHEDULER_FILE);

export function sample(): ServerSample {
  const { userCPUTime, systemCPUTime, minorPageFault } = process.resourceUsage();
  return {
    atUs: Number(process.hrtime.bigint() / 1000n),
    cpuUs: userCPUTime + systemCPUTime,
    faults: minorPageFault,
    delayedUs: saysDelay ? Number(readFileSync(SCHEDULER_FILE, "latin1").split(" ")[1]) / 1000 : 0,
  };
}

/** How much of a core was used between two samples: 1 is all of it. */
export function busyShare(from: Sample, to: Sample): number {
  return (to.cpuUs - from.cpuUs) / (to.atUs - from.atUs);
}

/** The share of its available core that a server used between two samples. */
export function busyShareOfOwn(from: ServerSample, to: ServerSample): number {
  const timeUs = to.atUs - from.atUs - (to.delayedUs - from.delayedUs);
  return Math.min(1, (to.cpuUs - from.cpuUs) / timeUs);
}

/** Which share of the time between two samples a load had something to do in. */
export function workedShare(from: LoadSample, to: LoadSample): number {
  return (to.workedUs - from.workedUs) / (to.atUs - from.atUs);
}

/** From this share on a pinned process has no time left to be faster with. */
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

/** A budget for waiting until other processes leave the cores alone, for all turns of a run. */
export class Patience {
  #leftMs: number;
  readonly #cores: readonly number[];

  constructor(budgetMs: number, cores: readonly number[]) {
    this.#leftMs = budgetMs;
    this.#cores = cores;
  }

  /** Takes a turn again while others disturb it and there is patience; the least disturbed one counts. */
  async leastDisturbed<T extends { readonly othersBusy: number }>(turn: () => Promise<T>): Promise<T> {
    let best = await turn();
    while (best.othersBusy > DISTURBED && this.#leftMs > 0) {
      const begin = performance.now();
      await this.#quiet();
      const again = await turn();
      if (again.othersBusy < best.othersBusy) best = again;
      this.#leftMs -= performance.now() - begin;
    }
    return best;
  }

  /** Waits until no other process uses the cores, which our own processes do not now. */
  async #quiet(): Promise<void> {
    const end = performance.now() + this.#leftMs;
    for (let others = 1; others > DISTURBED && performance.now() + GLANCE_MS < end; ) {
      const since = watchOthers(this.#cores);
      await sleep(GLANCE_MS);
      others = since(this.#cores.map(() => 0));
    }
  }
}
