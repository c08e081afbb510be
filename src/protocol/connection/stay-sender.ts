/**
 * What a client that stays connected sends: by the connection that is open, or by the next one. In order, and no message
 * by two connections.
 */

import { bufferOverflow } from "./buffer-limits.js";
import { copyToQueue, type QueuedOptions, SendQueue } from "./send-queue.js";
import type { StayableConnection, StayHost } from "./stay-host.js";
import type { CheckedStayLimits } from "./stay-options.js";

type Host<Connection> = Pick<StayHost<Connection>, "keep" | "report">;

export class StaySender<Connection extends StayableConnection> {
  /** Messages that were refused, or given up at the end. */
  messagesDropped = 0;
  readonly #limits: CheckedStayLimits;
  readonly #host: Host<Connection>;
  readonly #queue = new SendQueue();
  #connection: Connection | undefined = undefined;
  /** What is sent waits in the queue although there is a connection: other messages come first. */
  #isHeld = false;
  #hasEnded = false;
  #waiting: (() => void)[] = [];

  constructor(limits: CheckedStayLimits, host: Host<Connection>) {
    this.#limits = limits;
    this.#host = host;
  }

  /** Bytes that wait, roughly. */
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
    // What may not wait does not wait for the server to be heard of, either.
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
      // Else the flush under way tells.
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
   * A connection is open: sends what waits, as fast as it is taken.
   *
   * @param ready - what waits is not sent before.
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

  /** Returns whether to go on at once. */
  #sendFirst(connection: Connection): boolean {
    const { data, options } = this.#queue.first as { data: unknown; options: unknown };
    let more: boolean | undefined = true;
    try {
      more = connection.send(data as never, options as never);
      // It closes meanwhile: the next connection gets the message.
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

  /** Sends what waits at once, if there is a connection. */
  flush(): void {
    const connection = this.#connection;
    while (connection?.state === "open" && !this.#queue.isEmpty) this.#sendFirst(connection);
  }

  /** No connection will come: what waits is given up. */
  end(): void {
    this.#hasEnded = true;
    this.messagesDropped += this.#queue.clear();
    this.#settleDrained();
  }
}
