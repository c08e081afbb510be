// Puts @assemblyscript/loader into the bundles, as a plugin of esbuild. As it comes, importing it has effects: it assigns
// `Object.hasOwn`, which throws where intrinsics are frozen, and makes a TextDecoder, which some hosts lack. Here all of
// it lies in a function that is called by the first instantiation, and those two statements are replaced.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const NAME = "@assemblyscript/loader";

/** Replacements in the loader. */
const REPLACED = [
  // Every host that is supported has it.
  [/^Object\.hasOwn = Object\.hasOwn \|\| function[\s\S]*?^\};$/m, ""],
  // Made when a string is read out of a module, which happens with none of ours.
  [
    /^const utf16 = new TextDecoder\((.*)\);/m,
    "const utf16 = { decode: (units) => new TextDecoder($1).decode(units) };",
  ],
  // In a function there are no exports.
  [/^export default \{[\s\S]*?^\};$/m, ""],
  [/^export (?=(async )?function )/gm, ""],
];

/** A module with the loader's `instantiateSync`. */
async function wrapLoader() {
  const read = (file) =>
    readFile(fileURLToPath(new URL(`../node_modules/${NAME}/${file}`, import.meta.url)), "utf8");
  const { version, license } = JSON.parse(await read("package.json"));
  let source = await read("index.js");
  for (const [pattern, replacement] of REPLACED) {
    if (!pattern.test(source)) throw new Error(`${NAME} ${version} has nothing like ${pattern}`);
    source = source.replace(pattern, replacement);
  }
  return `/*! ${NAME} ${version}, ${license}, by the AssemblyScript authors; changed. See THIRD-PARTY-NOTICES.md. */
let instantiate;
export function instantiateSync(source) {
  instantiate ??= evaluateLoader();
  return instantiate(source);
}
function evaluateLoader() {
${source}
return instantiateSync;
}
`;
}

export const loaderPlugin = {
  name: NAME,
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^@assemblyscript\/loader$/ }, ({ path }) => ({ path, namespace: "loader" }));
    onLoad({ filter: /./, namespace: "loader" }, async () => ({ contents: await wrapLoader() }));
  },
};

/** Puts the text above into a source map that leads to it: it is not a file. */
export async function addLoaderText(mapFile) {
  const map = JSON.parse(await readFile(mapFile, "utf8"));
  const index = map.sources.indexOf(`loader:${NAME}`);
  if (index < 0) return;
  map.sourcesContent ??= map.sources.map(() => null);
  map.sourcesContent[index] = await wrapLoader();
  await writeFile(mapFile, JSON.stringify(map));
}
