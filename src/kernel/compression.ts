/**
 * Instances of the compression module, each with a memory of its own. The module is compiled at its first use and
 * there is no twin of it in TypeScript: where WebAssembly is forbidden there is no compression.
 */

import { instantiateSync } from "@assemblyscript/loader";
import { COMPRESSION_BYTES } from "./generated/compression-bytes.js";
import { decodeBase64 } from "./instance.js";

/** Addresses are byte offsets into `bytes`; the map is `compression-layout.ts`. */
export interface CompressionKernel {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  /** Prepares a block for a stream to inflate; returns its length in bytes. See `assembly/deflate/inflate.ts`. */
  inflateInit(block: number, windowBits: number, capacity: number): number;
  /** Inflates bytes of INPUT; returns an INFLATE_ or STATUS_ number. See `assembly/deflate/inflate.ts`. */
  inflate(block: number, start: number, end: number): number;
  /** Prepares a block for a stream to deflate; returns its length in bytes. See `assembly/deflate/deflate.ts`. */
  deflateInit(block: number, windowBits: number, level: number, hashBits: number, capacity: number): number;
  /** The length that `deflateInit` returns, without preparing anything. */
  deflateLength(windowBits: number, level: number, hashBits: number, capacity: number): number;
  /** Deflates the bytes written behind the history; returns the number of bytes in OUTPUT. See `assembly/deflate/deflate.ts`. */
  deflate(block: number, length: number, flush: number): number;
  /** Drops the history. */
  deflateReset(block: number): void;
  /** Makes room in the window by dropping bytes that no distance reaches. */
  deflateSlide(block: number): void;
  /** Adds the bytes written behind the history to it, without deflating them. */
  deflateSkip(block: number, length: number): void;
  /** Drops the end of the history: a message that was deflated and not sent. */
  deflateDrop(block: number, length: number): void;
  /** Validates a range from a state; returns the next state. See `assembly/frame/utf8.ts`. */
  validateUtf8(start: number, end: number, state: number): number;
}

let compiled: WebAssembly.Module | undefined;

/** Makes instances of a given compiled module from now on. */
export function setCompressionModule(wasm: object): void {
  compiled = wasm as WebAssembly.Module;
}

/**
 * A new instance.
 *
 * @throws as `instantiateKernel` does.
 */
export function instantiateCompression(): CompressionKernel {
  compiled ??= new WebAssembly.Module(decodeBase64(COMPRESSION_BYTES));
  const { exports } = instantiateSync<Record<string, unknown>>(compiled);
  const { memory, ...all } = exports as unknown as CompressionKernel & { memory: WebAssembly.Memory };
  const { inflateInit, inflate, validateUtf8 } = all;
  const { deflateLength, deflateInit, deflate, deflateReset, deflateSlide, deflateSkip, deflateDrop } = all;
  return {
    bytes: new Uint8Array(memory.buffer),
    words: new Int32Array(memory.buffer),
    inflateInit,
    inflate,
    deflateLength,
    deflateInit,
    deflate,
    deflateReset,
    deflateSlide,
    deflateSkip,
    deflateDrop,
    validateUtf8,
  };
}
