/** Keeps messages in order while a Blob is read: later messages wait until the Blob's bytes are sent. */

import { asError } from "../protocol/index.js";
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
  readonly #failed: (error: Error) => void;
  #waiting: Waiting[] = [];
  /** Index of the first entry that waits. */
  #first = 0;
  #isReading = false;

  /**
   * @param isGone - returns whether the socket is destroyed.
   * @param failed - called with the error if a Blob cannot be read, or if a function that waited throws. Messages
   *   queued after it are dropped.
   */
  constructor(isGone: () => boolean, failed: (error: Error) => void) {
    this.#isGone = isGone;
    this.#failed = failed;
  }

  /** Whether a message must wait. */
  get isReading(): boolean {
    return this.#isReading || this.#first < this.#waiting.length;
  }

  /** Runs a function in order: now, or after the Blob that is being read. */
  run(work: () => void, byteLength = 0, callback?: Callback): void {
    if (!this.isReading) {
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
   */
  read(blob: Blob, callback: Callback | undefined, use: (bytes: Uint8Array) => void): void {
    this.run(() => this.#read(blob, callback, use), blob.size, callback);
  }

  #read(blob: Blob, callback: Callback | undefined, use: (bytes: Uint8Array) => void): void {
    const read = blob.arrayBuffer();
    this.#isReading = true;
    this.byteLength += blob.size;
    read.then(
      (buffer) => {
        this.byteLength -= blob.size;
        if (this.#isGone())
          this.#drop(new Error("The socket was closed while the blob was being read"), callback);
        else this.#goOn({ run: () => use(Buffer.from(buffer)), byteLength: 0, callback });
      },
      (error: Error) => this.#fail(error, callback),
    );
  }

  /** Runs an entry, and those behind it up to the next Blob. */
  #goOn(first: Waiting): void {
    this.#isReading = false;
    let entry: Waiting | undefined = first;
    while (entry !== undefined) {
      try {
        entry.run();
      } catch (thrown) {
        this.#fail(asError(thrown), entry.callback);
        return;
      }
      entry = this.#isReading ? undefined : this.#take();
    }
  }

  /** The first entry that waits. An index takes constant time; `shift` moves all that wait. */
  #take(): Waiting | undefined {
    const entry = this.#waiting[this.#first];
    if (entry === undefined) return undefined;
    this.#waiting[this.#first++] = undefined as never;
    if (this.#first === this.#waiting.length) this.#empty();
    this.byteLength -= entry.byteLength;
    return entry;
  }

  #empty(): void {
    this.#waiting = [];
    this.#first = 0;
  }

  #fail(error: Error, callback: Callback | undefined): void {
    this.#drop(error, callback);
    process.nextTick(this.#failed, error);
  }

  /** Drops the queue and calls the callbacks with the error. The bytes still count, because they were not sent. */
  #drop(error: Error, callback: Callback | undefined): void {
    const waiting = this.#waiting.slice(this.#first);
    this.#empty();
    this.#isReading = false;
    for (const told of [callback, ...waiting.map((each) => each.callback)]) {
      if (typeof told === "function") process.nextTick(told, error);
    }
  }
}
