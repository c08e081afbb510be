/** `hawser connect`: a conversation with a server, typed on a terminal or piped through. */

import { clearScreenDown, createInterface, cursorTo, type Interface, moveCursor } from "node:readline";
import { connect } from "../node/index.js";
import { binaryAs, Display, type Prompt } from "./display.js";
import { CONNECT_HELP, CONNECT_OPTIONS, parse, seconds, type Target, targetOf } from "./options.js";
import { escapeLine } from "./print.js";
import { LINES_HELP, Session } from "./session.js";
import { type Command, messageOf, type Output, onStop, type Shell } from "./shell.js";

const HELP = `\
hawser connect: talk to a WebSocket server

Usage: hawser connect URL [options]

  URL                          ws://… or wss://…; without a scheme ws, so localhost:8080 and :8080 will do
  -s, --subprotocol NAME       offer a subprotocol; may be given more than once, the preferred one first
${CONNECT_HELP}
  -x, --execute LINE           follow this line as if it were typed, then close; may be given more than once
  -w, --wait SECONDS           how long to wait for answers after the last line of a script or pipe;
                               default 0.5, or forever: until the server closes
      --binary-as FORM         how to show binary messages: hex (default), base64, file (each is saved as
                               message-0001.bin and so on), file:FOLDER
  -h, --help

Lines, from the keyboard, from a pipe or from -x:

${LINES_HELP}
Received messages are shown with "<", sent ones with ">"; Ping, Pong and Close frames are shown too. Control
characters of the other side are shown as \\x1b, and control nothing. Messages of more than 16 MiB are refused.

Exit codes: 0 when the connection was closed by a closing handshake, 1 when it could not be opened, was lost, or
a piped line could not be followed, 2 when the command was called wrongly.
`;

/** The options of this command, for `parseArgs`. */
export const OPTIONS = {
  ...CONNECT_OPTIONS,
  subprotocol: { type: "string", short: "s", multiple: true },
  execute: { type: "string", short: "x", multiple: true },
  wait: { type: "string", short: "w", default: "0.5" },
  "binary-as": { type: "string", default: "hex" },
} as const;

/** Bytes that a message may have, in one frame or in several. */
const MAX_MESSAGE_SIZE = 16 << 20;

/** The hint after "connected", on a terminal. */
const TYPED_HINT = "; /help lists commands, Ctrl+D leaves";

/** How long to wait for the server's Close frame. */
const CLOSE_TIMEOUT_MS = 5000;

async function run(argv: readonly string[], shell: Shell): Promise<number> {
  const { values, positionals } = parse(argv, OPTIONS, ["URL"]);
  const target = targetOf(positionals[0], values);
  const waitMs = values.wait === "forever" ? Infinity : seconds(values.wait, "--wait");
  const display = new Display(shell, binaryAs(values["binary-as"]));
  // With -x no lines are read: the standard input of a script may never end.
  const isTyped = values.execute === undefined && shell.stdin.isTTY === true && shell.stdout.isTTY === true;

  const session = new Session(display, !isTyped);
  const abort = new AbortController();
  // One listener for the whole run: between two of them a signal could be lost.
  const forget = onStop(shell, () => {
    abort.abort();
    if (session.isOpen) void session.close();
  });
  await open(target, session, display, abort.signal, isTyped ? TYPED_HINT : "");
  if (values.execute === undefined) await follow(readLines(shell, session, display, isTyped), session);
  else await follow(values.execute, session);
  if (!isTyped) await session.wait(waitMs);
  await session.close();
  forget();
  return session.hasFailed ? 1 : 0;
}

export const command: Command = { help: HELP, run };

/** Opens the connection, and shows everything that arrives. */
async function open(
  target: Target,
  session: Session,
  display: Display,
  signal: AbortSignal,
  hint: string,
): Promise<void> {
  const url = withoutCredentials(target.url);
  try {
    await connect(target.url, {
      ...target.options,
      signal,
      maxMessageSize: MAX_MESSAGE_SIZE,
      // Answers that arrive after the last line are shown, too.
      deliverWhileClosing: true,
      // The peer sees only the Pings that the user sends.
      pingIntervalMs: 0,
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
    });
  } catch (error) {
    throw new Error(signal.aborted ? "interrupted" : `cannot connect to ${url}: ${messageOf(error)}`);
  }
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
    if (!session.isOpen) return session.leave(line);
    await session.enter(line);
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
