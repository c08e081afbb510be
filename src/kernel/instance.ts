/** The WebAssembly backend: compiles the inlined module and types its exports. Knows no codec. */

import { instantiateSync } from "@assemblyscript/loader";
import { KERNEL_BYTES } from "./generated/bytes.js";
import type { Kernel } from "./kernel.js";

type Exports = Omit<Kernel, "backend" | "bytes" | "words"> & { memory: WebAssembly.Memory };

/**
 * Instantiates the kernel, synchronously.
 *
 * @param source - the module, where somebody else compiled it; default: the inlined bytes.
 * @throws {WebAssembly.CompileError} where compiling is forbidden, as in a page whose Content Security
 *   Policy lacks `wasm-unsafe-eval`; or {ReferenceError} where there is no WebAssembly.
 */
export function instantiateKernel(
  source: WebAssembly.Module | Uint8Array<ArrayBuffer> = decodeBase64(KERNEL_BYTES),
): Kernel {
  const { exports } = instantiateSync<Record<string, unknown>>(source);
  const { memory, scan, mask, validateUtf8, utf8ToUtf16 } = exports as unknown as Exports;
  const bytes = new Uint8Array(memory.buffer);
  const words = new Int32Array(memory.buffer);
  return { backend: "wasm", bytes, words, scan, mask, validateUtf8, utf8ToUtf16 };
}

/**
 * Checks what is given as a module of ours.
 *
 * @param name - of the option that it is given by, and of the file that it should come from.
 * @param exported - a function that this module alone has.
 * @throws {TypeError} saying what was expected.
 */
export function assertModule(
  wasm: unknown,
  name: string,
  exported: string,
): asserts wasm is WebAssembly.Module {
  const isModule = wasm instanceof WebAssembly.Module;
  if (isModule && WebAssembly.Module.exports(wasm).some(({ name }) => name === exported)) return;
  const given = isModule ? "another module" : String(wasm);
  throw new TypeError(`${name} must be the WebAssembly.Module of hawser/${name}.wasm, not ${given}`);
}

/** Bytes of a module. */
export function decodeBase64(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
