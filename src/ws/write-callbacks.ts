/**
 * The callbacks of `send`, `ping` and `pong`. Frames leave at the end of the turn, in one write for all of them; their
 * callbacks run when the system has taken them, or with the error of the socket.
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

  /** Call it once the frame is queued. */
  add(callback: Callback): void {
    // What was queued before this is written by then.
    if (this.#waiting.push(callback) === 1) process.nextTick(() => this.settle());
  }

  /** The frames were written: finds out whether the system has taken them. */
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

/** What is behind the end of a stream can be written no more, so its end tells. */
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
