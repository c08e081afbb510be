/**
 * Published messages that wait a few milliseconds for others, and leave together. Subscribers of the same topics get the
 * same messages, so they share one buffer of frames: each subscriber costs one write, and no message is copied for it.
 */

import { type BatchItem, PreparedBatch } from "../../protocol/index.js";
import { after } from "../clock.js";
import type { Member, Topic, Waiting } from "./outlet.js";

/** Bytes of payloads that make all messages leave at once. */
const MOST_WAITING = 1 << 20;

/** What waits for the subscribers of one topic. */
interface Stretch {
  readonly members: ReadonlySet<Member>;
  readonly waiting: readonly Waiting[];
}

/** Subscribers of the same ones of these topics: a node in a tree. */
interface Group {
  readonly stretches: readonly Stretch[];
  readonly children: Map<Stretch, Group>;
  batch: PreparedBatch | undefined;
}

/** Sends a batch to a subscriber, but for the messages at the positions `left`. Never throws. */
export type SendBatch = (member: Member, batch: PreparedBatch, left: ReadonlySet<number> | undefined) => void;

export class WaitingRoom {
  readonly #delayMs: number;
  readonly #send: SendBatch;
  /** Topics with messages that wait, in the order in which the first came. */
  #topics: Topic[] = [];
  /** Messages that are not for a subscriber of their topic. */
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

  /** A subscriber came: what was published before is not for it. */
  joined(topic: Topic, member: Member): void {
    for (const waiting of topic.waiting) this.#leaveOut(member, waiting);
  }

  #leaveOut(member: Member, waiting: Waiting): void {
    const left = this.#left.get(member);
    if (left === undefined) this.#left.set(member, new Set([waiting]));
    else left.add(waiting);
  }

  /** Everything that waits leaves now. */
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

/** For each subscriber of any of the topics its group. */
function groupsOf(stretches: readonly Stretch[]): Map<Member, Group> {
  const root: Group = { stretches: [], children: new Map(), batch: undefined };
  const groups = new Map<Member, Group>();
  for (const stretch of stretches) {
    // Subscribers of one group often come one after the other.
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

/** The messages for a group, in the order in which they were published. */
function batchOf(stretches: readonly Stretch[]): PreparedBatch {
  if (stretches.length === 1) return new PreparedBatch(stretches[0].waiting);
  const all = stretches.flatMap(({ waiting }) => waiting);
  return new PreparedBatch(all.sort((a, b) => a.place - b.place));
}

/** The positions in a batch of messages that are left out; undefined for none. */
function positionsOf(left: ReadonlySet<unknown>, { items }: PreparedBatch): ReadonlySet<number> | undefined {
  const positions = new Set<number>();
  for (const [position, item] of items.entries()) if (left.has(item)) positions.add(position);
  return positions.size === 0 ? undefined : positions;
}
