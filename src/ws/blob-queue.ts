/** Keeps messages in order while a Blob is read: later messages wait until the Blob's bytes are sent. */

import { throwLater } from "./errors.js";
import type { Callback } from "./write-callbacks.js";

interface Waiting {
  run(): void;
  /** Bytes that count as waiting. */
  readonly byteLength: number;
  readonly callback: Callback | undefined;
}

export class BlobQueue {
  /** Bytes that wait in the queue. */
  byteLength = 0;
  readonly #isGone: () => boolean;
  /** The queue; undefined unless a Blob is being read. */
  #waiting: Waiting[] | undefined = undefined;

  /** @param isGone - returns whether the socket is destroyed. */
  constructor(isGone: () => boolean) {
    this.#isGone = isGone;
  }

  get isReading(): boolean {
    return this.#waiting !== undefined;
  }

  /** Runs a function in order: now, or after the Blob that is being read. */
  run(work: () => void, byteLength = 0, callback?: Callback): void {
    if (this.#waiting === undefined) {
      work();
      return;
    }
    this.#waiting.push({ run: work, byteLength, callback });
    this.byteLength += byteLength;
  }

  /**
   * Reads a Blob in order.
   *
   * @param use - called with the bytes.
   * @param failed - called with the error if the Blob cannot be read. Messages queued after it are dropped.
   */
  read(
    blob: Blob,
    callback: Callback | undefined,
    use: (bytes: Uint8Array) => void,
    failed: (error: Error) => void,
  ): void {
    this.run(() => this.#read(blob, callback, use, failed), blob.size, callback);
  }

  #read(
    blob: Blob,
    callback: Callback | undefined,
    use: (bytes: Uint8Array) => void,
    failed: (error: Error) => void,
  ): void {
    this.#waiting = [];
    this.byteLength += blob.size;
    blob.arrayBuffer().then(
      (buffer) => {
        this.byteLength -= blob.size;
        if (this.#isGone())
          this.#drop(new Error("The socket was closed while the blob was being read"), callback);
        else this.#goOn(() => use(Buffer.from(buffer)));
      },
      (error: Error) => {
        this.#drop(error, callback);
        process.nextTick(failed, error);
      },
    );
  }

  #goOn(first: () => void): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    try {
      first();
    } catch (thrown) {
      throwLater(thrown);
    }
    while (!this.isReading) {
      const next = waiting.shift();
      if (next === undefined) return;
      this.byteLength -= next.byteLength;
      try {
        next.run();
      } catch (thrown) {
        throwLater(thrown);
      }
    }
    // One entry was a Blob: the entries after it wait again.
    (this.#waiting as Waiting[] | undefined)?.push(...waiting);
  }

  /** Drops the queue and calls the callbacks with the error. The bytes still count, because they were not sent. */
  #drop(error: Error, callback: Callback | undefined): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const told of [callback, ...waiting.map((each) => each.callback)]) {
      if (typeof told === "function") process.nextTick(told, error);
    }
  }
}
