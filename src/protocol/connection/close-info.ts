/** Checks the close codes and reasons that a page may use, as the WHATWG standard says. */

import { CloseCode, utf8Length } from "../../codec/index.js";

/** The code and reason to close a WebSocketStream with, or of a WebSocketError. Both members are optional. */
export interface WebSocketCloseInfo {
  /** 1000, or 3000 to 4999. Default: none, or 1000 if there is a reason. */
  readonly closeCode?: number | undefined;
  /** At most 123 bytes of UTF-8. Default "". */
  readonly reason?: string | undefined;
}

/** §5.5: "All control frames MUST have a payload length of 125 bytes or less"; two of them are the code. */
const MAX_REASON_LENGTH = 123;

/**
 * Checks the code and reason that a page closes a connection with.
 *
 * @throws a DOMException named InvalidAccessError for an invalid code, SyntaxError for a reason that is too long.
 */
export function assertCloseInfo(code: number | undefined, reason: string): void {
  if (code !== undefined && code !== CloseCode.NormalClosure && !(code >= 3000 && code <= 4999)) {
    const message = `the close code must be 1000 or 3000 to 4999, not ${code}`;
    throw new DOMException(message, "InvalidAccessError");
  }
  const length = utf8Length(reason);
  if (length > MAX_REASON_LENGTH) {
    const message = `the reason must have at most ${MAX_REASON_LENGTH} bytes of UTF-8, not ${length}`;
    throw new DOMException(message, "SyntaxError");
  }
}

/** Web IDL's `[Clamp] unsigned short`. */
export function clampToUnsignedShort(value: unknown): number {
  // Unary plus instead of Number(), so that a BigInt throws. NaN becomes 0.
  const clamped = Math.min(Math.max(+(value as number) || 0, 0), 0xffff);
  const rounded = Math.round(clamped);
  // A half rounds to the even neighbour.
  return rounded - clamped === 0.5 ? rounded - (rounded % 2) : rounded;
}

/**
 * Reads a WebSocketCloseInfo as Web IDL does.
 *
 * @returns the code and reason; the code is null if none is given.
 * @throws {TypeError} if the value is not an object, and the errors of `assertCloseInfo`.
 */
export function readCloseInfo(info: unknown): { readonly closeCode: number | null; readonly reason: string } {
  const given = info ?? {};
  if (Object(given) !== given) {
    throw new TypeError(`a close info must be an object, not ${String(info)}`);
  }
  const { closeCode, reason = "" } = given as { readonly closeCode?: unknown; readonly reason?: unknown };
  const code = closeCode === undefined ? undefined : clampToUnsignedShort(closeCode);
  const text = `${reason as string}`;
  assertCloseInfo(code, text);
  return { closeCode: code ?? (text === "" ? null : CloseCode.NormalClosure), reason: text };
}
