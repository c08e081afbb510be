// What older tools need of dist/: declarations that TypeScript 5.4 can read, and for each ES module and each declaration a
// twin for `require`. name.js becomes name.cjs, name.d.ts becomes name.d.cts: file by file, so that what entry points
// share stays shared.
import { readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { transform } from "esbuild";

/** What nothing requires: the program, and the file for pages. */
const MODULES_ONLY = /^(cli\/|hawser\.browser\.)/;

/** The name of another module in code or in types, where it ends in .js. */
const RELATIVE = /(?<=\b(?:from |import |import\(|require\()")(\.{1,2}\/[^"]*)\.js(?=")/g;

/** The export that Node gives to `require` in the place of the module. Before 5.6, TypeScript cannot read such a name. */
const WHOLE = /^export \{ (\w+) as "module\.exports" \};\n/m;

/** Before 5.7, TypeScript's Uint8Array has no type argument; what `of` returns has one where there is one. */
const OWN_BYTES = [/\bUint8Array<ArrayBuffer>/g, "ReturnType<typeof Uint8Array.of>"];

/** A module that is its one export, in the words of CommonJS. */
function toExportAssignment(types, name) {
  const declared = types.replace(/^export default function /m, "declare function ");
  return `${declared.replace(/^export .*;\n/gm, "")}export = ${name};\n`;
}

async function addTypes(file) {
  const emitted = (await readFile(file, "utf8")).replaceAll(...OWN_BYTES);
  const [statement = "", whole] = WHOLE.exec(emitted) ?? [];
  const types = emitted.replace(statement, "");
  await writeFile(file, types);
  const own = types.replace(/^\/\/# sourceMappingURL=.*/m, "");
  const twin = whole === undefined ? own : toExportAssignment(own, whole);
  await writeFile(file.replace(/\.d\.ts$/, ".d.cts"), twin.replaceAll(RELATIVE, "$1.cjs"));
}

async function addCode(file) {
  const source = (await readFile(file, "utf8")).replace(/^\/\/# sourceMappingURL=.*/m, "");
  const { code } = await transform(source, { format: "cjs", platform: "node", target: "es2022" });
  const isWhole = code.includes('"module.exports":');
  const end = isWhole ? 'module.exports = module.exports["module.exports"];\n' : "";
  await writeFile(file.replace(/\.js$/, ".cjs"), code.replaceAll(RELATIVE, "$1.cjs") + end);
}

/** @param folder - what tsc and esbuild made. */
export async function addForOlderTools(folder) {
  for (const name of await readdir(folder, { recursive: true })) {
    if (MODULES_ONLY.test(name.replaceAll("\\", "/"))) continue;
    if (name.endsWith(".js")) await addCode(path.join(folder, name));
    else if (name.endsWith(".d.ts")) await addTypes(path.join(folder, name));
  }
}
