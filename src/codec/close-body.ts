/** The body of a Close frame (RFC 6455 §5.5.1, §7.4): two bytes of code, then a reason in UTF-8. */

import { STATUS_CLOSE_BODY_OF_ONE, STATUS_INVALID_UTF8 } from "../kernel/index.js";
import { assertBytes } from "./bytes.js";
import { isValidCloseCode } from "./close-code.js";
import { protocolError, STATUS_CLOSE_CODE } from "./errors.js";
import { utf8Length, writable, writeUtf8 } from "./host.js";
import { textOf, Utf8Validator } from "./utf8.js";

/** The longest payload of a control frame, in bytes (§5.5). */
export const MAX_CONTROL_PAYLOAD_LENGTH = 125;

/** A Close frame's body, decoded. */
export interface CloseBody {
  /** Undefined when the body was empty (then the close code is 1005, §7.1.5). */
  readonly code: number | undefined;
  /** Empty when there is none. */
  readonly reason: string;
}

/** The error in the body of a Close frame. */
export interface CloseBodyViolation {
  readonly status: number;
  /** Index of the first wrong byte. */
  readonly index: number;
  /** The close code or length at fault. */
  readonly detail: number;
}

/**
 * Judges the body of a Close frame.
 *
 * @returns undefined when it is well formed.
 */
export function judgeCloseBody(body: Uint8Array): CloseBodyViolation | undefined {
  if (body.length === 0) return undefined;
  if (body.length === 1) return { status: STATUS_CLOSE_BODY_OF_ONE, index: 0, detail: 1 };
  const code = (body[0] << 8) | body[1];
  if (!isValidCloseCode(code)) return { status: STATUS_CLOSE_CODE, index: 0, detail: code };
  if (body.length === 2) return undefined;
  const validator = new Utf8Validator();
  if (validator.push(body.subarray(2)) && validator.end()) return undefined;
  return { status: STATUS_INVALID_UTF8, index: 2 + validator.offset, detail: 0 };
}

/**
 * Checks a body that is to be sent.
 *
 * @throws {RangeError} when it is not well formed.
 */
export function assertCloseBody(body: Uint8Array | string): void {
  if (body.length === 0 || (typeof body !== "string" && judgeCloseBody(body) === undefined)) return;
  throw new RangeError("the body of a Close frame must be what encodeCloseBody makes: a code, then a reason");
}

/**
 * Decodes the body of a Close frame.
 *
 * @param body - left as it is.
 * @throws {ProtocolError} when it is not well formed; its offset counts from the beginning of the body. A
 *   FrameDecoder delivers no such body.
 */
export function decodeCloseBody(body: Uint8Array): CloseBody {
  assertBytes(body, "body");
  const wrong = judgeCloseBody(body);
  if (wrong !== undefined) throw protocolError(wrong.status, wrong.index, wrong.detail);
  if (body.length === 0) return { code: undefined, reason: "" };
  return { code: (body[0] << 8) | body[1], reason: textOf(body.subarray(2), false) };
}

/**
 * Encodes a body.
 *
 * @param code - one that may stand in a Close frame; undefined for an empty body.
 * @param reason - at most 123 bytes of UTF-8.
 * @returns new bytes.
 * @throws {RangeError} for a code that must not be sent, or a reason that is too long.
 * @throws {TypeError} for a code that is not a number, a reason that is not a string, and a reason without a code.
 */
export function encodeCloseBody(code?: number, reason = ""): Uint8Array<ArrayBuffer> {
  if (typeof reason !== "string")
    throw new TypeError(`a close reason must be a string, not ${nameOf(reason)}`);
  if (code === undefined) {
    if (reason !== "") throw new TypeError("a close reason needs a close code before it");
    return new Uint8Array(0);
  }
  if (typeof code !== "number") throw new TypeError(`a close code must be a number, not ${nameOf(code)}`);
  if (!isValidCloseCode(code)) {
    throw new RangeError(`close code must be 1000-1003, 1007-1014 or 3000-4999, not ${code}`);
  }
  const length = 2 + utf8Length(reason);
  if (length > MAX_CONTROL_PAYLOAD_LENGTH) {
    throw new RangeError(`close reason must be at most 123 bytes of UTF-8, not ${length - 2}`);
  }
  const body = new Uint8Array(length);
  body[0] = code >> 8;
  body[1] = code;
  writeUtf8(reason, writable(body), 2);
  return body;
}

/** A value and its type, for messages: `"1000"` and `1000` look the same without. */
function nameOf(value: unknown): string {
  return value === null || typeof value === "object" ? "an object" : `the ${typeof value} ${String(value)}`;
}
