/**
 * zlib as the peer of a stream of compressed messages (RFC 7692 §7.2), without callbacks: what `ws` and browsers
 * are made of, and so the judge of our output and the source of our input.
 */

import zlib from "node:zlib";
import { concat } from "./frames.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** §7.2.1: what the end of a flush looks like, which is left out. */
export const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);

const { Z_SYNC_FLUSH } = zlib.constants;

/** The handle below zlib's streams, used here: it needs no turn of the event loop. */
export interface ZlibHandle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
  onerror: (message: string) => void;
}

const OUTPUT_LENGTH = 0x10000;

abstract class ZlibStream {
  readonly #stream: zlib.InflateRaw | zlib.DeflateRaw;
  readonly #handle: ZlibHandle;
  /** How much room and how much input the last call left. */
  readonly #left: Uint32Array;
  readonly #output = new Uint8Array(OUTPUT_LENGTH);
  #error: Error | undefined = undefined;

  constructor(stream: zlib.InflateRaw | zlib.DeflateRaw) {
    const { _handle, _writeState } = stream as unknown as { _handle: ZlibHandle; _writeState: Uint32Array };
    this.#stream = stream;
    this.#handle = _handle;
    this.#left = _writeState;
    _handle.onerror = (message) => {
      this.#error = new Error(message);
    };
  }

  protected process(bytes: Uint8Array): Bytes {
    const parts: Bytes[] = [];
    let at = 0;
    do {
      this.#handle.writeSync(Z_SYNC_FLUSH, bytes, at, bytes.length - at, this.#output, 0, OUTPUT_LENGTH);
      if (this.#error !== undefined) throw this.#error;
      parts.push(this.#output.slice(0, OUTPUT_LENGTH - this.#left[0]));
      at = bytes.length - this.#left[1];
    } while (this.#left[0] === 0);
    return concat(parts);
  }

  /** Forgets the history. */
  reset(): void {
    this.#stream.reset();
  }

  close(): void {
    this.#stream.close();
  }
}

/** Decompresses messages. */
export class ZlibInflater extends ZlibStream {
  constructor(windowBits = 15) {
    super(zlib.createInflateRaw({ windowBits }));
  }

  /** Throws for anything that is not DEFLATE data. */
  message(payload: Uint8Array, final = true): Bytes {
    return this.process(final ? concat([payload, TAIL]) : payload);
  }
}

/** Compresses messages. zlib takes a window of 8 bits for one of 9. */
export class ZlibDeflater extends ZlibStream {
  constructor(options: zlib.ZlibOptions = {}) {
    super(zlib.createDeflateRaw(options));
  }

  message(bytes: Uint8Array, final = true): Bytes {
    const payload = this.process(bytes);
    return final ? payload.slice(0, -TAIL.length) : payload;
  }
}

/** The payload of a message that refers to none before it. */
export function deflateAlone(bytes: Uint8Array, options: zlib.ZlibOptions = {}): Bytes {
  const flushed = zlib.deflateRawSync(bytes, { ...options, finishFlush: Z_SYNC_FLUSH });
  return new Uint8Array(flushed).slice(0, -TAIL.length);
}

/** And back. */
export function inflateAlone(payload: Uint8Array, windowBits = 15): Bytes {
  const options = { windowBits, finishFlush: Z_SYNC_FLUSH };
  return new Uint8Array(zlib.inflateRawSync(concat([payload, TAIL]), options));
}
