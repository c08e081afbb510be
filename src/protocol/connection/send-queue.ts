/** Messages that wait until there is a connection to send them by, in order. Knows no connection. */

import { utf8Length } from "../../codec/index.js";
import { toBytes } from "../session/bytes.js";

/** What a queued message takes beside its data, roughly: many empty ones are to reach the limit, too. */
const MESSAGE_OVERHEAD = 256;

/** How a message is to be sent: the options that the queue looks at, and others, which it keeps. */
export interface QueuedOptions {
  readonly type?: "text" | "binary" | undefined;
  readonly copy?: boolean | undefined;
}

/** A message that can be kept: nothing that its sender does changes it any more. */
export interface Keepable {
  readonly data: unknown;
  /** Bytes. */
  readonly length: number;
}

export interface QueuedMessage extends Keepable {
  readonly options: QueuedOptions | undefined;
}

/**
 * A copy of what is to be sent later.
 *
 * @param keep - for data of other shapes that the transport sends; undefined for what is none of them.
 * @throws {TypeError} for what is no message, as sending it would.
 */
export function copyToQueue(
  data: unknown,
  options: QueuedOptions | undefined,
  keep: (data: unknown, options: QueuedOptions | undefined) => Keepable | undefined,
): QueuedMessage {
  const type = options?.type;
  if (type !== undefined && type !== "text" && type !== "binary") {
    throw new TypeError(`the type of what is sent must be "text" or "binary", not ${String(type)}`);
  }
  if (typeof data === "string") return { data, length: utf8Length(data), options };
  const kept = keep(data, options);
  if (kept !== undefined) return { ...kept, options };
  const bytes = toBytes(data, "a string, bytes or a Blob");
  if (type === "text") assertText(bytes);
  return { data: options?.copy === false ? bytes : new Uint8Array(bytes), length: bytes.length, options };
}

/** Not by the kernel: a page that only connects has none. */
function assertText(bytes: Uint8Array): void {
  try {
    new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new TypeError("bytes that are sent as text must be valid UTF-8");
  }
}

export class SendQueue {
  #messages: QueuedMessage[] = [];
  #begin = 0;
  /** Bytes that wait, roughly. */
  size = 0;

  get isEmpty(): boolean {
    return this.#begin === this.#messages.length;
  }

  push(message: QueuedMessage): void {
    this.#messages.push(message);
    this.size += message.length + MESSAGE_OVERHEAD;
  }

  /** The message that has waited longest; undefined when none waits. */
  get first(): QueuedMessage | undefined {
    return this.#messages[this.#begin];
  }

  /** Forgets the first. */
  shift(): void {
    const { first } = this;
    if (first === undefined) return;
    this.size -= first.length + MESSAGE_OVERHEAD;
    this.#begin++;
    if (this.#begin * 2 < this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#begin);
    this.#begin = 0;
  }

  /** Forgets all. Returns how many there were. */
  clear(): number {
    const count = this.#messages.length - this.#begin;
    this.#messages = [];
    this.#begin = 0;
    this.size = 0;
    return count;
  }
}
