/** What a case sends: frames to the byte, legal or not, and how they leave. */

import { deflateRawSync, constants as zlib } from "node:zlib";
import {
  BINARY,
  CLOSE,
  CONTINUATION,
  closeBody,
  concat,
  type FrameSpec,
  frame,
  type Key,
  PING,
  PONG,
  TEXT,
} from "../support/frames.js";
import { randomNumbers } from "../support/property.js";
import type { Writing } from "./case.js";
import type { Tester } from "./tester.js";

/** RSV1 among the three bits (§5.2). */
export const RSV1 = 4;
/** §7.2.1 of RFC 7692: length of the octets that are removed from the end of a message. */
const TAIL_LENGTH = 4;
const WINDOW = 32_768;
/** Octets that leave one by one; the rest of a long case leaves in pieces that fit no power of two. */
const SINGLES = 600;
const PIECE = 997;
/** A write that is larger is cut, so that both sides can read while the other writes. */
const LARGEST = 1 << 16;

type Content = string | Uint8Array;

const bytesOf = (content: Content): Uint8Array =>
  typeof content === "string" ? Buffer.from(content) : content;

/** Agreed on by the handshake, for what the tester compresses. */
export interface Compression {
  readonly windowBits: number;
  readonly takeover: boolean;
}

export class Sender {
  readonly #tester: Tester;
  readonly #masks: boolean;
  readonly #writing: Writing;
  readonly #compression: Compression | undefined;
  readonly #random: () => number;
  #bytes: Uint8Array[] = [];
  #history: Uint8Array = new Uint8Array(0);
  #keys = 0;
  /** Whether nothing follows what the case sends. */
  isOpenEnded = false;

  constructor(
    tester: Tester,
    masks: boolean,
    writing: Writing,
    compression: Compression | undefined,
    seed: number,
  ) {
    this.#tester = tester;
    this.#masks = masks;
    this.#writing = writing;
    this.#compression = compression;
    this.#random = randomNumbers(seed);
  }

  /** Whether the tester is a client, which masks. */
  get masks(): boolean {
    return this.#masks;
  }

  /** Another key for each frame; a zero byte in some. */
  #key(): Key {
    const n = ++this.#keys;
    return [(0x37 * n) & 0xff, 0xfa ^ (n & 0xff), n % 5 === 0 ? 0 : 0x21, (0x3d + n) & 0xff];
  }

  /** One frame, masked as the role demands unless the case says how. */
  frame(spec: FrameSpec): this {
    const key = "key" in spec || !this.#masks ? {} : { key: this.#key() };
    return this.raw(frame({ ...key, ...spec }));
  }

  raw(bytes: Uint8Array): this {
    this.#bytes.push(bytes);
    return this;
  }

  text(content: Content, fin = true): this {
    return this.frame({ opcode: TEXT, payload: bytesOf(content), fin });
  }

  binary(content: Uint8Array, fin = true): this {
    return this.frame({ opcode: BINARY, payload: content, fin });
  }

  /** A fragment behind the first. */
  more(content: Content, fin = false): this {
    return this.frame({ opcode: CONTINUATION, payload: bytesOf(content), fin });
  }

  /** The last fragment. */
  last(content: Content): this {
    return this.more(content, true);
  }

  ping(content: Content = ""): this {
    return this.frame({ opcode: PING, payload: bytesOf(content) });
  }

  pong(content: Content = ""): this {
    return this.frame({ opcode: PONG, payload: bytesOf(content) });
  }

  close(code?: number, reason: Content = ""): this {
    const payload = code === undefined ? new Uint8Array(0) : closeBody(code, bytesOf(reason));
    return this.frame({ opcode: CLOSE, payload });
  }

  /** A message in fragments of `length` bytes. */
  fragments(opcode: number, content: Content, length: number, rsv = 0): this {
    const bytes = bytesOf(content);
    for (let at = 0; at === 0 || at < bytes.length; at += length) {
      this.frame({
        opcode: at === 0 ? opcode : CONTINUATION,
        rsv: at === 0 ? rsv : 0,
        payload: bytes.subarray(at, at + length),
        fin: at + length >= bytes.length,
      });
    }
    return this;
  }

  /** The payload of a compressed message, as was agreed: it refers to those before. */
  deflated(content: Content): Uint8Array {
    const { windowBits, takeover } = this.#compression ?? { windowBits: 15, takeover: false };
    const bytes = bytesOf(content);
    const payload = deflateRawSync(bytes, {
      finishFlush: zlib.Z_SYNC_FLUSH,
      windowBits: Math.max(9, windowBits),
      ...(this.#history.length > 0 ? { dictionary: this.#history } : {}),
    });
    if (takeover) this.#history = concat([this.#history, bytes]).slice(-WINDOW);
    return payload.subarray(0, -TAIL_LENGTH);
  }

  /** A compressed message. */
  compressed(opcode: number, content: Content, fragmentLength = Infinity): this {
    return this.fragments(opcode, this.deflated(content), fragmentLength, RSV1);
  }

  /** Nothing is sent behind this: the other side has to end the connection. */
  stops(): this {
    this.isOpenEnded = true;
    return this;
  }

  /** Waits until so many messages came, or the connection ended. */
  answered(count: number): Promise<void> {
    return this.#tester.came(count);
  }

  /** Writes the collected bytes, at once or in pieces. Stops when the other side has ended the connection. */
  async flush(pieceLength?: number): Promise<void> {
    const bytes = concat(this.#bytes);
    this.#bytes = [];
    for (let at = 0; at < bytes.length && !this.#tester.isOver; ) {
      const left = bytes.length - at;
      const length = pieceLength === undefined ? this.#next(at, left) : Math.min(left, pieceLength);
      await this.#tester.write(bytes.subarray(at, at + length));
      at += length;
    }
  }

  #next(at: number, left: number): number {
    switch (this.#writing) {
      case "whole":
        return Math.min(left, LARGEST);
      case "octet by octet":
        return Math.min(left, at < SINGLES ? 1 : PIECE);
      case "random cuts": {
        const most = left < 2000 ? 40 : 20_000;
        return Math.min(left, 1 + (this.#random() % most));
      }
    }
  }
}
