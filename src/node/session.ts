/**
 * One connection at work: drives an Endpoint over a transport. Chunks go in; events go to handlers or to the inbox;
 * frames leave when a turn ends. The Connection is its face.
 *
 *        new ── start ──▶ running ── the peer ends its side ──▶ ended
 *         └──────────────────┴──────────┬────────────────────────┘
 *                                       ├── terminate ──▶ cut ── the socket is gone ──────────────────┐
 *                                       └── the socket is gone ──▶ gone ── all events delivered ──▶ finished
 */

import type { Duplex } from "node:stream";
import { CloseCode, InvalidStateError, type LimitError } from "../codec/index.js";
import {
  type AnyMessage,
  asError,
  type Bytes,
  type DataMessage,
  type DeflateParameters,
  Endpoint,
  Inbox,
  type InboxOwner,
  isThenable,
  Message,
  PingTracker,
  runHandler,
} from "../protocol/index.js";
import { exactNow, onNextTurn, steadyNow } from "./clock.js";
import type { ConnectionSettings, Handlers } from "./connection-options.js";
import { type Deferred, defer } from "./deferred.js";
import { channels } from "./diagnostics.js";
import { type ErrorKind, Faults } from "./faults.js";
import type { Liveness, Living } from "./liveness.js";
import { PeerWatch } from "./peer-watch.js";
import { FULL_READ, Hold, Transport, type TransportOwner } from "./transport.js";
import { beginTurn, endTurn } from "./turn.js";
import { Writer, type WriterOwner } from "./writer.js";

/** How a connection ended. */
export interface Closed {
  /** §7.1.5: of the Close that was received; 1005 if it had none, 1006 without one. */
  readonly code: number;
  readonly reason: string;
}

/** Shared by all connections of one server, or of one call of `connect`. */
export interface SessionContext {
  readonly settings: ConnectionSettings;
  readonly liveness: Liveness;
  /** The socket is gone. */
  readonly onGone?: (connection: never) => void;
}

type Phase = "new" | "running" | "ended" | "cut" | "gone" | "finished";

/** Messages that are delivered between two looks at the clock. */
const MESSAGES_PER_LOOK = 32;

/**
 * Bytes of the longest read of a connection whose messages wait for `receive`: what is read while they may not be
 * delivered is held, on each such connection.
 */
const WAITING_READ = 0x10000;

export class Session<Face> implements TransportOwner, WriterOwner, InboxOwner, Living {
  readonly endpoint: Endpoint;
  readonly writer: Writer;
  readonly context: SessionContext;
  transport: Transport;
  phase: Phase = "new";
  readonly faults: Faults<Face>;

  readonly #connection: Face;
  readonly #watch: PeerWatch;
  #handlers: Handlers<Face>;
  #isDelivering = false;
  /** Messages delivered in this turn, and when the turn began. */
  #delivered = 0;
  #turnBegan = 0;
  #inbox: Inbox | undefined = undefined;
  #pings: PingTracker | undefined = undefined;
  #closed: Deferred<Closed> | undefined = undefined;

  constructor(
    connection: Face,
    socket: Duplex,
    handlers: Handlers<Face>,
    context: SessionContext,
    perMessageDeflate: DeflateParameters | undefined,
  ) {
    const { settings } = context;
    this.#connection = connection;
    this.faults = new Faults(connection);
    this.#handlers = handlers;
    this.context = context;
    this.endpoint = new Endpoint(
      perMessageDeflate === undefined ? settings : { ...settings, perMessageDeflate },
    );
    this.endpoint.lends = this.#mustLend;
    this.transport = new Transport(socket, this);
    this.writer = new Writer(this.endpoint, this.transport, settings, this);
    this.#watch = new PeerWatch(steadyNow());
  }

  /** Begins to read. */
  start(head: Uint8Array | undefined): void {
    if (this.phase === "new") this.phase = "running";
    this.context.liveness.add(this);
    if (channels.open.hasSubscribers) channels.open.publish({ connection: this.#connection });
    this.transport.start(head, this.#mostRead);
  }

  get #mostRead(): number {
    return this.#handlers.message === undefined ? WAITING_READ : FULL_READ;
  }

  get handlers(): Handlers<Face> {
    return this.#handlers;
  }

  /** The new handlers get what waited: messages, an error that no handler heard of, and the closing. */
  set handlers(handlers: Handlers<Face>) {
    if (typeof handlers !== "object" || handlers === null) {
      throw new TypeError(`handlers must be an object, not ${String(handlers)}`);
    }
    const before = this.#handlers;
    this.#handlers = handlers;
    this.endpoint.lends = this.#mustLend;
    beginTurn();
    if (this.#inbox !== undefined && handlers.message !== undefined) this.deliver();
    if (this.phase !== "finished") {
      this.writer.schedule();
    } else if (before.close === undefined) {
      const { code, reason } = this.#howClosed;
      this.faults.tell(handlers);
      this.faults.tellClose(handlers, code, reason);
    }
    endTurn();
  }

  /** Messages for the inbox are copied as they are kept: one by one, so that small ones hold no more than they need. */
  get #mustLend(): boolean {
    return this.context.settings.borrow === true || this.#handlers.message === undefined;
  }

  get inbox(): Inbox {
    return (this.#inbox ??= new Inbox(this, this.context.settings.highWaterMark));
  }

  get closed(): Promise<Closed> {
    if (this.#closed === undefined) {
      this.#closed = defer();
      if (this.phase === "finished") this.#closed.resolve(this.#howClosed);
    }
    return this.#closed.promise;
  }

  get #howClosed(): Closed {
    const { closeCode = CloseCode.AbnormalClosure, closeReason } = this.endpoint;
    return { code: closeCode, reason: closeReason };
  }

  /** Whether the socket is gone. */
  get isGone(): boolean {
    return this.phase === "gone" || this.phase === "finished";
  }

  get isFinished(): boolean {
    return this.phase === "finished";
  }

  get isPaused(): boolean {
    return (this.transport.holds & Hold.User) !== 0;
  }

  // Events of the transport ─────────────────────────────────────────────────────────────────────

  receive(chunk: Uint8Array): void {
    this.endpoint.receiveData(chunk);
    this.#delivered = 0;
    this.endpoint.inflateBudget = this.context.settings.maxTurnSize;
    this.deliver();
    // The chunk may lie where the next read goes to.
    this.endpoint.retain();
    // The socket may have as much again, and would be read up to 32 times before any other.
    if (chunk.length >= this.context.settings.maxTurnSize || chunk.length >= FULL_READ) this.#endTurn();
  }

  drained(): void {
    this.writer.transportDrained();
    this.deliver();
  }

  ended(): void {
    if (this.phase === "new" || this.phase === "running") this.phase = "ended";
    this.deliver();
  }

  gone(error: Error | undefined): void {
    const wasCut = this.phase === "cut";
    this.phase = "gone";
    if (error !== undefined && !wasCut) this.#note(error, "loss");
    // Nothing can resume the connection any more, and its closing is still to be told.
    this.transport.holds = 0;
    this.context.liveness.delete(this);
    this.writer.close();
    this.context.onGone?.(this.#connection as never);
    this.#pings?.end(new InvalidStateError("the connection closed before the Pong came"));
    if (wasCut) this.#finish(true);
    else this.deliver();
    this.writer.schedule();
  }

  // Delivery ────────────────────────────────────────────────────────────────────────────────────

  /** Delivers the events that arrived, as far as nothing holds them. Safe to call at any time; never throws. */
  deliver(): void {
    if (this.#isDelivering) return;
    this.#isDelivering = true;
    try {
      while (this.transport.holds === 0 && this.phase !== "cut") {
        if (this.#inbox !== undefined && this.#mustWait(this.#inbox)) break;
        const message = this.endpoint.nextEvent() as AnyMessage | null;
        if (message === null) break;
        this.#handle(message);
        if (++this.#delivered % MESSAGES_PER_LOOK === 0) this.#lookAtClock();
      }
    } catch (thrown) {
      // Memory that ran out, or a chunk whose memory the user transferred away.
      this.#handlerFailed(thrown);
    } finally {
      this.#isDelivering = false;
    }
    if (this.phase !== "finished") this.#afterDelivery();
  }

  /** Hands over a message that waited for `receive`, or stops reading while too many wait. */
  #mustWait(inbox: Inbox): boolean {
    while (this.#handlers.message !== undefined) {
      const waited = inbox.shift();
      if (waited === undefined) break;
      this.#callMessage(waited as DataMessage);
      if (this.transport.holds !== 0) return true;
    }
    if (!inbox.isFull || this.endpoint.closeSent || this.isGone) return false;
    this.transport.hold(Hold.Inbox);
    return true;
  }

  #handle(message: AnyMessage): void {
    const { type } = message;
    if (type === "text" || type === "binary") {
      if (channels.message.hasSubscribers) {
        channels.message.publish({ connection: this.#connection, message });
      }
      // Messages behind a close of ours are not delivered.
      if (this.#isClosingByUs) return;
      if (this.#handlers.message === undefined) this.#keep(message);
      else this.#callMessage(message);
    } else {
      this.#handleControl(message);
    }
  }

  get #isClosingByUs(): boolean {
    const { phase } = this.endpoint;
    return phase === "close-sent" && !this.context.settings.deliverWhileClosing;
  }

  #callMessage(message: DataMessage): void {
    try {
      const returned = this.#handlers.message?.(this.#connection, message);
      if (returned !== undefined) this.#watchPromise(returned);
    } catch (thrown) {
      this.#handlerFailed(thrown);
    }
  }

  #handleControl(event: AnyMessage): void {
    const { autoPong, autoClose } = this.context.settings;
    const { type } = event;
    if (type === "close") {
      if (autoClose === false) this.#surface(event);
      return;
    }
    if (type !== "ping" && type !== "pong") return;
    if (type === "pong") this.#pings?.receivePong(event.data, exactNow());
    const handlers = this.#handlers;
    const handler = type === "ping" ? handlers.ping : handlers.pong;
    const payload = () => (this.endpoint.lends ? new Uint8Array(event.data) : event.data);
    if (handler !== undefined) this.run(() => handler.call(handlers, this.#connection, payload()));
    else if (autoPong === false) this.#surface(event);
  }

  /** Delivers a control frame that the user is to answer, as messages are delivered. */
  #surface(event: Message): void {
    if (this.#handlers.message === undefined) this.#keep(event);
    else this.#callMessage(event as DataMessage);
  }

  /** Once a Close was sent, messages that have no room are dropped, so that the peer's Close is reached. */
  #keep(event: Message): void {
    if (this.inbox.isFull && this.endpoint.closeSent) return;
    const { type, partial, code } = event;
    const data: string | Uint8Array = event.data;
    // The inbox copies a LentMessage itself. Other bytes are borrowed if the option is set, and in control frames.
    const isBorrowed = this.context.settings.borrow === true || type === "ping" || type === "pong";
    const mustCopy = typeof data !== "string" && isBorrowed;
    this.inbox.push(mustCopy ? new Message(new Uint8Array(data), type, partial, code) : event);
  }

  #lookAtClock(): void {
    const now = exactNow();
    if (this.#delivered === MESSAGES_PER_LOOK) this.#turnBegan = now;
    else if (now - this.#turnBegan >= this.context.settings.maxTurnMs) this.#endTurn();
  }

  /** Lets others have their turn: this socket is read again, and its events are delivered, in the next one. */
  #endTurn(): void {
    const { transport } = this;
    if (this.phase !== "running" && this.phase !== "ended") return;
    if ((transport.holds & Hold.Turn) !== 0) return;
    transport.hold(Hold.Turn);
    onNextTurn(() => {
      beginTurn();
      this.#delivered = 0;
      this.endpoint.inflateBudget = this.context.settings.maxTurnSize;
      this.transport.release(Hold.Turn);
      this.deliver();
      endTurn();
    });
  }

  #afterDelivery(): void {
    const { endpoint } = this;
    const isDone = this.phase === "cut" || this.isGone;
    if (endpoint.hasOutput) this.writer.schedule();
    if (!isDone && this.transport.holds !== 0) return;
    if (endpoint.inflateBudget <= 0 && endpoint.hasUnread && this.phase !== "cut") {
      if (this.isGone) this.#goOn();
      else this.#endTurn();
      return;
    }
    if (endpoint.error !== undefined) this.#note(endpoint.error, "fault");
    if (this.phase === "gone") this.#finish(false);
    else if (this.phase === "ended") this.endpoint.receiveEof();
    if (endpoint.phase !== "open") this.writer.schedule();
  }

  /** The socket is gone, and messages of it are still to be inflated. */
  #goOn(): void {
    onNextTurn(() => {
      this.endpoint.inflateBudget = this.context.settings.maxTurnSize;
      this.deliver();
    });
  }

  // Handlers and errors ─────────────────────────────────────────────────────────────────────────

  /** Looks after the promise that a handler returned: it may reject. */
  #watchPromise(returned: unknown): void {
    if (!isThenable(returned)) return;
    returned.then(undefined, (thrown: unknown) => this.#handlerFailed(thrown));
  }

  /** Runs a handler that is not about a message. */
  run(handler: () => unknown): void {
    runHandler(handler, (thrown) => this.#handlerFailed(thrown));
  }

  /** §7.4.1: 1011, "a server is terminating the connection because it encountered an unexpected condition". */
  #handlerFailed(thrown: unknown): void {
    if (this.faults.note(asError(thrown), "bug")) this.#failWith(CloseCode.InternalError, "");
    else this.faults.report(thrown);
  }

  /** Fails the connection for a reason of ours. */
  fail(error: Error, code: number, reason: string): void {
    this.#note(error, "fault");
    this.#failWith(code, reason);
  }

  #failWith(code: number, reason: string): void {
    this.endpoint.fail(code, reason);
    this.transport.release(Hold.User);
    this.transport.release(Hold.Inbox);
    this.writer.schedule();
  }

  #note(error: Error, kind: ErrorKind): void {
    if (this.faults.note(error, kind)) this.writer.schedule();
  }

  /** The end of a turn: writes what was queued, and tells the error that occurred. */
  flush(): void {
    this.writer.flush();
    if (this.faults.error !== undefined && this.phase !== "finished") this.faults.tell(this.#handlers);
  }

  /** The socket is gone, and every event was delivered. */
  #finish(discard: boolean): void {
    this.endpoint.receiveEof(discard);
    if (this.phase === "finished") return;
    this.phase = "finished";
    this.#inbox?.end();
    const { code, reason } = this.#howClosed;
    this.faults.tell(this.#handlers);
    if (channels.close.hasSubscribers) {
      channels.close.publish({ connection: this.#connection, code, reason });
    }
    this.faults.tellClose(this.#handlers, code, reason);
    this.#closed?.resolve({ code, reason });
  }

  // Calls of the Connection ─────────────────────────────────────────────────────────────────────

  ping(payload: string | Bytes | undefined): Promise<number> {
    this.#pings ??= new PingTracker();
    if (!this.#pings.hasRoom || !this.writer.mayQueue()) return this.#pings.refuse();
    const bytes = this.#pings.copyOf(payload);
    this.endpoint.ping(bytes);
    this.writer.queued();
    return this.#pings.wait(bytes, exactNow());
  }

  close(code: number | undefined, reason: string): void {
    this.endpoint.close(code, reason);
    if (this.isGone) return;
    // A connection that closes is read, so that the peer's Close is seen.
    this.transport.release(Hold.User);
    this.transport.release(Hold.Inbox);
    this.deliver();
    this.writer.schedule();
  }

  terminate(): void {
    if (this.isGone || this.phase === "cut") return;
    this.phase = "cut";
    this.transport.holds = 0;
    this.transport.destroy();
  }

  pause(): void {
    // A connection that closes is read, so that the peer's Close is seen.
    if (this.isGone || this.endpoint.phase !== "open") return;
    this.transport.hold(Hold.User);
  }

  resume(): void {
    if (!this.isPaused) return;
    this.transport.release(Hold.User);
    this.deliver();
  }

  move(socket: Duplex): void {
    if (socket === this.transport.socket) return;
    if (this.isGone || this.phase === "cut") {
      throw new InvalidStateError("a connection that is closed cannot go on over another transport");
    }
    const transport = new Transport(socket, this);
    transport.holds = this.transport.holds & ~Hold.Output;
    this.transport.detach();
    this.transport = transport;
    this.writer.move(transport);
    // In the open handler, `start` is still to come.
    if (this.phase !== "new") transport.start(undefined, this.#mostRead);
  }

  // Reports of the other parts ──────────────────────────────────────────────────────────────────

  /** The inbox has room again. */
  pull(): void {
    this.transport.release(Hold.Inbox);
    this.deliver();
  }

  onDrain(): void {
    const handlers = this.#handlers;
    if (handlers.drain !== undefined && this.endpoint.phase === "open") {
      this.run(() => handlers.drain?.(this.#connection));
    }
  }

  onOverflow(waiting: number): void {
    const { maxBufferedAmount } = this.context.settings;
    const error = new RangeError(
      `the peer reads too slowly: ${waiting} bytes wait for it, and maxBufferedAmount is ${maxBufferedAmount}`,
    );
    this.fail(error, CloseCode.TryAgainLater, "too much waits to be read");
  }

  onUnreadable(thrown: unknown): void {
    this.#handlerFailed(thrown);
  }

  onTooBig(error: LimitError): void {
    this.fail(error, CloseCode.MessageTooBig, error.message);
  }

  checkLiveness(now: number): void {
    const { endpoint, transport } = this;
    const verdict = this.#watch.look(
      now,
      {
        isClosing: endpoint.phase !== "open",
        bytesIn: endpoint.bytesIn,
        bytesOut: endpoint.bytesOut,
        pendingLength: transport.pendingLength,
        unsentLength: transport.unsentLength,
        isRead: (transport.holds & ~Hold.Turn) === 0,
        messages: endpoint.messagesIn + endpoint.messagesOut,
      },
      this.context.liveness,
    );
    if (verdict === undefined) return;
    if (verdict === "ping") {
      endpoint.ping();
      this.writer.flush();
    } else if (verdict === "idle") {
      this.close(CloseCode.GoingAway, "idle");
    } else {
      if (verdict === "silent") {
        const silentMs = now - this.#watch.heardAt;
        this.#note(new Error(`the peer has been silent for ${silentMs} ms and answers no Ping`), "fault");
      }
      transport.destroy();
    }
  }
}
