/**
 * Sends the messages of a client that stays connected: over the open connection, or over the next one. It keeps their
 * order, and passes each message to one connection only.
 */

import { bufferOverflow } from "./buffer-limits.js";
import { copyToQueue, type QueuedOptions, SendQueue } from "./send-queue.js";
import type { StayableConnection, StayHost } from "./stay-host.js";
import type { CheckedStayLimits } from "./stay-options.js";

type Host<Connection> = Pick<StayHost<Connection>, "keep" | "report">;

export class StaySender<Connection extends StayableConnection> {
  /** Messages that were refused, or still queued when the client ended. */
  messagesDropped = 0;
  readonly #limits: CheckedStayLimits;
  readonly #host: Host<Connection>;
  readonly #queue = new SendQueue();
  #connection: Connection | undefined = undefined;
  /** Messages are queued although a connection is open, because older messages must be sent first. */
  #isHeld = false;
  #hasEnded = false;
  #waiting: (() => void)[] = [];

  constructor(limits: CheckedStayLimits, host: Host<Connection>) {
    this.#limits = limits;
    this.#host = host;
  }

  /** Approximate bytes that wait to be sent. */
  get bufferedAmount(): number {
    return this.#queue.size + (this.#connection?.bufferedAmount ?? 0);
  }

  get isEmpty(): boolean {
    return this.#queue.isEmpty;
  }

  send(
    data: unknown,
    options: (QueuedOptions & { queue?: boolean | undefined }) | undefined,
  ): boolean | undefined {
    if (this.#hasEnded) return undefined;
    const queue = options?.queue ?? this.#limits.queue;
    const connection = this.#connection;
    // A message with `queue: false` does not wait for the server's answer either, if no older message waits.
    const mayPass = !this.#isHeld || (!queue && this.#queue.isEmpty);
    if (mayPass && connection?.state === "open") return connection.send(data as never, options as never);
    const message = copyToQueue(data, options, this.#host.keep);
    const { maxBufferedAmount, highWaterMark, throwsOnOverflow } = this.#limits;
    const waiting = this.bufferedAmount;
    if (queue && waiting <= maxBufferedAmount) {
      this.#queue.push(message);
      return this.bufferedAmount < highWaterMark;
    }
    if (queue && throwsOnOverflow) throw bufferOverflow(waiting, maxBufferedAmount);
    this.messagesDropped++;
    return undefined;
  }

  drained(): Promise<void> {
    if (this.#hasEnded || this.bufferedAmount < this.#limits.highWaterMark) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      // If the queue is being sent, `begin` settles the promise.
      if (!this.#isHeld && this.#connection !== undefined) void this.#watchDrain(this.#connection);
    });
  }

  async #watchDrain(connection: Connection): Promise<void> {
    await connection.drained();
    if (this.#isOpen(connection)) this.#settleDrained();
  }

  #settleDrained(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #isOpen(connection: Connection): boolean {
    return this.#connection === connection && connection.state === "open";
  }

  /**
   * Called with an open connection: sends the queue, as fast as the connection takes it.
   *
   * @param ready - resolves when the queue may be sent.
   */
  async begin(connection: Connection, ready: () => Promise<unknown>): Promise<void> {
    this.#connection = connection;
    this.#isHeld = true;
    await ready();
    while (this.#isOpen(connection) && !this.#queue.isEmpty) {
      if (!this.#sendFirst(connection)) await connection.drained();
      if (this.bufferedAmount < this.#limits.highWaterMark) this.#settleDrained();
    }
    if (!this.#isOpen(connection)) return;
    this.#isHeld = false;
    if (this.#waiting.length > 0) await this.#watchDrain(connection);
  }

  /** Sends the first message. Returns whether there is room for the next one. */
  #sendFirst(connection: Connection): boolean {
    const { data, options } = this.#queue.first as { data: unknown; options: unknown };
    let more: boolean | undefined = true;
    try {
      more = connection.send(data as never, options as never);
      // The connection is closing: the message stays queued for the next one.
      if (more === undefined && connection.state !== "open") return false;
      if (more === undefined) this.messagesDropped++;
    } catch (thrown) {
      this.messagesDropped++;
      this.#host.report(thrown);
    }
    this.#queue.shift();
    return more === true;
  }

  /** The connection has ended. */
  pause(): void {
    this.#connection = undefined;
  }

  /** Sends the queue at once, if a connection is open. */
  flush(): void {
    const connection = this.#connection;
    while (connection?.state === "open" && !this.#queue.isEmpty) this.#sendFirst(connection);
  }

  /** Called when no connection will follow: drops the queue. */
  end(): void {
    this.#hasEnded = true;
    this.messagesDropped += this.#queue.clear();
    this.#settleDrained();
  }
}
