/**
 * zlib as the peer of a stream of compressed messages (RFC 7692 §7.2), without callbacks: what `ws` and browsers
 * are made of, and so the judge of what we send and the source of what we get.
 */

import zlib from "node:zlib";
import { concat } from "./frames.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** §7.2.1: what the end of a flush looks like, which is left out. */
export const TAIL = Uint8Array.of(0, 0, 0xff, 0xff);

const { Z_SYNC_FLUSH } = zlib.constants;

/** What zlib's streams have for their own synchronous functions. */
interface Synchronous {
  _processChunk(chunk: Uint8Array, flush: number): Buffer;
  reset(): void;
  close(): void;
}

abstract class ZlibStream {
  protected readonly stream: Synchronous;

  constructor(stream: zlib.InflateRaw | zlib.DeflateRaw) {
    this.stream = stream as unknown as Synchronous;
  }

  protected process(bytes: Uint8Array): Bytes {
    return new Uint8Array(this.stream._processChunk(bytes, Z_SYNC_FLUSH));
  }

  /** Forgets what was before. */
  reset(): void {
    this.stream.reset();
  }

  close(): void {
    this.stream.close();
  }
}

/** Decompresses messages. */
export class ZlibInflater extends ZlibStream {
  constructor(windowBits = 15) {
    super(zlib.createInflateRaw({ windowBits }));
  }

  /** Throws for what is no DEFLATE data. */
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
