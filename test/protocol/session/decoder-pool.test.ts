/** The pool of decoders: each goes to endpoints of its own kind, and carries nothing from one stream to another. */

import assert from "node:assert/strict";
import { it } from "node:test";
import { selectKernel } from "../../../src/kernel/index.js";
import { giveDecoder, takeDecoder } from "../../../src/protocol/session/decoder-pool.js";
import { eachBackend } from "../../support/backends.js";
import { BINARY, frame, KEY, TEXT } from "../../support/frames.js";
import { hex, toHex, utf8 } from "../../support/hex.js";

type Kind = Parameters<typeof takeDecoder>;
/** The kinds of this test, by limits that no other has. */
const KINDS: readonly Kind[] = (["server", "client"] as const).flatMap((role) =>
  [1001, 1002].flatMap((maxFrameSize) =>
    [false, true].map((allowRsv1): Kind => [role, maxFrameSize, allowRsv1, 0]),
  ),
);
const bytesFor = ([role]: Kind, rsv: number) =>
  frame({ opcode: BINARY, rsv, payload: utf8("payload"), ...(role === "server" ? { key: KEY } : {}) });

eachBackend("the pool of decoders", (_kernel, backend) => {
  it("gives each kind its own: role, limit and RSV1", () => {
    for (const kind of KINDS) {
      giveDecoder(takeDecoder(...kind));
    }
    // All are there now; each must be what it is asked for as.
    for (let round = 0; round < 3; round++) {
      for (const kind of [...KINDS].sort(() => (round % 2 ? 1 : -1))) {
        const [, , allowRsv1] = kind;
        const pooled = takeDecoder(...kind);
        const { decoder } = pooled;
        decoder.push(bytesFor(kind, 4));
        assert.equal(decoder.next(), allowRsv1, `RSV1, ${kind}`);
        if (!allowRsv1) {
          assert.equal(decoder.error?.code, "WS_ERR_UNEXPECTED_RSV_1");
          continue;
        }
        assert.equal(toHex(decoder.payload), toHex(utf8("payload")));
        assert.equal(decoder.next(), false);
        giveDecoder(pooled);
      }
    }
  });

  it("gives the same one again, with the offset of its new stream", () => {
    const kind: Kind = ["client", 1003, true, 500];
    const first = takeDecoder(...kind);
    first.decoder.push(bytesFor(kind, 0));
    assert.ok(first.decoder.next() && !first.decoder.next(), "one frame");
    giveDecoder(first);
    const again = takeDecoder("client", 1003, true, 7000);
    assert.equal(again, first);
    const second = again.decoder;
    second.push(frame({ opcode: TEXT, payload: utf8("x") }));
    assert.ok(second.next(), "a frame");
    assert.equal(second.frameOffset, 7000);
    second.push(frame({ opcode: TEXT, rsv: 2, payload: hex("") }));
    assert.equal(second.next(), false);
    assert.equal(second.error?.offset, 7000 + 3);
    assert.notEqual(takeDecoder("client", 1003, true, 0), first, "it was taken");
  });

  it("gives none that belongs to another kernel", () => {
    const kind: Kind = ["server", 1004, true, 0];
    const pooled = takeDecoder(...kind);
    giveDecoder(pooled);
    selectKernel(backend === "wasm" ? "reference" : "wasm");
    const other = takeDecoder(...kind);
    assert.notEqual(other, pooled);
    other.decoder.push(bytesFor(kind, 4));
    assert.ok(other.decoder.next(), "and it works");
    selectKernel(backend);
  });

  it("keeps eight, the latest", () => {
    const limits = Array.from({ length: 10 }, (_, i) => 2000 + i);
    const decoders = limits.map((limit) => takeDecoder("client", limit, false, 0));
    for (const decoder of decoders) giveDecoder(decoder);
    const kept = limits.map((limit, i) => takeDecoder("client", limit, false, 0) === decoders[i]);
    assert.deepEqual(kept, [false, false, ...new Array<boolean>(8).fill(true)]);
  });
});
