/** `hawser/nats`: shares topics between processes over NATS, with the npm package @nats-io/transport-node. */

import type { Broker, BrokerListener } from "../node/index.js";

/** The members that the broker uses of a connection of @nats-io/transport-node, version 3. */
export interface NatsConnection {
  publish(subject: string, payload: Uint8Array): void;
  subscribe(
    subject: string,
    options: { callback: (error: Error | null, message: { readonly data: Uint8Array }) => void },
  ): { unsubscribe(): void };
  flush(): Promise<void>;
  status(): AsyncIterable<{ readonly type: string }>;
}

export interface NatsBrokerOptions {
  /** The first token of each subject. It separates programs that share a NATS server. Default "hawser". */
  readonly prefix?: string | undefined;
}

/**
 * A broker over your NATS connection. You own the connection: close it after you close the `Topics`.
 *
 * ```ts
 * const connection = await connect({ servers: "localhost:4222", maxReconnectAttempts: -1 });
 * await serve({ port: 8080, topics: { broker: natsBroker(connection) } });
 * ```
 *
 * When the connection is lost, the NATS client reconnects as its options say, and restores the subscriptions.
 */
export function natsBroker(connection: NatsConnection, options: NatsBrokerOptions = {}): Broker {
  const { prefix = "hawser" } = options;
  if (typeof connection?.flush !== "function") {
    throw new TypeError("natsBroker takes a connection of @nats-io/transport-node: await connect()");
  }
  return new NatsBroker(connection, prefix);
}

class NatsBroker implements Broker {
  readonly #connection: NatsConnection;
  readonly #prefix: string;
  readonly #subscriptions = new Map<string, { unsubscribe(): void }>();
  #listener: BrokerListener | undefined = undefined;
  /** Pending until the NATS server has processed all messages published so far. */
  #flushing: Promise<void> | undefined = undefined;

  constructor(connection: NatsConnection, prefix: string) {
    this.#connection = connection;
    this.#prefix = prefix;
  }

  deliver(listener: BrokerListener): void {
    this.#listener = listener;
    this.#watch().catch(() => undefined);
  }

  async #watch(): Promise<void> {
    try {
      for await (const { type } of this.#connection.status()) {
        if (type === "disconnect") this.#listener?.away();
        else if (type === "reconnect") this.#listener?.back();
      }
    } finally {
      this.#listener?.away(new Error("the connection to NATS is closed"));
    }
  }

  /** The subject of a topic. A token has no dots, wildcards or spaces, so other names are encoded. */
  #subjectOf(topic: string): string {
    const isToken = /^[\w-]+$/.test(topic);
    return `${this.#prefix}.${isToken ? topic : `=${Buffer.from(topic).toString("base64url")}`}`;
  }

  /** `publish` returns at once even if the server does not read. Only a flush shows that it took the bytes. */
  publish(topic: string, payload: Uint8Array): Promise<void> {
    this.#connection.publish(this.#subjectOf(topic), payload);
    this.#flushing ??= this.#connection.flush().finally(() => {
      this.#flushing = undefined;
    });
    return this.#flushing;
  }

  async subscribe(topic: string): Promise<void> {
    // The client keeps a subscription over reconnects: with a second one, each message would come twice.
    this.unsubscribe(topic);
    const subscription = this.#connection.subscribe(this.#subjectOf(topic), {
      callback: (error, message) => {
        if (error === null) this.#listener?.message(topic, message.data);
      },
    });
    this.#subscriptions.set(topic, subscription);
    try {
      await this.#connection.flush();
    } catch (error) {
      // Unless the topic has been unsubscribed meanwhile.
      if (this.#subscriptions.get(topic) === subscription) this.unsubscribe(topic);
      throw error;
    }
  }

  unsubscribe(topic: string): void {
    this.#subscriptions.get(topic)?.unsubscribe();
    this.#subscriptions.delete(topic);
  }

  close(): void {
    this.#listener = undefined;
    for (const subscription of this.#subscriptions.values()) subscription.unsubscribe();
    this.#subscriptions.clear();
  }
}
