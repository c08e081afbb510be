/**
 * DEFLATE data (RFC 1951) into messages as RFC 7692 §7.2.2 says: one stream of them, in payloads that are cut
 * anywhere. Text is validated as it comes out. Knows no frames.
 */

import {
  INFLATE_AT_BLOCK,
  INFLATE_BIT_OFFSET,
  INFLATE_FULL,
  INFLATE_SLACK,
  INFLATE_SPILL_LENGTH,
  INFLATE_STATE,
  INFLATE_WINDOW,
  INPUT,
  RESULT,
  RESULT_ASCII,
  RESULT_OUTPUT_END,
  RESULT_OUTPUT_START,
  RESULT_POSITION,
  STATUS_INVALID_UTF8,
  UTF8_INVALID,
} from "../../kernel/index.js";
import { assertBytes } from "../bytes.js";
import {
  InvalidStateError,
  type ProtocolError,
  protocolError,
  STATUS_MESSAGE_TOO_BIG,
  STATUS_NO_MEMORY,
  STATUS_TRUNCATED,
} from "../errors.js";
import { copyOf, EMPTY } from "../host.js";
import { PayloadBuffer } from "../payload-buffer.js";
import { asciiAt, textOf } from "../utf8.js";
import {
  type Block,
  giveBlock,
  type Holding,
  type Shard,
  takeBlock,
  watchHolding,
} from "./compression-memory.js";
import { assertWindowBits } from "./compression-options.js";

export interface DecompressorOptions {
  /** Size of the peer's window, as a power of two: 8 (256 bytes) to 15 (32 KiB). Default 15. */
  readonly windowBits?: number | undefined;
  /** Whether a message may refer to those before it (§7.2.2); then memory is held between them. Default true. */
  readonly contextTakeover?: boolean | undefined;
  /** Bytes that a message may have, decompressed. Default 16 MiB. */
  readonly maxLength?: number | undefined;
}

/** 16 MiB. */
const DEFAULT_MAX_LENGTH = 1 << 24;

/** What one call may make: at most, and at least, of a stream that holds its memory, and of one that does not. */
const HELD_ROOM = 0x2000;
const LEAST_ROOM = 0x800;
const PASSING_ROOM = 0x10000;

/** §7.2.2: "Append 4 octets of 0x00 0x00 0xff 0xff to the tail end of the payload of the message." */
const TAIL = [0x00, 0x00, 0xff, 0xff];

/** Bytes copied into INPUT at once: few enough to stay in the first-level cache. */
const STAGED_LENGTH = 0x4000;

const POSITION_WORD = (RESULT + RESULT_POSITION) >> 2;
const START_WORD = (RESULT + RESULT_OUTPUT_START) >> 2;
const END_WORD = (RESULT + RESULT_OUTPUT_END) >> 2;
const ASCII_WORD = (RESULT + RESULT_ASCII) >> 2;

/** What a payload is a part of. */
export interface PayloadPlace {
  /** Whether it ends the message. Default true. */
  readonly final?: boolean | undefined;
  /** Whether the message is text, which is validated. Default false. */
  readonly text?: boolean | undefined;
  /** Bytes of the peer's stream before it, for errors. Default 0. */
  readonly offset?: number | undefined;
}

const WHOLE: PayloadPlace = {};
const FRAGMENT: PayloadPlace = { final: false };

/**
 * Decompresses the messages of one direction of a connection: a cursor over pieces of the output.
 *
 * ```ts
 * const decompressor = new Decompressor();
 * decompressor.push(payload);
 * while (decompressor.next()) handle(decompressor.borrowedPiece);
 * if (decompressor.error) fail(decompressor.error.closeCode);
 * decompressor.release();
 * ```
 */
export class Decompressor {
  /** Bytes of the message so far. */
  length = 0;
  /** Whether every byte of the message so far is below 0x80; known for text only. */
  isAscii = true;
  /** The error in the data, once everything before it was delivered. Then the stream has ended. */
  error: ProtocolError | undefined = undefined;

  /** Bytes that a message may have, decompressed. It may be set before a message begins. */
  maxLength: number;

  readonly #windowBits: number;
  readonly #contextTakeover: boolean;
  readonly #holding: Holding = { block: undefined };
  /** Whether garbage collection gives the memory back if the owner never calls `release`. */
  #isWatched = false;
  #payload: Uint8Array = EMPTY;
  #place: PayloadPlace = WHOLE;
  /** Bytes of the payload, and of TAIL behind it, that are to be inflated, and that were. */
  #total = 0;
  #consumed = 0;
  /** Where their staged bytes lie in INPUT, until another stream uses it. */
  #stagedStart = INPUT;
  #stagedEnd = INPUT;
  #staging = 0;
  /** Whether the window had no room for more. */
  #isFull = false;
  /** Whether a message is under way: its first payload was pushed, and its end was not reached. */
  #isInMessage = false;
  /** The UTF-8 state between two pieces. */
  #utf8 = 0;
  /** Where the piece lies. */
  #start = 0;
  #end = 0;

  /** @throws {TypeError | RangeError} for options that make no sense. */
  constructor(options: DecompressorOptions = {}) {
    const { windowBits = 15, contextTakeover = true, maxLength = DEFAULT_MAX_LENGTH } = options;
    assertWindowBits(windowBits, "windowBits");
    if (typeof maxLength !== "number" || !(maxLength >= 0)) {
      throw new RangeError(
        `maxLength must be a number of bytes from 0 to Infinity, not ${String(maxLength)}`,
      );
    }
    this.#windowBits = windowBits;
    this.#contextTakeover = contextTakeover;
    this.maxLength = maxLength;
  }

  /** Bytes of memory held: none before the first message, and none between two without context takeover. */
  get retainedLength(): number {
    return this.#holding.block?.length ?? 0;
  }

  /**
   * Takes the payload of a frame, or a part of one; what it becomes comes from `next`. The one before must have
   * been read to its end.
   *
   * @param payload - left as it is, and looked at until `next` returns false or `retain` is called.
   */
  push(payload: Uint8Array, place: PayloadPlace = WHOLE): void {
    assertBytes(payload, "a compressed payload");
    if (this.error !== undefined) return;
    if (!this.#isInMessage) {
      this.length = this.#utf8 = 0;
      this.isAscii = this.#isInMessage = true;
    }
    this.#payload = payload;
    this.#place = place;
    this.#consumed = 0;
    this.#total = payload.length + (place.final === false ? 0 : TAIL.length);
    this.#stagedStart = this.#stagedEnd;
  }

  /**
   * Moves to the next piece of the message.
   *
   * @returns false when the payload has no more: push the next one, or look at `error`.
   */
  next(): boolean {
    if (!this.#step()) return false;
    // The caller may never ask for the piece after this one.
    this.#watch();
    return true;
  }

  /** `next`, for callers that go on until it returns false. */
  #step(): boolean {
    if (!this.#isInMessage) {
      this.#rest();
      return false;
    }
    while (this.#consumed < this.#total || this.#isFull) {
      const block = this.#holding.block ?? this.#tryBegin();
      if (block === undefined) break;
      const status = this.#inflate(block);
      // Inflated bytes are delivered before the error behind them.
      const isGood = this.#start < this.#end && this.#judge(block);
      if (status > INFLATE_FULL) this.#fail(protocolError(status, this.#position));
      else if (this.#consumed === this.#total && !this.#isFull) this.#endPayload(block);
      if (isGood) return true;
      if (this.error !== undefined) break;
    }
    this.#rest();
    return false;
  }

  #tryBegin(): Block | undefined {
    try {
      this.#holding.block = this.#begin();
    } catch (error) {
      // WebAssembly's word for it. The reader of a stream cannot catch an exception that the peer caused.
      if (!(error instanceof RangeError)) throw error;
      this.#fail(protocolError(STATUS_NO_MEMORY, this.#position));
    }
    return this.#holding.block;
  }

  #begin(): Block {
    const windowSize = 1 << this.#windowBits;
    const capacity =
      windowSize + (this.#contextTakeover ? Math.min(HELD_ROOM, windowSize + LEAST_ROOM) : PASSING_ROOM);
    const block = takeBlock(INFLATE_WINDOW + capacity + INFLATE_SLACK);
    block.shard.kernel.inflateInit(block.address, this.#windowBits, capacity);
    return block;
  }

  #watch(): void {
    if (this.#isWatched) return;
    this.#isWatched = true;
    watchHolding(this, this.#holding);
  }

  /** One call of the kernel. Returns how it ended. */
  #inflate({ shard, address }: Block): number {
    const { kernel } = shard;
    if (shard.stagings !== this.#staging || this.#stagedStart === this.#stagedEnd) this.#stage(shard);
    const status = kernel.inflate(address, this.#stagedStart, this.#stagedEnd);
    const { words } = kernel;
    const position = words[POSITION_WORD];
    this.#consumed += position - this.#stagedStart;
    this.#stagedStart = position;
    this.#start = words[START_WORD];
    this.#end = words[END_WORD];
    this.#isFull = status === INFLATE_FULL;
    return status;
  }

  /** Puts the next bytes to inflate into INPUT. */
  #stage(shard: Shard): void {
    const payload = this.#payload;
    const { bytes } = shard.kernel;
    const start = this.#consumed;
    const end = Math.min(payload.length, start + STAGED_LENGTH);
    let at = INPUT;
    if (end > start) {
      bytes.set(start === 0 && end === payload.length ? payload : payload.subarray(start, end), INPUT);
      at += end - start;
    }
    if (end === payload.length) {
      for (let i = Math.max(start, end); i < this.#total; i++) bytes[at++] = TAIL[i - end];
    }
    this.#stagedStart = INPUT;
    this.#stagedEnd = at;
    this.#staging = ++shard.stagings;
  }

  /** The payload is inflated: what that means for the message. */
  #endPayload({ shard, address }: Block): void {
    if (this.#place.final === false) return;
    this.#isInMessage = false;
    const { words } = shard.kernel;
    const spillWord = (address + INFLATE_SPILL_LENGTH) >> 2;
    // A peer that left the tail where it was, or flushed twice, has ended the data before ours: then ours is the
    // beginning of a block that the peer did not send.
    if (words[spillWord] === TAIL.length) words[spillWord] = 0;
    const isAtBlock = words[(address + INFLATE_STATE) >> 2] === INFLATE_AT_BLOCK;
    if (!isAtBlock || words[spillWord] !== 0 || words[(address + INFLATE_BIT_OFFSET) >> 2] !== 0) {
      this.#fail(protocolError(STATUS_TRUNCATED, this.#position));
    } else if (this.#utf8 !== 0) {
      this.#fail(protocolError(STATUS_INVALID_UTF8, this.#position));
    }
  }

  /** Whether a piece is to be delivered. */
  #judge({ shard }: Block): boolean {
    this.length += this.#end - this.#start;
    if (this.length > this.maxLength) {
      this.#fail(protocolError(STATUS_MESSAGE_TOO_BIG, this.#position, this.length, this.maxLength));
      return false;
    }
    if (this.#place.text !== true) return true;
    const { kernel } = shard;
    this.#utf8 = kernel.validateUtf8(this.#start, this.#end, this.#utf8);
    if (kernel.words[ASCII_WORD] === 0) this.isAscii = false;
    if (this.#utf8 !== UTF8_INVALID) return true;
    this.#fail(protocolError(STATUS_INVALID_UTF8, this.#position));
    return false;
  }

  /** Where in the peer's stream inflating stands. */
  get #position(): number {
    return (this.#place.offset ?? 0) + Math.min(this.#consumed, this.#payload.length);
  }

  #fail(error: ProtocolError): void {
    this.error ??= error;
    this.#isInMessage = this.#isFull = false;
    this.#consumed = this.#total;
  }

  /** No more input for now: gives up the memory that is not needed until then. */
  #rest(): void {
    this.#payload = EMPTY;
    if (this.error !== undefined || (!this.#isInMessage && !this.#contextTakeover)) this.release();
    else if (this.#holding.block !== undefined) this.#watch();
  }

  /** Whether the message has come to its end. */
  get isLast(): boolean {
    return !this.#isInMessage && this.error === undefined;
  }

  /** The current piece: a view of memory that is overwritten at the next call of `next`; copy it before. */
  get borrowedPiece(): Uint8Array {
    const { block } = this.#holding;
    return block === undefined ? EMPTY : block.shard.view(this.#start, this.#end - this.#start);
  }

  /** The current piece, copied. */
  get piece(): Uint8Array {
    return copyOf(this.borrowedPiece);
  }

  /**
   * The current piece as a string.
   *
   * @throws {InvalidStateError} unless it is all of a message that was pushed as text, and so was validated.
   */
  text(): string {
    const { block } = this.#holding;
    const isWhole = this.isLast && this.length === this.#end - this.#start;
    if (block === undefined || !isWhole || this.#place.text !== true) {
      throw new InvalidStateError("text() is for a piece that is all of a message of text; use piece");
    }
    const { shard } = block;
    return this.isAscii ? asciiAt(shard, this.#start, this.#end) : textOf(this.borrowedPiece, false);
  }

  /** Copies the unread part of the payload, which is about to change. */
  retain(): void {
    if (this.#consumed < this.#payload.length) this.#payload = new Uint8Array(this.#payload);
  }

  /**
   * Decompresses a message, or a fragment of one, at once.
   *
   * @param final - whether it ends the message. Default true.
   * @returns bytes that are the caller's.
   * @throws {ProtocolError} for data that is not a message, with its close code.
   * @throws {LimitError} for more than `maxLength` bytes; nothing is kept of them.
   */
  decompress(payload: Uint8Array, final = true): Uint8Array {
    this.push(payload, final ? WHOLE : FRAGMENT);
    let whole = EMPTY;
    let parts: PayloadBuffer | undefined;
    while (this.#step()) {
      if (this.isLast && parts === undefined) whole = copyOf(this.borrowedPiece);
      else {
        this.#watch();
        (parts ??= new PayloadBuffer()).append(this.borrowedPiece, 0, true);
      }
    }
    if (this.error !== undefined) throw this.error;
    return parts?.take() ?? whole;
  }

  /** Gives the memory back, and drops a message that is half received. */
  release(): void {
    this.#payload = EMPTY;
    this.#isInMessage = this.#isFull = false;
    const { block } = this.#holding;
    if (block === undefined) return;
    this.#holding.block = undefined;
    giveBlock(block);
  }
}
