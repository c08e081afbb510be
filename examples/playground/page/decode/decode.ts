/** A capture, decoded as far as it goes. */

import type { Role } from "hawser/codec";
import { countBytes } from "../frame/describe.js";
import { type Frame, FrameStream } from "../frame/frame-stream.js";

export interface Decoded {
  readonly frames: readonly Frame[];
  /** What came of it, in a sentence. */
  readonly summary: string;
}

/** @param reader - who would read these bytes: a server reads what a client sent. */
export function decodeCapture(bytes: Uint8Array, reader: Role | "any", isCompressed: boolean): Decoded {
  const stream = new FrameStream({ reader, compression: isCompressed ? {} : undefined });
  const frames = stream.push(bytes);
  const unfinished = stream.end();
  if (unfinished !== undefined) frames.push(unfinished);
  const { violation, isClosed, restLength } = stream;
  stream.release();
  const counted = `${countBytes(bytes.length)}, ${frames.length} ${frames.length === 1 ? "frame" : "frames"}`;
  const rest = restLength === 0 ? "" : ` ${countBytes(restLength)} behind that were not read.`;
  if (violation !== undefined) {
    const { rule, offset } = violation;
    return { frames, summary: `${counted}. Byte ${offset} breaks ${rule.section}: ${rule.text}${rest}` };
  }
  if (unfinished !== undefined) return { frames, summary: `${counted}, of which the last lacks its end.` };
  return { frames, summary: `${counted}, no violation.${isClosed ? rest : ""}` };
}
