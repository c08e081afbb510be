/** What goes wrong, in the words of `ws`: users match on its codes and messages. */

import { CloseCode, LimitError, ProtocolError } from "../codec/index.js";

export const STATE_NAMES = ["CONNECTING", "OPEN", "CLOSING", "CLOSED"] as const;

/**
 * The error that `ws` has for what a peer did. What hawser knows besides is its `cause`.
 *
 * @param error - another error than one of the protocol is returned as it is.
 */
export function wordedAsWs(error: Error): Error {
  if (!(error instanceof ProtocolError)) return error;
  // The limit has another name here than in the options of `ws`.
  const isLimit = error instanceof LimitError && error.message.startsWith("Max payload size exceeded");
  const message = isLimit ? "Max payload size exceeded" : error.message;
  // Users match on zlib's code.
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
 * Throws outside of everything that runs: what a listener throws ends the process, or reaches its handler for uncaught
 * exceptions, as with `ws`; the connection goes on.
 */
export function throwLater(thrown: unknown): void {
  process.nextTick(() => {
    throw thrown;
  });
}
