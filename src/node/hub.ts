/** All connections of one server: the set, broadcasts, totals, and how they end. */

import { CloseCode, encodeCloseBody } from "../codec/index.js";
import {
  addCounters,
  assertKnownOptions,
  type Bytes,
  type Counters,
  NO_COUNTERS,
  PreparedMessage,
  prepareMessage,
} from "../protocol/index.js";
import { type BlobLike, isBlob, SharedBlob } from "./blob.js";
import { after } from "./clock.js";
import type { Connection } from "./connection.js";
import type { ConnectionCounters } from "./connection-types.js";
import { type Deferred, defer } from "./deferred.js";
import { duration } from "./liveness.js";
import { LongTurnCounter, type LongTurns } from "./long-turns.js";

/** Totals of a server, closed connections included. */
export interface ServerCounters extends ConnectionCounters {
  /** Connections that were opened. */
  readonly accepted: number;
  /** Connections that are open, or closing. */
  readonly open: number;
  /** Turns that `maxTurnMs` ended. */
  readonly longTurns: LongTurns;
  /** Requests that were refused, by reason: the `code` of a HandshakeError, or the status. */
  readonly refused: Readonly<Record<string, number>>;
}

/** Data that can be sent to all connections. */
export type Broadcastable = string | Bytes | BlobLike | PreparedMessage;

export interface BroadcastOptions {
  /** The connection that does not get it: usually the one that it came from. */
  readonly except?: Connection | undefined;
  /** Default: text for a string, binary for bytes. */
  readonly type?: "text" | "binary" | undefined;
  /** Whether to compress it where that was agreed on. Default: if it is not shorter than `threshold`. */
  readonly compress?: boolean | undefined;
}

export interface CloseOptions {
  /** Milliseconds until those are cut that have not closed; Infinity: never. Default 5000. */
  readonly timeoutMs?: number | undefined;
  /** Of the Close that every connection is sent. Default 1001, "going away". */
  readonly code?: number | undefined;
  /** Its reason, at most 123 bytes of UTF-8. Default empty. */
  readonly reason?: string | undefined;
}

const CLOSE_OPTION_NAMES: readonly string[] = Object.keys({
  timeoutMs: true,
  code: true,
  reason: true,
} satisfies Record<keyof CloseOptions, true>);

const CLOSE_OPTION_HINTS = { timeout: "it is timeoutMs, in milliseconds" };

/** @throws {TypeError | RangeError} for what makes no sense, before anything is closed. */
export function checkCloseOptions(options: CloseOptions): void {
  assertKnownOptions(options, CLOSE_OPTION_NAMES, CLOSE_OPTION_HINTS, "close");
  duration(options, "timeoutMs", 0);
  encodeCloseBody(options.code ?? CloseCode.GoingAway, options.reason);
}

/**
 * Calls `cut` when the time is up that `close` was given, unless what it returns is called before.
 */
export function cutAfter(options: CloseOptions, cut: () => void): () => void {
  const { timeoutMs = 5000 } = options;
  const ms = duration({ timeoutMs }, "timeoutMs", 0);
  // 0 means at once here; a duration of 0 made from one longer than timers can wait means never.
  return ms > 0 || timeoutMs === 0 ? after(ms, cut) : () => undefined;
}

export class Hub {
  readonly connections = new Set<Connection>();
  readonly longTurns = new LongTurnCounter();
  #closed: Counters = NO_COUNTERS;
  #dropped = 0;
  #accepted = 0;
  readonly #refused: Record<string, number> = Object.create(null);
  /** Resolved when the last connection is gone. */
  #emptied: Deferred<void> | undefined = undefined;

  add(connection: Connection): void {
    this.#accepted++;
    this.connections.add(connection);
  }

  delete(connection: Connection): void {
    if (!this.connections.delete(connection)) return;
    const { counters } = connection;
    this.#closed = addCounters(this.#closed, counters);
    this.#dropped += counters.messagesDropped;
    if (this.connections.size > 0) return;
    this.#emptied?.resolve();
    this.#emptied = undefined;
  }

  refused(reason: string): void {
    this.#refused[reason] = (this.#refused[reason] ?? 0) + 1;
  }

  get counters(): ServerCounters {
    let sum = this.#closed;
    let messagesDropped = this.#dropped;
    for (const { counters } of this.connections) {
      sum = addCounters(sum, counters);
      messagesDropped += counters.messagesDropped;
    }
    const { size: open } = this.connections;
    const longTurns = this.longTurns.snapshot;
    const refused = { ...this.#refused };
    return { ...sum, messagesDropped, open, accepted: this.#accepted, refused, longTurns };
  }

  /**
   * Sends a message to every open connection: read once, encoded once, and compressed once for all that agreed on the
   * same. The frames leave at the end of the turn, so nothing of the user's runs in here.
   *
   * @returns to how many it was sent: not to those whose policy `onOverflow` dropped it or closed them.
   */
  broadcast(data: Broadcastable, options: BroadcastOptions = {}): number {
    const { except, type, compress } = options;
    const message = isBlob(data)
      ? new SharedBlob(data, type)
      : data instanceof PreparedMessage
        ? data
        : prepareMessage(data, { type });
    const sending =
      message instanceof SharedBlob ? { type, compress } : compress === undefined ? undefined : { compress };
    let count = 0;
    for (const connection of this.connections) {
      if (connection === except || connection.state !== "open") continue;
      try {
        if (connection.send(message, sending) !== undefined) count++;
      } catch {
        // Too much waits for it and its policy is to throw: no reason for the others to go without.
      }
    }
    return count;
  }

  /**
   * Closes all connections with a code, and cuts those that have not closed in time. It may be called again: the
   * first call says the code, and the shortest time counts.
   *
   * @param options - checked.
   */
  async close(options: CloseOptions = {}): Promise<void> {
    if (this.connections.size === 0) return;
    this.#emptied ??= defer();
    const emptied = this.#emptied.promise;
    const { code = CloseCode.GoingAway, reason } = options;
    for (const connection of this.connections) void connection.close(code, reason);
    const stop = cutAfter(options, () => {
      for (const connection of this.connections) connection.terminate();
    });
    await emptied;
    stop();
  }
}
