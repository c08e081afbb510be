/** Streams of `deflate` the way tests want them: bytes in, bytes out, pieces and slides in between. */

import type { CompressionKernel } from "../../src/kernel/compression.js";
import * as layout from "../../src/kernel/generated/compression-layout.js";
import { concat } from "./frames.js";

export interface Settings {
  readonly windowBits: number;
  readonly level: number;
  readonly hashBits: number;
  /** Of the window; else as small as may be. */
  readonly capacity?: number;
}

/** What a message ends with, and what RFC 7692 §7.2.1 has cut off. */
export const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);
/** What a block is full of before it is prepared. */
export const DIRT = 0xa5;

export class DeflateStream {
  readonly kernel: CompressionKernel;
  readonly block: number;
  /** Bytes of the block. */
  readonly length: number;
  readonly #pieces: number;

  /** @param pieces - how many bytes one call is given at most. */
  constructor(
    kernel: CompressionKernel,
    settings: Settings,
    pieces = Infinity,
    block: number = layout.BLOCKS,
  ) {
    const { windowBits, level, hashBits, capacity = (1 << windowBits) + 1024 } = settings;
    const length = kernel.deflateLength(windowBits, level, hashBits, capacity);
    kernel.bytes.fill(DIRT, block, block + length);
    this.length = kernel.deflateInit(block, windowBits, level, hashBits, capacity);
    this.kernel = kernel;
    this.block = block;
    this.#pieces = pieces;
  }

  field(offset: number): number {
    return this.kernel.words[(this.block + offset) >> 2];
  }

  get position(): number {
    return this.field(layout.DEFLATE_POSITION);
  }

  get windowAddress(): number {
    return this.field(layout.DEFLATE_WINDOW);
  }

  /** Deflates a whole message. */
  send(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
    const output: Uint8Array[] = [];
    let at = 0;
    do {
      const length = this.#put(bytes, at);
      at += length;
      output.push(this.call(length, at === bytes.length));
    } while (at < bytes.length);
    return concat(output);
  }

  /** One call, for bytes that were put into the window. */
  call(length: number, flush: boolean): Uint8Array<ArrayBuffer> {
    const made = this.kernel.deflate(this.block, length, flush ? 1 : 0);
    return this.kernel.bytes.slice(layout.OUTPUT, layout.OUTPUT + made);
  }

  skip(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const length = this.#put(bytes, at);
      this.kernel.deflateSkip(this.block, length);
      at += length;
    }
  }

  drop(length: number): void {
    this.kernel.deflateDrop(this.block, length);
  }

  reset(): void {
    this.kernel.deflateReset(this.block);
  }

  slide(): void {
    this.kernel.deflateSlide(this.block);
  }

  /** Puts bytes from `at` on behind the history, as many as may be; returns how many. */
  #put(bytes: Uint8Array, at: number): number {
    const wanted = Math.min(this.#pieces, bytes.length - at);
    const room = () => this.field(layout.DEFLATE_CAPACITY) - this.position;
    if (room() < wanted) this.slide();
    const length = Math.min(wanted, room());
    this.kernel.bytes.set(bytes.subarray(at, at + length), this.windowAddress + this.position);
    return length;
  }
}
