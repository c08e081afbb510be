// Puts what tsc built module by module into one file for each layer: loading twenty modules takes longer than
// all they do until the first frame is decoded (`npm run bench:codec -- --only start`). Constants are inlined, so
// that a user's bundler can see which parts are not used.
import { copyFile, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { addLoaderText, loaderPlugin } from "./loader.mjs";
import { addForOlderTools } from "./older-tools.mjs";

process.chdir(fileURLToPath(new URL("../", import.meta.url)));

const LAYERS = ["kernel", "codec", "protocol", "node", "browser", "ws"];

for (const layer of LAYERS) {
  for (const name of await readdir(path.join("dist", layer), { recursive: true })) {
    if (/\.js(\.map)?$/.test(name)) await rm(path.join("dist", layer, name));
  }
}

/** What all bundles have in common. */
const common = {
  outbase: "src",
  outdir: "dist",
  bundle: true,
  format: "esm",
  target: "es2022",
  sourcemap: true,
  sourcesContent: false,
  plugins: [loaderPlugin],
  logLevel: "warning",
};

await build({
  ...common,
  entryPoints: LAYERS.map((layer) => `src/${layer}/index.ts`),
  chunkNames: "shared/[name]-[hash]",
  splitting: true,
  packages: "external",
  external: ["node:*"],
  minifySyntax: true,
});

// Parts are loaded in the order of the sources by imports that take no name, of which nothing here has need: no
// module does anything when it is loaded, as package.json says, and bundlers warn about them.
for (const layer of LAYERS) {
  const door = path.join("dist", layer, "index.js");
  const code = await readFile(door, "utf8");
  await writeFile(door, code.replaceAll(/^import "\.\.\/shared\/[^"]*";$/gm, ""));
}

for (const name of await readdir("dist/shared")) {
  if (name.endsWith(".map")) await addLoaderText(path.join("dist/shared", name));
}

await addForOlderTools("dist");

// For pages without a bundler: files that import nothing.
for (const name of ["browser", "client"]) {
  await build({ ...common, entryPoints: [`src/hawser.${name}.ts`], minify: true, sourcesContent: true });
}

// For runtimes that compile no bytes: the modules as files.
for (const name of ["kernel", "compression"]) {
  await copyFile(`build/${name}.wasm`, `dist/${name}.wasm`);
  await writeFile(
    `dist/${name}.wasm.d.ts`,
    "/** A `WebAssembly.Module`. */\ndeclare const module: object;\nexport default module;\n",
  );
}
