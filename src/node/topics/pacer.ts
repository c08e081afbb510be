/**
 * When what was published is written: at the end of the turn. A program that publishes to many in every turn would do
 * nothing else but write, once for each message and subscriber. So where writing took long, the next time is not before
 * as much time has passed: at most half of all time is spent on it, and messages that come meanwhile share a write.
 * They wait in the outboxes of the connections, in order with what is sent.
 */

import { after, exactNow } from "../clock.js";
import { beginTurn, endTurn, type Flushable, flushLater } from "../turn.js";
import type { Topic } from "./outlet.js";

/** Milliseconds that writing may take without a pause behind it: timers are no finer. */
const SHORT_MS = 1;

export class Pacer implements Flushable {
  /** Topics whose subscribers have something to be written. */
  readonly #topics = new Set<Topic>();
  /** When the last writing began and ended. */
  #began = 0;
  #ended = 0;
  #stop: (() => void) | undefined = undefined;
  readonly #stopwatch: Flushable = {
    flush: () => {
      this.#ended = exactNow();
    },
  };

  /** What was published to a topic lies in the outboxes of its subscribers. */
  add(topic: Topic): void {
    const isFirst = this.#topics.size === 0;
    this.#topics.add(topic);
    if (!isFirst) return;
    const took = this.#ended - this.#began;
    const pauseMs = took < SHORT_MS ? 0 : this.#ended + took - exactNow();
    if (pauseMs > 0) this.#stop = after(Math.ceil(pauseMs), () => this.flush());
    else flushLater(this);
  }

  /** A subscriber of a topic goes: it gets what was published before. */
  leaves(topic: Topic, schedule: () => void): void {
    if (this.#topics.has(topic)) schedule();
  }

  /** Writes everything. */
  flush(): void {
    this.#stop?.();
    this.#stop = undefined;
    if (this.#topics.size === 0) return;
    this.#began = exactNow();
    beginTurn();
    for (const topic of this.#topics) for (const { outlet } of topic.members) outlet.schedule();
    this.#topics.clear();
    flushLater(this.#stopwatch);
    endTurn();
  }
}
