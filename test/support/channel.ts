/**
 * Two streams without I/O, each the other's far end. Bytes that are written to one wait in the channel until the test lets
 * some of them through, cut anywhere, and either direction can die at any byte.
 */

import { Duplex } from "node:stream";

/** How a direction dies: its reader sees an end, or both streams an error. */
export type Death = "end" | "error";

export class ChannelEnd extends Duplex {
  /** Bytes that its reader was given; copies, made before they are unmasked in place. */
  readonly taken: Buffer[] = [];
  /** Bytes on their way to it. */
  #waiting: Buffer[] = [];
  #far: ChannelEnd | undefined = undefined;
  /** How many more bytes reach it before the direction dies. */
  #left = Infinity;
  #death: Death = "end";
  #hasFinished = false;
  #isOver = false;

  constructor() {
    super({ highWaterMark: 1000 });
    this.on("data", (chunk: Buffer) => this.taken.push(Buffer.from(chunk)));
    this.on("error", () => undefined);
  }

  join(far: ChannelEnd): void {
    this.#far = far;
  }

  diesAt(byte: number, death: Death): void {
    this.#left = byte;
    this.#death = death;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    (this.#far as ChannelEnd).#waiting.push(Buffer.from(chunk));
    done();
  }

  override _final(done: () => void): void {
    (this.#far as ChannelEnd).#hasFinished = true;
    done();
  }

  override _read(): void {}

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // The far end gets the bytes in the channel, and then the end.
    (this.#far as ChannelEnd).#hasFinished = true;
    done(error);
  }

  /** Lets through at most so many bytes. @returns whether anything happened. */
  step(most: number): boolean {
    if (this.destroyed || this.#isOver) return false;
    const next = this.#waiting.shift();
    const length = Math.min(next?.length ?? 0, most, this.#left);
    if (next !== undefined && length < next.length) this.#waiting.unshift(next.subarray(length));
    if (next !== undefined && length > 0) this.push(Buffer.from(next.subarray(0, length)));
    this.#left -= length;
    if (this.#left === 0) this.#die();
    else if (next !== undefined) return length > 0;
    else if (this.#hasFinished) this.#end();
    else return false;
    return true;
  }

  #end(): void {
    this.#isOver = true;
    this.push(null);
  }

  #die(): void {
    this.#end();
    if (this.#death === "end") return;
    const error = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    this.destroy(error);
    this.#far?.destroy(error);
  }
}

export function channel(): [ChannelEnd, ChannelEnd] {
  const [one, other] = [new ChannelEnd(), new ChannelEnd()];
  one.join(other);
  other.join(one);
  return [one, other];
}
