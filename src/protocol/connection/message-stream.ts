/**
 * One message that is delivered while it arrives: its parts wait here until they are asked for. `IncomingStreams` counts
 * those of a connection, and tells when so much waits that no more should be read. Knows no transport.
 */

import { InvalidStateError } from "../../codec/index.js";
import type { DataMessage } from "../session/message.js";
import { MessageQueue } from "./message-queue.js";

/**
 * A message that arrives in parts: strings of a text message (bytes with `text: "bytes"`), bytes of a binary one. Iterate
 * over it once. The iteration waits for the peer, and the peer waits for the iteration.
 *
 * Leaving the loop, or `cancel`, discards the rest of the message; the connection goes on. If the connection ends before
 * the message does, the iteration throws.
 */
export interface MessageStream extends AsyncIterable<string | Uint8Array> {
  readonly type: "text" | "binary";
  /** Discards the parts that were not read, and those that are still to come. */
  cancel(): void;
}

/** The connection that the streams are of. */
export interface StreamOwner {
  /** Parts were read: there is room again. */
  pullStreams(): void;
}

/** Streams that may wait to be read, however short. */
const MOST_STREAMS = 64;

/** The streams of one connection. */
export class IncomingStreams {
  readonly #owner: StreamOwner;
  readonly #highWaterMark: number;
  /** Whether a message was begun and lacks its end; `abort` ends its stream before. */
  isOpen = false;
  #current: IncomingStream | undefined = undefined;
  /** Bytes that wait, and streams that were not read to their end. */
  #size = 0;
  #count = 0;

  /** @param highWaterMark - bytes that may wait, roughly. */
  constructor(owner: StreamOwner, highWaterMark: number) {
    this.#owner = owner;
    this.#highWaterMark = highWaterMark;
  }

  get size(): number {
    return this.#size;
  }

  /** Whether enough waits. */
  get isFull(): boolean {
    return this.#size > this.#highWaterMark || this.#count >= MOST_STREAMS;
  }

  /** Begins a stream for a message whose first part is pushed next. */
  begin(type: "text" | "binary"): IncomingStream {
    this.#count++;
    this.isOpen = true;
    this.#current = new IncomingStream(type, this);
    return this.#current;
  }

  /** Takes a part of the message that was begun, or all of it. */
  push(part: DataMessage): void {
    this.#current?.push(part);
    if (part.partial) return;
    this.isOpen = false;
    this.#end(undefined);
  }

  /** The stream ends with an error. The parts of its message that are still pushed are dropped. */
  abort(error: Error): void {
    this.#end(error);
  }

  #end(error: Error | undefined): void {
    const stream = this.#current;
    this.#current = undefined;
    stream?.end(error);
  }

  /** A stream's waiting bytes changed. */
  account(bytes: number): void {
    this.#size += bytes;
    if (bytes < 0) this.#pull();
  }

  /** A stream was read to its end, or discarded. */
  leave(): void {
    this.#count--;
    this.#pull();
  }

  #pull(): void {
    if (this.#size * 2 <= this.#highWaterMark && this.#count * 2 <= MOST_STREAMS) this.#owner.pullStreams();
  }
}

/**
 * open: more parts come. ended: no more come, and those that wait are to be read. left: all were read, or the stream was
 * discarded.
 */
type StreamState = "open" | "ended" | "left";

export class IncomingStream implements MessageStream, AsyncIterator<string | Uint8Array> {
  readonly type: "text" | "binary";
  /** Whether an iteration began. */
  isRead = false;
  readonly #streams: IncomingStreams;
  readonly #queue = new MessageQueue();
  #state: StreamState = "open";
  #error: Error | undefined = undefined;

  constructor(type: "text" | "binary", streams: IncomingStreams) {
    this.type = type;
    this.#streams = streams;
  }

  push(part: DataMessage): void {
    if (this.#state !== "open" || part.data.length === 0) return;
    const before = this.#queue.size;
    this.#queue.push(part);
    this.#streams.account(this.#queue.size - before);
  }

  end(error: Error | undefined): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#error = error;
    // No `next` waits while parts do.
    if (this.#queue.isAwaited) this.#leave();
    this.#queue.end();
  }

  [Symbol.asyncIterator](): AsyncIterator<string | Uint8Array> {
    if (this.isRead) throw new InvalidStateError("a message can be iterated over once");
    this.isRead = true;
    return this;
  }

  async next(): Promise<IteratorResult<string | Uint8Array, undefined>> {
    const before = this.#queue.size;
    let part = this.#queue.shift();
    if (part !== undefined) {
      this.#streams.account(this.#queue.size - before);
    } else if (this.#state === "open") {
      part = await this.#queue.wait();
    }
    if (part !== undefined) return { value: part.data as string | Uint8Array, done: false };
    if (this.#state === "ended") this.#leave();
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) throw error;
    return { value: undefined, done: true };
  }

  async return(): Promise<IteratorResult<string | Uint8Array, undefined>> {
    this.cancel();
    return { value: undefined, done: true };
  }

  cancel(): void {
    if (this.#state === "left") return;
    const waiting = this.#queue.size;
    while (this.#queue.shift() !== undefined) {}
    this.#error = undefined;
    this.#leave();
    this.#queue.end();
    this.#streams.account(-waiting);
  }

  #leave(): void {
    this.#state = "left";
    this.#streams.leave();
  }
}
