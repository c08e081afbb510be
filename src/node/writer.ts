/**
 * The sending half of a connection: frames wait here until the turn ends, then leave in one write. It counts the
 * bytes that the system has not taken, tells the program when to wait, and applies the overflow policy.
 * A writer is open until `close`. `drain-state.ts` draws how it notifies the program of room.
 */

import { InvalidStateError } from "../codec/index.js";
import {
  type Bytes,
  bufferOverflow,
  type Endpoint,
  type MessageInit,
  type PartOptions,
  type PreparedBatch,
  readsTooSlowly,
  type SendOptions,
} from "../protocol/index.js";
import { type BlobLike, isBlob, readBlob, SharedBlob } from "./blob.js";
import { onNextTurn } from "./clock.js";
import type { ConnectionSettings } from "./connection-options.js";
import { type Deferred, defer } from "./deferred.js";
import { channels } from "./diagnostics.js";
import { DRAIN_STEPS, type DrainState, type DrainStep } from "./drain-state.js";
import { joinSegments, keepJoined } from "./segments.js";
import { Hold, type Transport } from "./transport.js";
import { alreadySo, beginTurn, endTurn, type Flushable, flushLater } from "./turn.js";
import { splitFrames, wholeFrames } from "./whole-frames.js";

/** The session that a writer sends for. */
export interface WriterOwner extends Flushable {
  /** After `send` returned false: there is room again. */
  onDrain(): void;
  /** Whole frames are about to be written, and the channel `hawser:frame` has a subscriber. */
  onWrite(segments: readonly Uint8Array[]): void;
  /** A Blob that was to be sent cannot be read. */
  handlerFailed(thrown: unknown): void;
  /** So many bytes wait that the connection is to be closed. */
  onOverflow(error: RangeError): void;
}

/** Data that can be sent as a message. */
export type Sendable = MessageInit | BlobLike;

export class Writer {
  /** Messages that the overflow policy dropped. */
  messagesDropped = 0;
  drain: DrainState = "idle";
  readonly #endpoint: Endpoint;
  readonly #settings: ConnectionSettings;
  readonly #owner: WriterOwner;
  /** Below this many waiting bytes no mark and no limit is near. */
  readonly #leastMark: number;
  #transport: Transport;
  /** Whether the socket is there. */
  #isOpen = true;
  /** Whether the owner will be flushed. */
  #isScheduled = false;
  /** Whether the socket's sending side was ended. */
  #hasEnded = false;
  /** Turns of the event loop for which the system has not taken everything; 0: it has. Counts to 2. */
  #backlogTurns = 0;
  /** Whether the policy dropped the beginning of a message in parts: the rest of it is dropped, too. */
  #isDroppingParts = false;
  #drained: Deferred<void> | undefined = undefined;
  /** While `roomForPart` waits. */
  #partRoom: Deferred<void> | undefined = undefined;
  #onClose: Set<() => void> | undefined = undefined;
  /** Settles when the messages that are being sent as streams were sent; it never rejects. */
  streams: Promise<void> | undefined = undefined;
  /** The same for the last Blob. */
  blobs: Promise<void> | undefined = undefined;

  constructor(endpoint: Endpoint, transport: Transport, settings: ConnectionSettings, owner: WriterOwner) {
    this.#endpoint = endpoint;
    this.#transport = transport;
    this.#settings = settings;
    const { highWaterMark, pauseReadingAt, maxBufferedAmount } = settings;
    this.#leastMark = Math.min(highWaterMark, pauseReadingAt, maxBufferedAmount);
    this.#owner = owner;
  }

  /** @returns see `Connection.send`. */
  send(data: Sendable, options?: SendOptions): boolean | undefined {
    const endpoint = this.#endpoint;
    if (this.#backlogTurns !== 0 || endpoint.phase !== "open" || !this.#isOpen) {
      if (!this.mayQueue()) {
        if (endpoint.phase === "open" && this.#isOpen) this.messagesDropped++;
        return undefined;
      }
    }
    if (typeof data !== "string" && isBlob(data)) this.#sendBlob(data, options);
    else endpoint.send(data, options);
    if (!this.#isScheduled) this.schedule();
    // Most messages: little waits.
    if (this.#backlogTurns === 0 && endpoint.queuedLength < this.#leastMark) return true;
    return this.queued();
  }

  /** Queues prepared messages until the next flush: see `Outlet`. The overflow policy is applied once for all. */
  sendBatch(batch: PreparedBatch, left?: ReadonlySet<number>): number {
    const endpoint = this.#endpoint;
    const count = batch.items.length - (left?.size ?? 0);
    if ((this.#backlogTurns !== 0 || endpoint.phase !== "open" || !this.#isOpen) && !this.mayQueue()) {
      if (endpoint.phase === "open" && this.#isOpen) this.messagesDropped += count;
      return 0;
    }
    endpoint.sendBatch(batch, left);
    if (this.#backlogTurns !== 0 || endpoint.queuedLength >= this.#leastMark) this.queued();
    return count;
  }

  /** Reads a Blob. Messages that are sent meanwhile wait behind it. */
  #sendBlob(blob: BlobLike, options: SendOptions | undefined): void {
    const place = this.#endpoint.reserve(blob.size, options);
    const reading = blob instanceof SharedBlob ? blob.message : readBlob(blob);
    const sent = reading
      .then((data) => {
        place.fill(data);
        if (!this.#isOpen) return;
        // `send` has returned the answer: no drain follows for a message that it found room for.
        this.schedule();
        if (this.bufferedAmount >= this.#pauseMark) this.#holdReading();
      })
      .catch((thrown: unknown) => {
        place.fill(undefined);
        if (this.#isOpen) this.#owner.handlerFailed(thrown);
      })
      .then(() => {
        if (this.blobs === sent) this.blobs = undefined;
      });
    this.blobs = sent;
  }

  /** Whether a message was begun in parts and lacks its last. */
  get isSendingParts(): boolean {
    const canSend = this.#isOpen && this.#endpoint.phase === "open";
    return canSend && (this.#endpoint.isSendingParts || this.#isDroppingParts);
  }

  /** Sends a part of a message. One that was begun is never cut short: where it cannot go on, the connection ends. */
  sendPart(data: string | Bytes, options: PartOptions): boolean | undefined {
    const endpoint = this.#endpoint;
    if (this.#isDroppingParts) {
      this.#isDroppingParts = !options.final;
      return undefined;
    }
    const goesOn = endpoint.isSendingParts;
    // Messages behind this one can only leave when the message has ended.
    const behind = goesOn ? endpoint.waitingLength : 0;
    if (goesOn && this.#settings.onOverflow === "drop" && this.#isOverflowing(behind)) {
      this.#owner.onOverflow(readsTooSlowly(this.bufferedAmount, this.#settings.maxBufferedAmount));
    }
    if (!this.mayQueue(behind)) {
      if (endpoint.phase === "open" && this.#isOpen) {
        this.messagesDropped++;
        this.#isDroppingParts = !options.final;
      }
      return undefined;
    }
    endpoint.sendPart(data, options);
    return this.queued();
  }

  /** Sends a part for which `roomForPart` has waited: the overflow policy is not asked. */
  sendStreamPart(data: string | Bytes, options: PartOptions): boolean | undefined {
    if (!this.#isOpen || this.#endpoint.phase !== "open") return undefined;
    this.#endpoint.sendPart(data, options);
    return this.queued();
  }

  /**
   * Whether a frame may be queued now. If too much waits, applies the overflow policy.
   *
   * @param behind - bytes of messages that wait for the frame; they do not count.
   */
  mayQueue(behind = 0): boolean {
    if (this.#endpoint.phase !== "open" || !this.#isOpen) return false;
    if (!this.#isOverflowing(behind)) return true;
    const { maxBufferedAmount, onOverflow } = this.#settings;
    const waiting = this.bufferedAmount;
    if (onOverflow === "throw") throw bufferOverflow(waiting, maxBufferedAmount);
    if (onOverflow === "close") this.#owner.onOverflow(readsTooSlowly(waiting, maxBufferedAmount));
    // The program may wait for the drain after a dropped message, too.
    else this.#want();
    return false;
  }

  /**
   * Whether more waits than may, although the system was offered all of it. The policy "close" ends a connection, so
   * there the peer must have had a turn of the event loop to take it, too.
   */
  #isOverflowing(behind: number): boolean {
    const { maxBufferedAmount, onOverflow } = this.#settings;
    if (this.bufferedAmount - behind <= maxBufferedAmount) return false;
    this.#write();
    if (this.bufferedAmount - behind <= maxBufferedAmount) return false;
    return onOverflow !== "close" || this.#backlogTurns === 2;
  }

  /** A frame was queued. Returns whether there is room for more. */
  queued(): boolean {
    this.schedule();
    const waiting = this.bufferedAmount;
    if (waiting > this.#settings.maxBufferedAmount) this.#write();
    else if (waiting < this.#leastMark) return true;
    if (waiting >= this.#pauseMark) this.#holdReading();
    if (waiting < this.#highWaterMark) return true;
    this.#want();
    return false;
  }

  /** Flushes the owner at the end of the turn. */
  schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    flushLater(this.#owner);
  }

  /**
   * So much waits that no more should be read before the peer took some of it. First it gets the chance to. Messages
   * behind one in parts, or behind a Blob, do not count: no 'drain' of the socket comes for them.
   */
  #holdReading(): void {
    this.#write();
    if (this.#mustPause) this.#transport.hold(Hold.Output);
  }

  /** Bytes that wait behind a Blob or a message in parts does not wait for the peer, and does not count. */
  get #mustPause(): boolean {
    const { willDrain, pendingLength } = this.#transport;
    const isOpen = this.#isOpen && this.#endpoint.phase === "open";
    return isOpen && willDrain && pendingLength >= this.#pauseMark;
  }

  // Both marks are at least the mark of the socket: below that, no 'drain' is certain to come. Of a stream that has
  // none, they are 1: 0 bytes are room.

  get #pauseMark(): number {
    return Math.max(this.#settings.pauseReadingAt, this.#transport.highWaterMark, 1);
  }

  get #highWaterMark(): number {
    const { highWaterMark, maxBufferedAmount } = this.#settings;
    // At most `maxBufferedAmount`, so that a send after the drain is accepted.
    return Math.max(Math.min(highWaterMark, maxBufferedAmount), this.#transport.highWaterMark, 1);
  }

  /** Bytes that wait: queued ones, and those that the system has not taken. */
  get bufferedAmount(): number {
    const queued = this.#endpoint.queuedLength;
    return this.#backlogTurns === 0 ? queued : queued + this.#transport.pendingLength;
  }

  drained(): Promise<void> {
    if (!this.#isOpen || this.#endpoint.phase !== "open" || this.bufferedAmount < this.#highWaterMark) {
      return alreadySo();
    }
    this.#want();
    this.#drained ??= defer();
    return this.#drained.promise;
  }

  /**
   * Resolves when there is room for the next part of the message that is being sent, or the connection closes. Messages
   * that wait behind that message do not count: they cannot leave before it.
   */
  roomForPart(): Promise<void> {
    if (this.#hasRoomForPart) return alreadySo();
    this.#partRoom ??= defer();
    return this.#partRoom.promise;
  }

  get #hasRoomForPart(): boolean {
    const waiting = this.bufferedAmount - this.#endpoint.waitingLength;
    return !this.#isOpen || this.#endpoint.phase !== "open" || waiting < this.#highWaterMark;
  }

  #settlePartRoom(): void {
    if (this.#partRoom === undefined || !this.#hasRoomForPart) return;
    this.#partRoom.resolve();
    this.#partRoom = undefined;
  }

  /** Calls `callback` when the socket is gone or cut. @returns what to call when that is no longer wanted. */
  whenClosed(callback: () => void): () => void {
    this.#onClose ??= new Set();
    this.#onClose.add(callback);
    return () => this.#onClose?.delete(callback);
  }

  #want(): void {
    if (this.drain === "idle") this.#step("want");
  }

  #step(step: DrainStep): void {
    const next = DRAIN_STEPS[this.drain][step];
    if (next === undefined) throw new InvalidStateError(`there is no ${step} in the state ${this.drain}`);
    this.drain = next;
  }

  /** The flush that was scheduled. */
  endTurn(): void {
    this.#isScheduled = false;
    this.flush();
  }

  /** Writes the queued frames now. Ends the socket's sending side when the endpoint wants that. */
  flush(): void {
    if (!this.#isOpen) return;
    this.#write();
    if (this.#endpoint.wantsEnd && !this.#hasEnded) {
      this.#hasEnded = true;
      this.#transport.end();
    }
    if (this.#partRoom !== undefined) this.#settlePartRoom();
    if (this.drain === "idle") return;
    if (this.#endpoint.phase !== "open") this.#settleDrained();
    else if (this.drain === "wanted" && this.#hasRoom) {
      // A drain handler that sends as much again may be as fast as the system: others have their turn in between.
      this.#step("room");
      onNextTurn(() => this.#tellDrain());
    }
  }

  get #hasRoom(): boolean {
    return this.#isOpen && this.bufferedAmount < this.#highWaterMark;
  }

  #tellDrain(): void {
    if (this.drain !== "due") return;
    if (!this.#hasRoom) {
      this.#step("fill");
      return;
    }
    this.#settleDrained();
    beginTurn();
    this.#owner.onDrain();
    endTurn();
  }

  #settleDrained(): void {
    if (this.drain === "idle") return;
    this.#step("settle");
    const drained = this.#drained;
    this.#drained = undefined;
    if (drained !== undefined) void alreadySo().then(drained.resolve);
  }

  #write(): void {
    const endpoint = this.#endpoint;
    if (this.#backlogTurns !== 0 && this.#transport.pendingLength === 0) this.#endBacklog();
    // While the peer does not read, several Pings leave one Pong, until the socket has drained.
    endpoint.isBackedUp = this.#backlogTurns !== 0 && this.#transport.willDrain;
    if (!endpoint.hasOutput) return;
    if (!this.#transport.isWritable) {
      // Nothing takes the frames, and they do not count as sent.
      endpoint.outbox.clear();
      return;
    }
    let output = endpoint.takeOutput();
    if (channels.frame.hasSubscribers) this.#owner.onWrite(output);
    if (this.#backlogTurns !== 0) output = this.#compact(output);
    // Bytes that have to wait may not lie in memory that is used again.
    const written = output.length > 1 && this.#backlogTurns === 0 ? joinSegments(output) : output;
    const isTaken = this.#transport.write(written);
    if (isTaken || written !== output) endpoint.outbox.recycle(output);
    if (isTaken) return;
    if (written !== output) keepJoined();
    this.#beginBacklog();
  }

  #beginBacklog(): void {
    this.#endpoint.isBackedUp = this.#transport.willDrain;
    if (this.#backlogTurns !== 0) return;
    this.#backlogTurns = 1;
    // An event loop that has turned twice has looked at the socket in between.
    onNextTurn(() =>
      onNextTurn(() => {
        if (this.#backlogTurns === 1) this.#backlogTurns = 2;
      }),
    );
  }

  #endBacklog(): void {
    this.#backlogTurns = 0;
    this.#endpoint.isBackedUp = false;
  }

  /** Copies small segments that have to wait, so that they do not keep a whole slab from being used again. */
  #compact(output: readonly Uint8Array[]): readonly Uint8Array[] {
    return output.map((segment) => {
      if (segment.length * 2 >= segment.buffer.byteLength) return segment;
      const copy = new Uint8Array(segment);
      this.#endpoint.outbox.recycle([segment]);
      return copy;
    });
  }

  /** The socket has taken everything. */
  transportDrained(): void {
    this.#endBacklog();
    this.flush();
    if (!this.#mustPause) this.#transport.release(Hold.Output);
  }

  /** The socket is gone or cut: nothing waits for it any more, and the frames that are queued will not be sent. */
  close(): void {
    this.#isOpen = false;
    this.#endpoint.discardOutput();
    this.#settleDrained();
    this.#settlePartRoom();
    for (const callback of this.#onClose ?? []) callback();
  }

  /** Goes on with another transport. */
  move(transport: Transport): void {
    this.#transport = transport;
    this.#endBacklog();
    this.schedule();
  }

  /** The frames that wait, one by one; copies. */
  get frames(): Uint8Array[] {
    return splitFrames(this.#endpoint.outbox.peek(), true);
  }

  /** @throws {ProtocolError | TypeError} for bytes that are not whole frames of our side. */
  set frames(frames: readonly Uint8Array[]) {
    const { outbox, perMessageDeflate } = this.#endpoint;
    const whole = wholeFrames(frames, perMessageDeflate !== undefined);
    outbox.clear();
    for (const frame of whole) outbox.append(frame);
    this.queued();
  }
}
