/** Messages that arrived and wait for somebody to ask for them. Knows no connection. */

import type { Message } from "../session/message.js";

/** What a message takes beside its data, roughly: empty messages are not free. */
const MESSAGE_OVERHEAD = 128;

export class MessageQueue {
  #messages: Message[] = [];
  #first = 0;
  /** Bytes that wait, roughly. */
  size = 0;
  readonly #waiting: ((message: Message | undefined) => void)[] = [];

  /** Hands a message to whoever has waited longest, or keeps it. */
  push(message: Message): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting(message);
      return;
    }
    this.#messages.push(message);
    this.size += message.data.length + MESSAGE_OVERHEAD;
  }

  /** The first message; undefined when there is none. */
  shift(): Message | undefined {
    if (this.#first === this.#messages.length) return undefined;
    const message = this.#messages[this.#first];
    this.#messages[this.#first++] = undefined as unknown as Message;
    this.size -= message.data.length + MESSAGE_OVERHEAD;
    if (this.#first === this.#messages.length) {
      this.#messages = [];
      this.#first = 0;
    }
    return message;
  }

  /** The next message that is pushed; undefined if `end` comes first. */
  wait(): Promise<Message | undefined> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Whether somebody waits for a message. */
  get isAwaited(): boolean {
    return this.#waiting.length > 0;
  }

  /** No message will come: whoever waits gets undefined. */
  end(): void {
    for (const resolve of this.#waiting.splice(0)) resolve(undefined);
  }
}
