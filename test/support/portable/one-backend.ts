/** Stands in for ../backends.ts over the installed package, which has the one backend that the host lets it have. */

import { kernelBackend } from "hawser/codec";
import { describe } from "./runner.js";

const backend = kernelBackend();

export function eachBackend(name: string, body: (kernel: () => never, backend: string) => void): void {
  describe(`${name} (${backend})`, () => {
    body(() => {
      throw new Error("the package does not export its kernel");
    }, backend);
  });
}
