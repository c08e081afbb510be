/**
 * Frames into messages (RFC 6455 §5.4, RFC 7692 §7.2.2), for messages that do not come whole and plain in one frame:
 * puts fragments and parts of frames together, and decompresses. Its counterpart is `message-framer.ts`. Knows frames
 * as a decoder gives them; no state of a connection.
 */

import {
  type Decompressor,
  type FrameDecoder,
  LimitError,
  Opcode,
  PayloadBuffer,
  type ProtocolError,
  reuse,
} from "../../codec/index.js";
import { MAX_TEXT_LENGTH, Message, messageTooBig } from "./message.js";

/** How messages are delivered; see `EndpointOptions`. */
export interface Delivery {
  readonly maxMessageSize: number;
  readonly partial: boolean;
  readonly streamFrom: number;
  readonly maxStreamSize: number;
  readonly textAsBytes: boolean;
  readonly borrow: boolean;
}

/** How much work one turn may do; see `Endpoint.inflateBudget`. */
export interface Budget {
  inflateBudget: number;
}

const NOTHING = /* @__PURE__ */ new Uint8Array(0);

export class MessageAssembler {
  /** The error in the message. */
  error: ProtocolError | undefined = undefined;
  /** Whether the message is complete. Then the assembler has done its work. */
  isDone = false;
  /** Whether `more` is to be called before the decoder moves on. */
  hasMore = false;
  readonly #delivery: Delivery;
  readonly #isText: boolean;
  /** Whether the message is delivered in parts. */
  #isPartial: boolean;
  /** What inflates the message, if it is compressed. */
  readonly #decompressor: Decompressor | undefined;
  /** Bytes so far, and whether all of them are ASCII; of a message that is not compressed. */
  #length = 0;
  #ascii = true;
  #collected: PayloadBuffer | undefined = undefined;
  /** Memory that the whole message was lent in. */
  #lent: Uint8Array | undefined = undefined;
  /** For text that is delivered in parts: characters that one of them cut. */
  #decodeText: TextDecoder | undefined = undefined;

  /** @param opcode - of the first frame. */
  constructor(opcode: Opcode, decompressor: Decompressor | undefined, delivery: Delivery) {
    this.#isText = opcode === Opcode.Text;
    this.#decompressor = decompressor;
    this.#delivery = delivery;
    this.#isPartial = delivery.partial;
    if (decompressor !== undefined) decompressor.maxLength = this.#limit;
  }

  /** Payload bytes held. */
  get retainedLength(): number {
    return this.#collected?.length ?? 0;
  }

  /** Takes the decoder's current part. Returns the message, or the part of one, that can be delivered now. */
  take(decoder: FrameDecoder, budget: Budget): Message | null {
    const { fin, frameOffset, headerLength } = decoder;
    const isLast = fin && decoder.isLastPart;
    if (this.#decompressor !== undefined) {
      const offset = frameOffset + headerLength;
      this.#decompressor.push(decoder.borrowedPayload, { final: isLast, text: this.#isText, offset });
      return this.more(budget);
    }
    if (decoder.isFirstPart) {
      // Judged on the header: nothing is kept of a frame that exceeds the limit.
      const announced = this.#length + decoder.payloadLength;
      if (announced > this.#limit) {
        this.error = this.#tooBig(frameOffset + Math.min(headerLength, 2) - 1, announced);
        return null;
      }
      if (announced >= this.#delivery.streamFrom) this.#isPartial = true;
    }
    this.#length += decoder.length;
    if (this.#isPartial && this.#collected === undefined) {
      return this.#deliver(this.#mustCopy ? decoder.payload : decoder.borrowedPayload, isLast);
    }
    this.#ascii &&= decoder.isAscii;
    const announced = this.#length + decoder.payloadLength - decoder.length;
    this.#collected ??= new PayloadBuffer();
    this.#collected.append(decoder.borrowedPayload, fin ? announced : 0, decoder.isInReceiveBuffer);
    if (this.#isPartial) return this.#deliver(this.#takeCollected(), isLast);
    return isLast ? this.#finish(this.#ascii) : null;
  }

  /** Bytes that the message may have: text must fit into a string, if it is delivered as one. */
  get #limit(): number {
    const { maxMessageSize, maxStreamSize, streamFrom, partial, textAsBytes } = this.#delivery;
    // A message longer than `maxMessageSize` is also longer than `streamFrom`, and so is not delivered whole.
    if (streamFrom !== Infinity) return maxStreamSize;
    return this.#isText && !textAsBytes && !partial
      ? Math.min(maxMessageSize, MAX_TEXT_LENGTH)
      : maxMessageSize;
  }

  #tooBig(offset: number, actual: number): LimitError {
    const limit = this.#limit;
    const { maxMessageSize, streamFrom } = this.#delivery;
    const isOption = limit === maxMessageSize;
    const source = streamFrom !== Infinity ? "maxStreamSize" : isOption ? undefined : "the longest text";
    return messageTooBig(offset, limit, actual, source);
  }

  /** Goes on with a part that becomes more than one piece, until the budget is spent. */
  more(budget: Budget): Message | null {
    const decompressor = this.#decompressor as Decompressor;
    for (;;) {
      this.hasMore = true;
      if (budget.inflateBudget <= 0) return null;
      const before = decompressor.length;
      if (!decompressor.next()) break;
      const { isLast } = decompressor;
      budget.inflateBudget -= decompressor.length - before;
      if (decompressor.length >= this.#delivery.streamFrom) this.#isPartial = true;
      if (this.#isPartial) {
        const message = this.#deliver(this.#partOf(decompressor), isLast);
        if (isLast) this.#endPieces(decompressor);
        if (message !== null) return message;
      } else if (isLast && this.#collected === undefined) {
        return this.#finishInOne(decompressor);
      } else {
        this.#collected ??= new PayloadBuffer();
        this.#collected.append(decompressor.borrowedPiece, 0, true);
      }
    }
    this.hasMore = false;
    const { error } = decompressor;
    this.error = error instanceof LimitError ? this.#tooBig(error.offset, error.actual) : error;
    if (this.isDone || !decompressor.isLast) return null;
    return this.#isPartial ? this.#deliver(NOTHING, true) : this.#finish(decompressor.isAscii);
  }

  /** Whether the message is delivered as bytes. They must stay, unless they are lent; a string always stays. */
  get #isBytes(): boolean {
    return !this.#isText || this.#delivery.textAsBytes;
  }

  /** Parts because of `streamFrom` are never lent. */
  get #mustCopy(): boolean {
    return this.#isBytes && (!this.#delivery.borrow || (this.#isPartial && !this.#delivery.partial));
  }

  /** The next part of a message that is delivered in parts: with the bytes collected before that was known. */
  #partOf(decompressor: Decompressor): Uint8Array {
    if (this.#collected === undefined) return this.#pieceOf(decompressor);
    this.#collected.append(decompressor.borrowedPiece, 0, true);
    return this.#takeCollected();
  }

  #takeCollected(): Uint8Array {
    const bytes = this.#collected?.take() ?? NOTHING;
    this.#collected = undefined;
    return bytes;
  }

  #pieceOf(decompressor: Decompressor): Uint8Array {
    return this.#mustCopy ? decompressor.piece : decompressor.borrowedPiece;
  }

  /** The last piece is delivered: lets the decompressor end, unless the piece is lent. */
  #endPieces(decompressor: Decompressor): void {
    if (this.#mustCopy || !this.#isBytes) this.hasMore = decompressor.next();
  }

  #deliver(bytes: Uint8Array, isLast: boolean): Message | null {
    this.isDone = isLast;
    // An empty part says nothing, unless it ends the message.
    if (bytes.length === 0 && !isLast) return null;
    if (!this.#isText) return new Message(bytes, "binary", !isLast);
    if (this.#delivery.textAsBytes) return new Message(bytes, "text", !isLast);
    this.#decodeText ??= new TextDecoder("utf-8", { ignoreBOM: true });
    const text = this.#decodeText.decode(bytes, { stream: !isLast });
    return text === "" && !isLast ? null : new Message(text, "text", !isLast);
  }

  /** The decompressor's piece is the whole message, as most are. */
  #finishInOne(decompressor: Decompressor): Message {
    const data = this.#isBytes ? this.#pieceOf(decompressor) : decompressor.text();
    this.isDone = true;
    this.#endPieces(decompressor);
    return new Message(data, this.#isText ? "text" : "binary");
  }

  #finish(ascii: boolean): Message {
    const { borrow, textAsBytes } = this.#delivery;
    const parts = this.#collected;
    this.#collected = undefined;
    this.isDone = true;
    if (this.#isText && !textAsBytes) return new Message(parts?.takeText(ascii) ?? "", "text");
    const bytes = parts?.take(borrow) ?? NOTHING;
    if (borrow) this.#lent = bytes;
    return new Message(bytes, this.#isText ? "text" : "binary");
  }

  /** Ends the loan of a message that was lent: its memory may be used again. */
  endLoan(): void {
    if (this.#lent === undefined) return;
    reuse(this.#lent);
    this.#lent = undefined;
  }
}
