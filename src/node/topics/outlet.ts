/** The parts of a connection and of a topic that topics share. */

import type { BatchItem, PreparedBatch } from "../../protocol/index.js";

/** The sending half of a connection. */
export interface Outlet {
  /**
   * Queues messages. They are written with the connection's next frames, or after a call of `schedule`.
   *
   * @param left - positions in the batch of messages to skip.
   * @returns how many were queued: all, or none.
   * @throws {RangeError} if the buffer is full and the overflow policy is "throw".
   */
  sendBatch(batch: PreparedBatch, left?: ReadonlySet<number>): number;
  /** Schedules a write of the queued messages at the end of the turn. */
  schedule(): void;
}

/** A connection that is subscribed to at least one topic. */
export interface Member {
  readonly connection: object;
  readonly outlet: Outlet;
  /** The topics it is subscribed to, by name. */
  readonly topics: Map<string, Topic>;
}

/** A topic that has subscribers. */
export interface Topic {
  readonly name: string;
  readonly members: Set<Member>;
  /** Waiting messages, in the order of publication. */
  waiting: Waiting[];
}

/** A message that waits to be sent together with others. */
export interface Waiting extends BatchItem {
  /** Its position among all waiting messages. */
  readonly place: number;
}
