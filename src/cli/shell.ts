/** What the program runs in, and how its commands look from outside. */

import type { Readable, Writable } from "node:stream";

export type Input = Readable & { readonly isTTY?: boolean | undefined };
export type Output = Writable & { readonly isTTY?: boolean | undefined };

type Signal = "SIGINT" | "SIGTERM";

/** Streams, environment and signals. Node's `process` is one; tests bring their own. */
export interface Shell {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  on(signal: Signal, listener: () => void): unknown;
  off(signal: Signal, listener: () => void): unknown;
}

/** What `hawser NAME …` does. */
export interface Command {
  /** What --help prints. */
  readonly help: string;
  /**
   * @param argv - what follows the command's name.
   * @returns the exit code: 0, or 1 when what was asked for failed.
   * @throws {UsageError} when it was asked for wrongly: exit code 2.
   */
  run(argv: readonly string[], shell: Shell): Promise<number>;
}

const SIGNALS: readonly Signal[] = ["SIGINT", "SIGTERM"];

/**
 * Calls back at the first signal to stop. The second one finds nobody listening, so it stops the process as if
 * there were no such function.
 *
 * @returns a function that forgets about it.
 */
export function onStop(shell: Shell, listener: () => void): () => void {
  const forget = () => {
    for (const signal of SIGNALS) shell.off(signal, stop);
  };
  const stop = () => {
    forget();
    listener();
  };
  for (const signal of SIGNALS) shell.on(signal, stop);
  return forget;
}

/** What is to be said of something that was thrown. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node says nothing itself of a connection that was refused at each of a name's addresses.
  if (error.message === "" && error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  return error.message;
}
