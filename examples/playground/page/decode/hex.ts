/** Hex as people have it at hand, into bytes: digits with or without 0x, \x and separators; what xxd and hexdump -C print. */

/** What could not be read, and where; lines and columns count from 1. */
export interface HexProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/** `00000000: 8105 4865 6c6c 6f  ..Hello`: the offset; the bytes end at two spaces. */
const XXD = /^\s*[0-9a-f]{6,16}:\s+/i;
/** `00000000  81 05 48 65 6c 6c 6f  |..Hello|`: offset, bytes, text. */
const HEXDUMP = /^\s*[0-9a-f]{7,16}\s+(?=.*\|.*\|\s*$)/i;
/** The last line of `hexdump -C`: the length alone. */
const HEXDUMP_END = /^\s*[0-9a-f]{7,16}\s*$/i;

/** Digits, or characters between them: in lists of programs, brackets too. */
const TOKEN = /(0x|\\x)?([0-9a-f]+)|[\s,;:_[\]{}-]+/iy;

/** A line without offsets, the text beside the bytes, and comments; columns stay. */
function bytesPart(line: string, isInHexdump: boolean): string {
  const xxd = XXD.exec(line);
  if (xxd !== null) {
    const rest = line.slice(xxd[0].length);
    const end = rest.search(/\s{2}/);
    return " ".repeat(xxd[0].length) + (end < 0 ? rest : rest.slice(0, end));
  }
  const hexdump = HEXDUMP.exec(line);
  if (hexdump !== null)
    return " ".repeat(hexdump[0].length) + line.slice(hexdump[0].length, line.indexOf("|"));
  if (isInHexdump && HEXDUMP_END.test(line)) return "";
  return line.replace(/#.*/, "");
}

/** @returns the bytes, or the first character that is not hex. */
export function parseHex(text: string): Uint8Array<ArrayBuffer> | HexProblem {
  const bytes: number[] = [];
  let isInHexdump = false;
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    const part = bytesPart(line, isInHexdump);
    isInHexdump = HEXDUMP.test(line);
    const problem = readLine(part, bytes);
    if (problem !== undefined) return { line: index + 1, ...problem };
  }
  return Uint8Array.from(bytes);
}

function readLine(line: string, bytes: number[]): { column: number; message: string } | undefined {
  let odd: { column: number; message: string } | undefined;
  for (let at = 0; at < line.length; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const match = TOKEN.exec(line);
    if (match === null) return { column: at + 1, message: `“${line[at]}” is not a hexadecimal digit` };
    const [, prefix, digits = ""] = match;
    // A digit alone is a byte where programs write it so: 0x5.
    const isByte = prefix !== undefined && digits.length === 1;
    if (digits.length % 2 === 1 && !isByte) {
      // An earlier character that is not a digit may be the cause: report that first.
      odd ??= { column: at + 1, message: `“${digits}” has an odd number of digits` };
    }
    for (let i = 0; i < digits.length; i += 2) bytes.push(Number.parseInt(digits.slice(i, i + 2), 16));
  }
  return odd;
}

/** A capture is hex if all of it reads so, and bytes otherwise. */
export function parseCapture(content: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  try {
    const parsed = parseHex(new TextDecoder("utf-8", { fatal: true }).decode(content));
    if (parsed instanceof Uint8Array && parsed.length > 0) return parsed;
  } catch {
    // It is not text.
  }
  return content;
}

/** Two digits for each byte, separated by spaces. */
export function formatHex(bytes: Iterable<number>): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
