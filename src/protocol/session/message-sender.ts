/**
 * Messages into frames (RFC 6455 §5.4, RFC 7692 §6): keeps the fragments of one message together, cuts what exceeds
 * the greatest frame, and says which frames are compressed. Knows no state of a connection.
 */

import { InvalidStateError, Opcode, Utf8Validator } from "../../codec/index.js";
import type { MessageCompression } from "./message-compression.js";
import type { Output } from "./output.js";
import { PreparedMessage } from "./prepared-message.js";

export interface SendOptions {
  /** Default: text for a string, binary for bytes. Bytes of UTF-8 can be sent as text. */
  readonly type?: "text" | "binary" | undefined;
  /** Whether more of the same message follows, in further calls (§5.4). Default false. */
  readonly partial?: boolean | undefined;
  /**
   * Whether to compress the message, where that was agreed on; of one in parts, the first call says so. Default:
   * if it is not shorter than `threshold`. What compression does not make shorter is sent as it is.
   */
  readonly compress?: boolean | undefined;
}

/** A UTF-16 unit takes at most three bytes. */
const MAX_BYTES_PER_UNIT = 3;

/** A character has at most four bytes, so a part ends with at most three of one that goes on. */
const MAX_CUT_LENGTH = 3;
const NOTHING = /* @__PURE__ */ new Uint8Array(0);

/**
 * Text that was delivered as bytes, while it is handled: whoever passes it on needs no second validation. Nothing
 * is held past that.
 */
let validText: Uint8Array | undefined;

/** @param bytes - known to be valid UTF-8; undefined once they were handled. */
export function noteValidText(bytes: Uint8Array | undefined): void {
  validText = bytes;
}

/** Also of another realm, as test runners make them; that is asked last, for it takes long. */
function isBytes(data: unknown): data is Uint8Array {
  return data instanceof Uint8Array || Object.prototype.toString.call(data) === "[object Uint8Array]";
}

export class MessageSender {
  frames = 0;
  messages = 0;
  readonly #output: Output;
  readonly #maxFrameSize: number;
  readonly #compression: MessageCompression | undefined;
  /** Opcode of the message that was begun and lacks its end. */
  #open: Opcode | undefined = undefined;
  /** Whether that message is compressed. */
  #isCompressed = false;
  /** Of that message, if it is text that comes as bytes: those of a character that the last part cut. */
  #cut = NOTHING;

  constructor(output: Output, maxFrameSize: number, compression?: MessageCompression) {
    this.#output = output;
    this.#maxFrameSize = maxFrameSize;
    this.#compression = compression;
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
    // What most messages are: whole, in one frame, not compressed.
    if (options === undefined && this.#open === undefined && this.#compression === undefined) {
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
      }
    }
    const isPrepared = data instanceof PreparedMessage;
    const isAsPrepared = isPrepared && !options?.partial && (options?.type ?? data.type) === data.type;
    if (isAsPrepared && this.#open === undefined) this.#sendPrepared(data, options);
    else if (isPrepared) this.#sendPart(data.payload, { ...options, type: options?.type ?? data.type });
    else this.#sendPart(data, options ?? {});
  }

  #sendPrepared(message: PreparedMessage, options: SendOptions | undefined): void {
    const compresses = this.#compression?.isFor(message.payload.length, options?.compress);
    const compressed = compresses === true ? this.#compression?.prepared(message) : undefined;
    const { payload, frame } = compressed ?? message;
    if (this.#output.role === "server" && payload.length <= this.#maxFrameSize) {
      this.#output.append(frame);
      this.frames++;
      this.messages++;
    } else {
      this.#fragment(
        message.type === "text" ? Opcode.Text : Opcode.Binary,
        payload,
        true,
        compressed !== undefined,
      );
    }
  }

  #sendPart(data: string | Uint8Array, options: SendOptions): void {
    const { partial = false } = options;
    const type = options.type ?? (typeof data === "string" ? "text" : "binary");
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
    if (!isString && !isBytes(data)) {
      throw new TypeError("what is sent must be a string, a Uint8Array or a prepared message");
    }
    if (isString) this.#assertUncut();
    else if (opcode === Opcode.Text) this.#validate(data, partial);
    if (this.#compression !== undefined) {
      const compressed = this.#compress(data, options);
      if (compressed !== undefined) {
        this.#fragment(opcode, compressed, !partial, true);
        return;
      }
    }
    const isShort = isString && data.length * MAX_BYTES_PER_UNIT <= this.#maxFrameSize;
    if (isShort) {
      this.#frame(opcode, data, !partial);
    } else {
      this.#fragment(opcode, isString ? new TextEncoder().encode(data) : data, !partial);
    }
  }

  /** The payload of a message, or of a part of one, that is compressed; undefined for one that is not. */
  #compress(data: string | Uint8Array, { partial = false, compress }: SendOptions): Uint8Array | undefined {
    const compression = this.#compression as MessageCompression;
    if (this.#open === undefined) {
      this.#isCompressed = partial
        ? compression.isForParts(compress)
        : compression.isFor(data.length, compress);
      if (this.#isCompressed && !partial) return compression.compress(data);
    }
    return this.#isCompressed ? compression.compressPart(data, !partial) : undefined;
  }

  /** §8.1: text that is sent must be UTF-8; a part may end inside a character, and the next one goes on there. */
  #validate(bytes: Uint8Array, partial: boolean): void {
    if (bytes === validText && !partial && this.#cut.length === 0) return;
    const validator = new Utf8Validator();
    if (!validator.push(this.#cut) || !validator.push(bytes) || (!partial && !validator.end())) {
      throw new TypeError("bytes that are sent as text must be valid UTF-8");
    }
    this.#cut = partial ? cutCharacter([...this.#cut, ...bytes.subarray(-MAX_CUT_LENGTH)]) : NOTHING;
  }

  /** A string begins a character, so nothing before it may have begun one. */
  #assertUncut(): void {
    if (this.#cut.length === 0) return;
    throw new TypeError("a string cannot follow bytes that end inside a character");
  }

  #frame(opcode: Opcode, payload: string | Uint8Array, fin: boolean, compressed = false): void {
    const isFirst = this.#open === undefined;
    // RFC 7692 §6: RSV1 is set "on the first fragment" of a compressed message, and on no other.
    const rsv1 = compressed && isFirst;
    this.#output.encoder.frame(isFirst ? opcode : Opcode.Continuation, payload, { fin, rsv1 });
    this.frames++;
    this.#open = fin ? undefined : opcode;
    if (!fin) return;
    this.messages++;
  }

  #fragment(opcode: Opcode, payload: Uint8Array, fin: boolean, compressed = false): void {
    const most = Math.max(this.#maxFrameSize, 1);
    let start = 0;
    for (; payload.length - start > most; start += most) {
      this.#frame(opcode, payload.subarray(start, start + most), false, compressed);
    }
    this.#frame(opcode, start === 0 ? payload : payload.subarray(start), fin, compressed);
  }

  /** Lets go of what compression remembers. */
  release(): void {
    this.#compression?.release();
  }
}

/** The beginning of a character at the end of valid bytes, if it goes on behind them. */
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
