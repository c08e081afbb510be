/** What is sent, in order, where a Blob among it has to be read first: what is sent meanwhile waits behind it. */

import { throwLater } from "./errors.js";
import type { Callback } from "./write-callbacks.js";

interface Waiting {
  run(): void;
  /** Counts as waiting. */
  readonly byteLength: number;
  readonly callback: Callback | undefined;
}

export class BlobQueue {
  /** Bytes that wait. */
  byteLength = 0;
  readonly #isGone: () => boolean;
  /** While a Blob is read. */
  #waiting: Waiting[] | undefined = undefined;

  /** @param isGone - whether nothing can be sent any more. */
  constructor(isGone: () => boolean) {
    this.#isGone = isGone;
  }

  get isReading(): boolean {
    return this.#waiting !== undefined;
  }

  /** Does something in its order: now, or behind a Blob that is being read. */
  run(work: () => void, byteLength = 0, callback?: Callback): void {
    if (this.#waiting === undefined) {
      work();
      return;
    }
    this.#waiting.push({ run: work, byteLength, callback });
    this.byteLength += byteLength;
  }

  /**
   * Reads a Blob in its order.
   *
   * @param use - gets the bytes.
   * @param failed - told why it cannot be read; what waits behind it is dropped.
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
    // One of them was a Blob: the others wait behind it.
    (this.#waiting as Waiting[] | undefined)?.push(...waiting);
  }

  /** Gives up. The callbacks are told the error; the bytes go on counting, for they were not sent. */
  #drop(error: Error, callback: Callback | undefined): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const told of [callback, ...waiting.map((each) => each.callback)]) {
      if (typeof told === "function") process.nextTick(told, error);
    }
  }
}
