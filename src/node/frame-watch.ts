/**
 * Publishes each frame on the channel `hawser:frame`. While the channel has a subscriber, this module parses the frame
 * headers a second time from the bytes received and sent. Without a subscriber, it does not run and keeps no state.
 */

import type { Opcode } from "../codec/index.js";
import type { Endpoint } from "../protocol/index.js";
import { channels } from "./diagnostics.js";
import { logFrames } from "./frame-log.js";

/** The most bytes of a payload that a subscriber can see. */
const SEEN_LENGTH = 0x10000;

/** The fields of a frame header that subscribers get, and the masking key. */
interface Header {
  readonly opcode: Opcode;
  readonly length: number;
  readonly fin: boolean;
  readonly rsv1: boolean;
  /** The four bytes of the masking key; undefined if the payload is not masked. */
  readonly key: Uint8Array | undefined;
}

/** The message of the channel `hawser:frame`. */
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
   * A copy of the payload's first 64 KiB: unmasked, but still compressed if `rsv1` is set. Undefined once the
   * subscriber has returned, because the chunk's memory is then reused.
   */
  get payload(): Uint8Array | undefined {
    if (this.#bytes === undefined) return undefined;
    const key = this.#key;
    const copy = new Uint8Array(this.#bytes);
    if (key !== undefined) for (let i = 0; i < copy.length; i++) copy[i] ^= key[i & 3];
    return copy;
  }

  /** Drops the chunk. `payload` is undefined from now on. */
  release(): void {
    this.#bytes = undefined;
  }
}

/** Parses frames from chunks, which may end anywhere in a frame. */
class FrameReader {
  /** Bytes of an incomplete header. */
  #head: number[] = [];
  #header: Header | undefined = undefined;
  /** Bytes of the payload that have not arrived yet. */
  #left = 0;
  /** The beginning of a payload that arrives in several chunks; undefined once the frame was published. */
  #kept: Uint8Array[] | undefined = undefined;
  #keptLength = 0;

  /** @param tell - called when a frame is complete, or when the first 64 KiB of its payload are. */
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

  /** Up to 64 KiB of the payload; undefined while more bytes must arrive. */
  #collect(kept: Uint8Array[], part: Uint8Array): Uint8Array | undefined {
    const wanted = part.subarray(0, SEEN_LENGTH - this.#keptLength);
    this.#keptLength += wanted.length;
    const isDone = this.#left === 0 || this.#keptLength === SEEN_LENGTH;
    if (isDone && kept.length === 0) return wanted;
    // The next chunk may reuse this chunk's memory.
    kept.push(new Uint8Array(wanted));
    return isDone ? Buffer.concat(kept) : undefined;
  }

  /** Parses a header (§5.2). Returns the position of the payload, or the chunk's end if the header is incomplete. */
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

/** The state of parsing a connection's input. */
interface Reading {
  reader: FrameReader;
  /** The position in the input after the last chunk, in bytes. */
  position: number;
}

const readings = new WeakMap<Endpoint, Reading>();

/**
 * Publishes the frames in a chunk before the endpoint receives it. If a subscriber is added in the middle of a message,
 * the first frame it gets is the one after that message.
 *
 * @param chunk - as it arrived: still masked.
 */
export function seeReceived(connection: unknown, endpoint: Endpoint, chunk: Uint8Array): void {
  // §5.5.1, §7.1.7: bytes after a Close or a failure are ignored.
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

/** Publishes the frames in segments that are about to be written. Together they hold whole frames. */
export function seeSent(connection: unknown, segments: readonly Uint8Array[]): void {
  const reader = new FrameReader();
  for (const segment of segments) {
    reader.read(segment, (header, bytes) => publish(connection, "out", header, bytes));
  }
}

/** Whether the environment variable turns the log on. Some hosts throw when it is read. */
function isAsked(): boolean {
  try {
    return !["", "0", undefined].includes(process.env.HAWSER_DEBUG);
  } catch {
    return false;
  }
}

// Done here and not in `frame-log.ts`, because bundlers keep this file in every program that has connections.
if (isAsked()) logFrames();
