/** Errors with the codes and messages of `ws`, because programs match on them. */

import { CloseCode, LimitError, ProtocolError } from "../codec/index.js";

export const STATE_NAMES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;

/**
 * Converts a protocol error to the error of `ws`. Hawser's own error is its `cause`.
 *
 * @param error - an error that is not a ProtocolError is returned unchanged.
 */
export function wordedAsWs(error: Error): Error {
  if (!(error instanceof ProtocolError)) return error;
  // Hawser's message names its own option, which `ws` calls `maxPayload`.
  const isLimit = error instanceof LimitError && error.message.startsWith("Max payload size exceeded");
  const message = isLimit ? "Max payload size exceeded" : error.message;
  // Programs match on zlib's code.
  if (error.code === "WS_ERR_INVALID_COMPRESSED_DATA") {
    return Object.assign(new Error(message, { cause: error }), { errno: -3, code: "Z_DATA_ERROR" });
  }
  const Made = error.closeCode === CloseCode.InvalidFramePayloadData ? Error : RangeError;
  return Object.assign(new Made(message, { cause: error }), { code: error.code });
}

export function notOpen(readyState: number): Error {
  return new Error(`WebSocket is not open: readyState ${readyState} (${STATE_NAMES[readyState]})`);
}

/**
 * Throws outside of the current call stack. As with `ws`, an error of a listener ends the process or reaches its
 * handler for uncaught exceptions. The connection continues.
 */
export function throwLater(thrown: unknown): void {
  process.nextTick(() => {
    throw thrown;
  });
}
