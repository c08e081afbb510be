/**
 * Messages out of bytes, one at a time (RFC 6455 §5.4), with everything in between open to view: for tools, tests
 * and small programs. A connection is an Endpoint, which is faster and keeps more rules.
 */

import {
  type CloseBody,
  CloseCode,
  DEFAULT_MAX_FRAME_SIZE,
  decodeCloseBody,
  decodeFrame,
  type Frame,
  isControl,
  isValidUtf8,
  Opcode,
  PayloadBuffer,
  ProtocolError,
  type Role,
} from "../../codec/index.js";
import { DEFAULT_MAX_MESSAGE_SIZE } from "./endpoint-options.js";
import { Message, messageTooBig } from "./message.js";

export interface MessageReaderOptions {
  /** Our side; then MASK must be as §5.1 says. Default "any". */
  readonly role?: Role | "any" | undefined;
  /** Bytes of payload that a frame may have. Default 1 MiB. */
  readonly maxFrameSize?: number | undefined;
  /** Bytes that a message may have. Default 16 MiB. */
  readonly maxMessageSize?: number | undefined;
}

/** The message under way. */
export interface Fragments {
  readonly type: "text" | "binary";
  /** The payloads of its frames so far. */
  readonly payload: PayloadBuffer;
}

/**
 * What there is now: a message, a ping or a pong; "need-more" bytes; or "closed", for a Close was read and nothing
 * may follow it (§5.5.1).
 */
export type ReadResult = Message | "need-more" | "closed";

/**
 * Reads messages.
 *
 * ```ts
 * const reader = new MessageReader({ role: "client" });
 * for (let result = reader.receiveMessage(chunk); result instanceof Message; result = reader.tryDecodeMessage()) {
 *   handle(result);
 * }
 * ```
 *
 * It throws a ProtocolError for what the peer did wrong, and reads nothing more.
 */
export class MessageReader {
  state: "open" | "closed" = "open";
  /** Undefined between two messages. */
  fragments: Fragments | undefined = undefined;
  /** What the Close said, once the state is "closed" because of one. */
  close: CloseBody | undefined = undefined;
  #buffer = new PayloadBuffer();
  /** Bytes that `buffer` must hold before it is worth looking at again. */
  #needed = 0;
  readonly #role: Role | "any";
  readonly #maxFrameSize: number;
  readonly #maxMessageSize: number;

  constructor(options: MessageReaderOptions = {}) {
    const { role = "any", maxFrameSize = DEFAULT_MAX_FRAME_SIZE } = options;
    this.#role = role;
    this.#maxFrameSize = maxFrameSize;
    this.#maxMessageSize = options.maxMessageSize ?? DEFAULT_MAX_MESSAGE_SIZE;
  }

  /** Received bytes that are not decoded yet. */
  get buffer(): PayloadBuffer {
    return this.#buffer;
  }

  set buffer(buffer: PayloadBuffer) {
    this.#buffer = buffer;
    this.#needed = 0;
  }

  /**
   * Appends a chunk to `buffer` and tries to decode a message.
   *
   * @param chunk - the reader's from here on, which leaves it as it is.
   * @throws {ProtocolError} for what the peer did wrong.
   */
  receiveMessage(chunk: Uint8Array): ReadResult {
    this.#buffer.append(chunk);
    return this.tryDecodeMessage();
  }

  /**
   * Decodes frames from `buffer` until one completes a message, or there is none left.
   *
   * @throws {ProtocolError} for what the peer did wrong.
   */
  tryDecodeMessage(): ReadResult {
    if (this.state === "closed") return "closed";
    if (this.#buffer.length < this.#needed) return "need-more";
    const bytes = this.#buffer.take();
    const options = { role: this.#role, maxFrameSize: this.#maxFrameSize };
    let start = 0;
    let result: ReadResult = "need-more";
    try {
      while (result === "need-more") {
        const { frame, bytesConsumed } = decodeFrame(bytes.subarray(start), options);
        if (frame === undefined) break;
        start += bytesConsumed;
        result = this.processFrame(frame);
      }
    } catch (error) {
      this.state = "closed";
      throw error;
    }
    const rest = bytes.subarray(start);
    this.#buffer.append(rest);
    this.#needed = leastLength(rest);
    return result;
  }

  /**
   * Takes a frame that was decoded already.
   *
   * @param frame - its payload is the reader's from here on.
   * @throws {ProtocolError} for a frame that may not come now; its offset is 0.
   */
  processFrame(frame: Frame): ReadResult {
    if (this.state === "closed") return "closed";
    const { opcode, fin, payload } = frame;
    if (isControl(opcode)) return this.#control(opcode, payload);
    // §5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message".
    if ((opcode === Opcode.Continuation) !== (this.fragments !== undefined)) {
      const text = `Invalid WebSocket frame: invalid opcode ${opcode}`;
      throw new ProtocolError(text, "WS_ERR_INVALID_OPCODE", CloseCode.ProtocolError, 0);
    }
    const type = opcode === Opcode.Text ? "text" : "binary";
    const message = (this.fragments ??= { type, payload: new PayloadBuffer() });
    const length = message.payload.length + payload.length;
    if (length > this.#maxMessageSize) {
      throw messageTooBig(0, this.#maxMessageSize, length);
    }
    message.payload.append(payload);
    if (!fin) return "need-more";
    this.fragments = undefined;
    const data = message.payload.take();
    if (message.type === "binary") return new Message(data, "binary");
    // §8.1: an endpoint that receives bytes that are not UTF-8 must fail the connection.
    if (!isValidUtf8(data)) {
      const text = "Invalid WebSocket frame: invalid UTF-8 sequence";
      throw new ProtocolError(text, "WS_ERR_INVALID_UTF8", CloseCode.InvalidFramePayloadData, 0);
    }
    return new Message(new TextDecoder("utf-8", { ignoreBOM: true }).decode(data), "text");
  }

  #control(opcode: Opcode, payload: Uint8Array): ReadResult {
    if (opcode !== Opcode.Close) return new Message(payload, opcode === Opcode.Ping ? "ping" : "pong");
    this.close = decodeCloseBody(payload);
    this.state = "closed";
    return "closed";
  }
}

/** How many bytes the frame has that begins here; at least, as long as its length is not known. */
function leastLength(bytes: Uint8Array): number {
  if (bytes.length < 2) return 2;
  const length7 = bytes[1] & 0x7f;
  const extended = length7 < 126 ? 0 : length7 === 126 ? 2 : 8;
  const header = 2 + extended + (bytes[1] >> 7) * 4;
  if (extended === 0) return header + length7;
  if (bytes.length < header) return header;
  const view = new DataView(bytes.buffer, bytes.byteOffset, header);
  return header + (extended === 2 ? view.getUint16(2) : Number(view.getBigUint64(2)));
}
