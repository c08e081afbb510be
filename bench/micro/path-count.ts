/**
 * `npm run bench:path`: which functions of `src/` one echo of a 5-byte text runs through, how often each is called, and
 * in which files they are. Over real sockets, by V8's count of calls; each source file is a module of its own here.
 */

import { once } from "node:events";
import { readdirSync, rmSync } from "node:fs";
import { type Profiler, Session } from "node:inspector";
import net from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { build } from "esbuild";
import { writeFrame } from "./payloads.js";
import { formatTable } from "./report.js";

const root = new URL("../../", import.meta.url);
const modules = new URL("build/path/", root);

/** Echoes before the one that counts: what happens only once is over. */
const ECHOES_BEFORE = 20;
const TEXT = "hello";
const KEY = Buffer.from([1, 2, 3, 4]);

const PHASES = ["from the socket to the handler", "in send", "from the handler to the socket"] as const;

const { values } = parseArgs({
  options: { list: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
});
if (values.help) {
  console.log(
    "npm run bench:path -- [--list]\n\n  --list   each function and how often it is called, by file",
  );
  process.exit();
}

/** A function that was called. */
interface Called {
  readonly file: string;
  readonly name: string;
  /** Where it begins in the compiled file; it distinguishes functions of one name. */
  readonly offset: number;
  readonly calls: number;
}

await compile();
const session = new Session();
session.connect();
session.post("Profiler.enable");
session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: false });
const { serve }: typeof import("../../src/index.js") = await import(new URL("index.js", modules).href);

const rows: string[][] = [];
for (const borrow of [false, true]) {
  const name = borrow ? "borrow" : "default";
  const phases = await countOneEcho(borrow);
  for (const [i, called] of [...phases, phases.flat()].entries()) {
    rows.push([name, PHASES[i] ?? "all", ...totalsOf(called)]);
  }
  if (values.list) for (const [i, called] of phases.entries()) list(`${name}, ${PHASES[i]}`, called);
}
console.log(formatTable(["hawser", "one echo of a 5-byte text", "functions", "calls", "files"], rows, 2));

/** Each file to one of its own, with nothing inlined or put together. */
async function compile(): Promise<void> {
  const folder = fileURLToPath(new URL("src/", root));
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  rmSync(modules, { recursive: true, force: true });
  await build({
    entryPoints: files.filter((file) => file.endsWith(".ts")).map((file) => `${folder}${file}`),
    outbase: folder,
    outdir: fileURLToPath(modules),
    format: "esm",
    target: "node20",
    logLevel: "warning",
  });
}

async function countOneEcho(borrow: boolean): Promise<Called[][]> {
  const phases: Called[][] = [];
  const server = await serve({
    hostname: "127.0.0.1",
    borrow,
    perMessageDeflate: false,
    message(connection, message) {
      phases.push(takeCalled());
      connection.send(message.data);
      phases.push(takeCalled());
    },
  });
  const socket = net.connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
  );
  await once(socket, "data");
  const frame = writeFrame(TEXT, KEY);
  for (let i = 0; i <= ECHOES_BEFORE; i++) {
    takeCalled();
    phases.length = 0;
    socket.write(frame);
    const [echo] = await once(socket, "data");
    phases.push(takeCalled());
    if (!writeFrame(TEXT).equals(echo)) throw new Error("the answer is not an echo");
  }
  socket.destroy();
  await server.close({ timeoutMs: 0 });
  return phases;
}

/** The calls since the last call of this function. */
function takeCalled(): Called[] {
  const called: Called[] = [];
  session.post(
    "Profiler.takePreciseCoverage",
    (error, { result }: Profiler.TakePreciseCoverageReturnType) => {
      if (error !== null) throw error;
      for (const { url, functions } of result) {
        if (!url.startsWith(modules.href)) continue;
        const file = url.slice(modules.href.length).replace(/js$/, "ts");
        for (const { functionName, ranges } of functions) {
          const [{ count, startOffset }] = ranges;
          if (count > 0) called.push({ file, name: functionName, offset: startOffset, calls: count });
        }
      }
    },
  );
  return called;
}

/** Functions, calls, files. */
function totalsOf(called: readonly Called[]): string[] {
  const functions = new Set(called.map(({ file, offset }) => `${file}:${offset}`));
  const calls = called.reduce((sum, one) => sum + one.calls, 0);
  return [functions.size, calls, new Set(called.map(({ file }) => file)).size].map(String);
}

function list(title: string, called: readonly Called[]): void {
  console.log(title);
  for (const file of new Set(called.map((one) => one.file))) {
    const names = called
      .filter((one) => one.file === file)
      .map(({ name, calls }) => `${name || "(anonymous)"}${calls > 1 ? ` x ${calls}` : ""}`);
    console.log(`  ${file}: ${names.join(", ")}`);
  }
  console.log();
}
