/** `hawser bench`: measures messages a second and latency of an echo server, and verifies the echoes. */

import { Load, type LoadOptions } from "./load.js";
import { CONNECT_HELP, CONNECT_OPTIONS, integer, parse, seconds, targetOf, UsageError } from "./options.js";
import { count, escapeLine, painter } from "./print.js";
import { type Command, onStop, type Shell } from "./shell.js";

const HELP = `\
hawser bench: load an echo server, verify and time its echoes

Usage: hawser bench URL [options]

  URL                          ws://… or wss://…; without a scheme ws, so localhost:8080 and :8080 will do
  -c, --connections N          connections that are open at once; default 50
  -s, --size N                 bytes of a message; default 128
  -n, --in-flight N            messages that a connection has in flight; default 1
  -d, --seconds N              how long; default 5
      --text                   text messages, not binary ones
      --no-verify              do not compare echoes with the messages sent
      --subprotocol NAME       offer a subprotocol; may be given more than once
${CONNECT_HELP}
  -h, --help

Each connection sends its next message when an echo arrives. Echoes must match the messages, in their order. MB
are 10^6 bytes of payload, in one direction. There is no warm-up: the first second is the slowest, so run for a
few. This is one process with one thread: if it is busy, it is the limit, and not the server.
Ctrl+C ends the run early and reports it.

Exit codes: 0 when every echo came and was right, 1 otherwise, 2 when the command was called wrongly.
`;

/** The options of this command, for `parseArgs`. */
export const OPTIONS = {
  ...CONNECT_OPTIONS,
  connections: { type: "string", short: "c", default: "50" },
  size: { type: "string", short: "s", default: "128" },
  "in-flight": { type: "string", short: "n", default: "1" },
  seconds: { type: "string", short: "d", default: "5" },
  text: { type: "boolean" },
  "no-verify": { type: "boolean" },
} as const;

const MAX_SIZE = 64 << 20;

/** How often the progress line is renewed. */
const PROGRESS_MS = 250;

async function run(argv: readonly string[], shell: Shell): Promise<number> {
  const { values, positionals } = parse(argv, OPTIONS, ["URL"]);
  const durationMs = seconds(values.seconds, "--seconds");
  if (durationMs === 0) throw new UsageError("--seconds must be more than 0");
  const options: LoadOptions = {
    target: targetOf(positionals[0], values),
    connections: integer(values.connections, "--connections", 1, 65535),
    size: integer(values.size, "--size", 0, MAX_SIZE),
    inFlight: integer(values["in-flight"], "--in-flight", 1, 65535),
    isText: values.text === true,
    verifies: values["no-verify"] !== true,
  };

  const load = new Load(options);
  const abort = new AbortController();
  const forget = onStop(shell, () => abort.abort());
  await load.connect(abort.signal);
  const hide = showProgress(load, shell);
  const elapsedMs = await load.run(durationMs, abort.signal);
  hide();
  await load.finish();
  forget();
  report(load, options, elapsedMs, shell);
  return load.errors === 0 && load.answers > 0 ? 0 : 1;
}

export const command: Command = { help: HELP, run };

/** Shows progress on a terminal. Returns a function that removes it. */
function showProgress(load: Load, shell: Shell): () => void {
  const output = shell.stderr;
  if (output.isTTY !== true) return () => {};
  const start = performance.now();
  let before = { at: start, echoes: 0 };
  const timer = setInterval(() => {
    const now = { at: performance.now(), echoes: load.echoes };
    const rate = ((now.echoes - before.echoes) / (now.at - before.at)) * 1000;
    before = now;
    const elapsed = ((now.at - start) / 1000).toFixed(1);
    const p99 = ms(load.latency.percentile(99));
    const line = `${elapsed} s  ${perSecond(rate)} messages/s  p99 ${p99}  ${count(load.errors, "error")}`;
    output.write(`\r\x1b[K${line}`);
  }, PROGRESS_MS);
  return () => {
    clearInterval(timer);
    output.write("\r\x1b[K");
  };
}

function report(load: Load, options: LoadOptions, elapsedMs: number, shell: Shell): void {
  const paint = painter(shell.stdout, shell.env);
  const { connections, size, inFlight, isText, verifies } = options;
  const rate = (load.echoes / elapsedMs) * 1000;
  const latency = [50, 90, 99].map((percent) => `p${percent} ${ms(load.latency.percentile(percent))}`);
  const lines = [
    `${count(connections, "connection")}, ${inFlight} in flight on each, ${isText ? "text" : "binary"} of ` +
      `${count(size, "byte")}, ${(elapsedMs / 1000).toFixed(1)} s`,
    "",
    `messages  ${paint("bold", `${perSecond(rate)}/s`)}, ${count(load.echoes, "echo").replace(/echos$/, "echoes")} ` +
      (verifies ? "verified" : "not verified"),
    `payload   ${((rate * size) / 1e6).toFixed(2)} MB/s each way`,
    `latency   ${latency.join("  ")}  max ${ms(load.latency.max)}`,
    `errors    ${load.errors === 0 ? "0" : paint("red", load.errors.toLocaleString("en"))}`,
  ];
  // These texts contain words of the server.
  for (const [text, times] of load.kinds) lines.push(`  ${times.toLocaleString("en")} x ${escapeLine(text)}`);
  if (load.example !== undefined) lines.push(`  the first wrong echo: ${load.example}`);
  shell.stdout.write(`${lines.join("\n")}\n`);
}

function perSecond(rate: number): string {
  return Math.round(rate).toLocaleString("en");
}

/** Nanoseconds as milliseconds. */
function ms(nanoseconds: number): string {
  return `${(nanoseconds / 1e6).toFixed(2)} ms`;
}
