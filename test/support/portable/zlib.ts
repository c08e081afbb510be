/**
 * Stands in for `node:zlib` where there is none: pako, which is zlib in JavaScript, behind the few doors of Node's that
 * tests use. Everything is raw DEFLATE.
 */

import {
  Z_BUF_ERROR,
  Z_FINISH,
  Z_OK,
  Z_STREAM_END,
  Z_SYNC_FLUSH,
  ZStream,
  zlibDeflate,
  zlibDeflateInit2,
  zlibDeflateReset,
  zlibInflate,
  zlibInflateInit2,
  zlibInflateReset,
} from "pako";

type Bytes = Uint8Array<ArrayBuffer>;
type Step = typeof zlibDeflate;

interface Options {
  readonly level?: number;
  readonly windowBits?: number;
  readonly memLevel?: number;
  readonly strategy?: Parameters<typeof zlibDeflateInit2>[5];
  readonly finishFlush?: Parameters<Step>[1];
  readonly info?: boolean;
}

const Z_DEFLATED = 8;

function startDeflate({ level = -1, windowBits = 15, memLevel = 8, strategy = 0 }: Options): ZStream {
  const stream = new ZStream();
  // As Node does: zlib has no raw window of 8 bits.
  const status = zlibDeflateInit2(stream, level, Z_DEFLATED, -Math.max(9, windowBits), memLevel, strategy);
  if (status !== Z_OK) throw new RangeError(`deflateInit2 says ${status}`);
  return stream;
}

function startInflate({ windowBits = 15 }: Options): ZStream {
  const stream = new ZStream();
  const status = zlibInflateInit2(stream, -windowBits);
  if (status !== Z_OK) throw new RangeError(`inflateInit2 says ${status}`);
  return stream;
}

/** The names that Node gives to what a stream has below it. */
class SyncStream {
  readonly _writeState = new Uint32Array(2);
  readonly _handle = {
    onerror: (message: string): void => {
      throw new Error(message);
    },
    writeSync: (
      flush: Parameters<Step>[1],
      input: Bytes,
      inputOffset: number,
      inputLength: number,
      output: Bytes,
      outputOffset: number,
      outputLength: number,
    ): void => {
      const stream = this.#stream;
      stream.input = input;
      stream.next_in = inputOffset;
      stream.avail_in = inputLength;
      stream.output = output;
      stream.next_out = outputOffset;
      stream.avail_out = outputLength;
      const status = this.#step(stream, flush);
      this._writeState[0] = stream.avail_out;
      this._writeState[1] = stream.avail_in;
      if (![Z_OK, Z_STREAM_END, Z_BUF_ERROR].some((fine) => fine === status)) {
        this._handle.onerror(stream.msg || `zlib says ${status}`);
      }
    },
  };
  readonly #stream: ZStream;
  readonly #step: Step;
  readonly #reset: (stream: ZStream) => unknown;

  constructor(stream: ZStream, step: Step, reset: (stream: ZStream) => unknown) {
    this.#stream = stream;
    this.#step = step;
    this.#reset = reset;
  }

  reset(): void {
    this.#reset(this.#stream);
  }

  /** Its memory is the garbage collector's. */
  close(): void {}
}

const OUTPUT_LENGTH = 0x10000;

/** One stream to its end, or to that of the input. Throws for what zlib rejects, and for an end that is missing. */
function runAll(stream: ZStream, step: Step, input: Uint8Array, flush: Parameters<Step>[1]): Bytes {
  const parts: Bytes[] = [];
  stream.input = input;
  stream.avail_in = input.length;
  let status: ReturnType<Step>;
  do {
    stream.output = new Uint8Array(OUTPUT_LENGTH);
    stream.next_out = 0;
    stream.avail_out = OUTPUT_LENGTH;
    status = step(stream, flush);
    if (status !== Z_OK && status !== Z_STREAM_END && status !== Z_BUF_ERROR) {
      throw new Error(stream.msg || `zlib says ${status}`);
    }
    parts.push(stream.output.subarray(0, stream.next_out));
  } while (stream.avail_out === 0 && status !== Z_STREAM_END);
  if (flush === Z_FINISH && status !== Z_STREAM_END) throw new Error("unexpected end of file");
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

function inflateRawSync(bytes: Uint8Array, options: Options = {}): unknown {
  const stream = startInflate(options);
  const buffer = runAll(stream, zlibInflate, bytes, options.finishFlush ?? Z_FINISH);
  return options.info ? { buffer, engine: { bytesWritten: stream.total_in } } : buffer;
}

export default {
  constants: { Z_SYNC_FLUSH },
  createDeflateRaw: (options: Options = {}) =>
    new SyncStream(startDeflate(options), zlibDeflate, zlibDeflateReset),
  createInflateRaw: (options: Options = {}) =>
    new SyncStream(startInflate(options), zlibInflate, zlibInflateReset),
  deflateRawSync: (bytes: Uint8Array, options: Options = {}) =>
    runAll(startDeflate(options), zlibDeflate, bytes, options.finishFlush ?? Z_FINISH),
  inflateRawSync,
};
