/**
 * Memory for streams that compress: each has a block in a shard, which is an instance of the compression module.
 * Shards serve blocks of one length, are made when they are needed and dropped when their last block is given
 * back; one that is empty is kept, so that streams without context takeover find a warm block for each message.
 */

import { BLOCKS, BLOCKS_END, type CompressionKernel, instantiateCompression } from "../../kernel/index.js";
import { createStringReader, type StringReader, writable } from "../host.js";

/** Blocks begin at multiples of this: a line of the cache. */
const ALIGNMENT = 64;

/** A memory with blocks of one length. */
export class Shard {
  readonly kernel: CompressionKernel;
  /** All of its memory, as `writeUtf8` wants it. */
  readonly memory: Uint8Array;
  readonly strings: StringReader;
  /** How often INPUT was written: who wrote last sees that by it, and is not kept alive. */
  stagings = 0;
  /** Bytes from one block to the next. */
  readonly #stride: number;
  /** Addresses of blocks that were given back; behind them `#next` was never given away. */
  readonly #free: number[] = [];
  #next = BLOCKS;
  #taken = 0;

  constructor(kernel: CompressionKernel, blockLength: number) {
    this.kernel = kernel;
    this.memory = writable(kernel.bytes);
    this.strings = createStringReader(kernel.bytes);
    this.#stride = Math.ceil(blockLength / ALIGNMENT) * ALIGNMENT;
  }

  get isEmpty(): boolean {
    return this.#taken === 0;
  }

  get isFull(): boolean {
    return this.#free.length === 0 && this.#next + this.#stride > BLOCKS_END;
  }

  take(): number {
    this.#taken++;
    const used = this.#free.pop();
    if (used !== undefined) return used;
    const address = this.#next;
    this.#next += this.#stride;
    return address;
  }

  give(address: number): void {
    this.#taken--;
    this.#free.push(address);
  }

  /** Bytes at an address; valid until they are overwritten. */
  view(address: number, length: number): Uint8Array {
    return new Uint8Array(this.kernel.bytes.buffer, address, length);
  }
}

/** A block of a shard, which is its holder's until `giveBlock`. */
export interface Block {
  readonly shard: Shard;
  readonly address: number;
  readonly length: number;
}

/** By the length of their blocks: shards that have room. */
const shards = /* @__PURE__ */ new Map<number, Shard[]>();
/** An instance that no shard has yet. */
let spareKernel: CompressionKernel | undefined;
let isAvailable: boolean | undefined;
/** What `deflateLength` said, by its arguments. */
const lengths = /* @__PURE__ */ new Map<number, number>();

/**
 * Whether there is compression here: it needs WebAssembly, and has no other implementation. Compiles the module at
 * its first call.
 */
export function isCompressionAvailable(): boolean {
  if (isAvailable !== undefined) return isAvailable;
  try {
    spareKernel = instantiateCompression();
    isAvailable = true;
    return true;
  } catch (error) {
    // Where there is no memory now there may be some later.
    if (!(error instanceof RangeError)) isAvailable = false;
    return false;
  }
}

/** There is another module for compression: there may be compression now, though there was none. */
export function forgetAvailability(): void {
  isAvailable = undefined;
}

/** Bytes that a block to deflate takes. */
export function deflateLength(windowBits: number, level: number, hashBits: number, capacity: number): number {
  const key = ((capacity * 32 + hashBits) * 16 + windowBits) * 16 + level;
  let length = lengths.get(key);
  if (length === undefined) {
    spareKernel = newKernel();
    length = spareKernel.deflateLength(windowBits, level, hashBits, capacity);
    lengths.set(key, length);
  }
  return length;
}

/**
 * A block for a stream. What it holds is what its last holder left; `inflateInit` and `deflateInit` say that it is
 * empty.
 *
 * @throws {Error} where there is no compression.
 */
export function takeBlock(length: number): Block {
  let withRoom = shards.get(length);
  if (withRoom === undefined) shards.set(length, (withRoom = []));
  let shard = withRoom.at(-1);
  if (shard === undefined) {
    shard = new Shard(newKernel(), length);
    withRoom.push(shard);
  }
  const address = shard.take();
  if (shard.isFull) withRoom.pop();
  return { shard, address, length };
}

function newKernel(): CompressionKernel {
  // Where that fails for want of memory, the next line says so.
  if (!isCompressionAvailable() && isAvailable === false) {
    throw new Error("compression needs WebAssembly, which is not allowed here");
  }
  const kernel = spareKernel ?? instantiateWhereThereIsRoom();
  spareKernel = undefined;
  return kernel;
}

function instantiateWhereThereIsRoom(): CompressionKernel {
  try {
    return instantiateCompression();
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    // A page has addresses for little more than a hundred memories: shards that wait for a stream give way.
    dropEmptyShards();
    return instantiateCompression();
  }
}

function dropEmptyShards(): void {
  for (const withRoom of shards.values()) {
    // In place: who takes a block holds the list.
    for (let i = withRoom.length - 1; i >= 0; i--) if (withRoom[i].isEmpty) withRoom.splice(i, 1);
  }
}

export function giveBlock({ shard, address, length }: Block): void {
  const withRoom = shards.get(length) as Shard[];
  const wasFull = shard.isFull;
  shard.give(address);
  // The last of the list is taken from first: those before it have time to become empty.
  if (wasFull) withRoom.unshift(shard);
  if (shard.isEmpty && withRoom.length > 1) withRoom.splice(withRoom.indexOf(shard), 1);
}

/** What a stream holds; apart from the stream, so that it is still known when the stream is garbage. */
export interface Holding {
  block: Block | undefined;
}

/** Gives back the memory of streams that were dropped without `release`. Some edge runtimes have no such registry. */
const forgotten =
  typeof FinalizationRegistry === "undefined"
    ? undefined
    : /* @__PURE__ */ new FinalizationRegistry<Holding>(({ block }) => {
        if (block !== undefined) giveBlock(block);
      });

/**
 * Gives back the memory that a stream holds by then, when the stream is garbage. Once for each stream: it takes
 * about as long as to inflate a short message.
 */
export function watchHolding(stream: object, holding: Holding): void {
  forgotten?.register(stream, holding);
}
