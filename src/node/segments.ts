/** Joins many short segments into one, because a write of each segment costs Node more than copying them. */

/** Up to this many segments are written without joining. */
const FEW = 4;
/** The most bytes that are joined. */
const MOST_JOINED = 0x10000;

/** The buffer they are joined in. It is reused while each write completes at once. */
let scratch: Uint8Array | undefined;

/** Joins segments. The returned bytes are valid until the next call, unless `keepJoined` is called. */
export function joinSegments(segments: readonly Uint8Array[]): readonly Uint8Array[] {
  if (segments.length <= FEW) return segments;
  let length = 0;
  for (const segment of segments) length += segment.length;
  if (length > MOST_JOINED) return segments;
  scratch ??= new Uint8Array(MOST_JOINED);
  let end = 0;
  for (const segment of segments) {
    scratch.set(segment, end);
    end += segment.length;
  }
  return [scratch.subarray(0, length)];
}

/** Keeps the last result of `joinSegments` valid: the next call uses a new buffer. */
export function keepJoined(): void {
  scratch = undefined;
}
