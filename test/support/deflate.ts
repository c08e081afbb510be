/** What tests of compressed messages need on both sides: parameters as if agreed on, frames, events as values. */

import { giveBlock, type Shard, takeBlock } from "../../src/codec/deflate/compression-memory.js";
import { Compressor, Decompressor } from "../../src/codec/index.js";
import type { DeflateParameters, Endpoint, Message } from "../../src/protocol/index.js";
import { CONTINUATION, concat, type FrameSpec, frame, KEY } from "./frames.js";
import { toHex } from "./hex.js";

/** RSV1 among the three bits (RFC 6455 §5.2). */
export const RSV1 = 4;

/** What the handshake might have agreed on: by default what it does without options. */
export function parameters(changes: Partial<DeflateParameters> = {}): DeflateParameters {
  return {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: 15,
    clientMaxWindowBits: 15,
    windowBits: 13,
    level: undefined,
    memLevel: undefined,
    threshold: undefined,
    ...changes,
  };
}

/** Bytes of frames as the peer of `role` sends them. */
export function fromPeer(
  role: "server" | "client",
  ...frames: readonly FrameSpec[]
): Uint8Array<ArrayBuffer> {
  return concat(frames.map((spec) => frame(role === "server" ? { ...spec, key: KEY } : spec)));
}

/** The frames of a compressed message whose payload is cut. */
export function compressedFrames(opcode: number, parts: readonly Uint8Array[]): FrameSpec[] {
  return parts.map((payload, i) => ({
    opcode: i === 0 ? opcode : CONTINUATION,
    rsv: i === 0 ? RSV1 : 0,
    fin: i === parts.length - 1,
    payload,
  }));
}

/** An event as a value that lasts: its type, "…" if more follows, and its data, of text as a string. */
export interface Seen {
  type: string;
  data: string;
}

export function see({ type, data, partial }: Message): Seen {
  const name = partial ? `${type}…` : type;
  return { type: name, data: typeof data === "string" ? toHex(Buffer.from(data)) : toHex(data) };
}

/** Joins events with the parts of messages: the sent messages, for every way of delivery. */
export class Events {
  readonly whole: Seen[] = [];
  /** How many events were parts that others followed. */
  partCount = 0;
  #open = "";

  add(event: Message): void {
    const { type, data } = see(event);
    const isControl = !/^(text|binary)/.test(type);
    if (isControl) {
      this.whole.push({ type, data });
    } else if (type.endsWith("…")) {
      this.#open += data;
      this.partCount++;
    } else {
      this.whole.push({ type, data: this.#open + data });
      this.#open = "";
    }
  }

  /** All events of an endpoint that can be had now. */
  drain(endpoint: Endpoint): this {
    for (let event: Message | null; (event = endpoint.nextEvent()) !== null; ) this.add(event);
    return this;
  }
}

/** Whole events in words: "text Hello", "binary 0001". */
export function inWords({ type, data }: Seen): string {
  const shown = type === "binary" ? data : Buffer.from(data, "hex").toString();
  return `${type} ${shown}`.trimEnd();
}

/** The shard that has blocks of this length, and has room. */
export function shardFor(length: number): Shard {
  const block = takeBlock(length);
  giveBlock(block);
  return block.shard;
}

/** How long the blocks are that a side with these parameters holds. */
export function blockLengths(
  own: { windowBits: number; level?: number; memLevel?: number },
  peerWindowBits: number,
) {
  const compressor = new Compressor(own);
  const decompressor = new Decompressor({ windowBits: peerWindowBits });
  decompressor.decompress(compressor.compress("x"));
  const lengths = [compressor.retainedLength, decompressor.retainedLength] as const;
  compressor.release();
  decompressor.release();
  return lengths;
}
