/** The tests of kernel and codec in Chromium: in a page, in a worker, and in a page that may not compile WebAssembly. */

import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, describe, test } from "node:test";
import { newPage, skip } from "../support/peers/chromium.js";
import { assertPassed, type Suite, suiteForPages, suiteForStrictPages } from "../support/portable/bundle.js";
import type { Result } from "../support/portable/runner.js";

/** Two minutes where nothing else runs. */
const LONGEST_MS = 900_000;

const SCRIPT = { "Content-Type": "text/javascript" };
/** Only pages that are isolated so have memory to share, which some tests need. */
const ISOLATED = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
};
const PAGE = { ...ISOLATED, "Content-Type": "text/html" };

const WORKER = `
import { runSuite } from "./suite.js";
postMessage(await runSuite(location.hash.slice(1)));
`;

/** What a page evaluates to run a file of the suite. */
const inPage = (file: string) => `import("/suite.js").then(({ runSuite }) => runSuite("${file}"))`;
const inWorker = (file: string) => `new Promise((resolve, reject) => {
  const worker = new Worker("/worker.js#${file}", { type: "module" });
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
})`;

/** A server of these files, each with its headers. */
async function serveFiles(files: ReadonlyMap<string, readonly [headers: object, body: string]>) {
  const server = http.createServer(({ url = "" }, response) => {
    const [headers, body] = files.get(url) ?? [PAGE, undefined];
    response.writeHead(body === undefined ? 404 : 200, { ...headers }).end(body);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  return server;
}

/**
 * Runs each file in a page of its own, as Node runs each in a process of its own: a process of Chromium has addresses for
 * little more than a hundred memories of WebAssembly, and the tests of a few files take as many.
 */
async function runIn(
  server: http.Server,
  { files }: Suite,
  toCode: (file: string) => string,
): Promise<Result[]> {
  const results: Result[] = [];
  for (const file of files) {
    const page = await newPage(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    try {
      results.push(...(await page.evaluate<Result[]>(toCode(file))));
    } finally {
      await page.context().close();
    }
  }
  return results;
}

describe("kernel and codec in Chromium", { skip, concurrency: true }, () => {
  const suite = suiteForPages();
  let server: http.Server;

  before(async () => {
    server = await serveFiles(
      new Map([
        ["/", [PAGE, "<!doctype html><body>"]],
        ["/suite.js", [SCRIPT, (await suite).code]],
        ["/worker.js", [{ ...SCRIPT, ...ISOLATED }, WORKER]],
      ]),
    );
  });
  after(() => server.close());

  for (const [name, toCode] of [
    ["a page", inPage],
    ["a worker", inWorker],
  ] as const) {
    test(`pass their tests in ${name}`, { timeout: LONGEST_MS }, async () => {
      assertPassed(await runIn(server, await suite, toCode), await suite);
    });
  }
});

describe("codec in a page that may not compile WebAssembly", { skip }, () => {
  test("passes its tests, over the reference", { timeout: LONGEST_MS }, async (t) => {
    const suite = await suiteForStrictPages();
    const server = await serveFiles(
      new Map([
        ["/", [{ ...PAGE, "Content-Security-Policy": "script-src 'self'" }, "<!doctype html><body>"]],
        ["/suite.js", [SCRIPT, suite.code]],
      ]),
    );
    t.after(() => server.close());
    assertPassed(await runIn(server, suite, inPage), suite);
  });
});
