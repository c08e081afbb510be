/**
 * The shape of a kernel: one linear memory and five operations on addresses in it, as documented in
 * `assembly/`. Two backends have this shape: `instance.ts` (WebAssembly) and `reference.ts`.
 */

/** The backend: compiled AssemblyScript, or plain TypeScript where WebAssembly is forbidden. */
export type KernelBackend = "wasm" | "reference";

/** Bytes at addresses. The map is `layout.ts`; every address below is a byte offset into it. */
export interface Kernel {
  readonly backend: KernelBackend;
  /** All of linear memory, by bytes. It never grows, so views over it live as long as the kernel. */
  readonly bytes: Uint8Array;
  /** The same memory by 32-bit words, little-endian. */
  readonly words: Int32Array;
  /** Scans frames between two addresses; returns the number of records. See `assembly/frame/scan.ts`. */
  scan(start: number, end: number, options: number, maxFrameSize: number): number;
  /** Masks or unmasks; returns the key rotated by `length`. See `assembly/frame/mask.ts`. */
  mask(destination: number, source: number, length: number, key: number): number;
  /** Validates a range from a state; returns the next state. See `assembly/frame/utf8.ts`. */
  validateUtf8(start: number, end: number, state: number): number;
  /** Transcodes valid UTF-8; returns the number of UTF-16 units. See `assembly/frame/utf8.ts`. */
  utf8ToUtf16(start: number, end: number, destination: number): number;
  /** Transcodes UTF-16; returns the number of bytes. See `assembly/frame/utf8.ts`. */
  utf16ToUtf8(start: number, end: number, destination: number): number;
}

/** Bytes of linear memory: thirteen pages. */
export const MEMORY_LENGTH = 13 * 0x10000;
