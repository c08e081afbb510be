/** Compression of single messages (RFC 7692 §7.2), which refer to no other. */

import { Compressor, type CompressorOptions } from "./compressor.js";
import { Decompressor, type DecompressorOptions } from "./decompressor.js";

/**
 * Compresses a message.
 *
 * @param data - a string (as UTF-8), or bytes, which stay as they are.
 * @returns the payload of a frame with RSV1, without the end of the flush (§7.2.1). The caller's.
 * @throws {TypeError | RangeError} for anything else, and for options that make no sense.
 */
export function compress(
  data: string | Uint8Array,
  options?: Omit<CompressorOptions, "contextTakeover">,
): Uint8Array {
  return new Compressor({ ...options, contextTakeover: false }).compress(data);
}

/**
 * Decompresses a message.
 *
 * @param payload - left as it is.
 * @returns bytes that are the caller's.
 * @throws {ProtocolError} for data that is not a message; {LimitError} for more than `maxLength` bytes.
 */
export function decompress(
  payload: Uint8Array,
  options?: Omit<DecompressorOptions, "contextTakeover">,
): Uint8Array {
  return new Decompressor({ ...options, contextTakeover: false }).decompress(payload);
}
