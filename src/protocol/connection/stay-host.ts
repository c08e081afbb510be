/** What a client that stays connected needs of its host, and what it tells. */

import type { Keepable, QueuedOptions } from "./send-queue.js";

/**
 * connecting: an attempt is under way, and the `open` handler behind it. open: there is a connection. waiting: another
 * attempt will follow. closed: no more will.
 */
export type StayState = "connecting" | "open" | "waiting" | "closed";

/** The code and the reason that a connection closes with. */
export interface End {
  readonly code: number;
  readonly reason: string;
}

/** How a client ended. */
export interface StayClosed extends End {
  /** Why it gave up, or the signal's reason; undefined after `close`. */
  readonly error: unknown;
}

/** As much of a connection as is used. */
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
  /** Ends it; `opened` rejects with the reason, or resolves if it is too late. */
  abandon(reason: unknown): void;
}

/** What the host brings. */
export interface StayHost<Connection> {
  /**
   * What the user is asked before an attempt: the URL and options that are functions. A failure here, unlike one of
   * `open`, is no reason to give up.
   */
  ask(): Promise<unknown>;
  /** @param watch - given what the `open` handler returned; returns the same. */
  open(asked: unknown, watch: (returned: unknown) => unknown): Attempt<Connection>;
  /** How many milliseconds the server asked us to wait, by this error; 0: it did not. */
  askedFor(error: unknown): number;
  /** Resolves when the server was heard of, or after a while; never rejects. */
  confirm(connection: Connection, openingMs: number): Promise<unknown>;
  /** Data of other shapes than strings and bytes that the connection sends, as a copy. */
  keep(data: unknown, options: QueuedOptions | undefined): Keepable | undefined;
  /** Runs a function once, later. Returns what cancels it. */
  after(ms: number, run: () => void): () => void;
  /** Milliseconds of a clock that is never set back. */
  now(): number;
  /** Whether there may be a network. */
  isOnline(): boolean;
  /** Tells when the network comes or goes, and when the page wakes up. Returns what ends that. */
  watch(back: () => void, gone: () => void): () => void;
  /** A bug of the user's that nothing else tells of. */
  report(thrown: unknown): void;
}
