/** The messages that two endpoints exchange (RFC 6455 §1.2, §5.4 to §5.6), and control frames in the same shape. */

import { type FrameDecoder, LimitError } from "../../codec/index.js";
import { parseJson, type StandardSchema, validate } from "./json.js";

/** The kind of a message, or of a control frame. */
export type MessageType = "text" | "binary" | "ping" | "pong" | "close";

/**
 * The data of each type. Text is typed as a string, the default. With the option `text: "bytes"`, it arrives as UTF-8
 * bytes instead: use `message.bytes`, which has the matching type.
 */
export interface MessageData {
  readonly text: string;
  readonly binary: Uint8Array;
  readonly ping: Uint8Array;
  readonly pong: Uint8Array;
  /** The reason. */
  readonly close: string;
}

export type TextMessage = Message<"text">;
export type BinaryMessage = Message<"binary">;
/** A message as handlers get it. `message.type` determines the type of `message.data`. */
export type DataMessage = TextMessage | BinaryMessage;
/** A message or a control frame, as `receive` and `nextEvent` return it. */
export type AnyMessage = { readonly [Type in MessageType]: Message<Type> }[MessageType];

/**
 * The longest text that is delivered as a string, in bytes: 2^29 - 24, the length of V8's longest string. Each unit of
 * a string takes at least one byte of UTF-8.
 */
export const MAX_TEXT_LENGTH = 0x1fffffe8;

const TYPES: ReadonlySet<unknown> = new Set<MessageType>(["text", "binary", "ping", "pong", "close"]);

/**
 * A message, a part of one, or a control frame. Messages that you create are checked when you send them.
 */
export class Message<Type extends MessageType = MessageType> {
  /**
   * Text: a string, or its bytes in UTF-8 (option `text: "bytes"`). A close: its reason. Every other type: bytes.
   * You own the bytes of a received message, unless the connection has the option `borrow`.
   */
  declare readonly data: MessageData[Type];
  declare readonly type: Type;
  /** Whether more parts of the same message follow (§5.4). */
  declare readonly partial: boolean;
  /** The code of a close. Undefined if its frame had none, and for every other type. */
  declare readonly code: number | undefined;

  // The fields use `declare`, because ordinary fields would be set twice for each message.
  constructor(data: string | Uint8Array, type: Type, partial = false, code?: number) {
    this.data = data as MessageData[Type];
    this.type = type;
    this.partial = partial;
    this.code = code;
  }

  /** The data as bytes; a string is encoded as UTF-8. */
  get bytes(): Uint8Array {
    const data: string | Uint8Array = this.data;
    return typeof data === "string" ? new TextEncoder().encode(data) : data;
  }

  /** The data as a string; bytes are decoded as UTF-8. */
  toString(): string {
    return this.text();
  }

  /**
   * Parses the data as JSON.
   *
   * @param schema - validates the value and returns the result, from any library with the interface Standard Schema.
   * @throws {InvalidMessageError} if the data is not JSON or does not match. If a handler does not catch it, the
   *   connection closes with its `closeCode`, 1007.
   * @throws {TypeError} if `schema` is not a schema or is asynchronous.
   */
  json<Output = unknown>(schema?: StandardSchema<unknown, Output>): Output {
    const value = parseJson(this.text());
    return schema === undefined ? (value as Output) : validate(schema, value);
  }

  /** The data as a string; bytes are decoded as UTF-8. */
  text(): string {
    const data: string | Uint8Array = this.data;
    if (typeof data === "string") return data;
    // A leading U+FEFF is ordinary text: §5.6 does not define a byte order mark.
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(data);
  }
}

/** Returns whether a value is a Message. */
export function isMessage(value: unknown): value is Message {
  return value instanceof Message;
}

const NOTHING = /* @__PURE__ */ new Uint8Array(0);

/** Counts loans. A message is lent while the count equals its own number. */
export interface Lending {
  readonly loans: number;
}

/** A constructor with Message's prototype that sets no fields, because LentMessage defines `data` as a getter. */
const Unset = /* @__PURE__ */ (() => {
  function Unset(): void {}
  Unset.prototype = Message.prototype;
  return Unset as unknown as new () => Message;
})();

/**
 * A message that is lent until its handler returns (option `borrow`). It creates the view of its bytes only when you
 * read `data`, and can be sent on without the view. After the loan, it has no bytes.
 */
export class LentMessage extends (Unset as unknown as new () => object) {
  readonly type: "text" | "binary";
  readonly partial: boolean;
  readonly code: undefined;
  readonly #decoder: FrameDecoder;
  readonly #lending: Lending;
  readonly #loan: number;
  #view: Uint8Array | undefined;

  /** @param decoder - stays at the message's frame during the loan. */
  constructor(type: "text" | "binary", decoder: FrameDecoder, lending: Lending) {
    super();
    this.type = type;
    this.partial = false;
    this.code = undefined;
    this.#decoder = decoder;
    this.#lending = lending;
    this.#loan = lending.loans;
    this.#view = undefined;
  }

  get data(): Uint8Array {
    if (this.#loan !== this.#lending.loans) return NOTHING;
    return (this.#view ??= this.#decoder.borrowedPayload);
  }

  /** The decoder, if `data` was not read: the bytes are then unchanged since they arrived. */
  get untouched(): FrameDecoder | undefined {
    return this.#view === undefined && this.#loan === this.#lending.loans ? this.#decoder : undefined;
  }
}

/**
 * Checks a message that the caller created.
 *
 * @throws {TypeError} that names the expected value: a known type, a string for a close, a string or bytes for text,
 *   bytes for every other type, and no partial control frame (§5.5).
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
 * The error for a message that exceeds a local limit.
 *
 * @param offset - the position in the stream of the header that exceeded it, in bytes; 0 if bytes are not counted.
 * @param limit - bytes allowed.
 * @param actual - bytes announced or received.
 * @param option - the name of the option that sets the limit, for the error's text.
 */
export function messageTooBig(
  offset: number,
  limit: number,
  actual: number,
  option = "maxMessageSize",
): LimitError {
  const code = "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH";
  const text = `Max payload size exceeded: ${option} is ${limit}, and the message has at least ${actual} bytes`;
  return new LimitError(text, code, offset, limit, actual);
}
