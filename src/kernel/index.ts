/** The kernel's door: which backend is in use, and the map of its memory. */

import { assertModule, instantiateKernel } from "./instance.js";
import type { Kernel, KernelBackend } from "./kernel.js";
import { createReferenceKernel } from "./reference.js";

export { type CompressionKernel, instantiateCompression, provideCompression } from "./compression.js";
export * from "./generated/compression-layout.js";
export * from "./generated/layout.js";
export type { Kernel, KernelBackend } from "./kernel.js";

const created: { [backend in KernelBackend]?: Kernel } = {};
let current: Kernel | undefined;

/** The kernel in use. Made at the first call: WebAssembly, or the reference where that is forbidden. */
export function kernel(): Kernel {
  return (current ??= createKernel());
}

function createKernel(): Kernel {
  try {
    return selectKernel("wasm");
  } catch {
    // No WebAssembly here, no SIMD, or a policy against compiling: the reference does the same, slower.
    return selectKernel("reference");
  }
}

/**
 * Makes `backend` the kernel in use from now on; decoders that exist keep theirs. For tests, which run
 * over both.
 *
 * @throws what `instantiateKernel` throws.
 */
export function selectKernel(backend: KernelBackend): Kernel {
  current = created[backend] ??= backend === "wasm" ? instantiateKernel() : createReferenceKernel();
  return current;
}

/**
 * Makes a compiled module the kernel in use from now on, where bytes must not be compiled; decoders that exist keep
 * theirs.
 *
 * @throws {TypeError} for another module.
 */
export function provideKernel(wasm: WebAssembly.Module): void {
  assertModule(wasm, "kernel", "scan");
  current = created.wasm = instantiateKernel(wasm);
}
