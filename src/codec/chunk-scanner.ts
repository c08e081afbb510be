/**
 * Chunks through the kernel: copies a piece of a chunk into the window, has it scanned, and keeps the
 * records until they are read. Knows bytes, records and their places in the stream; FrameDecoder makes frames
 * of them.
 */

import {
  type Kernel,
  MESSAGE_ANY,
  OPTION_FORBID_MASK,
  OPTION_MORE,
  RECEIVE,
  RECORD_LENGTH,
  RECORDS,
  RESULT,
  RESULT_LENGTH,
  RESULT_POSITION,
  RESULT_STATUS,
  STATE,
  STATE_FRAME,
  STATE_LENGTH,
  STATE_MESSAGE,
  STATE_REMAINING,
  STATE_SPILL_LENGTH,
  STATUS_CLOSE_BODY_OF_ONE,
  STATUS_CONTROL_TOO_LONG,
  STATUS_FRAME_TOO_BIG,
  STATUS_FULL,
  STATUS_INVALID_UTF8,
  STATUS_LENGTH_NOT_MINIMAL,
  WINDOW,
  WINDOW_LENGTH,
} from "../kernel/index.js";
import type { BytesClass } from "./bytes.js";
import { InvalidStateError, type ProtocolError, protocolError } from "./errors.js";
import { allocate, allocatePooled, EMPTY } from "./host.js";
import { type WindowHolder, type Workspace, workspace } from "./workspace.js";

/** Index of the first record's first word in `ChunkScanner.records`. */
export const FIRST_RECORD = RECORDS >> 2;

const STATE_WORD = STATE >> 2;
const STATE_WORDS = STATE_LENGTH >> 2;
/** Where in STATE its last fields begin, which have a meaning only while a header is cut. */
const SPILL_LENGTH = STATE_SPILL_LENGTH >> 2;
const FRAME = STATE_FRAME >> 2;
const MESSAGE = STATE_MESSAGE >> 2;
const REMAINING_DOUBLE = (STATE + STATE_REMAINING) >> 3;
const STATUS_WORD = (RESULT + RESULT_STATUS) >> 2;
const POSITION_WORD = (RESULT + RESULT_POSITION) >> 2;
const LENGTH_DOUBLE = (RESULT + RESULT_LENGTH) >> 3;
const RECORD_WORDS = RECORD_LENGTH >> 2;

/** Bytes scanned at once when a chunk is longer: they stay in the first-level cache. */
const PIECE_LENGTH = 0x8000;

/** Payloads that lie close together are copied out of kernel memory together, this much at a time. */
const GROUP_LENGTH = 0x2000;
/** A payload from this length on is copied by itself: nothing else should keep it alive, or be kept by it. */
const SINGLE_LENGTH = 0x800;
/** Up to this many bytes a loop copies faster than a view of them is made. */
const LOOP_LENGTH = 32;

/** The memory of `EMPTY`. */
const NO_MEMORY = /* @__PURE__ */ memoryOf(EMPTY);

function chunkLost(): InvalidStateError {
  return new InvalidStateError("a chunk was transferred or resized while frames in it were still to be read");
}

function memoryOf({ buffer }: Uint8Array): ArrayBufferLike {
  return buffer;
}

export class ChunkScanner implements WindowHolder {
  /** The words of the last scan's records: from index `FIRST_RECORD` to before `end`. */
  records: Int32Array;
  end = FIRST_RECORD;
  /** Payload bytes that the unfinished frame at the end of the last piece still lacks. */
  remaining = 0;
  /** Whether the last piece is still in kernel memory. */
  inKernel = false;
  /** What the peer did wrong behind the last record. */
  violation: ProtocolError | undefined = undefined;
  readonly space: Workspace;

  readonly #kernel: Kernel;
  readonly #options: number;
  readonly #maxFrameSize: number;
  /** The kernel's memory; asking a view for it takes as long as making one. */
  readonly #memory: ArrayBufferLike;
  /** What STATE was when the last scan ended. */
  readonly #state = new Int32Array(STATE_WORDS);

  /** The chunk under way, and how much of it was scanned; others wait behind it. */
  #chunk: Uint8Array = EMPTY;
  #chunkLength = 0;
  /** The memory that the chunk is a view of, and where in it the chunk begins. */
  #chunkBuffer: ArrayBufferLike = EMPTY.buffer;
  #chunkOffset = 0;
  #scanned = 0;
  readonly #waiting: Uint8Array[] = [];
  /** Their lengths when they came: one that has another since has lost its memory. */
  readonly #waitingLengths: number[] = [];
  /** How many of those that waited were taken. */
  #taken = 0;
  /** The last piece of it: where it begins in the chunk and in the stream, and its length. */
  #pieceOffset = 0;
  #streamOffset = 0;
  #pieceLength = 0;
  /** Where the chunk lies in kernel memory, if a socket read it to there; else -1. */
  #chunkAddress = -1;
  /** Where the last piece was scanned. */
  #pieceAddress = WINDOW;
  /** Bytes copied out of a piece in place: where they lay, and how far from there, in which memory, they are. */
  #copyStart = 0;
  #copyEnd = 0;
  #copyOffset = 0;
  #copyBuffer: ArrayBufferLike = EMPTY.buffer;
  /** Whether the window holds unmasked bytes that are not yet copied back. */
  #stillMasked = false;

  /**
   * @param options - OPTION_ bits.
   * @param midMessage - whether the stream may begin inside a message.
   */
  constructor(options: number, maxFrameSize: number, midMessage: boolean) {
    if (midMessage) this.#state[MESSAGE] = MESSAGE_ANY;
    this.#options = options;
    this.#maxFrameSize = maxFrameSize;
    this.space = workspace();
    this.#kernel = this.space.kernel;
    this.#memory = this.#kernel.bytes.buffer;
    this.records = this.#kernel.words;
  }

  push(chunk: Uint8Array): void {
    if (this.#chunk === EMPTY) {
      this.#begin(chunk, chunk.length);
      return;
    }
    this.#waiting.push(chunk);
    this.#waitingLengths.push(chunk.length);
  }

  #begin(chunk: Uint8Array, length: number): void {
    const { buffer, byteOffset } = chunk;
    this.#chunk = chunk;
    this.#chunkBuffer = buffer;
    this.#chunkOffset = byteOffset;
    this.#chunkLength = length;
    this.#scanned = this.#pieceOffset = 0;
    const isInPlace = buffer === this.#memory && byteOffset >= RECEIVE;
    this.#chunkAddress = isInPlace ? byteOffset : -1;
  }

  /** Whether the chunk lies in kernel memory, where the next read will overwrite it. */
  get isInPlace(): boolean {
    return this.#chunkAddress >= 0;
  }

  /**
   * Moves to bytes that were not looked at yet. Returns whether there are any.
   *
   * @throws {InvalidStateError} when the chunk lost its memory: what it held cannot be known any more.
   */
  open(): boolean {
    if (this.#scanned === this.#chunkLength) {
      if (this.#taken === this.#waiting.length) return false;
      this.#begin(this.#waiting[this.#taken], this.#waitingLengths[this.#taken++]);
      if (this.#taken === this.#waiting.length) this.#forgetWaiting();
    }
    if (this.#chunk.length !== this.#chunkLength) throw chunkLost();
    return true;
  }

  #forgetWaiting(): void {
    this.#waiting.length = this.#waitingLengths.length = this.#taken = 0;
  }

  /** Whether everything was scanned, and is well formed. */
  get isDone(): boolean {
    return this.#scanned === this.#chunkLength && this.#waiting.length === 0 && this.violation === undefined;
  }

  /** Whether the stream may end here without cutting a message, a frame or a header. */
  get isAtRest(): boolean {
    const state = this.#state;
    return state[FRAME] === 0 && state[MESSAGE] === 0 && state[SPILL_LENGTH] === 0 && this.isDone;
  }

  /** Scans the next piece of the chunk: a part that fits the cache, or all that fits the window. */
  scan(): void {
    const rest = this.#chunkLength - this.#scanned;
    if (this.#chunkAddress >= 0) {
      this.#scanPiece(rest, 0);
      return;
    }
    if (rest > PIECE_LENGTH && this.#scanPiece(PIECE_LENGTH, OPTION_MORE)) return;
    this.#scanPiece(Math.min(rest, WINDOW_LENGTH), 0);
  }

  /** Scans `length` bytes of the chunk. Returns whether any of them were consumed. */
  #scanPiece(length: number, more: number): boolean {
    const words = this.#kernel.words;
    const { space } = this;
    if (space.holder !== this) space.lease(this);
    let start = WINDOW;
    if (this.#chunkAddress >= 0) start = this.#chunkAddress + this.#scanned;
    else this.#stage(length);
    this.#pieceAddress = start;
    this.#copyEnd = 0;

    const state = this.#state;
    const used = state[SPILL_LENGTH] === 0 ? SPILL_LENGTH + 1 : STATE_WORDS;
    for (let i = 0; i < used; i++) words[STATE_WORD + i] = state[i];
    space.doubles[REMAINING_DOUBLE] = this.remaining;
    const count = this.#kernel.scan(start, start + length, this.#options | more, this.#maxFrameSize);
    const left = words[STATE_WORD + SPILL_LENGTH] === 0 ? SPILL_LENGTH + 1 : STATE_WORDS;
    for (let i = 0; i < left; i++) state[i] = words[STATE_WORD + i];
    this.remaining = space.doubles[REMAINING_DOUBLE];

    const position = words[POSITION_WORD];
    // The piece begins where the last one ended. A violation may lie in a header that began in the chunk before.
    this.#streamOffset += this.#pieceLength;
    this.#pieceOffset = this.#scanned;
    this.#pieceLength = Math.max(position - start, 0);
    this.records = words;
    this.end = FIRST_RECORD + count * RECORD_WORDS;
    this.inKernel = true;
    this.#stillMasked = start === WINDOW && (this.#options & OPTION_FORBID_MASK) === 0;
    const status = words[STATUS_WORD];
    if (status > STATUS_FULL) {
      this.violation = this.#describe(status, position);
      this.#dropRest();
      return true;
    }
    this.#scanned += this.#pieceLength;
    return this.#pieceLength > 0;
  }

  /** Copies the next bytes of the chunk into the window. */
  #stage(length: number): void {
    const chunk = this.#chunk;
    const { bytes } = this.#kernel;
    if (length === this.#chunkLength) bytes.set(chunk, WINDOW);
    else bytes.set(this.view(this.#scanned, length), WINDOW);
  }

  /** Offset in the stream of an address in the last piece. */
  streamOffsetOf(address: number): number {
    return this.#streamOffset + (address - this.#pieceAddress);
  }

  /** Offset in the chunk of an address in the last piece. */
  chunkOffsetOf(address: number): number {
    return this.#pieceOffset + (address - this.#pieceAddress);
  }

  /**
   * A view of the chunk.
   *
   * @throws {InvalidStateError} when the chunk lost its memory.
   */
  view(start: number, length: number): Uint8Array {
    if (this.#chunk.length !== this.#chunkLength) throw chunkLost();
    return new Uint8Array(this.#chunkBuffer, this.#chunkOffset + start, length);
  }

  /**
   * Payload bytes at an address in the last piece, out of kernel memory: a view of the chunk, or of a copy
   * that small payloads near to each other share.
   */
  payloadAt(address: number, length: number, View: BytesClass = Uint8Array): Uint8Array {
    if (length === 0) return EMPTY;
    if (!this.isInPlace) {
      this.unmaskChunk();
      return this.view(this.chunkOffsetOf(address), length);
    }
    if (length >= SINGLE_LENGTH) return this.#copyOut(allocate(length), address);
    if (address + length > this.#copyEnd || address < this.#copyStart) this.#copyGroup(address, length);
    return new View(this.#copyBuffer, address + this.#copyOffset, length);
  }

  /** Copies the bytes from an address on, for the next payloads. */
  #copyGroup(address: number, length: number): void {
    const rest = this.#pieceAddress + this.#pieceLength - address;
    // A violation may end the piece before the last record's bytes do.
    const copy = this.#copyOut(allocatePooled(Math.max(Math.min(rest, GROUP_LENGTH), length)), address);
    this.#copyStart = address;
    this.#copyEnd = address + copy.length;
    this.#copyBuffer = copy.buffer;
    this.#copyOffset = copy.byteOffset - address;
  }

  #copyOut(copy: Uint8Array, address: number): Uint8Array {
    copy.set(this.space.view(address, copy.length));
    return copy;
  }

  /**
   * The same bytes for a caller that is done with them before anything else is scanned or read: a view of kernel
   * memory where they lie there to stay.
   */
  borrowAt(address: number, length: number): Uint8Array {
    return this.isInPlace && length > 0 ? this.space.view(address, length) : this.payloadAt(address, length);
  }

  /** Copies the same bytes into `target`, which has room for them. */
  copyAt(address: number, length: number, target: Uint8Array, offset: number): void {
    const { bytes } = this.#kernel;
    if (!this.inKernel) {
      target.set(this.view(this.chunkOffsetOf(address), length), offset);
    } else if (length > LOOP_LENGTH) {
      target.set(this.space.view(address, length), offset);
    } else {
      for (let i = 0; i < length; i++) target[offset + i] = bytes[address + i];
    }
  }

  /** The next read is about to overwrite kernel memory: copies the bytes that are still needed from there. */
  retain(): void {
    for (let i = this.#taken; i < this.#waiting.length; i++) {
      const chunk = this.#waiting[i];
      if (chunk.buffer !== this.#kernel.bytes.buffer) continue;
      // Not by `slice`: a Buffer's makes a view.
      this.#waiting[i] = allocate(chunk.length);
      this.#waiting[i].set(chunk);
    }
    if (!this.isInPlace) return;
    // From the last piece on: of it, records may still be unread.
    const kept = this.#chunkLength - this.#pieceOffset;
    const scanned = this.#scanned - this.#pieceOffset;
    this.#begin(this.#copyOut(allocate(kept), this.#chunkAddress + this.#pieceOffset), kept);
    this.#scanned = scanned;
    this.evict();
  }

  /** Copies what the kernel unmasked in the window back over the chunk: one move for all its frames. */
  unmaskChunk(): void {
    if (!this.#stillMasked) return;
    if (this.#chunk.length !== this.#chunkLength) throw chunkLost();
    const unmasked = this.space.window(this.#pieceLength);
    this.#chunk.set(unmasked, this.#pieceOffset);
    this.#stillMasked = false;
  }

  /** Another decoder is about to scan: keeps the records, which may be unread. */
  evict(): void {
    // A chunk without its memory is an error of the next read here, not of the other decoder.
    if (this.#chunk.length === this.#chunkLength) this.unmaskChunk();
    if (this.records === this.#kernel.words) {
      this.records = this.records.slice(0, this.end);
    }
    if (!this.isInPlace) this.inKernel = false;
  }

  /** Everything found was read: holds on to no chunk and to no window. */
  release(): void {
    if (this.space.holder === this) this.space.holder = undefined;
    this.inKernel = this.#stillMasked = false;
    this.records = this.#kernel.words;
    this.#chunk = EMPTY;
    this.#chunkBuffer = this.#copyBuffer = NO_MEMORY;
    this.#chunkOffset = 0;
    this.#copyEnd = 0;
    this.#chunkAddress = -1;
    this.#chunkLength = this.#scanned = 0;
  }

  /** Another stream begins, of which so many bytes have passed; only at rest. */
  restart(streamOffset: number): void {
    this.#streamOffset = streamOffset;
    this.#pieceLength = 0;
  }

  /** Nothing behind the last record counts: the stream has ended there. */
  stop(): void {
    this.violation = undefined;
    this.remaining = 0;
    this.#state.fill(0);
    this.#dropRest();
  }

  #dropRest(): void {
    this.#forgetWaiting();
    this.#scanned = this.#chunkLength;
  }

  /** The error for a status of the last scan. */
  #describe(status: number, address: number): ProtocolError {
    const byte = this.#kernel.bytes[address];
    let detail = 0;
    if (status === STATUS_CONTROL_TOO_LONG || status === STATUS_CLOSE_BODY_OF_ONE) {
      detail = byte & 0x7f;
    } else if (status >= STATUS_LENGTH_NOT_MINIMAL && status <= STATUS_FRAME_TOO_BIG) {
      detail = this.space.doubles[LENGTH_DOUBLE];
    } else if (status !== STATUS_INVALID_UTF8) {
      detail = byte & 0x0f;
    }
    return protocolError(status, this.streamOffsetOf(address), detail, this.#maxFrameSize);
  }
}
