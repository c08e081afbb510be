/**
 * A client that stays connected: it opens one connection after the other, with a delay in between. The transport, clock
 * and page events come from its host. `#run` is its main loop.
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
  /** Called when `client.state` changes. If it throws or rejects, the client ends with that error. */
  readonly onState?: ((client: Client) => unknown) | undefined;
}

interface Options extends StayHandlers<never>, BufferLimits {
  readonly signal?: AbortLike | undefined;
  readonly timeout?: number | undefined;
}

type Sent<Connection> = Connection extends { send(data: infer Data): unknown } ? Data : never;
type SentOptions<Connection> = Connection extends { send(data: never, options?: infer Options): unknown }
  ? Options & {
      /** Whether to queue this message if there is no connection. Default: the option `queue` of the client. */
      readonly queue?: boolean | undefined;
    }
  : never;

/** The part of `StayingConnection` that is the same on all platforms. */
export class Staying<Connection extends StayableConnection> implements AsyncIterable<Connection> {
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
  /** Whether the client gave up or failed; false if the user closed or aborted it. */
  #hasFailed = false;
  /** Whether the user has read `closed` or called `opened`, and so sees an error. */
  #isHeard = false;
  #hasFinished = false;
  readonly #closed: Promise<StayClosed>;
  #settleClosed!: (closed: StayClosed) => void;
  /** Ends the current wait of `#run`. */
  #interrupt: (() => void) | undefined = undefined;
  /** Shortens the wait, for example when the network returns. */
  #wake: (() => void) | undefined = undefined;
  /** The user called `reconnect`: the next attempt starts without a delay. */
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

  // State ───────────────────────────────────────────────────────────────────────────────────────

  get state(): StayState {
    return this.#state;
  }

  /** The current connection, from its opening until it is closed. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  /** Consecutive attempts, including the current one. A connection that lasted `minUptime` resets it to 0. */
  get attempt(): number {
    return this.#attempt;
  }

  /** The delay before the next attempt, in milliseconds; undefined unless the state is "waiting". */
  get delayMs(): number | undefined {
    return this.#state === "waiting" ? this.#delayMs : undefined;
  }

  /** The last error: of a failed attempt, a ConnectionClosedError, or the error that ended the client. */
  get error(): unknown {
    return this.#error;
  }

  /** Totals. Messages that were refused, or still queued at the end, count as dropped. */
  get counters(): {
    readonly attempts: number;
    readonly connections: number;
    readonly messagesDropped: number;
  } {
    const { messagesDropped } = this.#sender;
    return { attempts: this.#attempts, connections: this.#connections, messagesDropped };
  }

  /** Bytes that wait in the queue (plus 256 for each message) and in the connection. */
  get bufferedAmount(): number {
    return this.#sender.bufferedAmount;
  }

  /** Resolves when the client has ended: no connection is open, and none will follow. Never rejects. */
  get closed(): Promise<StayClosed> {
    this.#isHeard = true;
    return this.#closed;
  }

  /** Resolves with the open connection, or with the next one. Rejects with `error` if none will follow. */
  opened(): Promise<Connection> {
    const connection = this.#connection;
    if (this.#state === "open" && connection?.state === "open") return Promise.resolve(connection);
    if (this.#end !== undefined) return Promise.reject(this.#error ?? ended());
    this.#isHeard = true;
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  // Sending ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends a message over the open connection, or queues it for the next one. Messages are sent in order, and each is
   * passed to one connection only: it is lost if that connection ends before the message arrives.
   *
   * @param data - the same data as for `connection.send`. Queued bytes are copied.
   * @returns true: send more. false: the message waits, and you should wait for `drained`. undefined: the message is
   *   not sent, because the client is closed, the queue is turned off, or the queue is full.
   * @throws {TypeError} if the data cannot be sent as a message.
   * @throws {RangeError} if `onOverflow` is "throw" and the queue is full.
   */
  send(data: Sent<Connection>, options?: SentOptions<Connection>): boolean | undefined {
    return this.#sender.send(data, options);
  }

  /**
   * Sends the JSON of a value, as text.
   *
   * @throws {TypeError} if the value has no JSON form, such as undefined.
   */
  sendJson(value: unknown, options?: SentOptions<Connection>): boolean | undefined {
    return this.#sender.send(toJson(value), options);
  }

  /** Resolves when there is room to send again (at once if there is room now), and when the client is closed. */
  drained(): Promise<void> {
    return this.#sender.drained();
  }

  // Closing and reconnecting ────────────────────────────────────────────────────────────────────

  /**
   * Closes the client. If a connection is open, the queue is sent and the connection closes. No further connection is
   * opened. A second call has no effect.
   *
   * @returns the code, reason and error of the end, once the client has ended.
   * @throws {RangeError | TypeError} if the code or the reason cannot be sent.
   */
  close(code: number = CloseCode.NormalClosure, reason = ""): Promise<StayClosed> {
    encodeCloseBody(code, reason);
    this.#stop({ code, reason }, undefined);
    return this.closed;
  }

  /**
   * Reconnects at once: ends the wait between attempts, or closes the open connection and opens another one.
   *
   * @throws {InvalidStateError} if the client is closed.
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

  /** Called when a function of the user threw or rejected: ends the client with that error. */
  #fail(thrown: unknown): void {
    const isHeard = this.#end === undefined && (this.#isHeard || this.#loop !== undefined);
    if (!isHeard) this.#host.report(thrown);
    if (this.#end !== undefined) return;
    this.#hasFailed = true;
    this.#stop({ code: CloseCode.NormalClosure, reason: "" }, thrown);
  }

  // Main loop ───────────────────────────────────────────────────────────────────────────────────

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
    // The caller gets the client before the first callback runs.
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

  /** Runs one attempt and its connection until that closes. Undefined if the client was closed before. */
  async #connectOnce(): Promise<Loss | undefined> {
    this.#attempt++;
    this.#attempts++;
    this.#enter("connecting");
    let isAsking = true;
    try {
      // The handler `onState` may have closed the client.
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
   * Waits for a promise. Resolves with undefined if the client is closed before the promise settles.
   *
   * @param limitMs - rejects after this many milliseconds; 0: never.
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

  /** @param returned - return value of the `open` handler. If it is a promise, the client is open once it resolves. */
  async #live(connection: Connection, returned: unknown, openingMs: number): Promise<Loss> {
    const openedAt = this.#host.now();
    const { closed } = connection;
    this.#interrupt = undefined;
    this.#connection = connection;
    this.#connections++;
    // The client was closed too late to abandon the attempt.
    if (this.#end !== undefined) connection.close(this.#end.code, this.#end.reason);
    if (isThenable(returned)) {
      // If it rejects, the connection closes and reports the error itself.
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

  /** Waits for a sign of life from the server, so that the queue is not lost to a server that closes at once. */
  async #whenReady(connection: Connection, openingMs: number): Promise<void> {
    if (!this.#sender.isEmpty || this.#attempt > 1) {
      await this.#host.confirm(connection, openingMs);
    } else {
      // Messages that a `for await` loop sends as soon as it gets the connection come first.
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
      // A busy loop gets the next connection when it asks for one.
      while (this.#end === undefined && this.#loop?.isBusy) await this.#whenAsked();
    } catch (thrown) {
      this.#fail(thrown);
    }
  }

  /** @param leastMs - the shortest wait after `#wake` has shortened it. */
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

  /** @param closed - the end of the connection that was open when the client was closed. */
  #finish(closed: Loss | undefined): void {
    const end = this.#end as End;
    const { code = end.code, reason = end.reason } = closed ?? {};
    this.#hasFinished = true;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#error ?? ended());
    this.#loop?.end(this.#hasFailed, this.#error);
    this.#settleClosed({ code, reason, error: this.#error });
  }

  /**
   * Yields one connection after the other. The next one is opened when the last one has ended and the loop asks for it.
   * The loop ends when the client is closed, and throws when the client gives up. Leaving the loop closes the client.
   *
   * @throws {InvalidStateError} if another loop runs over this client.
   */
  [Symbol.asyncIterator](): AsyncIterator<Connection, void> {
    if (this.#loop !== undefined) {
      throw new InvalidStateError("there is a loop over this client already, which gets its connections");
    }
    const owner = {
      asked: () => {
        // Only ends the wait for the loop, and not the delay between two attempts.
        if (this.#wake === undefined && this.#state === "waiting") this.#interrupt?.();
      },
      // Code after the loop may close with another code: it runs before this close.
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

/** The error for callers that wait for a connection when none will follow. */
function ended(): InvalidStateError {
  return new InvalidStateError("the client is closed: there will be no other connection");
}
