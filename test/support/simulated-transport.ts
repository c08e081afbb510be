/** A stream without I/O that a test controls: what it reads, when its writes are done, how it ends. */

import { Duplex } from "node:stream";

export class SimulatedTransport extends Duplex {
  /** Chunks given to `write`, and those that reached `_write`; copies. */
  readonly handed: Buffer[] = [];
  readonly written: Buffer[] = [];
  handedLength = 0;
  /** Bytes that its reader was given. */
  takenLength = 0;
  /** Whether a write ever waited. */
  wasHeld = false;
  #isHeld = false;
  #waiting: (() => void) | undefined = undefined;

  constructor(highWaterMark: number) {
    super({ highWaterMark });
    // Before the listeners of the connection, so that each chunk is counted before it is handled.
    this.on("data", (chunk: Buffer) => {
      this.takenLength += chunk.length;
    });
    // Its own error is not an uncaught exception when the connection is gone.
    this.on("error", () => undefined);
  }

  /** Whether writes wait. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  override write(chunk: Buffer): boolean {
    if (!this.destroyed && this.writable) {
      this.handed.push(Buffer.from(chunk));
      this.handedLength += chunk.length;
    }
    return super.write(chunk);
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
    this.written.push(...chunks.map((chunk) => Buffer.from(chunk)));
    if (this.#isHeld) {
      this.wasHeld = true;
      this.#waiting = done;
    } else {
      done();
    }
  }

  override _read(): void {}

  /** Writes wait from now on. */
  hold(): void {
    this.#isHeld = true;
  }

  /** The write that waits is done; those after it wait again. */
  step(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  /** Writes wait no more. */
  letGo(): void {
    this.#isHeld = false;
    this.step();
  }
}
