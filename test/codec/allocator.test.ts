/** That large payloads raise the thresholds of glibc's allocator, once, unless told not to. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { describe, it } from "node:test";

interface Report {
  readonly header: { readonly glibcVersionRuntime?: string };
}

const isGlibc = (process.report?.getReport() as Report | undefined)?.header.glibcVersionRuntime !== undefined;
const hasThresholds = !Object.keys(process.env).some((name) => /^MALLOC_|^GLIBC_TUNABLES$/.test(name));

/**
 * Appends payloads of a length to a PayloadBuffer in a process of its own, and then allocates 16 MiB. Says whether these
 * lie in glibc's heap, which they do only beneath the threshold; else they are a mapping of their own.
 */
function isLargeBlockInHeap(length: number, before = ""): boolean {
  const codec = new URL("../../src/codec/index.ts", import.meta.url).href;
  const program = `
    import { readFileSync } from "node:fs";
    import { PayloadBuffer, setAllocatorWarming } from ${JSON.stringify(codec)};
    ${before}
    const regions = () => readFileSync("/proc/self/maps", "utf8").split("\\n").map((line) => {
      const [, start, end] = /^([0-9a-f]+)-([0-9a-f]+)/.exec(line) ?? [0, "0", "0"];
      return { length: Number.parseInt(end, 16) - Number.parseInt(start, 16), isHeap: line.endsWith("[heap]") };
    });
    const isFreed = () => regions().every(({ length }) => length < 32 * 2 ** 20 - 65536 || length > 32 * 2 ** 20);
    const buffer = new PayloadBuffer();
    for (let i = 0; i < 3; i++) {
      buffer.append(new Uint8Array(${length}), ${length}, true);
      buffer.take();
    }
    gc();
    while (!isFreed()) await new Promise((resolve) => setTimeout(resolve, 1));
    const heap = () => regions().find(({ isHeap }) => isHeap)?.length ?? 0;
    const least = heap();
    const block = Buffer.allocUnsafeSlow(16 * 2 ** 20);
    console.log(heap() - least > 8 * 2 ** 20, block.length);
  `;
  const flags = ["--import", "tsx", "--expose-gc", "--input-type=module", "-e", program];
  const said = execFileSync(process.execPath, flags, { encoding: "utf8", timeout: 60_000 });
  assert.match(said, /^(true|false) 16777216\n$/);
  return said.startsWith("true");
}

describe("the allocator of glibc", { skip: !(isGlibc && hasThresholds) }, () => {
  it("keeps large blocks in its heap once a payload of 64 KiB came", () => {
    assert.equal(isLargeBlockInHeap(65_536), true);
  });

  it("is left alone by smaller payloads", () => {
    assert.equal(isLargeBlockInHeap(20_000), false);
  });

  it("is left alone when told so, and not when told otherwise again", () => {
    assert.equal(isLargeBlockInHeap(1_000_000, "setAllocatorWarming(false);"), false);
    const again = "setAllocatorWarming(false); setAllocatorWarming(true);";
    assert.equal(isLargeBlockInHeap(1_000_000, again), true);
  });
});
