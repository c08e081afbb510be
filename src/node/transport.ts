/**
 * The one file that touches the socket after the opening handshake: reads chunks and hands them over, writes
 * segments. Knows no frames.
 *
 * A transport that was started reads as long as there is no reason to hold: `holds` is the set of these reasons.
 */

import net from "node:net";
import type { Duplex } from "node:stream";
import { InvalidStateError } from "../codec/index.js";
import { asError, nameOf } from "../protocol/index.js";
import { onNextTick } from "./clock.js";
import { readToKernel } from "./kernel-reading.js";
import { beginTurn, endTurn } from "./turn.js";

/** The session that a transport works for. None of these throws. */
export interface TransportOwner {
  /** A chunk arrived. One in `receiveBuffer()` is overwritten after this returns. */
  receive(chunk: Uint8Array): void;
  /** All written bytes have left; called only after `write` returned false. */
  drained(): void;
  /** The peer ended its side. */
  ended(): void;
  /** The socket is gone, or is given up; with the error that it died of, if any. */
  gone(error: Error | undefined): void;
}

/** Reasons not to read. */
export const Hold = {
  /** The user paused the connection. */
  User: 1,
  /** Too many messages wait for `receive`. */
  Inbox: 2,
  /** Too many bytes wait for the peer. */
  Output: 4,
  /** The connection has used up its turn. */
  Turn: 8,
  /** We cut the connection: nothing is delivered any more. */
  Cut: 16,
  /** Too much of a message that is delivered as a stream waits to be read. */
  Streams: 32,
} as const;
export type Hold = (typeof Hold)[keyof typeof Hold];

/** Bytes of the longest read: all of `receiveBuffer()`. */
export const FULL_READ = 0x80000;

const OWNER: unique symbol = Symbol("hawser.owner");
const ERROR: unique symbol = Symbol("hawser.error");

interface Owned extends Duplex {
  [OWNER]?: TransportOwner | undefined;
  [ERROR]?: Error | undefined;
}

/** The stream may be of the user's making: a method of it that throws destroys it with what it threw. */
export class Transport {
  readonly socket: Duplex;
  /** The `Hold`s that are in force, as bits. 0: the socket is read. */
  holds = 0;
  readonly #writesToSystem: boolean;

  /**
   * @throws {InvalidStateError} for a socket that is another connection's.
   * @throws {TypeError} for a value that is not a duplex stream.
   */
  constructor(socket: Duplex, owner: TransportOwner) {
    const { on, write, resume } = (socket ?? {}) as Partial<Duplex>;
    if (![on, write, resume].every((method) => typeof method === "function")) {
      throw new TypeError("a transport must be a Duplex stream");
    }
    if ((socket as Owned)[OWNER] !== undefined) {
      throw new InvalidStateError("a transport can be that of one connection at a time");
    }
    this.socket = socket;
    this.#writesToSystem = writesToSystem(socket);
    (socket as Owned)[OWNER] = owner;
  }

  /**
   * Begins to read.
   *
   * @param head - bytes that were read with the handshake: the first of the stream.
   * @param mostLength - bytes of one read, at most.
   */
  start(head?: Uint8Array, mostLength = FULL_READ): void {
    try {
      this.#start(head, mostLength);
    } catch (thrown) {
      (this.socket as Owned)[ERROR] ??= asError(thrown);
      // Without the error: its listener may be missing.
      this.destroy();
      this.abandon();
    }
  }

  #start(head: Uint8Array | undefined, mostLength: number): void {
    const socket = this.socket as Owned;
    socket.on("drain", onDrain);
    socket.on("end", onEnd);
    socket.on("error", onError);
    socket.on("close", onClose);
    if (socket.destroyed) {
      // It died while the request was judged; its 'close' may have come and gone.
      onNextTick(() => onClose.call(socket));
      return;
    }
    if (head !== undefined && head.length > 0) onData.call(socket, head);
    // The peer's end may have come and gone, too.
    if (socket.readableEnded) onNextTick(() => onEnd.call(socket));
    if (socket[OWNER] === undefined) return;
    readToKernel(socket, onReadToKernel, mostLength);
    // Bytes that the stream has buffered already come by 'data'. So do all others where a socket cannot read to the
    // kernel's memory.
    socket.on("data", onData);
    // A 'data' listener starts a stream, unless it was paused before.
    if (this.holds === 0) socket.resume();
    else socket.pause();
  }

  get isCut(): boolean {
    return (this.holds & Hold.Cut) !== 0;
  }

  /** Stops reading for a reason. */
  hold(reason: Hold): void {
    const wasRead = this.holds === 0;
    this.holds |= reason;
    if (wasRead) this.#call("pause");
  }

  /** Takes reasons back; reads again if there is no other. */
  release(reasons: number): void {
    if ((this.holds & reasons) === 0) return;
    this.holds &= ~reasons;
    if (this.holds === 0) this.#call("resume");
  }

  #call(method: "pause" | "resume" | "end"): void {
    try {
      this.socket[method]();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  #fail(thrown: unknown): void {
    const error = asError(thrown);
    (this.socket as Owned)[ERROR] ??= error;
    this.destroy(error);
  }

  /** Reads the peer's address: Node keeps it if it was read while the socket was open. */
  keepAddress(): void {
    try {
      void (this.socket as net.Socket).remoteAddress;
    } catch {
      // A stream of the user's has what it has.
    }
  }

  /** Bytes written that the system has not taken yet. A write counts whole until it is done. */
  get pendingLength(): number {
    return this.socket.writableLength;
  }

  /** The bytes of the current write that libuv still queues. */
  get unsentLength(): number {
    return (this.socket as { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
  }

  /** Whether so much is pending that `drained` is certain to be called. */
  get willDrain(): boolean {
    return this.socket.writableNeedDrain;
  }

  /** Above this many pending bytes, `drained` is certain to be called. */
  get highWaterMark(): number {
    return this.socket.writableHighWaterMark;
  }

  /** Whether bytes can be written. They cannot once the socket was destroyed, or its sending side ended. */
  get isWritable(): boolean {
    return this.socket.writable && !this.socket.destroyed;
  }

  /**
   * Writes segments, in one system call if the system takes them. The socket must be writable.
   *
   * @returns whether the system took everything: then the memory of the segments may be used again. If not, they
   *   must not change.
   */
  write(segments: readonly Uint8Array[]): boolean {
    const { socket } = this;
    try {
      if (segments.length === 1) {
        socket.write(segments[0]);
      } else {
        socket.cork();
        for (const segment of segments) socket.write(segment);
        socket.uncork();
      }
    } catch (thrown) {
      this.#fail(thrown);
      return false;
    }
    // Another kind of stream may pass a chunk on to a place where it waits for its reader.
    return this.#writesToSystem && socket.writableLength === 0;
  }

  /** Ends our side once everything is written. Goes on reading, so that the peer's end is seen. */
  end(): void {
    this.holds &= Hold.Cut;
    this.#call("end");
    this.#call("resume");
  }

  destroy(error?: Error): void {
    try {
      this.socket.destroy(error);
    } catch {
      this.abandon();
    }
  }

  /** Destroys the socket. One that was destroyed long ago and has not said that it is gone is given up. */
  destroyOrAbandon(): void {
    if (this.socket.destroyed) this.abandon();
    else this.destroy();
  }

  /** Gives up a stream that does not say that it is gone. */
  abandon(): void {
    onNextTick(() => onClose.call(this.socket));
  }

  /** Stops reading for the owner and leaves the socket open, paused, for another owner. */
  detach(): void {
    const socket = this.socket as Owned;
    socket.removeListener("data", onData);
    socket.removeListener("drain", onDrain);
    socket.removeListener("end", onEnd);
    socket.removeListener("error", onError);
    socket.removeListener("close", onClose);
    socket[OWNER] = undefined;
    this.#call("pause");
  }

  /** The file descriptor; -1 where there is none. */
  get fd(): number {
    return (this.socket as { _handle?: { fd?: number } })._handle?.fd ?? -1;
  }
}

/**
 * Whether a socket's writes go to the system, as Node's own do, and not to another stream. Interceptors such as nock
 * replace a member, and then take a chunk before the system has.
 */
function writesToSystem(socket: Duplex): boolean {
  const own = socket as unknown as Record<string, unknown>;
  const plain = net.Socket.prototype as unknown as Record<string, unknown>;
  return (
    socket instanceof net.Socket &&
    ["write", "_write", "_writev", "_writeGeneric"].every((member) => own[member] === plain[member])
  );
}

// Listeners are shared by all sockets: `this` is the socket.

function onData(this: Owned, chunk: unknown): void {
  if (!ArrayBuffer.isView(chunk)) {
    this.destroy(new TypeError(`a transport must bring bytes, not ${nameOf(chunk)}`));
    return;
  }
  beginTurn();
  try {
    this[OWNER]?.receive(chunk as Uint8Array);
  } finally {
    endTurn();
  }
}

function onDrain(this: Owned): void {
  beginTurn();
  try {
    this[OWNER]?.drained();
  } finally {
    endTurn();
  }
}

function onEnd(this: Owned): void {
  beginTurn();
  try {
    this[OWNER]?.ended();
  } finally {
    endTurn();
  }
}

function onError(this: Owned, error: Error): void {
  this[ERROR] = error;
}

function onClose(this: Owned): void {
  const owner = this[OWNER];
  this[OWNER] = undefined;
  beginTurn();
  try {
    owner?.gone(this[ERROR]);
  } finally {
    endTurn();
  }
}

/** The last chunk: those of one length share a view, for a chunk is used up, or copied, before the next read. */
let lastChunk: Uint8Array | undefined;

function chunkOf(buffer: Uint8Array, length: number): Uint8Array {
  if (lastChunk?.length !== length) lastChunk = buffer.subarray(0, length);
  return lastChunk;
}

/** Runs for each read of a socket that reads to the kernel's memory; `this` is the socket. */
function onReadToKernel(this: Owned, length: number, buffer: Uint8Array): boolean {
  const owner = this[OWNER];
  // Another owner of the socket knows nothing of the buffer, and gets chunks as from every other socket.
  if (owner === undefined) return this.push(Buffer.from(buffer.subarray(0, length)));
  beginTurn();
  try {
    owner.receive(chunkOf(buffer, length));
  } finally {
    endTurn();
  }
  return true;
}
