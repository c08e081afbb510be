/**
 * The one file that touches the socket after the opening handshake: reads chunks and hands them over, writes
 * what it is given. Knows no frames.
 */

import net from "node:net";
import type { Duplex } from "node:stream";
import { InvalidStateError, receiveBuffer } from "../codec/index.js";
import { beginTurn, endTurn } from "./turn.js";

/** Whoever the pump reads for. None of these throws. */
export interface PumpSink {
  /** A chunk arrived. One in `receiveBuffer()` is overwritten after this returns. */
  receive(chunk: Uint8Array): void;
  /** Everything written has left; called only after `write` said that something waits. */
  drained(): void;
  /** The peer ended its side. */
  ended(): void;
  /** The socket is gone; with the error that it died of, if any. */
  gone(error: Error | undefined): void;
}

const SINK: unique symbol = Symbol("hawser.sink");
const ERROR: unique symbol = Symbol("hawser.error");

interface Pumped extends Duplex {
  [SINK]?: PumpSink | undefined;
  [ERROR]?: Error | undefined;
}

export class SocketPump {
  readonly socket: Duplex;

  /**
   * @throws {InvalidStateError} for a socket that is read for somebody else.
   * @throws {TypeError} for what is no stream that is read and written.
   */
  constructor(socket: Duplex, sink: PumpSink) {
    const { on, write, resume } = (socket ?? {}) as Partial<Duplex>;
    if (![on, write, resume].every((method) => typeof method === "function")) {
      throw new TypeError("a transport must be a Duplex stream");
    }
    if ((socket as Pumped)[SINK] !== undefined) {
      throw new InvalidStateError("a transport can be that of one connection at a time");
    }
    this.socket = socket;
    (socket as Pumped)[SINK] = sink;
  }

  /**
   * Begins to read.
   *
   * @param head - bytes that were read with the handshake: the first of the stream.
   */
  start(head?: Uint8Array): void {
    const socket = this.socket as Pumped;
    socket.on("drain", onDrain);
    socket.on("end", onEnd);
    socket.on("error", onError);
    socket.on("close", onClose);
    if (socket.destroyed) {
      // It died while somebody decided about it; its 'close' may have come and gone.
      process.nextTick(() => onClose.call(socket));
      return;
    }
    if (head !== undefined && head.length > 0) onData.call(socket, head);
    // The peer's end may have come and gone, too.
    if (socket.readableEnded) process.nextTick(() => onEnd.call(socket));
    // What the stream has buffered already comes by 'data', and where sockets cannot read to a place of our
    // choice, all else too.
    if (socket[SINK] !== undefined) {
      readToKernel(socket);
      socket.on("data", onData);
      // Whoever paused while the head was delivered stays paused: 'data' listeners start a stream, but for one that
      // somebody paused before it came here.
      if (this.#isPaused) socket.pause();
      else socket.resume();
    }
  }

  #isPaused = false;

  pause(): void {
    this.#isPaused = true;
    this.socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    this.socket.resume();
  }

  /** Bytes written that the system has not taken yet. */
  get pendingLength(): number {
    return this.socket.writableLength;
  }

  /** What the system has not taken of the write that is under way; `pendingLength` has all of it until it is done. */
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

  /**
   * Writes segments in one system call if the system takes them.
   *
   * @returns whether the system took everything: then nobody reads the segments any more. They must not change else.
   */
  write(segments: readonly Uint8Array[]): boolean {
    const { socket } = this;
    if (socket.destroyed || !socket.writable) return true;
    if (segments.length === 1) {
      socket.write(segments[0]);
    } else {
      socket.cork();
      for (const segment of segments) socket.write(segment);
      socket.uncork();
    }
    // Another stream that is done with a chunk may have passed it on, to where it waits for its reader.
    return socket instanceof net.Socket && socket.writableLength === 0;
  }

  /** Ends our side once everything is written. Goes on reading, so that the peer's end is seen. */
  end(): void {
    this.#isPaused = false;
    this.socket.end();
    this.socket.resume();
  }

  destroy(): void {
    this.socket.destroy();
  }

  /** Stops reading for the sink and leaves the socket open, to whoever takes it over. */
  release(): Duplex {
    const socket = this.socket as Pumped;
    socket.removeListener("data", onData);
    socket.removeListener("drain", onDrain);
    socket.removeListener("end", onEnd);
    socket.removeListener("error", onError);
    socket.removeListener("close", onClose);
    socket[SINK] = undefined;
    socket.pause();
    return socket;
  }

  /** The file descriptor; -1 where there is none. */
  get fd(): number {
    return (this.socket as { _handle?: { fd?: number } })._handle?.fd ?? -1;
  }
}

// Listeners are shared by all sockets: `this` is the socket.

function onData(this: Pumped, chunk: Uint8Array): void {
  beginTurn();
  try {
    this[SINK]?.receive(chunk);
  } finally {
    endTurn();
  }
}

function onDrain(this: Pumped): void {
  beginTurn();
  try {
    this[SINK]?.drained();
  } finally {
    endTurn();
  }
}

function onEnd(this: Pumped): void {
  beginTurn();
  try {
    this[SINK]?.ended();
  } finally {
    endTurn();
  }
}

function onError(this: Pumped, error: Error): void {
  this[ERROR] = error;
}

function onClose(this: Pumped): void {
  const sink = this[SINK];
  this[SINK] = undefined;
  beginTurn();
  try {
    sink?.gone(this[ERROR]);
  } finally {
    endTurn();
  }
}

/**
 * What net.Socket's documented option `onread` sets, found by looking at a socket that was made with it. Sockets
 * that somebody else made, such as a server's, have the same members, so they can be told later to read to
 * a buffer of ours. Undefined where it does not work this way; then chunks come by 'data'.
 */
interface OnRead {
  readonly buffer: symbol;
  readonly callback: symbol;
  readonly generator: symbol;
}

let onRead: OnRead | null | undefined;

function findOnRead(): OnRead | null {
  const buffer = new Uint8Array(1);
  const callback = () => true;
  // `onread` is documented for `new net.Socket`, and missing from the types.
  const options: net.SocketConstructorOpts & { onread: unknown } = { onread: { buffer, callback } };
  const socket = new net.Socket(options);
  const members = socket as unknown as Record<symbol, unknown>;
  const symbols = Object.getOwnPropertySymbols(socket);
  const holding = (value: unknown) => symbols.find((symbol) => members[symbol] === value);
  const found = {
    buffer: holding(buffer),
    callback: holding(callback),
    generator: symbols.find((symbol) => symbol.description === "kBufferGen"),
  };
  const isKnown = Object.values(found).every((symbol) => symbol !== undefined);
  // A socket without the option must have the same members, or setting them later means nothing.
  const plain = Object.getOwnPropertySymbols(new net.Socket());
  return isKnown && plain.includes(found.buffer as symbol) && !isOtherRuntime() ? (found as OnRead) : null;
}

/** Bun and Deno have a net.Socket of their own making. */
function isOtherRuntime(): boolean {
  return process.versions.bun !== undefined || process.versions.deno !== undefined;
}

interface UserBufferHandle {
  useUserBuffer?(buffer: Uint8Array): void;
}

/** For tests, which run over both ways to read. */
export const pumpOptions = { readToKernel: true };

/** Makes a plain socket read straight into the kernel's memory, if it can. */
function readToKernel(socket: Pumped): void {
  onRead = onRead === undefined ? findOnRead() : onRead;
  if (onRead === null || !pumpOptions.readToKernel || socket.constructor !== net.Socket) return;
  const handle = (socket as unknown as { _handle?: UserBufferHandle })._handle;
  if (typeof handle?.useUserBuffer !== "function") return;
  const members = socket as unknown as Record<symbol, unknown>;
  const buffer = receiveBuffer();
  members[onRead.buffer] = buffer;
  members[onRead.generator] = null;
  members[onRead.callback] = onReadToKernel;
  handle.useUserBuffer(buffer);
}

/** @returns false to stop reading. */
function onReadToKernel(this: Pumped, length: number, buffer: Uint8Array): boolean {
  const sink = this[SINK];
  // Whoever has the socket now knows nothing of the buffer, and gets chunks like those of any other socket.
  if (sink === undefined) return this.push(Buffer.from(buffer.subarray(0, length)));
  beginTurn();
  try {
    sink.receive(buffer.subarray(0, length));
  } finally {
    endTurn();
  }
  return true;
}
