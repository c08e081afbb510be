/** A capture, decoded as far as it goes. */

import type { Role } from "hawser/codec";
import { countBytes } from "../frame/describe.js";
import { type Frame, FrameStream } from "../frame/frame-stream.js";

export interface Decoded {
  /** The last ones. */
  readonly frames: readonly Frame[];
  /** How many there are in all. */
  readonly count: number;
  /** The result, in a sentence. */
  readonly summary: string;
}

/** A capture of many small frames becomes much when they are all decoded at once. */
const CHUNK_LENGTH = 1 << 16;

/**
 * @param reader - who would read these bytes: a server reads what a client sent.
 * @param most - how many frames to keep.
 */
export function decodeCapture(
  bytes: Uint8Array,
  reader: Role | "any",
  isCompressed: boolean,
  most: number,
): Decoded {
  if (bytes.length === 0) return { frames: [], count: 0, summary: "There is nothing to decode." };
  const stream = new FrameStream({ reader, compression: isCompressed ? {} : undefined });
  let frames: Frame[] = [];
  let count = 0;
  for (let at = 0; at < bytes.length; at += CHUNK_LENGTH) {
    const found = stream.push(bytes.subarray(at, at + CHUNK_LENGTH));
    count += found.length;
    frames = [...frames, ...found].slice(-most);
  }
  const unfinished = stream.end();
  if (unfinished !== undefined) {
    count++;
    frames = [...frames, unfinished].slice(-most);
  }
  const { violation, isClosed, restLength } = stream;
  stream.release();
  const counted = `${countBytes(bytes.length)}, ${count.toLocaleString("en")} ${count === 1 ? "frame" : "frames"}`;
  const rest = restLength === 0 ? "" : ` ${countBytes(restLength)} behind that were not read.`;
  let summary = `${counted}, no violation.${isClosed ? rest : ""}`;
  if (violation !== undefined) {
    const { rule, offset } = violation;
    summary = `${counted}. Byte ${offset} breaks ${rule.section}: ${rule.text}${rest}`;
  } else if (unfinished !== undefined) summary = `${counted}, of which the last lacks its end.`;
  return { frames, count, summary };
}
