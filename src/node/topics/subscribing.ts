/** The methods of a connection for topics. */

import { InvalidStateError } from "../../codec/index.js";
import type { LazyTopics } from "./lazy-topics.js";
import type { Outlet } from "./outlet.js";
import type { Publishable, PublishOptions, Topics } from "./topics.js";

/** Internal: the key of the parts of a connection that topics use. */
export const subscribing: unique symbol = Symbol("hawser.subscribing");

export interface SubscribingParts {
  /** Undefined if no server made the connection. */
  readonly topics: LazyTopics | undefined;
  readonly outlet: Outlet;
}

export abstract class Subscribing {
  /** @internal */
  abstract get [subscribing](): SubscribingParts;
  abstract get connected(): boolean;

  /** The topics that the connection is subscribed to. */
  get topics(): readonly string[] {
    return this[subscribing].topics?.made?.topicsOf(this) ?? [];
  }

  /**
   * Subscribes to a topic, until `unsubscribe` or until the connection is closed. Subscribing again changes nothing.
   *
   * @returns whether it is subscribed: false if the connection is closing or closed.
   * @throws {TypeError} if the topic is not a string.
   * @throws {InvalidStateError} if no server made the connection, for example on a client's.
   */
  subscribe(topic: string): boolean {
    const topics = this.#topics();
    if (!this.connected) return false;
    topics.subscribe(this, this[subscribing].outlet, topic);
    return true;
  }

  /** @returns whether it was subscribed. */
  unsubscribe(topic: string): boolean {
    return this.#topics().unsubscribe(this, topic);
  }

  /**
   * Publishes to all other subscribers of the topic; see `Topics.publish`. The connection need not be a subscriber.
   *
   * @returns the number of other subscribers in this process.
   */
  publish(topic: string, data: Publishable, options?: Omit<PublishOptions, "except">): number {
    return this.#topics().publish(topic, data, { ...options, except: this });
  }

  #topics(): Topics {
    const { topics } = this[subscribing];
    if (topics !== undefined) return topics.topics;
    throw new InvalidStateError("topics are for connections of a server: this one was not made by a server");
  }
}
