/**
 * What a connection has to send: waits here until the turn ends, then leaves in one write. Keeps count of what
 * the system has not taken, and says when to wait.
 */

import { decodeFrame } from "../codec/index.js";
import {
  type Bytes,
  bufferOverflow,
  type Endpoint,
  PreparedMessage,
  type SendOptions,
  toBytes,
} from "../protocol/index.js";
import type { ConnectionSettings } from "./connection-options.js";
import { type Deferred, defer } from "./deferred.js";
import type { SocketPump } from "./socket-pump.js";
import { beginTurn, endTurn, type Flushable, flushLater } from "./turn.js";

/** What can be sent. Bytes are copied, but for a prepared message. */
export type Sendable = string | Bytes | PreparedMessage;

/** The connection that the outbox is of. */
export interface OutboxOwner {
  /** After it was said that it is time to wait: it is worth sending again. */
  onDrain(): void;
  /** So many bytes wait that the connection should be closed. */
  onOverflow(waiting: number): void;
}

export class Outbox implements Flushable {
  /** Whether the socket is there. */
  isOpen = true;
  readonly #endpoint: Endpoint;
  readonly #settings: ConnectionSettings;
  readonly #owner: OutboxOwner;
  #pump: SocketPump;
  #isDirty = false;
  /** Whether bytes were written that the system may not have taken. */
  #isBacklogged = false;
  /** Whether `queued` said that it is time to wait. */
  #wantsDrain = false;
  /** Whether it is about to be said that it is not any more. */
  #isDrainDue = false;
  #hasEnded = false;
  /** Whether much waits, so that a limit may be near. */
  #isHigh = false;
  /** From how many bytes on that is so. */
  readonly #high: number;
  #drained: Deferred<void> | undefined = undefined;

  constructor(endpoint: Endpoint, pump: SocketPump, settings: ConnectionSettings, owner: OutboxOwner) {
    this.#endpoint = endpoint;
    this.#pump = pump;
    this.#settings = settings;
    this.#high = Math.min(settings.highWaterMark, settings.maxBufferedAmount);
    this.#owner = owner;
  }

  send(data: Sendable, options?: SendOptions): boolean {
    const isReady = typeof data === "string" || data instanceof Uint8Array || data instanceof PreparedMessage;
    const message = isReady ? data : toBytes(data, "a string, bytes or a prepared message");
    if (this.#isHigh || this.#isBacklogged || this.#endpoint.state !== "open" || !this.isOpen) {
      if (!this.mayQueue()) return false;
    }
    this.#endpoint.send(message, options);
    return this.queued();
  }

  /** Whether something may be queued now; does what the overflow policy says. */
  mayQueue(): boolean {
    if (this.#endpoint.state !== "open" || !this.isOpen) return false;
    const { maxBufferedAmount, onOverflow } = this.#settings;
    const waiting = this.bufferedAmount;
    if (waiting <= maxBufferedAmount) return true;
    if (onOverflow === "throw") throw bufferOverflow(waiting, maxBufferedAmount);
    if (onOverflow === "close") this.#owner.onOverflow(waiting);
    // What was dropped is worth sending again, too.
    else this.#wantsDrain = true;
    return false;
  }

  /** Something was queued. Returns whether it is worth queueing more. */
  queued(): boolean {
    if (!this.#isDirty) {
      this.#isDirty = true;
      flushLater(this);
    }
    const waiting = this.bufferedAmount;
    if (waiting < this.#high) return true;
    this.#isHigh = true;
    if (waiting < this.#highWaterMark) return true;
    this.#wantsDrain = true;
    return false;
  }

  get #highWaterMark(): number {
    // Whoever waits until it is worth sending again is not to be refused then. Below the socket's own mark it never
    // says that it drained.
    const { highWaterMark, maxBufferedAmount } = this.#settings;
    return Math.max(Math.min(highWaterMark, maxBufferedAmount), this.#pump.highWaterMark);
  }

  get #pendingLength(): number {
    return this.#isBacklogged ? this.#pump.pendingLength : 0;
  }

  get bufferedAmount(): number {
    return this.#endpoint.output.length + this.#pendingLength;
  }

  drained(): Promise<void> {
    if (!this.isOpen || this.bufferedAmount < this.#highWaterMark) return Promise.resolve();
    this.#wantsDrain = true;
    this.#drained ??= defer();
    return this.#drained.promise;
  }

  /** Writes what waits, now; and ends the socket's side when the endpoint wants that. */
  flush(): void {
    this.#isDirty = this.#isHigh = false;
    if (!this.isOpen) return;
    const endpoint = this.#endpoint;
    if (this.#isBacklogged && this.#pump.pendingLength === 0) this.#isBacklogged = false;
    // While the peer does not read, Pings leave one Pong, here, until the socket says that it drained.
    const waits = this.#isBacklogged && this.#pump.willDrain;
    if (endpoint.output.length > 0 || (endpoint.hasPong && !waits)) this.#write();
    if (endpoint.wantsEnd && !this.#hasEnded) {
      this.#hasEnded = true;
      this.#pump.end();
    }
    if (!this.#hasRoom || this.#isDrainDue) return;
    // Whoever answers by sending as much again may be as fast as the system: others have their turn in between.
    this.#isDrainDue = true;
    setImmediate(() => {
      this.#isDrainDue = false;
      if (this.#hasRoom) this.#drain();
    });
  }

  get #hasRoom(): boolean {
    return this.isOpen && this.#wantsDrain && this.bufferedAmount < this.#highWaterMark;
  }

  #write(): void {
    let output = this.#endpoint.takeOutput();
    if (this.#isBacklogged) output = this.#compact(output);
    if (this.#pump.write(output)) this.#endpoint.output.recycle(output);
    else this.#isBacklogged = true;
  }

  /** A few bytes that have to wait should not keep a whole slab from being used again: they get their own. */
  #compact(output: readonly Uint8Array[]): readonly Uint8Array[] {
    return output.map((segment) => {
      if (segment.length * 2 >= segment.buffer.byteLength) return segment;
      const copy = new Uint8Array(segment);
      this.#endpoint.output.recycle([segment]);
      return copy;
    });
  }

  /** The socket took everything. */
  pumpDrained(): void {
    this.#isBacklogged = false;
    this.flush();
  }

  #drain(): void {
    this.#wantsDrain = false;
    this.#drained?.resolve();
    this.#drained = undefined;
    beginTurn();
    this.#owner.onDrain();
    endTurn();
  }

  /** The socket is gone: nobody waits for it any more. */
  close(): void {
    this.isOpen = false;
    this.#endpoint.takeOutput();
    this.#drained?.resolve();
    this.#drained = undefined;
  }

  /** Goes on with another socket. */
  move(pump: SocketPump): void {
    this.#pump = pump;
    this.#isBacklogged = false;
    this.queued();
  }

  /** Encoded frames that wait, one by one; copies. */
  get frames(): Uint8Array[] {
    return splitFrames(this.#endpoint.output.peek(), true);
  }

  /** @throws {ProtocolError | TypeError} for what are no whole frames of our side. */
  set frames(frames: readonly Uint8Array[]) {
    const { output, perMessageDeflate } = this.#endpoint;
    const whole = splitFrames(frames, perMessageDeflate !== undefined);
    output.recycle(output.take());
    for (const frame of whole) output.append(frame);
    this.queued();
  }
}

/** Cuts segments, which hold whole frames, into frames. */
function splitFrames(segments: readonly Uint8Array[], allowRsv1: boolean): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (const segment of segments) {
    for (let start = 0; start < segment.length; ) {
      const { bytesConsumed } = decodeFrame(segment.subarray(start), { maxFrameSize: Infinity, allowRsv1 });
      if (bytesConsumed === 0) throw new TypeError("an outbox holds whole frames");
      // Not by `slice`: a Buffer's makes a view.
      frames.push(new Uint8Array(segment.subarray(start, start + bytesConsumed)));
      start += bytesConsumed;
    }
  }
  return frames;
}
