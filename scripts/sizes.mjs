// `npm run size`: bundles entry points of dist/ as a user's bundler would, and compares their length, compressed by gzip,
// with the limits below. Exits with 1 if one is exceeded.

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const dist = fileURLToPath(new URL("../dist/", import.meta.url));

/** Limits in KiB of gzip. Raise one on purpose, in the change that needs it. */
const LIMITS = [
  { name: "everything, for pages", code: 'export * from "./index.browser.js";', limit: 70 },
  { name: "connectWithRetry", code: 'export { connectWithRetry } from "./index.browser.js";', limit: 13 },
  {
    name: "FrameDecoder, FrameEncoder",
    code: 'export { FrameDecoder, FrameEncoder } from "./codec/index.js";',
    limit: 18,
  },
  { name: "isValidCloseCode", code: 'export { isValidCloseCode } from "./codec/index.js";', limit: 1 },
  { name: "hawser.browser.js", file: "hawser.browser.js", limit: 30 },
  { name: "hawser.client.js", file: "hawser.client.js", limit: 17 },
];

/** @returns {Promise<Uint8Array>} the bundle of a few lines of code. */
async function bundle(code) {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: dist },
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    target: "es2022",
    logLevel: "error",
  });
  return outputFiles[0].contents;
}

for (const { name, code, file, limit } of LIMITS) {
  const bytes = file === undefined ? await bundle(code) : readFileSync(dist + file);
  const kib = gzipSync(bytes).length / 1024;
  const isTooLong = kib > limit;
  console.log(`${isTooLong ? "TOO LONG" : "ok"}  ${kib.toFixed(1)} of ${limit} KiB  ${name}`);
  if (isTooLong) process.exitCode = 1;
}
