/** What two endpoints exchange (RFC 6455 §1.2, §5.4 to §5.6), with what comes between as a control frame. */

import { LimitError } from "../../codec/index.js";

/** Which kind of message, or which control frame. */
export type MessageType = "text" | "binary" | "ping" | "pong" | "close";

const TYPES: ReadonlySet<unknown> = new Set<MessageType>(["text", "binary", "ping", "pong", "close"]);

/**
 * A message, a part of one, or a control frame. Received ones have the data that the endpoint's options ask
 * for; those that are made here are checked when they are sent.
 */
export class Message {
  /**
   * Text: a string, or its bytes in UTF-8. A close: its reason. Anything else: bytes. Of a received message they
   * are the receiver's, unless it asked for borrowed ones.
   */
  readonly data: string | Uint8Array;
  readonly type: MessageType;
  /** Whether more of the same message follows (§5.4). */
  readonly partial: boolean;
  /** The code of a close; undefined if its frame had none, and for every other type. */
  readonly code: number | undefined;

  constructor(data: string | Uint8Array, type: MessageType, partial = false, code?: number) {
    this.data = data;
    this.type = type;
    this.partial = partial;
    this.code = code;
  }

  /** The data as a string; bytes are decoded as UTF-8. */
  toString(): string {
    if (typeof this.data === "string") return this.data;
    // A leading U+FEFF is text like any other: §5.6 knows no byte order mark.
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(this.data);
  }
}

/** Whether a value is a Message. */
export function isMessage(value: unknown): value is Message {
  return value instanceof Message;
}

/**
 * Checks a message that somebody made.
 *
 * @throws {TypeError} saying what was expected: a known type, a string for a close, a string or bytes for text,
 *   bytes for everything else, and no partial control frame (§5.5).
 */
export function assertValidMessage(message: unknown): asserts message is Message {
  const { type, data, partial } = (message ?? {}) as Partial<Message>;
  if (!TYPES.has(type)) {
    throw new TypeError(`a message's type must be text, binary, ping, pong or close, not ${String(type)}`);
  }
  const isText = typeof data === "string";
  const isBytes = Object.prototype.toString.call(data) === "[object Uint8Array]";
  if (type === "close" ? !isText : type === "text" ? !isText && !isBytes : !isBytes) {
    const expected =
      type === "close" ? "a string" : type === "text" ? "a string or a Uint8Array" : "a Uint8Array";
    throw new TypeError(`the data of a ${type} message must be ${expected}`);
  }
  if (partial === true && type !== "text" && type !== "binary") {
    throw new TypeError(`a ${type} message cannot be partial: control frames are not fragmented`);
  }
}

/**
 * The error for a message that exceeds a limit of ours.
 *
 * @param offset - bytes of the stream before what exceeded it; 0 where nobody counts them.
 * @param limit - bytes allowed.
 * @param actual - bytes announced or received.
 */
export function messageTooBig(offset: number, limit: number, actual: number): LimitError {
  const code = "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
  return new LimitError("Max payload size exceeded", code, offset, limit, actual);
}
