/** Bytes that hold whole frames, cut into the frames: for the outbox as a value. */

import { decodeFrame } from "../codec/index.js";
import { toBytes } from "../protocol/index.js";

/**
 * Copies of frames that a caller gave, one by one.
 *
 * @throws {ProtocolError | TypeError} for bytes that are not whole frames.
 */
export function wholeFrames(frames: readonly Uint8Array[], allowRsv1: boolean): Uint8Array[] {
  return frames.flatMap((frame) => splitFrames([toBytes(frame, "whole frames")], allowRsv1));
}

/** Cuts segments, which hold whole frames, into frames. */
export function splitFrames(segments: readonly Uint8Array[], allowRsv1: boolean): Uint8Array[] {
  const frames: Uint8Array[] = [];
  // A frame whose payload was not copied lies in two segments.
  let carried: Uint8Array | undefined;
  for (const segment of segments) {
    const bytes: Uint8Array = carried === undefined ? segment : join(carried, segment);
    carried = undefined;
    for (let start = 0; start < bytes.length; ) {
      const { bytesConsumed } = decodeFrame(bytes.subarray(start), { maxFrameSize: Infinity, allowRsv1 });
      if (bytesConsumed === 0) {
        carried = bytes.subarray(start);
        break;
      }
      // Not by `slice`: a Buffer's makes a view.
      frames.push(new Uint8Array(bytes.subarray(start, start + bytesConsumed)));
      start += bytesConsumed;
    }
  }
  if (carried !== undefined) throw new TypeError("an outbox holds whole frames");
  return frames;
}

function join(a: Uint8Array, b: Uint8Array): Uint8Array {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}
