/**
 * The kernel's operations in plain TypeScript: the vector code in `assembly/` must agree with it byte for byte, and it
 * runs where WebAssembly is forbidden. Written so that a reader can check it against RFC 6455 §5 and RFC 3629 §4.
 */

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
  RESULT_ASCII,
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
} from "./generated/layout.js";
import { type Kernel, MEMORY_LENGTH } from "./kernel.js";

const FIN = 0x80;
const RSV1 = 0x40;
const CLOSE = 0x8;

/** Makes a kernel with a memory of its own. */
export function createReferenceKernel(): Kernel {
  const memory = new ArrayBuffer(MEMORY_LENGTH);
  const bytes = new Uint8Array(memory);
  const view = new DataView(memory);
  const u32 = (address: number) => view.getUint32(address, true);
  const setU32 = (address: number, value: number) => view.setUint32(address, value, true);

  function mask(destination: number, source: number, length: number, key: number): number {
    for (let i = 0; i < length; i++) {
      bytes[destination + i] = bytes[source + i] ^ (key >>> ((i & 3) << 3));
    }
    return rotate(key, length);
  }

  function validateUtf8(start: number, end: number, state: number): number {
    setU32(RESULT + RESULT_ASCII, isAscii(start, end) ? 1 : 0);
    for (let i = start; i < end; i++) {
      state = nextUtf8State(state, bytes[i]);
      if (state === UTF8_INVALID) {
        setU32(RESULT + RESULT_POSITION, i);
        return state;
      }
    }
    return state;
  }

  function isAscii(start: number, end: number): boolean {
    let union = 0;
    for (let i = start; i < end; i++) union |= bytes[i];
    return union < 0x80;
  }

  function utf8ToUtf16(start: number, end: number, destination: number): number {
    let units = destination;
    const put = (unit: number) => {
      view.setUint16(units, unit, true);
      units += 2;
    };
    for (let i = start; i < end; ) {
      const lead = bytes[i];
      const tail = (distance: number) => bytes[i + distance] & 0x3f;
      if (lead < 0x80) {
        put(lead);
        i += 1;
      } else if (lead < 0xe0) {
        put(((lead & 0x1f) << 6) | tail(1));
        i += 2;
      } else if (lead < 0xf0) {
        put(((lead & 0x0f) << 12) | (tail(1) << 6) | tail(2));
        i += 3;
      } else {
        const point = ((lead & 0x07) << 18) | (tail(1) << 12) | (tail(2) << 6) | tail(3);
        put(0xd7c0 + (point >> 10));
        put(0xdc00 | (point & 0x3ff));
        i += 4;
      }
    }
    return (units - destination) / 2;
  }

  function utf16ToUtf8(start: number, end: number, destination: number): number {
    let at = destination;
    for (let i = start; i < end; i += 2) {
      let point = view.getUint16(i, true);
      const next = i + 2 < end ? view.getUint16(i + 2, true) : 0;
      if ((point & 0xfc00) === 0xd800 && (next & 0xfc00) === 0xdc00) {
        point = 0x10000 + ((point & 0x3ff) << 10) + (next & 0x3ff);
        i += 2;
      } else if ((point & 0xf800) === 0xd800) {
        point = 0xfffd;
      }
      const tails = point < 0x80 ? 0 : point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
      // The lead of n tails begins with n + 1 ones and a zero: 110, 1110, 11110.
      bytes[at++] = tails === 0 ? point : (0xf00 >>> (tails + 1)) | (point >>> (6 * tails));
      for (let tail = tails - 1; tail >= 0; tail--) bytes[at++] = 0x80 | ((point >>> (6 * tail)) & 0x3f);
    }
    return at - destination;
  }

  function scan(start: number, end: number, options: number, maxFrameSize: number): number {
    let frame = u32(STATE + STATE_FRAME);
    let key = u32(STATE + STATE_MASKING_KEY);
    let remaining = view.getFloat64(STATE + STATE_REMAINING, true);
    let message = u32(STATE + STATE_MESSAGE);
    let utf8 = u32(STATE + STATE_UTF8);

    // A header that the last chunk cut is put together just before this one.
    const spilled = u32(STATE + STATE_SPILL_LENGTH);
    let position = start - spilled;
    bytes.copyWithin(position, STATE + STATE_SPILL, STATE + STATE_SPILL + spilled);
    setU32(STATE + STATE_SPILL_LENGTH, 0);

    let count = 0;
    const finish = (status: number, at: number) => {
      setU32(RESULT + RESULT_STATUS, status);
      setU32(RESULT + RESULT_POSITION, at);
      return count;
    };
    const record = (word: number, length: number, maskingKey: number) => {
      const at = RECORDS + count++ * RECORD_LENGTH;
      setU32(at, word);
      setU32(at + 4, position);
      setU32(at + 8, length);
      setU32(at + 12, maskingKey);
    };

    let status = STATUS_OK;
    while (position < end) {
      if (count === RECORD_CAPACITY) {
        status = STATUS_FULL;
        break;
      }
      let flags = 0;
      if (frame === 0) {
        const header = judgeHeader(position, end, message, options, maxFrameSize);
        if (header.status !== STATUS_OK) return finish(header.status, header.position);
        if (header.length === 0) break;
        const first = bytes[position];
        const opcode = first & 0x0f;
        let began = message;
        if (opcode === 1 || opcode === 2) began = opcode | (first & RSV1);
        else if (opcode === 0 && message === MESSAGE_ANY) began = MESSAGE_UNKNOWN;
        const cut = header.payloadLength > end - position - header.length;
        // A header that began in the chunk before cannot be scanned again.
        if (cut && options & OPTION_MORE && position >= start) {
          status = STATUS_FULL;
          break;
        }
        message = began;
        const masked = (bytes[position + 1] & 0x80) !== 0;
        key = masked ? u32(position + header.length - 4) : 0;
        remaining = header.payloadLength;
        flags = RECORD_FIRST;
        frame = first | (masked ? RECORD_MASKED : 0) | (header.length << RECORD_HEADER_SHIFT);
        position += header.length;
      }

      const here = Math.min(remaining, end - position);
      const last = here === remaining;
      const control = (frame & 0x0f) >= CLOSE;
      const text = message === 1 && !control;
      const keyHere = key;
      if (frame & RECORD_MASKED) key = mask(position, position, here, key);
      if (text) {
        if (isAscii(position, position + here)) flags |= RECORD_ASCII;
        utf8 = validateUtf8(position, position + here, utf8);
        // §8.1: text that is not valid UTF-8, or whose message ends inside a character.
        if (utf8 === UTF8_INVALID || (utf8 !== 0 && last && frame & FIN)) {
          const wrong = utf8 === UTF8_INVALID ? u32(RESULT + RESULT_POSITION) : position + here;
          view.setFloat64(STATE + STATE_REMAINING, remaining - (wrong - position), true);
          record(frame | (flags & RECORD_FIRST), wrong - position, keyHere);
          return finish(STATUS_INVALID_UTF8, wrong);
        }
      }
      record(frame | flags | (last ? RECORD_LAST : 0), here, keyHere);
      position += here;
      remaining -= here;
      if (last) {
        if (frame & FIN && !control) message = utf8 = 0;
        frame = 0;
      }
    }

    if (position < end && status === STATUS_OK) {
      // A header is cut: left to the next scan if its rest lies behind the end, else kept in STATE.
      if (options & OPTION_MORE) {
        status = STATUS_FULL;
      } else {
        setU32(STATE + STATE_SPILL_LENGTH, end - position);
        bytes.copyWithin(STATE + STATE_SPILL, position, end);
        position = end;
      }
    }
    setU32(STATE + STATE_FRAME, frame);
    setU32(STATE + STATE_MASKING_KEY, key);
    view.setFloat64(STATE + STATE_REMAINING, remaining, true);
    setU32(STATE + STATE_MESSAGE, message);
    setU32(STATE + STATE_UTF8, utf8);
    return finish(status, position);
  }

  /** Judges the bytes of a header that have arrived. `length` stays 0 while the header is incomplete. */
  function judgeHeader(start: number, end: number, message: number, options: number, maxFrameSize: number) {
    const header = { status: STATUS_OK, position: start, length: 0, payloadLength: 0 };
    const available = end - start;
    header.status = judgeFirstByte(bytes[start], message, options);
    if (header.status !== STATUS_OK || available < 2) return header;

    header.position = start + 1;
    const second = bytes[start + 1];
    header.status = judgeSecondByte(second, bytes[start] & 0x0f, options);
    if (header.status !== STATUS_OK) return header;

    const short = second & 0x7f;
    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (available < 2 + lengthBytes) return header;
    if (lengthBytes > 0) header.position = start + 2;
    const length =
      lengthBytes === 0
        ? BigInt(short)
        : lengthBytes === 2
          ? BigInt(view.getUint16(start + 2))
          : view.getBigUint64(start + 2);
    header.payloadLength = Number(length);
    header.status = judgeLength(length, lengthBytes, maxFrameSize);
    if (header.status !== STATUS_OK) {
      view.setFloat64(RESULT + RESULT_LENGTH, header.payloadLength, true);
      return header;
    }

    const headerLength = 2 + lengthBytes + (second & 0x80 ? 4 : 0);
    if (available >= headerLength) header.length = headerLength;
    return header;
  }

  const words = new Int32Array(memory);
  return { backend: "reference", bytes, words, scan, mask, validateUtf8, utf8ToUtf16, utf16ToUtf8 };
}

/** The key for the byte that is `length` bytes further on. */
function rotate(key: number, length: number): number {
  const bits = (length & 3) << 3;
  return bits === 0 ? key | 0 : (key >>> bits) | (key << (32 - bits));
}

/** RFC 3629 §4; the shape of a state is described in `assembly/frame/utf8.ts`. */
function nextUtf8State(state: number, byte: number): number {
  const expect = (count: number, least: number, greatest: number) => count | (least << 8) | (greatest << 16);
  if (state === 0) {
    if (byte <= 0x7f) return 0;
    if (byte >= 0xc2 && byte <= 0xdf) return expect(1, 0x80, 0xbf);
    if (byte === 0xe0) return expect(2, 0xa0, 0xbf);
    if (byte === 0xed) return expect(2, 0x80, 0x9f);
    if (byte >= 0xe1 && byte <= 0xef) return expect(2, 0x80, 0xbf);
    if (byte === 0xf0) return expect(3, 0x90, 0xbf);
    if (byte >= 0xf1 && byte <= 0xf3) return expect(3, 0x80, 0xbf);
    if (byte === 0xf4) return expect(3, 0x80, 0x8f);
    return UTF8_INVALID;
  }
  const count = state & 0xff;
  const least = (state >> 8) & 0xff;
  const greatest = (state >> 16) & 0xff;
  if (byte < least || byte > greatest) return UTF8_INVALID;
  return count === 1 ? 0 : expect(count - 1, 0x80, 0xbf);
}

/** §5.2, §5.4, §5.5 and RFC 7692 §6.1: RSV bits, opcode and FIN, given the message under way. */
function judgeFirstByte(byte: number, message: number, options: number): number {
  const fin = (byte & FIN) !== 0;
  const rsv1 = (byte & RSV1) !== 0;
  const opcode = byte & 0x0f;
  if (byte & 0x30) return STATUS_RSV_2_3;
  if (rsv1 && !(options & OPTION_ALLOW_RSV1)) return STATUS_RSV_1;
  switch (opcode) {
    case 0x0:
      if (rsv1) return STATUS_RSV_1;
      return message !== MESSAGE_NONE ? STATUS_OK : STATUS_UNEXPECTED_CONTINUATION;
    case 0x1:
    case 0x2:
      return message === MESSAGE_NONE || message === MESSAGE_ANY ? STATUS_OK : STATUS_EXPECTED_CONTINUATION;
    case 0x8:
    case 0x9:
    case 0xa:
      if (!fin) return STATUS_FRAGMENTED_CONTROL;
      return rsv1 ? STATUS_RSV_1 : STATUS_OK;
    default:
      return STATUS_RESERVED_OPCODE;
  }
}

/** §5.1, §5.5: the MASK bit, and the length of a control frame. */
function judgeSecondByte(byte: number, opcode: number, options: number): number {
  const masked = (byte & 0x80) !== 0;
  const length = byte & 0x7f;
  if (opcode >= CLOSE && length > 125) return STATUS_CONTROL_TOO_LONG;
  if (opcode === CLOSE && length === 1) return STATUS_CLOSE_BODY_OF_ONE;
  if (!masked && options & OPTION_REQUIRE_MASK) return STATUS_EXPECTED_MASK;
  if (masked && options & OPTION_FORBID_MASK) return STATUS_UNEXPECTED_MASK;
  return STATUS_OK;
}

/** §5.2: the payload length. */
function judgeLength(length: bigint, lengthBytes: number, maxFrameSize: number): number {
  if (length >= 0x8000000000000000n) return STATUS_LENGTH_TOP_BIT;
  if (length > BigInt(Number.MAX_SAFE_INTEGER)) return STATUS_LENGTH_UNSAFE;
  if (lengthBytes === 2 && length < 126n) return STATUS_LENGTH_NOT_MINIMAL;
  if (lengthBytes === 8 && length < 0x10000n) return STATUS_LENGTH_NOT_MINIMAL;
  return Number(length) > maxFrameSize ? STATUS_FRAME_TOO_BIG : STATUS_OK;
}
