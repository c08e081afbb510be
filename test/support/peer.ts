/** Another implementation of WebSocket, as the tests of interoperability see it. */

import type { PerMessageDeflateOptions } from "../../src/index.js";
import type { Certificate } from "./certificate.js";

export type Payload = string | Uint8Array;

/** What a peer is asked to offer or to accept, by our names: `ws` has the same. */
export type Compression = boolean | PerMessageDeflateOptions;

export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/** The peer's end of a connection. */
export interface PeerConnection {
  /** The subprotocol in use, "" for none. */
  readonly protocol: string;
  /** The extensions in use, as far as the peer says so. */
  readonly extensions?: string;
  /**
   * Sends a message. A promise resolves once the next one may be sent. Whether it is compressed can be said only to
   * peers that have a choice.
   */
  send(message: Payload, compress?: boolean): unknown;
  /** Sends one message in these fragments, text if they are strings. Missing where the peer cannot. */
  sendFragments?(parts: readonly string[] | readonly Uint8Array[], compress?: boolean): unknown;
  /** Sends a Ping, and resolves once a Pong with the same payload came. Missing where the peer cannot. */
  ping?(payload: string): Promise<void>;
  /** The next message. */
  receive(): Promise<Payload>;
  close(code?: number, reason?: string): unknown;
  /** How the connection closed, as the peer says. */
  readonly closed: Promise<Closing>;
  /** Called at the end of the test. */
  release?(): Promise<void>;
}

export interface PeerServer {
  readonly url: string;
  /** The next connection. */
  accept(): Promise<PeerConnection>;
  close(): Promise<void>;
}

export interface PeerClientOptions {
  readonly protocols?: readonly string[];
  /** For wss. */
  readonly certificate?: Certificate;
  /** Default: what the peer does by itself. */
  readonly compression?: Compression | undefined;
}

export interface PeerServerOptions {
  /** The subprotocols that it speaks. */
  readonly protocols?: readonly string[];
  /** For wss. */
  readonly certificate?: Certificate | undefined;
  /** Default: what the peer does by itself. */
  readonly compression?: Compression | undefined;
}

export interface Peer {
  readonly name: string;
  connect(url: string, options: PeerClientOptions): Promise<PeerConnection>;
  /** Missing where there is no server of its kind. */
  listen?(options: PeerServerOptions): Promise<PeerServer>;
  /** How many short messages it gets through in reasonable time. Default: all of them. */
  readonly burst?: number;
  /** The code of every Close that it answers with. Default: the one that came. */
  readonly answerCode?: number;
  /** What it says of a connection that it closed itself, with code and reason. Default: what hawser answered. */
  ownClose?(sent: Closing): Closing;
  /** False where it decompresses, and compresses nothing. Default true. */
  readonly compresses?: false;
  /** False where it always offers compression. Default true. */
  readonly declines?: false;
  /** Close codes that its API sends. Default: all of §7.4.1 that may be sent, and 3000 to 4999. */
  readonly closeCodes?: readonly number[];
}

/** Received messages that the test has not asked for yet, in order. */
export class Arrivals<T> {
  readonly #arrived: T[] = [];
  readonly #waiting: ((value: T) => void)[] = [];

  push(value: T): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#arrived.push(value);
    else next(value);
  }

  next(): Promise<T> {
    const value = this.#arrived.shift();
    return value === undefined
      ? new Promise((resolve) => this.#waiting.push(resolve))
      : Promise.resolve(value);
  }

  get isEmpty(): boolean {
    return this.#arrived.length === 0;
  }
}
