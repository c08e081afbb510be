/**
 * Functions that the host runs faster than portable JavaScript, looked up once. Only this file knows that Node's
 * `Buffer` may exist; each function has a portable twin, which browsers use.
 */

/** The methods of Node's Buffer that are used, if they exist. */
interface HostBuffer extends Uint8Array<ArrayBufferLike> {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
  utf8Write(text: string, offset: number, length: number): number;
  ucs2Write(text: string, offset: number, length: number): number;
}

interface HostBufferConstructor {
  from(buffer: ArrayBufferLike, byteOffset: number, length: number): HostBuffer;
  allocUnsafeSlow(length: number): HostBuffer;
  allocUnsafe(length: number): HostBuffer;
  byteLength(text: string): number;
  readonly prototype: object;
}

/** The one function of `node:crypto` that is used. */
interface HostCrypto {
  createHash(name: "sha1"): {
    update(text: string, encoding: "latin1"): { digest(encoding: "base64"): string };
  };
  /** From Node 20.12 on. */
  hash?(name: "sha1", text: string, encoding: "base64"): string;
}

interface HostProcess {
  readonly platform?: string;
  /** From Node 20.16 and 22.3 on. */
  getBuiltinModule?(name: "node:crypto"): HostCrypto | undefined;
  readonly versions?: { readonly node?: string; readonly bun?: string; readonly deno?: string };
}

const host = globalThis as unknown as { Buffer?: HostBufferConstructor; process?: HostProcess };

const methods = ["latin1Slice", "utf8Slice", "ucs2Slice", "utf8Write", "ucs2Write"];
const Buffer =
  host.Buffer && methods.every((name) => name in (host.Buffer as HostBufferConstructor).prototype)
    ? host.Buffer
    : undefined;

/** Made at their first use: some hosts lack them, and importing a module must have no effect. */
let encoder: TextEncoder | undefined;
let decoder: TextDecoder | undefined;

const utf8Encoder = (): TextEncoder => (encoder ??= new TextEncoder());
/** `ignoreBOM` keeps a leading U+FEFF, which is text like any other here (§5.6 knows no BOM). */
const utf8Decoder = (): TextDecoder => (decoder ??= new TextDecoder("utf-8", { ignoreBOM: true }));

/**
 * Whether the kernel transcodes UTF-8 faster than the host decodes it. Node before 24 decodes text that is
 * not ASCII at about a fifth of the speed of later ones (`bench/micro/utf8.ts` shows both); where there is no
 * `ucs2Slice` the units could not become a string quickly anyway.
 */
export const hostDecodesSlowly: boolean =
  Buffer !== undefined && isNode(host.process) && Number.parseInt(host.process.versions.node, 10) < 24;

/** Other runtimes name a version of Node too, beside their own. */
function isNode(process?: HostProcess): process is HostProcess & { versions: { node: string } } {
  const { node, bun, deno } = process?.versions ?? {};
  return node !== undefined && bun === undefined && deno === undefined;
}

/**
 * The first code unit that the kernel encodes faster than the host. Node encodes text above U+00FF at a third of the
 * kernel's speed or less, before 24 all text that is not ASCII. Infinity on other runtimes.
 */
export const slowlyEncodedFrom: number =
  Buffer !== undefined && isNode(host.process) ? (hostDecodesSlowly ? 0x80 : 0x100) : Infinity;

/** Reads strings out of one memory that lives long; made once for each kernel. */
export interface StringReader {
  /** Bytes below 0x80 as a string. */
  ascii(start: number, end: number): string;
  /** Valid UTF-8 as a string. */
  utf8(start: number, end: number): string;
  /** UTF-16 units as a string; `start` and `end` are byte addresses. */
  utf16(start: number, end: number): string;
}

/** A reader over `bytes`; addresses are indices into it. */
export function createStringReader(bytes: Uint8Array): StringReader {
  if (Buffer === undefined) {
    const utf8 = (start: number, end: number) => utf8Decoder().decode(bytes.subarray(start, end));
    const utf16 = (start: number, end: number) =>
      new TextDecoder("utf-16le", { ignoreBOM: true }).decode(bytes.subarray(start, end));
    return { ascii: utf8, utf8, utf16 };
  }
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    ascii: (start, end) => view.latin1Slice(start, end),
    utf8: (start, end) => view.utf8Slice(start, end),
    utf16: (start, end) => view.ucs2Slice(start, end),
  };
}

/** Valid UTF-8 as a string. */
export function decodeUtf8(bytes: Uint8Array, ascii: boolean): string {
  if (Buffer === undefined) return utf8Decoder().decode(bytes);
  const view =
    bytes instanceof (Buffer as unknown as new () => HostBuffer)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return ascii ? view.latin1Slice(0, view.length) : view.utf8Slice(0, view.length);
}

/** How many bytes a string takes in UTF-8; a lone surrogate takes the three of U+FFFD. */
export function utf8Length(text: string): number {
  if (Buffer !== undefined) return Buffer.byteLength(text);
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) length += 1;
    else if ((unit & 0xfc00) === 0xd800 && (text.charCodeAt(i + 1) & 0xfc00) === 0xdc00) {
      length += 2; // four bytes for two units
      i++;
    } else length += 2;
  }
  return length;
}

/**
 * Writes a string as UTF-8; lone surrogates become U+FFFD.
 *
 * @param target - from `writable`; has room for all of it.
 * @returns bytes written.
 */
export function writeUtf8(text: string, target: Uint8Array, offset: number): number {
  if (Buffer !== undefined) {
    return (target as HostBuffer).utf8Write(text, offset, target.length - offset);
  }
  return utf8Encoder().encodeInto(text, target.subarray(offset)).written;
}

/**
 * Writes a string's UTF-16 units, little-endian; where `slowlyEncodedFrom` is finite.
 *
 * @param target - from `writable`; has room for all of it.
 */
export function writeUtf16(text: string, target: Uint8Array, offset: number): void {
  (target as HostBuffer).ucs2Write(text, offset, 2 * text.length);
}

/** New bytes in memory of their own. Where the host can, they are not cleared first: write before you read. */
export function allocate(length: number): Uint8Array {
  if (length >= LARGE_LENGTH && mayWarm) warmAllocator();
  return Buffer === undefined
    ? new Uint8Array(length)
    : new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

/** From this length on a C library may ask the system for memory, and give it back, for each allocation. */
const LARGE_LENGTH = 0x10000;
/** Just under the greatest threshold that glibc sets by itself, 32 MiB with its own header. */
const WARMING_LENGTH = 0x2000000 - LARGE_LENGTH;

let mayWarm = host.process?.platform === "linux" && isNode(host.process);

/**
 * Warms the allocator, once for a process, so that large payloads reuse memory: on Node with glibc (Linux); elsewhere
 * it does nothing.
 *
 * glibc asks the system (`mmap`) for an allocation above a threshold, 128 KiB at first, and gives it back when it is
 * freed. It also gives back the end of its heap once twice that is free (mallopt(3), M_MMAP_THRESHOLD and
 * M_TRIM_THRESHOLD). Each large payload then costs a page fault for every 4 KiB. When a block from `mmap` is freed,
 * glibc takes its length as the new threshold. So this allocates a block of the greatest length that counts, does not
 * write to it, so that it takes no memory, and frees it: by `transfer`, if the engine has it, or by V8's next
 * collection of young objects, which such a large block triggers within a few allocations.
 *
 * From then on, glibc keeps up to 64 MiB that are free at the end of its heap.
 */
function warmAllocator(): void {
  mayWarm = false;
  try {
    const block = new ArrayBuffer(WARMING_LENGTH) as { transfer?(length: number): unknown };
    block.transfer?.(0);
  } catch {
    // The process has no addresses left for the block: then it should not keep free memory either.
  }
}

/**
 * Whether the first payload of 64 KiB or more may raise glibc's thresholds, so that it reuses memory for large
 * payloads instead of asking the system for each. That makes them about twice as fast, and glibc may keep up to
 * 64 MiB of free memory. Default true, on Node on Linux; elsewhere nothing happens. Raised thresholds stay raised.
 */
export function setAllocatorWarming(isAllowed: boolean): void {
  mayWarm = isAllowed && host.process?.platform === "linux" && isNode(host.process);
}

/**
 * New bytes for a small copy that is written at once. Where the host has a pool they may be a part of it, as a
 * small Buffer always is on Node.
 */
export function allocatePooled(length: number): Uint8Array {
  if (Buffer === undefined) return new Uint8Array(length);
  const { buffer, byteOffset } = Buffer.allocUnsafe(length);
  return new Uint8Array(buffer, byteOffset, length);
}

/** From this length on, a copy has memory of its own: nothing else should keep it alive, or be kept by it. */
const SINGLE_LENGTH = 0x800;

/** The same bytes in other memory. */
export function copyOf(bytes: Uint8Array): Uint8Array {
  const { length } = bytes;
  if (length === 0) return EMPTY;
  const copy = length < SINGLE_LENGTH ? allocatePooled(length) : allocate(length);
  copy.set(bytes);
  return copy;
}

/** No bytes: one empty array for all that need one. */
export const EMPTY: Uint8Array = /* @__PURE__ */ allocate(0);

/** A view of `bytes` that `writeUtf8` can write to. */
export function writable(bytes: Uint8Array): Uint8Array {
  return Buffer === undefined ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

let sha1: ((text: string) => string) | null | undefined;

/**
 * SHA-1 where the host has it in native code: a fifth of the time that it takes in JavaScript.
 *
 * @param text - ASCII.
 * @returns the digest in base64; undefined where the host has none, or forbids it.
 */
export function hostSha1(text: string): string | undefined {
  if (sha1 === undefined) sha1 = findSha1();
  return sha1 === null ? undefined : sha1(text);
}

function findSha1(): ((text: string) => string) | null {
  try {
    const crypto = host.process?.getBuiltinModule?.("node:crypto");
    if (crypto === undefined) return null;
    const { hash, createHash } = crypto;
    const found = hash
      ? (text: string) => hash("sha1", text, "base64")
      : (text: string) => createHash("sha1").update(text, "latin1").digest("base64");
    // A host may have the function and not the digest.
    return found("abc") === "qZk+NkcGgWq6PiVxeFDCbJzQ2J0=" ? found : null;
  } catch {
    return null;
  }
}
