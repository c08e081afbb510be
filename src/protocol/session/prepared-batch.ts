/** Prepared messages that leave together: their frames in one buffer, the same for all who get them. */

import type { PreparedMessage } from "./prepared-message.js";

/** A message of a batch. */
export interface BatchItem {
  readonly message: PreparedMessage;
  /** As the option of `send`. */
  readonly compress: boolean | undefined;
}

/** The frames of a batch as a server sends them, for one agreement on compression. Never changed. */
export interface JoinedFrames {
  readonly frames: Uint8Array;
  /** Where the frame of each message ends. */
  readonly ends: readonly number[];
  /** The messages that are compressed in it, by position. */
  readonly compressed: ReadonlyMap<number, PreparedMessage>;
}

/** What decides how a message is compressed for many. */
export interface BatchCompression {
  readonly windowBits: number;
  readonly level: number | undefined;
  readonly memLevel: number | undefined;
  readonly threshold: number;
}

const NONE: ReadonlyMap<number, PreparedMessage> = new Map();

export class PreparedBatch {
  readonly items: readonly BatchItem[];
  /** Bytes of the longest payload. */
  readonly longest: number;
  #plain: JoinedFrames | undefined = undefined;
  /** By parameters, made when they are first needed. */
  #compressed: Map<string, JoinedFrames> | undefined = undefined;

  /** @param items - in the order in which they leave; the batch's from here on. */
  constructor(items: readonly BatchItem[]) {
    this.items = items;
    this.longest = items.reduce((most, { message }) => Math.max(most, message.payload.length), 0);
  }

  /** The frames, not compressed. */
  get plain(): JoinedFrames {
    this.#plain ??= join(this.items.map(({ message }) => message.frame));
    return this.#plain;
  }

  /** The frames for all connections with the same parameters and the same threshold. */
  compressed({ windowBits, level, memLevel, threshold }: BatchCompression): JoinedFrames {
    const key = `${windowBits} ${level} ${memLevel} ${threshold}`;
    this.#compressed ??= new Map();
    let joined = this.#compressed.get(key);
    if (joined === undefined) {
      const compressed = new Map<number, PreparedMessage>();
      const frames = this.items.map(({ message, compress }, position) => {
        const { length } = message.payload;
        const isWanted = length > 0 && (compress ?? length >= threshold);
        const shorter = isWanted ? message.compressed(windowBits, level, memLevel) : undefined;
        if (shorter !== undefined) compressed.set(position, message);
        return shorter?.frame ?? message.frame;
      });
      joined = { ...join(frames), compressed };
      this.#compressed.set(key, joined);
    }
    return joined;
  }
}

/** @returns the only one itself. */
function join(frames: readonly Uint8Array[]): JoinedFrames {
  let length = 0;
  const ends = frames.map((frame) => (length += frame.length));
  if (frames.length === 1) return { frames: frames[0], ends, compressed: NONE };
  const joined = new Uint8Array(length);
  for (const [i, frame] of frames.entries()) joined.set(frame, ends[i] - frame.length);
  return { frames: joined, ends, compressed: NONE };
}

/** The frames without those of some messages: views of what is between them. */
export function framesWithout({ frames, ends }: JoinedFrames, left: ReadonlySet<number>): Uint8Array[] {
  const found: Uint8Array[] = [];
  let start = 0;
  for (const [i, end] of ends.entries()) {
    if (!left.has(i)) continue;
    const from = i === 0 ? 0 : ends[i - 1];
    if (from > start) found.push(frames.subarray(start, from));
    start = end;
  }
  if (start < frames.length) found.push(start === 0 ? frames : frames.subarray(start));
  return found;
}
