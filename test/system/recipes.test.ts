/** The recipes of docs/recipes.md for frameworks that the project does not depend on: installed and run. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { symlink, writeFile } from "node:fs/promises";
import http from "node:http";
import path from "node:path";
import { after, before, describe, type TestContext, test } from "node:test";
import { type Connection, connectWithRetry, HandshakeError, serve, tryConnect } from "../../src/index.js";
import { freePort } from "../support/sockets.js";
import { createFolder, documented, install, removeFolder, root } from "./package/support.js";

const DEPENDENCIES = {
  "@nestjs/common": "11",
  "@nestjs/core": "11",
  "@nestjs/platform-express": "11",
  next: "16",
  react: "19",
  "react-dom": "19",
  "reflect-metadata": "0.2",
  rxjs: "7",
  vite: "7.3.8",
};

const PAGE = "export default function Page() { return null; }\n";
const LAYOUT = "export default ({ children }) => <html lang='en'><body>{children}</body></html>;\n";

describe("the recipes for frameworks", { timeout: 900_000 }, () => {
  let folder = "";

  before(async () => {
    const recipe = (name: string) => documented("docs/recipes.md", `js ${name}`);
    folder = await createFolder({
      "package.json": { private: true, type: "module", dependencies: DEPENDENCIES },
      "nest.js": await recipe("nest"),
      "next.js": await recipe("next"),
      "app/page.jsx": PAGE,
      "app/layout.jsx": LAYOUT,
      "index.html": "<!doctype html><title>a page</title>",
    });
    await install(folder);
    await symlink(root, path.join(folder, "node_modules/hawser"), "junction");
  });
  after(() => removeFolder(folder));

  /** Starts a program of the folder; it ends with the test. */
  function start(t: TestContext, args: readonly string[], port: number): void {
    const env = { ...process.env, PORT: String(port), NEXT_TELEMETRY_DISABLED: "1", NODE_OPTIONS: "" };
    const child = spawn(process.execPath, [...args], {
      cwd: folder,
      env,
      stdio: ["ignore", "ignore", "inherit"],
    });
    t.after(() => end(child));
    child.once("exit", (code) => {
      if (code !== null && code !== 0) t.diagnostic(`${args.join(" ")} ended with ${code}`);
    });
  }

  async function end(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async function echoes(connection: Connection): Promise<void> {
    connection.send("hello");
    assert.equal((await connection.receive())?.data, "hello");
    await connection.close();
  }

  /** Connects once the program listens. */
  const open = (url: string, headers = {}) =>
    connectWithRetry(url, { delay: 100, factor: 1, maxAttempts: 900, headers });

  async function pageAt(port: number): Promise<number> {
    const request = http.get({ port, host: "127.0.0.1", path: "/" });
    const [response] = (await once(request, "response")) as [http.IncomingMessage];
    response.resume();
    return response.statusCode ?? 0;
  }

  test("Nest: its routes and ours on one port", async (t) => {
    const port = await freePort();
    start(t, ["nest.js"], port);
    await echoes(await open(`ws://127.0.0.1:${port}/echo`));
    assert.equal(await pageAt(port), 404); // Nest's own answer: it has no route here
  });

  test("Next: its pages, its hot reload and ours on one port", async (t) => {
    const port = await freePort();
    start(t, ["next.js"], port);
    await echoes(await open(`ws://127.0.0.1:${port}/echo`));
    assert.equal(await pageAt(port), 200);
    const origin = `http://localhost:${port}`;
    const reload = await tryConnect(`ws://localhost:${port}/_next/hmr?id=test`, { origin });
    assert.ok(reload, "Next has its upgrade");
    reload.terminate();
  });

  test("Vite: its proxy leads to our server, and pages of other origins are refused", async (t) => {
    await using server = await serve({
      hostname: "127.0.0.1",
      path: "/chat",
      message(connection, message) {
        connection.send(message.data);
      },
    });

    const config = (await documented("docs/recipes.md", "js vite")).replace(
      "127.0.0.1:8080",
      `127.0.0.1:${server.port}`,
    );
    await writeFile(path.join(folder, "vite.config.js"), config);
    const port = await freePort();
    start(
      t,
      ["node_modules/vite/bin/vite.js", "--host", "127.0.0.1", "--port", String(port), "--strictPort"],
      port,
    );
    const url = `ws://127.0.0.1:${port}/chat`;
    await echoes(await open(url, { Origin: `http://127.0.0.1:${port}` }));
    await assert.rejects(
      open(url, { Origin: "http://elsewhere.example" }),
      (error: unknown) => error instanceof HandshakeError && error.status === 403,
    );
  });
});
