/** Modules from outside, for runtimes that compile no bytes. */

import { provideKernel } from "../kernel/index.js";
import { provideCompressionModule } from "./compression-memory.js";

/** Compiled modules; what is left out stays as it is. */
export interface WebAssemblyModules {
  /** Of `hawser/kernel.wasm`. */
  readonly kernel?: WebAssembly.Module | undefined;
  /** Of `hawser/compression.wasm`. */
  readonly compression?: WebAssembly.Module | undefined;
}

/**
 * Uses modules that were compiled elsewhere from now on: on runtimes that forbid to compile bytes and import a
 * `.wasm` file as a module instead, as Cloudflare Workers do. Call it before anything else: what exists already keeps
 * what it has.
 *
 * @throws {TypeError} for anything but the modules of this version of the package.
 */
export function provideWebAssembly({ kernel, compression }: WebAssemblyModules): void {
  if (kernel !== undefined) provideKernel(kernel);
  if (compression !== undefined) provideCompressionModule(compression);
}
