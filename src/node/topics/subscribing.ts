/** The part of a connection that is about topics. */

import { InvalidStateError } from "../../codec/index.js";
import type { LazyTopics } from "./lazy-topics.js";
import type { Outlet } from "./outlet.js";
import type { Publishable, PublishOptions, Topics } from "./topics.js";

/** For the package's own modules: what a connection has for topics. */
export const subscribing: unique symbol = Symbol("hawser.subscribing");

export interface SubscribingParts {
  /** Undefined on a connection of no server. */
  readonly topics: LazyTopics | undefined;
  readonly outlet: Outlet;
}

export abstract class Subscribing {
  /** @internal */
  abstract get [subscribing](): SubscribingParts;
  abstract get connected(): boolean;

  /** What the connection is subscribed to. */
  get topics(): readonly string[] {
    return this[subscribing].topics?.made?.topicsOf(this) ?? [];
  }

  /**
   * Subscribes to a topic, until `unsubscribe` or until the connection is closed. Subscribing again changes nothing.
   *
   * @returns whether it is subscribed: not if it closes.
   * @throws {TypeError} for a topic that is no string.
   * @throws {InvalidStateError} on a connection of no server, such as a client's.
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
   * Publishes to all others that are subscribed to the topic; see `Topics.publish`. The connection itself need not be.
   *
   * @returns how many others of this process are.
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
