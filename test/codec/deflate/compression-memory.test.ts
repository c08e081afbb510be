/** Blocks in shards: taken, given back, forgotten; what they cost; and a host without WebAssembly. */

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { describe, it } from "node:test";
import { setImmediate } from "node:timers/promises";
import {
  type Block,
  deflateLength,
  giveBlock,
  type Holding,
  type Shard,
  takeBlock,
  watchHolding,
} from "../../../src/codec/deflate/compression-memory.js";
import { Compressor, Decompressor, decompress, isCompressionAvailable } from "../../../src/codec/index.js";
import { BLOCKS, BLOCKS_END } from "../../../src/kernel/index.js";
import { sample } from "../../support/corpus.js";
import { collectGarbage } from "../../support/memory.js";
import { deflateAlone } from "../../support/zlib-streams.js";

/** A length that no other test uses, so that a test sees the shards from their beginning. */
let lastLength = 700_000;
const freshLength = () => (lastLength += 1000);

const take = (count: number, length: number) => Array.from({ length: count }, () => takeBlock(length));
const shardsOf = (blocks: readonly Block[]) => new Set(blocks.map(({ shard }) => shard));

describe("takeBlock and giveBlock", () => {
  it("give blocks that lie apart, in BLOCKS, at lines of the cache", () => {
    for (const length of [freshLength(), 100_001]) {
      const blocks = take(40, length);
      for (const shard of shardsOf(blocks)) {
        const own = blocks.filter((block) => block.shard === shard).sort((a, b) => a.address - b.address);
        let end = BLOCKS;
        for (const { address } of own) {
          assert.equal(address % 64, 0);
          assert.ok(address >= end, `${address} begins before ${end}`);
          end = address + length;
        }
        assert.ok(end <= BLOCKS_END, "the last one ends in BLOCKS");
      }
      blocks.forEach(giveBlock);
    }
  });

  it("fill a shard before they begin another", () => {
    const length = freshLength();
    const perShard = Math.floor((BLOCKS_END - BLOCKS) / (Math.ceil(length / 64) * 64));
    assert.equal(perShard, 5);
    assert.deepEqual(
      [perShard, perShard + 1].map((count) => {
        const blocks = take(count, length);
        const { size } = shardsOf(blocks);
        blocks.forEach(giveBlock);
        return size;
      }),
      [1, 2],
    );
  });

  it("reuse returned blocks before new ones", () => {
    const length = freshLength();
    const [first, second, third] = take(3, length);
    giveBlock(second);
    const again = takeBlock(length);
    assert.deepEqual([again.shard === second.shard, again.address], [true, second.address]);
    [first, again, third].forEach(giveBlock);
    assert.equal(takeBlock(length).address, third.address, "the last used block is warm");
  });

  it("keep one empty shard for each length, and drop the others", () => {
    const length = freshLength();
    const blocks = take(15, length);
    const before = shardsOf(blocks);
    assert.equal(before.size, 3);
    blocks.forEach(giveBlock);
    for (const shard of before) assert.ok(shard.isEmpty, "all were given back");
    const after = shardsOf(take(15, length));
    assert.equal([...after].filter((shard) => before.has(shard)).length, 1);
  });

  it("never give one block to two, in any order of return", () => {
    const length = freshLength();
    const held = new Map<string, Block>();
    const names = new Map<Shard, number>();
    for (let i = 0; i < 2000; i++) {
      const isTaking = held.size === 0 || ((i * 7919) % 100) + held.size < 75;
      if (isTaking) {
        const block = takeBlock(length);
        if (!names.has(block.shard)) names.set(block.shard, names.size);
        const key = `${names.get(block.shard)}:${block.address}`;
        assert.ok(!held.has(key), `${key} is taken`);
        held.set(key, block);
      } else {
        const key = [...held.keys()][(i * 104_729) % held.size];
        giveBlock(held.get(key)!);
        held.delete(key);
      }
    }
    assert.ok(names.size > 1, "more than one shard was needed");
    for (const block of held.values()) giveBlock(block);
  });
});

/** Runs finalizers, which wait for a turn of the event loop. */
async function untilFinalized(isDone: () => boolean): Promise<boolean> {
  for (let i = 0; i < 50 && !isDone(); i++) {
    collectGarbage();
    await setImmediate();
  }
  return isDone();
}

/** The shard that has blocks of this length, and has room. */
function shardFor(length: number): Shard {
  const block = takeBlock(length);
  giveBlock(block);
  return block.shard;
}

describe("watchHolding", () => {
  it("gives back what a stream holds when it is forgotten, and nothing of one that holds nothing", async () => {
    const length = freshLength();
    const blocks = take(2, length);
    const [{ shard }] = blocks;
    (() => {
      const holdings: Holding[] = blocks.map((block) => ({ block }));
      for (const holding of holdings) watchHolding({}, holding);
      holdings[1].block = undefined;
    })();
    await untilFinalized(() => false);
    assert.ok(!shard.isEmpty, "the second was not held any more");
    giveBlock(blocks[1]);
    assert.ok(shard.isEmpty, "the first came back");
  });

  /** Streams that their owner forgets without `release`; each leaves a block. */
  const payload = deflateAlone(sample("json", 200_000));
  const forgotten: readonly [name: string, begin: () => { retainedLength: number }][] = [
    [
      "a compressor",
      () => {
        const compressor = new Compressor({ windowBits: 11, level: 9, memLevel: 9 });
        compressor.compress("text");
        return compressor;
      },
    ],
    [
      "a compressor without context takeover, inside a message",
      () => {
        const compressor = new Compressor({ windowBits: 12, level: 9, memLevel: 9, contextTakeover: false });
        compressor.compress("text", false);
        return compressor;
      },
    ],
    [
      "a compressor that was to be used",
      () => {
        const compressor = new Compressor({ windowBits: 9, level: 9, memLevel: 9 });
        assert.ok(compressor.reserve(100), "there is memory");
        return compressor;
      },
    ],
    [
      "a decompressor",
      () => {
        const decompressor = new Decompressor({ windowBits: 11 });
        decompressor.decompress(deflateAlone(new Uint8Array(9)));
        return decompressor;
      },
    ],
    [
      "a decompressor without context takeover, that waits for the rest of a message",
      () => {
        const decompressor = new Decompressor({ windowBits: 12, contextTakeover: false });
        decompressor.decompress(deflateAlone(new Uint8Array(9)), false);
        return decompressor;
      },
    ],
    [
      "a decompressor without context takeover, that has seen too little for a piece",
      () => {
        const decompressor = new Decompressor({ windowBits: 13, contextTakeover: false });
        decompressor.decompress(Uint8Array.of(0xf2), false);
        return decompressor;
      },
    ],
    [
      "a decompressor without context takeover, with pieces unread",
      () => {
        const decompressor = new Decompressor({ windowBits: 15, contextTakeover: false });
        decompressor.push(payload);
        assert.ok(decompressor.next(), "a piece");
        return decompressor;
      },
    ],
    [
      "a decompressor without context takeover, whose last piece was read and no more asked for",
      () => {
        const decompressor = new Decompressor({ windowBits: 14, contextTakeover: false });
        decompressor.push(deflateAlone(new Uint8Array(9)));
        assert.ok(decompressor.next(), "a piece");
        assert.ok(decompressor.isLast, "the last");
        return decompressor;
      },
    ],
  ];
  for (const [name, begin] of forgotten) {
    it(`takes the memory of ${name} back`, async () => {
      const length = (() => begin().retainedLength)();
      const shard = shardFor(length);
      assert.ok(!shard.isEmpty, "it holds a block");
      assert.ok(await untilFinalized(() => shard.isEmpty), "it came back");
      // And was given back once: the next two get two.
      const [a, b] = take(2, length);
      assert.notEqual(a.address, b.address);
      [a, b].forEach(giveBlock);
    });
  }

  it("takes nothing twice from who has released it", async () => {
    const options = { windowBits: 10, level: 9, memLevel: 9 };
    const length = (() => {
      const compressor = new Compressor(options);
      compressor.compress("text");
      const { retainedLength } = compressor;
      compressor.release();
      compressor.release();
      return retainedLength;
    })();
    const kept = new Compressor(options);
    kept.compress("text");
    const shard = shardFor(length);
    await untilFinalized(() => false);
    assert.ok(!shard.isEmpty, "the second one has it now");
    kept.release();
  });
});

describe("deflateLength", () => {
  it("is the length of blocks, and grows with each of its arguments", () => {
    for (const [windowBits, level, hashBits, capacity] of [
      [8, 0, 8, 6400],
      [13, 1, 12, 14_336],
      [15, 9, 16, 61_440],
    ]) {
      const length = deflateLength(windowBits, level, hashBits, capacity);
      const { shard, address } = takeBlock(length);
      assert.equal(shard.kernel.deflateInit(address, windowBits, level, hashBits, capacity), length);
      giveBlock({ shard, address, length });
    }
    const base = deflateLength(13, 4, 12, 20_000);
    assert.ok(deflateLength(14, 4, 12, 20_000) > base, "chains");
    assert.ok(deflateLength(13, 4, 13, 20_000) > base, "hash");
    assert.ok(deflateLength(13, 4, 12, 21_000) > base, "window");
    assert.ok(deflateLength(13, 1, 12, 20_000) < base, "no chains");
    assert.ok(deflateLength(13, 0, 12, 20_000) < deflateLength(13, 1, 12, 20_000), "no hash");
    assert.equal(deflateLength(13, 4, 12, 20_000), base, "the same again");
  });
});

describe("memory", () => {
  it("of a connection is at most 64 KiB, as the protocol layer has it by default", () => {
    const compressor = new Compressor({ windowBits: 13 });
    const decompressor = new Decompressor();
    decompressor.decompress(compressor.compress("text"));
    const { retainedLength } = compressor;
    assert.ok(retainedLength <= 24 * 1024, `${retainedLength} bytes to compress`);
    assert.ok(decompressor.retainedLength <= 42 * 1024, `${decompressor.retainedLength} bytes to decompress`);
    assert.ok(retainedLength + decompressor.retainedLength <= 64 * 1024, "both");
    compressor.release();
    decompressor.release();
  });

  it("is not there before the first message, nor after release, nor between messages that remember nothing", () => {
    for (const contextTakeover of [true, false]) {
      const compressor = new Compressor({ contextTakeover });
      const decompressor = new Decompressor({ contextTakeover });
      const held = () => [compressor.retainedLength > 0, decompressor.retainedLength > 0];
      assert.deepEqual(held(), [false, false], "before");
      for (let i = 0; i < 3; i++) {
        const begun = compressor.compress("to be ", false);
        const ended = compressor.compress("continued");
        assert.deepEqual(held(), [contextTakeover, contextTakeover && i > 0]);
        decompressor.decompress(begun, false);
        assert.ok(decompressor.retainedLength > 0, "inside a message");
        decompressor.decompress(ended);
        assert.deepEqual(held(), [contextTakeover, contextTakeover]);
      }
      compressor.compress("to be continued", false);
      assert.ok(compressor.retainedLength > 0, "inside a message");
      for (let i = 0; i < 2; i++) {
        compressor.release();
        decompressor.release();
        assert.deepEqual(held(), [false, false], "released");
      }
      // A new stream begins, which refers to nothing before it.
      const text = "to be continued";
      assert.equal(Buffer.from(decompress(compressor.compress(text))).toString(), text);
      compressor.release();
    }
  });

  it("is given to the next stream as if it were new: nothing of the one before shows", () => {
    const secret = sample("text", 30_000, 5);
    for (const contextTakeover of [true, false]) {
      const first = new Decompressor({ contextTakeover });
      first.decompress(deflateAlone(secret), false);
      first.release();
      const compressor = new Compressor({ contextTakeover });
      compressor.compress(secret, false);
      compressor.release();
      // A match that reaches back to where the secret lies.
      const second = new Decompressor({ contextTakeover });
      assert.throws(
        () => second.decompress(Uint8Array.of(0x02, 0x02, 0x00)),
        /a distance that reaches back too far/,
      );
      const alone = new Compressor({ contextTakeover }).compress(secret.subarray(10_000, 11_000));
      assert.equal(Buffer.compare(decompress(alone), secret.subarray(10_000, 11_000)), 0);
    }
  });
});

describe("isCompressionAvailable", () => {
  it("says yes where there is WebAssembly", () => {
    assert.equal(isCompressionAvailable(), true);
  });

  /** What a program prints on a host whose WebAssembly is as `before` makes it. */
  function printed(before: string): string {
    const program = `
      const codec = await import(${JSON.stringify(new URL("../../../src/codec/index.ts", import.meta.url).href)});
      ${before}
      const tried = (act) => { try { return String(act()); } catch (error) { return String(error); } };
      console.log(codec.isCompressionAvailable(), codec.isCompressionAvailable());
      console.log(tried(() => codec.compress("x").length));
      console.log(tried(() => new codec.Decompressor().decompress(Uint8Array.of(0)).length));
      console.log(tried(() => codec.isValidUtf8(Uint8Array.of(0x61))), codec.kernelBackend());`;
    const args = ["--import", import.meta.resolve("tsx"), "--input-type=module", "--eval", program];
    const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8", timeout: 30_000 });
    assert.equal(stderr, "");
    return stdout;
  }

  it("says no where there is none, and everything else works", () => {
    const refusal = "Error: compression needs WebAssembly, which is not allowed here";
    const without = `false false\n${refusal}\n${refusal}\ntrue reference\n`;
    assert.equal(printed("delete globalThis.WebAssembly;"), without, "missing");
    const forbidden = "WebAssembly.Module = function () { throw new WebAssembly.CompileError('CSP'); };";
    assert.equal(printed(forbidden), without, "forbidden by a policy");
    assert.equal(printed(""), "true true\n3\n0\ntrue wasm\n", "and the test can fail");
  });
});
