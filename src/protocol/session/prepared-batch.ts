/** Prepared messages that are sent together. All receivers share one buffer with their frames. */

import type { PreparedMessage } from "./prepared-message.js";

/** A message of a batch. */
export interface BatchItem {
  readonly message: PreparedMessage;
  /** The same as the option of `send`. */
  readonly compress: boolean | undefined;
}

/** The frames of a batch as a server sends them, for one set of compression parameters. Immutable. */
export interface JoinedFrames {
  readonly frames: Uint8Array;
  /** The end position of each message's frame. */
  readonly ends: readonly number[];
  /** The messages whose frames are compressed, by position. */
  readonly compressed: ReadonlyMap<number, PreparedMessage>;
}

/** The settings that determine how a shared message is compressed. */
export interface BatchCompression {
  readonly windowBits: number;
  readonly level: number | undefined;
  readonly memLevel: number | undefined;
  readonly threshold: number;
}

const NONE: ReadonlyMap<number, PreparedMessage> = new Map();

export class PreparedBatch {
  readonly items: readonly BatchItem[];
  /** The length of the longest payload, in bytes. */
  readonly longest: number;
  #plain: JoinedFrames | undefined = undefined;
  /** Compressed frames by parameters, made at their first use. */
  #compressed: Map<string, JoinedFrames> | undefined = undefined;

  /** @param items - in the order of sending. The batch owns the array from now on. */
  constructor(items: readonly BatchItem[]) {
    this.items = items;
    this.longest = items.reduce((most, { message }) => Math.max(most, message.payload.length), 0);
  }

  /** The uncompressed frames. */
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

/** Joins frames. A single frame is returned without a copy. */
function join(frames: readonly Uint8Array[]): JoinedFrames {
  let length = 0;
  const ends = frames.map((frame) => (length += frame.length));
  if (frames.length === 1) return { frames: frames[0], ends, compressed: NONE };
  const joined = new Uint8Array(length);
  for (const [i, frame] of frames.entries()) joined.set(frame, ends[i] - frame.length);
  return { frames: joined, ends, compressed: NONE };
}

/** The frames except those at the positions `left`, as views of the buffer. */
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
