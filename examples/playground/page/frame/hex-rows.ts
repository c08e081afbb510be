/** The rows of a hex dump, around the byte that matters. */

export interface HexRow {
  /** Of its first byte. */
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export const ROW_LENGTH = 16;

/**
 * At most `most` rows: from the beginning, or such that byte `at` is among them.
 *
 * @returns them, with the number of bytes before and behind that are left out.
 */
export function hexRows(
  bytes: Uint8Array,
  most: number,
  at = 0,
): { before: number; rows: HexRow[]; behind: number } {
  const last = Math.max(0, Math.ceil(bytes.length / ROW_LENGTH) - most);
  const wanted = Math.floor(at / ROW_LENGTH) - Math.floor(most / 2);
  const first = Math.max(0, Math.min(wanted, last));
  const rows: HexRow[] = [];
  for (let row = first; row < first + most && row * ROW_LENGTH < bytes.length; row++) {
    const offset = row * ROW_LENGTH;
    rows.push({ offset, bytes: bytes.subarray(offset, offset + ROW_LENGTH) });
  }
  const before = first * ROW_LENGTH;
  return { before, rows, behind: Math.max(0, bytes.length - before - rows.length * ROW_LENGTH) };
}

/** A byte as the text column of a dump shows it. */
export function asciiOf(byte: number): string {
  return byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
}
