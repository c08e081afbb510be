/**
 * A published message as it crosses a broker: bytes with their type and their origin.
 *
 *     ┌─────────┬───────┬──────────────┬─────────┐
 *     │ version │ flags │ origin       │ payload │
 *     │ 1 byte  │ 1     │ 8            │         │
 *     └─────────┴───────┴──────────────┴─────────┘
 *     flags: bit 0 binary, bit 1 `compress` was given, bit 2 its value
 */

import { type BatchItem, prepareMessage } from "../../protocol/index.js";

const VERSION = 1;
const BINARY = 1;
const COMPRESS_GIVEN = 2;
const COMPRESS = 4;
/** Bytes that tell one `Topics` from all others. */
export const ORIGIN_LENGTH = 8;
const HEADER_LENGTH = 2 + ORIGIN_LENGTH;

export function wrap({ message, compress }: BatchItem, origin: Uint8Array): Uint8Array {
  const { type, payload } = message;
  const bytes = new Uint8Array(HEADER_LENGTH + payload.length);
  const compression = compress === undefined ? 0 : COMPRESS_GIVEN | (compress ? COMPRESS : 0);
  bytes[0] = VERSION;
  bytes[1] = (type === "binary" ? BINARY : 0) | compression;
  bytes.set(origin, 2);
  bytes.set(payload, HEADER_LENGTH);
  return bytes;
}

/** Whether bytes are of this origin. */
export function isFrom(bytes: Uint8Array, origin: Uint8Array): boolean {
  return bytes.length >= HEADER_LENGTH && origin.every((byte, i) => bytes[2 + i] === byte);
}

/**
 * The message in them.
 *
 * @throws {TypeError} for bytes that no `wrap` has made: other programs may use the same engine.
 */
export function unwrap(bytes: Uint8Array): BatchItem {
  if (bytes.length < HEADER_LENGTH || bytes[0] !== VERSION) {
    throw new TypeError("what a broker brings must be what another Topics of this version has published");
  }
  const flags = bytes[1];
  const type = (flags & BINARY) === 0 ? "text" : "binary";
  const compress = (flags & COMPRESS_GIVEN) === 0 ? undefined : (flags & COMPRESS) !== 0;
  return { message: prepareMessage(bytes.subarray(HEADER_LENGTH), { type }), compress };
}
