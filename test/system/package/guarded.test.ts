/**
 * Importing the package has no effect: hosts where an effect would be an error. Intrinsics that are frozen, by Node and by
 * SES; Jest, which requires CommonJS, and its pages by jsdom, which have no TextDecoder.
 */

import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { serve } from "../../../src/node/index.js";
import { createFolder, install, pack, removeFolder, run, runtimes } from "./support.js";

/** A server and a client that talk to each other, compressed; and a violation. */
const TALK = `
export async function talk(hawser) {
  const server = await hawser.serve({
    port: 0,
    hostname: "127.0.0.1",
    perMessageDeflate: true,
    message: (connection, { data }) => connection.send(data),
  });
  const connection = await hawser.connect(server.url, { perMessageDeflate: true });
  connection.send("ein Tau, 繩 ".repeat(50));
  const { data } = await connection.receive();
  const { code } = await connection.close(3000, "done");
  const decoder = new hawser.FrameDecoder({ role: "client" });
  decoder.push(Uint8Array.of(0x81, 3, 0x61, 0xc0, 0xaf));
  decoder.next();
  const refused = await hawser.connect(server.url + "/x", { timeout: 0.5, protocol: "a b" }).catch(({ name }) => name);
  await server.close();
  const { length } = data;
  return JSON.stringify({ length, code, error: decoder.error.code, backend: hawser.kernelBackend(), refused });
}
`;

const TALKED = {
  length: 550,
  code: 3000,
  error: "WS_ERR_INVALID_UTF8",
  backend: "wasm",
  refused: "SyntaxError",
};

const FROZEN = `
import { talk } from "./talk.mjs";
import * as hawser from "hawser";
if (!Object.isFrozen(Object)) throw new Error("nothing is frozen");
console.log(await talk(hawser));
`;

const SES = `
import "ses";
import { talk } from "./talk.mjs";
lockdown();
if (!Object.isFrozen(Object)) throw new Error("nothing is frozen");
console.log(await talk(await import("hawser")));
`;

/** The report of a test by Jest, on either environment. */
const EXPECT = `
const codec = require("hawser/codec");
const hawser = require("hawser");
async function echo(url) {
  const connection = await hawser.connect(url);
  connection.send("ein Tau, 繩");
  expect((await connection.receive()).data).toBe("ein Tau, 繩");
  connection.send(Uint8Array.of(1, 2, 3));
  expect([...(await connection.receive()).data]).toEqual([1, 2, 3]);
  expect((await connection.close(3000, "done")).code).toBe(3000);
}
function decode() {
  expect(hawser.encodeText).toBe(codec.encodeText);
  const decoder = new codec.FrameDecoder({ role: "server" });
  decoder.push(codec.encodeText("ein Tau, 繩", { mask: true }));
  decoder.next();
  expect(decoder.text()).toBe("ein Tau, 繩");
  expect(codec.kernelBackend()).toBe("wasm");
}
`;

const IN_NODE = `${EXPECT}
test("decodes", decode);
test("serves, and connects", async () => {
  const server = await hawser.serve({ port: 0, hostname: "127.0.0.1", message: (connection, { data }) => connection.send(data) });
  await echo(server.url);
  await server.close();
});
test("gives what the packages give that it stands in for", () => {
  expect(require("hawser/utf-8-validate")(Uint8Array.of(0xc3))).toBe(false);
  expect(Object.keys(require("hawser/bufferutil")).sort()).toEqual(["mask", "unmask"]);
  expect(typeof require("hawser/protocol").Endpoint).toBe("function");
});
test("is CommonJS", () => expect(require.resolve("hawser")).toMatch(/index\\.cjs$/));
`;

const IN_PAGE = `/** @jest-environment jsdom */
${EXPECT}
test("a page has no TextDecoder here", () => expect(typeof TextDecoder).toBe("undefined"));
test("decodes", decode);
test("connects, and has no servers", async () => {
  expect(hawser.serve).toBe(undefined);
  await echo(process.env.ECHO);
});
`;

const JEST = { jest: "30.5.2", "jest-environment-jsdom": "30.5.2" };

describe("importing has no effect", () => {
  let folder = "";

  before(async () => {
    folder = await createFolder({
      "talk.mjs": TALK,
      "frozen.mjs": FROZEN,
      "ses.mjs": SES,
      "jest/node.test.cjs": IN_NODE,
      "jest/page.test.cjs": IN_PAGE,
      "jest.config.json": { rootDir: "jest", testMatch: ["**/*.test.cjs"] },
    });
    const { filename } = await pack(folder);
    const dependencies = { hawser: `file:${filename}`, ses: "2.3.0", ...JEST };
    await writeFile(path.join(folder, "package.json"), JSON.stringify({ private: true, dependencies }));
    await install(folder);
  });
  after(() => removeFolder(folder));

  test("by node --frozen-intrinsics", async (t) => {
    for (const [node, executable] of await runtimes()) {
      await t.test(node, async () => {
        const options = ["--frozen-intrinsics", "--disable-warning=ExperimentalWarning"];
        const { stdout, stderr } = await run(executable, [...options, "frozen.mjs"], folder);
        assert.equal(stderr, "");
        assert.deepEqual(JSON.parse(stdout), TALKED);
      });
    }
  });

  test("after lockdown() of SES", async () => {
    const { stdout } = await run(process.execPath, ["ses.mjs"], folder);
    assert.deepEqual(JSON.parse(stdout), TALKED);
  });

  test("in Jest, for Node and for pages by jsdom", { timeout: 120_000 }, async (t) => {
    const echo = await serve({
      port: 0,
      hostname: "127.0.0.1",
      origin: ["http://localhost"],
      message: (connection, { data }) => connection.send(data),
    });
    t.after(() => echo.close());
    // It ends with an error where a test fails.
    const args = ["node_modules/jest/bin/jest.js", "--config=jest.config.json", "--ci", "--forceExit"];
    const { stderr } = await run("env", [`ECHO=${echo.url}`, process.execPath, ...args], folder);
    assert.match(stderr, /Tests: +7 passed, 7 total/);
  });
});
