/**
 * What arrived and waits for `receive`: for connections without a message handler. Says when so much waits that
 * no more should be read. Knows no transport.
 */

import { type LimitError, utf8Length } from "../../codec/index.js";
import { Message, messageTooBig } from "../session/message.js";
import { MessageQueue } from "./message-queue.js";

/** The connection that the inbox is of. */
export interface InboxOwner {
  /** Delivers what arrived and was not looked at, as long as there is room. */
  pull(): void;
  /** Whether nothing more can come. */
  readonly isFinished: boolean;
  /** The messages that were put together exceed a limit. */
  onTooBig(error: LimitError): void;
}

export class Inbox {
  readonly #queue = new MessageQueue();
  readonly #owner: InboxOwner;
  readonly #highWaterMark: number;

  /** @param highWaterMark - bytes that may wait, roughly. */
  constructor(owner: InboxOwner, highWaterMark: number) {
    this.#owner = owner;
    this.#highWaterMark = highWaterMark;
  }

  push(message: Message): void {
    this.#queue.push(message);
  }

  /** What has waited longest; undefined when nothing waits. */
  shift(): Message | undefined {
    return this.#queue.shift();
  }

  /** Whether enough waits. */
  get isFull(): boolean {
    return this.#queue.size > this.#highWaterMark;
  }

  async receive(): Promise<Message | undefined> {
    return this.tryReceive() ?? (this.#owner.isFinished ? undefined : this.#queue.wait());
  }

  /** What has waited longest; makes room for more to arrive. */
  tryReceive(): Message | undefined {
    const message = this.#queue.shift();
    if (this.#queue.size * 2 <= this.#highWaterMark) this.#owner.pull();
    return message ?? this.#queue.shift();
  }

  /** Puts the parts of a message together. */
  async receiveAll(maxMessageSize: number): Promise<Message | undefined> {
    const parts: Message[] = [];
    let length = 0;
    for (;;) {
      const message = await this.receive();
      if (message === undefined || (message.type !== "text" && message.type !== "binary")) return message;
      length += typeof message.data === "string" ? utf8Length(message.data) : message.data.length;
      if (length > maxMessageSize) {
        const error = messageTooBig(0, maxMessageSize, length);
        this.#owner.onTooBig(error);
        throw error;
      }
      parts.push(message);
      if (!message.partial) return join(parts);
    }
  }

  /** Nothing more comes. */
  end(): void {
    this.#queue.end();
  }
}

function join(parts: readonly Message[]): Message {
  const [first] = parts;
  if (parts.length === 1) return first;
  if (typeof first.data === "string") return new Message(parts.map(({ data }) => data).join(""), first.type);
  const whole = new Uint8Array(parts.reduce((sum, { data }) => sum + data.length, 0));
  let end = 0;
  for (const { data } of parts) {
    whole.set(data as Uint8Array, end);
    end += data.length;
  }
  return new Message(whole, first.type);
}
