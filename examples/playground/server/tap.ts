/** A stream around a socket that passes each chunk to an observer on its way through, both ways. */

import { Duplex } from "node:stream";

export type Direction = "in" | "out";

export class Tap extends Duplex {
  readonly #socket: Duplex;
  readonly #show: (direction: Direction, bytes: Uint8Array) => void;

  /** @param show - must copy what it keeps: the reader of the stream may change the bytes. */
  constructor(socket: Duplex, show: (direction: Direction, bytes: Uint8Array) => void) {
    super();
    this.#socket = socket;
    this.#show = show;
    socket.on("data", (chunk: Uint8Array) => {
      show("in", chunk);
      if (!this.push(chunk)) socket.pause();
    });
    socket.on("end", () => this.push(null));
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => this.destroy());
    socket.pause();
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#show("out", chunk);
    this.#socket.write(chunk, done);
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }
}
