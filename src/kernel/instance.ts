/** The WebAssembly backend: compiles the inlined module and types its exports. Knows no codec. */

import { instantiateSync } from "@assemblyscript/loader";
import { KERNEL_BYTES } from "./generated/bytes.js";
import type { Kernel } from "./kernel.js";

type Exports = Omit<Kernel, "backend" | "bytes" | "words"> & { memory: WebAssembly.Memory };

/**
 * Instantiates the kernel, synchronously.
 *
 * @param source - a compiled module; default: the inlined bytes.
 * @throws {WebAssembly.CompileError} where compiling is forbidden, as in a page whose Content Security
 *   Policy lacks `wasm-unsafe-eval`; or {ReferenceError} where there is no WebAssembly.
 */
export function instantiateKernel(
  source: WebAssembly.Module | Uint8Array<ArrayBuffer> = decodeBase64(KERNEL_BYTES),
): Kernel {
  const { exports } = instantiateSync<Record<string, unknown>>(source);
  const { memory, scan, mask, validateUtf8, utf8ToUtf16, utf16ToUtf8 } = exports as unknown as Exports;
  const bytes = new Uint8Array(memory.buffer);
  const words = new Int32Array(memory.buffer);
  return { backend: "wasm", bytes, words, scan, mask, validateUtf8, utf8ToUtf16, utf16ToUtf8 };
}

/**
 * Checks a module that the caller gives. Its type is `object` in the public API, because the type of WebAssembly's
 * modules is in the DOM's library, which a program for Node need not have.
 *
 * @param name - of the option, and of the file that the module comes from.
 * @param stamp - identifies the build.
 * @throws {TypeError} naming the expected value.
 */
export function assertModule(wasm: object, name: string, stamp: string): asserts wasm is WebAssembly.Module {
  const isModule = wasm instanceof WebAssembly.Module;
  const sections = isModule ? WebAssembly.Module.customSections(wasm, "hawser") : [];
  const stamps = sections.map((section) => String.fromCharCode(...new Uint8Array(section)));
  if (stamps.includes(stamp)) return;
  const given = isModule ? "another module, or one of another version" : String(wasm);
  throw new TypeError(`${name} must be the WebAssembly.Module of hawser/${name}.wasm, not ${given}`);
}

/** Bytes of a module. */
export function decodeBase64(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
