/** The entry point as users get it: from `dist/`, by import and by require, in a browser's build, and by the alias. */

import assert from "node:assert/strict";
import { cp, symlink } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { build } from "esbuild";
import { createFolder, removeFolder, root, run } from "../system/package/support.js";

const NAMES = [
  "PerMessageDeflate",
  "Receiver",
  "Sender",
  "WebSocket",
  "WebSocketServer",
  "createWebSocketStream",
  "extension",
  "subprotocol",
];

describe("hawser/ws", () => {
  let folder = "";
  before(async () => {
    folder = await createFolder({ "package.json": { type: "module" }, "node_modules/.keep": "" });
    await symlink(root, path.join(folder, "node_modules/hawser"), "junction");
    // As npm does for `"ws": "npm:hawser-ws@…"`.
    await cp(path.join(root, "packages/ws"), path.join(folder, "node_modules/ws"), { recursive: true });
  });
  after(() => removeFolder(folder));

  test("is one class, however it is loaded, by its name and by the alias", async () => {
    const code = `
      import assert from "node:assert/strict";
      import { createRequire } from "node:module";
      import WebSocket, * as all from "hawser/ws";
      import aliased, * as allAliased from "ws";
      const require = createRequire(import.meta.url);
      assert.equal(require("hawser/ws"), WebSocket);
      assert.equal(require("ws"), WebSocket);
      assert.equal(aliased, WebSocket);
      assert.equal(WebSocket.Server, all.WebSocketServer);
      for (const name of ${JSON.stringify(NAMES)}) {
        assert.equal(typeof all[name], typeof WebSocket[name], name);
        assert.equal(all[name], WebSocket[name], name);
        assert.equal(allAliased[name], WebSocket[name], name);
      }
      assert.equal(typeof require("ws/package.json").version, "string");
    `;
    await run(process.execPath, ["--input-type=module", "-e", code], folder);
  });

  test("is CommonJS for tools that cannot require a module", () => {
    const require = createRequire(import.meta.url);
    const WebSocket = require(path.join(root, "dist/ws/index.cjs"));
    assert.equal(WebSocket.name, "WebSocket");
    for (const name of NAMES) assert.ok(name in WebSocket, name);
  });

  test("is the browser's WebSocket in a build for browsers, and what else there is throws at the call", async () => {
    const contents = `
      import WebSocket, { ${NAMES.filter((name) => name !== "WebSocket").join(", ")} } from "ws";
      export { WebSocket, WebSocketServer, createWebSocketStream, Sender, Receiver, PerMessageDeflate, extension, subprotocol };
    `;
    const { outputFiles } = await build({
      stdin: { contents, resolveDir: folder },
      bundle: true,
      write: false,
      platform: "browser",
      format: "iife",
      globalName: "made",
      logLevel: "silent",
    });
    const Native = class {};
    const made = new Function("WebSocket", "globalThis", `${outputFiles[0].text}; return made;`)(Native, {
      WebSocket: Native,
    });
    assert.equal(made.WebSocket, Native);
    for (const name of ["WebSocketServer", "Sender", "Receiver", "PerMessageDeflate"]) {
      assert.throws(() => new made[name](), /a browser has no/);
    }
    assert.throws(() => made.createWebSocketStream(), /a browser has no createWebSocketStream/);
    assert.throws(() => made.extension.parse(""), /a browser has no extension\.parse/);
  });
});
