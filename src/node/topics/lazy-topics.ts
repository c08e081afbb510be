/** The `Topics` of one server: given, or made when it is first used. */

import { nameOf } from "../../protocol/index.js";
import { type Publishable, type PublishOptions, Topics, type TopicsOptions } from "./topics.js";

export class LazyTopics {
  /** Undefined while it was not used. */
  made: Topics | undefined;
  /** Whether it is of this server alone. */
  readonly #isOwn: boolean;

  /** @throws {TypeError | RangeError} for what makes no `Topics`. */
  constructor(given: Topics | TopicsOptions | undefined) {
    if (given !== undefined && (typeof given !== "object" || given === null)) {
      throw new TypeError(`topics must be a Topics or its options, not ${nameOf(given)}`);
    }
    this.#isOwn = !(given instanceof Topics);
    // Options are checked at once, not at the first subscription.
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

  /** The connections are about to be closed: what was published leaves before. */
  flush(): void {
    this.made?.flush();
  }

  /** They are closed. A `Topics` that was given goes on for others. */
  async close(): Promise<void> {
    if (this.#isOwn) await this.made?.close();
  }
}
