/** What carries messages between the `Topics` of several processes, as hawser sees it. Write your own for another engine. */

/** What a broker tells the `Topics` that it works for. None of these throws. */
export interface BrokerListener {
  /** Another publisher published this to a topic that was subscribed to. The bytes are the listener's. */
  message(topic: string, payload: Uint8Array): void;
  /** The connection to the engine is lost. Until `back`, nothing but `close` is asked of the broker. */
  away(error?: Error): void;
  /** The connection is there again, and the broker has subscribed again to what it was subscribed to. */
  back(): void;
}

/**
 * Five functions that carry what is published from one process to others. Payloads are opaque: pass them on as they are.
 *
 * A broker delivers at most once, and what one process publishes in the order in which it was published. It may deliver
 * a message to the one who published it: `Topics` drops that.
 *
 * `publish`, `subscribe` and `unsubscribe` may return a promise. While it is pending, the call counts as on its way;
 * what they throw, or reject with, is counted and told, and a subscription is tried again.
 */
export interface Broker {
  /** Called once, before the others. The broker calls the listener from then on. */
  deliver(listener: BrokerListener): void;
  /** Sends bytes to all others that are subscribed to a topic. The bytes are the broker's. */
  publish(topic: string, payload: Uint8Array): unknown;
  /** Asks for what is published to a topic; called once, until `unsubscribe`. */
  subscribe(topic: string): unknown;
  unsubscribe(topic: string): unknown;
  /** Ends what the broker began. The listener is not called any more. */
  close(): unknown;
}

/** The names of these functions. The compiler sees to it that none is missing. */
export const BROKER_FUNCTIONS = Object.keys({
  deliver: true,
  publish: true,
  subscribe: true,
  unsubscribe: true,
  close: true,
} satisfies Record<keyof Broker, true>);
