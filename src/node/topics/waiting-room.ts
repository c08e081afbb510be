/**
 * Collects published messages for a few milliseconds and sends them together. Subscribers of the same topics get the
 * same messages, so they share one buffer of frames. Each subscriber costs one write, and no message is copied for it.
 */

import { type BatchItem, PreparedBatch } from "../../protocol/index.js";
import { after } from "../clock.js";
import type { Member, Topic, Waiting } from "./outlet.js";

/** Once this many bytes of payloads wait, all messages are sent at once. */
const MOST_WAITING = 1 << 20;

/** The waiting messages and the subscribers of one topic. */
interface Stretch {
  readonly members: ReadonlySet<Member>;
  readonly waiting: readonly Waiting[];
}

/** The subscribers that share the same set of these topics: a node in a tree. */
interface Group {
  readonly stretches: readonly Stretch[];
  readonly children: Map<Stretch, Group>;
  batch: PreparedBatch | undefined;
}

/** Sends a batch to a subscriber, except for the messages at the positions `left`. Never throws. */
export type SendBatch = (member: Member, batch: PreparedBatch, left: ReadonlySet<number> | undefined) => void;

export class WaitingRoom {
  readonly #delayMs: number;
  readonly #send: SendBatch;
  /** Topics with waiting messages, in the order of their first message. */
  #topics: Topic[] = [];
  /** For a subscriber, the waiting messages of its topics that it does not get. */
  #left = new Map<Member, Set<Waiting>>();
  #count = 0;
  #length = 0;
  #stop: (() => void) | undefined = undefined;

  constructor(delayMs: number, send: SendBatch) {
    this.#delayMs = delayMs;
    this.#send = send;
  }

  add(topic: Topic, { message, compress }: BatchItem, except: Member | undefined): void {
    const waiting = { message, compress, place: this.#count++ };
    if (topic.waiting.length === 0) this.#topics.push(topic);
    topic.waiting.push(waiting);
    if (except !== undefined) this.#leaveOut(except, waiting);
    this.#length += message.payload.length;
    if (this.#length >= MOST_WAITING) this.flush();
    else this.#stop ??= after(this.#delayMs, () => this.flush());
  }

  /** A new subscriber does not get messages that were published before it subscribed. */
  joined(topic: Topic, member: Member): void {
    for (const waiting of topic.waiting) this.#leaveOut(member, waiting);
  }

  #leaveOut(member: Member, waiting: Waiting): void {
    const left = this.#left.get(member);
    if (left === undefined) this.#left.set(member, new Set([waiting]));
    else left.add(waiting);
  }

  /** Sends all waiting messages now. */
  flush(): void {
    this.#stop?.();
    this.#stop = undefined;
    if (this.#count === 0) return;
    const stretches = this.#topics.map((topic): Stretch => {
      const { members, waiting } = topic;
      topic.waiting = [];
      return { members, waiting };
    });
    const left = this.#left;
    this.#topics = [];
    this.#left = new Map();
    this.#count = this.#length = 0;
    for (const [member, group] of groupsOf(stretches)) {
      group.batch ??= batchOf(group.stretches);
      const mine = left.get(member);
      this.#send(member, group.batch, mine && positionsOf(mine, group.batch));
    }
  }
}

/** The group of each subscriber. */
function groupsOf(stretches: readonly Stretch[]): Map<Member, Group> {
  const root: Group = { stretches: [], children: new Map(), batch: undefined };
  const groups = new Map<Member, Group>();
  for (const stretch of stretches) {
    // Neighbours in the set are often in the same group: the last lookup is reused.
    let parent: Group | undefined;
    let child = root;
    for (const member of stretch.members) {
      const group = groups.get(member) ?? root;
      if (group !== parent) child = childOf(group, stretch);
      parent = group;
      groups.set(member, child);
    }
  }
  return groups;
}

function childOf(parent: Group, stretch: Stretch): Group {
  let child = parent.children.get(stretch);
  if (child === undefined) {
    child = { stretches: [...parent.stretches, stretch], children: new Map(), batch: undefined };
    parent.children.set(stretch, child);
  }
  return child;
}

/** The messages for a group, in the order of publication. */
function batchOf(stretches: readonly Stretch[]): PreparedBatch {
  if (stretches.length === 1) return new PreparedBatch(stretches[0].waiting);
  const all = stretches.flatMap(({ waiting }) => waiting);
  return new PreparedBatch(all.sort((a, b) => a.place - b.place));
}

/** The positions in a batch of messages to skip; undefined if there are none. */
function positionsOf(left: ReadonlySet<unknown>, { items }: PreparedBatch): ReadonlySet<number> | undefined {
  const positions = new Set<number>();
  for (const [position, item] of items.entries()) if (left.has(item)) positions.add(position);
  return positions.size === 0 ? undefined : positions;
}
