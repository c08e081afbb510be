/**
 * The suite that the browser's connection shares with Node's, in Chromium: in a page and in a worker, over the sources
 * and over the one file for pages without a bundler, against our server and against `ws`.
 */

import assert from "node:assert/strict";
import type { RequestListener } from "node:http";
import path from "node:path";
import { describe, it, type TestContext } from "node:test";
import { build, type Plugin } from "esbuild";
import { serveSuite } from "../support/connection-server.js";
import { CONNECTION_CASES } from "../support/connection-suite.js";
import { JSON_CASES } from "../support/json-suite.js";
import { newPage, skip } from "../support/peers/chromium.js";
import { STAY_CASES } from "../support/stay-suite.js";
import { root } from "../system/package/support.js";
import { BROWSER_CASES } from "./browser-cases.js";
import { STAY_PAGE_CASES } from "./stay-cases.js";

/** Puts a single file in the place of the sources. */
const singleFile = (name: string): Plugin => ({
  name: "single file",
  setup: ({ onResolve }) =>
    onResolve({ filter: /\/index\.browser\.js$/ }, () => ({ path: path.join(root, "dist", name) })),
});

async function bundle(plugins: Plugin[]): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [path.join(root, "test/browser/connection-page.ts")],
    bundle: true,
    platform: "browser",
    format: "esm",
    target: "es2022",
    alias: { "node:assert/strict": path.join(root, "test/support/portable/assert.ts") },
    plugins,
    logLevel: "error",
    write: false,
  });
  return outputFiles[0].text;
}

const WORKER = `
import { runConnectionSuite } from "./suite.js";
const uncaught = [];
onunhandledrejection = ({ reason }) => uncaught.push(String(reason));
onerror = (message) => void uncaught.push(String(message));
onmessage = async ({ data }) => {
  const { failures, count } = await runConnectionSuite(data);
  postMessage({ failures: [...failures, ...uncaught], count });
};
`;

/** Runs the suite in a page that the server serves, and says what failed. */
async function runSuite(t: TestContext, by: "hawser" | "ws", code: string, where: "page" | "worker") {
  const files: Readonly<Record<string, [type: string, text: string]>> = {
    "/": ["text/html", "<!doctype html><link rel=icon href=data:,>"],
    "/suite.js": ["text/javascript", code],
    "/worker.js": ["text/javascript", WORKER],
  };
  const request: RequestListener = ({ url }, response) => {
    const file = files[String(url)];
    // So that there is shared memory, too.
    response.setHeader("Cross-Origin-Opener-Policy", "same-origin");
    response.setHeader("Cross-Origin-Embedder-Policy", "require-corp");
    if (file === undefined) response.writeHead(404).end();
    else response.setHeader("Content-Type", `${file[0]}; charset=utf-8`).end(file[1]);
  };
  const server = await serveSuite(by, request);
  t.after(() => server.close());
  const page = await newPage(server.origin);
  t.after(() => page.context().close());
  const uncaught: string[] = [];
  page.on("pageerror", (error) => uncaught.push(String(error)));
  const { failures, count } = await page.evaluate(
    async ([base, kind]) => {
      if (kind === "page") return (await import(`${location.origin}/suite.js`)).runConnectionSuite(base);
      const worker = new Worker("/worker.js", { type: "module" });
      return new Promise((resolve, reject) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => reject(new Error(message));
        worker.postMessage(base);
      });
    },
    [server.origin.replace("http", "ws"), where] as const,
  );
  return { failures: [...failures, ...uncaught], count };
}

describe("the browser's connection in Chromium", { skip }, () => {
  const inShort = { failures: [], count: [CONNECTION_CASES, BROWSER_CASES].flat().length };
  const passed = {
    failures: [],
    count: inShort.count + [JSON_CASES, STAY_CASES, STAY_PAGE_CASES].flat().length,
  };

  for (const by of ["hawser", "ws"] as const) {
    it(`in a page, to a server by ${by}`, { timeout: 120_000 }, async (t) => {
      assert.deepEqual(await runSuite(t, by, await bundle([]), "page"), passed);
    });
  }

  it("in a worker", { timeout: 120_000 }, async (t) => {
    assert.deepEqual(await runSuite(t, "hawser", await bundle([]), "worker"), passed);
  });

  for (const [name, expected] of [
    ["hawser.browser.js", inShort],
    ["hawser.client.js", passed],
  ] as const) {
    it(`from ${name}, for pages without a bundler`, { timeout: 120_000 }, async (t) => {
      assert.deepEqual(await runSuite(t, "hawser", await bundle([singleFile(name)]), "page"), expected);
    });
  }
});
