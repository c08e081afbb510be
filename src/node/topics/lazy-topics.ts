/** The `Topics` of one server: given by the user, or made at its first use. */

import { nameOf } from "../../protocol/index.js";
import { type Publishable, type PublishOptions, Topics, type TopicsOptions } from "./topics.js";

export class LazyTopics {
  /** Undefined until the first use. */
  made: Topics | undefined;
  /** Whether this server made the `Topics` itself, and so closes it. */
  readonly #isOwn: boolean;

  /** @throws {TypeError | RangeError} if the value is neither a `Topics` nor valid options for one. */
  constructor(given: Topics | TopicsOptions | undefined) {
    if (given !== undefined && (typeof given !== "object" || given === null)) {
      throw new TypeError(`topics must be a Topics or its options, not ${nameOf(given)}`);
    }
    this.#isOwn = !(given instanceof Topics);
    // Made now, so that invalid options throw here and not at the first subscription.
    this.made = given === undefined || given instanceof Topics ? given : new Topics(given);
  }

  get topics(): Topics {
    this.made ??= new Topics();
    return this.made;
  }

  publish(topic: string, data: Publishable, options?: PublishOptions): number {
    return this.topics.publish(topic, data, options);
  }

  subscriberCount(topic: string): number {
    return this.made?.subscriberCount(topic) ?? 0;
  }

  /** Sends waiting messages. Called before the connections are closed. */
  flush(): void {
    this.made?.flush();
  }

  /** Called after the connections are closed. A `Topics` given by the user stays open for other servers. */
  async close(): Promise<void> {
    if (this.#isOwn) await this.made?.close();
  }
}
