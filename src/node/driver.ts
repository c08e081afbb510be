/**
 * Drives an Endpoint over a socket: chunks in, events to handlers or to the inbox, output when a turn ends,
 * closing, and what liveness asks for. The Connection is its face.
 */

import type { Duplex } from "node:stream";
import { CloseCode, InvalidStateError, type LimitError } from "../codec/index.js";
import {
  asError,
  type DeflateParameters,
  Endpoint,
  Inbox,
  type InboxOwner,
  isThenable,
  Message,
  PingTracker,
  runHandler,
} from "../protocol/index.js";
import type { Connection } from "./connection.js";
import type { ConnectionHandlers, ConnectionSettings } from "./connection-options.js";
import { type Deferred, defer } from "./deferred.js";
import { channels } from "./diagnostics.js";
import { type Liveness, type Living, steadyNow } from "./liveness.js";
import { Outbox, type OutboxOwner } from "./outbox.js";
import { type PumpSink, SocketPump } from "./socket-pump.js";
import { beginTurn, endTurn } from "./turn.js";

/** How a connection ended. */
export interface Closed {
  /** §7.1.5: of the Close that was received; 1005 if it had none, 1006 without one. */
  readonly code: number;
  readonly reason: string;
}

/** Shared by all connections of one server, or of one call of `connect`. */
export interface ConnectionContext {
  readonly settings: ConnectionSettings;
  readonly liveness: Liveness;
  /** The socket is gone. */
  readonly onGone?: (connection: Connection<never>) => void;
}

export class Driver<Data> implements PumpSink, OutboxOwner, InboxOwner, Living {
  #handlers: ConnectionHandlers<Data>;
  /** What went wrong first. */
  error: Error | undefined = undefined;
  readonly endpoint: Endpoint;
  readonly outbox: Outbox;
  readonly context: ConnectionContext;
  pump: SocketPump;
  /** Whether the socket is gone. */
  isGone = false;
  /** Whether, after that, everything that arrived was delivered. */
  isFinished = false;
  isPaused = false;

  readonly #connection: Connection<Data>;
  #inbox: Inbox | undefined = undefined;
  #pings: PingTracker | undefined = undefined;
  #closed: Deferred<Closed> | undefined = undefined;
  /** Whether the socket is not read because too much waits for `receive`. */
  #isStalled = false;
  #isPulling = false;
  #isTerminated = false;
  #isStarted = false;
  /** Whether the peer ended its side. */
  #hasEnded = false;
  // For liveness: what was seen last, and when things happened, in milliseconds.
  #bytesSeen = 0;
  #pendingSeen = 0;
  #takenSeen = 0;
  #unsentSeen = 0;
  #messagesSeen = 0;
  #heardAt = steadyNow();
  #messageAt = this.#heardAt;
  #pingedAt = 0;
  #closingAt = 0;

  constructor(
    connection: Connection<Data>,
    socket: Duplex,
    handlers: ConnectionHandlers<Data>,
    context: ConnectionContext,
    perMessageDeflate: DeflateParameters | undefined,
  ) {
    this.#connection = connection;
    this.#handlers = handlers;
    this.context = context;
    const { settings } = context;
    this.endpoint = new Endpoint(
      perMessageDeflate === undefined ? settings : { ...settings, perMessageDeflate },
    );
    this.pump = new SocketPump(socket, this);
    this.outbox = new Outbox(this.endpoint, this.pump, context.settings, this);
  }

  /** Begins to read. */
  start(head: Uint8Array | undefined): void {
    this.#isStarted = true;
    this.context.liveness.add(this);
    if (channels.open.hasSubscribers) channels.open.publish({ connection: this.#connection });
    this.pump.start(head);
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
    if (this.#inbox === undefined || handlers.message === undefined) return;
    beginTurn();
    this.pull();
    endTurn();
  }

  get inbox(): Inbox {
    return (this.#inbox ??= new Inbox(this, this.context.settings.highWaterMark));
  }

  get closed(): Promise<Closed> {
    if (this.#closed === undefined) {
      this.#closed = defer();
      if (this.isFinished) this.#closed.resolve(this.#howClosed);
    }
    return this.#closed.promise;
  }

  get #howClosed(): Closed {
    const { closeCode = CloseCode.AbnormalClosure, closeReason } = this.endpoint;
    return { code: closeCode, reason: closeReason };
  }

  // What the socket says ────────────────────────────────────────────────────────────────────────

  receive(chunk: Uint8Array): void {
    this.endpoint.receiveData(chunk);
    this.pull();
    // The chunk may lie where the next read goes to.
    this.endpoint.retain();
  }

  drained(): void {
    this.outbox.pumpDrained();
  }

  ended(): void {
    this.#hasEnded = true;
    this.pull();
  }

  gone(error: Error | undefined): void {
    this.isGone = this.#hasEnded = true;
    if (error !== undefined) this.#note(error);
    // Nobody may be left to resume it, and it is still to be told that the connection is closed.
    this.isPaused = false;
    this.context.liveness.delete(this);
    this.outbox.close();
    this.context.onGone?.(this.#connection as Connection<never>);
    this.#pings?.end(new InvalidStateError("the connection closed before the Pong came"));
    this.pull();
  }

  // Events ──────────────────────────────────────────────────────────────────────────────────────

  /** Delivers what arrived, unless it is to wait. Safe to call at any time. */
  pull(): void {
    if (this.#isPulling) return;
    this.#isPulling = true;
    const { endpoint } = this;
    for (let event: Message | null; (event = this.#next()) !== null; ) this.#deliver(event);
    this.#isPulling = false;
    if (endpoint.hasPong) this.outbox.queued();
    if (!this.#isTerminated && (this.isPaused || this.#isStalled)) return;
    if (endpoint.error !== undefined) this.#report(endpoint.error);
    if (this.#hasEnded) this.#end();
    else if (endpoint.state !== "open") this.outbox.queued();
  }

  /** What is to be delivered now, if anything is; once we cut the connection, nothing is. */
  #next(): Message | null {
    if (this.isPaused || this.#isTerminated) return null;
    if (this.#inbox !== undefined) {
      // What waited for `receive` comes first, if there is a message handler by now.
      const waited = this.#handlers.message === undefined ? undefined : this.#inbox.shift();
      if (waited !== undefined) return waited;
      if (this.#mustStall()) return null;
    }
    const message = this.endpoint.nextEvent();
    if (channels.message.hasSubscribers && (message?.type === "text" || message?.type === "binary")) {
      channels.message.publish({ connection: this.#connection, message });
    }
    return message;
  }

  /** Whether too much waits for `receive`; then, and only then, the socket is not read. */
  #mustStall(): boolean {
    const isFull = this.#inbox?.isFull === true && !this.endpoint.closeSent && !this.isGone;
    if (isFull === this.#isStalled) return isFull;
    this.#isStalled = isFull;
    if (isFull) this.pump.pause();
    else if (!this.isPaused) this.pump.resume();
    return isFull;
  }

  /** Once we sent a Close, what has no room is dropped, so that the peer's is reached. */
  #keep(event: Message): void {
    if (this.inbox.isFull && this.endpoint.closeSent) return;
    const { data, type, partial } = event;
    // What is lent is gone by the time that somebody asks for it.
    const isLent = this.context.settings.borrow === true && typeof data !== "string";
    this.inbox.push(isLent ? new Message(new Uint8Array(data), type, partial) : event);
  }

  #deliver(event: Message): void {
    const handlers = this.#handlers;
    const connection = this.#connection;
    const { type } = event;
    try {
      if (type === "text" || type === "binary") {
        if (handlers.message === undefined) this.#keep(event);
        else this.#watch(handlers.message(connection, event));
        return;
      }
      const { autoPong, autoClose } = this.context.settings;
      if (type === "close") {
        if (!autoClose) this.#surface(event);
        return;
      }
      const payload = event.data as Uint8Array;
      if (type === "pong") this.#pings?.receivePong(payload, performance.now());
      const handler = type === "ping" ? handlers.ping : handlers.pong;
      if (handler !== undefined) this.#watch(handler.call(handlers, connection, payload));
      else if (autoPong === false) this.#surface(event);
    } catch (error) {
      this.#handlerFailed(error);
    }
  }

  /** Delivers a control frame that the user is to answer, as messages are delivered. */
  #surface(event: Message): void {
    const { message } = this.#handlers;
    if (message === undefined) this.#keep(event);
    else this.#watch(message.call(this.#handlers, this.#connection, event));
  }

  /** Looks after what a handler returned: it may be a promise that rejects. */
  #watch(returned: unknown): void {
    if (returned === undefined || !isThenable(returned)) return;
    returned.then(undefined, (error: unknown) => this.#handlerFailed(error));
  }

  /** Runs a handler that is not about an event of the endpoint. */
  run(handler: () => unknown): void {
    runHandler(handler, (thrown) => this.#handlerFailed(thrown));
  }

  /** §7.4.1: 1011, "a server is terminating the connection because it encountered an unexpected condition". */
  #handlerFailed(thrown: unknown): void {
    this.fail(asError(thrown), CloseCode.InternalError, "");
  }

  /** Fails the connection for a reason of ours. */
  fail(error: Error, code: number, reason: string): void {
    this.endpoint.fail(code, reason);
    this.#report(error);
    if (this.isPaused) this.resume();
    this.outbox.queued();
  }

  #note(error: Error): boolean {
    if (this.error !== undefined) return false;
    this.error = error;
    if (channels.error.hasSubscribers) channels.error.publish({ connection: this.#connection, error });
    return true;
  }

  /** Tells about the first error, once. */
  #report(error: Error): void {
    if (!this.#note(error)) return;
    // Whoever throws at being told an error has no one left to tell.
    runHandler(
      () => this.handlers.error?.(this.#connection, error),
      () => undefined,
    );
  }

  /** The peer's side has ended, and everything that came was delivered. */
  #end(): void {
    this.endpoint.receiveEof(this.#isTerminated);
    if (!this.isGone) {
      this.outbox.queued();
      return;
    }
    if (this.isFinished) return;
    this.isFinished = true;
    this.#inbox?.end();
    const { code, reason } = this.#howClosed;
    if (channels.close.hasSubscribers) {
      channels.close.publish({ connection: this.#connection, code, reason });
    }
    this.run(() => this.handlers.close?.(this.#connection, code, reason));
    this.#closed?.resolve({ code, reason });
  }

  // What the Connection asks for ────────────────────────────────────────────────────────────────

  ping(payload: Uint8Array | undefined): Promise<number> {
    this.#pings ??= new PingTracker();
    const bytes = payload ?? this.#pings.nextPayload();
    if (!this.outbox.mayQueue()) return this.#pings.refuse();
    this.endpoint.ping(bytes);
    this.outbox.queued();
    // The caller may change its bytes before the Pong comes.
    return this.#pings.wait(new Uint8Array(bytes), performance.now());
  }

  close(code: number | undefined, reason: string): void {
    this.endpoint.close(code, reason);
    if (this.isGone) return;
    // Nobody may be left to read what arrives, the peer's Close too.
    if (this.isPaused) this.resume();
    else this.pull();
    this.outbox.queued();
  }

  terminate(): void {
    this.#isTerminated = true;
    this.isPaused = false;
    this.pump.destroy();
    this.pull();
  }

  pause(): void {
    // One that closes is read, or nobody would see it closed.
    if (this.isGone || this.endpoint.state !== "open") return;
    this.isPaused = true;
    this.pump.pause();
  }

  resume(): void {
    if (!this.isPaused) return;
    this.isPaused = false;
    if (!this.#isStalled && !this.isGone) this.pump.resume();
    this.pull();
  }

  move(transport: Duplex): void {
    if (transport === this.pump.socket) return;
    if (this.isGone || this.#isTerminated) {
      throw new InvalidStateError("a connection that is closed cannot go on over another transport");
    }
    const pump = new SocketPump(transport, this);
    this.pump.release();
    this.pump = pump;
    if (this.isPaused || this.#isStalled) this.pump.pause();
    this.outbox.move(this.pump);
    // In the open handler, `start` is still to come.
    if (this.#isStarted) this.pump.start();
  }

  // What others report ──────────────────────────────────────────────────────────────────────────

  onDrain(): void {
    if (this.endpoint.state === "open") this.run(() => this.handlers.drain?.(this.#connection));
  }

  onOverflow(waiting: number): void {
    const error = new RangeError(`the peer reads too slowly: ${waiting} bytes wait for it`);
    this.fail(error, CloseCode.TryAgainLater, "too much waits to be read");
  }

  onTooBig(error: LimitError): void {
    this.fail(error, CloseCode.MessageTooBig, error.message);
  }

  checkLiveness(now: number): void {
    const { endpoint } = this;
    const { pingIntervalMs, pingTimeoutMs, idleTimeoutMs, closeTimeoutMs } = this.context.liveness;
    if (endpoint.state !== "open" || endpoint.wantsEnd) {
      if (this.#closingAt === 0) this.#closingAt = now;
      if (closeTimeoutMs > 0 && now - this.#closingAt >= closeTimeoutMs) this.pump.destroy();
      return;
    }
    if (this.#isHeard() || this.isPaused || this.#isStalled) {
      this.#heardAt = now;
      this.#pingedAt = 0;
    } else if (this.#pingedAt > 0) {
      if (pingTimeoutMs > 0 && now - this.#pingedAt >= pingTimeoutMs) this.#giveUp(now - this.#heardAt);
    } else if (pingIntervalMs > 0 && now - this.#heardAt >= pingIntervalMs) {
      this.#pingedAt = now;
      endpoint.ping();
      this.outbox.flush();
    }
    const messages = endpoint.messagesIn + endpoint.messagesOut;
    if (messages !== this.#messagesSeen) this.#messageAt = now;
    this.#messagesSeen = messages;
    if (idleTimeoutMs > 0 && now - this.#messageAt >= idleTimeoutMs) {
      this.close(CloseCode.GoingAway, "idle");
    }
  }

  /**
   * Whether the peer has shown since the last look that it is there: by what it sent, or by taking what waited for
   * it. While we do not read, it cannot show the former.
   */
  #isHeard(): boolean {
    const { bytesIn, bytesOut } = this.endpoint;
    const { pendingLength: pending, unsentLength: unsent } = this.pump;
    const taken = bytesOut - pending;
    const isTaking = this.#pendingSeen > 0 && (taken > this.#takenSeen || unsent < this.#unsentSeen);
    const isHeard = bytesIn !== this.#bytesSeen || isTaking;
    this.#bytesSeen = bytesIn;
    this.#pendingSeen = pending;
    this.#takenSeen = taken;
    this.#unsentSeen = unsent;
    return isHeard;
  }

  #giveUp(silentMs: number): void {
    this.#report(new Error(`the peer has been silent for ${silentMs} ms and answers no Ping`));
    this.pump.destroy();
  }
}
