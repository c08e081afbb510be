/**
 * Two backends, one behaviour: for all input, the reference and the compiled kernel leave the same
 * records, STATE, RESULT and bytes. And the door that chooses between them.
 */

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import * as layout from "../../src/kernel/generated/layout.js";
import { type Kernel, kernel, selectKernel } from "../../src/kernel/index.js";
import {
  arbitraryCuts,
  arbitraryFrames,
  arbitraryMutatedStream,
  arbitraryText,
  type Bytes,
  cutAt,
  stream,
} from "../support/frames.js";
import { utf8 } from "../support/hex.js";
import { copyState, FRESH, MID_MESSAGE, rescan, type SeenScan, type State, scan } from "../support/kernel.js";
import { itHolds, randomBytes, randomNumbers } from "../support/property.js";

const OPTIONS = [
  layout.OPTION_REQUIRE_MASK,
  layout.OPTION_FORBID_MASK,
  0,
  layout.OPTION_ALLOW_RSV1,
  layout.OPTION_REQUIRE_MASK | layout.OPTION_ALLOW_RSV1,
  layout.OPTION_MORE,
  layout.OPTION_MORE | layout.OPTION_ALLOW_RSV1,
];
const LIMITS = [Infinity, 1 << 20, 125, 65535, 0];

/** All that the contract of `scan` speaks of, scan after scan. */
function scanAll(
  of: Kernel,
  chunks: readonly Uint8Array[],
  options: number,
  limit: number,
  first: State = FRESH,
): unknown[] {
  const seen: unknown[] = [];
  let state = first;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += layout.WINDOW_LENGTH) {
      const piece = chunk.subarray(at, at + layout.WINDOW_LENGTH);
      let result = scan(of, piece, options, limit, state);
      seen.push(comparable(result));
      while (result.status === layout.STATUS_FULL) {
        // What OPTION_MORE left would be left again.
        result = rescan(of, result.position, piece.length, options & ~layout.OPTION_MORE, limit);
        seen.push(comparable(result));
      }
      if (result.status !== layout.STATUS_OK) return seen;
      state = copyState(of);
    }
  }
  return seen;
}

/** After a violation STATE tells only what a violation in a payload leaves missing of it. */
function comparable(seen: SeenScan): unknown {
  if (seen.status <= layout.STATUS_FULL) return seen;
  const { remaining } = seen.state;
  return {
    ...seen,
    state: seen.status === layout.STATUS_INVALID_UTF8 ? { remaining } : undefined,
    window: seen.window.subarray(0, Math.max(seen.position, 0)),
  };
}

function agree(bytes: Bytes, cuts: readonly number[], options: number, limit: number): void {
  const chunks = cutAt(bytes, cuts);
  for (const first of [FRESH, MID_MESSAGE]) {
    const reference = scanAll(selectKernel("reference"), chunks, options, limit, first);
    const wasm = scanAll(selectKernel("wasm"), chunks, options, limit, first);
    assert.deepEqual(wasm, reference);
  }
}

const arbitrarySettings = fc.tuple(arbitraryCuts, fc.constantFrom(...OPTIONS), fc.constantFrom(...LIMITS));

describe("scan: the backends agree", () => {
  itHolds(
    "on valid streams",
    200,
    fc.tuple(arbitraryFrames("server"), arbitrarySettings),
    ([frames, [cuts, options, limit]]) => agree(stream(frames), cuts, options, limit),
  );

  itHolds(
    "on valid streams without masks",
    100,
    fc.tuple(arbitraryFrames("client"), arbitrarySettings),
    ([frames, [cuts, options, limit]]) => agree(stream(frames), cuts, options, limit),
  );

  itHolds(
    "on streams with something wrong in them",
    500,
    fc.tuple(arbitraryMutatedStream("server"), arbitrarySettings),
    ([bytes, [cuts, options, limit]]) => agree(bytes, cuts, options, limit),
  );

  itHolds(
    "on any bytes",
    500,
    fc.tuple(fc.uint8Array({ maxLength: 80 }), arbitrarySettings),
    ([bytes, [cuts, options, limit]]) => agree(new Uint8Array(bytes), cuts, options, limit),
  );

  it("on text with one wrong byte, cut in two, at every place of a vector", () => {
    const random = randomNumbers(4);
    const wrongs = [0x80, 0xbf, 0xc0, 0xc3, 0xe0, 0xed, 0xf0, 0xf4, 0xff];
    const texts = ["x", "é", "水", "😀", "x水"].map((unit) => utf8(unit.repeat(80)).slice(0, 80));
    for (const text of texts) {
      for (let at = 0; at < text.length; at++) {
        const bytes = new Uint8Array(2 + text.length);
        bytes.set([0x81, text.length]);
        bytes.set(text, 2);
        bytes[2 + at] = wrongs[random() % wrongs.length];
        if (random() % 2) bytes[2 + ((at + 1) % text.length)] = wrongs[random() % wrongs.length];
        agree(bytes, [3 + at + (random() % 3)], 0, Infinity);
      }
    }
  });
});

describe("validateUtf8: the backends agree", () => {
  const run = (of: Kernel, bytes: Uint8Array, state: number) => {
    of.bytes.set(bytes, layout.SCRATCH);
    const after = of.validateUtf8(layout.SCRATCH, layout.SCRATCH + bytes.length, state);
    const position = of.words[(layout.RESULT + layout.RESULT_POSITION) >> 2];
    const ascii = of.words[(layout.RESULT + layout.RESULT_ASCII) >> 2];
    return { after, ascii, position: after === layout.UTF8_INVALID ? position : undefined };
  };
  const both = (bytes: Uint8Array, state = 0) => {
    const reference = run(selectKernel("reference"), bytes, state);
    assert.deepEqual(run(selectKernel("wasm"), bytes, state), reference);
    return reference.after;
  };

  itHolds(
    "on text cut anywhere, in the state between as well",
    500,
    fc.tuple(arbitraryText, fc.nat()),
    ([text, at]) => {
      const bytes = utf8(text);
      const cut = at % (bytes.length + 1);
      both(bytes.subarray(cut), both(bytes.subarray(0, cut)));
    },
  );

  it("on random bytes from every state, the invalid one aside", () => {
    const random = randomNumbers(5);
    const states = new Set([0]);
    for (let lead = 0xc2; lead <= 0xf4; lead++) {
      const state = both(Uint8Array.of(lead));
      states.add(state);
      for (const second of [0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf]) {
        const next = both(Uint8Array.of(second), state);
        if (next !== layout.UTF8_INVALID) states.add(next);
      }
    }
    assert.equal(states.size, 8, "between characters, and each way to be inside one");
    for (const state of states) {
      for (let round = 0; round < 300; round++) {
        const bytes = randomBytes(random, random() % 40);
        // Mostly continuation bytes at first, so that some get through.
        for (let i = 0; i < bytes.length && i < random() % 4; i++) bytes[i] = 0x80 | (bytes[i] & 0x3f);
        if (round % 3) for (let i = 3; i < bytes.length; i++) bytes[i] &= 0x7f;
        both(bytes, state);
      }
    }
  });
});

describe("the kernel's door", () => {
  it("keeps the backend that was selected, and makes each once", () => {
    for (const backend of ["reference", "wasm"] as const) {
      const selected = selectKernel(backend);
      assert.equal(selected.backend, backend);
      assert.equal(kernel(), selected);
      assert.equal(selectKernel(backend), selected);
    }
  });

  it("gives both the same amount of memory, seen by bytes and by words", () => {
    for (const backend of ["reference", "wasm"] as const) {
      const { bytes, words } = selectKernel(backend);
      assert.equal(bytes.buffer, words.buffer);
      assert.equal(bytes.length, 13 * 0x10000);
      assert.ok(layout.UTF16 + 2 * layout.WINDOW_LENGTH <= bytes.length);
    }
  });
});
