/** The page and its scripts, over HTTP: bundled once, kept in memory. */

import { readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { pathOf } from "./url.js";

const folder = fileURLToPath(new URL("../page/", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".map": "application/json",
  ".svg": "image/svg+xml",
};

/** A worker is judged by the policy that came with its own script, so every answer has these. */
const HEADERS = {
  // The kernel is compiled in the page; everything else that the page loads, runs or talks to comes from this server.
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src 'self'; style-src 'self'; img-src 'self'; " +
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  // Without these two a page's clock has steps of 0.1 ms, which is much for a benchmark.
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
  "X-Content-Type-Options": "nosniff",
  "Referrer-Policy": "no-referrer",
  "Cache-Control": "no-store",
};

/** Bundles the page's scripts and reads the rest. Returns what answers requests. */
export async function loadAssets(): Promise<(request: IncomingMessage, response: ServerResponse) => void> {
  const files = new Map<string, Uint8Array>();
  for (const name of ["index.html", "icon.svg", "style.css", "controls.css", "frames.css", "numbers.css"]) {
    files.set(`/${name}`, await readFile(path.join(folder, name)));
  }
  files.set("/", files.get("/index.html") as Uint8Array);
  const { outputFiles } = await build({
    entryPoints: { main: path.join(folder, "main.ts"), worker: path.join(folder, "benchmark/worker.ts") },
    outdir: folder,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "browser",
    target: "es2022",
    minify: true,
    sourcemap: true,
    write: false,
    logLevel: "warning",
  });
  for (const { path: file, contents } of outputFiles) {
    files.set(`/${path.relative(folder, file).replaceAll(path.sep, "/")}`, contents);
  }

  return (request, response) => {
    const name = pathOf(request.url ?? "/");
    const file = files.get(name);
    if (file === undefined) {
      response
        .writeHead(404, { ...HEADERS, "Content-Type": "text/plain" })
        .end("there is a page at / only\n");
      return;
    }
    const type = TYPES[path.extname(name)] ?? TYPES[".html"];
    response.writeHead(200, { ...HEADERS, "Content-Type": type });
    response.end(request.method === "HEAD" ? undefined : file);
  };
}
