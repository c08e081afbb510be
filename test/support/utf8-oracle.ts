/** UTF-8 by the letter of RFC 3629 §4: its ABNF as a table, tried row by row. Slow, and plainly right. */

/** UTF8-octets, one row for each alternative: the range of each byte. */
const ROWS: readonly (readonly (readonly [number, number])[])[] = [
  [[0x00, 0x7f]],
  // biome-ignore format: a table
  [[0xc2, 0xdf], [0x80, 0xbf]],
  // biome-ignore format: a table
  [[0xe0, 0xe0], [0xa0, 0xbf], [0x80, 0xbf]],
  // biome-ignore format: a table
  [[0xe1, 0xec], [0x80, 0xbf], [0x80, 0xbf]],
  // biome-ignore format: a table
  [[0xed, 0xed], [0x80, 0x9f], [0x80, 0xbf]],
  // biome-ignore format: a table
  [[0xee, 0xef], [0x80, 0xbf], [0x80, 0xbf]],
  // biome-ignore format: a table
  [[0xf0, 0xf0], [0x90, 0xbf], [0x80, 0xbf], [0x80, 0xbf]],
  // biome-ignore format: a table
  [[0xf1, 0xf3], [0x80, 0xbf], [0x80, 0xbf], [0x80, 0xbf]],
  // biome-ignore format: a table
  [[0xf4, 0xf4], [0x80, 0x8f], [0x80, 0xbf], [0x80, 0xbf]],
];

export interface Utf8Verdict {
  /** Index of the first byte after which no text can be valid any more, or -1. */
  readonly offset: number;
  /** Whether the bytes end between two characters. Meaningless once one is invalid. */
  readonly complete: boolean;
}

/** Judges bytes as a text or the beginning of one. */
export function judgeUtf8(bytes: ArrayLike<number>): Utf8Verdict {
  for (let start = 0; start < bytes.length; ) {
    let rows = ROWS;
    let matched = 0;
    for (;;) {
      if (start + matched === bytes.length) return { offset: -1, complete: false };
      const byte = bytes[start + matched];
      const fits = rows.filter((row) => byte >= row[matched][0] && byte <= row[matched][1]);
      if (fits.length === 0) return { offset: start + matched, complete: false };
      rows = fits;
      matched++;
      if (rows[0].length === matched) break;
    }
    start += matched;
  }
  return { offset: -1, complete: true };
}

/** Whether bytes are a whole valid text. */
export function isText(bytes: ArrayLike<number>): boolean {
  const { offset, complete } = judgeUtf8(bytes);
  return offset < 0 && complete;
}
