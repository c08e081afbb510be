/**
 * Decides when published messages are written: by default at the end of the turn. A program that publishes to many
 * subscribers in every turn would spend all its time on writes, one for each message and subscriber. So after a slow
 * write, the next one waits for as long as the last one took. Writing then takes at most half of the time, and messages
 * published meanwhile share a write. They wait in the outboxes of the connections, in order with sent messages.
 */

import { after, exactNow } from "../clock.js";
import { beginTurn, endTurn, type Flushable, flushLater } from "../turn.js";
import type { Outlet, Topic } from "./outlet.js";

/** Milliseconds that writing may take without a pause after it: timers have no finer resolution. */
const SHORT_MS = 1;
/** The longest pause, in milliseconds. If the process was suspended during a write, the write only seems slow. */
const LONGEST_PAUSE_MS = 100;

/** The clock of a Pacer, in milliseconds; `after` works as in `clock.ts`. */
export interface PacerClock {
  now(): number;
  after(ms: number, run: () => void): () => void;
}

export class Pacer implements Flushable {
  /** Topics whose subscribers have messages to write. */
  readonly #topics = new Set<Topic>();
  /** When the last write began and ended. */
  #began = 0;
  #ended = 0;
  #stop: (() => void) | undefined = undefined;
  readonly #clock: PacerClock;
  /** Flushed after the subscribers: takes the time at which the write ended. */
  readonly #stopwatch: Flushable = {
    flush: () => {
      this.#ended = this.#clock.now();
    },
  };

  constructor(clock: PacerClock = { now: exactNow, after }) {
    this.#clock = clock;
  }

  /** Call it once a message is in the outboxes of the topic's subscribers. */
  add(topic: Topic): void {
    const isFirst = this.#topics.size === 0;
    this.#topics.add(topic);
    if (!isFirst) return;
    const took = Math.min(this.#ended - this.#began, LONGEST_PAUSE_MS);
    const pauseMs = took < SHORT_MS ? 0 : this.#ended + took - this.#clock.now();
    if (pauseMs > 0) this.#stop = this.#clock.after(Math.ceil(pauseMs), () => this.flush());
    else flushLater(this);
  }

  /** A subscriber leaves a topic: messages published before are still written to it. */
  leaves(topic: Topic, outlet: Outlet): void {
    if (this.#topics.has(topic)) outlet.schedule();
  }

  /** Writes all waiting messages. */
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
