/**
 * `ws` and `websocket` on our masking and validation: installed as docs/recipes.md says, both sides of real
 * connections over loopback, with proof that it was our code they called.
 */

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { createFolder, install, pack, removeFolder, root, run } from "../system/package/support.js";

/**
 * Says what `library` gets for the two packages, and counts its calls: what `require` will hand to it is
 * replaced by wrappers before it loads.
 */
const COUNTING = `
const { createRequire } = require("node:module");
const { existsSync, readFileSync } = require("node:fs");
const path = require("node:path");

function nameOfPackage(file) {
  let folder = path.dirname(file);
  while (!existsSync(path.join(folder, "package.json"))) folder = path.dirname(folder);
  return JSON.parse(readFileSync(path.join(folder, "package.json"), "utf8")).name;
}

exports.count = function count(library) {
  const its = createRequire(require.resolve(library));
  const calls = { mask: 0, unmask: 0, isValidUTF8: 0 };
  const file = its.resolve("bufferutil");
  const bufferutil = its("bufferutil");
  const wrap = (name) => (...args) => {
    calls[name]++;
    return bufferutil[name](...args);
  };
  require.cache[file].exports = { mask: wrap("mask"), unmask: wrap("unmask") };
  const told = { calls, bufferutil: nameOfPackage(file), validator: undefined };
  try {
    const validatorFile = its.resolve("utf-8-validate");
    const validate = its("utf-8-validate");
    require.cache[validatorFile].exports = (bytes) => {
      calls.isValidUTF8++;
      return validate(bytes);
    };
    told.validator = validate === require("hawser/utf-8-validate") ? "hawser" : nameOfPackage(validatorFile);
  } catch (error) {
    if (error.code !== "MODULE_NOT_FOUND") throw error;
  }
  return told;
};

/** Payload lengths around every step of the header and of the libraries' own thresholds. */
exports.sizes = [0, 1, 31, 32, 47, 48, 125, 126, 1000, 65535, 65536, 1 << 20];

/** Text of so many bytes, with characters of one to four. */
exports.textOf = function textOf(size) {
  const text = "aß語🪢".repeat(Math.floor(size / 10));
  return text + "z".repeat(size - Buffer.byteLength(text));
};

exports.bytesOf = (size) => Buffer.from(Uint8Array.from({ length: size }, (_, i) => i * 37 + (i >> 8)));
`;

/** Sends every size as text and as binary; the server answers each with the same and one of its own. */
const UNDER_WS = `
const assert = require("node:assert/strict");
const { once } = require("node:events");
const { bytesOf, count, sizes, textOf } = require("./counting.cjs");
if (process.argv[2] === "without-isUtf8") require("node:buffer").isUtf8 = undefined;
const told = count("ws");
const { WebSocket, WebSocketServer } = require("ws");

(async () => {
  const server = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  await once(server, "listening");
  let serverError;
  server.on("connection", (socket) => {
    socket.on("error", (error) => (serverError = error.code));
    socket.on("message", (data, isBinary) => {
      socket.send(data, { binary: isBinary });
      socket.send(isBinary ? bytesOf(data.length + 1) : textOf(data.length + 1));
    });
  });
  const client = new WebSocket("ws://127.0.0.1:" + server.address().port, { perMessageDeflate: false });
  await once(client, "open");
  let frames = 0;
  const received = [];
  let wake = () => {};
  client.on("message", (...message) => {
    received.push(message);
    wake();
  });
  const expectNext = async (payload) => {
    while (received.length === 0) await new Promise((resolve) => (wake = resolve));
    const [data, isBinary] = received.shift();
    assert.equal(isBinary, typeof payload !== "string");
    assert.ok(data.equals(Buffer.from(payload)), "the answer of " + data.length + " bytes");
  };
  for (const size of sizes) {
    for (const make of [textOf, bytesOf]) {
      client.send(make(size));
      await expectNext(make(size));
      await expectNext(make(size + 1));
      frames++;
    }
  }
  // A message in fragments, cut inside a character.
  const text = Buffer.from(textOf(3000));
  client.send(text.subarray(0, 1002), { fin: false, binary: false });
  client.send(text.subarray(1002), { fin: true });
  await expectNext(text.toString());
  await expectNext(textOf(3001));
  // Text that is none: the server must say so.
  client.send(Buffer.concat([Buffer.from(textOf(100)), Buffer.from("c0af", "hex")]), { binary: false });
  const [closeCode] = await once(client, "close");
  server.close();
  await once(server, "close");
  console.log(JSON.stringify({ ...told, frames, closeCode, serverError }));
})();
`;

const UNDER_WEBSOCKET = `
const assert = require("node:assert/strict");
const { once } = require("node:events");
const http = require("node:http");
const { bytesOf, count, sizes, textOf } = require("./counting.cjs");
const told = count("websocket");
const websocket = require("websocket");

(async () => {
  const limits = { maxReceivedFrameSize: 1 << 21, maxReceivedMessageSize: 1 << 21 };
  const httpServer = http.createServer();
  httpServer.listen(0, "127.0.0.1");
  await once(httpServer, "listening");
  const server = new websocket.server({ httpServer, autoAcceptConnections: true, ...limits });
  server.on("connect", (connection) => {
    connection.on("message", ({ type, utf8Data, binaryData }) => {
      if (type === "utf8") {
        connection.sendUTF(utf8Data);
        connection.sendUTF(textOf(Buffer.byteLength(utf8Data) + 1));
      } else {
        connection.sendBytes(binaryData);
        connection.sendBytes(bytesOf(binaryData.length + 1));
      }
    });
  });
  const client = new websocket.client(limits);
  client.connect("ws://127.0.0.1:" + httpServer.address().port);
  const [connection] = await once(client, "connect");
  const received = [];
  let wake = () => {};
  connection.on("message", (message) => {
    received.push(message);
    wake();
  });
  const expectNext = async (payload) => {
    while (received.length === 0) await new Promise((resolve) => (wake = resolve));
    const { type, utf8Data, binaryData } = received.shift();
    if (type === "utf8") assert.equal(utf8Data, payload);
    else assert.ok(binaryData.equals(payload), "the answer of " + binaryData.length + " bytes");
  };
  let frames = 0;
  for (const size of sizes) {
    connection.sendUTF(textOf(size));
    await expectNext(textOf(size));
    await expectNext(textOf(size + 1));
    connection.sendBytes(bytesOf(size));
    await expectNext(bytesOf(size));
    await expectNext(bytesOf(size + 1));
    frames += 2;
  }
  // sendFrame takes bytes as they are: text that is none. The server must say so.
  connection.sendFrame(Object.assign(frameOf(connection, 0x01), { binaryPayload: Buffer.from("61c0af", "hex") }));
  const [closeCode] = await once(connection, "close");
  httpServer.close();
  console.log(JSON.stringify({ ...told, frames, closeCode }));
})();

function frameOf(connection, opcode) {
  const { frame: WebSocketFrame } = websocket;
  const frame = new WebSocketFrame(connection.maskBytes, connection.frameHeader, connection.config);
  return Object.assign(frame, { opcode, fin: true, mask: true });
}
`;

/** The `json` code blocks of docs/recipes.md that say what to write into a package.json. */
const recipes = readFileSync(path.join(root, "docs/recipes.md"), "utf8");
const manifests = [...recipes.matchAll(/```json\n(.*?)```/gs)].map(([, json]) => JSON.parse(json));

/** The page's small package for utf-8-validate: its manifest, its code, and the file that it belongs in. */
const shim = manifests.find(({ name }) => name === "utf-8-validate");
const [, shimCode, shimFile] = /```js\n(\/\/ (\S+)\n.*?)```\n/s.exec(recipes) ?? [];

const WS_RANGE = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")).devDependencies.ws;

/** Installs a recipe with the packed tarball in the place of the published package. */
async function installRecipe(
  library: string,
  files: Record<string, string | object>,
  extra: Record<string, string> = {},
): Promise<string> {
  const recipe = manifests.find(({ dependencies }) => dependencies?.[library] !== undefined);
  assert.ok(recipe, `docs/recipes.md has a recipe for ${library}`);
  const folder = await createFolder({ "counting.cjs": COUNTING, ...files });
  const { filename } = await pack(folder);
  for (const [name, range] of Object.entries<string>(recipe.dependencies)) {
    if (name === "hawser" || range.startsWith("npm:hawser@")) {
      recipe.dependencies[name] = `file:${filename}`;
    }
  }
  Object.assign(recipe.dependencies, extra);
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ private: true, ...recipe }));
  await install(folder);
  return folder;
}

describe("ws", () => {
  let folder = "";
  before(async () => {
    folder = await installRecipe("ws", { "exchange.cjs": UNDER_WS });
  });
  after(() => removeFolder(folder));

  test("masks and unmasks with ours, on both sides", async () => {
    const { stdout, stderr } = await run(process.execPath, ["exchange.cjs"], folder);
    assert.equal(stderr, "");
    const { calls, bufferutil, frames, closeCode, serverError } = JSON.parse(stdout);
    assert.equal(bufferutil, "hawser");
    assert.equal(frames, 24);
    assert.equal(closeCode, 1007);
    assert.equal(serverError, "WS_ERR_INVALID_UTF8");
    // ws has a loop of its own for payloads shorter than 48 bytes to mask and 32 to unmask. Two
    // fragments and the text that is none come on top.
    assert.equal(calls.mask, 2 * 7 + 3);
    assert.equal(calls.unmask, 2 * 9 + 3);
  });
});

describe("ws and websocket, with utf-8-validate", () => {
  let folder = "";
  before(async () => {
    assert.ok(shim !== undefined && shimFile !== undefined, "docs/recipes.md has the shim");
    const files = {
      "exchange.cjs": UNDER_WEBSOCKET,
      "exchange-ws.cjs": UNDER_WS,
      [shimFile]: shimCode,
      [path.posix.join(path.posix.dirname(shimFile), "package.json")]: shim,
    };
    folder = await installRecipe("websocket", files, { ws: WS_RANGE });
  });
  after(() => removeFolder(folder));

  test("websocket masks, unmasks and validates with ours, on both sides", async () => {
    const { stdout, stderr } = await run(process.execPath, ["exchange.cjs"], folder);
    assert.equal(stderr, "");
    const { calls, bufferutil, validator, frames, closeCode } = JSON.parse(stdout);
    assert.deepEqual({ bufferutil, validator }, { bufferutil: "hawser", validator: "hawser" });
    assert.equal(frames, 24);
    assert.equal(closeCode, 1007);
    // It calls both for every frame, and cuts messages into frames of 16 KiB.
    assert.ok(calls.mask >= frames, `${calls.mask} calls`);
    assert.ok(calls.unmask >= frames, `${calls.unmask} calls`);
    assert.ok(calls.isValidUTF8 >= (3 * frames) / 2, `${calls.isValidUTF8} calls`);
  });

  test("ws validates with ours too, on a Node without isUtf8", async () => {
    const { stdout } = await run(process.execPath, ["exchange-ws.cjs", "without-isUtf8"], folder);
    const { calls, bufferutil, validator, closeCode, serverError } = JSON.parse(stdout);
    assert.deepEqual({ bufferutil, validator }, { bufferutil: "hawser", validator: "hawser" });
    assert.deepEqual({ closeCode, serverError }, { closeCode: 1007, serverError: "WS_ERR_INVALID_UTF8" });
    // From 32 bytes on: 9 sizes on their way there and 9 back, 10 of a byte more, 1 message of fragments
    // there and 2 back, 1 text that is none.
    assert.equal(calls.isValidUTF8, 9 + 9 + 10 + 1 + 2 + 1);
  });

  test("ws does not ask for utf-8-validate otherwise", async () => {
    const { stdout } = await run(process.execPath, ["exchange-ws.cjs"], folder);
    assert.equal(JSON.parse(stdout).calls.isValidUTF8, 0);
  });
});
