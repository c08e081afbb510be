/**
 * The package in pages, as its users put it there: bundled by esbuild, Vite and webpack from the packed tarball, or as
 * one file without a bundler; in real Chromium, with what it asks the network for and what it says on the console.
 */

import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import type { RequestListener } from "node:http";
import path from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { serve } from "../../src/node/index.js";
import { newPage, skip } from "../support/peers/chromium.js";
import {
  createFolder,
  documented,
  install,
  pack,
  removeFolder,
  root,
  run,
} from "../system/package/support.js";

/** The report of a page, or a worker, about the package; `codec` is what `hawser/codec` gave, where that is there. */
const TRY = `
export async function tryHawser(hawser, codec, base) {
  const decoder = new hawser.FrameDecoder({ role: "server" });
  decoder.push(hawser.encodeText("Grüße, 東京 🚢", { mask: true }));
  decoder.next();
  const connection = await hawser.connect(base + "/echo", { protocol: "chat" });
  connection.send(decoder.text());
  const message = await connection.receive();
  const closed = await connection.close(3000, "done");
  const text = new TextEncoder().encode("again and again and again");
  return {
    echo: message.data,
    protocol: connection.protocol,
    code: closed.code,
    backend: hawser.kernelBackend(),
    isOne: codec === undefined || codec.encodeText === hawser.encodeText,
    inflated: codec?.isCompressionAvailable() && new TextDecoder().decode(codec.decompress(codec.compress(text))),
    server: typeof hawser.serve,
  };
}
`;

const FOUND = {
  echo: "Grüße, 東京 🚢",
  protocol: "chat",
  code: 3000,
  backend: "wasm",
  isOne: true,
  inflated: "again and again and again",
  server: "undefined",
};

const MAIN = `
import * as hawser from "hawser";
import * as codec from "hawser/codec";
import { tryHawser } from "./try.js";
globalThis.found = tryHawser(hawser, codec, "");
`;

const MISUSE = 'import { serve } from "hawser";\nserve({ port: 8080 });\n';

const VITE = (entry: string) => `
export default {
  logLevel: "warn",
  build: { outDir: "out-vite", emptyOutDir: false, rollupOptions: { input: "${entry}", output: { entryFileNames: "vite.js" } } },
};`;

const WEBPACK = `
import webpack from "webpack";
const [entry] = process.argv.slice(2);
webpack({ mode: "production", entry, output: { path: process.cwd() + "/out-webpack", filename: "webpack.js" } }, (error, stats) => {
  if (error || stats.hasErrors() || stats.hasWarnings()) throw error ?? new Error(stats.toString());
});`;

/** Runs a bundler on an entry, and says which file came out. */
type Bundler = (folder: string, entry: string) => Promise<string>;

const bundleByEsbuild: Bundler = async (folder, entry) => {
  const outfile = path.join(folder, "out-esbuild.js");
  const { warnings } = await build({
    entryPoints: [path.join(folder, entry)],
    ...{ absWorkingDir: folder, outfile, bundle: true, format: "esm", minify: true, logLevel: "silent" },
  });
  assert.deepEqual(warnings, []);
  return outfile;
};

const BUNDLERS: Readonly<Record<string, Bundler>> = {
  esbuild: bundleByEsbuild,
  async Vite(folder, entry) {
    await writeFile(path.join(folder, "vite.config.js"), VITE(entry));
    const { stderr } = await run(process.execPath, ["node_modules/vite/bin/vite.js", "build"], folder);
    assert.equal(stderr, "");
    return path.join(folder, "out-vite/vite.js");
  },
  async webpack(folder, entry) {
    await run(process.execPath, ["webpack.js", `./${entry}`], folder);
    return path.join(folder, "out-webpack/webpack.js");
  },
};

/** The longest that `dist/hawser.browser.js` may be, compressed by gzip. */
const MAX_GZIP_LENGTH = 30 * 1024;

/** The same of `dist/hawser.client.js`, which has no codec. */
const MAX_CLIENT_GZIP_LENGTH = 17 * 1024;

/** How long a bundle of some exports may be, compressed by gzip, in KiB: what docs/browser.md says. */
const PARTS = [
  ["connectWithRetry", "hawser", 13],
  ["stayConnected", "hawser", 17],
  ["FrameDecoder, FrameEncoder", "hawser/codec", 18],
] as const;

const HTML = (script: string) => `<!doctype html><link rel=icon href=data:,>${script}`;

interface Visit {
  readonly found: unknown;
  /** Errors and warnings on the console, and uncaught ones. */
  readonly complaints: string[];
}

/**
 * Opens a page with these files, beside an echo server, and waits for `found` in it.
 *
 * @param policy - its Content-Security-Policy.
 */
async function visit(
  t: TestContext,
  files: Readonly<Record<string, string>>,
  policy?: string,
): Promise<Visit> {
  const request: RequestListener = ({ url = "" }, response) => {
    const text = files[url];
    const type = url === "/" ? "text/html" : "text/javascript";
    if (policy !== undefined) response.setHeader("Content-Security-Policy", policy);
    if (text === undefined) response.writeHead(404).end();
    else response.setHeader("Content-Type", `${type}; charset=utf-8`).end(text);
  };
  const server = await serve({
    port: 0,
    hostname: "127.0.0.1",
    protocols: ["chat"],
    request,
    message: (connection, { data }) => connection.send(data),
  });
  t.after(() => server.close());
  const page = await newPage("about:blank");
  t.after(() => page.context().close());
  const complaints: string[] = [];
  const hosts = new Set<string>();
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("request", (asked) => hosts.add(new URL(asked.url()).host));
  page.on("websocket", (socket) => hosts.add(new URL(socket.url()).host));
  await page.goto(server.url.replace("ws", "http"));
  const found = await page.evaluate("found");
  // A data: URL has no host.
  hosts.delete("");
  assert.deepEqual([...hosts], [new URL(server.url).host], "no other host was asked for anything");
  return { found, complaints };
}

describe("the package in a page", { skip }, () => {
  let folder = "";
  let single = "";

  before(async () => {
    folder = await createFolder({
      "try.js": TRY,
      "main.js": MAIN,
      "misuse.js": MISUSE,
      "misuse.ts": MISUSE,
      "main.ts":
        'import { connect } from "hawser";\nexport const opened: Promise<{ send(text: string): boolean | undefined }> = connect("/");\n',
      "webpack.js": WEBPACK,
    });
    const { filename } = await pack(folder);
    const dependencies = { hawser: `file:${filename}`, vite: "7.3.8", webpack: "5.112.2" };
    await writeFile(
      path.join(folder, "package.json"),
      JSON.stringify({ private: true, type: "module", dependencies }),
    );
    await install(folder);
    single = await readFile(path.join(folder, "node_modules/hawser/dist/hawser.browser.js"), "utf8");
  });
  after(() => removeFolder(folder));

  for (const [name, bundle] of Object.entries(BUNDLERS)) {
    it(`works, bundled by ${name}`, { timeout: 120_000 }, async (t) => {
      const code = await readFile(await bundle(folder, "main.js"), "utf8");
      const page = HTML('<script type="module" src="/main.js"></script>');
      const { found, complaints } = await visit(t, { "/": page, "/main.js": code });
      assert.deepEqual(found, FOUND);
      assert.deepEqual(complaints, []);
    });

    it(`is not a server: ${name} says so`, { timeout: 120_000 }, async () => {
      await assert.rejects(bundle(folder, "misuse.js"), /serve/);
    });
  }

  for (const [what, door, longest] of PARTS) {
    it(`has at most ${longest} KiB for ${what}, compressed`, async (t) => {
      await writeFile(path.join(folder, "part.js"), `export { ${what} } from "${door}";\n`);
      const code = await readFile(await bundleByEsbuild(folder, "part.js"), "utf8");
      assert.equal(
        /WebAssembly\.Module/.test(code),
        door === "hawser/codec",
        "a page that only connects has no kernel",
      );
      const { length } = gzipSync(code, { level: 9 });
      t.diagnostic(`${length} bytes`);
      assert.ok(length <= longest * 1024, `${length} bytes`);
    });
  }

  it("is not a server: TypeScript says so, with the conditions of browsers", async () => {
    const tsc = path.join(root, "node_modules/typescript/bin/tsc");
    const options = ["--noEmit", "--strict", "--module", "esnext", "--moduleResolution", "bundler"];
    const compile = (file: string) =>
      run(
        process.execPath,
        [
          tsc,
          ...options,
          "--target",
          "es2022",
          "--lib",
          "es2023,esnext.disposable,dom",
          "--customConditions",
          "browser",
          file,
        ],
        folder,
      );
    await compile("main.ts");
    await assert.rejects(compile("misuse.ts"), /has no exported member 'serve'/);
  });

  describe("as one file", () => {
    const alone = { ...FOUND, inflated: undefined };
    const inline = (how: string) => HTML(`<script type="module">${how}</script>`);
    const inPage = inline(`
import * as hawser from "./hawser.browser.js";
import { tryHawser } from "./try.js";
globalThis.found = tryHawser(hawser, undefined, "");`);
    const files = () => ({ "/hawser.browser.js": single, "/try.js": TRY });

    it("has at most 30 KiB, compressed, and imports nothing", async (t) => {
      const { length } = gzipSync(single, { level: 9 });
      t.diagnostic(
        `${length} bytes compressed by gzip, ${(await stat(path.join(root, "dist/hawser.browser.js"))).size} bytes`,
      );
      assert.ok(length <= MAX_GZIP_LENGTH, `${length} bytes`);
      assert.doesNotMatch(single, /\bfrom\s*["']|\bimport\s*["'(]|\brequire\s*\(/);
    });

    it("has at most 17 KiB, compressed, without the codec", async (t) => {
      const client = await readFile(path.join(folder, "node_modules/hawser/dist/hawser.client.js"), "utf8");
      const { length } = gzipSync(client, { level: 9 });
      t.diagnostic(`${length} bytes compressed by gzip`);
      assert.ok(length <= MAX_CLIENT_GZIP_LENGTH, `${length} bytes`);
      assert.doesNotMatch(client, /\bfrom\s*["']|\bimport\s*["'(]|\brequire\s*\(|WebAssembly\.Module/);
    });

    it("works without a bundler", { timeout: 60_000 }, async (t) => {
      const { found, complaints } = await visit(t, { ...files(), "/": inPage });
      assert.deepEqual(found, alone);
      assert.deepEqual(complaints, []);
    });

    it("works as the documents say", { timeout: 60_000 }, async (t) => {
      const page = HTML(await documented("docs/browser.md", "html"));
      const found = '<script type="module">globalThis.found = true;</script>';
      const { complaints } = await visit(t, { ...files(), "/": page + found });
      assert.deepEqual(complaints, []);
    });

    it("works in a worker", { timeout: 60_000 }, async (t) => {
      const page = inline(`
const worker = new Worker("/worker.js", { type: "module" });
globalThis.found = new Promise((resolve, reject) => {
  worker.onmessage = ({ data }) => resolve(data);
  worker.onerror = ({ message }) => reject(new Error(message));
});`);
      const worker = `
import * as hawser from "./hawser.browser.js";
import { tryHawser } from "./try.js";
postMessage(await tryHawser(hawser, undefined, ""));`;
      const { found, complaints } = await visit(t, { ...files(), "/": page, "/worker.js": worker });
      assert.deepEqual(found, alone);
      assert.deepEqual(complaints, []);
    });

    it("works where WebAssembly may be compiled, and nothing else is allowed", {
      timeout: 60_000,
    }, async (t) => {
      const policy =
        "default-src 'none'; connect-src 'self'; img-src data:; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'";
      const { found, complaints } = await visit(t, { ...files(), "/": inPage }, policy);
      assert.deepEqual(found, alone);
      assert.deepEqual(complaints, []);
    });

    it("falls back to the reference where a policy forbids WebAssembly", { timeout: 60_000 }, async (t) => {
      const policy =
        "default-src 'none'; connect-src 'self'; img-src data:; script-src 'self' 'unsafe-inline'";
      const { found, complaints } = await visit(t, { ...files(), "/": inPage }, policy);
      assert.deepEqual(found, { ...alone, backend: "reference" });
      // The browser itself reports what it refused.
      for (const complaint of complaints) assert.match(complaint, /Content Security Policy|unsafe-eval/);
    });

    it("is refused at once where a policy forbids to connect", { timeout: 60_000 }, async (t) => {
      const page = inline(`
import { connect } from "./hawser.browser.js";
globalThis.found = connect("/echo").catch(({ code }) => code);`);
      const policy =
        "default-src 'none'; img-src data:; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'";
      const began = Date.now();
      const { found, complaints } = await visit(t, { ...files(), "/": page }, policy);
      assert.equal(found, "WS_ERR_CONNECTION_FAILED");
      assert.ok(Date.now() - began < 9000, "and not when the time is over");
      for (const complaint of complaints) assert.match(complaint, /Content Security Policy/);
    });

    it("works offline", { timeout: 60_000 }, async (t) => {
      const page = inline(`
import * as hawser from "./hawser.browser.js";
globalThis.decode = () => {
  const decoder = new hawser.FrameDecoder({ role: "client" });
  decoder.push(hawser.encodeText("no network"));
  decoder.next();
  return [decoder.text(), hawser.kernelBackend(), navigator.onLine];
};
globalThis.found = true;`);
      const server = await serve({
        port: 0,
        hostname: "127.0.0.1",
        request: ({ url }, response) =>
          response
            .setHeader("Content-Type", url === "/" ? "text/html" : "text/javascript")
            .end(url === "/" ? page : single),
      });
      t.after(() => server.close());
      const opened = await newPage(server.url.replace("ws", "http"));
      t.after(() => opened.context().close());
      assert.equal(await opened.evaluate("found"), true);
      await opened.context().setOffline(true);
      assert.deepEqual(await opened.evaluate("decode()"), ["no network", "wasm", false]);
      const refused = `import("/hawser.browser.js").then(({ tryConnect }) => tryConnect("/echo"))`;
      assert.equal(await opened.evaluate(refused), undefined, "and connections fail, as they should");
    });
  });
});
