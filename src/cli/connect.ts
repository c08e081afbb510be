/** `hawser connect`: a conversation with a server, typed on a terminal or piped through. */

import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from "node:readline";
import { connect, logFrames, stayConnected } from "../node/index.js";
import { ConnectionClosedError } from "../protocol/index.js";
import { binaryAs, Display, type Prompt } from "./display.js";
import { explainOpening } from "./opening-error.js";
import {
  CONNECT_HELP,
  CONNECT_OPTIONS,
  parse,
  seconds,
  type Target,
  targetOf,
  UsageError,
} from "./options.js";
import { escapeLine } from "./print.js";
import { LINES_HELP, Session } from "./session.js";
import { type Command, type Output, onStop, type Shell } from "./shell.js";

const HELP = `\
hawser connect: talk to a WebSocket server

Usage: hawser connect URL [options]

  URL                          ws://… or wss://…; without a scheme ws, so localhost:8080 and :8080 will do
  -s, --subprotocol NAME       offer a subprotocol; may be given more than once, the preferred one first
${CONNECT_HELP}
  -x, --execute LINE           follow this line as if it were typed, then close; may be given more than once
  -w, --wait SECONDS           how long to wait for answers after the last line of a script or pipe;
                               default 0.5, or forever: until the server closes
      --binary FORM            how to show binary messages: hex (default), base64, file (each is saved as
                               message-0001.bin and so on), file:FOLDER; or raw: bytes go both ways as they
                               are, standard input as binary messages
      --json                   show JSON with a line for each member, on a terminal
      --ping SECONDS           send a Ping when nothing came for so long, and end if no answer comes in 20 s
      --reconnect              open the connection again when it ends, until you close it
  -q, --quiet                  show messages and errors only
      --debug                  show every frame
  -h, --help

Lines, from the keyboard, from a pipe or from -x:

${LINES_HELP}
Standard output has the messages that come, and nothing else: hawser connect URL | jq works. On a terminal they
are marked by "<", and control characters in them are shown as \\x1b and control nothing. What the program says,
Ping, Pong and Close frames too, goes to standard error. Messages of more than 16 MiB are refused.

Exit codes: 0 when the connection was closed by a closing handshake, 1 when it could not be opened, was lost, or
a piped line could not be followed, 2 when the command was called wrongly.
`;

/** The options of this command, for `parseArgs`. */
export const OPTIONS = {
  ...CONNECT_OPTIONS,
  subprotocol: { type: "string", short: "s", multiple: true },
  execute: { type: "string", short: "x", multiple: true },
  wait: { type: "string", short: "w", default: "0.5" },
  binary: { type: "string", default: "hex" },
  json: { type: "boolean" },
  ping: { type: "string" },
  reconnect: { type: "boolean" },
  quiet: { type: "boolean", short: "q" },
  debug: { type: "boolean" },
} as const;

/** Bytes that a message may have, in one frame or in several. */
const MAX_MESSAGE_SIZE = 16 << 20;

/** The hint after "connected", on a terminal. */
const TYPED_HINT = "; /help lists commands, Ctrl+D leaves";

/** How long to wait for the server's Close frame. */
const CLOSE_TIMEOUT_MS = 5000;

/** A connection that ends sooner than this counts as a failed attempt, so the next delay is longer. */
const GOOD_MS = 10_000;

async function run(argv: readonly string[], shell: Shell): Promise<number> {
  const { values, positionals } = parse(argv, OPTIONS, ["URL"]);
  const target = targetOf(positionals[0], values);
  const waitMs = values.wait === "forever" ? Infinity : seconds(values.wait, "--wait");
  const pingMs = values.ping === undefined ? 0 : seconds(values.ping, "--ping");
  if (values.ping !== undefined && pingMs === 0) throw new UsageError("--ping must be more than 0");
  const binary = binaryAs(values.binary);
  const isRaw = binary.form === "raw";
  const { json, quiet, execute } = values;
  const reconnects = values.reconnect === true;
  const display = new Display(shell, { binary, json, quiet });
  const stopLog = values.debug === true ? logFrames((line) => display.answer(line)) : undefined;
  // With -x no lines are read: the standard input of a script may never end.
  const isTyped =
    execute === undefined && !isRaw && shell.stdin.isTTY === true && shell.stdout.isTTY === true;

  const session = new Session(display, { isTyped, reconnects, pings: pingMs > 0 });
  const abort = new AbortController();
  // One listener for the whole run: between two of them a signal could be lost.
  const forget = onStop(shell, () => {
    abort.abort();
    if (session.isOpen || reconnects) void session.close();
  });
  const opener = { target, session, display, pingMs, hint: isTyped ? TYPED_HINT : "" };
  try {
    await (reconnects ? stay : open)(opener, abort.signal);
    if (execute !== undefined) await follow(execute, session);
    else if (isRaw) await pipe(shell, session);
    else await follow(readLines(shell, session, display, isTyped), session);
    if (!isTyped) await session.wait(waitMs);
    await session.close();
  } finally {
    abort.abort();
    stopLog?.();
    forget();
  }
  return session.hasFailed ? 1 : 0;
}

export const command: Command = { help: HELP, run };

/** What a connection is opened for. */
interface Opener {
  readonly target: Target;
  readonly session: Session;
  readonly display: Display;
  readonly pingMs: number;
  readonly hint: string;
}

/** Options of the connection, and handlers that show everything that arrives. */
function optionsOf({ target, session, display, pingMs, hint }: Opener, signal: AbortSignal) {
  const url = withoutCredentials(target.url);
  return {
    ...target.options,
    signal,
    maxMessageSize: MAX_MESSAGE_SIZE,
    // Answers that arrive after the last line are shown, too.
    deliverWhileClosing: true,
    // The peer sees only the Pings that the user sends, or asks for.
    pingIntervalMs: pingMs,
    closeTimeoutMs: CLOSE_TIMEOUT_MS,
    // Files to be sent are in memory already, and this process serves no other connection.
    maxBufferedAmount: Infinity,
    open: (connection) => {
      session.opened(connection);
      const { protocol, perMessageDeflate } = connection;
      const spoken = protocol === "" ? "" : `, subprotocol ${escapeLine(protocol)}`;
      const agreed = spoken + (perMessageDeflate === undefined ? "" : ", compressed");
      display.note(`connected to ${url}${agreed}${hint}`);
    },
    message: (_, message) => session.received(message),
    ping: (_, payload) => session.pinged(payload),
    pong: (_, payload) => session.ponged(payload),
    error: (_, error) => session.failed(error),
    close: (_, code, reason) => session.closed(code, reason),
  } satisfies Parameters<typeof connect>[1];
}

/** Opens the connection. */
async function open(opener: Opener, signal: AbortSignal): Promise<void> {
  try {
    await connect(opener.target.url, optionsOf(opener, signal));
  } catch (error) {
    throw openingFailed(opener, signal, error);
  }
}

function openingFailed({ target }: Opener, signal: AbortSignal, error: unknown): Error {
  return new Error(signal.aborted ? "interrupted" : explainOpening(error, withoutCredentials(target.url)));
}

/** Opens the connection, and again whenever it is lost, until the session ends. Resolves when it is open. */
async function stay(opener: Opener, signal: AbortSignal): Promise<void> {
  const { target, session, display } = opener;
  const staying = stayConnected(target.url, {
    ...optionsOf(opener, signal),
    // The session waits for a connection before it sends.
    queue: false,
    minUptime: GOOD_MS,
    giveUp: () => session.hasEnded || undefined,
    onRetry: (error, _attempt, delayMs) => {
      const delay = `${(delayMs / 1000).toFixed(1)} s`;
      if (error instanceof ConnectionClosedError) {
        display.note(`opening it again in ${delay}`);
      } else {
        display.problem(openingFailed(opener, signal, error).message);
        display.note(`the next attempt comes in ${delay}`);
      }
    },
  });
  try {
    await staying.opened();
  } catch (error) {
    throw openingFailed(opener, signal, error);
  }
  void session.ended.then(() => staying.close());
  void staying.closed.then(({ error }) => {
    if (!session.hasEnded && !signal.aborted) session.giveUp(error);
  });
}

function withoutCredentials(text: string): string {
  const url = new URL(text);
  url.username = "";
  url.password = "";
  return url.href;
}

/** Follows lines until the lines or the connection end. */
async function follow(lines: Iterable<string> | AsyncIterable<string>, session: Session): Promise<void> {
  for await (const line of lines) {
    if (!(await session.ready())) return session.leave(line);
    await session.enter(line);
  }
}

/** Sends standard input as it comes: each piece a binary message. */
async function pipe(shell: Shell, session: Session): Promise<void> {
  // Leaving the loop destroys the stream, so that later messages keep no process alive.
  const stop = () => shell.stdin.destroy();
  void session.ended.then(stop);
  try {
    for await (const chunk of shell.stdin as AsyncIterable<Buffer>) {
      if (!(await session.ready())) return session.leave("the rest of standard input");
      await session.sendRaw(chunk);
    }
  } catch (error) {
    if (!session.hasEnded) throw error;
  }
}

/** The lines of the standard input; on a terminal, with a prompt that stays below the conversation. */
async function* readLines(
  shell: Shell,
  session: Session,
  display: Display,
  isTyped: boolean,
): AsyncGenerator<string> {
  const lines = createInterface({
    input: shell.stdin,
    crlfDelay: Infinity,
    terminal: isTyped,
    ...(isTyped && { output: shell.stdout, prompt: "> " }),
  });
  const stop = () => lines.close();
  session.ended.then(stop);
  if (isTyped) {
    display.prompt = promptOf(lines, shell.stdout);
    // Ctrl+D closes it, and so does Ctrl+C, which a terminal in raw mode gives as a character, not as a signal.
    lines.once("close", () => {
      display.prompt?.hide();
      display.prompt = undefined;
    });
    lines.prompt();
  }
  for await (const line of lines) {
    yield line;
    display.prompt?.show();
  }
}

function promptOf(lines: Interface, output: Output): Prompt {
  return {
    hide: () => {
      // The typed line may take several rows.
      moveCursor(output, 0, -lines.getCursorPos().rows);
      cursorTo(output, 0);
      clearScreenDown(output);
    },
    show: () => lines.prompt(true),
  };
}
