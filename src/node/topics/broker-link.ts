/**
 * Connects one `Topics` to its broker: decides when the broker may be called, limits pending calls and counts lost
 * messages. The memory used here is limited even if the broker hangs, and errors of the broker are caught here.
 */

import { randomFillSync } from "node:crypto";
import { asError, type BatchItem, isThenable } from "../../protocol/index.js";
import { after } from "../clock.js";
import type { Broker } from "./broker.js";
import { isFrom, ORIGIN_LENGTH, unwrap, wrap } from "./envelope.js";

/** The `Topics` that owns the link. These functions do not throw. */
export interface LinkOwner {
  hasSubscribers(topic: string): boolean;
  subscribedTopics(): Iterable<string>;
  /** Delivers a message that another process published. */
  deliver(topic: string, item: BatchItem): void;
  /** The broker lost its engine, or reached it again. */
  onBroker(state: "away" | "back", error: Error | undefined): void;
  /** A call of the broker failed. */
  onBrokerError(error: Error): void;
}

/** The most calls to subscribe or unsubscribe that may be pending at a time. Others wait. */
const MOST_UNDER_WAY = 1000;
/** Bytes that a pending call to `publish` takes besides payload and topic: an estimate of its objects. */
const CALL_BYTES = 256;
/** Milliseconds until a failed subscription is retried. */
const RETRY_MS = 1000;

export class BrokerLink {
  /** Messages from other processes. */
  received = 0;
  /** Messages that did not leave this process because the broker was away, too slow, or failed. */
  notForwarded = 0;
  /** Payloads from the broker that no `Topics` published. */
  notUnderstood = 0;
  isAway = false;
  readonly #broker: Broker;
  readonly #owner: LinkOwner;
  readonly #maxWaiting: number;
  readonly #origin = randomFillSync(new Uint8Array(ORIGIN_LENGTH));
  /** Bytes of pending calls to `publish`. */
  #waiting = 0;
  /** Topics that the broker is subscribed to. */
  readonly #subscribed = new Set<string>();
  /** Topics with a pending call to subscribe or unsubscribe. */
  readonly #underWay = new Set<string>();
  /** Whether subscriptions wait because `MOST_UNDER_WAY` calls are pending. */
  #hasMore = false;
  #stopRetry: (() => void) | undefined = undefined;
  #isClosed = false;

  /**
   * @param maxWaiting - bytes of pending calls to `publish`, above which messages are not forwarded.
   * @throws what `deliver` of the broker throws.
   */
  constructor(broker: Broker, owner: LinkOwner, maxWaiting: number) {
    this.#broker = broker;
    this.#owner = owner;
    this.#maxWaiting = maxWaiting;
    const returned: unknown = broker.deliver({
      message: (topic, payload) => this.#receive(topic, payload),
      away: (error) => this.#setAway(true, error),
      back: () => this.#setAway(false),
    });
    if (returned !== undefined) {
      Promise.resolve(returned).catch((thrown: unknown) => this.#tell(asError(thrown)));
    }
  }

  publish(topic: string, item: BatchItem): void {
    const length = item.message.payload.length + topic.length + CALL_BYTES;
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

  /** Subscribes the broker to a topic that has subscribers here, or unsubscribes it, as soon as calls are possible. */
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
          // The topic may have gained or lost its subscribers meanwhile.
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

  /** Calls the broker. `done` is called once, with the error if the call threw or rejected. */
  #ask(call: () => unknown, done: (error: Error | undefined) => void): void {
    try {
      const returned = call();
      if (isThenable(returned)) {
        // A thenable of the broker's may call back twice, a promise settles once.
        Promise.resolve(returned).then(
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

  /** Reports an error, except while the broker is away: `onBroker` has reported that. */
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
    try {
      await this.#broker.close();
    } catch (thrown) {
      this.#owner.onBrokerError(asError(thrown));
    }
  }
}
