/** `hawser/broadcast-channel`: shares topics between the threads of one process, over Node's BroadcastChannel. */

import { BroadcastChannel } from "node:worker_threads";
import type { Broker, BrokerListener } from "../node/index.js";

export interface BroadcastChannelBrokerOptions {
  /** Threads that use the same name exchange messages. Default "hawser.topics". */
  readonly name?: string | undefined;
}

type Published = readonly [topic: string, payload: Uint8Array];

/**
 * A broker for the worker threads of one process. Each thread receives every published message and drops those for
 * topics that it is not subscribed to. Node queues messages for a blocked thread without a limit.
 *
 * ```ts
 * import { broadcastChannelBroker } from "hawser/broadcast-channel";
 * await serve({ port: 8080, topics: { broker: broadcastChannelBroker() } });
 * ```
 *
 * @throws {TypeError} if the name is not a string.
 */
export function broadcastChannelBroker(options: BroadcastChannelBrokerOptions = {}): Broker {
  const { name = "hawser.topics" } = options;
  if (typeof name !== "string") throw new TypeError(`name must be a string, not ${String(name)}`);
  return new BroadcastChannelBroker(name);
}

class BroadcastChannelBroker implements Broker {
  readonly #channel: BroadcastChannel;
  readonly #subscribed = new Set<string>();
  /** Messages published in this turn of the event loop. They are posted together. */
  #pending: Published[] = [];
  #isClosed = false;

  constructor(name: string) {
    this.#channel = new BroadcastChannel(name);
    // The channel must not keep the thread alive; its servers do.
    this.#channel.unref();
  }

  deliver(listener: BrokerListener): void {
    this.#channel.onmessage = (event: unknown) => {
      const published = (event as { data: unknown }).data;
      // Other code may use the same channel name.
      if (!Array.isArray(published)) return;
      for (const one of published as unknown[]) {
        if (!Array.isArray(one)) continue;
        const [topic, payload] = one as unknown[];
        if (!(payload instanceof Uint8Array) || !this.#subscribed.has(topic as string)) continue;
        listener.message(topic as string, payload);
      }
    };
  }

  publish(topic: string, payload: Uint8Array): void {
    this.#pending.push([topic, payload]);
    if (this.#pending.length === 1) process.nextTick(() => this.#post());
  }

  #post(): void {
    const published = this.#pending;
    this.#pending = [];
    if (!this.#isClosed && published.length > 0) this.#channel.postMessage(published);
  }

  subscribe(topic: string): void {
    this.#subscribed.add(topic);
  }

  unsubscribe(topic: string): void {
    this.#subscribed.delete(topic);
  }

  close(): void {
    this.#post();
    this.#isClosed = true;
    this.#channel.close();
  }
}
