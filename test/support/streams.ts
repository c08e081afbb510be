/** Streams that are not sockets, and do as a test says. */

import { Duplex } from "node:stream";

/** A stream whose writes wait until the test takes them, and which reads what the test gives it. */
export class SlowStream extends Duplex {
  /** Everything written, one entry for each write that reached it. */
  readonly written: Buffer[] = [];
  /** How many times it was asked for more. */
  reads = 0;
  #waiting: (() => void) | undefined = undefined;
  #isHeld = false;

  constructor(highWaterMark = 16_384) {
    super({ highWaterMark, emitClose: true });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#take([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: () => void): void {
    this.#take(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  #take(chunks: Buffer[], done: () => void): void {
    // A copy: written bytes may be overwritten once they are taken.
    this.written.push(Buffer.concat(chunks));
    if (this.#isHeld) this.#waiting = done;
    else done();
  }

  override _read(): void {
    this.reads++;
  }

  /** Writes wait from now on. */
  hold(): void {
    this.#isHeld = true;
  }

  /** They wait no more. */
  letGo(): void {
    this.#isHeld = false;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }
}

/** Two streams, each of which reads what the other one writes. */
export function duplexPair(): [Duplex, Duplex] {
  const make = (other: () => Duplex) =>
    new Duplex({
      read() {},
      write(chunk, _encoding, done) {
        // A copy: the memory may be used again once it counts as written.
        other().push(Uint8Array.from(chunk));
        done();
      },
      final(done) {
        other().push(null);
        done();
      },
    });
  const left: Duplex = make(() => right);
  const right: Duplex = make(() => left);
  return [left, right];
}
