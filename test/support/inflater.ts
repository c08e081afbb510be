/** One stream that is inflated by the kernel, as tests want it: bytes in, bytes out, and nothing else changed. */

import assert from "node:assert/strict";
import * as layout from "../../src/kernel/generated/compression-layout.js";
import { RESULT, RESULT_POSITION, RESULT_STATUS } from "../../src/kernel/generated/layout.js";
import type { CompressionKernel } from "../../src/kernel/index.js";
import { concat } from "./frames.js";

type Bytes = Uint8Array<ArrayBuffer>;

export interface Inflated {
  /** INFLATE_MORE or the error. */
  readonly status: number;
  readonly output: Bytes;
}

export interface InflaterOptions {
  /** Default 15. */
  readonly windowBits?: number;
  /** Bytes of the window beyond what distances reach. Default 64 KiB. */
  readonly room?: number;
  /** Where the block lies. Default: BLOCKS. */
  readonly block?: number;
  /** The fill of all unowned memory. Default: nothing is written there. */
  readonly garbage?: number;
}

/** Bytes before the input that the kernel may write. */
const BEFORE_INPUT = 1024;
/** Bytes behind the input that garbage is put into: more than is ever loaded. */
const BEHIND_INPUT = 64;

export class Inflater {
  readonly block: number;
  readonly length: number;
  /** How often the window had no room. */
  fullCount = 0;
  /** How often the history was moved to the beginning of the window. */
  slideCount = 0;
  #outputEnd = 0;
  readonly #kernel: CompressionKernel;
  readonly #garbage: number | undefined;

  constructor(kernel: CompressionKernel, options: InflaterOptions = {}) {
    const { windowBits = 15, room = 65536, block = layout.BLOCKS, garbage } = options;
    const capacity = (1 << windowBits) + room;
    this.#kernel = kernel;
    this.block = block;
    this.#garbage = garbage;
    const expected = layout.INFLATE_WINDOW + capacity + layout.INFLATE_SLACK;
    if (garbage !== undefined) kernel.bytes.fill(garbage, block, block + expected);
    this.length = kernel.inflateInit(block, windowBits, capacity);
    assert.equal(this.length, expected);
  }

  /** Inflates one chunk, which lies `offset` bytes into INPUT and is at most as long as the rest of that. */
  push(chunk: Uint8Array, offset = 0): Inflated {
    const { bytes } = this.#kernel;
    const start = layout.INPUT + offset;
    let end = start + chunk.length;
    if (this.#garbage !== undefined) {
      bytes.fill(this.#garbage, start - BEFORE_INPUT, start);
      bytes.fill(this.#garbage, end, end + BEHIND_INPUT);
      bytes.fill(this.#garbage, layout.INFLATE_TABLES, layout.INFLATE_TABLES + TABLES_THAT_DIE);
    }
    bytes.set(chunk, start);
    const outputs: Bytes[] = [];
    for (let from = start; ; ) {
      const status = this.#kernel.inflate(this.block, from, end);
      const position = this.#result(RESULT_POSITION);
      const outputStart = this.#result(layout.RESULT_OUTPUT_START);
      const outputEnd = this.#result(layout.RESULT_OUTPUT_END);
      const window = this.block + layout.INFLATE_WINDOW;
      assert.equal(this.#result(RESULT_STATUS), status);
      assert.ok(window <= outputStart && outputStart <= outputEnd, "output lies in the window");
      assert.ok(outputEnd <= this.block + this.length - layout.INFLATE_SLACK, "and ends there");
      outputs.push(bytes.slice(outputStart, outputEnd));
      if (outputStart < this.#outputEnd) this.slideCount++;
      this.#outputEnd = outputEnd;
      if (status !== layout.INFLATE_FULL) {
        if (status === layout.INFLATE_MORE) assert.equal(position, end);
        return { status, output: concat(outputs) };
      }
      this.fullCount++;
      assert.ok(outputEnd > outputStart, "a full window is full of something");
      assert.ok(from <= position && position <= end, "it goes on inside the input");
      from = position;
      if (this.fullCount % 2 === 0) {
        // The rest may lie elsewhere by then.
        bytes.copyWithin(start, from, end);
        end -= from - start;
        from = start;
      }
    }
  }

  /** Inflates one chunk after the other, up to the first error. */
  pushAll(chunks: readonly Uint8Array[]): Inflated {
    const outputs: Bytes[] = [];
    for (const chunk of chunks) {
      for (let from = 0; from === 0 || from < chunk.length; from += layout.INPUT_LENGTH) {
        const { status, output } = this.push(chunk.subarray(from, from + layout.INPUT_LENGTH));
        outputs.push(output);
        if (status !== layout.INFLATE_MORE) return { status, output: concat(outputs) };
      }
    }
    return { status: layout.INFLATE_MORE, output: concat(outputs) };
  }

  /** What the stream keeps of its input: nothing, if it stands between two blocks on a byte boundary. */
  get rest(): { readonly state: number; readonly bitOffset: number; readonly spill: Bytes } {
    const spill = this.block + layout.INFLATE_SPILL;
    return {
      state: this.#field(layout.INFLATE_STATE),
      bitOffset: this.#field(layout.INFLATE_BIT_OFFSET),
      spill: this.#kernel.bytes.slice(spill, spill + this.#field(layout.INFLATE_SPILL_LENGTH)),
    };
  }

  /** Whether nothing is under way. */
  get isAtBoundary(): boolean {
    const { state, bitOffset, spill } = this.rest;
    return state === layout.INFLATE_AT_BLOCK && bitOffset === 0 && spill.length === 0;
  }

  #field(offset: number): number {
    return this.#kernel.words[(this.block + offset) >> 2];
  }

  #result(offset: number): number {
    return this.#kernel.words[(RESULT + offset) >> 2];
  }
}

/** Bytes at the beginning of INFLATE_TABLES that hold nothing between two calls; constants lie behind them. */
const TABLES_THAT_DIE = 0x2b00;
