/** `WebSocket` of `ws`: a hawser connection with the methods, events and fields of `ws`. */

import { EventEmitter } from "node:events";
import type { ClientRequest, ClientRequestArgs } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Connection, type ConnectionHandlers, createConnection } from "../node/index.js";
import type { AnyMessage } from "../protocol/index.js";
import { asBuffer, BINARY_TYPES, type BinaryType, byteLengthOf, EMPTY, payloadOf, shapeOf } from "./bytes.js";
import { notOpen, throwLater, wordedAsWs } from "./errors.js";
import { addAttributes, addEventListener, makeEnumerable, removeEventListener } from "./events.js";
import { LIMITS } from "./limits.js";
import { abort, DEFAULT_CLOSE_TIMEOUT_MS, type OpeningOptions, open, type SocketOptions } from "./opening.js";
import { isDefault, Outgoing } from "./outgoing.js";
import { Pacer } from "./pacer.js";
import { EXTENSION_NAME } from "./per-message-deflate.js";
import { closeReasonOf, type Extensions, type Sender } from "./sender.js";
import type {
  BufferLike,
  ClientOptionsFor,
  CloseEventLike,
  ErrorEventLike,
  EventLike,
  EventListener,
  EventListenerOptions,
  EventMap,
  Listening,
  MessageEventLike,
  SendOptions,
  WebSocketEvents,
} from "./types.js";
import type { Callback } from "./write-callbacks.js";

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

const WHILE_CONNECTING = "WebSocket was closed before the connection was established";

export interface ClientOptions extends ClientOptionsFor<WebSocket> {}

/** The handlers of each connection; its `data` is the WebSocket. */
const HANDLERS: ConnectionHandlers<WebSocket> = {
  message: (connection, message: AnyMessage) => connection.data._receive(message),
  ping: (connection, payload) => connection.data._emitPaced("ping", asBuffer(payload)),
  pong: (connection, payload) => connection.data._emitPaced("pong", asBuffer(payload)),
  error: (connection, error) => connection.data._receiveError(wordedAsWs(error)),
  close: (connection) => connection.data._receiveEnd(),
};

const Emitter = EventEmitter as new () => Listening<WebSocketEvents>;

export class WebSocket extends Emitter {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  declare addEventListener: <Type extends keyof EventMap<WebSocket>>(
    type: Type,
    listener: EventListener<EventMap<WebSocket>[Type]>,
    options?: EventListenerOptions,
  ) => void;
  declare removeEventListener: <Type extends keyof EventMap<WebSocket>>(
    type: Type,
    listener: EventListener<EventMap<WebSocket>[Type]>,
  ) => void;
  declare onopen: ((event: EventLike<WebSocket>) => void) | null;
  declare onerror: ((event: ErrorEventLike<WebSocket>) => void) | null;
  declare onclose: ((event: CloseEventLike<WebSocket>) => void) | null;
  declare onmessage: ((event: MessageEventLike<WebSocket>) => void) | null;

  // Fields of `ws` that some programs read.
  _binaryType: BinaryType = "nodebuffer";
  _closeCode = 1006;
  _closeFrameReceived = false;
  _closeFrameSent = false;
  _closeMessage: Buffer = EMPTY;
  _closeTimer: NodeJS.Timeout | null = null;
  _errorEmitted = false;
  _extensions: Extensions = {};
  _isServer: boolean;
  _paused = false;
  _protocol = "";
  _readyState: number = CONNECTING;
  _redirects = 0;
  _req: ClientRequest | null = null;
  _url: string | undefined = undefined;

  #connection: Connection<WebSocket> | undefined = undefined;
  #socket: Duplex | null = null;
  readonly #autoPong: boolean;
  readonly #closeTimeout: number;
  #outgoing: Outgoing | undefined = undefined;
  #options: SocketOptions = {};
  /** Only set with `allowSynchronousEvents: false`. */
  #pacer: Pacer | undefined = undefined;
  /** Bytes passed to `send` after the WebSocket started to close. */
  #unsent = 0;

  constructor(address: null, protocols?: undefined, options?: object);
  constructor(address: string | URL, options?: ClientOptions | ClientRequestArgs);
  constructor(
    address: string | URL,
    protocols?: string | string[],
    options?: ClientOptions | ClientRequestArgs,
  );
  constructor(address: string | URL | null, protocols?: unknown, options?: unknown) {
    super();
    this._isServer = address === null;
    let given = (options ?? {}) as OpeningOptions;
    let names = protocols;
    if (typeof protocols === "object" && protocols !== null && !Array.isArray(protocols)) {
      given = protocols as OpeningOptions;
      names = undefined;
    }
    if (names === undefined) names = given.protocols ?? [];
    if (address !== null) {
      given = open(this, address, (Array.isArray(names) ? names : [names]) as string[], given);
    }
    this.#autoPong = given.autoPong === true;
    this.#closeTimeout = given.closeTimeout ?? DEFAULT_CLOSE_TIMEOUT_MS;
  }

  get binaryType(): BinaryType {
    return this._binaryType;
  }

  set binaryType(type: BinaryType) {
    if (BINARY_TYPES.includes(type)) this._binaryType = type;
  }

  /** Bytes that the system has not taken, and bytes passed to `send` after the WebSocket started to close. */
  get bufferedAmount(): number {
    return this.#unsent + (this.#outgoing?.bufferedAmount ?? 0);
  }

  get extensions(): string {
    return Object.keys(this._extensions).join();
  }

  get isPaused(): boolean {
    return this._paused;
  }

  get protocol(): string {
    return this._protocol;
  }

  get readyState(): 0 | 1 | 2 | 3 {
    const state = this._readyState as 0 | 1 | 2 | 3;
    return state === OPEN && this.#connection?.state !== "open" ? CLOSING : state;
  }

  get url(): string {
    return this._url as string;
  }

  /** The stream under the WebSocket. Sent messages are written first, so that they precede the caller's own writes. */
  get _socket(): Duplex | null {
    if (this.#outgoing !== undefined) this.#connection?.flush();
    return this.#socket;
  }

  get _sender(): Sender | null {
    return this.#outgoing?.sender ?? null;
  }

  /** The receiver's options. Changing them has no effect. */
  get _receiver(): object | null {
    if (this.#connection === undefined) return null;
    const { maxPayload = 0, allowSynchronousEvents = true } = this.#options;
    return {
      _allowSynchronousEvents: allowSynchronousEvents,
      _binaryType: this._binaryType,
      _extensions: this._extensions,
      _isServer: this._isServer,
      _maxPayload: maxPayload,
      _skipUTF8Validation: false,
    };
  }

  /**
   * Opens the WebSocket over a stream after the handshake.
   *
   * @param head - bytes that were read after the handshake.
   */
  setSocket(socket: Duplex, head: Uint8Array, options: SocketOptions = {}): void {
    const { setTimeout, setNoDelay } = socket as Partial<Socket>;
    setTimeout?.call(socket as Socket, 0);
    setNoDelay?.call(socket as Socket, true);
    this.#socket = socket;
    this.#options = options;
    // Unshifted, so that listeners added in this tick get the messages in `head`.
    if (head.length > 0) socket.unshift(head);
    if (options.allowSynchronousEvents === false) this.#pacer = new Pacer(() => this.#holdOrRead());
    const { maxPayload = 0 } = options;
    this.#connection = createConnection<WebSocket>(socket, {
      ...HANDLERS,
      ...LIMITS,
      role: this._isServer ? "server" : "client",
      maxMessageSize: maxPayload > 0 ? maxPayload : Infinity,
      autoPong: this.#autoPong,
      perMessageDeflate: this._extensions[EXTENSION_NAME]?.agreed,
      data: this,
    });
    this.#outgoing = new Outgoing(
      this.#connection as Connection<unknown>,
      socket,
      this._extensions,
      options.generateMask,
      () => this._closeFrameReceived && !this._closeFrameSent,
      (error) => this.#failSending(error),
    );
    this._readyState = OPEN;
    this.emit("open");
  }

  // Receiving ───────────────────────────────────────────────────────────────────────────────────

  /** @internal */
  _receive(message: AnyMessage): void {
    const { type } = message;
    if (type === "close") {
      this.#receiveClose(message.code, message.data);
      return;
    }
    const bytes = message.data as unknown as Uint8Array;
    const isBinary = type === "binary";
    const data = isBinary ? shapeOf(bytes, this._binaryType) : asBuffer(bytes);
    if (this.#pacer !== undefined) {
      this.#pacer.push(() => this.#emit("message", data, isBinary));
      return;
    }
    try {
      this.emit("message", data, isBinary);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  /** @internal */
  _emitPaced(event: string, ...values: unknown[]): void {
    if (this.#pacer !== undefined) this.#pacer.push(() => this.#emit(event, ...values));
    else this.#emit(event, ...values);
  }

  /** Emits an event. An error of a listener must not fail the connection. */
  #emit(event: string, ...values: unknown[]): void {
    try {
      this.emit(event, ...values);
    } catch (thrown) {
      throwLater(thrown);
    }
  }

  /** §5.5.1: "the endpoint typically echos the status code it received"; here the reason too. */
  #receiveClose(code = 1005, reason = ""): void {
    this._closeFrameReceived = true;
    this._closeCode = code;
    this._closeMessage = reason === "" ? EMPTY : Buffer.from(reason);
    if (!this._closeFrameSent) this.#sendClose(code, reason);
    this.#outgoing?.whenRead(() => {
      this.#connection?.flush();
      // The server's connection ends the socket itself.
      if (!this._isServer) this.#socket?.end();
    });
  }

  /** @internal */
  _receiveError(error: Error): void {
    this.#beginClosing();
    const tell = () => {
      if (this._errorEmitted) return;
      this._errorEmitted = true;
      this.#emit("error", error);
    };
    if (this.#pacer?.isWaiting === true) this.#pacer.push(tell);
    else tell();
  }

  /** Called when a Blob cannot be read. */
  #failSending(error: Error): void {
    if (this._readyState === CLOSED) return;
    this.#connection?.flush();
    this.#socket?.end();
    this._receiveError(error);
  }

  /** Called when the socket is closed and all earlier events were delivered. @internal */
  _receiveEnd(): void {
    clearTimeout(this._closeTimer ?? undefined);
    if (this._readyState === OPEN) this._readyState = CLOSING;
    const end = () => {
      try {
        this.emitClose();
      } catch (thrown) {
        throwLater(thrown);
      }
    };
    if (this.#pacer?.isWaiting === true) this.#pacer.push(end);
    else end();
  }

  emitClose(): void {
    this._readyState = CLOSED;
    this.emit("close", this._closeCode, this._closeMessage);
  }

  pause(): void {
    if (this._readyState === CONNECTING || this._readyState === CLOSED) return;
    this._paused = true;
    this.#holdOrRead();
  }

  resume(): void {
    if (this._readyState === CONNECTING || this._readyState === CLOSED) return;
    this._paused = false;
    this.#holdOrRead();
  }

  #holdOrRead(): void {
    if (this._paused || this.#pacer?.isWaiting === true) this.#connection?.pause();
    else this.#connection?.resume();
  }

  // Sending ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Sends a message, or a part of one.
   *
   * @param callback - called when the system has taken the bytes, or with the error if it cannot.
   * @throws {Error} while the WebSocket is connecting.
   * @throws {TypeError} if the data cannot be sent.
   */
  send(data: BufferLike, callback?: (error?: Error) => void): void;
  send(data: BufferLike, options: SendOptions, callback?: (error?: Error) => void): void;
  send(data: unknown, options?: unknown, callback?: unknown): void {
    if (callback === undefined && this._readyState === OPEN) {
      const isPlain = options === undefined || isDefault(data, options);
      if (isPlain && this.#outgoing?.sendPlain(data) === true) return;
    }
    const given = typeof options === "object" && options !== null ? (options as SendOptions) : undefined;
    const told = (typeof options === "function" ? options : callback) as Callback | undefined;
    if (this.#maySend(data, told)) this.#outgoing?.send(data, given, told);
  }

  /** Sends a Ping. The callback may take the place of any argument. */
  ping(data?: unknown, mask?: boolean, callback?: (error: Error) => void): void;
  ping(callback: (error: Error) => void): void;
  ping(...given: unknown[]): void {
    this.#sendControl("ping", given);
  }

  /** Sends a Pong. The callback may take the place of any argument. */
  pong(data?: unknown, mask?: boolean, callback?: (error: Error) => void): void;
  pong(callback: (error: Error) => void): void;
  pong(...given: unknown[]): void {
    this.#sendControl("pong", given);
  }

  #sendControl(type: "ping" | "pong", given: readonly unknown[]): void {
    const at = given.findIndex((value) => typeof value === "function");
    const callback = at < 0 ? undefined : (given[at] as Callback);
    const data = at === 0 ? undefined : given[0];
    if (this.#maySend(data, callback)) this.#outgoing?.control(type, data, callback);
  }

  /** Whether data can be sent. If not, counts its bytes and calls the callback with an error. */
  #maySend(data: unknown, callback: Callback | undefined): boolean {
    if (this._readyState === CONNECTING) throw notOpen(CONNECTING);
    if (this.readyState === OPEN) return true;
    this.#unsent += byteLengthOf(payloadOf(data));
    if (callback !== undefined) process.nextTick(callback, notOpen(this.readyState));
    return false;
  }

  // Closing ─────────────────────────────────────────────────────────────────────────────────────

  /**
   * Starts the closing handshake, or cancels the opening handshake.
   *
   * @throws {TypeError | RangeError} if the code or the reason cannot be sent.
   */
  close(code?: number, data?: string | Buffer): void {
    if (this._readyState === CONNECTING) {
      this.#abort();
      return;
    }
    if (this.readyState !== OPEN) return;
    this.#sendClose(code, closeReasonOf(code, data));
  }

  #sendClose(code: number | undefined, reason: string): void {
    this.#beginClosing();
    // The Close follows all messages sent before it.
    this.#outgoing?.whenRead(() => {
      this._closeFrameSent = true;
      void this.#connection?.close(code ?? 1005, reason);
    });
  }

  #beginClosing(): void {
    if (this._readyState === OPEN) this._readyState = CLOSING;
    const socket = this.#socket;
    if (socket === null || this._closeTimer !== null || socket.destroyed) return;
    this._closeTimer = setTimeout(() => socket.destroy(), this.#closeTimeout);
  }

  /** Cuts the connection. Messages sent before are written first. */
  terminate(): void {
    if (this._readyState === CONNECTING) this.#abort();
    if (this._readyState === CLOSED || this.#connection === undefined) return;
    this._readyState = CLOSING;
    this.#outgoing?.flush();
    this.#connection.terminate();
  }

  #abort(): void {
    if (this._req !== null) abort(this, this._req, WHILE_CONNECTING);
  }
}

for (const [name, value] of Object.entries({ CONNECTING, OPEN, CLOSING, CLOSED })) {
  Object.defineProperty(WebSocket, name, { enumerable: true, value });
  Object.defineProperty(WebSocket.prototype, name, { enumerable: true, value });
}
makeEnumerable(WebSocket.prototype, [
  "binaryType",
  "bufferedAmount",
  "extensions",
  "isPaused",
  "protocol",
  "readyState",
  "url",
]);
addAttributes(WebSocket.prototype);
Object.assign(WebSocket.prototype, { addEventListener, removeEventListener });
