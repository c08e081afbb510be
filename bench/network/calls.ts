/**
 * Calls from one process to another over Node's channel between parent and child: the parent names a method,
 * the child answers with what it returned. Values travel as JSON.
 */

import type { ChildProcess } from "node:child_process";
import { once } from "node:events";

/** What a child can be asked for, by name; each takes at most one argument. */
// biome-ignore lint/suspicious/noExplicitAny: the one type that every method's argument can be given to
export type Methods = Readonly<Record<string, (argument: any) => unknown>>;

interface Call {
  readonly id: number;
  readonly method: string;
  readonly argument: unknown;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: string;
}

/** How long any answer may take, in milliseconds: longer means that a rival hangs. */
const LONGEST_CALL_MS = 60_000;

/** In the child: answers calls until the parent goes, and then exits. */
export function answer(methods: Methods): void {
  process.on("message", async ({ id, method, argument }: Call) => {
    try {
      process.send?.({ id, result: await methods[method](argument) } satisfies Answer);
    } catch (error) {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      process.send?.({ id, error: text } satisfies Answer);
    }
  });
  process.on("disconnect", () => process.exit());
}

/** In the parent: a child that answers calls. */
export class Callee<M extends Methods> {
  readonly #name: string;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, { resolve: (result: never) => void; reject: (error: Error) => void }>();
  #calls = 0;

  constructor(name: string, child: ChildProcess) {
    this.#name = name;
    this.#process = child;
    child.on("message", ({ id, result, error }: Answer) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (error === undefined) waiting?.resolve(result as never);
      else waiting?.reject(new Error(`${name}: ${error}`));
    });
    child.on("error", (error) => this.#failAll(error));
    child.on("exit", (code, signal) => this.#failAll(new Error(`${name} exited: ${code ?? signal}`)));
  }

  call<K extends keyof M & string>(
    method: K,
    ...[argument]: Parameters<M[K]>
  ): Promise<Awaited<ReturnType<M[K]>>> {
    const id = this.#calls++;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(id);
        reject(new Error(`${this.#name}: no answer to ${method} within ${LONGEST_CALL_MS} ms`));
      }, LONGEST_CALL_MS);
      this.#waiting.set(id, {
        resolve: (result) => {
          clearTimeout(timer);
          resolve(result);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      });
      this.#process.send({ id, method, argument } satisfies Call);
    });
  }

  /** Lets the child exit, and waits for it. */
  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, "exit");
    this.#process.disconnect();
    await exited;
  }

  #failAll(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
