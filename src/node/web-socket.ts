/** The `WebSocket` of the WHATWG standard, built on a connection of this library. */

import { CloseCode, utf8Length } from "../codec/index.js";
import { assertCloseInfo, clampToUnsignedShort, type DataMessage } from "../protocol/index.js";
import { checkCall, openCall } from "./client.js";
import { onNextTurn } from "./clock.js";
import type { Connection } from "./connection.js";
import { TaskQueue } from "./task-queue.js";
import {
  assertSocketOptions,
  isSequence,
  type SocketOptions,
  toBytesOfSource,
  toProtocols,
  toSocketUrl,
  toText,
} from "./web-idl.js";
import {
  type CloseEvent,
  closeEvent,
  type ErrorEvent,
  errorEvent,
  HandlerAttributes,
  messageEvent,
} from "./web-socket-events.js";

/** The options object that Node's WebSocket takes in place of subprotocols. */
export interface WebSocketInit extends SocketOptions {
  /** Subprotocols in order of preference. */
  readonly protocols?: string | Iterable<string> | undefined;
}

/** The events of a WebSocket, by name. */
export interface WebSocketEvents {
  readonly open: Event;
  readonly message: MessageEvent;
  readonly error: ErrorEvent;
  readonly close: CloseEvent;
}

/** The DOM's AddEventListenerOptions, declared here because programs for Node may lack the DOM types. */
interface ListenerOptions {
  readonly capture?: boolean;
  readonly once?: boolean;
  readonly passive?: boolean;
  readonly signal?: AbortSignal;
}

/** A handler of an `on…` attribute. */
export type WebSocketHandler<Name extends keyof WebSocketEvents> =
  | ((event: WebSocketEvents[Name]) => unknown)
  | null;

const CONNECTING = 0;
const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;
const STATES = { CONNECTING, OPEN, CLOSING, CLOSED } as const;

/** Browsers have no limits here, or very high ones. These defaults match what programs for browsers expect. */
const DEFAULTS = {
  maxMessageSize: 100 << 20,
  maxBufferedAmount: Infinity,
  perMessageDeflate: true,
  timeout: 240_000,
} as const satisfies SocketOptions;

/**
 * The standard WebSocket, for programs that use it and for libraries that take its class as an option.
 *
 * @see https://websockets.spec.whatwg.org/
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: EventTarget has these methods; only their types are in the interface
export class WebSocket extends EventTarget {
  declare static readonly CONNECTING: 0;
  declare static readonly OPEN: 1;
  declare static readonly CLOSING: 2;
  declare static readonly CLOSED: 3;
  declare readonly CONNECTING: 0;
  declare readonly OPEN: 1;
  declare readonly CLOSING: 2;
  declare readonly CLOSED: 3;

  readonly #url: string;
  readonly #handlers = new HandlerAttributes(this);
  readonly #tasks: TaskQueue;
  readonly #opening = new AbortController();
  #state: 0 | 1 | 2 | 3 = CONNECTING;
  #connection: Connection<undefined> | undefined = undefined;
  #binaryType: "blob" | "arraybuffer" = "blob";
  /** The error that the connection failed with. */
  #failure: Error | undefined = undefined;
  /** Payload bytes passed to `send` that were not sent at the last check. */
  #buffered = 0;
  /** Whether `#buffered` must not decrease before the next turn of the event loop. */
  #isFresh = false;

  /**
   * Starts to connect.
   *
   * @param url - ws:, wss:, http: or https:, without a fragment.
   * @param protocols - one or several subprotocols, or options of hawser's `connect` with `protocols` among them.
   * @throws a DOMException named SyntaxError for an invalid URL or invalid subprotocols.
   * @throws {TypeError | RangeError} for invalid options.
   */
  constructor(url: string | URL, protocols: string | Iterable<string> | WebSocketInit = []) {
    super();
    // biome-ignore lint/complexity/noArguments: an argument that is missing is not one that is undefined
    if (arguments.length === 0) throw new TypeError("WebSocket takes a URL");
    this.#url = toSocketUrl(url);
    const { protocols: offered = [], ...options } = initOf(protocols);
    const list = toProtocols(isSequence(offered) ? offered : [offered]);
    const call = checkCall<undefined>("WebSocket", this.#url, {
      ...DEFAULTS,
      ...options,
      protocol: list,
      signal: this.#opening.signal,
      open: (connection) => this.#opened(connection),
      message: (_connection, message) => this.#tasks.run(() => this.#receive(message)),
      error: (_connection, error) => {
        this.#failure ??= error;
      },
      close: (_connection, code, reason) => this.#tasks.run(() => this.#closed(code, reason)),
    });
    this.#tasks = new TaskQueue(call.context, (isHeld) => {
      if (isHeld) this.#connection?.pause();
      else this.#connection?.resume();
    });
    openCall({ ...call, opening: { ...call.opening, requireProtocol: true } }).catch((error: Error) => {
      // Events must not fire before the code that called the constructor, or `close`, has returned.
      onNextTurn(() => this.#tasks.run(() => this.#failed(error)));
    });
  }

  /** The normalized URL. */
  get url(): string {
    return this.#url;
  }

  /** 0: connecting, 1: open, 2: closing, 3: closed. */
  get readyState(): 0 | 1 | 2 | 3 {
    const isClosing = this.#state === OPEN && this.#connection?.connected === false;
    // Messages that arrived before the peer's Close are delivered while the state is still OPEN.
    return isClosing && !this.#tasks.isBusy ? CLOSING : this.#state;
  }

  /**
   * Payload bytes of messages that wait to be sent, counted as UTF-8 for text and without frame headers. It decreases
   * only between turns of the event loop. After `close`, it only grows: `send` adds the bytes that it does not send.
   */
  get bufferedAmount(): number {
    const connection = this.#connection;
    if (!this.#isFresh && connection !== undefined && this.#state !== CLOSED) {
      this.#buffered = Math.min(this.#buffered, connection.bufferedAmount);
    }
    return this.#buffered + this.#unsent;
  }

  /** Bytes passed to `send` after the connection started to close. */
  #unsent = 0;

  /** §9: the extensions in use, "" for none. */
  get extensions(): string {
    return this.#connection?.extensions ?? "";
  }

  /** §1.9: the subprotocol in use, "" for none. */
  get protocol(): string {
    return this.#connection?.protocol ?? "";
  }

  /** The type in which binary messages are delivered. Setting another value is ignored. */
  get binaryType(): "blob" | "arraybuffer" {
    return this.#binaryType;
  }

  set binaryType(type: "blob" | "arraybuffer") {
    const text = toText(type);
    if (text === "blob" || text === "arraybuffer") this.#binaryType = text;
  }

  get onopen(): WebSocketHandler<"open"> {
    return this.#handlers.get("open") as WebSocketHandler<"open">;
  }

  set onopen(handler: WebSocketHandler<"open">) {
    this.#handlers.set("open", handler);
  }

  get onmessage(): WebSocketHandler<"message"> {
    return this.#handlers.get("message") as WebSocketHandler<"message">;
  }

  set onmessage(handler: WebSocketHandler<"message">) {
    this.#handlers.set("message", handler);
  }

  get onerror(): WebSocketHandler<"error"> {
    return this.#handlers.get("error") as WebSocketHandler<"error">;
  }

  set onerror(handler: WebSocketHandler<"error">) {
    this.#handlers.set("error", handler);
  }

  get onclose(): WebSocketHandler<"close"> {
    return this.#handlers.get("close") as WebSocketHandler<"close">;
  }

  set onclose(handler: WebSocketHandler<"close">) {
    this.#handlers.set("close", handler);
  }

  /**
   * Sends a message. Bytes are copied. Once the connection is closing, messages are not sent.
   *
   * @param data - bytes and Blobs are sent as binary messages; other values are converted to a string and sent as text.
   * @throws a DOMException named InvalidStateError before the connection is open.
   * @throws {TypeError} for shared memory, and for a value that cannot be converted to a string.
   */
  send(data: string | ArrayBuffer | ArrayBufferView | Blob): void {
    const state = this.#state;
    // biome-ignore lint/complexity/noArguments: an argument that is missing is not one that is undefined
    if (arguments.length === 0) throw new TypeError("send takes a message");
    const payload = data instanceof Blob ? data : (toBytesOfSource(data) ?? toText(data));
    if (state === CONNECTING) {
      throw new DOMException(
        "the WebSocket is still connecting: wait for its open event",
        "InvalidStateError",
      );
    }
    const isText = typeof payload === "string";
    const length = isText ? utf8Length(payload) : payload instanceof Blob ? payload.size : payload.length;
    if (state !== OPEN || this.#connection?.send(payload) === undefined) {
      this.#unsent += length;
      return;
    }
    this.#buffered = this.bufferedAmount - this.#unsent + length;
    if (this.#isFresh) return;
    this.#isFresh = true;
    onNextTurn(() => {
      this.#isFresh = false;
    });
  }

  /**
   * Starts the closing handshake after all sent messages.
   *
   * @param code - 1000, or 3000 to 4999. Default: a Close without a code, which the peer reports as 1005.
   * @param reason - at most 123 bytes of UTF-8.
   * @throws a DOMException named InvalidAccessError for another code, SyntaxError for a longer reason.
   */
  close(code?: number, reason?: string): void {
    const state = this.#state;
    const clamped = code === undefined ? undefined : clampToUnsignedShort(code);
    const text = reason === undefined ? "" : toText(reason);
    assertCloseInfo(clamped, text);
    if (state === CLOSING || state === CLOSED) return;
    this.#state = CLOSING;
    if (state === CONNECTING) this.#opening.abort(new Error("the WebSocket was closed before it was open"));
    else {
      const known = text === "" ? CloseCode.NoStatusReceived : CloseCode.NormalClosure;
      void this.#connection?.close(clamped ?? known, text);
    }
  }

  #opened(connection: Connection<undefined>): void {
    this.#connection = connection;
    if (this.#state !== CONNECTING) {
      this.#failure = new Error("the WebSocket was closed before it was open");
      connection.terminate();
      return;
    }
    this.#state = OPEN;
    this.#tasks.run(() => this.dispatchEvent(new Event("open")));
  }

  #receive(message: DataMessage): void {
    if (this.#state !== OPEN) return;
    this.dispatchEvent(messageEvent(this.#dataOf(message), new URL(this.#url).origin));
  }

  #dataOf({ type, data }: DataMessage): string | Blob | ArrayBuffer {
    if (type === "text") return data as string;
    const bytes = data as Uint8Array<ArrayBuffer>;
    if (this.#binaryType === "blob") return new Blob([bytes]);
    const isWhole = bytes.length === bytes.buffer.byteLength;
    return isWhole ? bytes.buffer : bytes.slice().buffer;
  }

  /** The opening failed. */
  #failed(error: Error): void {
    this.#failure = error;
    this.#closed(CloseCode.AbnormalClosure, "");
  }

  #closed(code: number, reason: string): void {
    const wasClean = code !== CloseCode.AbnormalClosure;
    // The closing handshake is complete, so all messages sent before our Close have left.
    if (wasClean) this.#buffered = 0;
    this.#state = CLOSED;
    if (this.#failure !== undefined) this.dispatchEvent(errorEvent(this.#failure));
    this.#tasks.run(() => this.dispatchEvent(closeEvent(code, reason, wasClean)));
  }

  static {
    const { prototype } = WebSocket;
    Object.defineProperty(prototype, Symbol.toStringTag, { value: "WebSocket", configurable: true });
    // Both arguments of `close` are optional.
    Object.defineProperty(prototype.close, "length", { value: 0, configurable: true });
    for (const [name, value] of Object.entries(STATES)) {
      for (const object of [WebSocket, prototype])
        Object.defineProperty(object, name, { value, enumerable: true });
    }
    for (const name of Object.getOwnPropertyNames(prototype)) {
      if (name !== "constructor" && !(name in STATES))
        Object.defineProperty(prototype, name, { enumerable: true });
    }
  }
}

/** Typed listeners for the events of a WebSocket. */
export interface WebSocket {
  addEventListener<Name extends keyof WebSocketEvents>(
    type: Name,
    listener:
      | ((event: WebSocketEvents[Name]) => unknown)
      | { handleEvent(event: WebSocketEvents[Name]): unknown }
      | null,
    options?: boolean | ListenerOptions,
  ): void;
  addEventListener(
    type: string,
    listener: ((event: Event) => unknown) | { handleEvent(event: Event): unknown } | null,
    options?: boolean | ListenerOptions,
  ): void;
  removeEventListener<Name extends keyof WebSocketEvents>(
    type: Name,
    listener:
      | ((event: WebSocketEvents[Name]) => unknown)
      | { handleEvent(event: WebSocketEvents[Name]): unknown }
      | null,
    options?: boolean | Pick<ListenerOptions, "capture">,
  ): void;
  removeEventListener(
    type: string,
    listener: ((event: Event) => unknown) | { handleEvent(event: Event): unknown } | null,
    options?: boolean | Pick<ListenerOptions, "capture">,
  ): void;
}

/** The second argument of the constructor: a subprotocol, several, or options. */
function initOf(given: string | Iterable<string> | WebSocketInit): WebSocketInit {
  const isOptions = typeof given === "object" && given !== null && !isSequence(given);
  if (!isOptions) return { protocols: isSequence(given) ? given : [toText(given)] };
  assertSocketOptions("WebSocket", given, ["protocols"]);
  return given as WebSocketInit;
}
