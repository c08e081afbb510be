/** Pings that wait for their Pong (RFC 6455 §5.5.2, §5.5.3). Has no clock: the caller passes the time. */

import { InvalidStateError, MAX_CONTROL_PAYLOAD_LENGTH } from "../../codec/index.js";
import { type Bytes, toBytes } from "../session/bytes.js";

interface Pending {
  readonly key: string;
  readonly sentAt: number;
  readonly resolve: (roundTripMs: number) => void;
  readonly reject: (error: Error) => void;
}

/** Pings that may wait: a peer that answers none must not make us keep more and more of them. */
const MAX_PENDING = 1000;

export class PingTracker {
  /** In the order in which they were sent, from `#first` on. */
  #pending: Pending[] = [];
  #first = 0;
  /** How many of them have each payload: a stray Pong is detected at once. */
  readonly #counts = new Map<string, number>();
  #count = 0;

  /** Whether one more may wait. */
  get hasRoom(): boolean {
    return this.#pending.length - this.#first < MAX_PENDING;
  }

  /**
   * A copy of the payload, which the caller may change later; for undefined, one that no other Ping has.
   *
   * @throws {TypeError | RangeError} for what no Ping can carry.
   */
  copyOf(payload: string | Bytes | undefined): Uint8Array {
    if (payload !== undefined) {
      const copy =
        typeof payload === "string" ? new TextEncoder().encode(payload) : new Uint8Array(toBytes(payload));
      if (copy.length <= MAX_CONTROL_PAYLOAD_LENGTH) return copy;
      throw new RangeError(
        `a Ping must have at most ${MAX_CONTROL_PAYLOAD_LENGTH} bytes of payload, not ${copy.length}`,
      );
    }
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, ++this.#count);
    return bytes;
  }

  /** Waits for the Pong with this payload. The promise may be ignored: its rejection is handled. */
  wait(payload: Uint8Array, now: number): Promise<number> {
    const key = keyOf(payload);
    const promise = new Promise<number>((resolve, reject) => {
      this.#pending.push({ key, sentAt: now, resolve, reject });
    });
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + 1);
    promise.catch(() => undefined);
    return promise;
  }

  /** For a Ping that cannot be sent now. It rejects and does not throw: the connection may close at any time. */
  refuse(): Promise<never> {
    const promise = Promise.reject(
      new InvalidStateError(
        this.hasRoom
          ? "a Ping can be sent while the connection is open and not too much waits to be sent"
          : `at most ${MAX_PENDING} Pings may wait for their Pong, and as many do`,
      ),
    );
    promise.catch(() => undefined);
    return promise;
  }

  /**
   * A Pong came. §5.5.3: an endpoint "MAY elect to send a Pong frame for only the most recently processed Ping
   * frame", so it answers the Pings before it too. A Pong that matches none is unsolicited and answers nothing.
   */
  receivePong(payload: Uint8Array, now: number): void {
    const key = keyOf(payload);
    if (!this.#counts.has(key)) return;
    for (let found: string | undefined; found !== key; ) {
      const ping = this.#pending[this.#first++];
      found = ping.key;
      this.#forget(found);
      ping.resolve(now - ping.sentAt);
    }
    if (this.#first * 2 < this.#pending.length) return;
    this.#pending = this.#pending.slice(this.#first);
    this.#first = 0;
  }

  #forget(key: string): void {
    const count = this.#counts.get(key) as number;
    if (count === 1) this.#counts.delete(key);
    else this.#counts.set(key, count - 1);
  }

  /** No Pong will come. */
  end(error: Error): void {
    for (const ping of this.#pending.slice(this.#first)) ping.reject(error);
    this.#pending = [];
    this.#first = 0;
    this.#counts.clear();
  }
}

/** The bytes as a string of as many units, for a Map. A payload has at most 125 bytes. */
function keyOf(payload: Uint8Array): string {
  return String.fromCharCode(...payload);
}
