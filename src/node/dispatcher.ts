/**
 * Hands one event of a connection to the handler that it is for, or to the inbox. Handlers may do anything: what they
 * throw, or what their promises reject with, goes to the session.
 */

import { InvalidStateError, utf8Length } from "../codec/index.js";
import {
  type AnyMessage,
  type DataMessage,
  type Endpoint,
  Inbox,
  type InboxOwner,
  IncomingStreams,
  isThenable,
  Message,
  PingTracker,
  runHandler,
  type StreamOwner,
} from "../protocol/index.js";
import { exactNow } from "./clock.js";
import type { ConnectionSettings, Handlers } from "./connection-options.js";
import { channels } from "./diagnostics.js";

/** The session that a dispatcher works for. */
export interface DispatcherOwner extends InboxOwner, StreamOwner {
  readonly endpoint: Endpoint;
  /** So much waits in streams that no more should be read. Returns false where reading goes on all the same. */
  holdStreams(): boolean;
  /** A handler threw, or its promise rejected. */
  handlerFailed(thrown: unknown): void;
}

/** Messages that may wait for `receive`: short ones take more memory than their bytes in the chunk do. */
const MOST_WAITING = 64;

export class Dispatcher<Face> {
  readonly #connection: Face;
  readonly #owner: DispatcherOwner;
  readonly #endpoint: Endpoint;
  readonly #settings: ConnectionSettings;
  #handlers: Handlers<Face>;
  #inbox: Inbox | undefined = undefined;
  /** Since the first message that was delivered as a stream. */
  streams: IncomingStreams | undefined = undefined;
  /** Whether long messages go to a stream handler, or one is on its way to it. */
  #isStreaming = false;
  #pings: PingTracker | undefined = undefined;

  constructor(
    connection: Face,
    owner: DispatcherOwner,
    handlers: Handlers<Face>,
    settings: ConnectionSettings,
  ) {
    this.#connection = connection;
    this.#owner = owner;
    this.#endpoint = owner.endpoint;
    this.#settings = settings;
    this.#handlers = handlers;
    this.look();
  }

  get handlers(): Handlers<Face> {
    return this.#handlers;
  }

  set handlers(handlers: Handlers<Face>) {
    if (typeof handlers !== "object" || handlers === null) {
      throw new TypeError(`handlers must be an object, not ${String(handlers)}`);
    }
    this.#handlers = handlers;
    this.look();
  }

  /**
   * Looks which handlers there are, before events are delivered: users may add some to the object at any time. Messages
   * for the inbox are lent, for they are copied one by one as they are kept, so that small ones hold no more than they
   * need.
   */
  look(): void {
    const handlers = this.#handlers;
    const endpoint = this.#endpoint;
    try {
      endpoint.lends = handlers.message == null || this.#settings.borrow === true;
      endpoint.answersQuietly = handlers.ping == null;
      // A message that was begun goes on as it began, also if its handler is gone.
      this.#isStreaming = handlers.stream != null || this.streams?.isOpen === true;
      endpoint.streamFrom = this.#isStreaming ? this.#settings.streamFrom : Infinity;
    } catch {
      // A getter of the user's threw. It throws again when its handler is to be called, and fails the connection then.
      endpoint.lends = endpoint.answersQuietly = false;
    }
  }

  /** The messages that wait for `receive`. */
  get inbox(): Inbox {
    return (this.#inbox ??= new Inbox(this.#owner, this.#settings.highWaterMark, MOST_WAITING));
  }

  /** Whether messages were ever kept or asked for by `receive`. */
  get hasInbox(): boolean {
    return this.#inbox !== undefined;
  }

  get pings(): PingTracker {
    return (this.#pings ??= new PingTracker());
  }

  /** Whether messages that come are delivered: until we close, or with `deliverWhileClosing` until the peer does. */
  get delivers(): boolean {
    const { phase } = this.#endpoint;
    return phase === "open" || (phase === "close-sent" && this.#settings.deliverWhileClosing);
  }

  /** Hands over an event of the endpoint. */
  handle(message: AnyMessage): void {
    const { type } = message;
    if (type !== "text" && type !== "binary") {
      this.#handleControl(message);
      return;
    }
    if (channels.message.hasSubscribers) channels.message.publish({ connection: this.#connection, message });
    // Messages behind a close of ours are dropped.
    const isDropped = this.#endpoint.phase === "close-sent" && !this.#settings.deliverWhileClosing;
    if (this.#isStreaming && this.#handleStream(message, isDropped)) return;
    if (isDropped) return;
    if (this.#handlers.message == null) this.#keep(message);
    else if (this.#endpoint.lends && this.#settings.borrow !== true) this.#callMessage(this.#copyOf(message));
    else this.#callMessage(message);
  }

  /** Handles a part of a long message, or a long message that came whole. Returns false for any other. */
  #handleStream(message: DataMessage, isDropped: boolean): boolean {
    const streams = (this.streams ??= new IncomingStreams(this.#owner, this.#settings.highWaterMark));
    if (streams.isOpen) {
      if (isDropped) this.endStreams();
      streams.push(message);
      this.#holdStreams(streams);
      if (!streams.isOpen) this.look();
      return true;
    }
    if (this.#settings.partial === true) return false;
    const isLong = message.partial || isLongMessage(message.data, this.#endpoint.streamFrom);
    if (!isLong || isDropped) return isLong;
    const stream = streams.begin(message.type);
    streams.push(message);
    this.#holdStreams(streams);
    this.#callStream(stream);
    return true;
  }

  #holdStreams(streams: IncomingStreams): void {
    if (!streams.isFull || this.#owner.holdStreams()) return;
    // A few bytes that came may inflate to very many.
    if (this.#endpoint.closeSent || streams.size > this.#endpoint.maxMessageSize) this.endStreams();
  }

  /** The rest of a message that is delivered as a stream will not come, or will not be delivered. */
  endStreams(error: Error = new InvalidStateError("the connection closed before the message ended")): void {
    this.streams?.abort(error);
  }

  /** Calls the handler. A stream that it did not begin to read once it is done would keep its messages forever. */
  #callStream(stream: ReturnType<IncomingStreams["begin"]>): void {
    const settle = () => {
      if (!stream.isRead) stream.cancel();
    };
    const failed = (thrown: unknown) => {
      stream.cancel();
      this.#owner.handlerFailed(thrown);
    };
    try {
      const returned = this.#handlers.stream?.(this.#connection, stream);
      if (isThenable(returned)) returned.then(settle, failed);
      else settle();
    } catch (thrown) {
      failed(thrown);
    }
  }

  /** A message for a handler that was added to the object while messages were lent to the inbox. */
  #copyOf(message: DataMessage): DataMessage {
    this.look();
    const data: string | Uint8Array = message.data;
    if (typeof data === "string") return message;
    return new Message(new Uint8Array(data), message.type, message.partial) as DataMessage;
  }

  /** Hands a message that waited for `receive` to the message handler. Returns false if there is none of either. */
  handleWaiting(): boolean {
    if (this.#handlers.message == null) return false;
    const waited = this.#inbox?.shift();
    if (waited === undefined) return false;
    this.#callMessage(waited as DataMessage);
    return true;
  }

  #callMessage(message: DataMessage): void {
    try {
      const returned = this.#handlers.message?.(this.#connection, message);
      if (returned !== undefined && isThenable(returned)) this.#watch(returned);
    } catch (thrown) {
      this.#owner.handlerFailed(thrown);
    }
  }

  /** Looks after the promise that a handler returned: it may reject. */
  #watch(promise: PromiseLike<unknown>): void {
    promise.then(undefined, (thrown: unknown) => this.#owner.handlerFailed(thrown));
  }

  /** Runs a handler that is not about a message. */
  run(handler: () => unknown): void {
    runHandler(handler, (thrown) => this.#owner.handlerFailed(thrown));
  }

  #handleControl(event: AnyMessage): void {
    const { type } = event;
    if (type === "close") {
      if (this.#settings.autoClose === false) this.#surface(event);
      return;
    }
    if (type !== "ping" && type !== "pong") return;
    if (type === "pong") this.#pings?.receivePong(event.data, exactNow());
    const handlers = this.#handlers;
    const handler = type === "ping" ? handlers.ping : handlers.pong;
    if (handler !== undefined) {
      const payload = this.#endpoint.lends ? new Uint8Array(event.data) : event.data;
      this.run(() => handler.call(handlers, this.#connection, payload));
    } else if (this.#settings.autoPong === false) {
      this.#surface(event);
    }
  }

  /** Delivers a control frame that the user is to answer, as messages are delivered. */
  #surface(event: Message): void {
    if (this.#handlers.message == null) this.#keep(event);
    else this.#callMessage(event as DataMessage);
  }

  /** Once a Close was sent, messages that have no room are dropped, so that the peer's Close is reached. */
  #keep(event: Message): void {
    if (this.inbox.isFull && this.#endpoint.closeSent) return;
    const { type, partial, code } = event;
    const data: string | Uint8Array = event.data;
    // The inbox copies a LentMessage itself. Other bytes are borrowed if the option is set, and in control frames.
    const isBorrowed = this.#settings.borrow === true || type === "ping" || type === "pong";
    const mustCopy = typeof data !== "string" && isBorrowed;
    this.inbox.push(mustCopy ? new Message(new Uint8Array(data), type, partial, code) : event);
  }

  /** The connection is closed: no message and no Pong comes any more. */
  endPings(error: Error): void {
    this.#pings?.end(error);
  }

  endInbox(): void {
    this.#inbox?.end();
  }
}

/** Whether data has at least `least` bytes; of a string, in UTF-8, where a unit takes at most three. */
function isLongMessage(data: string | Uint8Array, least: number): boolean {
  if (data.length >= least) return true;
  return typeof data === "string" && data.length * 3 >= least && utf8Length(data) >= least;
}
