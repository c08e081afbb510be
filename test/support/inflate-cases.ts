/**
 * Streams of DEFLATE that are wrong in some way, mostly, and what zlib says of them: for the test of `inflate` and
 * for its soak.
 */

import assert from "node:assert/strict";
import zlib from "node:zlib";
import * as layout from "../../src/kernel/generated/compression-layout.js";
import type { CompressionKernel } from "../../src/kernel/index.js";
import { KINDS, type Kind, messages } from "./corpus.js";
import { DeflateWriter } from "./deflate-writer.js";
import { concat } from "./frames.js";
import { toHex } from "./hex.js";
import { Inflater } from "./inflater.js";
import { randomBytes } from "./property.js";

type Bytes = Uint8Array<ArrayBuffer>;
type Random = () => number;

const { Z_SYNC_FLUSH } = zlib.constants;

/** What zlib makes of a stream up to the end of its first final block, or of all its bytes. */
export function inflateByZlib(stream: Uint8Array): { output: Uint8Array; consumed: number } | undefined {
  const { stackTraceLimit } = Error;
  // What most streams with damage would cost.
  Error.stackTraceLimit = 0;
  try {
    const options = { finishFlush: Z_SYNC_FLUSH, info: true };
    const { buffer, engine } = zlib.inflateRawSync(stream, options) as unknown as {
      buffer: Buffer;
      engine: { bytesWritten: number };
    };
    return { output: buffer, consumed: engine.bytesWritten };
  } catch {
    return undefined;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** Lengths of a complete code for a few of `count` symbols, `needed` among them: a tree that grows at random. */
function randomCode(random: Random, count: number, needed: number): number[] {
  const lengths = new Array<number>(count).fill(0);
  const leaves = [1, 1];
  const most = 2 + (random() % Math.min(count - 2, random() & 1 ? 12 : 280));
  const deep = random() & 1;
  while (leaves.length < most) {
    const at = deep ? leaves.length - 1 : random() % leaves.length;
    if (leaves[at] === 15) break;
    leaves[at]++;
    leaves.push(leaves[at]);
  }
  lengths[needed] = leaves.pop()!;
  while (leaves.length > 0) {
    const symbol = random() % count;
    if (lengths[symbol] === 0) lengths[symbol] = leaves.pop()!;
  }
  return lengths;
}

/** A block with codes of any kind and a body that is noise. */
function dynamicNoise(random: Random): Bytes {
  const literals = randomCode(random, 257 + (random() % 30), 256);
  const distances = randomCode(random, 3 + (random() % 28), 0);
  if (random() % 8 === 0) literals[random() % literals.length] = random() & 15;
  if (random() % 8 === 0) distances[random() % distances.length] = random() & 15;
  if (random() % 16 === 0) distances.fill(0);
  const writer = new DeflateWriter();
  // Something that matches can reach.
  if (random() & 3) writer.stored(randomBytes(random, random() % 600));
  writer.dynamic(literals, distances, (random() & 1) === 1);
  return writer.bytes(randomBytes(random, random() % 200)).stream;
}

/** Streams that are right. */
export function makePool(random: Random, count: number): Bytes[] {
  return Array.from({ length: count }, () => {
    const kind: Kind = KINDS[random() % KINDS.length];
    const parts = messages(kind, 1 + (random() % (random() & 3 ? 300 : 4000)), 1 + (random() % 3), random());
    const options: zlib.ZlibOptions = {
      level: random() % 10,
      strategy: random() % 5,
      memLevel: 1 + (random() % 9),
    };
    if (random() & 1) return new Uint8Array(zlib.deflateRawSync(concat(parts), options));
    options.finishFlush = Z_SYNC_FLUSH;
    return concat(parts.map((part) => zlib.deflateRawSync(part, options)));
  });
}

/** A stream out of such a pool with damage, or one of another kind. */
export function makeStream(random: Random, pool: readonly Bytes[]): Bytes {
  const kind = random() % 16;
  if (kind === 0) return randomBytes(random, random() % 64);
  if (kind < 4) return dynamicNoise(random);
  const stream = pool[random() % pool.length].slice();
  if (kind < 6) return stream.slice(0, random() % (stream.length + 1));
  // Headers are where most can be wrong.
  for (let changes = 1 + (random() & 1); changes > 0 && stream.length > 0; changes--) {
    const at = random() % (random() & 1 ? stream.length : Math.min(stream.length, 80));
    if (random() & 3) stream[at] ^= 1 << (random() & 7);
    else stream[at] = random();
  }
  return kind === 6 ? stream.slice(0, random() % (stream.length + 1)) : stream;
}

/** Where the tested stream's block lies: far from its neighbours. */
const BLOCK = layout.BLOCKS + 0x20000;
const GUARD = 0x10000;

/** Memory that must not be written, filled with a recognizable pattern. */
function guards(kernel: CompressionKernel, blockLength: number): Uint8Array[] {
  const { bytes } = kernel;
  const slack = layout.INPUT + layout.INPUT_LENGTH + 128;
  const ranges = [
    [layout.DEFLATE_TABLES, layout.INPUT - 1024],
    [slack, layout.SYMBOLS],
    [BLOCK - GUARD, BLOCK],
    [BLOCK + blockLength, BLOCK + blockLength + GUARD],
  ];
  return ranges.map(([start, end]) => new Uint8Array(bytes.buffer, start, end - start));
}

/** Judges streams by zlib and the kernel, and compares. */
export class Judge {
  accepted = 0;
  readonly rejected = new Map<number, number>();
  readonly #kernel: CompressionKernel;
  readonly #guards: readonly Uint8Array[];
  readonly #guarded: readonly Uint8Array[];

  constructor(kernel: CompressionKernel, random: Random) {
    this.#kernel = kernel;
    const { length } = new Inflater(kernel, { block: BLOCK, room: 1024 });
    this.#guards = guards(kernel, length);
    for (const guard of this.#guards) guard.set(randomBytes(random, guard.length));
    this.#guarded = this.#guards.map((guard) => guard.slice());
  }

  /** Inflates a stream whole and in pieces, among different garbage. */
  judge(random: Random, stream: Uint8Array): void {
    const expected = inflateByZlib(stream);
    const judged = expected === undefined ? stream : stream.subarray(0, expected.consumed);
    const whole = new Inflater(this.#kernel, { block: BLOCK, room: 1024, garbage: random() & 0xff });
    const seen = whole.pushAll([judged]);
    const accepted = seen.status === layout.INFLATE_MORE;
    assert.equal(accepted, expected !== undefined, `status ${seen.status} for ${toHex(judged)}`);
    if (expected !== undefined && !Buffer.from(seen.output).equals(expected.output)) {
      assert.fail(`not what zlib inflates: ${toHex(judged)}`);
    }

    const pieces: Uint8Array[] = [];
    for (let at = 0; at < judged.length; ) {
      const length = random() & 7 ? 1 + (random() & 15) : 1 + (random() % judged.length);
      pieces.push(judged.subarray(at, at + length));
      at += length;
    }
    const cut = new Inflater(this.#kernel, { block: BLOCK, room: 1024, garbage: random() & 0xff });
    const again = cut.pushAll(pieces);
    assert.equal(
      again.status,
      seen.status,
      `cut at ${pieces.map((piece) => piece.length)}: ${toHex(judged)}`,
    );
    if (!Buffer.from(again.output).equals(seen.output)) {
      assert.fail(`other output when cut at ${pieces.map((piece) => piece.length)}: ${toHex(judged)}`);
    }
    if (accepted) this.accepted++;
    else this.rejected.set(seen.status, (this.rejected.get(seen.status) ?? 0) + 1);
  }

  /** Whether all streams so far left foreign memory alone. */
  checkGuards(): void {
    this.#guards.forEach((guard, i) => {
      assert.ok(Buffer.compare(guard, this.#guarded[i]) === 0, "nothing outside is written");
    });
  }
}
