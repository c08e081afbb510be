/**
 * What the host does faster than portable JavaScript, looked up once. This file alone knows that Node's
 * `Buffer` may exist; everything has a portable equal, which browsers use.
 */

/** The few methods of Node's Buffer that are used, where they exist. */
interface HostBuffer extends Uint8Array<ArrayBufferLike> {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  ucs2Slice(start: number, end: number): string;
  utf8Write(text: string, offset: number, length: number): number;
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
  /** From Node 20.16 and 22.3 on. */
  getBuiltinModule?(name: "node:crypto"): HostCrypto | undefined;
  readonly versions?: { readonly node?: string; readonly bun?: string; readonly deno?: string };
}

const host = globalThis as unknown as { Buffer?: HostBufferConstructor; process?: HostProcess };

const methods = ["latin1Slice", "utf8Slice", "ucs2Slice", "utf8Write"];
const Buffer =
  host.Buffer && methods.every((name) => name in (host.Buffer as HostBufferConstructor).prototype)
    ? host.Buffer
    : undefined;

const utf8Encoder = /* @__PURE__ */ new TextEncoder();
/** `ignoreBOM` keeps a leading U+FEFF, which is text like any other here (§5.6 knows no BOM). */
const utf8Decoder = /* @__PURE__ */ new TextDecoder("utf-8", { ignoreBOM: true });

/**
 * Whether the kernel transcodes UTF-8 faster than the host decodes it. Node before 24 decodes text that is
 * not ASCII at about a fifth of the speed of later ones (`bench/micro/utf8.ts` shows both); where there is no
 * `ucs2Slice` the units could not become a string quickly anyway.
 */
export const hostDecodesSlowly: boolean =
  Buffer !== undefined &&
  host.process?.versions?.bun === undefined &&
  host.process?.versions?.deno === undefined &&
  Number.parseInt(host.process?.versions?.node ?? "24", 10) < 24;

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
    const utf8 = (start: number, end: number) => utf8Decoder.decode(bytes.subarray(start, end));
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
  if (Buffer === undefined) return utf8Decoder.decode(bytes);
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
  return utf8Encoder.encodeInto(text, target.subarray(offset)).written;
}

/** New bytes, in memory of their own. Where the host can, they are not cleared first: write before you read. */
export function allocate(length: number): Uint8Array {
  return Buffer === undefined
    ? new Uint8Array(length)
    : new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
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

/** A part of some bytes, as plain bytes; on Node 20 this takes half the time of `subarray` of a Buffer. */
export function viewOf(bytes: Uint8Array, start: number, length: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, length);
}

/** No bytes. */
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
