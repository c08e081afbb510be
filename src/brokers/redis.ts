/** `hawser/redis`: topics over processes by the publish and subscribe of Redis or Valkey, with the npm package redis. */

import type { Broker, BrokerListener } from "../node/index.js";

/** The part of a client of the npm package redis, version 5, that is used. */
export interface RedisClient {
  readonly isReady: boolean;
  duplicate(): RedisClient;
  connect(): Promise<unknown>;
  destroy(): void;
  publish(channel: string, message: Buffer): Promise<unknown>;
  subscribe(channel: string, listener: Listener, bufferMode: true): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  sPublish(channel: string, message: Buffer): Promise<unknown>;
  sSubscribe(channel: string, listener: Listener, bufferMode: true): Promise<unknown>;
  sUnsubscribe(channel: string): Promise<unknown>;
  on(event: string, listener: (error?: Error) => void): unknown;
  off(event: string, listener: (error?: Error) => void): unknown;
}

type Listener = (message: Buffer, channel: Buffer) => void;

export interface RedisBrokerOptions {
  /** Before the name of each topic: it separates programs that share a Redis. Default "hawser:". */
  readonly prefix?: string | undefined;
  /** Sharded publish and subscribe, which a cluster spreads over its nodes: Redis 7 and later. Default false. */
  readonly sharded?: boolean | undefined;
}

/**
 * A broker on a client that is connected. A second connection, made by `client.duplicate()`, subscribes. The client
 * stays yours: close it after the `Topics`.
 *
 * ```ts
 * const client = createClient({ url: "redis://localhost" });
 * client.on("error", () => {});
 * await client.connect();
 * await serve({ port: 8080, topics: { broker: redisBroker(client) } });
 * ```
 *
 * While Redis is away, the client connects again as its `reconnectStrategy` says, and subscribes again by itself.
 */
export function redisBroker(client: RedisClient, options: RedisBrokerOptions = {}): Broker {
  const { prefix = "hawser:", sharded = false } = options;
  if (typeof client?.duplicate !== "function") {
    throw new TypeError("redisBroker takes a client of the npm package redis: createClient()");
  }
  return new RedisBroker(client, prefix, sharded);
}

/** Events after which a client may be ready, or not be any more. */
const EVENTS = ["ready", "error", "reconnecting", "end"] as const;

class RedisBroker implements Broker {
  readonly #publisher: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #prefix: string;
  readonly #isSharded: boolean;
  #listener: BrokerListener | undefined = undefined;
  #isAway = false;
  readonly #look = (error?: Error) => {
    const isAway = !this.#publisher.isReady || !this.#subscriber.isReady;
    if (isAway === this.#isAway) return;
    this.#isAway = isAway;
    if (isAway) this.#listener?.away(error);
    else this.#listener?.back();
  };
  readonly #onMessage: Listener = (message, channel) => {
    this.#listener?.message(channel.toString().slice(this.#prefix.length), message);
  };

  constructor(client: RedisClient, prefix: string, isSharded: boolean) {
    this.#publisher = client;
    this.#subscriber = client.duplicate();
    this.#prefix = prefix;
    this.#isSharded = isSharded;
  }

  deliver(listener: BrokerListener): void {
    this.#listener = listener;
    for (const event of EVENTS) {
      this.#publisher.on(event, this.#look);
      this.#subscriber.on(event, this.#look);
    }
    // Until the second connection is ready.
    this.#look();
    this.#subscriber.connect().catch(() => this.#look());
  }

  publish(topic: string, payload: Uint8Array): Promise<unknown> {
    const bytes = Buffer.from(payload.buffer, payload.byteOffset, payload.length);
    const channel = this.#prefix + topic;
    return this.#isSharded
      ? this.#publisher.sPublish(channel, bytes)
      : this.#publisher.publish(channel, bytes);
  }

  subscribe(topic: string): Promise<unknown> {
    const channel = this.#prefix + topic;
    return this.#isSharded
      ? this.#subscriber.sSubscribe(channel, this.#onMessage, true)
      : this.#subscriber.subscribe(channel, this.#onMessage, true);
  }

  unsubscribe(topic: string): Promise<unknown> {
    const channel = this.#prefix + topic;
    return this.#isSharded ? this.#subscriber.sUnsubscribe(channel) : this.#subscriber.unsubscribe(channel);
  }

  close(): void {
    this.#listener = undefined;
    for (const event of EVENTS) this.#publisher.off(event, this.#look);
    try {
      this.#subscriber.destroy();
    } catch {
      // It is closed already: its `reconnectStrategy` has given up.
    }
  }
}
