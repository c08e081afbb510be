/** Finds the command, runs it, and returns an exit code. */

import { readFileSync } from "node:fs";
import { UsageError } from "./options.js";
import { escapeLine, escapeLines, painter } from "./print.js";
import { type Command, messageOf, type Shell } from "./shell.js";

/** Loaded on demand: `--version` needs none. */
const COMMANDS: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  serve: () => import("./serve.js"),
  connect: () => import("./connect.js"),
  bench: () => import("./bench.js"),
};

const HELP = `\
hawser: WebSocket (RFC 6455) on the command line

Usage: hawser COMMAND [arguments]

  serve [PORT]    a server: an echo, a conversation, or a command for each client
  connect URL     talk to a server, by hand or from a script
  bench URL       load an echo server, verify and time its answers

  -h, --help      this text; after a command, that of the command
  -v, --version   the version

Exit codes: 0 it worked, 1 it failed, 2 it was called wrongly.
`;

function version(): string {
  // As far from src/cli/ as from dist/cli/.
  const manifest = readFileSync(new URL("../../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

/**
 * Runs the program.
 *
 * @param argv - without the names of Node and of the program.
 * @returns the exit code. Nothing keeps the process alive any more.
 */
export async function main(argv: readonly string[], shell: Shell): Promise<number> {
  const [name = "", ...rest] = argv;
  if (name === "--help" || name === "-h") {
    shell.stdout.write(HELP);
    return 0;
  }
  if (name === "--version" || name === "-v") {
    shell.stdout.write(`${version()}\n`);
    return 0;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  const complain = (text: string) => shell.stderr.write(`${painter(shell.stderr, shell.env)("red", text)}\n`);
  if (load === undefined) {
    const came = name === "" ? "nothing" : `"${escapeLine(name)}"`;
    complain(`hawser: expected a command (${Object.keys(COMMANDS).join(", ")}), not ${came}`);
    shell.stderr.write("Try: hawser --help\n");
    return 2;
  }
  try {
    const { command } = await load();
    if (asksForHelp(rest)) {
      shell.stdout.write(command.help);
      return 0;
    }
    return await command.run(rest, shell);
  } catch (error) {
    complain(`hawser ${name}: ${escapeLines(messageOf(error))}`);
    if (!(error instanceof UsageError)) return 1;
    shell.stderr.write(`Try: hawser ${name} --help\n`);
    return 2;
  }
}

/** Whether --help is among the arguments. It wins over all others, which may be wrong. */
function asksForHelp(argv: readonly string[]): boolean {
  const end = argv.indexOf("--");
  return argv.slice(0, end < 0 ? argv.length : end).some((text) => text === "--help" || text === "-h");
}
