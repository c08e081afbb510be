/**
 * Two ends of a connection without a network. What one end writes in a turn of the event loop arrives at the other as
 * one chunk in the next, so that the bounds of chunks and the order of events do not depend on the machine.
 */

import { Duplex } from "node:stream";

type Done = (error?: Error | null) => void;

export class End extends Duplex {
  #other: End | undefined;
  #outgoing: Buffer[] = [];
  #ended = false;
  #scheduled = false;
  /** While it holds, callbacks of writes wait: the other side reads nothing. */
  #held: Done[] | undefined;

  static pair(): [End, End] {
    const ends: [End, End] = [new End(), new End()];
    ends[0].#other = ends[1];
    ends[1].#other = ends[0];
    return ends;
  }

  /** From now on writes do not complete. */
  hold(): void {
    this.#held ??= [];
  }

  /** Completes the writes that are held. */
  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const done of held) done();
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      const other = this.#other;
      if (other === undefined || other.destroyed) return;
      if (this.#outgoing.length > 0) other.push(Buffer.concat(this.#outgoing.splice(0)));
      if (this.#ended) other.push(null);
    });
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: Done): void {
    this.#outgoing.push(chunk);
    this.#schedule();
    if (this.#held === undefined) done();
    else this.#held.push(done);
  }

  override _final(done: Done): void {
    this.#ended = true;
    this.#schedule();
    done();
  }

  override _destroy(error: Error | null, done: Done): void {
    this.#ended = true;
    this.#schedule();
    done(error);
    // As a socket does whose writes the system has not completed.
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const waiting of held) waiting(new Error("cancelled"));
  }
}
