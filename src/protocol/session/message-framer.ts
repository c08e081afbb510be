/**
 * Messages into frames (RFC 6455 §5.4, RFC 7692 §6), the counterpart of `message-assembler.ts`: sends whole
 * messages, messages in parts, and control frames; cuts messages that exceed the greatest frame; decides which are compressed.
 * Knows no state of a connection.
 */

import { type FrameDecoder, InvalidStateError, Opcode, Utf8Validator } from "../../codec/index.js";
import { type Bytes, isPlainBytes, toBytes } from "./bytes.js";
import type { FrameQueue } from "./frame-queue.js";
import { LentMessage, Message } from "./message.js";
import type { MessageCompression } from "./message-compression.js";
import { framesWithout, type PreparedBatch } from "./prepared-batch.js";
import { PreparedMessage } from "./prepared-message.js";

/** Data that can be sent as a message. */
export type MessageInit = string | Bytes | PreparedMessage | Message;

export interface SendOptions {
  /** Default: text for a string, binary for bytes, its own for a Message. Bytes of UTF-8 can be sent as text. */
  readonly type?: "text" | "binary" | undefined;
  /**
   * Whether to compress the message, where that was agreed on; of one in parts, the first part says so. Default:
   * if it is not shorter than `threshold`. What compression does not make shorter is sent as it is.
   */
  readonly compress?: boolean | undefined;
  /**
   * false: these very bytes are sent, and you must not change them until they have left. It spares a copy of large
   * messages of a server. Default true: the bytes are copied, and you may change them at once.
   */
  readonly copy?: boolean | undefined;
}

export interface PartOptions extends SendOptions {
  /** Whether the part ends its message. */
  readonly final: boolean;
}

/** A UTF-16 unit takes at most three bytes in UTF-8. */
const MAX_BYTES_PER_UNIT = 3;

/** A character has at most four bytes, so a part ends with at most three of one that goes on. */
const MAX_CUT_LENGTH = 3;
const NOTHING = /* @__PURE__ */ new Uint8Array(0);

/** Bytes sent with `copy: false` save something from this length on. */
const LEAST_UNCOPIED_LENGTH = 0x4000;

type Ready = string | Uint8Array | PreparedMessage;

/** A whole message that waits until the message before it ends. */
interface Waiting {
  /** Undefined: its data is still to come (`reserve`). */
  data: Ready | undefined;
  type: "text" | "binary";
  readonly options: SendOptions | undefined;
  readonly length: number;
}

/** The place of a message whose data comes later. */
export interface Place {
  /**
   * Sends the data; undefined gives the place up. Without effect once the connection closes.
   *
   * @throws {TypeError} for data that cannot be sent as the type that was reserved; the place is given up.
   */
  fill(data: string | Uint8Array | PreparedMessage | undefined): void;
}

export class MessageFramer {
  frames = 0;
  messages = 0;
  /** Frames that do not end their message. */
  parts = 0;
  /** Both, when the queue was last emptied. */
  #framesTaken = 0;
  #messagesTaken = 0;
  /** Bytes of messages that wait behind one that is sent in parts. */
  waitingLength = 0;
  readonly #queue: FrameQueue;
  readonly #maxFrameSize: number;
  readonly #compression: MessageCompression | undefined;
  /** Opcode of the message that is being sent in parts. */
  #begun: Opcode | undefined = undefined;
  /** Whether that message is compressed. */
  #isCompressed = false;
  /** The bytes of a character that the last part cut; for text that is sent as bytes. */
  #cut = NOTHING;
  #waiting: Waiting[] | undefined = undefined;

  constructor(queue: FrameQueue, maxFrameSize: number, compression?: MessageCompression) {
    this.#queue = queue;
    this.#maxFrameSize = maxFrameSize;
    this.#compression = compression;
  }

  /** Whether a message was begun and lacks its last part. */
  get isSendingParts(): boolean {
    return this.#begun !== undefined;
  }

  control(opcode: Opcode, payload: string | Uint8Array): void {
    this.#queue.encoder.frame(opcode, payload);
    this.frames++;
  }

  /** Answers the Ping that a decoder stands at (§5.5.3: with "identical "Application data""). */
  pongFor(decoder: FrameDecoder): void {
    this.#queue.encoder.forward(Opcode.Pong, decoder);
    this.frames++;
  }

  /**
   * Sends a whole message. While another is being sent in parts, it waits behind that one, copied. If this throws,
   * nothing was sent.
   */
  send(data: MessageInit, options?: SendOptions): void {
    // Most messages: whole, in one frame, not compressed.
    if (options === undefined && this.#compression === undefined && this.#waiting === undefined) {
      if (this.#begun === undefined && this.#sendPlain(data)) return;
    }
    if (data instanceof Message) {
      this.#sendMessage(data, options);
      return;
    }
    const message = isReady(data) ? data : toBytes(data, "a string, bytes or a prepared message");
    const type = checkedType(message, options);
    if (this.#begun !== undefined || this.#waiting !== undefined) this.#wait(message, type, options);
    else this.#sendReady(message, type, options);
  }

  /** Sends a string or bytes that fit in a frame. Returns false for anything else. */
  #sendPlain(data: MessageInit): boolean {
    if (typeof data === "string") {
      if (data.length * MAX_BYTES_PER_UNIT > this.#maxFrameSize) return false;
      this.#queue.encoder.text(data);
    } else {
      if (!isPlainBytes(data) || data.length > this.#maxFrameSize) return false;
      this.#queue.encoder.binary(data);
    }
    this.frames++;
    this.messages++;
    return true;
  }

  #sendMessage(message: Message, options: SendOptions | undefined): void {
    const { type } = message;
    if (type !== "text" && type !== "binary") {
      throw new TypeError(`send takes text and binary messages, not a ${type}: see sendMessage`);
    }
    if (message.partial) {
      throw new TypeError("send takes whole messages, not a part of one: see sendMessage and sendAll");
    }
    const lender = message instanceof LentMessage ? message.untouched : undefined;
    const isFree =
      this.#compression === undefined && this.#begun === undefined && this.#waiting === undefined;
    if (lender !== undefined && isFree && options === undefined && lender.length <= this.#maxFrameSize) {
      // It was validated as it arrived, and nothing has changed it since.
      this.#queue.encoder.forward(type === "text" ? Opcode.Text : Opcode.Binary, lender);
      this.frames++;
      this.messages++;
      return;
    }
    const data: string | Uint8Array = message.data;
    // Most messages: of the type that their data has by default.
    if (options === undefined && (typeof data === "string") === (type === "text")) this.send(data);
    else this.send(data, { ...options, type: options?.type ?? type });
  }

  #wait(message: Ready, type: "text" | "binary", options: SendOptions | undefined): void {
    const isBytes = typeof message !== "string" && !(message instanceof PreparedMessage);
    const length = message instanceof PreparedMessage ? message.payload.length : message.length;
    const data = isBytes && options?.copy !== false ? new Uint8Array(message) : message;
    (this.#waiting ??= []).push({ data, type, options, length });
    this.waitingLength += length;
  }

  /**
   * Keeps a place for a message whose data comes later, as that of a Blob does. Whole messages that are sent
   * meanwhile wait behind it.
   *
   * @param length - bytes that the message will have.
   */
  reserve(length: number, options: SendOptions | undefined): Place {
    const entry: Waiting = { data: undefined, type: typeOf(NOTHING, options), options, length };
    (this.#waiting ??= []).push(entry);
    this.waitingLength += length;
    return { fill: (data) => this.#fill(entry, data) };
  }

  #fill(entry: Waiting, data: Ready | undefined): void {
    const at = this.#waiting?.indexOf(entry) ?? -1;
    if (at < 0 || entry.data !== undefined) return;
    try {
      if (data !== undefined) {
        entry.type = checkedType(data, entry.options);
        entry.data = data;
      }
    } finally {
      // Messages that wait behind a place that is given up can go on.
      if (entry.data === undefined) {
        this.#waiting?.splice(at, 1);
        this.waitingLength -= entry.length;
      }
      this.#sendWaiting();
    }
  }

  /** Sends the messages that waited and need not wait any longer. */
  #sendWaiting(): void {
    const waiting = this.#waiting;
    while (this.#begun === undefined && waiting !== undefined && waiting.length > 0) {
      const [{ data, type, options, length }] = waiting;
      if (data === undefined) return;
      waiting.shift();
      this.waitingLength -= length;
      this.#sendReady(data, type, options);
    }
    if (waiting?.length === 0) this.#waiting = undefined;
  }

  /** Sends a whole message now. It was checked that it can be sent as the type. */
  #sendReady(message: Ready, type: "text" | "binary", options: SendOptions | undefined): void {
    if (!(message instanceof PreparedMessage)) this.#sendWhole(message, type, options);
    else if (message.type !== type) this.#sendWhole(message.payload, type, options);
    else this.#sendPrepared(message, options);
  }

  #sendWhole(data: string | Uint8Array, type: "text" | "binary", options: SendOptions | undefined): void {
    const opcode = type === "text" ? Opcode.Text : Opcode.Binary;
    const compression = this.#compression;
    if (compression?.isFor(data.length, options?.compress) === true) {
      const compressed = compression.compress(data);
      if (compressed !== undefined) {
        this.#fragment(opcode, compressed, true, true);
        return;
      }
    }
    this.#payload(opcode, data, true, options?.copy === false);
  }

  #sendPrepared(message: PreparedMessage, options: SendOptions | undefined): void {
    const compresses = this.#compression?.isFor(message.payload.length, options?.compress);
    const compressed = compresses === true ? this.#compression?.prepared(message) : undefined;
    const { payload, frame } = compressed ?? message;
    if (this.#queue.role === "server" && payload.length <= this.#maxFrameSize) {
      this.#queue.append(frame);
      this.frames++;
      this.messages++;
      return;
    }
    const opcode = message.type === "text" ? Opcode.Text : Opcode.Binary;
    this.#fragment(opcode, payload, true, compressed !== undefined);
  }

  /**
   * Sends prepared messages one behind the other, as one stretch of bytes that is the same for all where it can be.
   *
   * @param left - positions of messages in the batch that are left out.
   */
  sendBatch(batch: PreparedBatch, left?: ReadonlySet<number>): void {
    const isFree = this.#begun === undefined && this.#waiting === undefined;
    if (!isFree || this.#queue.role === "client" || batch.longest > this.#maxFrameSize) {
      for (const [i, { message, compress }] of batch.items.entries()) {
        if (!left?.has(i)) this.send(message, { compress });
      }
      return;
    }
    const joined = this.#compression === undefined ? batch.plain : this.#compression.batch(batch, left);
    if (left === undefined) this.#queue.append(joined.frames);
    else for (const frames of framesWithout(joined, left)) this.#queue.append(frames);
    const count = batch.items.length - (left?.size ?? 0);
    this.frames += count;
    this.messages += count;
  }

  /**
   * Sends a part of a message (§5.4). If this throws, nothing was sent.
   *
   * @throws {InvalidStateError} for a part of another type than the message that was begun.
   */
  sendPart(data: string | Bytes, options: PartOptions): void {
    const part = typeof data === "string" ? data : toBytes(data);
    if (typeof options?.final !== "boolean") {
      throw new TypeError("the option final of a part must be true or false");
    }
    const type = typeOf(part, options);
    const opcode = type === "text" ? Opcode.Text : Opcode.Binary;
    if (this.#begun !== undefined && this.#begun !== opcode) {
      // §5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message".
      const begun = this.#begun === Opcode.Text ? "text" : "binary";
      throw new InvalidStateError(`the ${begun} message that was begun must end before a ${type} message`);
    }
    if (this.#begun === undefined && this.#waiting !== undefined) {
      throw new InvalidStateError("a message in parts can begin once the messages before it have their data");
    }
    const { final } = options;
    if (typeof part === "string") this.#assertUncut();
    else if (opcode === Opcode.Text) this.#validatePart(part, final);
    this.#framePart(opcode, part, options);
    if (this.#waiting !== undefined) this.#sendWaiting();
  }

  #framePart(opcode: Opcode, part: string | Uint8Array, { final, compress, copy }: PartOptions): void {
    const compression = this.#compression;
    if (this.#begun === undefined) this.#isCompressed = compression?.isForParts(compress) === true;
    if (compression !== undefined && this.#isCompressed) {
      this.#fragment(opcode, compression.compressPart(part, final), final, true);
    } else {
      this.#payload(opcode, part, final, copy === false);
    }
  }

  /** §8.1: text that is sent must be UTF-8. A part may end inside a character; the next part goes on there. */
  #validatePart(bytes: Uint8Array, final: boolean): void {
    const validator = new Utf8Validator();
    if (!validator.push(this.#cut) || !validator.push(bytes) || (final && !validator.end())) throw notUtf8();
    this.#cut = final ? NOTHING : cutCharacter([...this.#cut, ...bytes.subarray(-MAX_CUT_LENGTH)]);
  }

  /** A string begins with a character, so the part before it must not end inside one. */
  #assertUncut(): void {
    if (this.#cut.length === 0) return;
    throw new TypeError("a string cannot follow bytes that end inside a character");
  }

  #payload(opcode: Opcode, data: string | Uint8Array, fin: boolean, inPlace: boolean): void {
    if (typeof data !== "string") {
      this.#fragment(opcode, data, fin, false, inPlace);
    } else if (data.length * MAX_BYTES_PER_UNIT <= this.#maxFrameSize) {
      this.#frame(opcode, data, fin, false, false);
    } else {
      this.#fragment(opcode, new TextEncoder().encode(data), fin, false, true);
    }
  }

  #fragment(opcode: Opcode, payload: Uint8Array, fin: boolean, compressed: boolean, inPlace = false): void {
    const most = Math.max(this.#maxFrameSize, 1);
    let start = 0;
    for (; payload.length - start > most; start += most) {
      this.#frame(opcode, payload.subarray(start, start + most), false, compressed, inPlace);
    }
    this.#frame(opcode, start === 0 ? payload : payload.subarray(start), fin, compressed, inPlace);
  }

  /** @param inPlace - whether the payload stays as it is until it was written, so that it need not be copied. */
  #frame(
    opcode: Opcode,
    payload: string | Uint8Array,
    fin: boolean,
    compressed: boolean,
    inPlace: boolean,
  ): void {
    const isFirst = this.#begun === undefined;
    // RFC 7692 §6: RSV1 is set "on the first fragment" of a compressed message, and on no other.
    const bits = { fin, rsv1: compressed && isFirst };
    const frameOpcode = isFirst ? opcode : Opcode.Continuation;
    const { encoder, role } = this.#queue;
    if (
      inPlace &&
      role === "server" &&
      payload.length >= LEAST_UNCOPIED_LENGTH &&
      typeof payload !== "string"
    ) {
      encoder.header(frameOpcode, payload.length, bits);
      this.#queue.append(payload);
    } else {
      encoder.frame(frameOpcode, payload, bits);
    }
    this.frames++;
    this.#begun = fin ? undefined : opcode;
    if (fin) this.messages++;
    else this.parts++;
  }

  /** The frames were taken from the queue to be written. */
  taken(): void {
    this.#framesTaken = this.frames;
    this.#messagesTaken = this.messages;
  }

  /** The frames that were not taken are dropped, and do not count as sent. */
  discard(): void {
    this.frames = this.#framesTaken;
    this.messages = this.#messagesTaken;
    this.release();
  }

  /** The connection closes: drops the messages that wait, and the memory of compression. */
  release(): void {
    this.#waiting = undefined;
    this.waitingLength = 0;
    this.#compression?.release();
  }
}

function isReady(data: unknown): data is Ready {
  return typeof data === "string" || isPlainBytes(data) || data instanceof PreparedMessage;
}

function typeOf(data: Ready, options: SendOptions | undefined): "text" | "binary" {
  const type =
    options?.type ??
    (data instanceof PreparedMessage ? data.type : typeof data === "string" ? "text" : "binary");
  if (type !== "text" && type !== "binary") {
    throw new TypeError(`the type of a message must be "text" or "binary", not ${String(type)}`);
  }
  return type;
}

/**
 * The type that a whole message is sent as.
 *
 * @throws {TypeError} for bytes that cannot be sent as it.
 */
function checkedType(data: Ready, options: SendOptions | undefined): "text" | "binary" {
  const type = typeOf(data, options);
  if (type === "binary" || typeof data === "string") return type;
  if (!(data instanceof PreparedMessage)) assertUtf8(data);
  else if (data.type === "binary") assertUtf8(data.payload);
  return type;
}

function assertUtf8(bytes: Uint8Array): void {
  const validator = new Utf8Validator();
  if (!validator.push(bytes) || !validator.end()) throw notUtf8();
}

function notUtf8(): TypeError {
  return new TypeError("bytes that are sent as text must be valid UTF-8");
}

/** The beginning of a character at the end of valid bytes, if the character goes on behind them. */
function cutCharacter(bytes: readonly number[]): Uint8Array<ArrayBuffer> {
  for (let length = 1; length <= Math.min(MAX_CUT_LENGTH, bytes.length); length++) {
    const lead = bytes[bytes.length - length];
    if (lead < 0x80) break;
    if (lead < 0xc0) continue;
    const needed = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    return length < needed ? Uint8Array.from(bytes.slice(-length)) : NOTHING;
  }
  return NOTHING;
}
