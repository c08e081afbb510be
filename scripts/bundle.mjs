// Puts what tsc built module by module into one file for each layer: loading twenty modules takes longer than
// all they do until the first frame is decoded (`npm run bench -- --only start`). Constants are inlined, so
// that a bundler of somebody else's can see what is not used.
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
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

// Parts are loaded in the order of the sources by imports that take no name, of which nothing here has need: no
// module does anything when it is loaded, as package.json says, and bundlers warn about them.
for (const layer of LAYERS) {
  const door = path.join("dist", layer, "index.js");
  const code = await readFile(door, "utf8");
  await writeFile(door, code.replaceAll(/^import "\.\.\/shared\/[^"]*";$/gm, ""));
}
