/** Text (RFC 6455 §5.6, §8.1; UTF-8 as in RFC 3629): validates it, and makes strings of it. */

import {
  RESULT,
  RESULT_ASCII,
  RESULT_POSITION,
  SCRATCH,
  UTF8_INVALID,
  UTF16,
  WINDOW_LENGTH,
} from "../kernel/index.js";
import { assertBytes } from "./bytes.js";
import {
  allocate,
  decodeUtf8,
  hostDecodesSlowly,
  type StringReader,
  slowlyEncodedFrom,
  writeUtf8,
  writeUtf16,
} from "./host.js";
import { type Workspace, workspace } from "./workspace.js";

/**
 * Whether bytes are valid UTF-8.
 *
 * @param bytes - left as they are.
 */
export function isValidUtf8(bytes: Uint8Array): boolean {
  const validator = new Utf8Validator();
  return validator.push(bytes) && validator.end();
}

/**
 * Validates UTF-8 that arrives in pieces, cut anywhere, and names the first wrong byte.
 *
 * ```ts
 * const validator = new Utf8Validator();
 * for (const piece of pieces) if (!validator.push(piece)) break;
 * if (!validator.end()) throw new Error(`invalid at byte ${validator.offset}`);
 * ```
 */
export class Utf8Validator {
  #state = 0;
  #length = 0;
  #isAscii = true;
  #offset = -1;

  /**
   * Validates the next piece.
   *
   * @param bytes - left as they are.
   * @returns whether everything so far can be the beginning of a valid text.
   */
  push(bytes: Uint8Array): boolean {
    assertBytes(bytes, "text");
    if (this.#offset >= 0) return false;
    const { kernel } = workspace();
    for (let done = 0; done < bytes.length; ) {
      const piece = Math.min(bytes.length - done, WINDOW_LENGTH);
      kernel.bytes.set(piece === bytes.length ? bytes : bytes.subarray(done, done + piece), SCRATCH);
      this.#state = kernel.validateUtf8(SCRATCH, SCRATCH + piece, this.#state);
      if (kernel.words[(RESULT + RESULT_ASCII) >> 2] === 0) this.#isAscii = false;
      if (this.#state === UTF8_INVALID) {
        const address = kernel.words[(RESULT + RESULT_POSITION) >> 2];
        this.#offset = this.#length + (address - SCRATCH);
        return false;
      }
      this.#length += piece;
      done += piece;
    }
    return true;
  }

  /**
   * Ends the text.
   *
   * @returns whether all of it is valid: it must not break off inside a character.
   */
  end(): boolean {
    if (this.#offset < 0 && this.#state !== 0) this.#offset = this.#length;
    return this.#offset < 0;
  }

  /** Restarts with an empty text. */
  reset(): void {
    this.#state = 0;
    this.#length = 0;
    this.#isAscii = true;
    this.#offset = -1;
  }

  /**
   * Bytes before the first one that makes the text invalid, or -1. For a text that broke off inside a
   * character: its length.
   */
  get offset(): number {
    return this.#offset;
  }

  /** Whether every byte so far is below 0x80. */
  get isAscii(): boolean {
    return this.#isAscii;
  }
}

/** Up to this many bytes, a string is made faster here than by calling the host (`bench/micro/decode.ts`). */
const SHORT_LENGTH = 16;

/**
 * A string of validated UTF-8 that lies in the kernel's memory.
 *
 * @param ascii - whether every byte is known to be below 0x80.
 */
export function textAt(space: Workspace, start: number, end: number, ascii: boolean): string {
  if (ascii) return asciiAt(space, start, end);
  if (end - start > SHORT_LENGTH && !hostDecodesSlowly) return space.strings.utf8(start, end);
  if (end - start > WINDOW_LENGTH) {
    const half = characterBoundary(space.kernel.bytes, start + WINDOW_LENGTH);
    return textAt(space, start, half, false) + textAt(space, half, end, false);
  }
  const units = space.kernel.utf8ToUtf16(start, end, UTF16);
  if (units <= SHORT_LENGTH) return shortString(space.units, 0, units);
  return space.strings.utf16(UTF16, UTF16 + 2 * units);
}

/** A string of bytes below 0x80 that lie in some kernel's memory. */
export function asciiAt(
  { kernel, strings }: { readonly kernel: { readonly bytes: Uint8Array }; readonly strings: StringReader },
  start: number,
  end: number,
): string {
  const length = end - start;
  return length <= SHORT_LENGTH ? shortString(kernel.bytes, start, length) : strings.ascii(start, end);
}

/** A string of at most 16 code units. Always reads 8 or 16 units. */
function shortString(u: Uint8Array | Uint16Array, at: number, length: number): string {
  // biome-ignore format: eight arguments a line can be counted; the formatter gives each of the 24 a line
  const text = length <= 8
    ? String.fromCharCode(u[at], u[at + 1], u[at + 2], u[at + 3], u[at + 4], u[at + 5], u[at + 6], u[at + 7])
    : String.fromCharCode(
        u[at], u[at + 1], u[at + 2], u[at + 3], u[at + 4], u[at + 5], u[at + 6], u[at + 7],
        u[at + 8], u[at + 9], u[at + 10], u[at + 11], u[at + 12], u[at + 13], u[at + 14], u[at + 15],
      );
  return text.length === length ? text : text.slice(0, length);
}

/**
 * A string of validated UTF-8.
 *
 * @param ascii - whether every byte is known to be below 0x80.
 */
export function textOf(bytes: Uint8Array, ascii: boolean): string {
  if (ascii || !hostDecodesSlowly) return decodeUtf8(bytes, ascii);
  const space = workspace();
  let text = "";
  for (let start = 0; start < bytes.length; ) {
    const end = characterBoundary(bytes, Math.min(start + WINDOW_LENGTH, bytes.length));
    space.kernel.bytes.set(bytes.subarray(start, end), SCRATCH);
    // If the caller changed the bytes since they were validated, the kernel must not read older bytes behind them.
    space.kernel.bytes.fill(0, SCRATCH + (end - start), SCRATCH + (end - start) + 4);
    text += textAt(space, SCRATCH, SCRATCH + (end - start), false);
    start = end;
  }
  return text;
}

/** A shorter text is not sampled: the look costs more than it saves. */
const LEAST_SAMPLED_UNITS = 512;
const SAMPLES = 4;

/** The longest text that SCRATCH takes for certain: UTF-8 takes at most three bytes for a UTF-16 unit. */
export const MAX_ENCODED_UNITS: number = Math.floor(WINDOW_LENGTH / 3);

/** Whether the kernel encodes a text faster than the host, judged by a few of its units. */
export function isEncodedByKernel(text: string): boolean {
  const { length } = text;
  if (length < LEAST_SAMPLED_UNITS || slowlyEncodedFrom === Infinity) return false;
  const step = Math.floor(length / SAMPLES);
  for (let i = 0; i < length; i += step) if (text.charCodeAt(i) >= slowlyEncodedFrom) return true;
  return false;
}

/**
 * Writes a text of at most MAX_ENCODED_UNITS units to SCRATCH as UTF-8; lone surrogates become U+FFFD. Returns its length
 * in bytes.
 */
export function encodeAtScratch(space: Workspace, text: string): number {
  if (!isEncodedByKernel(text)) return writeUtf8(text, space.memory, SCRATCH);
  writeUtf16(text, space.memory, UTF16);
  return space.kernel.utf16ToUtf8(UTF16, UTF16 + 2 * text.length, SCRATCH);
}

/** Memory to join the parts of a text before it is decoded; kept, because warm memory is fast. */
let assembly: Uint8Array = /* @__PURE__ */ new Uint8Array(0);
const KEPT_ASSEMBLY_LENGTH = 1 << 20;

/** Bytes that came in parts, as a PayloadBuffer has them. */
interface Parts {
  readonly length: number;
  /** Writes all of them to the beginning of `target`. */
  copyTo(target: Uint8Array): void;
}

/** A string of validated UTF-8 that came in parts; they stay as they are. */
export function textOfParts(parts: Parts, ascii: boolean): string {
  const length = parts.length;
  let bytes = assembly;
  if (length > bytes.length) {
    bytes = allocate(Math.max(length, Math.min(2 * bytes.length, KEPT_ASSEMBLY_LENGTH)));
    if (bytes.length <= KEPT_ASSEMBLY_LENGTH) assembly = bytes;
  }
  parts.copyTo(bytes);
  return textOf(bytes.subarray(0, length), ascii);
}

/** The last index at or before `end`, three back at most, that does not cut a character of valid UTF-8. */
function characterBoundary(bytes: Uint8Array, end: number): number {
  if (end === bytes.length) return end;
  const least = end - 3;
  while (end > least && (bytes[end] & 0xc0) === 0x80) end--;
  return end;
}
