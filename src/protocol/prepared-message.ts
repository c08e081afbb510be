/** A message that goes to many: encoded once, the same bytes for all. Knows no connection. */

import { FrameEncoder, isValidUtf8, Opcode } from "../codec/index.js";

/**
 * A message with its frame ready. A server's frames are the same for every client, so it is written as it is; a
 * client's are masked with a fresh key each (§5.3), so there only the payload is ready.
 */
export class PreparedMessage {
  readonly type: "text" | "binary";
  /** A whole frame as a server sends it; never changed. */
  readonly frame: Uint8Array;
  /** The payload in it. */
  readonly payload: Uint8Array;

  /** Use `prepareMessage`. */
  constructor(type: "text" | "binary", frame: Uint8Array, payload: Uint8Array) {
    this.type = type;
    this.frame = frame;
    this.payload = payload;
  }
}

export interface PrepareOptions {
  /** Default: text for a string, binary for bytes. Bytes of UTF-8 can be sent as text. */
  readonly type?: "text" | "binary" | undefined;
}

/**
 * Encodes a message that will be sent to many connections.
 *
 * @param data - a string, or bytes, which are copied.
 * @throws {TypeError} for anything else; for bytes to be sent as text that are no UTF-8.
 */
export function prepareMessage(data: string | Uint8Array, options: PrepareOptions = {}): PreparedMessage {
  const { type = typeof data === "string" ? "text" : "binary" } = options;
  if (type !== "text" && type !== "binary") {
    throw new TypeError(`the type of what is sent must be "text" or "binary", not ${String(type)}`);
  }
  const encoder = new FrameEncoder({ role: "server" });
  encoder.frame(type === "text" ? Opcode.Text : Opcode.Binary, data);
  const frame = new Uint8Array(encoder.take());
  const length7 = frame[1];
  const payload = frame.subarray(length7 < 126 ? 2 : length7 === 126 ? 4 : 10);
  if (type === "text" && typeof data !== "string" && !isValidUtf8(payload)) {
    throw new TypeError("bytes that are sent as text must be valid UTF-8");
  }
  return new PreparedMessage(type, frame, payload);
}
