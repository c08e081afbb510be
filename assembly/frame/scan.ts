/**
 * Frames (RFC 6455 §5.2): judges every header of a chunk, unmasks every payload in place, validates
 * text as its bytes arrive and leaves a record for each frame or part of one. Knows bytes and the STATE
 * record it is lent; no connection, no message.
 */

import { gather, mask, unmaskAndGather } from "./mask";
import {
  MESSAGE_ANY,
  MESSAGE_NONE,
  MESSAGE_UNKNOWN,
  OPTION_ALLOW_RSV1,
  OPTION_FORBID_MASK,
  OPTION_MORE,
  OPTION_REQUIRE_MASK,
  RECORD_ASCII,
  RECORD_CAPACITY,
  RECORD_FIRST,
  RECORD_HEADER_SHIFT,
  RECORD_LAST,
  RECORD_LENGTH,
  RECORD_MASKED,
  RECORDS,
  RESULT,
  RESULT_LENGTH,
  RESULT_POSITION,
  RESULT_STATUS,
  STATE,
  STATE_FRAME,
  STATE_MASKING_KEY,
  STATE_MESSAGE,
  STATE_REMAINING,
  STATE_SPILL,
  STATE_SPILL_LENGTH,
  STATE_UTF8,
  STATUS_CLOSE_BODY_OF_ONE,
  STATUS_CONTROL_TOO_LONG,
  STATUS_EXPECTED_CONTINUATION,
  STATUS_EXPECTED_MASK,
  STATUS_FRAGMENTED_CONTROL,
  STATUS_FRAME_TOO_BIG,
  STATUS_FULL,
  STATUS_INVALID_UTF8,
  STATUS_LENGTH_NOT_MINIMAL,
  STATUS_LENGTH_TOP_BIT,
  STATUS_LENGTH_UNSAFE,
  STATUS_OK,
  STATUS_RESERVED_OPCODE,
  STATUS_RSV_1,
  STATUS_RSV_2_3,
  STATUS_UNEXPECTED_CONTINUATION,
  STATUS_UNEXPECTED_MASK,
  UTF8_INVALID,
} from "./memory";
import { continueUtf8 } from "./utf8";

const FIN: u32 = 0x80;
const RSV1: u32 = 0x40;
const RSV_2_3: u32 = 0x30;
const OPCODE: u32 = 0x0f;
const CONTINUATION: u32 = 0x0;
const TEXT: u32 = 0x1;
const BINARY: u32 = 0x2;
const CLOSE: u32 = 0x8;
const PONG: u32 = 0xa;
const MASK: u32 = 0x80;
/** MASK where a frame's first two bytes are read together. */
const MASKED_PAIR: u32 = 0x8000;
/** Number.MAX_SAFE_INTEGER: past it a length cannot be counted in a JavaScript number. */
const MAX_SAFE_LENGTH: u64 = 0x1fffffffffffff;

/** Judges the first byte of a frame, given the message under way. */
function judgeFirstByte(byte: u32, message: u32, options: u32): i32 {
  // §5.2: "If a nonzero value is received and none of the negotiated extensions defines the meaning of
  // such a nonzero value, the receiving endpoint MUST _Fail the WebSocket Connection_."
  if (byte & RSV_2_3) return STATUS_RSV_2_3;
  if (byte & RSV1 && !(options & OPTION_ALLOW_RSV1)) return STATUS_RSV_1;
  const opcode = byte & OPCODE;
  if (opcode >= CLOSE) {
    if (opcode > PONG) return STATUS_RESERVED_OPCODE;
    // §5.5: control frames "MUST NOT be fragmented".
    if (!(byte & FIN)) return STATUS_FRAGMENTED_CONTROL;
    // RFC 7692 §6.1: RSV1 is for the first frame of a message.
    return byte & RSV1 ? STATUS_RSV_1 : STATUS_OK;
  }
  if (opcode > BINARY) return STATUS_RESERVED_OPCODE;
  if (opcode == CONTINUATION) {
    if (byte & RSV1) return STATUS_RSV_1;
    // §5.4: a continuation needs a fragment before it, …
    return message ? STATUS_OK : STATUS_UNEXPECTED_CONTINUATION;
  }
  // … and "the fragments of one message MUST NOT be interleaved between the fragments of another".
  return message && message != MESSAGE_ANY ? STATUS_EXPECTED_CONTINUATION : STATUS_OK;
}

/** Judges the second byte of a frame: the MASK bit and what the 7-bit length alone can tell. */
function judgeSecondByte(byte: u32, opcode: u32, options: u32): i32 {
  if (opcode >= CLOSE) {
    const length = byte & 0x7f;
    // §5.5: "All control frames MUST have a payload length of 125 bytes or less".
    if (length > 125) return STATUS_CONTROL_TOO_LONG;
    // §5.5.1: "If there is a body, the first two bytes of the body MUST be a 2-byte unsigned integer".
    if (opcode == CLOSE && length == 1) return STATUS_CLOSE_BODY_OF_ONE;
  }
  // §5.1: "The server MUST close the connection upon receiving a frame that is not masked", and "A
  // client MUST close a connection if it detects a masked frame."
  if (byte & MASK) return options & OPTION_FORBID_MASK ? STATUS_UNEXPECTED_MASK : STATUS_OK;
  return options & OPTION_REQUIRE_MASK ? STATUS_EXPECTED_MASK : STATUS_OK;
}

/** Judges an extended payload length. */
function judgeLength(length: u64, bytes: u32, maxFrameSize: f64): i32 {
  if (bytes == 8) {
    // §5.2: "the most significant bit MUST be 0".
    if (<i64>length < 0) return STATUS_LENGTH_TOP_BIT;
    if (length > MAX_SAFE_LENGTH) return STATUS_LENGTH_UNSAFE;
  }
  // §5.2: "in all cases, the minimal number of bytes MUST be used to encode the length".
  if (bytes && length < <u64>(bytes == 2 ? 126 : 0x10000)) return STATUS_LENGTH_NOT_MINIMAL;
  return <f64>length > maxFrameSize ? STATUS_FRAME_TOO_BIG : STATUS_OK;
}

/** Ends a scan. */
function finish(count: u32, status: i32, position: usize): u32 {
  store<u32>(RESULT, status, RESULT_STATUS);
  store<u32>(RESULT, <u32>position, RESULT_POSITION);
  return count;
}

/** A header cut by the end of the chunk: its bytes go into STATE, whence the next scan takes them. */
function spill(position: usize, end: usize): void {
  store<u32>(STATE, <u32>(end - position), STATE_SPILL_LENGTH);
  memory.copy(STATE + STATE_SPILL, position, end - position);
}

/**
 * Scans the bytes from `start` to `end`: one call a chunk.
 *
 * Goes on from STATE and leaves STATE as the next scan needs it. Payloads are unmasked where they lie.
 * A frame whose payload is not all here gets a record for the part that is, the first even if that part
 * is empty. Any alignment. The 14 bytes before `start` may be written (a split header is completed
 * there); up to 16 past `end` may be read.
 *
 * @param options - OPTION_ bits.
 * @param maxFrameSize - greatest payload length allowed, judged on the header; may be Infinity.
 * @returns how many records were written. RESULT_STATUS is STATUS_OK when all was consumed, STATUS_FULL
 *   when it stopped before RESULT_POSITION, else the rule broken by the byte at RESULT_POSITION;
 *   after that STATE tells no more than how many payload bytes were
 *   missing. Text that breaks off inside a character is invalid at the address
 *   behind its last byte.
 */
export function scan(start: usize, end: usize, options: u32, maxFrameSize: f64): u32 {
  let frame = load<u32>(STATE, STATE_FRAME);
  let key = load<u32>(STATE, STATE_MASKING_KEY);
  let remaining = <u64>load<f64>(STATE, STATE_REMAINING);
  let message = load<u32>(STATE, STATE_MESSAGE);
  let utf8 = load<u32>(STATE, STATE_UTF8);
  const spilled = load<u32>(STATE, STATE_SPILL_LENGTH);
  let position = start - spilled;
  memory.copy(position, STATE + STATE_SPILL, spilled);
  store<u32>(STATE, 0, STATE_SPILL_LENGTH);

  let record: usize = RECORDS;
  let count: u32 = 0;
  let status = STATUS_OK;
  // The longest payload of a frame that needs no further judgement; none if frames must not be masked.
  const longest = options & OPTION_FORBID_MASK ? -1 : <i32>min<f64>(maxFrameSize, 125);
  while (position < end) {
    if (count == RECORD_CAPACITY) {
      status = STATUS_FULL;
      break;
    }
    let flags: u32 = 0;
    if (!frame) {
      const pair = <u32>load<u16>(position);
      const short = (pair >> 8) & 0x7f;
      if (
        !message &&
        pair & MASKED_PAIR &&
        ((pair & 0xff) ^ FIN) - TEXT < 2 &&
        <i32>short <= longest &&
        end - position >= 6 + short
      ) {
        // What most frames are: a short message, whole and masked, all of it here.
        message = pair & OPCODE;
        key = load<u32>(position, 2);
        position += 6;
        remaining = short;
        frame = (pair & 0xff) | RECORD_MASKED | (6 << RECORD_HEADER_SHIFT);
        flags = RECORD_FIRST;
      } else {
        // Each byte of a header is judged as soon as it is here.
        const available = end - position;
        const first = <u32>load<u8>(position);
        status = judgeFirstByte(first, message, options);
        if (status) return finish(count, status, position);
        if (available < 2) break;
        const second = <u32>load<u8>(position, 1);
        status = judgeSecondByte(second, first & OPCODE, options);
        if (status) return finish(count, status, position + 1);

        let length = <u64>(second & 0x7f);
        let lengthBytes: u32 = 0;
        if (length > 125) {
          lengthBytes = length == 126 ? 2 : 8;
          if (available < 2 + lengthBytes) break;
          length =
            lengthBytes == 2 ? <u64>bswap<u16>(load<u16>(position, 2)) : bswap<u64>(load<u64>(position, 2));
        }
        if (lengthBytes || <f64>length > maxFrameSize) {
          store<f64>(RESULT, <f64>length, RESULT_LENGTH);
          status = judgeLength(length, lengthBytes, maxFrameSize);
          if (status) return finish(count, status, position + 1 + min(lengthBytes, 1));
        }
        const masked = second & MASK;
        const headerLength = <usize>(2 + lengthBytes + (masked >> 5));
        if (available < headerLength) break;
        const opcode = first & OPCODE;
        let began = message;
        if (opcode - 1 < 2) began = opcode | (first & RSV1);
        else if (opcode == CONTINUATION && message == MESSAGE_ANY) began = MESSAGE_UNKNOWN;
        // What began in the chunk before cannot be scanned again.
        if (options & OPTION_MORE && position >= start && length > <u64>(available - headerLength)) {
          status = STATUS_FULL;
          break;
        }
        message = began;
        key = masked ? load<u32>(position + headerLength - 4) : 0;
        position += headerLength;
        remaining = length;
        frame = first | (masked << 1) | ((<u32>headerLength) << RECORD_HEADER_SHIFT);
        flags = RECORD_FIRST;
      }
    }

    const here = <u32>min(remaining, <u64>(end - position));
    const last = here == remaining;
    const keyHere = key;
    // Only an uncompressed text message says `TEXT` and no RSV1; control frames stand outside it.
    if (message == TEXT && (frame & OPCODE) < CLOSE) {
      const seen = frame & RECORD_MASKED ? unmaskAndGather(position, here, key) : gather(position, here);
      if (!i8x16.bitmask(seen)) flags |= RECORD_ASCII;
      if (!(flags & RECORD_ASCII) || utf8) {
        utf8 = continueUtf8(position, position + here, utf8);
        // §8.1: not a valid UTF-8 stream; also when the message ends inside a character.
        if (utf8 == UTF8_INVALID || (utf8 && last && frame & FIN)) {
          const wrong = utf8 == UTF8_INVALID ? <usize>load<u32>(RESULT, RESULT_POSITION) : position + here;
          // The part before the violation did arrive intact.
          store<f64>(STATE, <f64>(remaining - (wrong - position)), STATE_REMAINING);
          writeRecord(record, frame | (flags & RECORD_FIRST), position, <u32>(wrong - position), keyHere);
          return finish(count + 1, STATUS_INVALID_UTF8, wrong);
        }
      }
      key = rotr<u32>(key, (here & 3) << 3);
    } else if (frame & RECORD_MASKED) {
      key = mask(position, position, here, key);
    }

    writeRecord(record, frame | flags | (last ? RECORD_LAST : 0), position, here, keyHere);
    record += RECORD_LENGTH;
    count++;
    position += here;
    if (last) {
      if (frame & FIN && (frame & OPCODE) < CLOSE) {
        message = MESSAGE_NONE;
        utf8 = 0;
      }
      frame = 0;
      remaining = 0;
    } else {
      remaining -= here;
    }
  }

  if (position < end && !status) {
    // A header is cut: left to the next scan if the rest of it is at hand, else kept in STATE.
    if (options & OPTION_MORE) {
      status = STATUS_FULL;
    } else {
      spill(position, end);
      position = end;
    }
  }
  store<u32>(STATE, frame, STATE_FRAME);
  store<u32>(STATE, key, STATE_MASKING_KEY);
  store<f64>(STATE, <f64>remaining, STATE_REMAINING);
  store<u32>(STATE, message, STATE_MESSAGE);
  store<u32>(STATE, utf8, STATE_UTF8);
  return finish(count, status, position);
}

function writeRecord(record: usize, word: u32, payload: usize, length: u32, key: u32): void {
  store<u32>(record, word);
  store<u32>(record, <u32>payload, 4);
  store<u32>(record, length, 8);
  store<u32>(record, key, 12);
}
