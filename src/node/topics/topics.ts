/** Topics: connections subscribe to them, and each published message is sent to all subscribers. */

import {
  assertByteCounts,
  assertFunctions,
  assertKnownOptions,
  type BatchItem,
  type Bytes,
  nameOf,
  PreparedBatch,
  PreparedMessage,
  prepareMessage,
  runHandler,
} from "../../protocol/index.js";
import { duration } from "../liveness.js";
import { reportError, tellError } from "../report.js";
import { beginTurn, endTurn } from "../turn.js";
import { BROKER_FUNCTIONS, type Broker } from "./broker.js";
import { BrokerLink } from "./broker-link.js";
import type { Member, Outlet, Topic } from "./outlet.js";
import { Pacer } from "./pacer.js";
import { WaitingRoom } from "./waiting-room.js";

export interface TopicsOptions {
  /**
   * Milliseconds to collect published messages, so that they leave in one write for each subscriber. Messages sent to a
   * connection meanwhile overtake them. Default 0: published messages leave at the end of the turn, in order with sent
   * messages, or a little later if writes take most of the time.
   */
  readonly publishDelayMs?: number | undefined;
  /** Carries published messages to other processes. Default: none; messages stay in this process. */
  readonly broker?: Broker | undefined;
  /**
   * Bytes that may wait for the broker. While more wait, messages are not forwarded. A message counts as its payload,
   * its topic name and 256 bytes. Default 16 MiB.
   */
  readonly maxBrokerBuffer?: number | undefined;
  /** Called when a topic gets its first subscriber in this process, or loses its last. */
  readonly onTopic?: ((topic: string, hasSubscribers: boolean) => unknown) | undefined;
  /** Called when the broker loses the connection to its engine, or has restored it; never while `new Topics` runs. */
  readonly onBroker?: ((state: "away" | "back", error: Error | undefined) => unknown) | undefined;
}

const OPTION_NAMES: readonly string[] = Object.keys({
  publishDelayMs: true,
  broker: true,
  maxBrokerBuffer: true,
  onTopic: true,
  onBroker: true,
} satisfies Record<keyof TopicsOptions, true>);

const OPTION_HINTS = {
  delay: "it is publishDelayMs, in milliseconds",
  adapter: "it is broker",
};

/** Data that can be published. */
export type Publishable = string | Bytes | PreparedMessage;

export interface PublishOptions {
  /** A connection that does not get the message, usually the one that sent it. */
  readonly except?: object | undefined;
  /** Whether to compress it for connections with compression. Default: if it has at least `threshold` bytes. */
  readonly compress?: boolean | undefined;
  /** Default: text for a string, binary for bytes. */
  readonly type?: "text" | "binary" | undefined;
}

/** Totals since the `Topics` was made. */
export interface TopicsCounters {
  /** Messages that were published in this process. */
  readonly published: number;
  /** Messages queued for subscribers: one for each message and subscriber. */
  readonly delivered: number;
  /** Messages not queued, because of the policy `onOverflow` or because the subscriber's connection was closing. */
  readonly dropped: number;
  /** Messages that came from other processes. */
  readonly received: number;
  /** Messages that did not reach the broker: it was away, it failed, or `maxBrokerBuffer` was exceeded. */
  readonly notForwarded: number;
  /** Payloads from the broker that no `Topics` published. */
  readonly notUnderstood: number;
}

/**
 * The topics of one process. A server makes its own `Topics` when its first connection subscribes. To share topics,
 * pass the same `Topics` to several servers and upgrade handlers.
 *
 * ```ts
 * const topics = new Topics({ publishDelayMs: 5 });
 * const server = await serve({ topics, open: (connection) => connection.subscribe("news") });
 * topics.publish("news", "hello");
 * ```
 */
export class Topics {
  readonly #topics = new Map<string, Topic>();
  readonly #members = new Map<object, Member>();
  /** Collects messages for `publishDelayMs`; undefined if that is 0. */
  readonly #room: WaitingRoom | undefined;
  readonly #pacer = new Pacer();
  readonly #link: BrokerLink | undefined;
  readonly #onTopic: TopicsOptions["onTopic"];
  readonly #onBroker: TopicsOptions["onBroker"];
  #published = 0;
  #delivered = 0;
  #dropped = 0;

  /** @throws {TypeError | RangeError} for invalid options and for unknown option names. */
  constructor(options: TopicsOptions = {}) {
    assertKnownOptions(options, OPTION_NAMES, OPTION_HINTS, "Topics");
    assertFunctions(options, ["onTopic", "onBroker"]);
    const { broker, maxBrokerBuffer = 1 << 24, onTopic, onBroker } = options;
    assertByteCounts({ maxBrokerBuffer });
    const delayMs = duration(options, "publishDelayMs", 0);
    this.#onTopic = onTopic;
    this.#onBroker = onBroker;
    this.#room =
      delayMs === 0
        ? undefined
        : new WaitingRoom(delayMs, (member, batch, left) => {
            this.#send(member, batch, left);
            member.outlet.schedule();
          });
    if (broker === undefined) return;
    assertBroker(broker);
    const owner = {
      hasSubscribers: (topic: string) => this.#topics.has(topic),
      subscribedTopics: () => this.#topics.keys(),
      deliver: (topic: string, item: BatchItem) => this.#deliver(topic, item, undefined),
      // In a microtask: a broker may be away from the start, and the user has no `Topics` before `new` returns.
      onBroker: (state: "away" | "back", error: Error | undefined) =>
        queueMicrotask(() => this.#call(() => this.#onBroker?.(state, error))),
      onBrokerError: (error: Error) => void tellError(error, {}),
    };
    this.#link = new BrokerLink(broker, owner, maxBrokerBuffer);
  }

  /**
   * Publishes a message to all connections that are subscribed to the topic. It is encoded once, and compressed once
   * for each set of compression parameters.
   *
   * @param data - a string, bytes (which are copied), or a prepared message.
   * @returns the number of subscribers in this process. The policy `onOverflow` may drop it for some: see `counters`.
   * @throws {TypeError} if the data cannot be sent as a message.
   */
  publish(topic: string, data: Publishable, options: PublishOptions = {}): number {
    assertTopic(topic);
    const { except, compress, type } = options;
    const message = prepare(data, type);
    const item = { message, compress };
    this.#published++;
    const count = this.#deliver(topic, item, except);
    this.#link?.publish(topic, item);
    return count;
  }

  #deliver(name: string, item: BatchItem, except: object | undefined): number {
    const topic = this.#topics.get(name);
    if (topic === undefined) return 0;
    const { members } = topic;
    let excluded = except && this.#members.get(except);
    if (excluded !== undefined && !members.has(excluded)) excluded = undefined;
    if (this.#room !== undefined) {
      this.#room.add(topic, item, excluded);
    } else {
      const batch = new PreparedBatch([item]);
      for (const member of members) if (member !== excluded) this.#send(member, batch, undefined);
      this.#pacer.add(topic);
    }
    return excluded === undefined ? members.size : members.size - 1;
  }

  #send({ outlet }: Member, batch: PreparedBatch, left: ReadonlySet<number> | undefined): void {
    const count = batch.items.length - (left?.size ?? 0);
    let sent = 0;
    try {
      sent = outlet.sendBatch(batch, left);
    } catch {
      // Its buffer is full and its policy is "throw". The other subscribers still get the message.
    }
    this.#delivered += sent;
    this.#dropped += count - sent;
  }

  /** Writes waiting messages now. */
  flush(): void {
    beginTurn();
    this.#room?.flush();
    this.#pacer.flush();
    endTurn();
  }

  /** The number of connections in this process that are subscribed to a topic. */
  subscriberCount(topic: string): number {
    return this.#topics.get(topic)?.members.size ?? 0;
  }

  /** The topics that have subscribers in this process. */
  get names(): IterableIterator<string> {
    return this.#topics.keys();
  }

  get counters(): TopicsCounters {
    const { received = 0, notForwarded = 0, notUnderstood = 0 } = this.#link ?? {};
    return {
      published: this.#published,
      delivered: this.#delivered,
      dropped: this.#dropped,
      received,
      notForwarded,
      notUnderstood,
    };
  }

  /** Whether the broker has lost its engine. Published messages then stay in this process. */
  get isBrokerAway(): boolean {
    return this.#link?.isAway ?? false;
  }

  /** Closes the broker. Messages published later stay in this process. */
  async close(): Promise<void> {
    this.flush();
    await this.#link?.close();
  }

  /** @internal */
  subscribe(connection: object, outlet: Outlet, name: string): void {
    assertTopic(name);
    let member = this.#members.get(connection);
    if (member === undefined) {
      member = { connection, outlet, topics: new Map() };
      this.#members.set(connection, member);
    }
    if (member.topics.has(name)) return;
    let topic = this.#topics.get(name);
    const isFirst = topic === undefined;
    if (topic === undefined) {
      topic = { name, members: new Set(), waiting: [] };
      this.#topics.set(name, topic);
    }
    member.topics.set(name, topic);
    topic.members.add(member);
    this.#room?.joined(topic, member);
    if (isFirst) this.#changed(name, true);
  }

  /**
   * @returns whether it was subscribed.
   * @internal
   */
  unsubscribe(connection: object, name: string): boolean {
    assertTopic(name);
    const member = this.#members.get(connection);
    const topic = member?.topics.get(name);
    if (member === undefined || topic === undefined) return false;
    member.topics.delete(name);
    if (member.topics.size === 0) this.#members.delete(connection);
    this.#remove(topic, member);
    return true;
  }

  /**
   * Removes a connection that is closed from all its topics.
   *
   * @internal
   */
  leave(connection: object): void {
    const member = this.#members.get(connection);
    if (member === undefined) return;
    this.#members.delete(connection);
    for (const topic of member.topics.values()) this.#remove(topic, member);
    member.topics.clear();
  }

  /**
   * The topics that a connection is subscribed to.
   *
   * @internal
   */
  topicsOf(connection: object): readonly string[] {
    const member = this.#members.get(connection);
    return member === undefined ? [] : [...member.topics.keys()];
  }

  #remove(topic: Topic, member: Member): void {
    this.#pacer.leaves(topic, member.outlet);
    topic.members.delete(member);
    if (topic.members.size > 0) return;
    this.#topics.delete(topic.name);
    this.#changed(topic.name, false);
  }

  #changed(topic: string, hasSubscribers: boolean): void {
    this.#link?.update(topic);
    if (this.#onTopic !== undefined) this.#call(() => this.#onTopic?.(topic, hasSubscribers));
  }

  /** Calls a function of the user. */
  #call(run: () => unknown): void {
    runHandler(run, (thrown) => reportError(thrown, {}));
  }
}

function prepare(data: Publishable, type: "text" | "binary" | undefined): PreparedMessage {
  if (!(data instanceof PreparedMessage)) return prepareMessage(data, { type });
  if (type === undefined || type === data.type) return data;
  return prepareMessage(data.payload, { type });
}

function assertTopic(topic: unknown): void {
  if (typeof topic !== "string") throw new TypeError(`a topic must be a string, not ${nameOf(topic)}`);
}

function assertBroker(broker: Broker): void {
  const isBroker = BROKER_FUNCTIONS.every(
    (name) => typeof (broker as Partial<Broker> | null)?.[name as keyof Broker] === "function",
  );
  if (isBroker) return;
  throw new TypeError(`a broker must have the functions ${BROKER_FUNCTIONS.join(", ")}`);
}
