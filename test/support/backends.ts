/** Runs a suite over both kernel backends: what one does, the other must do, byte for byte. */

import { beforeEach, describe } from "node:test";
import { type Kernel, type KernelBackend, selectKernel } from "../../src/kernel/index.js";

export const BACKENDS: readonly KernelBackend[] = ["wasm", "reference"];

/**
 * Registers `body` once for each backend. Codec objects take the kernel in use when they are constructed,
 * so each test begins with the right one in use; `kernel` gives it.
 */
export function eachBackend(
  name: string,
  body: (kernel: () => Kernel, backend: KernelBackend) => void,
): void {
  for (const backend of BACKENDS) {
    describe(`${name} (${backend})`, () => {
      beforeEach(() => {
        selectKernel(backend);
      });
      body(() => selectKernel(backend), backend);
    });
  }
}
