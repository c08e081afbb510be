/** What topics know of a connection. */

import type { BatchItem, PreparedBatch } from "../../protocol/index.js";

/** The sending half of a connection. */
export interface Outlet {
  /**
   * Queues messages. They leave when other frames do, or when `schedule` is called.
   *
   * @param left - positions of messages in the batch that are left out.
   * @returns how many were queued: all, or none.
   * @throws {RangeError} where the overflow policy is to throw.
   */
  sendBatch(batch: PreparedBatch, left?: ReadonlySet<number>): number;
  /** What is queued leaves at the end of the turn. */
  schedule(): void;
}

/** A connection that is subscribed to at least one topic. */
export interface Member {
  readonly connection: object;
  readonly outlet: Outlet;
  /** By name. */
  readonly topics: Map<string, Topic>;
}

/** A topic that has subscribers. */
export interface Topic {
  readonly name: string;
  readonly members: Set<Member>;
  /** The messages that wait, in the order in which they were published. */
  waiting: Waiting[];
}

/** A message that waits for others. */
export interface Waiting extends BatchItem {
  /** Its place among all messages that wait. */
  readonly place: number;
}
