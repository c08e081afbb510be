/** A queue of messages that wait for a connection. */

import { utf8Length } from "../../codec/index.js";
import { toBytes } from "../session/bytes.js";

/** Approximate bytes that a queued message needs besides its data, so that many empty messages reach the limit too. */
const MESSAGE_OVERHEAD = 256;

/** Options of a queued message. The queue reads these, and keeps other options for the connection. */
export interface QueuedOptions {
  readonly type?: "text" | "binary" | undefined;
  readonly copy?: boolean | undefined;
}

/** A message that is safe to queue: the caller cannot change its data any more. */
export interface Keepable {
  readonly data: unknown;
  /** The length of the data in bytes. */
  readonly length: number;
}

export interface QueuedMessage extends Keepable {
  readonly options: QueuedOptions | undefined;
}

/**
 * Copies a message so that it can be sent later.
 *
 * @param keep - copies other kinds of data that the connection can send; returns undefined for all other values.
 * @throws {TypeError} if the data cannot be sent, like `send`.
 */
export function copyToQueue(
  data: unknown,
  options: QueuedOptions | undefined,
  keep: (data: unknown, options: QueuedOptions | undefined) => Keepable | undefined,
): QueuedMessage {
  const type = options?.type;
  if (type !== undefined && type !== "text" && type !== "binary") {
    throw new TypeError(`the type of a message must be "text" or "binary", not ${String(type)}`);
  }
  if (typeof data === "string") return { data, length: utf8Length(data), options };
  const kept = keep(data, options);
  if (kept !== undefined) return { ...kept, options };
  const bytes = toBytes(data, "a string, bytes or a Blob");
  if (type === "text") assertText(bytes);
  return { data: options?.copy === false ? bytes : new Uint8Array(bytes), length: bytes.length, options };
}

/** Uses TextDecoder and not the kernel: a page that only connects does not load the kernel. */
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
  /** Approximate bytes of all queued messages. */
  size = 0;

  get isEmpty(): boolean {
    return this.#begin === this.#messages.length;
  }

  push(message: QueuedMessage): void {
    this.#messages.push(message);
    this.size += message.length + MESSAGE_OVERHEAD;
  }

  /** The oldest message; undefined if the queue is empty. */
  get first(): QueuedMessage | undefined {
    return this.#messages[this.#begin];
  }

  /** Removes the first message. */
  shift(): void {
    const { first } = this;
    if (first === undefined) return;
    this.size -= first.length + MESSAGE_OVERHEAD;
    this.#begin++;
    if (this.#begin * 2 < this.#messages.length) return;
    this.#messages = this.#messages.slice(this.#begin);
    this.#begin = 0;
  }

  /** Removes all messages. Returns their number. */
  clear(): number {
    const count = this.#messages.length - this.#begin;
    this.#messages = [];
    this.#begin = 0;
    this.size = 0;
    return count;
  }
}
