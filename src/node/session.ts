/**
 * One connection at work: drives an Endpoint over a transport. Chunks go in; events go to handlers or to the inbox;
 * frames leave when a turn ends. The Connection is its face. `session-phase.ts` draws its phases; `#step` alone
 * changes them.
 */

import type { Duplex } from "node:stream";
import { CloseCode, InvalidStateError, type LimitError } from "../codec/index.js";
import {
  type AnyMessage,
  asError,
  type Bytes,
  type DeflateParameters,
  Endpoint,
  isInvalidMessage,
} from "../protocol/index.js";
import { exactNow, onNextTurn, steadyNow } from "./clock.js";
import { type Handlers, hasHandler, type SessionContext } from "./connection-options.js";
import type { Closed } from "./connection-types.js";
import { type Deferred, defer } from "./deferred.js";
import { channels } from "./diagnostics.js";
import { Dispatcher, type DispatcherOwner } from "./dispatcher.js";
import { type ErrorKind, Faults } from "./faults.js";
import { seeReceived, seeSent } from "./frame-watch.js";
import type { Living } from "./liveness.js";
import { factsOf, PeerWatch } from "./peer-watch.js";
import { SESSION_STEPS, type SessionPhase, type SessionStep } from "./session-phase.js";
import { FULL_READ, Hold, Transport, type TransportOwner } from "./transport.js";
import { beginTurn, endTurn } from "./turn.js";
import { MESSAGES_PER_LOOK, TurnAllowance } from "./turn-allowance.js";
import { Writer, type WriterOwner } from "./writer.js";

/**
 * Bytes of the longest read of a connection whose messages wait for `receive`: bytes that are read while
 * they may not be delivered are held, on each such connection.
 */
const WAITING_READ = 0xc000;

export class Session<Face> implements TransportOwner, WriterOwner, DispatcherOwner, Living {
  readonly endpoint: Endpoint;
  readonly writer: Writer;
  readonly context: SessionContext;
  transport: Transport;
  phase: SessionPhase = "new";
  readonly faults: Faults<Face>;
  readonly dispatcher: Dispatcher<Face>;

  readonly #connection: Face;
  readonly #watch: PeerWatch;
  #isDelivering = false;
  readonly #allowance: TurnAllowance;
  /** Messages delivered in this turn. */
  #delivered = 0;
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
    this.context = context;
    this.#allowance = new TurnAllowance(context);
    this.endpoint = new Endpoint(
      perMessageDeflate === undefined ? settings : { ...settings, perMessageDeflate },
    );
    this.dispatcher = new Dispatcher(connection, this, handlers, settings);
    this.transport = new Transport(socket, this);
    this.#keepAddress();
    this.writer = new Writer(this.endpoint, this.transport, settings, this);
    this.#watch = new PeerWatch(steadyNow());
  }

  #step(step: SessionStep): void {
    const next = SESSION_STEPS[this.phase][step];
    if (next === undefined) throw new InvalidStateError(`there is no ${step} in the phase ${this.phase}`);
    this.phase = next;
  }

  /** Begins to read. */
  start(head: Uint8Array | undefined): void {
    // The open handler may have cut the connection.
    if (this.phase === "new") this.#step("start");
    this.context.liveness.add(this);
    if (channels.open.hasSubscribers) channels.open.publish({ connection: this.#connection });
    this.transport.start(head, this.#mostRead);
  }

  get #mostRead(): number {
    return hasHandler(this.handlers, "message") ? FULL_READ : WAITING_READ;
  }

  /** Code that runs when the socket is gone may ask for the peer's address. */
  #keepAddress(): void {
    const { handlers } = this;
    const runsLater = hasHandler(handlers, "close") || hasHandler(handlers, "error");
    // Code that waits for messages goes on when the connection is closed.
    const waits = !hasHandler(handlers, "message");
    if (runsLater || waits || channels.close.hasSubscribers) this.transport.keepAddress();
  }

  get handlers(): Handlers<Face> {
    return this.dispatcher.handlers;
  }

  /** The new handlers get everything that waits: messages, an error that no handler has seen, and the closing. */
  set handlers(handlers: Handlers<Face>) {
    this.dispatcher.handlers = handlers;
    beginTurn();
    this.#keepAddress();
    if (this.isFinished) {
      while (this.dispatcher.handleWaiting()) {}
      this.#tellEnd();
    } else {
      if (this.dispatcher.hasInbox && hasHandler(handlers, "message")) this.pull();
      this.writer.schedule();
    }
    endTurn();
  }

  get closed(): Promise<Closed> {
    if (this.#closed === undefined) {
      this.transport.keepAddress();
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
    if (this.#allowance.isFresh) this.#beginTurn();
    const endsTurn = this.#allowance.take(chunk.length);
    try {
      if (channels.frame.hasSubscribers) seeReceived(this.#connection, this.endpoint, chunk);
      this.endpoint.receiveData(chunk);
      this.deliver();
      // The chunk may lie where the next read goes to.
      this.endpoint.retain();
    } catch (thrown) {
      this.handlerFailed(thrown);
    }
    if (endsTurn) this.#endTurn();
  }

  drained(): void {
    this.writer.transportDrained();
    this.deliver();
  }

  ended(): void {
    if (this.phase === "running") this.#step("end");
    this.deliver();
  }

  gone(error: Error | undefined): void {
    const wasCut = this.phase === "cut";
    this.#step("lose");
    if (error !== undefined && !wasCut) this.#note(error, "loss");
    // Nothing can resume the connection any more, and its closing is not yet reported.
    if (!wasCut) this.transport.holds = 0;
    this.context.liveness.delete(this);
    this.writer.close();
    this.context.onGone?.(this.#connection as never);
    this.dispatcher.endPings(new InvalidStateError("the connection closed before the Pong came"));
    this.deliver();
    this.writer.schedule();
  }

  // Delivery ────────────────────────────────────────────────────────────────────────────────────

  /** Delivers the events that arrived, as far as nothing holds them. Safe to call at any time; never throws. */
  deliver(): void {
    if (this.#isDelivering || this.phase === "finished") return;
    this.#isDelivering = true;
    try {
      const { dispatcher, endpoint } = this;
      dispatcher.look();
      while (this.transport.holds === 0) {
        if (dispatcher.hasInbox && this.#mustWait()) break;
        const message = endpoint.nextEvent();
        if (message === null) break;
        dispatcher.handle(message as AnyMessage);
        if (++this.#delivered % MESSAGES_PER_LOOK === 0 && this.#allowance.isOver(this.#delivered)) {
          this.#endTurn();
        }
      }
    } catch (thrown) {
      // Memory that ran out, or a chunk whose memory the user transferred away.
      this.handlerFailed(thrown);
    } finally {
      this.#isDelivering = false;
    }
    if (!this.isFinished) this.#afterDelivery();
  }

  /** Hands over the messages that waited for `receive`, or stops reading while too many wait. */
  #mustWait(): boolean {
    while (this.dispatcher.handleWaiting()) if (this.transport.holds !== 0) return true;
    if (!this.dispatcher.inbox.isFull || this.endpoint.closeSent || this.isGone) return false;
    this.transport.hold(Hold.Inbox);
    return true;
  }

  #beginTurn(): void {
    this.#delivered = 0;
    this.#allowance.begin();
    this.endpoint.inflateBudget = this.context.settings.maxTurnSize;
  }

  /** Lets others have their turn: this socket is read again, and its events are delivered, in the next one. */
  #endTurn(): void {
    const { transport } = this;
    if (this.phase !== "running" && this.phase !== "ended") return;
    if ((transport.holds & Hold.Turn) !== 0) return;
    transport.hold(Hold.Turn);
    onNextTurn(() => {
      beginTurn();
      this.#beginTurn();
      this.transport.release(Hold.Turn);
      this.deliver();
      endTurn();
    });
  }

  #afterDelivery(): void {
    const { endpoint } = this;
    if (endpoint.hasOutput) this.writer.schedule();
    const phase: SessionPhase = this.phase;
    if (this.transport.holds !== 0 && phase !== "gone" && phase !== "finished") return;
    if (endpoint.inflateBudget <= 0 && endpoint.hasUnread && !this.transport.isCut) {
      if (!this.isGone) this.#endTurn();
      else {
        onNextTurn(() => {
          this.#beginTurn();
          this.deliver();
        });
      }
      return;
    }
    if (endpoint.error !== undefined) {
      this.#note(endpoint.error, "fault");
      this.dispatcher.endStreams(this.faults.error);
    }
    if (phase === "gone") this.#finish();
    else if (phase === "ended") this.endpoint.receiveEof();
    if (endpoint.phase !== "open") this.writer.schedule();
  }

  // Handlers and errors ─────────────────────────────────────────────────────────────────────────

  /** §7.4.1: 1011, "a server is terminating the connection because it encountered an unexpected condition". */
  handlerFailed(thrown: unknown): void {
    if (isInvalidMessage(thrown)) {
      // The peer's fault, which is not to be printed.
      if (!this.isFinished) this.fail(thrown, thrown.closeCode, "invalid message");
      return;
    }
    // Once the closing was reported, there is no connection to fail, and no handler is called any more.
    if (this.isFinished || !this.faults.note(asError(thrown), "bug")) this.faults.report(thrown);
    // Also where the socket is lost, and its error was the first: a handler that failed is called no more.
    if (!this.isFinished) this.#failWith(CloseCode.InternalError, "");
  }

  /** Fails the connection for a reason of ours. */
  fail(error: Error, code: number, reason: string): void {
    this.#note(error, "fault");
    this.#failWith(code, reason);
  }

  #failWith(code: number, reason: string): void {
    this.endpoint.fail(code, reason);
    this.dispatcher.endStreams(this.faults.error);
    this.#readToEnd();
    this.writer.schedule();
  }

  /**
   * A connection that closes is read, so that the peer's Close is seen, also while much waits to be sent: the bytes that
   * are read lead to no output any more.
   */
  #readToEnd(): void {
    const user = this.dispatcher.delivers ? 0 : Hold.User;
    this.transport.release(user | Hold.Inbox | Hold.Output | Hold.Streams);
  }

  #note(error: Error, kind: ErrorKind): void {
    if (this.faults.note(error, kind)) this.writer.schedule();
  }

  /** The end of a turn: writes queued frames, and reports the error that occurred. */
  flush(): void {
    this.writer.endTurn();
    if (this.faults.error !== undefined && this.phase !== "finished") this.faults.tell(this.handlers);
  }

  /** The socket is gone, and every event was delivered. */
  #finish(): void {
    this.endpoint.receiveEof(this.transport.isCut);
    this.#step("finish");
    // Answers to the last frames have nowhere to go.
    this.writer.close();
    this.dispatcher.endInbox();
    this.dispatcher.endStreams(this.faults.error);
    const { code, reason } = this.#howClosed;
    if (channels.close.hasSubscribers) channels.close.publish({ connection: this.#connection, code, reason });
    this.#tellEnd();
    this.#closed?.resolve({ code, reason });
  }

  /** Tells the error that was not told yet, and that the connection is closed. */
  #tellEnd(): void {
    const { code, reason } = this.#howClosed;
    this.faults.tell(this.handlers);
    // The error handler may have set other handlers.
    this.faults.tellClose(this.handlers, code, reason);
  }

  // Calls of the Connection ─────────────────────────────────────────────────────────────────────

  ping(payload: string | Bytes | undefined): Promise<number> {
    const { pings } = this.dispatcher;
    // What no Ping can carry throws, also when none can be sent.
    const bytes = pings.copyOf(payload);
    if (!pings.hasRoom || !this.writer.mayQueue()) return pings.refuse();
    this.endpoint.ping(bytes);
    this.writer.queued();
    return pings.wait(bytes, exactNow());
  }

  close(code: number | undefined, reason: string): void {
    this.endpoint.close(code, reason);
    if (!this.context.settings.deliverWhileClosing) this.dispatcher.endStreams(this.faults.error);
    if (this.isGone) return;
    this.#readToEnd();
    this.deliver();
    this.writer.schedule();
  }

  terminate(): void {
    this.transport.holds = Hold.Cut;
    if (this.isGone || this.phase === "cut") return;
    this.#step("cut");
    this.writer.close();
    this.transport.destroy();
  }

  pause(): void {
    // A connection that delivers nothing more is read, so that the peer's Close is seen.
    if (this.isGone || !this.dispatcher.delivers) return;
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
    this.#keepAddress();
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

  /** Streams have room again. */
  pullStreams(): void {
    if ((this.transport.holds & Hold.Streams) === 0) return;
    this.transport.release(Hold.Streams);
    this.deliver();
  }

  /** A connection that closes is read to its end; of one that is gone, the bytes that came are still delivered. */
  holdStreams(): boolean {
    const canWait = !this.isGone && !this.endpoint.closeSent;
    if (canWait) this.transport.hold(Hold.Streams);
    return canWait;
  }

  onWrite(segments: readonly Uint8Array[]): void {
    seeSent(this.#connection, segments);
  }

  onDrain(): void {
    if (this.endpoint.phase === "open") this.dispatcher.run(() => this.handlers.drain?.(this.#connection));
  }

  onOverflow(error: RangeError): void {
    this.fail(error, CloseCode.TryAgainLater, "too much waits to be read");
  }

  onTooBig(error: LimitError): void {
    this.fail(error, CloseCode.MessageTooBig, error.message);
  }

  checkLiveness(now: number, readUntil: number): void {
    const { endpoint, transport } = this;
    const facts = factsOf(endpoint, transport, this.phase === "cut");
    const verdict = this.#watch.look(now, readUntil, facts, this.context.liveness);
    if (verdict === "idle") {
      this.close(CloseCode.GoingAway, "idle");
    } else if (verdict === "ping") {
      endpoint.ping();
      this.writer.flush();
    } else if (verdict !== undefined) {
      if (verdict === "silent") this.#note(this.#watch.silence(now, this.context.liveness), "fault");
      transport.destroyOrAbandon();
    }
  }
}
