/**
 * A stream of bytes as frames to look at: the codec decodes, judges and unmasks; this keeps beside each frame its bytes
 * as they were on the wire. A frame that breaks a rule, or lacks its end, comes too, as far as it goes.
 */

import {
  applyMask,
  Decompressor,
  type DecompressorOptions,
  FrameDecoder,
  Opcode,
  PayloadBuffer,
  type ProtocolError,
  type Role,
} from "hawser/codec";
import { type Header, readHeader } from "./header.js";
import { type Rule, ruleOf } from "./rules.js";

export interface Violation {
  readonly code: string;
  readonly closeCode: number;
  readonly message: string;
  /** Bytes of the stream before the one that broke the rule. */
  readonly offset: number;
  readonly rule: Rule;
}

/** What a compressed payload became. */
export interface Inflated {
  readonly length: number;
  /** As much of it as is kept: little data may become much. */
  readonly bytes: Uint8Array;
}

export interface Frame {
  /** Bytes of the stream before it. */
  readonly offset: number;
  readonly header: Header;
  /** Header and payload as they were on the wire. */
  readonly bytes: Uint8Array;
  /** The payload as it was meant. */
  readonly payload: Uint8Array;
  /** What type of message it belongs to; undefined for control frames and for a continuation of nothing. */
  readonly message: "text" | "binary" | undefined;
  /** What it adds to a compressed message. */
  readonly inflated: Inflated | undefined;
  readonly violation: Violation | undefined;
  /** Bytes that it announced and that are not there. */
  readonly missing: bigint;
}

export interface FrameStreamOptions {
  /** Who reads the stream: a server reads what a client sent. */
  readonly reader: Role | "any";
  /** Whether RSV1 means permessage-deflate, and with which window. Default: it means nothing. */
  readonly compression?: DecompressorOptions | undefined;
  /** Bytes that a frame may have. Default: any number. */
  readonly maxFrameSize?: number | undefined;
}

/** Bytes that are kept of an inflated payload. */
const MOST_INFLATED = 1 << 18;

const NOTHING = new Uint8Array(0);

export class FrameStream {
  /** What ended the stream early. */
  violation: Violation | undefined = undefined;
  readonly #decoder: FrameDecoder;
  readonly #decompressor: Decompressor | undefined;
  /** Bytes that are in no frame yet, as they were on the wire, and how many of the stream were before them. */
  #rest = NOTHING;
  #offset = 0;
  /** Bytes that came once nothing was read any more. */
  #unread = 0;
  /** The message under way. */
  #message: "text" | "binary" | undefined = undefined;
  #isCompressed = false;

  constructor({ reader, compression, maxFrameSize = Number.POSITIVE_INFINITY }: FrameStreamOptions) {
    this.#decoder = new FrameDecoder({ role: reader, maxFrameSize, allowRsv1: compression !== undefined });
    this.#decompressor = compression && new Decompressor(compression);
  }

  /** Takes the next bytes, which are left as they are. Returns the frames that are complete with them. */
  push(bytes: Uint8Array): Frame[] {
    if (this.violation !== undefined || this.isClosed) {
      this.#unread += bytes.length;
      return [];
    }
    this.#rest = concat(this.#rest, bytes);
    const frames: Frame[] = [];
    const decoder = this.#decoder;
    // The decoder unmasks in place: it gets bytes of its own.
    decoder.push(new Uint8Array(bytes));
    while (this.violation === undefined && decoder.next()) frames.push(this.#take(decoder));
    if (this.violation === undefined && decoder.error !== undefined) {
      frames.push(this.#takeBroken(decoder.error));
    }
    return frames;
  }

  /** Whether a Close frame ended the stream: nothing behind one is read (§5.5.1). */
  get isClosed(): boolean {
    return this.#decoder.hasEnded && this.violation === undefined;
  }

  /** Bytes that are in no frame. */
  get restLength(): number {
    return this.#rest.length + this.#unread;
  }

  /** Bytes of a frame that lacks its end: they wait for the rest. */
  get waitingLength(): number {
    return this.isClosed || this.violation !== undefined ? 0 : this.#rest.length;
  }

  /** The stream ends here. Returns the frame that lacks its end, if there is one. */
  end(): Frame | undefined {
    if (this.waitingLength === 0) return undefined;
    const header = readHeader(this.#rest);
    const frame = this.#frame(header, this.#rest.length, unmasked(this.#rest, header), undefined, undefined);
    const { payloadLength = 0n, length } = header;
    return { ...frame, missing: BigInt(length) + payloadLength - BigInt(frame.bytes.length) };
  }

  #take(decoder: FrameDecoder): Frame {
    const { opcode, payload, headerLength, payloadLength, rsv1, fin } = decoder;
    if (opcode === Opcode.Text || opcode === Opcode.Binary) {
      this.#message = opcode === Opcode.Text ? "text" : "binary";
      this.#isCompressed = rsv1;
    }
    const header = readHeader(this.#rest);
    const isData = opcode < Opcode.Close;
    const inflated =
      isData && this.#isCompressed ? this.#inflate(payload, fin, headerLength, header) : undefined;
    const frame = this.#frame(header, headerLength + payloadLength, payload, inflated, this.violation);
    if (isData && fin) this.#message = undefined;
    return frame;
  }

  #inflate(payload: Uint8Array, final: boolean, headerLength: number, header: Header): Inflated {
    const decompressor = this.#decompressor as Decompressor;
    const offset = this.#offset + headerLength;
    decompressor.push(payload, { final, text: this.#message === "text", offset });
    const kept = new PayloadBuffer();
    let length = 0;
    while (decompressor.next()) {
      const piece = decompressor.borrowedPiece;
      length += piece.length;
      if (kept.length < MOST_INFLATED) kept.append(piece.subarray(0, MOST_INFLATED - kept.length), 0, true);
    }
    if (decompressor.error !== undefined) this.violation = violationOf(decompressor.error, header);
    return { length, bytes: kept.take() };
  }

  /** The decoder stops before the frame that it finds fault with: here it is, as far as it has arrived. */
  #takeBroken(error: ProtocolError): Frame {
    const header = readHeader(this.#rest);
    const { payloadLength = 0n, length } = header;
    const whole = BigInt(length) + payloadLength;
    const arrived = whole < BigInt(this.#rest.length) ? Number(whole) : this.#rest.length;
    this.violation = violationOf(error, header);
    const payload = unmasked(this.#rest.subarray(0, arrived), header);
    const frame = this.#frame(header, arrived, payload, undefined, this.violation);
    return { ...frame, missing: whole - BigInt(arrived) };
  }

  #frame(
    header: Header,
    length: number,
    payload: Uint8Array,
    inflated: Inflated | undefined,
    violation: Violation | undefined,
  ): Frame {
    const bytes = this.#rest.slice(0, length);
    const offset = this.#offset;
    this.#rest = this.#rest.subarray(length);
    this.#offset += length;
    const message = header.opcode < Opcode.Close ? (this.#message ?? typeOf(header.opcode)) : undefined;
    return { offset, header, bytes, payload, message, inflated, violation, missing: 0n };
  }

  /** Gives the decompressor's memory back. */
  release(): void {
    this.#decompressor?.release();
  }
}

function typeOf(opcode: number): "text" | "binary" | undefined {
  return opcode === Opcode.Text ? "text" : opcode === Opcode.Binary ? "binary" : undefined;
}

function violationOf(error: ProtocolError, header: Header): Violation {
  const { code, closeCode, message, offset } = error;
  return { code, closeCode, message, offset, rule: ruleOf(error, header) };
}

function unmasked(bytes: Uint8Array, { length, maskingKey }: Header): Uint8Array {
  const payload = bytes.slice(length);
  return maskingKey === undefined ? payload : applyMask(payload, maskingKey);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
