/** Runs the two backends against each other, round by round, and says how they compare. Knows no page. */

import type { Answer, Backend, CaseInfo, Order } from "./protocol.js";

export interface Pace {
  readonly rounds: number;
  /** Of one backend, one case, one round. */
  readonly timeMs: number;
}

export const PACES: Readonly<Record<string, Pace>> = {
  quick: { rounds: 3, timeMs: 8 },
  thorough: { rounds: 15, timeMs: 80 },
};

/** Nanoseconds of an operation. */
export interface Times {
  readonly wasm: number;
  readonly reference: number;
}

export interface Row extends Times {
  readonly name: string;
  readonly size: number;
  /** How many times as fast WebAssembly is. */
  readonly ratio: number;
}

/** A worker that is asked one thing at a time. */
class Runner {
  readonly #worker = new Worker("/worker.js", { type: "module" });

  ask(order: Order): Promise<Answer> {
    const listening = new AbortController();
    const { signal } = listening;
    return new Promise<Answer>((resolve, reject) => {
      this.#worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => resolve(data), { signal });
      this.#worker.addEventListener("error", ({ message }) => reject(new Error(message)), { signal });
      this.#worker.postMessage(order);
    }).finally(() => listening.abort());
  }

  async begin(backend: Backend): Promise<readonly CaseInfo[]> {
    const answer = await this.ask({ order: "begin", backend });
    if (answer.answer !== "ready") throw unexpected(answer);
    if (answer.backend !== backend) throw new Error(`the backend ${backend} is not to be had here`);
    return answer.cases;
  }

  async run(index: number, timeMs: number): Promise<number> {
    const answer = await this.ask({ order: "run", index, timeMs });
    if (answer.answer !== "ran") throw unexpected(answer);
    return answer.ns;
  }

  stop(): void {
    this.#worker.terminate();
  }
}

function unexpected(answer: Answer): Error {
  return new Error(answer.answer === "failed" ? answer.message : `a worker answered ${answer.answer}`);
}

/**
 * Yields a row for each case.
 *
 * @throws when a backend is missing, or when the two do not make the same of the same bytes.
 */
export async function* runBenchmark({ rounds, timeMs }: Pace, signal: AbortSignal): AsyncGenerator<Row> {
  const wasm = new Runner();
  const reference = new Runner();
  try {
    const cases = await wasm.begin("wasm");
    assertSame(cases, await reference.begin("reference"));
    for (const [index, { name, size }] of cases.entries()) {
      const times: Times[] = [];
      for (let round = 0; round < rounds; round++) {
        signal.throwIfAborted();
        // One after the other; the first alternates.
        const order = round % 2 === 0 ? [wasm, reference] : [reference, wasm];
        const [first, second] = [await order[0].run(index, timeMs), await order[1].run(index, timeMs)];
        times.push(round % 2 === 0 ? { wasm: first, reference: second } : { wasm: second, reference: first });
      }
      yield { name, size, ...compare(times) };
    }
  } finally {
    wasm.stop();
    reference.stop();
  }
}

function assertSame(ours: readonly CaseInfo[], theirs: readonly CaseInfo[]): void {
  for (const [index, { name, size, digest }] of ours.entries()) {
    if (digest !== theirs[index].digest) throw new Error(`${name}, ${size} bytes: the backends differ`);
  }
}

/** Medians over the rounds. The ratio is that of the two, so that a row does not contradict itself. */
export function compare(times: readonly Times[]): Times & { readonly ratio: number } {
  const wasm = median(times.map((time) => time.wasm));
  const reference = median(times.map((time) => time.reference));
  return { wasm, reference, ratio: reference / wasm };
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}
