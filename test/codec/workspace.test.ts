/** The workspace: one for each kernel, and who holds its window. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { FrameDecoder, kernelBackend } from "../../src/codec/index.js";
import { workspace } from "../../src/codec/workspace.js";
import * as layout from "../../src/kernel/generated/layout.js";
import { selectKernel } from "../../src/kernel/index.js";
import { eachBackend } from "../support/backends.js";
import { frame, KEY, stream, TEXT } from "../support/frames.js";
import { utf8 } from "../support/hex.js";

const two = () =>
  stream([
    { opcode: TEXT, payload: utf8("one"), key: KEY },
    { opcode: TEXT, payload: utf8("two"), key: KEY },
  ]);

eachBackend("workspace", (kernel, backend) => {
  it("is that of the kernel in use, and stays the same", () => {
    assert.equal(kernelBackend(), backend);
    assert.equal(workspace().kernel, kernel());
    assert.equal(workspace(), workspace());
  });

  it("gives views of the regions, of any length", () => {
    const space = workspace();
    for (const length of [0, 1, 1023, 1024, 1025, layout.WINDOW_LENGTH]) {
      for (const [view, address] of [
        [space.window(length), layout.WINDOW],
        [space.scratch(length), layout.SCRATCH],
      ] as const) {
        assert.deepEqual(
          [view.length, view.byteOffset, view.buffer],
          [length, address, kernel().bytes.buffer],
        );
      }
    }
  });

  it("asks the holder for its things before another takes the window, and only then", () => {
    const space = workspace();
    let evictions = 0;
    const holder = { evict: () => void evictions++ };
    const other = { evict: () => undefined };
    space.lease(holder);
    space.lease(holder);
    assert.equal(evictions, 0);
    space.lease(other);
    assert.equal(evictions, 1);
    space.lease(holder);
    assert.equal(evictions, 1);
    space.holder = undefined;
  });

  it("is held by a decoder with frames to read, and by none when all are read", () => {
    const decoder = new FrameDecoder({ role: "server" });
    decoder.push(two());
    assert.ok(decoder.next());
    assert.notEqual(workspace().holder, undefined);
    assert.ok(decoder.next());
    assert.equal(decoder.next(), false);
    assert.equal(workspace().holder, undefined);
  });

  it("keeps decoders apart although another kernel was in use meanwhile", () => {
    const decoder = new FrameDecoder({ role: "server" });
    decoder.push(two());
    assert.ok(decoder.next());
    selectKernel(backend === "wasm" ? "reference" : "wasm");
    const elsewhere = new FrameDecoder({ role: "client" });
    elsewhere.push(frame({ opcode: TEXT, payload: utf8("elsewhere") }));
    assert.ok(elsewhere.next());
    selectKernel(backend);
    const other = new FrameDecoder({ role: "client" });
    other.push(frame({ opcode: TEXT, payload: utf8("another text, at length") }));
    assert.ok(other.next());
    assert.equal(decoder.text(), "one");
    assert.ok(decoder.next());
    assert.equal(decoder.text(), "two");
    assert.equal(other.text(), "another text, at length");
    assert.equal(elsewhere.text(), "elsewhere");
    for (const one of [decoder, other, elsewhere]) assert.equal(one.next(), false);
  });
});
