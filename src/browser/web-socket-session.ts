/**
 * One connection over the browser's WebSocket: its events to handlers or to the inbox, sending, and how it
 * ends. A Connection is its face.
 */

import { CloseCode, encodeCloseBody, type LimitError } from "../codec/index.js";
import {
  asError,
  assertHandlers,
  bufferOverflow,
  type DataMessage,
  Inbox,
  type InboxOwner,
  isInvalidMessage,
  Message,
  messageTooBig,
  runHandler,
} from "../protocol/index.js";
import { Backlog, OPEN } from "./backlog.js";
import { type ConnectionSettings, HANDLER_NAMES, type Handlers } from "./connection-options.js";
import { HINTS } from "./option-names.js";
import { lengthOf, payloadOf, type Sendable, type SendOptions } from "./payload.js";

/**
 * The lifecycle: which event leads from a state to which. Other events are ignored there.
 *
 * open: messages go both ways, as long as the WebSocket is open too.
 * closing: we asked the WebSocket to close; messages that arrived before are delivered.
 * cut: we gave up, and no handler gets a message any more.
 * ending: the WebSocket is closed, or counts as lost; messages that arrived before are being delivered.
 * closed: all is delivered, or waits for `receive` or a later message handler.
 * discarded: closed after a cut: only `receive` gets the remaining messages.
 */
const TRANSITIONS = {
  open: { close: "closing", cut: "cut", gone: "ending" },
  closing: { cut: "cut", gone: "ending" },
  cut: { gone: "discarded" },
  ending: { cut: "discarded", delivered: "closed" },
  closed: {},
  discarded: {},
} as const satisfies Record<string, Partial<Record<LifecycleEvent, string>>>;

type Lifecycle = keyof typeof TRANSITIONS;
type LifecycleEvent = "close" | "cut" | "gone" | "delivered";

/** How a connection ended. */
export interface Closed {
  /** §7.1.5: of the Close that was received; 1005 if it had none, 1006 without one. */
  readonly code: number;
  readonly reason: string;
}

/** open, closing (a Close was sent or received, §7.1.3), closed (the socket is gone, §7.1.4). */
export type ConnectionState = "open" | "closing" | "closed";

/** The `readyState` of a closed WebSocket. */
const CLOSED = 3;

/** §7.1.5: of a connection that no Close ended. */
const LOST: Closed = { code: CloseCode.AbnormalClosure, reason: "" };

/** Longer than this no timer waits. */
const LONGEST_TIMER_MS = 2 ** 31;

export class WebSocketSession<Connection> implements InboxOwner {
  readonly inbox: Inbox;
  readonly backlog: Backlog;
  readonly closed: Promise<Closed>;
  /** The first error. */
  error: Error | undefined = undefined;
  howClosed: Closed | undefined = undefined;
  isPaused = false;
  messagesIn = 0;
  messagesOut = 0;
  messagesDropped = 0;

  readonly #connection: Connection;
  readonly #socket: WebSocket;
  readonly #settings: ConnectionSettings;
  readonly #listeners = new AbortController();
  #handlers: Handlers<Connection>;
  #lifecycle: Lifecycle = "open";
  #settleClosed!: (closed: Closed) => void;
  #isPulling = false;
  #isErrorTold = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined = undefined;

  constructor(
    connection: Connection,
    socket: WebSocket,
    handlers: Handlers<Connection>,
    settings: ConnectionSettings,
  ) {
    this.#connection = connection;
    this.#socket = socket;
    this.#handlers = handlers;
    this.#settings = settings;
    this.inbox = new Inbox(this, settings.maxQueuedAmount);
    this.backlog = new Backlog(socket, settings.highWaterMark, () => {
      this.run(() => this.#handlers.drain?.(this.#connection));
    });
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
  }

  /** Begins to listen. */
  start(): void {
    const socket = this.#socket;
    const { signal } = this.#listeners;
    socket.binaryType = "arraybuffer";
    socket.addEventListener("message", ({ data }) => this.#receive(data), { signal });
    socket.addEventListener("error", (event) => this.#failed(event), { signal });
    socket.addEventListener("close", ({ code, reason }) => this.#gone({ code, reason }), { signal });
  }

  get handlers(): Handlers<Connection> {
    return this.#handlers;
  }

  /** The new handlers get everything that waits: messages, an error that no handler has seen, and the closing. */
  set handlers(handlers: Handlers<Connection>) {
    assertHandlers(handlers, HANDLER_NAMES, HINTS, "connection.handlers", this.#handlers);
    const before = this.#handlers;
    this.#handlers = handlers;
    this.pull();
    const mayBeTold = !this.isFinished || before.close === undefined;
    if (mayBeTold && this.error !== undefined && !this.#isErrorTold) this.#tell(this.error);
    if (mayBeTold && this.isFinished) this.#tellClose();
  }

  get state(): ConnectionState {
    if (this.howClosed !== undefined) return "closed";
    // Also when the peer's Close came first: then the WebSocket is closing, and no event has said so yet.
    return this.#lifecycle === "open" && this.#socket.readyState === OPEN ? "open" : "closing";
  }

  get isFinished(): boolean {
    return this.#lifecycle === "closed" || this.#lifecycle === "discarded";
  }

  get #isCut(): boolean {
    return this.#lifecycle === "cut" || this.#lifecycle === "discarded";
  }

  /** Whether the lifecycle knows this event in the state that it is in; then it is in the next one. */
  #move(event: LifecycleEvent): boolean {
    const ways: Partial<Record<LifecycleEvent, Lifecycle>> = TRANSITIONS[this.#lifecycle];
    const next = ways[event];
    if (next === undefined) return false;
    this.#lifecycle = next;
    return true;
  }

  // Events ──────────────────────────────────────────────────────────────────────────────────────

  #receive(data: string | ArrayBuffer): void {
    // A browser delivers nothing any more once it closes; other hosts that have WebSockets may.
    if (this.state !== "open") return;
    const { maxMessageSize, maxQueuedAmount, textAsBytes } = this.#settings;
    const length = lengthOf(data, maxMessageSize);
    if (length > maxMessageSize) {
      this.fail(messageTooBig(0, maxMessageSize, length));
      return;
    }
    this.messagesIn++;
    if (typeof data !== "string") this.inbox.push(new Message(new Uint8Array(data), "binary"));
    else this.inbox.push(new Message(textAsBytes ? new TextEncoder().encode(data) : data, "text"));
    this.pull();
    if (this.inbox.isFull) {
      const waiting = `${this.inbox.size} bytes wait to be received`;
      this.fail(new RangeError(`${waiting}, and maxQueuedAmount is ${maxQueuedAmount}`));
    }
  }

  /** Delivers waiting messages to the handler, unless delivery is paused. */
  pull(): void {
    if (this.#isPulling) return;
    this.#isPulling = true;
    try {
      while (!this.isPaused && !this.#isCut && this.#handlers.message !== undefined) {
        const message = this.inbox.shift();
        if (message === undefined) break;
        this.run(() => this.#handlers.message?.(this.#connection, message as DataMessage));
      }
    } finally {
      this.#isPulling = false;
    }
  }

  /** Runs a handler, and looks after what it returns: it may be a promise that rejects. */
  run(handler: () => unknown): void {
    runHandler(handler, (thrown) => {
      this.#move("cut");
      this.#endSocket();
      const error = asError(thrown);
      // A message that is not what it should be is the peer's fault.
      if (!this.#report(error) && !isInvalidMessage(error)) console.error(error);
    });
  }

  /** The WebSocket failed. Most are closed then; of those at a network's edge some never say so. */
  #failed(event: Event): void {
    const { message, error } = event as Partial<ErrorEvent>;
    this.#report(new Error(message || "the browser failed the connection", { cause: error }));
    if (this.#socket.readyState === CLOSED) setTimeout(() => this.#gone(LOST));
  }

  /** Fails the connection for a reason of ours. No code says which: a page may send none of those that would. */
  fail(error: Error): void {
    this.#move("close");
    this.#endSocket();
    this.#report(error);
  }

  onTooBig(error: LimitError): void {
    this.fail(error);
  }

  /** Reports the first error, once. Returns whether a handler got this one. */
  #report(error: Error): boolean {
    if (this.error !== undefined) return false;
    this.error = error;
    // The close handler is the last that is called.
    return !this.isFinished && this.#tell(error);
  }

  #tell(error: Error): boolean {
    if (this.#handlers.error === undefined) return false;
    this.#isErrorTold = true;
    runHandler(
      () => this.#handlers.error?.(this.#connection, error),
      (thrown) => console.error(asError(thrown)),
    );
    return true;
  }

  #gone({ code, reason }: Closed): void {
    if (!this.#move("gone")) return;
    // §7.1.6: where no Close brought one, the reason is empty: a text that the host puts there is its own.
    const isTold = code !== CloseCode.NoStatusReceived && code !== CloseCode.AbnormalClosure;
    const closed = { code, reason: isTold ? reason : "" };
    this.howClosed = closed;
    clearTimeout(this.#closeTimer);
    this.#listeners.abort();
    if (this.#socket.readyState !== CLOSED) this.#answerClose(closed);
    this.backlog.end();
    // The code that would resume it may be gone, and the handlers must still see that the connection closes.
    this.isPaused = false;
    this.pull();
    this.#move("delivered");
    this.inbox.end();
    this.#tellClose();
    this.#settleClosed(closed);
  }

  #tellClose(): void {
    const { code, reason } = this.howClosed as Closed;
    this.run(() => this.#handlers.close?.(this.#connection, code, reason));
  }

  /** §5.5.1: "the endpoint MUST send a Close frame in response". A browser has done so; Cloudflare's workers have not. */
  #answerClose({ code, reason }: Closed): void {
    try {
      if (code === CloseCode.NoStatusReceived || code === CloseCode.AbnormalClosure) this.#socket.close();
      else this.#socket.close(code, reason);
    } catch {
      // A code that its peer may send and it may not.
      this.#socket.close();
    }
  }

  // Sending ─────────────────────────────────────────────────────────────────────────────────────

  send(data: Sendable, options: SendOptions | undefined): boolean | undefined {
    const payload = payloadOf(data, options);
    if (this.state !== "open") return undefined;
    const { maxBufferedAmount, onOverflow } = this.#settings;
    if (this.backlog.size > maxBufferedAmount) {
      this.#overflow(bufferOverflow(this.backlog.size, maxBufferedAmount), onOverflow);
      this.messagesDropped++;
      return undefined;
    }
    this.#socket.send(payload);
    this.messagesOut++;
    if (!this.backlog.isHigh) return true;
    void this.backlog.watch();
    return false;
  }

  #overflow(error: RangeError, policy: ConnectionSettings["onOverflow"]): void {
    if (policy === "throw") throw error;
    if (policy === "drop") {
      void this.backlog.watch();
      return;
    }
    this.#move("close");
    this.#endSocket();
    if (this.error !== undefined) return;
    this.error = error;
    // Not within the call of `send`, which the error handler may make too.
    queueMicrotask(() => !this.isFinished && !this.#isErrorTold && this.#tell(error));
  }

  drained(): Promise<void> {
    return this.state === "open" ? this.backlog.drained() : Promise.resolve();
  }

  // Closing ─────────────────────────────────────────────────────────────────────────────────────

  close(code: number, reason: string): void {
    if (isReported(code) && reason === "") {
      this.#move("close");
      this.#endSocket();
      return;
    }
    encodeCloseBody(code, reason);
    if (code !== CloseCode.NormalClosure && code < 3000) {
      throw new RangeError(`in a browser, the close code must be 1000 or 3000-4999, not ${code}`);
    }
    this.#move("close");
    this.#endSocket(code, reason);
  }

  /** Closes the WebSocket, and waits for it no longer than `closeTimeoutMs`: browsers would wait for a minute. */
  #endSocket(...how: [code?: number, reason?: string]): void {
    this.#socket.close(...how);
    const { closeTimeoutMs } = this.#settings;
    if (this.howClosed !== undefined || !(closeTimeoutMs > 0 && closeTimeoutMs < LONGEST_TIMER_MS)) return;
    this.#closeTimer ??= setTimeout(() => this.#gone(LOST), closeTimeoutMs);
  }

  terminate(): void {
    this.#move("cut");
    this.#socket.close();
    queueMicrotask(() => this.#gone(LOST));
  }

  resume(): void {
    this.isPaused = false;
    this.pull();
  }
}

/** Codes that a connection reports and no frame may carry (§7.4.1). Passed on, they send a Close without a code. */
function isReported(code: number): boolean {
  return (
    code === CloseCode.NoStatusReceived ||
    code === CloseCode.AbnormalClosure ||
    code === CloseCode.TlsHandshake
  );
}
