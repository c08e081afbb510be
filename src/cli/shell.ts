/** The environment of the program, and the shape of its commands. */

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

/** The command `hawser NAME …`. */
export interface Command {
  /** The text of --help. */
  readonly help: string;
  /**
   * @param argv - the arguments after the command's name.
   * @returns the exit code: 0, or 1 if the command failed.
   * @throws {UsageError} for wrong arguments: exit code 2.
   */
  run(argv: readonly string[], shell: Shell): Promise<number>;
}

const SIGNALS: readonly Signal[] = ["SIGINT", "SIGTERM"];

/**
 * Calls back at the first signal to stop, and then stops listening, so that the second one ends the process as usual.
 *
 * @returns a function that removes the listener.
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

/** The message of a thrown value. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // Node's error has no message if all addresses of a name refused the connection.
  if (error.message === "" && error instanceof AggregateError) return error.errors.map(messageOf).join("; ");
  return error.message;
}
