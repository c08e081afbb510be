/** The kernel's door: which backend is in use, and the map of its memory. */

import { setCompressionModule } from "./compression.js";
import { KERNEL_STAMP } from "./generated/bytes.js";
import { COMPRESSION_STAMP } from "./generated/compression-bytes.js";
import { assertModule, instantiateKernel } from "./instance.js";
import type { Kernel, KernelBackend } from "./kernel.js";
import { createReferenceKernel } from "./reference.js";

export { type CompressionKernel, instantiateCompression } from "./compression.js";
export * from "./generated/compression-layout.js";
export * from "./generated/layout.js";
export type { Kernel, KernelBackend } from "./kernel.js";

const created: { [backend in KernelBackend]?: Kernel } = {};
let current: Kernel | undefined;

/** The kernel in use. Made at the first call: WebAssembly, or the reference if that is forbidden. */
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
 * @throws as `instantiateKernel` does.
 */
export function selectKernel(backend: KernelBackend): Kernel {
  current = created[backend] ??= backend === "wasm" ? instantiateKernel() : createReferenceKernel();
  return current;
}

/**
 * Uses compiled modules from now on, for hosts that forbid compiling. Objects that exist already keep their module.
 *
 * @throws {TypeError} for other modules; then nothing has changed.
 */
export function provideModules(kernel: object | undefined, compression: object | undefined): void {
  if (kernel !== undefined) assertModule(kernel, "kernel", KERNEL_STAMP);
  if (compression !== undefined) assertModule(compression, "compression", COMPRESSION_STAMP);
  if (kernel !== undefined) current = created.wasm = instantiateKernel(kernel);
  if (compression !== undefined) setCompressionModule(compression);
}
