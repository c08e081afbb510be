/**
 * Frames as they pass, for subscribers of the channel `hawser:frame`. While there is one, headers are read a second time
 * here, out of the bytes that arrive and leave; without one, nothing here runs and no connection holds anything of it.
 */

import type { Opcode } from "../codec/index.js";
import type { Endpoint } from "../protocol/index.js";
import { channels } from "./diagnostics.js";
import { logFrames } from "./frame-log.js";

/** Bytes of a payload that a subscriber can see, at most. */
const SEEN_LENGTH = 0x10000;

/** The header of a frame, as far as subscribers are told of it. */
interface Header {
  readonly opcode: Opcode;
  readonly length: number;
  readonly fin: boolean;
  readonly rsv1: boolean;
  /** The four bytes that the payload is masked with; undefined: it is not. */
  readonly key: Uint8Array | undefined;
}

/** What the channel `hawser:frame` carries. */
class SeenFrame {
  readonly connection: unknown;
  readonly direction: "in" | "out";
  readonly opcode: Opcode;
  /** Bytes of the payload, as the header says. */
  readonly length: number;
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly #key: Uint8Array | undefined;
  #bytes: Uint8Array | undefined;

  constructor(connection: unknown, direction: "in" | "out", header: Header, bytes: Uint8Array) {
    this.connection = connection;
    this.direction = direction;
    this.opcode = header.opcode;
    this.length = header.length;
    this.fin = header.fin;
    this.rsv1 = header.rsv1;
    this.#key = header.key;
    this.#bytes = bytes;
  }

  /**
   * A copy of the payload's first 64 KiB, unmasked and as it is on the wire: compressed with `rsv1`. Undefined once the
   * subscriber has returned, for the chunk is then used again.
   */
  get payload(): Uint8Array | undefined {
    if (this.#bytes === undefined) return undefined;
    const key = this.#key;
    const copy = new Uint8Array(this.#bytes);
    if (key !== undefined) for (let i = 0; i < copy.length; i++) copy[i] ^= key[i & 3];
    return copy;
  }

  /** Ends the loan of the chunk. */
  release(): void {
    this.#bytes = undefined;
  }
}

/** Reads frames out of chunks that may be cut anywhere. */
class FrameReader {
  /** Bytes of a header that is not complete. */
  #head: number[] = [];
  #header: Header | undefined = undefined;
  /** Bytes of the payload that have not come. */
  #left = 0;
  /** The beginning of a payload that comes in several chunks; undefined once the frame was told. */
  #kept: Uint8Array[] | undefined = undefined;
  #keptLength = 0;

  /** @param tell - called when a frame is complete, or its first 64 KiB are. */
  read(chunk: Uint8Array, tell: (header: Header, bytes: Uint8Array) => void): void {
    for (let at = 0; at < chunk.length; ) {
      if (this.#header === undefined) {
        at = this.#readHeader(chunk, at);
        if (this.#header === undefined) return;
      }
      const header: Header = this.#header;
      const taken = Math.min(this.#left, chunk.length - at);
      const part = chunk.subarray(at, at + taken);
      at += taken;
      this.#left -= taken;
      if (this.#kept !== undefined) {
        const bytes = this.#collect(this.#kept, part);
        if (bytes !== undefined) {
          this.#kept = undefined;
          tell(header, bytes);
        }
      }
      if (this.#left === 0) this.#header = undefined;
    }
  }

  /** The payload, as much of it as is shown; undefined while more of it is to come. */
  #collect(kept: Uint8Array[], part: Uint8Array): Uint8Array | undefined {
    const wanted = part.subarray(0, SEEN_LENGTH - this.#keptLength);
    this.#keptLength += wanted.length;
    const isDone = this.#left === 0 || this.#keptLength === SEEN_LENGTH;
    if (isDone && kept.length === 0) return wanted;
    // The next chunk may lie where this one does.
    kept.push(new Uint8Array(wanted));
    return isDone ? Buffer.concat(kept) : undefined;
  }

  /** §5.2. Returns where the payload begins, or the chunk's end. */
  #readHeader(chunk: Uint8Array, from: number): number {
    const head = this.#head;
    for (let at = from; at < chunk.length; ) {
      head.push(chunk[at++]);
      const short = head[1] & 0x7f;
      const extended = short < 126 ? 0 : short === 126 ? 2 : 8;
      const isMasked = (head[1] & 0x80) !== 0;
      if (head.length < 2 || head.length < 2 + extended + (isMasked ? 4 : 0)) continue;
      const length =
        extended === 0 ? short : head.slice(2, 2 + extended).reduce((sum, byte) => sum * 256 + byte, 0);
      this.#header = {
        opcode: (head[0] & 0x0f) as Opcode,
        length,
        fin: (head[0] & 0x80) !== 0,
        rsv1: (head[0] & 0x40) !== 0,
        key: isMasked ? Uint8Array.from(head.slice(2 + extended)) : undefined,
      };
      this.#left = length;
      this.#kept = [];
      this.#keptLength = 0;
      this.#head = [];
      return at;
    }
    return chunk.length;
  }
}

function publish(connection: unknown, direction: "in" | "out", header: Header, bytes: Uint8Array): void {
  const frame = new SeenFrame(connection, direction, header, bytes);
  channels.frame.publish(frame);
  frame.release();
}

/** Where the reading of a connection's input stands. */
interface Reading {
  reader: FrameReader;
  /** Bytes of the stream that were read. */
  position: number;
}

const readings = new WeakMap<Endpoint, Reading>();

/**
 * Tells of the frames in a chunk that is about to be received. A subscriber that comes while a message is under way hears
 * of frames from the end of that message on.
 *
 * @param chunk - still as it came: masked.
 */
export function seeReceived(connection: unknown, endpoint: Endpoint, chunk: Uint8Array): void {
  // §5.5.1, §7.1.7: what comes now is not looked at.
  if (endpoint.closeCode !== undefined || endpoint.failed) return;
  let reading = readings.get(endpoint);
  if (reading?.position !== endpoint.bytesIn) {
    if (!endpoint.isBetweenMessages) return;
    reading = { reader: new FrameReader(), position: 0 };
    readings.set(endpoint, reading);
  }
  reading.position = endpoint.bytesIn + chunk.length;
  reading.reader.read(chunk, (header, bytes) => publish(connection, "in", header, bytes));
}

/** Tells of the frames in segments that are about to be written: whole frames. */
export function seeSent(connection: unknown, segments: readonly Uint8Array[]): void {
  const reader = new FrameReader();
  for (const segment of segments) {
    reader.read(segment, (header, bytes) => publish(connection, "out", header, bytes));
  }
}

/** Whether the environment asks for the log. Some hosts refuse to say. */
function isAsked(): boolean {
  try {
    return !["", "0", undefined].includes(process.env.HAWSER_DEBUG);
  } catch {
    return false;
  }
}

// Here, and not in `frame-log.ts`: a bundler keeps this file where it keeps connections.
if (isAsked()) logFrames();
