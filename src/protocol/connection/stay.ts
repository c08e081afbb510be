/**
 * A client that stays connected: one connection after the other, with a wait between. Knows no transport, no clock and
 * no page: its host brings them. `#run` is its whole life.
 */

import { CloseCode, encodeCloseBody, InvalidStateError } from "../../codec/index.js";
import { HandshakeError } from "../handshake/handshake-error.js";
import { toJson } from "../session/json.js";
import { type AbortLike, whenAborted } from "./abort-signal.js";
import type { BufferLimits } from "./buffer-limits.js";
import { ConnectionLoop } from "./connection-loop.js";
import { isThenable, runHandler } from "./handlers.js";
import { isPassing } from "./retry.js";
import type { End, StayableConnection, StayClosed, StayHost, StayState } from "./stay-host.js";
import { type CheckedStayLimits, ConnectionClosedError, type Loss, type StayLimits } from "./stay-options.js";
import { StaySender } from "./stay-sender.js";

export interface StayHandlers<Client> extends StayLimits {
  /** `client.state` changed. What it throws, or rejects with, ends the client. */
  readonly onState?: ((client: Client) => unknown) | undefined;
}

interface Options extends StayHandlers<never>, BufferLimits {
  readonly signal?: AbortLike | undefined;
  readonly timeout?: number | undefined;
}

type Sent<Connection> = Connection extends { send(data: infer Data): unknown } ? Data : never;
type SentOptions<Connection> = Connection extends { send(data: never, options?: infer Options): unknown }
  ? Options & {
      /** Whether this message waits if there is no connection. Default: the option `queue` of the client. */
      readonly queue?: boolean | undefined;
    }
  : never;

/** The part of a `StayingConnection` that no platform changes. */
export class Staying<Connection extends StayableConnection> implements AsyncIterable<Connection, void> {
  readonly #host: StayHost<Connection>;
  readonly #limits: CheckedStayLimits;
  readonly #options: Options;
  readonly #sender: StaySender<Connection>;
  #state: StayState = "connecting";
  #connection: Connection | undefined = undefined;
  #attempt = 0;
  #attempts = 0;
  #connections = 0;
  #delayMs = 0;
  #error: unknown = undefined;
  #end: End | undefined = undefined;
  /** Whether it ended although nobody ended it. */
  #hasFailed = false;
  /** Whether someone hears how it ends. */
  #isHeard = false;
  #hasFinished = false;
  readonly #closed: Promise<StayClosed>;
  #settleClosed!: (closed: StayClosed) => void;
  /** Ends what `#run` waits for. */
  #interrupt: (() => void) | undefined = undefined;
  /** There is reason to try again before the wait is over. */
  #wake: (() => void) | undefined = undefined;
  /** The user wants another connection now. */
  #mustHurry = false;
  #loop: ConnectionLoop<Connection> | undefined = undefined;
  #waiting: { resolve(connection: Connection): void; reject(reason: unknown): void }[] = [];

  /** Use `stayConnected`. */
  constructor(host: StayHost<Connection>, limits: CheckedStayLimits, options: Options) {
    this.#limits = limits;
    this.#host = host;
    this.#options = options;
    this.#sender = new StaySender(this.#limits, host);
    this.#closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    void this.#run();
  }

  // What it tells ───────────────────────────────────────────────────────────────────────────────

  get state(): StayState {
    return this.#state;
  }

  /** The connection, from its opening until it is closed. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Attempts in a row, the last one included. A connection that lasted for `minUptime` sets it to 0. */
  get attempt(): number {
    return this.#attempt;
  }

  /** Milliseconds of the wait, in the state "waiting". */
  get delayMs(): number | undefined {
    return this.#state === "waiting" ? this.#delayMs : undefined;
  }

  /** Why there was no connection last: what opening failed with, or a ConnectionClosedError; why it ended. */
  get error(): unknown {
    return this.#error;
  }

  /** Totals. Messages that were refused, or waited at the end, count as dropped. */
  get counters(): {
    readonly attempts: number;
    readonly connections: number;
    readonly messagesDropped: number;
  } {
    const { messagesDropped } = this.#sender;
    return { attempts: this.#attempts, connections: this.#connections, messagesDropped };
  }

  /** Bytes that wait to be sent: in the queue, where each message counts 256 more, and in the connection. */
  get bufferedAmount(): number {
    return this.#sender.bufferedAmount;
  }

  /** Resolves when no connection is open and none will be. Never rejects. */
  get closed(): Promise<StayClosed> {
    this.#isHeard = true;
    return this.#closed;
  }

  /** The connection that is open, or else the next one. Rejects with `error` if there will be none. */
  opened(): Promise<Connection> {
    const connection = this.#connection;
    if (this.#state === "open" && connection?.state === "open") return Promise.resolve(connection);
    if (this.#end !== undefined) return Promise.reject(this.#error ?? ended());
    this.#isHeard = true;
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  // Sending ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends a message by the connection; while there is none, keeps it for the next. Messages are sent in order, and none
   * is given to two connections: one that was given to a connection is lost if that ends before it arrived.
   *
   * @param data - what `connection.send` takes. Bytes that wait are copied.
   * @returns true: go on. false: it waits, and you should wait for `drained`. undefined: it is not sent, because the
   *   client is closed, or nothing may wait, or too much does.
   * @throws {TypeError} for data that is no message.
   * @throws {RangeError} if `onOverflow` is "throw" and too much waits.
   */
  send(data: Sent<Connection>, options?: SentOptions<Connection>): boolean | undefined {
    return this.#sender.send(data, options);
  }

  /**
   * Sends the JSON of a value, as text.
   *
   * @throws {TypeError} for a value that has none.
   */
  sendJson(value: unknown, options?: SentOptions<Connection>): boolean | undefined {
    return this.#sender.send(toJson(value), options);
  }

  /** Resolves when it is worth sending again, at once if it is; and when the client is closed. */
  drained(): Promise<void> {
    return this.#sender.drained();
  }

  // Ending, and not waiting ─────────────────────────────────────────────────────────────────────

  /**
   * Closes the client: if a connection is open, what waits is sent, and it closes. No other is opened. A second call
   * changes nothing.
   *
   * @returns how it ended, once it has.
   * @throws {RangeError | TypeError} for a code or a reason that cannot be sent.
   */
  close(code: number = CloseCode.NormalClosure, reason = ""): Promise<StayClosed> {
    encodeCloseBody(code, reason);
    this.#stop({ code, reason }, undefined);
    return this.closed;
  }

  /**
   * Does not wait any longer: tries again at once, or closes the connection that is open, and opens another at once.
   *
   * @throws {InvalidStateError} when the client is closed.
   */
  reconnect(): void {
    if (this.#end !== undefined) throw ended();
    if (this.#state === "waiting") {
      this.#interrupt?.();
    } else if (this.#connection !== undefined) {
      this.#mustHurry = true;
      this.#connection.close();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #stop(end: End, error: unknown): void {
    if (this.#end !== undefined) return;
    this.#sender.flush();
    if (this.#connection?.state === "open") this.#connection.close(end.code, end.reason);
    this.#end = end;
    this.#error = error;
    this.#sender.end();
    this.#enter("closed");
    this.#interrupt?.();
  }

  /** A function of the user's threw, or its promise rejected. */
  #fail(thrown: unknown): void {
    const isHeard = this.#end === undefined && (this.#isHeard || this.#loop !== undefined);
    if (!isHeard) this.#host.report(thrown);
    if (this.#end !== undefined) return;
    this.#hasFailed = true;
    this.#stop({ code: CloseCode.NormalClosure, reason: "" }, thrown);
  }

  // The life ────────────────────────────────────────────────────────────────────────────────────

  #enter(state: StayState): void {
    if (this.#state === state || this.#state === "closed") return;
    this.#state = state;
    const options = this.#options as StayHandlers<this>;
    runHandler(
      () => options.onState?.(this),
      (thrown) => this.#fail(thrown),
    );
  }

  async #run(): Promise<void> {
    // The caller has the client before its functions are called.
    await undefined;
    const { signal } = this.#options;
    const abort = () => this.#stop({ code: CloseCode.NormalClosure, reason: "" }, signal?.reason);
    if (signal?.aborted) abort();
    const forget = signal && whenAborted(signal, abort);
    const unwatch = this.#host.watch(
      () => this.#wake?.(),
      () => this.#connection?.terminate(),
    );
    let closed: Loss | undefined;
    while (this.#end === undefined) {
      closed = await this.#connectOnce();
      if (this.#end !== undefined || closed === undefined) break;
      await this.#pauseAfter(closed);
      closed = undefined;
    }
    unwatch();
    forget?.();
    this.#finish(closed);
  }

  /** One attempt, and the life of the connection that comes of it. Undefined if the client was closed before. */
  async #connectOnce(): Promise<Loss | undefined> {
    this.#attempt++;
    this.#attempts++;
    this.#enter("connecting");
    let isAsking = true;
    try {
      // The state's handler may have closed the client.
      const asked = this.#end ?? (await this.#unlessEnded(this.#host.ask(), this.#options.timeout ?? 10_000));
      if (this.#end !== undefined) return undefined;
      isAsking = false;
      const began = this.#host.now();
      let returned: unknown;
      const attempt = this.#host.open(asked, (value) => {
        returned = value;
        return value;
      });
      const connection = await this.#unlessEnded(attempt.opened);
      if (connection !== undefined) {
        return await this.#live(connection, returned, this.#host.now() - began);
      }
      attempt.abandon(this.#error ?? ended());
      const late = await attempt.opened;
      late.close();
      return undefined;
    } catch (error) {
      const status = error instanceof HandshakeError && error.status > 0 ? error.status : undefined;
      return { error, code: undefined, reason: undefined, status, isFinal: !isAsking && !isPassing(error) };
    }
  }

  /**
   * Undefined if the client is closed before the promise settles.
   *
   * @param limitMs - rejects after so many milliseconds; 0: never.
   */
  #unlessEnded<T>(promise: Promise<T>, limitMs = 0): Promise<T | undefined> {
    return new Promise((resolve, reject) => {
      const late = () => {
        const error = new Error(`the URL or an option was not there within ${limitMs} ms (timeout)`);
        reject(Object.assign(error, { name: "TimeoutError" }));
      };
      const cancel = limitMs > 0 && limitMs < 2 ** 31 ? this.#host.after(limitMs, late) : undefined;
      this.#interrupt = () => {
        cancel?.();
        resolve(undefined);
      };
      promise.then(resolve, reject).then(cancel);
    });
  }

  /** @param returned - by the `open` handler: if it is a promise, the client is open when it has resolved. */
  async #live(connection: Connection, returned: unknown, openingMs: number): Promise<Loss> {
    const openedAt = this.#host.now();
    const { closed } = connection;
    this.#interrupt = undefined;
    this.#connection = connection;
    this.#connections++;
    // The client was closed when it was too late to abandon the attempt.
    if (this.#end !== undefined) connection.close(this.#end.code, this.#end.reason);
    if (isThenable(returned)) {
      // That it rejects closes the connection, and is told there.
      await Promise.race([closed, Promise.resolve(returned).catch(() => closed)]);
    }
    this.#loop?.offer(connection);
    if (this.#end === undefined && connection.state === "open") {
      for (const { resolve } of this.#waiting.splice(0)) resolve(connection);
      void this.#sender.begin(connection, () => this.#whenReady(connection, openingMs));
      this.#enter("open");
    }
    const { code, reason } = await closed;
    this.#connection = undefined;
    this.#sender.pause();
    if (this.#host.now() - openedAt >= this.#limits.minUptime) this.#attempt = 0;
    const error = new ConnectionClosedError(code, reason, connection.error);
    return { error, code, reason, status: undefined, isFinal: this.#limits.finalCodes.includes(code) };
  }

  /** A server that closes at once is not to get what waits: first something must be heard of it. */
  async #whenReady(connection: Connection, openingMs: number): Promise<void> {
    if (!this.#sender.isEmpty || this.#attempt > 1) {
      await this.#host.confirm(connection, openingMs);
    } else {
      // What a loop sends in the turn in which it gets the connection comes first.
      await undefined;
      await undefined;
    }
  }

  /** Waits until it is time for the next attempt, or gives up. */
  async #pauseAfter(loss: Loss): Promise<void> {
    const { maxAttempts, maxDelay, delayAfter } = this.#limits;
    const { error, code = CloseCode.AbnormalClosure, reason = "" } = loss;
    try {
      const judged = this.#options.giveUp?.(loss) ?? loss.isFinal;
      if (typeof judged !== "boolean") {
        throw new TypeError(`giveUp must return true, false or undefined, not ${String(judged)}`);
      }
      if (this.#end !== undefined) return;
      if (judged || this.#attempt >= maxAttempts) {
        this.#hasFailed = true;
        this.#stop({ code, reason }, error);
        return;
      }
      this.#error = error;
      const asked = this.#host.askedFor(error);
      const ownMs = delayAfter(Math.max(this.#attempt, 1), asked);
      const delayMs = this.#host.isOnline() ? ownMs : Math.max(ownMs, maxDelay);
      this.#delayMs = this.#mustHurry ? 0 : delayMs;
      this.#mustHurry = false;
      runHandler(
        () => this.#options.onRetry?.(error, this.#attempt, this.#delayMs),
        (thrown) => this.#fail(thrown),
      );
      this.#enter("waiting");
      if (this.#end === undefined) await this.#wait(this.#delayMs, delayAfter(1, asked));
      // A loop that is busy gets the next connection when it asks for it.
      while (this.#end === undefined && this.#loop?.isBusy) await this.#whenAsked();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** @param leastMs - of the wait, if there is reason to cut it short. */
  #wait(delayMs: number, leastMs: number): Promise<void> {
    const { after, now } = this.#host;
    const began = now();
    return new Promise((resolve) => {
      const go = () => {
        cancel();
        this.#wake = undefined;
        this.#interrupt = undefined;
        resolve();
      };
      let cancel = after(delayMs, go);
      this.#interrupt = go;
      this.#wake = () => {
        cancel();
        cancel = after(Math.max(0, Math.min(delayMs, leastMs) - (now() - began)), go);
      };
    });
  }

  #whenAsked(): Promise<void> {
    return new Promise((resolve) => {
      this.#interrupt = resolve;
    });
  }

  /** @param closed - of the connection that was open when the client was closed. */
  #finish(closed: Loss | undefined): void {
    const end = this.#end as End;
    const { code = end.code, reason = end.reason } = closed ?? {};
    this.#hasFinished = true;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error ?? ended());
    this.#loop?.end(this.#hasFailed, this.#error);
    this.#settleClosed({ code, reason, error: this.#error });
  }

  /**
   * One connection after the other. The next one is opened when the last one has ended and the loop asks for it. The
   * loop ends when the client is closed, and throws when it gives up; leaving it closes the client.
   *
   * @throws {InvalidStateError} if there is a loop already.
   */
  [Symbol.asyncIterator](): AsyncIterator<Connection, void> {
    if (this.#loop !== undefined) {
      throw new InvalidStateError("there is a loop over this client already, which gets its connections");
    }
    const owner = {
      asked: () => {
        // The wait of a moment between two attempts is not cut short.
        if (this.#wake === undefined && this.#state === "waiting") this.#interrupt?.();
      },
      // If the loop was left to close with another code, that is to come first.
      left: () => void this.#host.after(0, () => void this.close()),
    };
    this.#loop = new ConnectionLoop(owner, this.#state === "open" ? this.#connection : undefined);
    if (this.#hasFinished) this.#loop.end(this.#hasFailed, this.#error);
    return this.#loop;
  }

  toString(): string {
    return `StayingConnection(${this.#state})`;
  }
}

/** The error of what waits for a connection that will not come. */
function ended(): InvalidStateError {
  return new InvalidStateError("the client is closed: there will be no other connection");
}
