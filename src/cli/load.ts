/** Load for an echo server: connections that each keep some messages in flight, and check the echoes. */

import { createHistogram } from "node:perf_hooks";
import { type Connection, connect } from "../node/index.js";
import type { Message } from "../protocol/index.js";
import { EchoCheck } from "./echo-check.js";
import type { Target } from "./options.js";
import { messageOf } from "./shell.js";

export interface LoadOptions {
  readonly target: Target;
  readonly connections: number;
  /** Bytes of a payload. */
  readonly size: number;
  /** Messages that a connection has in flight. */
  readonly inFlight: number;
  readonly isText: boolean;
  /** Whether echoes are compared with the messages. */
  readonly verifies: boolean;
}

/** Handshakes at a time: more would overflow the queue in which a server's system keeps them. */
const MAX_HANDSHAKES = 100;

/** How long nothing may come while answers are waited for, after the last message was sent; and then a Close frame. */
const DRAIN_TIMEOUT_MS = 3000;
const CLOSE_TIMEOUT_MS = 1000;

/** Errors are counted by kind; only this many kinds are named. */
const MAX_KINDS = 8;

/** Opens connections, loads them until it is stopped, and keeps the count. */
export class Load {
  /** In nanoseconds, to 0.1 %. */
  readonly latency = createHistogram({ figures: 3 });
  /** Echoes that came while the load ran. */
  echoes = 0;
  /** And in all. */
  answers = 0;
  errors = 0;
  /** How often each error came, by its text. */
  readonly kinds = new Map<string, number>();
  /** Describes the first wrong echo. */
  example: string | undefined;
  readonly #options: LoadOptions;
  readonly #lanes: Lane[] = [];
  #isRunning = false;
  #settle: () => void = () => {};
  #patience: NodeJS.Timeout | undefined;

  constructor(options: LoadOptions) {
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Opens the connections; those that cannot be opened are errors. */
  async connect(signal: AbortSignal): Promise<void> {
    let next = 0;
    const worker = async () => {
      while (next < this.#options.connections && !signal.aborted) {
        const lane = new Lane(this, this.#options, next++);
        try {
          await lane.connect(signal);
          this.#lanes.push(lane);
        } catch (error) {
          if (!signal.aborted) this.fail(`cannot connect: ${messageOf(error)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: MAX_HANDSHAKES }, worker));
  }

  /** Sends for a time, or until all connections are closed or the signal aborts. Resolves with the milliseconds. */
  async run(ms: number, signal: AbortSignal): Promise<number> {
    const start = performance.now();
    this.#isRunning = true;
    const settled = this.#settled();
    const timer = setTimeout(this.#settle, ms);
    const stop = () => this.#settle();
    signal.addEventListener("abort", stop);
    for (const lane of this.#lanes) lane.start();
    if (signal.aborted) stop();
    this.check();
    await settled;
    clearTimeout(timer);
    signal.removeEventListener("abort", stop);
    this.#isRunning = false;
    return performance.now() - start;
  }

  /** Waits for echoes in flight; missing ones are errors. Then closes. */
  async finish(): Promise<void> {
    const settled = this.#settled();
    this.#patience = setTimeout(this.#settle, DRAIN_TIMEOUT_MS);
    this.check();
    await settled;
    clearTimeout(this.#patience);
    // One that is refreshed begins again.
    this.#patience = undefined;
    await Promise.all(this.#lanes.map((lane) => lane.close()));
  }

  /** An answer came. */
  answered(): void {
    this.answers++;
    if (this.#isRunning) this.echoes++;
    else this.#patience?.refresh();
  }

  /** A lane has less to do than before: perhaps no lane has anything to do any more. */
  check(): void {
    const isBusy = (lane: Lane) => lane.isOpen && (this.#isRunning || lane.isWaiting);
    if (!this.#lanes.some(isBusy)) this.#settle();
  }

  fail(text: string, times = 1): void {
    this.errors += times;
    const kind = this.kinds.has(text) || this.kinds.size < MAX_KINDS ? text : "others";
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + times);
  }

  #settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#settle = resolve;
    });
  }
}

/** One connection of a load. */
class Lane {
  readonly #load: Load;
  readonly #options: LoadOptions;
  readonly #index: number;
  readonly #check: EchoCheck;
  /** When the messages in flight were sent: message i at i modulo the length. */
  readonly #times: Float64Array;
  #connection: Connection | undefined;
  #sent = 0;
  #received = 0;
  #isClosing = false;

  constructor(load: Load, options: LoadOptions, index: number) {
    this.#load = load;
    this.#options = options;
    this.#index = index;
    this.#check = new EchoCheck(options.size, options.isText, index);
    this.#times = new Float64Array(options.inFlight);
  }

  get isOpen(): boolean {
    return this.#connection?.state === "open";
  }

  /** Whether echoes are missing. */
  get isWaiting(): boolean {
    return this.#received < this.#sent;
  }

  async connect(signal: AbortSignal): Promise<void> {
    const { target, size, inFlight } = this.#options;
    this.#connection = await connect(target.url, {
      ...target.options,
      signal,
      maxMessageSize: Math.max(size, 1 << 20),
      // Messages may wait for a server that does not read.
      maxBufferedAmount: (size + 16) * inFlight + (1 << 20),
      pingIntervalMs: 0,
      closeTimeoutMs: CLOSE_TIMEOUT_MS,
      // Echoes are only compared, so they are neither decoded nor copied.
      text: "bytes",
      borrow: true,
      message: (_, message) => this.#receive(message),
      close: (connection, code) => this.#closed(code, connection.error),
    });
  }

  start(): void {
    for (let i = 0; i < this.#options.inFlight; i++) this.#send();
  }

  async close(): Promise<void> {
    if (this.isOpen && this.isWaiting) {
      this.#load.fail("an echo did not come in time", this.#sent - this.#received);
    }
    this.#isClosing = true;
    await this.#connection?.close();
  }

  #send(): void {
    const payload = this.#check.payload(this.#sent);
    this.#times[this.#sent++ % this.#times.length] = performance.now();
    this.#connection?.send(payload, { type: this.#options.isText ? "text" : "binary" });
  }

  #receive(message: Message): void {
    if (!this.isWaiting) {
      this.#load.fail("a message came that answers none");
      return;
    }
    const index = this.#received++;
    const ms = performance.now() - this.#times[index % this.#times.length];
    // A histogram of Node's counts whole numbers from 1 on.
    this.#load.latency.record(Math.max(1, Math.round(ms * 1e6)));
    this.#load.answered();
    if (this.#options.verifies) this.#verify(index, message);
    if (this.#load.isRunning) this.#send();
    else if (!this.isWaiting) this.#load.check();
  }

  #verify(index: number, message: Message): void {
    const { data } = message;
    const bytes = typeof data === "string" ? Buffer.from(data) : data;
    const wrong = this.#check.judge(index, bytes, message.type === "text");
    if (wrong === undefined) return;
    this.#load.fail("a wrong echo");
    this.#load.example ??= `message ${index} of connection ${this.#index} ${wrong}`;
  }

  #closed(code: number, error: Error | undefined): void {
    if (error !== undefined) this.#load.fail(messageOf(error));
    else if (!this.#isClosing) this.#load.fail(`the server closed a connection (${code})`);
    this.#load.check();
  }
}
