/** The WebAssembly backend: compiles the inlined module and types its exports. Knows no codec. */

import { instantiateSync } from "@assemblyscript/loader";
import { KERNEL_BYTES } from "./generated/bytes.js";
import type { Kernel } from "./kernel.js";

type Exports = Omit<Kernel, "backend" | "bytes" | "words"> & { memory: WebAssembly.Memory };

/**
 * Instantiates the kernel, synchronously.
 *
 * @throws {WebAssembly.CompileError} where compiling is forbidden, as in a page whose Content Security
 *   Policy lacks `wasm-unsafe-eval`; or {ReferenceError} where there is no WebAssembly.
 */
export function instantiateKernel(): Kernel {
  const { exports } = instantiateSync<Record<string, unknown>>(decodeBase64(KERNEL_BYTES));
  const { memory, scan, mask, validateUtf8, utf8ToUtf16 } = exports as unknown as Exports;
  const bytes = new Uint8Array(memory.buffer);
  const words = new Int32Array(memory.buffer);
  return { backend: "wasm", bytes, words, scan, mask, validateUtf8, utf8ToUtf16 };
}

/** Bytes of a module. */
export function decodeBase64(base64: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
