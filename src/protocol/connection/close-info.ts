/** The close codes and reasons that programs of a page may give, checked as the WHATWG standard says. */

import { CloseCode, utf8Length } from "../../codec/index.js";

/** How a WebSocketStream is closed, and what a WebSocketError says: both members may be left out. */
export interface WebSocketCloseInfo {
  /** 1000, or 3000 to 4999. Default: none, or 1000 if there is a reason. */
  readonly closeCode?: number | undefined;
  /** At most 123 bytes of UTF-8. Default "". */
  readonly reason?: string | undefined;
}

/** §5.5: "All control frames MUST have a payload length of 125 bytes or less"; two of them are the code. */
const MAX_REASON_LENGTH = 123;

/**
 * Checks what a program of a page may close a connection with.
 *
 * @throws a DOMException named InvalidAccessError for a code, SyntaxError for a reason.
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
  // Not by Number(): a BigInt is to throw. NaN is 0.
  const clamped = Math.min(Math.max(+(value as number) || 0, 0), 0xffff);
  const rounded = Math.round(clamped);
  // A half goes to the even neighbour.
  return rounded - clamped === 0.5 ? rounded - (rounded % 2) : rounded;
}

/**
 * Reads a WebSocketCloseInfo as Web IDL does.
 *
 * @returns the code is null where there is none.
 * @throws {TypeError} for what is no object; what `assertCloseInfo` throws.
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
