// Puts what tsc built module by module into one file for each layer: loading twenty modules takes longer than
// all they do until the first frame is decoded (`npm run bench -- --only start`). Constants are inlined, so
// that a bundler of somebody else's can see what is not used.
import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

process.chdir(fileURLToPath(new URL("../", import.meta.url)));

const LAYERS = ["kernel", "codec", "protocol", "node"];

for (const layer of LAYERS) {
  for (const name of await readdir(path.join("dist", layer), { recursive: true })) {
    if (/\.js(\.map)?$/.test(name)) await rm(path.join("dist", layer, name));
  }
}
await build({
  entryPoints: LAYERS.map((layer) => `src/${layer}/index.ts`),
  outbase: "src",
  outdir: "dist",
  chunkNames: "shared/[name]-[hash]",
  bundle: true,
  splitting: true,
  packages: "external",
  external: ["node:*"],
  format: "esm",
  target: "es2022",
  minifySyntax: true,
  sourcemap: true,
  sourcesContent: false,
  logLevel: "warning",
});
