/**
 * Messages that arrived and wait for `receive`, on connections without a message handler. Tells when so much waits
 * that no more should be read. Knows no transport.
 */

import { type LimitError, utf8Length } from "../../codec/index.js";
import { type AnyMessage, Message, messageTooBig } from "../session/message.js";
import { type AbortLike, assertSignal } from "./abort-signal.js";
import { assertByteCounts } from "./buffer-limits.js";
import { MessageQueue } from "./message-queue.js";

/** The connection that the inbox is of. */
export interface InboxOwner {
  /** There is room again: delivers the messages that arrived and were not looked at. */
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
  readonly #mostMessages: number;

  /**
   * @param highWaterMark - bytes that may wait, roughly.
   * @param mostMessages - messages that may wait, however short. Default: any number.
   */
  constructor(owner: InboxOwner, highWaterMark: number, mostMessages = Infinity) {
    this.#owner = owner;
    this.#highWaterMark = highWaterMark;
    this.#mostMessages = mostMessages;
  }

  push(message: Message): void {
    this.#queue.push(message);
  }

  /** The message that has waited longest; undefined when none waits. */
  shift(): Message | undefined {
    return this.#queue.shift();
  }

  /** Bytes that wait, roughly. */
  get size(): number {
    return this.#queue.size;
  }

  /** Whether enough waits. */
  get isFull(): boolean {
    return this.#queue.size > this.#highWaterMark || this.#queue.count >= this.#mostMessages;
  }

  /**
   * The next message; undefined once no more can come.
   *
   * @param signal - ends the wait: then no message is lost, for a later call gets it.
   * @returns rejects with `signal.reason` once it is aborted.
   * @throws {TypeError} for a value that is not a signal.
   */
  receive(signal?: AbortLike): Promise<AnyMessage | undefined> {
    assertSignal(signal);
    return this.#receive(signal);
  }

  async #receive(signal: AbortLike | undefined): Promise<AnyMessage | undefined> {
    if (signal?.aborted) throw signal.reason;
    const message = this.tryReceive() ?? (this.#owner.isFinished ? undefined : this.#queue.wait(signal));
    return message as AnyMessage | undefined | Promise<AnyMessage | undefined>;
  }

  /** The message that has waited longest; makes room for more to arrive. */
  tryReceive(): AnyMessage | undefined {
    const message = this.#queue.shift();
    const hasRoom =
      this.#queue.size * 2 <= this.#highWaterMark && this.#queue.count * 2 <= this.#mostMessages;
    if (hasRoom) this.#owner.pull();
    return (message ?? this.#queue.shift()) as AnyMessage | undefined;
  }

  /**
   * Puts the parts of a message together.
   *
   * @throws {TypeError | RangeError} for a value that is not a limit, or not a signal.
   */
  receiveAll(maxMessageSize: number, signal?: AbortLike): Promise<AnyMessage | undefined> {
    assertByteCounts({ maxMessageSize });
    assertSignal(signal);
    return this.#receiveAll(maxMessageSize, signal);
  }

  async #receiveAll(maxMessageSize: number, signal: AbortLike | undefined): Promise<AnyMessage | undefined> {
    const parts: AnyMessage[] = [];
    let length = 0;
    for (;;) {
      const message = await this.#receive(signal);
      if (message === undefined || (message.type !== "text" && message.type !== "binary")) return message;
      length += typeof message.data === "string" ? utf8Length(message.data) : message.data.length;
      if (length > maxMessageSize) {
        const error = messageTooBig(0, maxMessageSize, length);
        this.#owner.onTooBig(error);
        throw error;
      }
      parts.push(message);
      if (!message.partial) return join(parts) as AnyMessage;
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
