/**
 * Real packages that use `ws`, unmodified, on the face: each program starts one of them, has real messages go both
 * ways, and asserts that the sockets are hawser's. Two packages bring tests in their tarballs, which run too.
 */

import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";
import { skip as withoutChromium } from "../../support/peers/chromium.js";
import { prepare, runNode } from "./support.js";

const programs = readdirSync(fileURLToPath(new URL("programs/", import.meta.url)))
  .map((file) => path.basename(file, ".mjs"))
  .filter((name) => name !== "support");

const unreachable = await prepare();

describe("packages on hawser/ws", { skip: unreachable, concurrency: 2 }, () => {
  for (const name of programs) {
    test(name, { skip: name === "puppeteer-core" ? withoutChromium : false }, async () => {
      const { stdout } = await runNode([path.join("programs", `${name}.mjs`)]);
      assert.equal(stdout.trimEnd().split("\n").at(-1), "ok");
    });
  }

  /** Runs tests by Node's runner; `least` of them must have passed. */
  async function runSuite(args: readonly string[], least: number): Promise<void> {
    const { stdout } = await runNode(["--test", "--test-reporter=tap", ...args]);
    const passed = Number(/^# pass (\d+)$/m.exec(stdout)?.[1]);
    assert.ok(passed >= least, `${passed} tests passed`);
  }

  test("the tests of @fastify/websocket", () => runSuite(["node_modules/@fastify/websocket/test/"], 60));

  test("the test of aedes that uses ws", () =>
    runSuite(["--test-name-pattern=websocket", "node_modules/aedes/test/connect.js"], 1));
});
