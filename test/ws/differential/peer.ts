/** A peer that sends the bytes of a script, and logs received frames one by one. */

import { createHash } from "node:crypto";
import type { Duplex } from "node:stream";
import zlib from "node:zlib";
import { type FrameSpec, frame, type Key } from "../../support/frames.js";
import { format, withoutPort } from "./format.js";
import type { Journal } from "./journal.js";

/** The key of §1.3, and the requests of raw clients have it. */
export const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

export const MASK: Key = [1, 2, 3, 4];

const NAMES = ["continuation", "text", "binary", "?3", "?4", "?5", "?6", "?7", "close", "ping", "pong"];

/** §4.2.2: the answer to a key. */
export function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

/** What two runs cannot have in common. */
function normalized(head: string): string {
  return withoutPort(head)
    .replace(/^(sec-websocket-key: ).*$/im, "$1<key>")
    .replace(/^(date: ).*$/im, "$1<date>");
}

export interface PeerOptions {
  /** Whether a head of HTTP comes before the frames. */
  readonly head: boolean;
  /** Whether the script ends the peer's side itself. Else the peer ends when the other side has ended. */
  readonly manual?: boolean;
  /** Frames get this masking key. */
  readonly key?: Key | undefined;
}

export class RawPeer {
  readonly stream: Duplex;
  /** The head that came. */
  head = "";
  readonly #journal: Journal;
  readonly #lane: string;
  readonly #key: Key | undefined;
  #expects: "head" | "frames" | "body";
  #bytes: Buffer = Buffer.alloc(0);
  /** Chunks after these bytes, the length of all, and the length that the next frame needs. */
  readonly #chunks: Buffer[] = [];
  #length = 0;
  #wanted = 0;
  #history: Buffer = Buffer.alloc(0);
  #compressed: Buffer[] | undefined;

  constructor(journal: Journal, lane: string, stream: Duplex, { head, manual = false, key }: PeerOptions) {
    this.#journal = journal;
    this.#lane = lane;
    this.#key = key;
    this.stream = stream;
    this.#expects = head ? "head" : "frames";
    stream.on("data", (chunk: Buffer) => {
      this.#chunks.push(chunk);
      this.#length += chunk.length;
      // Long frames come in many chunks: they are put together once.
      if (this.#length < this.#wanted) return;
      this.#bytes = Buffer.concat([this.#bytes, ...this.#chunks.splice(0)]);
      this.#wanted = 0;
      this.#read();
      this.#length = this.#bytes.length;
    });
    stream.on("end", () => {
      if (this.#expects === "body") journal.say(lane, "body", this.#bytes.toString());
      if (manual) journal.say(lane, "end");
      else stream.end();
    });
    // How a connection breaks down depends on what the system had not delivered yet; that it did shows as "gone".
    stream.on("error", () => {});
    stream.on("close", () => journal.say(lane, "gone"));
  }

  /** The value of a field of the head. */
  field(name: string): string | undefined {
    return new RegExp(`^${name}: (.*)\r$`, "im").exec(this.head)?.[1];
  }

  write(...parts: readonly (string | Uint8Array)[]): void {
    this.stream.write(Buffer.concat(parts.map((part) => Buffer.from(part as Uint8Array))));
  }

  /** Sends frames in one chunk, masked if the peer is a client. A string as payload is text in UTF-8. */
  send(...specs: readonly Frame[]): void {
    this.write(...specs.map((spec) => bytesOf(spec, this.#key)));
  }

  #read(): void {
    if (this.#expects === "head") {
      const end = this.#bytes.indexOf("\r\n\r\n");
      if (end < 0) return;
      this.head = this.#bytes.subarray(0, end + 4).toString("latin1");
      this.#bytes = this.#bytes.subarray(end + 4);
      const answered = /^HTTP\/1\.1 (\d+)/.exec(this.head);
      this.#expects = answered === null || answered[1] === "101" ? "frames" : "body";
      this.#journal.say(this.#lane, "head");
      for (const line of normalized(this.head).trimEnd().split("\r\n"))
        this.#journal.note(this.#lane, " ", line);
      this.#journal.say(this.#lane, "head-end");
    }
    if (this.#expects === "frames") while (this.#readFrame()) {}
  }

  #readFrame(): boolean {
    const bytes = this.#bytes;
    if (bytes.length < 2) return false;
    let length = bytes[1] & 0x7f;
    let at = 2;
    if (length === 126) {
      if (bytes.length < 4) return false;
      length = bytes.readUInt16BE(2);
      at = 4;
    } else if (length === 127) {
      if (bytes.length < 10) return false;
      length = Number(bytes.readBigUInt64BE(2));
      at = 10;
    }
    const masked = (bytes[1] & 0x80) !== 0;
    if (masked) at += 4;
    if (bytes.length < at + length) {
      this.#wanted = at + length;
      return false;
    }
    const payload = Buffer.from(bytes.subarray(at, at + length));
    if (masked) for (let i = 0; i < length; i++) payload[i] ^= bytes[at - 4 + (i & 3)];
    this.#bytes = bytes.subarray(at + length);
    this.#logFrame(bytes[0], masked, payload);
    return true;
  }

  #logFrame(first: number, masked: boolean, payload: Buffer): void {
    const opcode = first & 0x0f;
    const fin = (first & 0x80) !== 0;
    const name = NAMES[opcode] ?? `?${opcode}`;
    const bits = [
      fin ? "fin" : "",
      (first & 0x70) === 0 ? "" : `rsv ${(first >> 4) & 7}`,
      masked ? "masked" : "",
    ];
    const say = (text: string) =>
      this.#journal.note(this.#lane, name, [...bits, text].filter((part) => part !== "").join(" "));
    if ((first & 0x40) !== 0 && opcode < 8) this.#compressed = [];
    if (this.#compressed !== undefined && opcode < 8) {
      this.#compressed.push(payload);
      // How far two compressors get differs; what they compressed must not.
      say(fin ? format(this.#inflate(this.#compressed)) : "part");
      if (fin) this.#compressed = undefined;
    } else if (opcode === 8 && payload.length >= 2) {
      say(`${payload.readUInt16BE(0)} ${format(payload.subarray(2).toString())}`);
    } else {
      say(opcode === 1 ? format(payload.toString()) : format(payload));
    }
  }

  #inflate(parts: readonly Buffer[]): string {
    const trailer = Buffer.from([0, 0, 0xff, 0xff]);
    const options = { finishFlush: zlib.constants.Z_SYNC_FLUSH, dictionary: this.#history };
    const inflated = zlib.inflateRawSync(Buffer.concat([...parts, trailer]), options);
    this.#history = Buffer.concat([this.#history, inflated]).subarray(-32768);
    return inflated.toString("latin1");
  }
}

export type Frame = Omit<FrameSpec, "payload"> & { readonly payload?: string | Uint8Array };

/** The bytes of a frame; the key is for those that do not say theirs. */
export function bytesOf({ payload = "", ...rest }: Frame, key?: Key): Buffer {
  const bytes = Buffer.from(payload as Uint8Array);
  return Buffer.from(frame({ key, ...rest, payload: bytes }));
}
