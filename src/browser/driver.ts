/**
 * Drives a WebSocket of the browser's: its events to handlers or to the inbox, what is sent to it, and how it ends.
 * The Connection is its face.
 */

import { CloseCode, encodeCloseBody, type LimitError, utf8Length } from "../codec/index.js";
import {
  asError,
  type Bytes,
  bufferOverflow,
  Inbox,
  type InboxOwner,
  Message,
  messageTooBig,
  type SendOptions as Options,
  runHandler,
  toBytes,
} from "../protocol/index.js";
import type { Connection } from "./connection.js";
import type { ConnectionHandlers, ConnectionSettings } from "./connection-options.js";

/** How a connection ended. */
export interface Closed {
  /** §7.1.5: of the Close that was received; 1005 if it had none, 1006 without one. */
  readonly code: number;
  readonly reason: string;
}

/** What can be sent. Bytes are copied. */
export type Sendable = string | Bytes;

/** A page chooses no more than this: the browser compresses and cuts messages as it sees fit. */
export type SendOptions = Pick<Options, "type">;

/** A UTF-16 unit takes at most three bytes. */
const MAX_BYTES_PER_UNIT = 3;

/** What `readyState` may be. */
export const OPEN = 1;
const CLOSED = 3;

/** How often a backlog is looked at: a WebSocket does not tell when it has sent what waits. */
const DRAIN_INTERVAL_MS = 16;

/** §7.1.5: of a connection that no Close ended. */
const LOST: Closed = { code: CloseCode.AbnormalClosure, reason: "" };

const utf8 = /* @__PURE__ */ new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Driver<Data> implements InboxOwner {
  readonly inbox: Inbox;
  readonly closed: Promise<Closed>;
  /** What went wrong first. */
  error: Error | undefined = undefined;
  howClosed: Closed | undefined = undefined;
  isFinished = false;
  isPaused = false;
  messagesIn = 0;
  messagesOut = 0;

  readonly #connection: Connection<Data>;
  readonly #socket: WebSocket;
  readonly #settings: ConnectionSettings;
  readonly #listeners = new AbortController();
  #handlers: ConnectionHandlers<Data>;
  #settleClosed!: (closed: Closed) => void;
  #isPulling = false;
  /** Whether nothing is to be delivered any more: we cut the connection, or a handler failed. */
  #isCut = false;
  #closeTimer: ReturnType<typeof setTimeout> | undefined = undefined;
  #drainTimer: ReturnType<typeof setTimeout> | undefined = undefined;
  #waiting: (() => void)[] = [];

  constructor(
    connection: Connection<Data>,
    socket: WebSocket,
    handlers: ConnectionHandlers<Data>,
    settings: ConnectionSettings,
  ) {
    this.#connection = connection;
    this.#socket = socket;
    this.#handlers = handlers;
    this.#settings = settings;
    this.inbox = new Inbox(this, settings.maxQueuedAmount);
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

  get handlers(): ConnectionHandlers<Data> {
    return this.#handlers;
  }

  /** A message handler gets what waited for it, too. */
  set handlers(handlers: ConnectionHandlers<Data>) {
    if (typeof handlers !== "object" || handlers === null) {
      throw new TypeError(`handlers must be an object, not ${String(handlers)}`);
    }
    this.#handlers = handlers;
    this.pull();
  }

  get isOpen(): boolean {
    return this.howClosed === undefined && this.#socket.readyState === OPEN;
  }

  // Events ──────────────────────────────────────────────────────────────────────────────────────

  #receive(data: string | ArrayBuffer): void {
    // A browser delivers nothing any more once it closes; what else has WebSockets may.
    if (!this.isOpen) return;
    const { maxMessageSize, textAsBytes } = this.#settings;
    const length = lengthOf(data, maxMessageSize);
    if (length > maxMessageSize) {
      this.fail(messageTooBig(0, maxMessageSize, length));
      return;
    }
    this.messagesIn++;
    if (typeof data !== "string") this.inbox.push(new Message(new Uint8Array(data), "binary"));
    else this.inbox.push(new Message(textAsBytes ? new TextEncoder().encode(data) : data, "text"));
    this.pull();
    if (!this.inbox.isFull) return;
    const { maxQueuedAmount } = this.#settings;
    this.fail(new RangeError(`more than ${maxQueuedAmount} bytes wait to be received`));
  }

  /** Gives the message handler what waits for it, unless it is to wait longer. */
  pull(): void {
    if (this.#isPulling) return;
    this.#isPulling = true;
    while (!this.isPaused && !this.#isCut && this.#handlers.message !== undefined) {
      const message = this.inbox.shift();
      if (message === undefined) break;
      this.run(() => this.#handlers.message?.(this.#connection, message));
    }
    this.#isPulling = false;
  }

  /** Runs a handler, and looks after what it returns: it may be a promise that rejects. */
  run(handler: () => unknown): void {
    runHandler(handler, (thrown) => {
      this.#isCut = true;
      this.fail(asError(thrown));
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
    this.#socket.close();
    this.#limitClosing();
    this.#report(error);
  }

  onTooBig(error: LimitError): void {
    this.fail(error);
  }

  /** Tells about the first error, once. */
  #report(error: Error): void {
    if (this.error !== undefined) return;
    this.error = error;
    // Whoever throws at being told an error has no one left to tell.
    runHandler(
      () => this.#handlers.error?.(this.#connection, error),
      () => undefined,
    );
  }

  #gone({ code, reason }: Closed): void {
    if (this.howClosed !== undefined) return;
    // §7.1.6: where no Close brought one, the reason is empty, whatever the host has to say.
    const isTold = code !== CloseCode.NoStatusReceived && code !== CloseCode.AbnormalClosure;
    const closed = { code, reason: isTold ? reason : "" };
    this.howClosed = closed;
    clearTimeout(this.#closeTimer);
    this.#listeners.abort();
    if (this.#socket.readyState !== CLOSED) this.#answerClose(closed);
    // Nobody may be left to resume it, and it is still to be told that the connection is closed.
    this.isPaused = false;
    this.pull();
    this.isFinished = true;
    this.inbox.end();
    this.run(() => this.#handlers.close?.(this.#connection, closed.code, closed.reason));
    this.#settleClosed(closed);
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

  send(data: Sendable, options: SendOptions | undefined): boolean {
    const payload = payloadOf(data, options);
    if (!this.isOpen) return false;
    const { maxBufferedAmount, onOverflow, highWaterMark } = this.#settings;
    const waiting = this.#socket.bufferedAmount;
    if (waiting > maxBufferedAmount) {
      const error = bufferOverflow(waiting, maxBufferedAmount);
      if (onOverflow === "throw") throw error;
      if (onOverflow === "close") this.fail(error);
      else this.#watchBacklog();
      return false;
    }
    this.#socket.send(payload);
    this.messagesOut++;
    if (this.#socket.bufferedAmount < highWaterMark) return true;
    this.#watchBacklog();
    return false;
  }

  drained(): Promise<void> {
    if (!this.isOpen || this.#socket.bufferedAmount < this.#settings.highWaterMark) return Promise.resolve();
    this.#watchBacklog();
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** Looks from time to time whether it is worth sending again, or the connection is closed. */
  #watchBacklog(): void {
    this.#drainTimer ??= setTimeout(() => {
      this.#drainTimer = undefined;
      const { bufferedAmount } = this.#socket;
      // Where nothing may wait, to have sent everything is enough.
      if (this.isOpen && bufferedAmount > 0 && bufferedAmount >= this.#settings.highWaterMark) {
        this.#watchBacklog();
        return;
      }
      for (const resolve of this.#waiting.splice(0)) resolve();
      if (this.isOpen) this.run(() => this.#handlers.drain?.(this.#connection));
    }, DRAIN_INTERVAL_MS);
  }

  // Closing ─────────────────────────────────────────────────────────────────────────────────────

  close(code: number, reason: string): void {
    if (code !== CloseCode.NormalClosure && !(code >= 3000 && code <= 4999)) {
      throw new RangeError(`in a browser, the close code must be 1000 or 3000-4999, not ${code}`);
    }
    encodeCloseBody(code, reason);
    this.#socket.close(code, reason);
    this.#limitClosing();
  }

  /** Browsers wait for a minute. */
  #limitClosing(): void {
    const { closeTimeoutMs } = this.#settings;
    if (this.howClosed !== undefined || !(closeTimeoutMs > 0 && closeTimeoutMs < 2 ** 31)) return;
    this.#closeTimer ??= setTimeout(() => this.#gone(LOST), closeTimeoutMs);
  }

  terminate(): void {
    this.#isCut = true;
    this.#socket.close();
    queueMicrotask(() => this.#gone(LOST));
  }

  resume(): void {
    this.isPaused = false;
    this.pull();
  }
}

/** Bytes of a message; of a string that cannot be too long, as few as they may be. */
function lengthOf(data: string | ArrayBuffer, limit: number): number {
  if (typeof data !== "string") return data.byteLength;
  return data.length * MAX_BYTES_PER_UNIT <= limit ? data.length : utf8Length(data);
}

/**
 * What a WebSocket is given to send.
 *
 * @throws {TypeError} for what is no message.
 */
function payloadOf(data: Sendable, options: SendOptions | undefined): string | Uint8Array<ArrayBuffer> {
  const type = options?.type ?? (typeof data === "string" ? "text" : "binary");
  if (type !== "text" && type !== "binary") {
    throw new TypeError(`the type of what is sent must be "text" or "binary", not ${String(type)}`);
  }
  if (options !== undefined && "partial" in options && options.partial === true) {
    throw new TypeError("a browser sends whole messages: partial must not be true");
  }
  if (typeof data === "string") return type === "text" ? data : new TextEncoder().encode(data);
  const bytes = toBytes(data);
  // A WebSocket takes no memory that is shared or may change its size.
  const own = isPlain(bytes) ? bytes : new Uint8Array(bytes);
  if (type === "binary") return own;
  try {
    return utf8.decode(own);
  } catch {
    throw new TypeError("bytes that are sent as text must be valid UTF-8");
  }
}

function isPlain(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
  const { buffer } = bytes;
  return buffer instanceof ArrayBuffer && !(buffer as { readonly resizable?: boolean }).resizable;
}
