/**
 * Errors of frames (RFC 6455 §5, §7.4): one table from the kernel's status numbers to `code` strings, which are those
 * of `ws` where it has the same rule, close codes and messages.
 */

import {
  STATUS_BLOCK_TYPE,
  STATUS_CLOSE_BODY_OF_ONE,
  STATUS_CODE_LENGTHS,
  STATUS_CONTROL_TOO_LONG,
  STATUS_DISTANCE,
  STATUS_EXPECTED_CONTINUATION,
  STATUS_EXPECTED_MASK,
  STATUS_FRAGMENTED_CONTROL,
  STATUS_FRAME_TOO_BIG,
  STATUS_INVALID_UTF8,
  STATUS_LENGTH_NOT_MINIMAL,
  STATUS_LENGTH_TOP_BIT,
  STATUS_LENGTH_UNSAFE,
  STATUS_RESERVED_OPCODE,
  STATUS_RSV_1,
  STATUS_RSV_2_3,
  STATUS_STORED_LENGTH,
  STATUS_SYMBOL,
  STATUS_UNEXPECTED_CONTINUATION,
  STATUS_UNEXPECTED_MASK,
} from "../kernel/index.js";
import { CloseCode } from "./close-code.js";

/** Strings in `error.code`. Those that `ws` has too mean the same and come with the same message. */
export type ProtocolErrorCode =
  | "WS_ERR_EXPECTED_FIN"
  | "WS_ERR_EXPECTED_MASK"
  | "WS_ERR_INVALID_CLOSE_CODE"
  | "WS_ERR_INVALID_COMPRESSED_DATA"
  | "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH"
  | "WS_ERR_INVALID_OPCODE"
  | "WS_ERR_INVALID_PAYLOAD_LENGTH"
  | "WS_ERR_INVALID_UTF8"
  | "WS_ERR_NO_MEMORY"
  | "WS_ERR_UNEXPECTED_MASK"
  | "WS_ERR_UNEXPECTED_RSV_1"
  | "WS_ERR_UNEXPECTED_RSV_2_3"
  | "WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH"
  | "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";

/** The peer broke the protocol. Readers of a stream report it and never throw it. */
export class ProtocolError extends Error {
  override readonly name: string = "ProtocolError";
  /** Stable name of the rule. */
  readonly code: ProtocolErrorCode;
  /** The code for the Close frame that answers it (§7.4.1). */
  readonly closeCode: CloseCode;
  /** Bytes of the stream before the first one that broke the rule. */
  readonly offset: number;

  constructor(message: string, code: ProtocolErrorCode, closeCode: CloseCode, offset: number) {
    super(message);
    this.code = code;
    this.closeCode = closeCode;
    this.offset = offset;
  }
}

/** The peer kept the protocol and exceeded a limit of ours. */
export class LimitError extends ProtocolError {
  override readonly name = "LimitError";
  /** Bytes allowed. */
  readonly limit: number;
  /** Bytes announced or received. */
  readonly actual: number;

  constructor(message: string, code: ProtocolErrorCode, offset: number, limit: number, actual: number) {
    super(message, code, CloseCode.MessageTooBig, offset);
    this.limit = limit;
    this.actual = actual;
  }
}

/** A call at the wrong time: local misuse. */
export class InvalidStateError extends Error {
  override readonly name = "InvalidStateError";
}

/** Status numbers that the codec adds to the kernel's. */
export const STATUS_CLOSE_CODE = 32;
export const STATUS_MESSAGE_TOO_BIG = 33;
export const STATUS_TRUNCATED = 34;
export const STATUS_NO_MEMORY = 35;

/** `%` stands for the opcode, length or close code at fault, `%limit` for the limit that it exceeds. */
type Row = readonly [code: ProtocolErrorCode, closeCode: CloseCode, message: string];

/** Made by a function, so that a bundle that does not use it can leave it out. */
const TABLE = /* @__PURE__ */ (() => {
  const { ProtocolError: BROKEN, MessageTooBig: TOO_BIG, InvalidFramePayloadData: NOT_TEXT } = CloseCode;
  const { InternalError: OURS } = CloseCode;
  const opcode: Row = ["WS_ERR_INVALID_OPCODE", BROKEN, "Invalid WebSocket frame: invalid opcode %"];
  const control: Row = [
    "WS_ERR_INVALID_CONTROL_PAYLOAD_LENGTH",
    BROKEN,
    "Invalid WebSocket frame: invalid payload length %",
  ];
  const compressed = (what: string): Row => [
    "WS_ERR_INVALID_COMPRESSED_DATA",
    NOT_TEXT,
    `Invalid compressed data: ${what}`,
  ];
  // biome-ignore format: a table is read by rows, one rule each; the formatter gives each of its cells a line
  const table: Readonly<Record<number, Row>> = {
    [STATUS_RSV_2_3]: ["WS_ERR_UNEXPECTED_RSV_2_3", BROKEN, "Invalid WebSocket frame: RSV2 and RSV3 must be clear"],
    [STATUS_RSV_1]: ["WS_ERR_UNEXPECTED_RSV_1", BROKEN, "Invalid WebSocket frame: RSV1 must be clear"],
    [STATUS_RESERVED_OPCODE]: opcode,
    [STATUS_FRAGMENTED_CONTROL]: ["WS_ERR_EXPECTED_FIN", BROKEN, "Invalid WebSocket frame: FIN must be set"],
    [STATUS_UNEXPECTED_CONTINUATION]: opcode,
    [STATUS_EXPECTED_CONTINUATION]: opcode,
    [STATUS_EXPECTED_MASK]: ["WS_ERR_EXPECTED_MASK", BROKEN, "Invalid WebSocket frame: MASK must be set"],
    [STATUS_UNEXPECTED_MASK]: ["WS_ERR_UNEXPECTED_MASK", BROKEN, "Invalid WebSocket frame: MASK must be clear"],
    [STATUS_CONTROL_TOO_LONG]: control,
    [STATUS_CLOSE_BODY_OF_ONE]: control,
    [STATUS_LENGTH_NOT_MINIMAL]: ["WS_ERR_INVALID_PAYLOAD_LENGTH", BROKEN, "Invalid WebSocket frame: payload length % is not encoded in the fewest bytes"],
    [STATUS_LENGTH_TOP_BIT]: ["WS_ERR_INVALID_PAYLOAD_LENGTH", BROKEN, "Invalid WebSocket frame: the top bit of a 64-bit payload length must be clear"],
    [STATUS_LENGTH_UNSAFE]: ["WS_ERR_UNSUPPORTED_DATA_PAYLOAD_LENGTH", TOO_BIG, "Unsupported WebSocket frame: payload length > 2^53 - 1"],
    [STATUS_FRAME_TOO_BIG]: ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", TOO_BIG, "Max payload size exceeded: maxFrameSize is %limit, and the frame has % bytes"],
    [STATUS_INVALID_UTF8]: ["WS_ERR_INVALID_UTF8", NOT_TEXT, "Invalid WebSocket frame: invalid UTF-8 sequence"],
    [STATUS_BLOCK_TYPE]: compressed("a block of type 3"),
    [STATUS_STORED_LENGTH]: compressed("the two lengths of a stored block must agree"),
    [STATUS_CODE_LENGTHS]: compressed("code lengths that make no code"),
    [STATUS_SYMBOL]: compressed("a code without a meaning"),
    [STATUS_DISTANCE]: compressed("a distance that reaches back too far"),
    [STATUS_TRUNCATED]: compressed("it breaks off"),
    [STATUS_NO_MEMORY]: ["WS_ERR_NO_MEMORY", OURS, "There is no memory to decompress a message"],
    [STATUS_MESSAGE_TOO_BIG]: ["WS_ERR_UNSUPPORTED_MESSAGE_LENGTH", TOO_BIG, "Max payload size exceeded: maxLength is %limit, and the message has at least % bytes"],
    [STATUS_CLOSE_CODE]: ["WS_ERR_INVALID_CLOSE_CODE", BROKEN, "Invalid WebSocket frame: invalid status code %"],
  };
  return table;
})();

/**
 * Makes the error for a status number.
 *
 * @param offset - of the violation, in bytes from the beginning of the stream.
 * @param detail - the opcode, length or close code that broke the rule.
 * @param limit - the limit that was exceeded, for the statuses that are about one.
 */
export function protocolError(status: number, offset: number, detail = 0, limit = Infinity): ProtocolError {
  const row = TABLE[status];
  if (row === undefined) throw new Error(`no such status: ${status}`);
  const [code, closeCode, template] = row;
  const message = template.replace("%limit", String(limit)).replace("%", String(detail));
  return closeCode === CloseCode.MessageTooBig
    ? new LimitError(message, code, offset, Math.min(limit, Number.MAX_SAFE_INTEGER), detail)
    : new ProtocolError(message, code, closeCode, offset);
}
