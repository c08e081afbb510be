/** The interface between a client that stays connected and its platform, and the client's public types. */

import type { Keepable, QueuedOptions } from "./send-queue.js";

/**
 * connecting: an attempt, or the `open` handler after it, is running. open: a connection is open. waiting: the client
 * waits before the next attempt. closed: no attempt will follow.
 */
export type StayState = "connecting" | "open" | "waiting" | "closed";

/** The code and the reason of a close. */
export interface End {
  readonly code: number;
  readonly reason: string;
}

/** How a client ended. */
export interface StayClosed extends End {
  /** The error that made it give up, or the signal's reason; undefined after `close`. */
  readonly error: unknown;
}

/** The members of a connection that the client uses. */
export interface StayableConnection {
  readonly state: string;
  readonly bufferedAmount: number;
  readonly error: Error | undefined;
  readonly closed: Promise<End>;
  send(data: never, options?: never): boolean | undefined;
  drained(): Promise<void>;
  close(code?: number, reason?: string): unknown;
  terminate(): void;
}

/** One attempt to open a connection. */
export interface Attempt<Connection> {
  readonly opened: Promise<Connection>;
  /** Cancels the attempt: `opened` rejects with the reason, or resolves if the connection is open already. */
  abandon(reason: unknown): void;
}

/** The functions of a platform. */
export interface StayHost<Connection> {
  /**
   * Calls the user's functions for the URL and options before an attempt. The client retries after a failure of `ask`;
   * after a failure of `open`, it may give up.
   */
  ask(): Promise<unknown>;
  /** @param watch - called with the return value of the `open` handler; returns that value. */
  open(asked: unknown, watch: (returned: unknown) => unknown): Attempt<Connection>;
  /** The milliseconds that the server asked us to wait, taken from the error; 0 if it did not ask. */
  askedFor(error: unknown): number;
  /** Resolves when the server has answered, or after a short time. Never rejects. */
  confirm(connection: Connection, openingMs: number): Promise<unknown>;
  /** Copies data that the connection can send and that is neither a string nor bytes; undefined for other values. */
  keep(data: unknown, options: QueuedOptions | undefined): Keepable | undefined;
  /** Runs a function once after a delay. Returns a function that cancels it. */
  after(ms: number, run: () => void): () => void;
  /** The time of a monotonic clock, in milliseconds. */
  now(): number;
  /** Whether the network may be available: false only if the platform knows that it is not. */
  isOnline(): boolean;
  /**
   * Calls `back` when the network returns or the page wakes up, and `gone` when the network is lost. Returns a function
   * that ends this.
   */
  watch(back: () => void, gone: () => void): () => void;
  /** Reports an error of the user's code that is not reported elsewhere. */
  report(thrown: unknown): void;
}
