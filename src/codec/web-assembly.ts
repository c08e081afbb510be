/** Modules from outside, for runtimes that compile no bytes. */

import { provideModules } from "../kernel/index.js";
import { forgetAvailability } from "./deflate/compression-memory.js";

/** Compiled modules (each a `WebAssembly.Module`); a missing one stays as it is. */
export interface WebAssemblyModules {
  /** Of `hawser/kernel.wasm`. */
  readonly kernel?: object | undefined;
  /** Of `hawser/compression.wasm`. */
  readonly compression?: object | undefined;
}

/**
 * Uses modules that were compiled elsewhere from now on: on runtimes that forbid to compile bytes and import a
 * `.wasm` file as a module instead, as Cloudflare Workers do. Call it before any other function: objects that exist
 * already keep their module.
 *
 * @throws {TypeError} for anything but the modules of this version of the package; then nothing has changed.
 */
export function provideWebAssembly({ kernel, compression }: WebAssemblyModules): void {
  provideModules(kernel, compression);
  if (compression !== undefined) forgetAvailability();
}
