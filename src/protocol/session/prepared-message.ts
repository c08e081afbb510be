/** A message that goes to many: encoded once, the same bytes for all. Knows no connection. */

import { Compressor, FrameEncoder, isValidUtf8, Opcode } from "../../codec/index.js";
import { type Bytes, toBytes } from "./bytes.js";

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
  /** Compressed, by parameters; undefined where that did not make it shorter. Made when it is first needed. */
  readonly #compressed = new Map<number, CompressedMessage | undefined>();

  /** Use `prepareMessage`. */
  constructor(type: "text" | "binary", frame: Uint8Array, payload: Uint8Array) {
    this.type = type;
    this.frame = frame;
    this.payload = payload;
  }

  /**
   * The message compressed, once for all connections with the same parameters: it refers to no other message.
   *
   * @returns undefined if it would be no shorter.
   */
  compressed(
    windowBits: number,
    level: number | undefined,
    memLevel: number | undefined,
  ): CompressedMessage | undefined {
    const key = (windowBits * 16 + (level ?? 15)) * 16 + (memLevel ?? 15);
    if (this.#compressed.has(key)) return this.#compressed.get(key);
    const compressor = new Compressor({ windowBits, level, memLevel, contextTakeover: false });
    if (!compressor.reserve(this.payload.length)) return undefined;
    const payload = compressor.compress(this.payload);
    const isShorter = payload.length < this.payload.length;
    const message = isShorter ? { payload, frame: encode(this.type, payload, true) } : undefined;
    this.#compressed.set(key, message);
    return message;
  }
}

/** A compressed message: its payload, and a whole frame as a server sends it; never changed. */
export interface CompressedMessage {
  readonly payload: Uint8Array;
  readonly frame: Uint8Array;
}

function encode(type: "text" | "binary", data: string | Uint8Array, rsv1 = false): Uint8Array {
  const encoder = new FrameEncoder({ role: "server" });
  encoder.frame(type === "text" ? Opcode.Text : Opcode.Binary, data, { rsv1 });
  return new Uint8Array(encoder.take());
}

export interface PrepareOptions {
  /** Default: text for a string, binary for bytes. Bytes of UTF-8 can be sent as text. */
  readonly type?: "text" | "binary" | undefined;
}

/**
 * Encodes a message that will be sent to many connections.
 *
 * @param given - a string, or bytes, which are copied.
 * @throws {TypeError} for anything else; for bytes to be sent as text that are not UTF-8.
 */
export function prepareMessage(given: string | Bytes, options: PrepareOptions = {}): PreparedMessage {
  const data = typeof given === "string" ? given : toBytes(given);
  const { type = typeof data === "string" ? "text" : "binary" } = options;
  if (type !== "text" && type !== "binary") {
    throw new TypeError(`the type of a message must be "text" or "binary", not ${String(type)}`);
  }
  const frame = encode(type, data);
  const length7 = frame[1];
  const payload = frame.subarray(length7 < 126 ? 2 : length7 === 126 ? 4 : 10);
  if (type === "text" && typeof data !== "string" && !isValidUtf8(payload)) {
    throw new TypeError("bytes that are sent as text must be valid UTF-8");
  }
  return new PreparedMessage(type, frame, payload);
}
