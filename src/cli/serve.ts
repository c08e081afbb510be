/** `hawser serve`: a server that echoes, passes on to all, talks with a terminal, or runs a command for each client. */

import { createInterface } from "node:readline";
import { type Connection, logFrames, type ServeOptions, type Server, serve } from "../node/index.js";
import type { Message, OriginPolicy } from "../protocol/index.js";
import { binaryAs, Display } from "./display.js";
import { Executed, type Execution, wordsOf } from "./exec.js";
import { addressOf, Log } from "./log.js";
import { integer, parse, UsageError } from "./options.js";
import { escapeLine, painter } from "./print.js";
import { type Command, onStop, type Shell } from "./shell.js";
import { readTls } from "./tls.js";

const HELP = `\
hawser serve: a server to talk to

Usage: hawser serve [PORT] [options]

  PORT                       default 8080; 0 takes a free one
      --host HOST            name or address to listen on; default 127.0.0.1, this machine alone

What it does with a message, by default sends it back:

      --broadcast            send every message to all clients
  -i, --interactive          show it, and send each line of standard input to all clients
      --exec COMMAND         run a command for each client: a message is a line for it, and a line that it
                             writes is a message. It ends with the connection
      --shell                give COMMAND to the shell; else its words are parted by spaces and quotes

      --binary FORM          with --interactive, how to show binary messages: hex (default), base64, file,
                             file:FOLDER; raw: as they are; with --exec, raw: bytes go both ways as they are
      --json                 with --interactive: show JSON with a line for each member, on a terminal
  -s, --subprotocol NAME     a subprotocol that it speaks; may be given more than once
      --cert FILE            the certificate, in PEM; the URL is then wss
      --key FILE             its key, in PEM
      --ca FILE              clients must show a certificate of these authorities, in PEM
      --origin ORIGIN        pages that may connect: any, same-origin (default), or an origin such as
                             https://example.com; may be given more than once
      --compress             compress for clients that offer it
      --max-message-size N   bytes that a message may have; default 16777216
      --max-connections N    clients at a time; more are refused with 503; default 1000
  -q, --quiet                no line for each connection
      --debug                show every frame
  -h, --help

Standard output has messages, with --interactive, and nothing else; what the server says goes to standard error.
Ctrl+C closes every connection with 1001 (going away), and a second one does not wait for that.

Exit codes: 0 when it was stopped, 1 when it could not listen, 2 when the command was called wrongly.
`;

/** What this command takes, for \`parseArgs\`. */
export const OPTIONS = {
  host: { type: "string", default: "127.0.0.1" },
  broadcast: { type: "boolean" },
  interactive: { type: "boolean", short: "i" },
  exec: { type: "string" },
  shell: { type: "boolean" },
  binary: { type: "string", default: "hex" },
  json: { type: "boolean" },
  subprotocol: { type: "string", short: "s", multiple: true },
  cert: { type: "string" },
  key: { type: "string" },
  ca: { type: "string" },
  origin: { type: "string", multiple: true },
  compress: { type: "boolean" },
  "max-message-size": { type: "string", default: String(16 << 20) },
  "max-connections": { type: "string", default: "1000" },
  quiet: { type: "boolean", short: "q" },
  debug: { type: "boolean" },
} as const;

type Values = ReturnType<typeof parse<typeof OPTIONS>>["values"];

const DEFAULT_PORT = "8080";

/** How long a signal waits for the clients' Close frames. */
const CLOSE_TIMEOUT_MS = 5000;

/** Bytes that may wait for a client that does not read what all get; or one message, if it is larger. */
const BUFFERED_AMOUNT = 16 << 20;

/** The actions for clients and their messages. */
interface Mode {
  /** What the server is called when it begins. */
  readonly name: string;
  /** How it is tried out, behind `npx hawser`. */
  readonly tries: readonly string[];
  readonly handlers: ServeOptions<unknown>;
  /** Called once the server listens. */
  readonly start?: (server: Server) => void;
}

async function run(argv: readonly string[], shell: Shell): Promise<number> {
  const { values, positionals } = parse(argv, OPTIONS, ["PORT"]);
  const port = integer(positionals[0] ?? DEFAULT_PORT, "PORT", 0, 65535);
  const size = integer(values["max-message-size"], "--max-message-size", 1, 2 ** 31 - 1);
  const maxConnections = integer(values["max-connections"], "--max-connections", 1, 2 ** 31 - 1);
  const tls = tlsOf(values);
  const origin = originPolicy(values.origin ?? []);
  const display = new Display(shell, {
    binary: binaryAs(values.binary),
    json: values.json,
    quiet: values.quiet,
  });
  const { name, tries, handlers, start } = modeOf(values, shell, display, size);

  const log = values.quiet === true ? undefined : new Log(shell.stderr, painter(shell.stderr, shell.env));
  const { open, close } = handlers;
  const server = await listen(values.host, port, {
    ...handlers,
    ...(tls !== undefined && { tls }),
    origin,
    protocols: values.subprotocol ?? [],
    perMessageDeflate: values.compress === true,
    maxMessageSize: size,
    maxBufferedAmount: Math.max(BUFFERED_AMOUNT, size),
    maxConnections,
    open: (connection, request) => {
      log?.opened(connection, request);
      return open?.(connection, request);
    },
    close: (connection, code, reason) => {
      log?.closed(connection, code, reason);
      return close?.(connection, code, reason);
    },
  });
  const stopLog = values.debug === true ? logFrames((line) => display.answer(line)) : undefined;
  announce(shell, server, name, values.quiet === true ? [] : tries);
  start?.(server);
  await new Promise<void>((resolve) => onStop(shell, resolve));
  await server.close({ timeoutMs: CLOSE_TIMEOUT_MS });
  stopLog?.();
  return 0;
}

export const command: Command = { help: HELP, run };

async function listen(hostname: string, port: number, options: ServeOptions<unknown>): Promise<Server> {
  try {
    return await serve({ ...options, hostname, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE") {
      throw new Error(`port ${port} of ${hostname} is in use: give another one, or 0 for any that is free`);
    }
    if (code === "EACCES")
      throw new Error(`you may not listen on port ${port}: take one above 1023, such as 8080`);
    throw error;
  }
}

function modeOf(values: Values, shell: Shell, display: Display, size: number): Mode {
  const { broadcast, interactive, exec, shell: inShell } = values;
  const chosen = [broadcast && "--broadcast", interactive && "--interactive", exec !== undefined && "--exec"];
  const names = chosen.filter((name) => typeof name === "string");
  if (names.length > 1) throw new UsageError(`${names.join(" and ")} cannot be combined`);
  if (inShell === true && exec === undefined) throw new UsageError("--shell is for --exec COMMAND");
  if (exec !== undefined) {
    const command = inShell === true ? [exec] : wordsOf(exec);
    const raw = values.binary === "raw";
    return execMode({ command, shell: inShell === true, raw, maxLineLength: size }, shell, display);
  }
  if (interactive === true) return interactiveMode(shell, display);
  return broadcast === true ? broadcastMode() : ECHO;
}

/** Text stays bytes, which are copied once: when they are sent. */
const PASSING_ON = { text: "bytes", borrow: true } as const;

/** The type to send a message as: text arrived as bytes, which would be sent as binary. */
function typeOf(message: Message): { type: "text" | "binary" } {
  return { type: message.type === "text" ? "text" : "binary" };
}

function echo(connection: Connection, message: Message): void {
  const isTaken = connection.send(message.data, typeOf(message));
  // Stops reading from a client that does not read its echoes, so that a bounded amount waits for it.
  if (!isTaken && connection.state === "open") connection.pause();
}

const ECHO: Mode = {
  name: "echo",
  tries: ["connect", "bench"],
  handlers: { ...PASSING_ON, message: echo, drain: (connection) => connection.resume() },
};

function broadcastMode(): Mode {
  let server: Server | undefined;
  return {
    name: "broadcast",
    tries: ["connect"],
    handlers: {
      ...PASSING_ON,
      message: (connection, message) => {
        server?.broadcast(message.data, { ...typeOf(message), except: connection });
        echo(connection, message);
      },
      drain: (connection) => connection.resume(),
    },
    start: (listening) => {
      server = listening;
    },
  };
}

/** Shows what clients send, and sends them lines. */
function interactiveMode(shell: Shell, display: Display): Mode {
  return {
    name: "interactive",
    tries: ["connect"],
    handlers: { message: (connection, { data }) => display.received(data, addressOf(connection)) },
    start: (server) => {
      const lines = createInterface({ input: shell.stdin, crlfDelay: Infinity });
      lines.on("line", (line) => {
        if (server.broadcast(line) === 0) display.note("no client is connected: the line was not sent");
      });
      server.http.once("close", () => lines.close());
    },
  };
}

function execMode(options: Execution, shell: Shell, display: Display): Mode {
  const processes = new Map<Connection, Executed>();
  return {
    name: "exec",
    tries: ["connect"],
    handlers: {
      open: (connection, request) => {
        const say = (line: string) => display.answer(`${addressOf(connection)}: ${escapeLine(line)}`);
        processes.set(connection, new Executed(connection, request, options, shell.env, say));
      },
      message: (connection, message) => processes.get(connection)?.received(message),
      drain: (connection) => processes.get(connection)?.drained(),
      close: (connection) => {
        processes.get(connection)?.end();
        processes.delete(connection);
      },
    },
  };
}

function announce(shell: Shell, { url }: Server, name: string, tries: readonly string[]): void {
  const paint = painter(shell.stderr, shell.env);
  const insecure = url.startsWith("wss:") ? " --insecure" : "";
  const lines = tries.map(
    (tried, i) => `${i === 0 ? "try: " : "     "}npx hawser ${tried} ${url}${insecure}`,
  );
  if (tries.length > 0) lines.push(paint("dim", "Ctrl+C stops it"));
  shell.stderr.write([`${name} server on ${paint("bold", url)}`, ...lines, ""].join("\n"));
}

/** Options of TLS, if it is to be spoken. */
function tlsOf(values: Values) {
  const tls = readTls(values);
  if (tls !== undefined && tls.cert === undefined) {
    throw new UsageError("--ca is for a server with a certificate of its own: --cert FILE --key FILE");
  }
  return tls?.ca === undefined ? tls : { ...tls, requestCert: true, rejectUnauthorized: true };
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
