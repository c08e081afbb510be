/** Topics: who is subscribed to what, and what is published to all who are. */

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
   * Milliseconds that what is published waits for more, so that all of it leaves in one write for each subscriber. What
   * is sent to a connection meanwhile leaves before it. Default 0: it leaves at the end of the turn, in order with what
   * is sent; where writing takes all the time, a little later.
   */
  readonly publishDelayMs?: number | undefined;
  /** Carries what is published to other processes. Default: none, this process is alone. */
  readonly broker?: Broker | undefined;
  /** Bytes that may be on their way to the broker; what is published then is not forwarded. Default 16 MiB. */
  readonly maxBrokerBuffer?: number | undefined;
  /** A topic got its first subscriber in this process, or lost its last. */
  readonly onTopic?: ((topic: string, hasSubscribers: boolean) => unknown) | undefined;
  /** The broker lost its engine, or has it again. */
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

/** What can be published. */
export type Publishable = string | Bytes | PreparedMessage;

export interface PublishOptions {
  /** The connection that does not get it: usually the one that it came from. */
  readonly except?: object | undefined;
  /** Whether to compress it where that was agreed on. Default: if it is not shorter than `threshold`. */
  readonly compress?: boolean | undefined;
  /** Default: text for a string, binary for bytes. */
  readonly type?: "text" | "binary" | undefined;
}

/** Totals since the `Topics` was made. */
export interface TopicsCounters {
  /** Messages that were published in this process. */
  readonly published: number;
  /** Messages to subscribers, one for each message and subscriber. */
  readonly delivered: number;
  /** The same, not sent, because the policy `onOverflow` of the subscriber's server said so or it was closing. */
  readonly dropped: number;
  /** Messages that came from other processes. */
  readonly received: number;
  /** Messages that did not get to the broker: it was away, it failed, or `maxBrokerBuffer` was exceeded. */
  readonly notForwarded: number;
  /** What the broker brought and no `Topics` has published. */
  readonly notUnderstood: number;
}

/**
 * The topics of one process. A server makes its own when the first connection subscribes; give several servers and
 * upgrade handlers the same one to let their connections meet.
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
  /** For messages that wait for others; undefined: none does. */
  readonly #room: WaitingRoom | undefined;
  readonly #pacer = new Pacer();
  readonly #link: BrokerLink | undefined;
  readonly #onTopic: TopicsOptions["onTopic"];
  readonly #onBroker: TopicsOptions["onBroker"];
  #published = 0;
  #delivered = 0;
  #dropped = 0;

  /** @throws {TypeError | RangeError} for options that make no sense, and for names that are none. */
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
      onBroker: (state: "away" | "back", error: Error | undefined) =>
        this.#call(() => this.#onBroker?.(state, error)),
      onBrokerError: (error: Error) => void tellError(error, {}),
    };
    this.#link = new BrokerLink(broker, owner, maxBrokerBuffer);
  }

  /**
   * Publishes a message to all connections that are subscribed to the topic: encoded once, compressed once for each
   * agreement on compression.
   *
   * @param data - a string, bytes, which are copied, or a prepared message.
   * @returns how many subscribers it has in this process. The policy `onOverflow` may drop it for some: see `counters`.
   * @throws {TypeError} for what cannot be sent.
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
      // Too much waits for it and its policy is to throw: no reason for the others to go without.
    }
    this.#delivered += sent;
    this.#dropped += count - sent;
  }

  /** What was published and waits leaves now. */
  flush(): void {
    beginTurn();
    this.#room?.flush();
    this.#pacer.flush();
    endTurn();
  }

  /** How many connections of this process are subscribed to a topic. */
  subscriberCount(topic: string): number {
    return this.#topics.get(topic)?.members.size ?? 0;
  }

  /** The topics that connections of this process are subscribed to. */
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

  /** Whether the broker has lost its engine: then what is published stays in this process. */
  get isBrokerAway(): boolean {
    return this.#link?.isAway ?? false;
  }

  /** Ends the broker's work. What is published from now on stays in this process. */
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
   * The connection is gone.
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
   * What a connection is subscribed to.
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

  /** Calls a function of the user's. */
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
