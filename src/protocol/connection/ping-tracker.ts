/** Pings that wait for their Pong (RFC 6455 §5.5.2, §5.5.3). Knows no clock: it is told the time. */

import { InvalidStateError } from "../../codec/index.js";

interface Pending {
  readonly payload: Uint8Array;
  readonly sentAt: number;
  readonly resolve: (roundTripMs: number) => void;
  readonly reject: (error: Error) => void;
}

export class PingTracker {
  #pending: Pending[] = [];
  #count = 0;

  /** A payload that no other Ping of this tracker has. */
  nextPayload(): Uint8Array {
    const payload = new Uint8Array(4);
    new DataView(payload.buffer).setUint32(0, ++this.#count);
    return payload;
  }

  /** Waits for the Pong with this payload. Whoever does not look at the promise is not troubled by it. */
  wait(payload: Uint8Array, now: number): Promise<number> {
    const promise = new Promise<number>((resolve, reject) => {
      this.#pending.push({ payload, sentAt: now, resolve, reject });
    });
    promise.catch(() => undefined);
    return promise;
  }

  /** For a Ping that cannot be sent now: the connection may close at any time, and that is no misuse. */
  refuse(): Promise<never> {
    const promise = Promise.reject(
      new InvalidStateError("a Ping can be sent while the connection is open, and not too much waits"),
    );
    promise.catch(() => undefined);
    return promise;
  }

  /**
   * A Pong came. §5.5.3: an endpoint "MAY elect to send a Pong frame for only the most recently processed Ping
   * frame", so it answers those before it too; one that matches none is unsolicited and answers nothing.
   */
  receivePong(payload: Uint8Array, now: number): void {
    const index = this.#pending.findIndex((ping) => isSame(ping.payload, payload));
    for (const ping of this.#pending.splice(0, index + 1)) ping.resolve(now - ping.sentAt);
  }

  /** No Pong will come. */
  end(error: Error): void {
    for (const ping of this.#pending.splice(0)) ping.reject(error);
  }
}

function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
