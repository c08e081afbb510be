/** Messages that arrived and wait for `receive`. Knows no connection. */

import { LentMessage, Message } from "../session/message.js";
import { type AbortLike, whenAborted } from "./abort-signal.js";

/** What a message takes beside its data, roughly: the message, a view, and its memory are objects of the heap. */
const MESSAGE_OVERHEAD = 256;

interface Waiter {
  readonly resolve: (message: Message | undefined) => void;
}

export class MessageQueue {
  #messages: Message[] = [];
  #first = 0;
  /** Bytes that the waiting messages hold, roughly. */
  size = 0;
  #waiting: Waiter[] = [];

  /** How many messages wait. */
  get count(): number {
    return this.#messages.length - this.#first;
  }

  /** Hands a message to the `wait` that came first, or keeps it. */
  push(message: Message): void {
    const waiter = this.#waiting.shift();
    if (waiter !== undefined) {
      waiter.resolve(message instanceof LentMessage ? compact(message) : message);
      return;
    }
    const kept = compact(message);
    this.#messages.push(kept);
    this.size += sizeOf(kept);
  }

  /** The first message; undefined when there is none. */
  shift(): Message | undefined {
    if (this.#first === this.#messages.length) return undefined;
    const message = this.#messages[this.#first];
    this.#messages[this.#first++] = undefined as unknown as Message;
    this.size -= sizeOf(message);
    if (this.#first === this.#messages.length) {
      this.#messages = [];
      this.#first = 0;
    }
    return message;
  }

  /**
   * The next message that is pushed; undefined if `end` comes first.
   *
   * @param signal - gives the place up: a message that comes later goes to another.
   * @throws `signal.reason` once it is aborted.
   */
  wait(signal?: AbortLike): Promise<Message | undefined> {
    return new Promise((resolve, reject) => {
      if (signal === undefined) {
        this.#waiting.push({ resolve });
        return;
      }
      if (signal.aborted) {
        reject(signal.reason);
        return;
      }
      const forget = whenAborted(signal, () => {
        this.#waiting = this.#waiting.filter((other) => other !== waiter);
        reject(signal.reason);
      });
      const waiter = {
        resolve: (message: Message | undefined) => {
          forget();
          resolve(message);
        },
      };
      this.#waiting.push(waiter);
    });
  }

  /** Whether a `wait` is under way. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** No message will come: every `wait` resolves with undefined. */
  end(): void {
    for (const { resolve } of this.#waiting.splice(0)) resolve(undefined);
  }
}

function sizeOf({ data }: Message): number {
  return data.length + MESSAGE_OVERHEAD;
}

/** A message that may be kept: small bytes must not keep the memory of a whole chunk alive, and no loan lasts. */
function compact(message: Message): Message {
  const { data, type, partial, code } = message;
  if (typeof data === "string") return message;
  const isLent = message instanceof LentMessage;
  if (!isLent && data.length * 2 >= data.buffer.byteLength) return message;
  return new Message(new Uint8Array(data), type, partial, code);
}
