/** Many short stretches of bytes made into one: a write of each costs Node more than copying them. */

/** Up to this many, Node writes them as they are. */
const FEW = 4;
/** Bytes that are copied together, at most. */
const MOST_JOINED = 0x10000;

/** Where they are put together; used again while the system takes what is written at once. */
let scratch: Uint8Array | undefined;

/** Segments in fewer pieces. The bytes are valid until the next call, unless `keepJoined` is called. */
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

/** What `joinSegments` returned last is still needed. */
export function keepJoined(): void {
  scratch = undefined;
}
