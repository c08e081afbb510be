/** provideWebAssembly: the modules of this build are taken, and no others. */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  compress,
  decompress,
  encodeText,
  FrameDecoder,
  kernelBackend,
  provideWebAssembly,
} from "../../src/codec/index.js";
import { KERNEL_BYTES, KERNEL_STAMP } from "../../src/kernel/generated/bytes.js";
import { COMPRESSION_BYTES } from "../../src/kernel/generated/compression-bytes.js";
import { selectKernel } from "../../src/kernel/index.js";
import { decodeBase64 } from "../../src/kernel/instance.js";
import { utf8 } from "../support/hex.js";

const kernel = () => new WebAssembly.Module(decodeBase64(KERNEL_BYTES));
const compression = () => new WebAssembly.Module(decodeBase64(COMPRESSION_BYTES));

/** The kernel, but of another version. */
function otherKernel(): WebAssembly.Module {
  const bytes = decodeBase64(KERNEL_BYTES);
  const end = String.fromCharCode(...bytes.subarray(-KERNEL_STAMP.length));
  assert.equal(end, KERNEL_STAMP);
  bytes[bytes.length - 1] ^= 1;
  return new WebAssembly.Module(bytes);
}

describe("provideWebAssembly", () => {
  it("uses the modules from then on", () => {
    selectKernel("reference");
    provideWebAssembly({ kernel: kernel(), compression: compression() });
    assert.equal(kernelBackend(), "wasm");
    const decoder = new FrameDecoder({ role: "client" });
    decoder.push(encodeText("Grüße"));
    assert.equal(decoder.next(), true);
    assert.equal(decoder.text(), "Grüße");
    const text = utf8("again and again and again");
    assert.deepEqual(decompress(compress(text)), text);
  });

  it("refuses everything else, and then nothing has changed", () => {
    selectKernel("reference");
    const wrong: object[] = [compression(), otherKernel(), {}, decodeBase64(KERNEL_BYTES)];
    for (const given of wrong) {
      assert.throws(() => provideWebAssembly({ kernel: given }), TypeError);
      assert.throws(
        () => provideWebAssembly({ compression: given === wrong[0] ? kernel() : given }),
        TypeError,
      );
    }
    assert.throws(() => provideWebAssembly({ kernel: kernel(), compression: {} }), TypeError);
    assert.equal(kernelBackend(), "reference");
    provideWebAssembly({});
    assert.equal(kernelBackend(), "reference");
    selectKernel("wasm");
  });
});
