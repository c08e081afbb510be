/** The header of a frame that we send (RFC 6455 §5.2). */

import { MAX_CONTROL_PAYLOAD_LENGTH } from "./close-body.js";
import { isControl, Opcode } from "./opcode.js";

const FIN = 0x80;
const RSV1 = 0x40;
const MASK = 0x80;

/**
 * The first byte of a header.
 *
 * @throws {RangeError} for a reserved opcode; for a control frame that is fragmented or has RSV1.
 */
export function firstByte(opcode: number, fin: boolean, rsv1: boolean): number {
  if (opcode === Opcode.Continuation || opcode === Opcode.Text || opcode === Opcode.Binary) {
    if (rsv1 && opcode === Opcode.Continuation) {
      throw new RangeError("RSV1 is for the first frame of a message, not for a continuation");
    }
  } else if (opcode === Opcode.Close || opcode === Opcode.Ping || opcode === Opcode.Pong) {
    if (!fin) throw new RangeError("a control frame cannot be fragmented");
    if (rsv1) throw new RangeError("a control frame cannot have RSV1");
  } else {
    throw new RangeError(`opcode must be one of Opcode, not ${String(opcode)}`);
  }
  return opcode | (fin ? FIN : 0) | (rsv1 ? RSV1 : 0);
}

/**
 * Checks a payload's length under its opcode.
 *
 * @throws {RangeError} for a control frame of more than 125 bytes, or a Close frame of one (§5.5).
 */
export function checkPayloadLength(opcode: number, length: number): void {
  if (!isControl(opcode)) return;
  if (length > MAX_CONTROL_PAYLOAD_LENGTH) {
    throw new RangeError(`the payload of a control frame must be at most 125 bytes, not ${length}`);
  }
  if (opcode === Opcode.Close && length === 1) {
    throw new RangeError("the body of a Close frame must be empty or begin with a 2-byte code");
  }
}

/** A header, masking key included, has at most this many bytes (§5.2). */
export const MAX_HEADER_LENGTH = 14;

/** Length of a header, masking key included, in bytes. */
export function headerLengthFor(payloadLength: number, masked: boolean): number {
  const extended = payloadLength < 126 ? 0 : payloadLength < 0x10000 ? 2 : 8;
  return 2 + extended + (masked ? 4 : 0);
}

/**
 * Writes a header without the masking key.
 *
 * @param target - mutated; has room at `offset`.
 * @returns the offset behind the header: of the masking key or the payload.
 */
export function writeHeader(
  target: Uint8Array,
  offset: number,
  first: number,
  payloadLength: number,
  masked: boolean,
): number {
  const mask = masked ? MASK : 0;
  target[offset++] = first;
  if (payloadLength < 126) {
    target[offset++] = mask | payloadLength;
    return offset;
  }
  if (payloadLength < 0x10000) {
    target[offset++] = mask | 126;
  } else {
    target[offset++] = mask | 127;
    const high = Math.floor(payloadLength / 0x100000000);
    target[offset++] = high >>> 24;
    target[offset++] = high >>> 16;
    target[offset++] = high >>> 8;
    target[offset++] = high;
    target[offset++] = payloadLength >>> 24;
    target[offset++] = payloadLength >>> 16;
  }
  target[offset++] = payloadLength >>> 8;
  target[offset++] = payloadLength;
  return offset;
}
