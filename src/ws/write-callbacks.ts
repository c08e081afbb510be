/**
 * The callbacks of `send`, `ping` and `pong`. All frames of a turn leave in one write at its end. The callbacks run
 * when the system has taken the frames, or with the error of the socket.
 */

import type { Duplex } from "node:stream";
import { EMPTY } from "./bytes.js";
import { throwLater } from "./errors.js";

export type Callback = (error?: Error | null) => void;

export class WriteCallbacks {
  readonly #socket: Duplex;
  #waiting: Callback[] = [];

  constructor(socket: Duplex) {
    this.#socket = socket;
  }

  /** Adds a callback. Call it once the frame is queued. */
  add(callback: Callback): void {
    // By then, all frames queued before are written.
    if (this.#waiting.push(callback) === 1) process.nextTick(() => this.settle());
  }

  /** Called after the frames were written: checks whether the system has taken them. */
  settle(): void {
    const callbacks = this.#waiting;
    if (callbacks.length === 0) return;
    this.#waiting = [];
    const socket = this.#socket;
    const done = (error?: Error | null) => runAll(callbacks, error ?? null);
    if (socket.destroyed) done(notWritten());
    else if (socket.writableLength === 0) process.nextTick(done);
    else if (!socket.writableEnded) socket.write(EMPTY, done);
    else whenFinished(socket, done);
  }
}

/** After `end`, the stream takes no further writes: its "finish" and "close" events give the result. */
function whenFinished(socket: Duplex, done: (error?: Error) => void): void {
  const settle = () => {
    socket.removeListener("finish", settle);
    socket.removeListener("close", settle);
    done(socket.writableFinished ? undefined : notWritten());
  };
  socket.on("finish", settle);
  socket.on("close", settle);
}

function notWritten(): Error {
  const message = "Cannot call write after a stream was destroyed";
  return Object.assign(new Error(message), { code: "ERR_STREAM_DESTROYED" });
}

function runAll(callbacks: readonly Callback[], error: Error | null): void {
  for (const callback of callbacks) {
    try {
      callback(error);
    } catch (thrown) {
      throwLater(thrown);
    }
  }
}
