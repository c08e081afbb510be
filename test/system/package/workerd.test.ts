/**
 * The package in Cloudflare's workerd, which compiles no bytes while it serves: with the modules of hawser/*.wasm, its
 * connections as a client and as a server; and the rest without them.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { build } from "esbuild";
import { connect, type Server, serve } from "../../../src/node/index.js";
import { freePort } from "../../support/sockets.js";
import { createFolder, documented, install, pack, removeFolder } from "./support.js";

const skip =
  process.platform === "linux" && process.arch === "x64" ? false : "workerd is installed for linux-x64 here";

const WORKERD = "@cloudflare/workerd-linux-64";

/** Answers requests with its report, and WebSockets with an echo. */
const WORKER = `
import compression from "hawser/compression.wasm";
import kernel from "hawser/kernel.wasm";
import * as hawser from "hawser";

function serveEcho() {
  const [client, server] = Object.values(new WebSocketPair());
  server.accept();
  hawser.createConnection(server, {
    role: "server",
    message: (connection, { data }) => connection.send(data === "who" ? String(connection) : data),
  });
  return new Response(null, { status: 101, webSocket: client });
}

function inflated() {
  const text = new TextEncoder().encode("again and again and again");
  return new TextDecoder().decode(hawser.decompress(hawser.compress(text)));
}

async function echoOf(url) {
  const connection = await hawser.connect(url);
  connection.send("from the edge");
  const { data } = await connection.receive();
  return [data, connection.protocol, await connection.close(3000, "done")];
}

/** Of a connection whose peer breaks the protocol. */
async function lost(url) {
  const connection = await hawser.connect(url);
  connection.send("break");
  return [await connection.receive() ?? "nothing", await connection.closed, connection.error instanceof Error];
}

export default {
  async fetch(request) {
    if (request.headers.get("Upgrade") === "websocket") return serveEcho();
    const echo = new URL(request.url).searchParams.get("echo");
    if (echo === null) return new Response("up");
    const without = [hawser.kernelBackend(), hawser.isCompressionAvailable()];
    for (const wrong of [{ kernel: compression }, { compression: kernel }, { kernel: new Uint8Array(8) }]) {
      try {
        hawser.provideWebAssembly(wrong);
        return new Response("accepted");
      } catch (error) {
        if (!(error instanceof TypeError)) return new Response(String(error));
      }
    }
    hawser.provideWebAssembly({ kernel, compression });
    const decoder = new hawser.FrameDecoder({ role: "server" });
    decoder.push(hawser.encodeText("Grüße", { mask: true }));
    decoder.next();
    const backend = hawser.kernelBackend();
    const found = { without, backend, text: decoder.text(), inflated: inflated() };
    return Response.json({ ...found, echo: await echoOf(echo), lost: await lost(echo) });
  },
};
`;

const WORKER_CONFIG = (name: string) => `
const ${name} :Workerd.Worker = (
  modules = [
    (name = "worker", esModule = embed "out/${name}.js"),
    (name = "hawser/kernel.wasm", wasm = embed "node_modules/hawser/dist/kernel.wasm"),
    (name = "hawser/compression.wasm", wasm = embed "node_modules/hawser/dist/compression.wasm"),
  ],
  compatibilityDate = "2026-01-01",
);
`;

/** The worker above, and the one of docs/browser.md. */
const NAMES = ["worker", "documented"];

const CONFIG = (ports: readonly number[]) => `
using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    ${NAMES.map((name) => `(name = "${name}", worker = .${name}),`).join("\n    ")}
    (name = "internet", network = (allow = ["private"])),
  ],
  sockets = [
    ${NAMES.map((name, i) => `(name = "${name}", address = "127.0.0.1:${ports[i]}", http = (), service = "${name}"),`).join("\n    ")}
  ],
);
${NAMES.map(WORKER_CONFIG).join("")}`;

describe("Cloudflare's workerd", { skip }, () => {
  let folder = "";
  let workerd: ChildProcess | undefined;
  let echo: Server | undefined;
  let hosts: string[] = [];

  before(async () => {
    folder = await createFolder({
      "worker.js": WORKER,
      "documented.js": await documented("docs/browser.md", "js worker"),
    });
    const { filename } = await pack(folder);
    const dependencies = { hawser: `file:${filename}`, [WORKERD]: "1.20261117.1" };
    await writeFile(path.join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
    await install(folder);
    // What Wrangler does before it deploys.
    await build({
      entryPoints: NAMES.map((name) => path.join(folder, `${name}.js`)),
      outdir: path.join(folder, "out"),
      absWorkingDir: folder,
      bundle: true,
      format: "esm",
      conditions: ["workerd", "worker", "browser"],
      external: ["*.wasm"],
    });
    const ports = await Promise.all(NAMES.map(freePort));
    hosts = ports.map((port) => `127.0.0.1:${port}`);
    await writeFile(path.join(folder, "config.capnp"), CONFIG(ports));
    workerd = spawn(path.join(folder, "node_modules", WORKERD, "bin/workerd"), ["serve", "config.capnp"], {
      cwd: folder,
      stdio: ["ignore", "inherit", "inherit"],
    });
    echo = await serve({
      port: 0,
      hostname: "127.0.0.1",
      message(connection, { data }) {
        // A reserved opcode (§5.2).
        if (data === "break") connection.socket.write(Uint8Array.of(0x83, 0x00));
        else connection.send(data);
      },
    });
    const isUp = () => fetch(`http://${hosts[0]}/`).then(undefined, () => undefined);
    const isRunning = () => workerd?.exitCode === null && workerd.signalCode === null;
    while (isRunning() && (await isUp()) === undefined) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.ok(isRunning(), "workerd runs");
  });
  after(async () => {
    workerd?.kill("SIGKILL");
    await echo?.close();
    await removeFolder(folder);
  });

  it("has the reference and no compression, then all of it by provideWebAssembly", async () => {
    const response = await fetch(`http://${hosts[0]}/?echo=${encodeURIComponent(String(echo?.url))}`);
    assert.deepEqual(JSON.parse(await response.text()), {
      without: ["reference", false],
      backend: "wasm",
      text: "Grüße",
      inflated: "again and again and again",
      echo: ["from the edge", "", { code: 3000, reason: "" }],
      lost: ["nothing", { code: 1006, reason: "" }, true],
    });
  });

  for (const [i, name] of NAMES.entries()) {
    it(`serves connections: createConnection of its WebSocket (${name})`, async () => {
      const connection = await connect(`ws://${hosts[i]}/`);
      connection.send("hello");
      assert.equal((await connection.receive())?.data, "hello");
      connection.send(Uint8Array.of(1, 2, 3));
      assert.deepEqual((await connection.receive())?.data, Uint8Array.of(1, 2, 3));
      assert.deepEqual(await connection.close(3001, "bye"), { code: 3001, reason: "bye" });
    });
  }
});
