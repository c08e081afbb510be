/** The reason of a Close frame (RFC 6455 §5.5.1), made to fit. */

/** Bytes that a Close frame has left for it, behind the code. */
const MAX_REASON_LENGTH = 123;

/** Cuts a reason of ours to what fits a Close frame, between two characters. */
export function truncateReason(reason: string): string {
  const bytes = new TextEncoder().encode(reason);
  if (bytes.length <= MAX_REASON_LENGTH) return reason;
  let end = MAX_REASON_LENGTH;
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return new TextDecoder().decode(bytes.subarray(0, end));
}
