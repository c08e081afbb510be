/**
 * What a decoder must make of a stream: RFC 6455 §5 once more, over the whole stream at once, with no
 * thought of speed or chunks. Tests compare the decoder with it.
 */

import { judgeUtf8 } from "./utf8-oracle.js";

export interface JudgedFrame {
  readonly opcode: number;
  readonly fin: boolean;
  readonly rsv1: boolean;
  readonly masked: boolean;
  readonly headerLength: number;
  readonly frameOffset: number;
  readonly payload: Uint8Array;
}

export interface Judgement {
  readonly frames: JudgedFrame[];
  readonly error: { readonly code: string; readonly closeCode: number; readonly offset: number } | undefined;
}

export interface JudgeOptions {
  readonly role: "client" | "server" | "any";
  readonly maxFrameSize?: number;
  readonly allowRsv1?: boolean;
}

/** Judges a stream from its beginning. */
export function judgeStream(bytes: Uint8Array, options: JudgeOptions): Judgement {
  const { role, maxFrameSize = 1 << 20, allowRsv1 = false } = options;
  const frames: JudgedFrame[] = [];
  const end = (code: string, offset: number, closeCode = 1002): Judgement => ({
    frames,
    error: { code, closeCode, offset },
  });
  /** The message under way: its opcode, whether it is compressed, and its bytes if it is text. */
  let message: { opcode: number; rsv1: boolean; text: number[] } | undefined;

  let at = 0;
  while (at < bytes.length) {
    const start = at;
    const first = bytes[start];
    const fin = first >= 0x80;
    const rsv1 = (first & 0x40) !== 0;
    const opcode = first & 15;
    const control = opcode >= 8;
    if (first & 0x30) return end("WS_ERR_UNEXPECTED_RSV_2_3", start);
    if (rsv1 && !allowRsv1) return end("WS_ERR_UNEXPECTED_RSV_1", start);
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) return end("WS_ERR_INVALID_OPCODE", start);
    if (control && !fin) return end("WS_ERR_EXPECTED_FIN", start);
    if (rsv1 && (control || opcode === 0)) return end("WS_ERR_UNEXPECTED_RSV_1", start);
    if (opcode === 0 && message === undefined) return end("WS_ERR_INVALID_OPCODE", start);
    if ((opcode === 1 || opcode === 2) && message !== undefined) return end("WS_ERR_INVALID_OPCODE", start);

    if (start + 1 >= bytes.length) break;
    const second = bytes[start + 1];
    const masked = second >= 0x80;
    const short = second & 127;
    if (control && short > 125) return end("WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", start + 1);
    if (opcode === 8 && short === 1) return end("WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH", start + 1);
    if (role === "server" && !masked) return end("WS_ERR_EXPECTED_MASK", start + 1);
    if (role === "client" && masked) return end("WS_ERR_UNEXPECTED_MASK", start + 1);

    const lengthBytes = short === 126 ? 2 : short === 127 ? 8 : 0;
    if (start + 2 + lengthBytes > bytes.length) break;
    let length = BigInt(short);
    if (lengthBytes > 0) {
      length = 0n;
      for (let i = 0; i < lengthBytes; i++) length = (length << 8n) | BigInt(bytes[start + 2 + i]);
      if (length >= 1n << 63n) return end("WS_ERR_INVALID_PAYLOAD_LENGTH", start + 2);
      if (length >= 1n << 53n) return end("WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", start + 2, 1009);
      if (length < (lengthBytes === 2 ? 126n : 65536n)) {
        return end("WS_ERR_INVALID_PAYLOAD_LENGTH", start + 2);
      }
    }
    if (Number(length) > maxFrameSize) {
      return end("WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", start + (lengthBytes > 0 ? 2 : 1), 1009);
    }

    const headerLength = 2 + lengthBytes + (masked ? 4 : 0);
    const payloadStart = start + headerLength;
    if (payloadStart > bytes.length) break;
    const payload = new Uint8Array(bytes.subarray(payloadStart, payloadStart + Number(length)));
    const complete = BigInt(payload.length) === length;
    if (masked) {
      for (let i = 0; i < payload.length; i++) payload[i] ^= bytes[payloadStart - 4 + (i & 3)];
    }
    if (!control) {
      if (opcode !== 0) message = { opcode, rsv1, text: [] };
      if (message?.opcode === 1 && !message.rsv1) {
        const before = message.text.length;
        for (const byte of payload) message.text.push(byte);
        const verdict = judgeUtf8(message.text);
        if (verdict.offset >= 0) {
          return end("WS_ERR_INVALID_UTF8", payloadStart + verdict.offset - before, 1007);
        }
        if (!verdict.complete && complete && fin) {
          return end("WS_ERR_INVALID_UTF8", payloadStart + payload.length, 1007);
        }
      }
    }
    if (!complete) break;
    if (opcode === 8 && payload.length > 0) {
      const code = payload[0] * 256 + payload[1];
      const known = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014];
      if (!known.includes(code) && !(code >= 3000 && code < 5000)) {
        return end("WS_ERR_INVALID_CLOSE_CODE", payloadStart);
      }
      const { offset, complete: whole } = judgeUtf8(payload.subarray(2));
      if (offset >= 0) return end("WS_ERR_INVALID_UTF8", payloadStart + 2 + offset, 1007);
      if (!whole) return end("WS_ERR_INVALID_UTF8", payloadStart + payload.length, 1007);
    }
    frames.push({ opcode, fin, rsv1, masked, headerLength, frameOffset: start, payload });
    if (opcode === 8) break;
    if (!control && fin) message = undefined;
    at = payloadStart + payload.length;
  }
  return { frames, error: undefined };
}
