/** Messages in the shapes that a WebSocket takes and gives. */

import { utf8Length } from "../codec/index.js";
import { type Bytes, type SendOptions as Options, toBytes } from "../protocol/index.js";

/** Data that can be sent. Bytes are copied; a Blob (or a File) is read by the browser and keeps its place in the order. */
export type Sendable = string | Bytes | Blob;

/** A page chooses no more than this: the browser compresses and cuts messages as it sees fit. */
export type SendOptions = Pick<Options, "type">;

/** A UTF-16 unit takes at most three bytes. */
const MAX_BYTES_PER_UNIT = 3;

/** Bytes of a message; of a string that cannot be longer than `limit`, as few as they may be. */
export function lengthOf(data: string | ArrayBuffer, limit: number): number {
  if (typeof data !== "string") return data.byteLength;
  return data.length * MAX_BYTES_PER_UNIT <= limit ? data.length : utf8Length(data);
}

/**
 * What a WebSocket is given to send.
 *
 * @throws {TypeError} for data that is not a message.
 */
export function payloadOf(
  data: Sendable,
  options: SendOptions | undefined,
): string | Uint8Array<ArrayBuffer> | Blob {
  const type = options?.type ?? (typeof data === "string" ? "text" : "binary");
  if (type !== "text" && type !== "binary") {
    throw new TypeError(`the type of a message must be "text" or "binary", not ${String(type)}`);
  }
  if (options !== undefined && "partial" in options && options.partial === true) {
    throw new TypeError("a browser sends whole messages: partial must not be true");
  }
  if (typeof data === "string") return type === "text" ? data : new TextEncoder().encode(data);
  if (isBlob(data)) {
    if (type === "binary") return data;
    throw new TypeError("a Blob is sent as binary: to send it as text, send `await blob.text()`");
  }
  const bytes = toBytes(data, "a string, bytes or a Blob");
  // A WebSocket takes no memory that is shared or may change its size.
  const own = isPlain(bytes) ? bytes : new Uint8Array(bytes);
  return type === "binary" ? own : decodeText(own);
}

/** Whether a value is a Blob or a File, of this page or of a frame in it. */
export function isBlob(data: unknown): data is Blob {
  const tag = Object.prototype.toString.call(data);
  return tag === "[object Blob]" || tag === "[object File]";
}

function isPlain(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && !(buffer as { readonly resizable?: boolean }).resizable;
}

/** Made at its first use: some hosts lack it, and importing a module must have no effect. */
let decoder: TextDecoder | undefined;

function decodeText(bytes: Uint8Array): string {
  decoder ??= new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  try {
    return decoder.decode(bytes);
  } catch {
    throw new TypeError("bytes that are sent as text must be valid UTF-8");
  }
}
