/**
 * Watches one peer: whether it is still there, whether it closes in time, whether messages still pass. It is given the
 * facts and the time, and answers what to do; it does nothing itself.
 */

import type { Endpoint } from "../protocol/index.js";
import type { Liveness } from "./liveness.js";
import { Hold, type Transport } from "./transport.js";

/** The facts of a connection at the moment of a look. */
export interface PeerFacts {
  readonly isClosing: boolean;
  /** Bytes received, and bytes that left the queue, since the connection opened. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** Bytes that the system has not taken, and those of the current write that libuv still queues. */
  readonly pendingLength: number;
  readonly unsentLength: number;
  /** Whether the socket is read. While it is not, the peer cannot be heard. */
  readonly isRead: boolean;
  /** Messages and parts of messages, both ways. */
  readonly messages: number;
  /** Whether the peer has to wait for the program to read a message that arrives as a stream. */
  readonly isHeldByStream: boolean;
}

export function factsOf(endpoint: Endpoint, transport: Transport, isCut: boolean): PeerFacts {
  return {
    isClosing: endpoint.phase !== "open" || isCut,
    bytesIn: endpoint.bytesIn,
    bytesOut: endpoint.bytesOut,
    pendingLength: transport.pendingLength,
    unsentLength: transport.unsentLength,
    isRead: (transport.holds & ~Hold.Turn) === 0,
    messages: endpoint.messagesIn + endpoint.messagesOut + endpoint.partsIn + endpoint.partsOut,
    isHeldByStream: (transport.holds & Hold.Streams) !== 0,
  };
}

/**
 * ping: send a Ping. silent: cut the connection, the peer is gone. late: cut it, the peer does not close. idle: close
 * it, no message passes. Undefined: all is well.
 */
export type Verdict = "ping" | "silent" | "late" | "idle" | undefined;

export class PeerWatch {
  /** When the peer was last heard, in milliseconds. */
  heardAt: number;
  #messageAt: number;
  /** When the Ping left that the peer has not answered; 0: there is none. */
  #pingedAt = 0;
  /** When the closing began; 0: it has not. */
  #closingAt = 0;
  #bytesSeen = 0;
  #messagesSeen = 0;
  #pendingSeen = 0;
  #takenSeen = 0;
  #unsentSeen = 0;

  constructor(now: number) {
    this.heardAt = this.#messageAt = now;
  }

  /**
   * Looks at what happened since the last look.
   *
   * @param now - milliseconds.
   * @param readUntil - an earlier time: bytes that had arrived by then were read. Deadlines are judged by it, for an event loop
   *   that stood still since then has not looked at the sockets.
   */
  look(now: number, readUntil: number, facts: PeerFacts, limits: Liveness): Verdict {
    const { pingIntervalMs, pingTimeoutMs, idleTimeoutMs, closeTimeoutMs } = limits;
    if (facts.isClosing) {
      if (this.#closingAt === 0) this.#closingAt = now;
      return closeTimeoutMs > 0 && readUntil - this.#closingAt >= closeTimeoutMs ? "late" : undefined;
    }
    if (this.#isHeard(facts)) {
      this.heardAt = now;
      this.#pingedAt = 0;
    } else if (this.#pingedAt > 0) {
      if (pingTimeoutMs > 0 && readUntil - this.#pingedAt >= pingTimeoutMs)
        return this.#unanswered(now, facts);
    } else if (pingIntervalMs > 0 && readUntil - this.heardAt >= pingIntervalMs) {
      this.#pingedAt = now;
      return "ping";
    }
    if (facts.messages !== this.#messagesSeen || facts.isHeldByStream) this.#messageAt = now;
    this.#messagesSeen = facts.messages;
    return idleTimeoutMs > 0 && readUntil - this.#messageAt >= idleTimeoutMs ? "idle" : undefined;
  }

  /** The error for a peer that is silent. */
  silence(now: number, { pingIntervalMs, pingTimeoutMs }: Liveness): Error {
    const silence = `the peer has been silent for ${now - this.heardAt} ms and answers no Ping`;
    return new Error(`${silence}: pingIntervalMs is ${pingIntervalMs}, and pingTimeoutMs ${pingTimeoutMs}`);
  }

  /**
   * The Ping was not answered. While we do not read, the answer cannot be heard: then the peer counts as there if it
   * has taken all that we sent. The next Ping tells again; one that a dead peer's system refuses ends the socket.
   */
  #unanswered(now: number, facts: PeerFacts): Verdict {
    if (facts.isRead || facts.pendingLength > 0) return "silent";
    this.heardAt = now;
    this.#pingedAt = 0;
    return undefined;
  }

  /** Whether the peer has shown that it is there: it sent bytes, or took bytes that waited for it. */
  #isHeard(facts: PeerFacts): boolean {
    const taken = facts.bytesOut - facts.pendingLength;
    const isTaking =
      this.#pendingSeen > 0 && (taken > this.#takenSeen || facts.unsentLength < this.#unsentSeen);
    const isHeard = facts.bytesIn !== this.#bytesSeen || isTaking;
    this.#bytesSeen = facts.bytesIn;
    this.#pendingSeen = facts.pendingLength;
    this.#takenSeen = taken;
    this.#unsentSeen = facts.unsentLength;
    return isHeard;
  }
}
