/**
 * When what was published is written: at the end of the turn. A program that publishes to many in every turn would do
 * nothing else but write, once for each message and subscriber. So where writing took long, the next time is not before
 * as much time has passed: at most half of all time is spent on it, and messages that come meanwhile share a write.
 * They wait in the outboxes of the connections, in order with what is sent.
 */

import { after, exactNow } from "../clock.js";
import { beginTurn, endTurn, type Flushable, flushLater } from "../turn.js";
import type { Outlet, Topic } from "./outlet.js";

/** Milliseconds that writing may take without a pause behind it: timers are no finer. */
const SHORT_MS = 1;
/** The longest pause, in milliseconds: a process that was suspended while it wrote has not written all that time. */
const LONGEST_PAUSE_MS = 100;

/** Its clock, in milliseconds; `after` is as in `clock.ts`. */
export interface PacerClock {
  now(): number;
  after(ms: number, run: () => void): () => void;
}

export class Pacer implements Flushable {
  /** Topics whose subscribers have something to be written. */
  readonly #topics = new Set<Topic>();
  /** When the last writing began and ended. */
  #began = 0;
  #ended = 0;
  #stop: (() => void) | undefined = undefined;
  readonly #clock: PacerClock;
  /** Flushed behind the subscribers. */
  readonly #stopwatch: Flushable = {
    flush: () => {
      this.#ended = this.#clock.now();
    },
  };

  constructor(clock: PacerClock = { now: exactNow, after }) {
    this.#clock = clock;
  }

  /** What was published to a topic lies in the outboxes of its subscribers. */
  add(topic: Topic): void {
    const isFirst = this.#topics.size === 0;
    this.#topics.add(topic);
    if (!isFirst) return;
    const took = Math.min(this.#ended - this.#began, LONGEST_PAUSE_MS);
    const pauseMs = took < SHORT_MS ? 0 : this.#ended + took - this.#clock.now();
    if (pauseMs > 0) this.#stop = this.#clock.after(Math.ceil(pauseMs), () => this.flush());
    else flushLater(this);
  }

  /** A subscriber of a topic goes: it gets what was published before. */
  leaves(topic: Topic, outlet: Outlet): void {
    if (this.#topics.has(topic)) outlet.schedule();
  }

  /** Writes everything. */
  flush(): void {
    this.#stop?.();
    this.#stop = undefined;
    if (this.#topics.size === 0) return;
    this.#began = this.#clock.now();
    beginTurn();
    for (const topic of this.#topics) for (const { outlet } of topic.members) outlet.schedule();
    this.#topics.clear();
    flushLater(this.#stopwatch);
    endTurn();
  }
}
