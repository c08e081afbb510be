/** The interface of brokers, which carry messages between the `Topics` of several processes. You can implement it. */

/** The functions of a `Topics` that its broker calls. They do not throw. */
export interface BrokerListener {
  /** A message that another process published to a subscribed topic. The listener owns the bytes. */
  message(topic: string, payload: Uint8Array): void;
  /** The connection to the engine is lost. Until `back`, only `close` is called on the broker. */
  away(error?: Error): void;
  /** The connection is restored, and the broker has subscribed to its topics again. */
  back(): void;
}

/**
 * Carries published messages from one process to the others. Payloads are opaque: pass them on unchanged.
 *
 * A broker delivers each message at most once, and the messages of one process in the order of publication. It may
 * deliver a message to its own publisher: `Topics` drops it.
 *
 * `publish`, `subscribe` and `unsubscribe` may return a promise; the call is pending until it settles. If they throw or
 * reject, the error is reported, a message is counted as not forwarded, and a subscription is retried.
 */
export interface Broker {
  /** Called once, before the other functions. From then on, the broker calls the listener. */
  deliver(listener: BrokerListener): void;
  /** Sends bytes to all other processes that are subscribed to the topic. The broker owns the bytes. */
  publish(topic: string, payload: Uint8Array): unknown;
  /**
   * Subscribes to a topic. Not called again for the same topic before `unsubscribe`, except to retry a call that failed:
   * a failed call must leave no subscription behind.
   */
  subscribe(topic: string): unknown;
  unsubscribe(topic: string): unknown;
  /**
   * Releases the broker's resources. The broker must not call the listener afterwards. If it throws or rejects, the
   * error is reported.
   */
  close(): unknown;
}

/** The names of these functions. The compiler checks that none is missing. */
export const BROKER_FUNCTIONS = Object.keys({
  deliver: true,
  publish: true,
  subscribe: true,
  unsubscribe: true,
  close: true,
} satisfies Record<keyof Broker, true>);
