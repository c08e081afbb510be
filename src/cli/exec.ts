/** `hawser serve --exec`: a process for each connection. A message is a line for it, and a line of it a message. */

import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import type { IncomingMessage } from "node:http";
import type { Connection } from "../node/index.js";
import type { Message } from "../protocol/index.js";
import { UsageError } from "./options.js";
import type { Shell } from "./shell.js";

/** How long a process has to end after SIGTERM. */
const KILL_AFTER_MS = 3000;

const LINE_END = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/** What --exec says. */
export interface Execution {
  /** The program and its arguments; with `shell` one text for the shell. */
  readonly command: readonly string[];
  readonly shell: boolean;
  /** Whether bytes go both ways as they are: no lines, and binary messages. */
  readonly raw: boolean;
  /** Bytes that a line of the process may have. */
  readonly maxLineLength: number;
}

/**
 * The words of a command: parted by spaces, except in '…' and "…". A backslash is a character like others.
 *
 * @throws {UsageError} for a quote that does not end, and for no word.
 */
export function wordsOf(command: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (const character of command) {
    if (quote !== "") {
      if (character === quote) quote = "";
      else word += character;
    } else if (character === "'" || character === '"') {
      quote = character;
      word ??= "";
    } else if (character === " " || character === "\t") {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + character;
  }
  if (quote !== "") throw new UsageError(`--exec has a ${quote} that does not end`);
  if (word !== undefined) words.push(word);
  if (words.length === 0) throw new UsageError("--exec must be a command, such as 'wc -c'");
  return words;
}

/** Bytes of a stream cut into lines, without their ends. */
export class LineSplitter {
  #rest: Buffer[] = [];
  #length = 0;

  /** The bytes of a line that lacks its end. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): string[] {
    const lines: string[] = [];
    let start = 0;
    for (let end: number; (end = chunk.indexOf(LINE_END, start)) >= 0; start = end + 1) {
      this.#rest.push(chunk.subarray(start, end));
      lines.push(this.#take());
    }
    if (start < chunk.length) {
      this.#rest.push(chunk.subarray(start));
      this.#length += chunk.length - start;
    }
    return lines;
  }

  /** The last line, if it lacks its end. */
  end(): string[] {
    return this.#length > 0 ? [this.#take()] : [];
  }

  #take(): string {
    const line = Buffer.concat(this.#rest);
    this.#rest = [];
    this.#length = 0;
    return line.subarray(0, line.at(-1) === CARRIAGE_RETURN ? -1 : undefined).toString("utf8");
  }
}

/** The process of one connection. */
export class Executed {
  readonly #connection: Connection;
  readonly #options: Execution;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #lines = new LineSplitter();
  #killer: NodeJS.Timeout | undefined;

  /**
   * Starts it.
   *
   * @param say - prints a line about it: that it cannot be started, or what it writes to its standard error.
   */
  constructor(
    connection: Connection,
    request: IncomingMessage | undefined,
    options: Execution,
    env: Shell["env"],
    say: (line: string) => void,
  ) {
    this.#connection = connection;
    this.#options = options;
    const [file, ...args] = options.command;
    const child = spawn(file, args, {
      shell: options.shell,
      // A group of its own, so that what it starts ends with it.
      detached: process.platform !== "win32",
      env: { ...env, ...aboutRequest(connection, request) },
      windowsHide: true,
    });
    this.#child = child;
    // It reads no more: what it was sent then has nowhere to go.
    child.stdin.on("error", () => {});
    child.stdin.on("drain", () => connection.resume());
    child.stdout.on("data", (chunk: Buffer) => this.#wrote(chunk));
    const errors = new LineSplitter();
    child.stderr.on("data", (chunk: Buffer) => {
      for (const line of errors.push(chunk)) say(line);
      if (errors.length > options.maxLineLength) for (const line of errors.end()) say(line);
    });
    child.stderr.on("end", () => {
      for (const line of errors.end()) say(line);
    });
    child.on("error", (error) => {
      say(`cannot start ${file}: ${error.message}`);
      void connection.close(1011, "the command cannot be started");
    });
    child.on("close", (code, signal) => {
      clearTimeout(this.#killer);
      if (!options.raw) for (const line of this.#lines.end()) connection.send(line);
      if (code === 0) void connection.close(1000);
      else void connection.close(1011, `the command ended with ${signal ?? `exit code ${code}`}`);
    });
  }

  /** A message is a line for the process. */
  received(message: Message): void {
    const { stdin } = this.#child;
    const { data } = message;
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    if (stdin.destroyed) return;
    const isTaken = this.#options.raw
      ? stdin.write(bytes)
      : stdin.write(Buffer.concat([bytes, Uint8Array.of(LINE_END)]));
    // The client waits for a process that does not read.
    if (!isTaken) this.#connection.pause();
  }

  /** There is room to send again. */
  drained(): void {
    this.#child.stdout.resume();
  }

  /** The connection is closed: so is the process, and what it started. */
  end(): void {
    this.#child.stdin.end();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#kill("SIGTERM");
    this.#killer = setTimeout(() => this.#kill("SIGKILL"), KILL_AFTER_MS);
  }

  #kill(signal: "SIGTERM" | "SIGKILL"): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (process.platform === "win32") this.#child.kill(signal);
      else process.kill(-pid, signal);
    } catch {
      // It has ended in the meantime.
    }
  }

  #wrote(chunk: Buffer): void {
    const connection = this.#connection;
    let hasRoom: boolean | undefined = true;
    if (this.#options.raw) hasRoom = connection.send(chunk);
    else {
      for (const line of this.#lines.push(chunk)) hasRoom = connection.send(line);
      if (this.#lines.length > this.#options.maxLineLength) {
        void connection.close(1009, "the command wrote a line that is too long");
      }
    }
    if (hasRoom === false && connection.state === "open") this.#child.stdout.pause();
  }
}

/** The process's environment about its connection, by the names that CGI has (RFC 3875 §4.1). */
function aboutRequest(
  connection: Connection,
  request: IncomingMessage | undefined,
): Readonly<Record<string, string>> {
  const url = request?.url ?? "/";
  return {
    REMOTE_ADDR: connection.remoteAddress ?? "",
    REMOTE_PORT: String(connection.remotePort ?? ""),
    REQUEST_URI: url,
    QUERY_STRING: url.split("?").slice(1).join("?"),
  };
}
