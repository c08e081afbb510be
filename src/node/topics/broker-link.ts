/**
 * One broker at work for one `Topics`: what may be asked of it now, what is on its way to it, what was lost. Whatever
 * the broker does, nothing here grows without bound, and nothing that it throws gets past here.
 */

import { randomFillSync } from "node:crypto";
import { asError, type BatchItem, isThenable } from "../../protocol/index.js";
import { after } from "../clock.js";
import type { Broker } from "./broker.js";
import { isFrom, ORIGIN_LENGTH, unwrap, wrap } from "./envelope.js";

/** The `Topics` that a link works for. None of these throws. */
export interface LinkOwner {
  hasSubscribers(topic: string): boolean;
  subscribedTopics(): Iterable<string>;
  /** Another process has published. */
  deliver(topic: string, item: BatchItem): void;
  /** The broker went away or came back. */
  onBroker(state: "away" | "back", error: Error | undefined): void;
  /** The broker failed at something. */
  onBrokerError(error: Error): void;
}

/** Subscriptions that are on their way at a time; others wait until one of them is done. */
const MOST_UNDER_WAY = 1000;
/** Milliseconds until a subscription that failed is tried again. */
const RETRY_MS = 1000;

export class BrokerLink {
  /** Messages that others published. */
  received = 0;
  /** Messages that did not leave this process, because the broker was away, too slow, or failed. */
  notForwarded = 0;
  /** What the broker brought that no `Topics` has published. */
  notUnderstood = 0;
  isAway = false;
  readonly #broker: Broker;
  readonly #owner: LinkOwner;
  readonly #maxWaiting: number;
  readonly #origin = randomFillSync(new Uint8Array(ORIGIN_LENGTH));
  /** Bytes of published messages whose promise is pending. */
  #waiting = 0;
  /** Topics that the broker is subscribed to. */
  readonly #subscribed = new Set<string>();
  /** Topics for which something is on its way. */
  readonly #underWay = new Set<string>();
  /** Whether subscriptions wait for a place among those that are under way. */
  #hasMore = false;
  #stopRetry: (() => void) | undefined = undefined;
  #isClosed = false;

  /** @param maxWaiting - bytes that may be on their way to the broker. */
  constructor(broker: Broker, owner: LinkOwner, maxWaiting: number) {
    this.#broker = broker;
    this.#owner = owner;
    this.#maxWaiting = maxWaiting;
    broker.deliver({
      message: (topic, payload) => this.#receive(topic, payload),
      away: (error) => this.#setAway(true, error),
      back: () => this.#setAway(false),
    });
  }

  publish(topic: string, item: BatchItem): void {
    const { length } = item.message.payload;
    if (this.#isClosed || this.isAway || this.#waiting > this.#maxWaiting) {
      this.notForwarded++;
      return;
    }
    this.#waiting += length;
    this.#ask(
      () => this.#broker.publish(topic, wrap(item, this.#origin)),
      (error) => {
        this.#waiting -= length;
        if (error === undefined) return;
        this.notForwarded++;
        this.#tell(error);
      },
    );
  }

  /** Tells the broker whether a topic is wanted here, as soon as it can be told. */
  update(topic: string): void {
    if (this.#isClosed || this.isAway || this.#underWay.has(topic)) return;
    const isWanted = this.#owner.hasSubscribers(topic);
    if (isWanted === this.#subscribed.has(topic)) return;
    if (this.#underWay.size >= MOST_UNDER_WAY) {
      this.#hasMore = true;
      return;
    }
    this.#underWay.add(topic);
    this.#ask(
      () => (isWanted ? this.#broker.subscribe(topic) : this.#broker.unsubscribe(topic)),
      (error) => {
        this.#underWay.delete(topic);
        if (error !== undefined) {
          this.#tell(error);
          this.#retryLater();
        } else {
          if (isWanted) this.#subscribed.add(topic);
          else this.#subscribed.delete(topic);
          // What is wanted may have changed meanwhile.
          this.update(topic);
        }
        if (this.#hasMore && this.#underWay.size <= MOST_UNDER_WAY / 2) this.#updateAll();
      },
    );
  }

  #updateAll(): void {
    this.#hasMore = false;
    for (const topic of [...this.#subscribed]) this.update(topic);
    for (const topic of this.#owner.subscribedTopics()) {
      this.update(topic);
      if (this.#hasMore) return;
    }
  }

  #retryLater(): void {
    if (this.#isClosed) return;
    this.#stopRetry ??= after(RETRY_MS, () => {
      this.#stopRetry = undefined;
      this.#updateAll();
    });
  }

  /** Calls the broker. `done` is called once, with what was thrown, if anything was. */
  #ask(call: () => unknown, done: (error: Error | undefined) => void): void {
    try {
      const returned = call();
      if (isThenable(returned)) {
        returned.then(
          () => done(undefined),
          (thrown: unknown) => done(asError(thrown)),
        );
      } else {
        done(undefined);
      }
    } catch (thrown) {
      done(asError(thrown));
    }
  }

  /** What fails because the broker is away was told by that. */
  #tell(error: Error): void {
    if (!this.isAway && !this.#isClosed) this.#owner.onBrokerError(error);
  }

  #receive(topic: string, payload: Uint8Array): void {
    if (this.#isClosed || isFrom(payload, this.#origin)) return;
    let item: BatchItem;
    try {
      item = unwrap(payload);
    } catch {
      this.notUnderstood++;
      return;
    }
    this.received++;
    this.#owner.deliver(topic, item);
  }

  #setAway(isAway: boolean, error?: Error): void {
    if (this.#isClosed || this.isAway === isAway) return;
    this.isAway = isAway;
    this.#owner.onBroker(isAway ? "away" : "back", error);
    if (!isAway) this.#updateAll();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopRetry?.();
    await this.#broker.close();
  }
}
