/** Messages into DEFLATE data (RFC 1951) as RFC 7692 §7.2.1 says: one stream of them. Knows no frames. */

import {
  DEFLATE_CAPACITY,
  DEFLATE_POSITION,
  DEFLATE_WINDOW,
  DEFLATE_WINDOW_SIZE,
  OUTPUT,
} from "../../kernel/index.js";
import { assertBytes } from "../bytes.js";
import { allocate, copyOf, utf8Length, writable, writeUtf8 } from "../host.js";
import { PayloadBuffer } from "../payload-buffer.js";
import {
  type Block,
  deflateLength,
  giveBlock,
  type Holding,
  type Shard,
  takeBlock,
  watchHolding,
} from "./compression-memory.js";
import { assertInteger, assertWindowBits, DEFAULT_LEVEL } from "./compression-options.js";

export interface CompressorOptions {
  /** Size of the window, as a power of two: 8 (256 bytes) to 15 (32 KiB). Default 15. */
  readonly windowBits?: number | undefined;
  /** 0 stores, 1 is fastest, 6 about as tight as zlib by default, 9 tightest. Default 1. */
  readonly level?: number | undefined;
  /**
   * Size of the hash, 2 ** (`memLevel` + 8) bytes: 1 to 9. Default: as much as the window has; without context
   * takeover, where all streams share the memory, by the length of the message.
   */
  readonly memLevel?: number | undefined;
  /** Whether a message may refer to those before it (§7.2.1); then memory is held between them. Default true. */
  readonly contextTakeover?: boolean | undefined;
}

/** Room for new data behind the window, of a stream that holds its memory, and of one that does not. */
const HELD_ROOM = 0x1800;
const PASSING_ROOM = 0x7000;
/** From `memLevel` to bits of the hash, whose entries take two bytes each; and how many it has at least. */
const HASH_BITS = 7;
const LEAST_HASH_BITS = 9;
/** For a message that refers to no other: clearing a hash takes time, and a short message does not fill it. */
const SHORT_LENGTH = 0x1000;
const SHORT_HASH_BITS = 12;
const LONG_HASH_BITS = 15;
/** Positions in the window are numbers of 16 bits. */
const MOST_CAPACITY = 65_000;

/** What a flush ends with (§7.2.1): "Remove 4 octets (that are 0x00 0x00 0xff 0xff) from the tail end". */
const TAIL_LENGTH = 4;

/** UTF-8 takes at most three bytes for a UTF-16 unit. */
const MAX_BYTES_PER_UNIT = 3;

/**
 * Compresses the messages of one direction of a connection.
 *
 * ```ts
 * const compressor = new Compressor();
 * encoder.frame(Opcode.Text, compressor.compress("hello"), { rsv1: true });
 * compressor.release();
 * ```
 */
export class Compressor {
  /** Bytes of the last message before compression. */
  rawLength = 0;
  readonly #windowBits: number;
  readonly #level: number;
  /** Undefined: chosen by the length of the message. */
  readonly #hashBits: number | undefined;
  readonly #contextTakeover: boolean;
  readonly #holding: Holding = { block: undefined };
  /** Whether garbage collection gives the memory back if the owner never calls `release`. */
  #isWatched = false;

  /** @throws {TypeError | RangeError} for options that make no sense. */
  constructor(options: CompressorOptions = {}) {
    const { windowBits = 15, level = DEFAULT_LEVEL, memLevel, contextTakeover = true } = options;
    assertWindowBits(windowBits, "windowBits");
    assertInteger(level, "level", 0, 9);
    if (memLevel !== undefined) assertInteger(memLevel, "memLevel", 1, 9);
    this.#windowBits = windowBits;
    this.#level = level;
    if (memLevel !== undefined) this.#hashBits = Math.max(LEAST_HASH_BITS, memLevel + HASH_BITS);
    else if (contextTakeover) this.#hashBits = Math.max(LEAST_HASH_BITS, windowBits - 1);
    this.#contextTakeover = contextTakeover;
  }

  /** Bytes of memory held between two messages: none before the first, and none without context takeover. */
  get retainedLength(): number {
    return this.#holding.block?.length ?? 0;
  }

  /**
   * Takes the memory that the next message needs, unless it is there.
   *
   * @param expected - how long that message is, in bytes or in UTF-16 units.
   * @returns false when the system has none; then `compress` would throw a RangeError.
   */
  reserve(expected: number): boolean {
    try {
      this.#holding.block ??= this.#begin(expected);
      this.#watch();
      return true;
    } catch (error) {
      if (error instanceof RangeError) return false;
      throw error;
    }
  }

  /**
   * Compresses a message or a fragment of one.
   *
   * @param data - a string (as UTF-8), or bytes, which stay as they are.
   * @param final - whether it ends the message. Default true.
   * @returns the payload of a frame; of the first frame RSV1 is to be set (§6). The caller's.
   * @throws {TypeError} for any other data.
   */
  compress(data: string | Uint8Array, final = true): Uint8Array {
    return copyOf(this.compressBorrowed(data, final));
  }

  /** The same, but the next call of any compressor or decompressor may overwrite the result: copy it at once. */
  compressBorrowed(data: string | Uint8Array, final = true): Uint8Array {
    if (typeof data !== "string") assertBytes(data, "data to compress, if it is not a string,");
    const block = (this.#holding.block ??= this.#begin(data.length));
    let compressed: Uint8Array;
    try {
      compressed = this.#deflate(block, data, final);
    } catch (error) {
      // No memory for the output. The symbols of the current block lie in memory that all streams share.
      this.release();
      throw error;
    }
    if (final && !this.#contextTakeover) this.release();
    else this.#watch();
    return compressed;
  }

  /** @param expected - the length of the first message. */
  #begin(expected: number): Block {
    const hashBits = this.#hashBits ?? (expected <= SHORT_LENGTH ? SHORT_HASH_BITS : LONG_HASH_BITS);
    const windowSize = 1 << this.#windowBits;
    const room = this.#contextTakeover ? HELD_ROOM : PASSING_ROOM;
    const capacity = Math.min(windowSize + room, MOST_CAPACITY);
    const length = deflateLength(this.#windowBits, this.#level, hashBits, capacity);
    const block = takeBlock(length);
    block.shard.kernel.deflateInit(block.address, this.#windowBits, this.#level, hashBits, capacity);
    return block;
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    watchHolding(this, this.#holding);
  }

  #deflate(block: Block, data: string | Uint8Array, final: boolean): Uint8Array {
    const { shard, address } = block;
    const { kernel } = shard;
    if (typeof data === "string" && this.#fits(block, data)) {
      this.rawLength = writeUtf8(data, shard.memory, positionOf(block));
      return output(shard, kernel.deflate(address, this.rawLength, FLUSH), final);
    }
    const bytes = typeof data === "string" ? encode(data) : data;
    this.rawLength = bytes.length;
    let parts: PayloadBuffer | undefined;
    for (let start = 0; ; ) {
      const length = Math.min(makeRoom(block, bytes.length - start), bytes.length - start);
      const isLast = start + length === bytes.length;
      const piece = length === bytes.length ? bytes : bytes.subarray(start, start + length);
      kernel.bytes.set(piece, positionOf(block));
      const part = output(shard, kernel.deflate(address, length, isLast ? FLUSH : 0), isLast && final);
      start += length;
      if (isLast && parts === undefined) return part;
      parts ??= new PayloadBuffer();
      parts.append(part, 0, true);
      if (isLast) return parts.take();
    }
  }

  /** Whether a string fits behind the history even if each character takes three bytes. */
  #fits(block: Block, text: string): boolean {
    const most = text.length * MAX_BYTES_PER_UNIT;
    const room = makeRoom(block, most);
    return most <= room || (text.length <= room && utf8Length(text) <= room);
  }

  /**
   * Takes the message that was compressed last out of the history: the peer will not get it compressed. For a
   * message in one call of `compress`.
   */
  drop(): void {
    const { block } = this.#holding;
    if (block !== undefined) block.shard.kernel.deflateDrop(block.address, this.rawLength);
  }

  /** Takes bytes into the history that the peer gets in a message that something else compressed. */
  skip(bytes: Uint8Array): void {
    const { block } = this.#holding;
    // Distances are counted from the end, so a stream that has not begun need not know the earlier bytes.
    if (block === undefined) return;
    const { kernel } = block.shard;
    // What no distance reaches need not be kept.
    for (let start = Math.max(0, bytes.length - (1 << this.#windowBits)); start < bytes.length; ) {
      const length = Math.min(makeRoom(block, bytes.length - start), bytes.length - start);
      kernel.bytes.set(bytes.subarray(start, start + length), positionOf(block));
      kernel.deflateSkip(block.address, length);
      start += length;
    }
  }

  /** Gives the memory back. A message that is compressed later begins a stream that refers to none before. */
  release(): void {
    const { block } = this.#holding;
    if (block === undefined) return;
    this.#holding.block = undefined;
    giveBlock(block);
  }
}

const FLUSH = 1;

function field(block: Block, offset: number): number {
  return block.shard.kernel.words[(block.address + offset) >> 2];
}

/** The address where new data goes. */
function positionOf(block: Block): number {
  return field(block, DEFLATE_WINDOW) + field(block, DEFLATE_POSITION);
}

/** Room behind the history: at least as much as wanted, if there can be. */
function makeRoom(block: Block, wanted: number): number {
  const room = field(block, DEFLATE_CAPACITY) - field(block, DEFLATE_POSITION);
  if (room >= wanted || field(block, DEFLATE_POSITION) <= field(block, DEFLATE_WINDOW_SIZE)) return room;
  block.shard.kernel.deflateSlide(block.address);
  return field(block, DEFLATE_CAPACITY) - field(block, DEFLATE_POSITION);
}

/** The bytes in OUTPUT; without the tail, for the last part of a message. */
function output(shard: Shard, length: number, endsMessage: boolean): Uint8Array {
  return shard.view(OUTPUT, endsMessage ? length - TAIL_LENGTH : length);
}

function encode(text: string): Uint8Array {
  const bytes = allocate(utf8Length(text));
  writeUtf8(text, writable(bytes), 0);
  return bytes;
}
