/** What the tests of the program share: the program itself as a child process, servers of `ws`, a certificate. */

import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type ServerOptions, type WebSocket, WebSocketServer } from "ws";
import { main } from "../../src/cli/program.js";
import type { Shell } from "../../src/cli/shell.js";

const ENTRY = fileURLToPath(new URL("../../src/cli/index.ts", import.meta.url));

/** How long a program may run, and how long something may take that is waited for: to catch hangs, not slowness. */
const LONGEST_RUN_MS = 180_000;

/** What the test runner tells its children, and what would change colours. */
const INHERITED = /^(NODE_TEST_CONTEXT|NODE_OPTIONS|NO_COLOR|FORCE_COLOR|NODE_EXTRA_CA_CERTS)$/;

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** The program, running. */
export class Program {
  readonly child: ChildProcessWithoutNullStreams;
  /** Resolves with all it wrote, when it is gone. */
  readonly ended: Promise<Ended>;
  stdout = "";
  stderr = "";
  readonly #waiting = new Set<() => void>();
  #isEnded = false;

  constructor(t: TestContext, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    const inherited = Object.entries(process.env).filter(([name]) => !INHERITED.test(name));
    this.child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), ENTRY, ...args], {
      env: { ...Object.fromEntries(inherited), ...env },
      timeout: LONGEST_RUN_MS,
      killSignal: "SIGKILL",
    });
    t.after(() => this.child.kill("SIGKILL"));
    for (const name of ["stdout", "stderr"] as const) {
      this.child[name].setEncoding("utf8").on("data", (text: string) => {
        this[name] += text;
        for (const check of this.#waiting) check();
      });
    }
    // A program that is gone reads no more: what it was given is then of no interest.
    this.child.stdin.on("error", () => {});
    this.ended = once(this.child, "close").then(([code, signal]) => {
      this.#isEnded = true;
      for (const check of this.#waiting) check();
      return { code, signal, stdout: this.stdout, stderr: this.stderr };
    });
  }

  /** Resolves when it wrote something; rejects when it ended without. */
  until(pattern: RegExp, output: "stdout" | "stderr" = "stdout"): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      const check = () => {
        const match = pattern.exec(this[output]);
        if (match !== null) resolve(match);
        else if (this.#isEnded) reject(new Error(`no ${pattern} in\n${this.stdout}\n${this.stderr}`));
        else return;
        this.#waiting.delete(check);
      };
      this.#waiting.add(check);
      check();
    });
  }
}

/** Runs the program to its end; `input` is its whole standard input. */
export function run(
  t: TestContext,
  args: readonly string[],
  input = "",
  env: Readonly<Record<string, string>> = {},
): Promise<Ended> {
  const program = new Program(t, args, env);
  program.child.stdin.end(input);
  return program.ended;
}

/** Runs the program in this process: for what ends before anything is opened, and is then much faster. */
export async function runHere(args: readonly string[]): Promise<Omit<Ended, "signal">> {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const code = await main(args, { stdin, stdout, stderr, env: {}, on: () => {}, off: () => {} });
  return { code, stdout: String(stdout.read() ?? ""), stderr: String(stderr.read() ?? "") };
}

/** Runs `hawser serve` on a free port. Resolves when it can be reached. */
export async function serve(
  t: TestContext,
  args: readonly string[] = [],
): Promise<{ program: Program; url: string; port: number }> {
  const program = new Program(t, ["serve", "0", ...args]);
  const [, url, port] = await program.until(/server on (wss?:\/\/.*:(\d+))\n(?=try|.*$)/, "stderr");
  return { program, url, port: Number(port) };
}

/** A server of `ws` on a free port. */
export async function wsServer(
  t: TestContext,
  onConnection: (socket: WebSocket, request: import("node:http").IncomingMessage) => void,
  options: ServerOptions & { readonly tls?: Certificate } = {},
): Promise<string> {
  const { tls, ...rest } = options;
  const http = tls && https.createServer({ cert: tls.cert, key: tls.key });
  const server = new WebSocketServer(
    http ? { server: http, ...rest } : { port: 0, host: "127.0.0.1", ...rest },
  );
  server.on("connection", (socket, request) => {
    socket.on("error", () => {});
    onConnection(socket, request);
  });
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
    http?.close();
  });
  http?.listen(0, "127.0.0.1");
  await once(http ?? server, "listening");
  const { port } = (http ?? server).address() as AddressInfo;
  return `${http ? "wss" : "ws"}://127.0.0.1:${port}`;
}

/** Sends back what it gets. */
export function echo(socket: WebSocket): void {
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
}

export interface Certificate {
  readonly certFile: string;
  readonly keyFile: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** A certificate for 127.0.0.1 that only itself signed. */
export async function createCertificate(t: TestContext): Promise<Certificate> {
  const folder = await temporaryFolder(t);
  const certFile = path.join(folder, "cert.pem");
  const keyFile = path.join(folder, "key.pem");
  const args =
    "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost";
  const names = ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  await promisify(execFile)("openssl", [...args.split(" "), ...names, "-keyout", keyFile, "-out", certFile]);
  return { certFile, keyFile, cert: await readFile(certFile), key: await readFile(keyFile) };
}

export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), "hawser-cli-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** What a promise gives; rejects when it takes too long. */
function inTime<T>(promise: Promise<T>, message: () => string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(message())), LONGEST_RUN_MS);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/** A terminal with a user at it: the program runs in this process, its streams are ours. */
export class Terminal {
  readonly stdin = Object.assign(new PassThrough(), { isTTY: true });
  readonly stdout = Object.assign(new PassThrough(), { isTTY: true, columns: 80, rows: 24 });
  readonly stderr = Object.assign(new PassThrough(), { isTTY: true });
  /** Everything shown, from both streams; with U+241B for each ESC, for regular expressions. */
  screen = "";
  readonly ended: Promise<number>;
  readonly #signals = new PassThrough();
  readonly #waiting = new Set<() => void>();

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    for (const stream of [this.stdout, this.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        this.screen += text.replaceAll("\x1b", "␛");
        for (const check of this.#waiting) check();
      });
    }
    const { stdin, stdout, stderr } = this;
    const shell: Shell = {
      stdin,
      stdout,
      stderr,
      env,
      on: (signal, listener) => this.#signals.on(signal, listener),
      off: (signal, listener) => this.#signals.off(signal, listener),
    };
    this.ended = inTime(main(args, shell), () => `the program did not end:\n${this.screen}`);
  }

  /** Types keys, and resolves when something is on the screen that was not there before. */
  async type(keys: string, pattern: RegExp): Promise<RegExpExecArray> {
    const start = this.screen.length;
    this.stdin.write(keys);
    return this.until(pattern, start);
  }

  /** Resolves when something is on the screen; rejects when it takes too long. */
  until(pattern: RegExp, start = 0): Promise<RegExpExecArray> {
    const found = new Promise<RegExpExecArray>((resolve) => {
      const check = () => {
        const match = pattern.exec(this.screen.slice(start));
        if (match === null) return;
        this.#waiting.delete(check);
        resolve(match);
      };
      this.#waiting.add(check);
      check();
    });
    return inTime(found, () => `no ${pattern} in\n${this.screen}`);
  }

  signal(name: "SIGINT" | "SIGTERM"): void {
    this.#signals.emit(name);
  }
}
