/** `hawser serve`: a server that sends each message back, to its sender or to all. */

import { readFileSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import { createSecureContext } from "node:tls";
import { type Connection, type Server, serve } from "../node/index.js";
import type { Message, OriginPolicy } from "../protocol/index.js";
import { integer, parse, UsageError } from "./options.js";
import { count, escapeLine, type Paint, painter } from "./print.js";
import { type Command, messageOf, type Output, onStop, type Shell } from "./shell.js";

const HELP = `\
hawser serve: an echo server

Usage: hawser serve [PORT] [options]

  PORT                       default 8080; 0 takes a free one
      --host HOST            name or address to listen on; default 127.0.0.1, this machine alone
      --broadcast            send every message to all clients
      --tls-cert FILE        the certificate, in PEM; the URL is then wss
      --tls-key FILE         its key, in PEM
      --origin ORIGIN        pages that may connect: any, same-origin (default), or an origin such as
                             https://example.com; may be given more than once
      --compress             compress for clients that offer it
      --max-message-size N   bytes that a message may have; default 16777216
      --quiet                no line for each connection
  -h, --help

Ctrl+C closes every connection with 1001 (going away), and a second one does not wait for that.
`;

/** What this command takes, for \`parseArgs\`. */
export const OPTIONS = {
  host: { type: "string", default: "127.0.0.1" },
  broadcast: { type: "boolean" },
  "tls-cert": { type: "string" },
  "tls-key": { type: "string" },
  origin: { type: "string", multiple: true },
  "max-message-size": { type: "string", default: String(16 << 20) },
  compress: { type: "boolean" },
  quiet: { type: "boolean" },
} as const;

const DEFAULT_PORT = "8080";

/** How long a signal waits for the clients' Close frames. */
const CLOSE_TIMEOUT_MS = 5000;

/** Bytes that may wait for a client that does not read broadcasts; or one message, if it is larger. */
const BUFFERED_AMOUNT = 16 << 20;

async function run(argv: readonly string[], shell: Shell): Promise<number> {
  const { values, positionals } = parse(argv, OPTIONS, ["PORT"]);
  const port = integer(positionals[0] ?? DEFAULT_PORT, "PORT", 0, 65535);
  const size = integer(values["max-message-size"], "--max-message-size", 1, 2 ** 31 - 1);
  const tls = certificate(values["tls-cert"], values["tls-key"]);
  const origin = originPolicy(values.origin ?? []);

  const log = values.quiet ? undefined : new Log(shell.stdout, painter(shell.stdout, shell.env));
  const server: Server = await listen(values.host, port, {
    ...(tls !== undefined && { tls }),
    origin,
    perMessageDeflate: values.compress === true,
    maxMessageSize: size,
    maxBufferedAmount: Math.max(BUFFERED_AMOUNT, size),
    // Text stays bytes, which are copied once: when they are sent.
    text: "bytes",
    borrow: true,
    open: (connection, request) => log?.opened(connection, request),
    message: (connection, message) => {
      if (values.broadcast) server.broadcast(message.data, { ...typeOf(message), except: connection });
      echo(connection, message);
    },
    drain: (connection) => connection.resume(),
    close: (connection, code, reason) => log?.closed(connection, code, reason),
  });
  announce(shell, server, values.broadcast === true, values.quiet === true);
  await new Promise<void>((resolve) => onStop(shell, resolve));
  await server.close({ timeoutMs: CLOSE_TIMEOUT_MS });
  return 0;
}

export const command: Command = { help: HELP, run };

async function listen(hostname: string, port: number, options: Parameters<typeof serve>[0]): Promise<Server> {
  try {
    return await serve({ ...options, hostname, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EADDRINUSE") throw error;
    throw new Error(`port ${port} of ${hostname} is in use: give another one, or 0 for any that is free`);
  }
}

/** The type to send a message as: text arrived as bytes, which would be sent as binary. */
function typeOf(message: Message): { type: "text" | "binary" } {
  return { type: message.type === "text" ? "text" : "binary" };
}

function echo(connection: Connection, message: Message): void {
  const isTaken = connection.send(message.data, typeOf(message));
  // Stops reading from a client that does not read its echoes, so that a bounded amount waits for it.
  if (!isTaken && connection.state === "open") connection.pause();
}

function announce(shell: Shell, server: Server, toAll: boolean, isQuiet: boolean): void {
  const paint = painter(shell.stdout, shell.env);
  const { url } = server;
  shell.stdout.write(`${toAll ? "broadcast" : "echo"} server on ${paint("bold", url)}\n`);
  if (isQuiet) return;
  const insecure = url.startsWith("wss:") ? " --insecure" : "";
  shell.stdout.write(
    `try: npx hawser connect ${url}${insecure}\n` +
      (toAll ? "" : `     npx hawser bench ${url}${insecure}\n`) +
      `${paint("dim", "Ctrl+C stops it")}\n`,
  );
}

/** A line for each connection that opens, and for each that closes. */
class Log {
  readonly #output: Output;
  readonly #paint: Paint;

  constructor(output: Output, paint: Paint) {
    this.#output = output;
    this.#paint = paint;
  }

  opened(connection: Connection, request: IncomingMessage | undefined): void {
    const { remoteAddress = "?", remotePort = 0 } = request?.socket ?? {};
    const address = `${remoteAddress.includes(":") ? `[${remoteAddress}]` : remoteAddress}:${remotePort}`;
    connection.data = address;
    const origin = request?.headers.origin;
    const from = origin === undefined ? "" : ` from ${origin}`;
    this.#write("green", "open", `${address} ${request?.url ?? "/"}${from}`);
  }

  closed(connection: Connection, code: number, reason: string): void {
    const { messagesIn, messagesOut } = connection.counters;
    const why = connection.error === undefined ? reason : `${reason} (${messageOf(connection.error)})`;
    this.#write(
      code === 1006 || connection.error !== undefined ? "red" : "dim",
      "close",
      `${connection.data} ${code}${why === "" ? "" : ` ${why}`}, ` +
        `${count(messagesIn, "message")} in, ${messagesOut.toLocaleString("en")} out`,
    );
  }

  /** @param rest - partly from outside: a client chooses its path and its reason. */
  #write(style: "green" | "red" | "dim", what: string, rest: string): void {
    this.#output.write(`${this.#paint(style, what)} ${escapeLine(rest)}\n`);
  }
}

function certificate(certFile: string | undefined, keyFile: string | undefined) {
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new UsageError("--tls-cert and --tls-key are needed both, or none");
  }
  const tls = { cert: read(certFile, "--tls-cert"), key: read(keyFile, "--tls-key") };
  try {
    createSecureContext(tls);
  } catch (error) {
    throw new UsageError(
      `--tls-cert and --tls-key must be a certificate and its key, in PEM: ${messageOf(error)}`,
    );
  }
  return tls;
}

function read(file: string, option: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    throw new UsageError(`${option} must be a file: ${messageOf(error)}`);
  }
}

function originPolicy(given: readonly string[]): OriginPolicy {
  const words = given.filter((text) => text === "any" || text === "same-origin");
  if (words.length === 0) return given.length === 0 ? "same-origin" : given.map(serializedOrigin);
  if (given.length > 1) throw new UsageError(`--origin ${words[0]} stands alone, without another --origin`);
  return words[0] as "any" | "same-origin";
}

/** Origins are compared as text, so a form that no browser sends would match no page (RFC 6454 §6.2). */
function serializedOrigin(text: string): string {
  let normal: string | undefined;
  try {
    const { protocol, host } = new URL(text);
    normal = `${protocol}//${host}`;
  } catch {
    // Not even a URL.
  }
  if (text === normal || text === "null") return text;
  const example = normal === undefined ? "https://example.com" : normal;
  throw new UsageError(`--origin must be any, same-origin or an origin such as ${example}, not "${text}"`);
}
