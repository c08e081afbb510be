/** Compiles a file of `assembly/` on its own, for tests of functions that the modules do not export. */

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
/** Of the compression module. */
const PAGES = 64;
const STATICS = 0x5a080;

/** An instance of a module that exports what `assembly/{name}.ts` does. */
export async function instantiateAssembly<Exports>(
  name: string,
): Promise<Exports & { memory: WebAssembly.Memory }> {
  let bytes: Uint8Array<ArrayBuffer> | undefined;
  const { error, stderr } = await asc.main(
    [
      ...[`assembly/${name}.ts`, "--baseDir", ROOT, "--target", "release", "--outFile", "module.wasm"],
      ...["--initialMemory", `${PAGES}`, "--maximumMemory", `${PAGES}`, "--memoryBase", `${STATICS}`],
    ],
    {
      writeFile(_name, contents) {
        bytes = new Uint8Array(Buffer.from(contents));
      },
    },
  );
  assert.ok(error === null && bytes !== undefined, stderr.toString());
  const { instance } = await WebAssembly.instantiate(bytes, {});
  return instance.exports as Exports & { memory: WebAssembly.Memory };
}
