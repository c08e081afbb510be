/**
 * Messages into frames (RFC 6455 §5.4): keeps the fragments of one message together and cuts what exceeds
 * the greatest frame. Knows no state of a connection.
 */

import { InvalidStateError, isValidUtf8, Opcode, Utf8Validator } from "../codec/index.js";
import type { Output } from "./output.js";
import { PreparedMessage } from "./prepared-message.js";

export interface SendOptions {
  /** Default: text for a string, binary for bytes. Bytes of UTF-8 can be sent as text. */
  readonly type?: "text" | "binary" | undefined;
  /** Whether more of the same message follows, in further calls (§5.4). Default false. */
  readonly partial?: boolean | undefined;
}

/** A UTF-16 unit takes at most three bytes. */
const MAX_BYTES_PER_UNIT = 3;

export class MessageSender {
  frames = 0;
  messages = 0;
  readonly #output: Output;
  readonly #maxFrameSize: number;
  /** Opcode of the message that was begun and lacks its end. */
  #open: Opcode | undefined = undefined;
  /** Of that message, if it is text that comes as bytes. */
  #validator: Utf8Validator | undefined = undefined;

  constructor(output: Output, maxFrameSize: number) {
    this.#output = output;
    this.#maxFrameSize = maxFrameSize;
  }

  get isSendingParts(): boolean {
    return this.#open !== undefined;
  }

  control(opcode: Opcode, payload: string | Uint8Array): void {
    this.#output.encoder.frame(opcode, payload);
    this.frames++;
  }

  /** Sends a message or a part of one. What it throws leaves everything as it was. */
  send(data: string | Uint8Array | PreparedMessage, options?: SendOptions): void {
    // What most messages are: whole, in one frame.
    if (options === undefined && this.#open === undefined) {
      if (typeof data === "string") {
        if (data.length * MAX_BYTES_PER_UNIT <= this.#maxFrameSize) {
          this.#output.encoder.text(data);
          this.frames++;
          this.messages++;
          return;
        }
      } else if (data instanceof Uint8Array) {
        if (data.length <= this.#maxFrameSize) {
          this.#output.encoder.binary(data);
          this.frames++;
          this.messages++;
          return;
        }
      } else if (data instanceof PreparedMessage) {
        this.#sendPrepared(data);
        return;
      }
    }
    this.#sendPart(data, options ?? {});
  }

  #sendPrepared(message: PreparedMessage): void {
    const { type, payload, frame } = message;
    if (this.#output.role === "server" && payload.length <= this.#maxFrameSize) {
      this.#output.append(frame);
      this.frames++;
      this.messages++;
    } else {
      this.#fragment(type === "text" ? Opcode.Text : Opcode.Binary, payload, true);
    }
  }

  #sendPart(given: string | Uint8Array | PreparedMessage, options: SendOptions): void {
    const data = given instanceof PreparedMessage ? given.payload : given;
    const { partial = false } = options;
    const type =
      options.type ??
      (given instanceof PreparedMessage ? given.type : typeof data === "string" ? "text" : "binary");
    if (type !== "text" && type !== "binary") {
      throw new TypeError(`the type of what is sent must be "text" or "binary", not ${String(type)}`);
    }
    const opcode = type === "text" ? Opcode.Text : Opcode.Binary;
    if (this.#open !== undefined && this.#open !== opcode) {
      // §5.4: "The fragments of one message MUST NOT be interleaved between the fragments of another message".
      const begun = this.#open === Opcode.Text ? "text" : "binary";
      throw new InvalidStateError(`the ${begun} message that was begun must end before a ${type} message`);
    }
    const isString = typeof data === "string";
    if (!isString && Object.prototype.toString.call(data) !== "[object Uint8Array]") {
      throw new TypeError("what is sent must be a string, a Uint8Array or a prepared message");
    }
    if (opcode === Opcode.Text && !isString) this.#validate(data, partial);
    const isShort = isString && data.length * MAX_BYTES_PER_UNIT <= this.#maxFrameSize;
    if (isShort) {
      this.#frame(opcode, data, !partial);
    } else {
      this.#fragment(opcode, isString ? new TextEncoder().encode(data) : data, !partial);
    }
  }

  /** §8.1: text that is sent must be UTF-8; a part may end inside a character. */
  #validate(bytes: Uint8Array, partial: boolean): void {
    const refuse = () => new TypeError("bytes that are sent as text must be valid UTF-8");
    if (this.#open === undefined && !partial) {
      if (!isValidUtf8(bytes)) throw refuse();
      return;
    }
    const validator = (this.#validator ??= new Utf8Validator());
    if (!validator.push(bytes) || (!partial && !validator.end())) throw refuse();
  }

  #frame(opcode: Opcode, payload: string | Uint8Array, fin: boolean): void {
    const isFirst = this.#open === undefined;
    this.#output.encoder.frame(isFirst ? opcode : Opcode.Continuation, payload, { fin });
    this.frames++;
    this.#open = fin ? undefined : opcode;
    if (!fin) return;
    this.messages++;
    this.#validator = undefined;
  }

  #fragment(opcode: Opcode, payload: Uint8Array, fin: boolean): void {
    const most = Math.max(this.#maxFrameSize, 1);
    let start = 0;
    for (; payload.length - start > most; start += most) {
      this.#frame(opcode, payload.subarray(start, start + most), false);
    }
    this.#frame(opcode, start === 0 ? payload : payload.subarray(start), fin);
  }
}
