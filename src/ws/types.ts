/** Types with the names of `@types/ws`, except for its classes. */

import type { EventEmitter } from "node:events";
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import type { createConnection } from "node:net";
import type { SecureContextOptions } from "node:tls";
import type { PerMessageDeflateOptions } from "./per-message-deflate.js";

/** The data of a received message. Text is always a Buffer. */
export type RawData = Buffer | ArrayBuffer | Buffer[];
/** The data of a MessageEvent. Text is a string. */
export type Data = string | Buffer | ArrayBuffer | Buffer[];
export type CertMeta = string | string[] | Buffer | Buffer[];

/** The data that `send` takes: a string, bytes of any kind, a Blob, and values that `Buffer.from` takes. */
export type BufferLike =
  | string
  | Buffer
  | DataView
  | number
  | ArrayBufferView
  | Uint8Array
  | ArrayBuffer
  | SharedArrayBuffer
  | Blob
  // biome-ignore lint/suspicious/noExplicitAny: as in @types/ws
  | readonly any[]
  | readonly number[]
  | { valueOf(): ArrayBuffer }
  | { valueOf(): SharedArrayBuffer }
  | { valueOf(): Uint8Array }
  | { valueOf(): readonly number[] }
  | { valueOf(): string }
  | { [Symbol.toPrimitive](hint: string): string };

export interface SendOptions {
  /** Has no effect: a client masks every frame, and a server none (RFC 6455 §5.1). */
  mask?: boolean | undefined;
  /** Default: text for a string, binary for everything else. */
  binary?: boolean | undefined;
  /** Default true, if compression was negotiated. */
  compress?: boolean | undefined;
  /** Whether the message ends with this part. Default true. */
  fin?: boolean | undefined;
}

/** Options of a client. */
export interface ClientOptionsFor<Target> extends SecureContextOptions {
  protocol?: string | undefined;
  followRedirects?: boolean | undefined;
  generateMask?(mask: Buffer): void;
  handshakeTimeout?: number | undefined;
  maxRedirects?: number | undefined;
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  localAddress?: string | undefined;
  protocolVersion?: number | undefined;
  headers?: { [key: string]: string } | undefined;
  origin?: string | undefined;
  agent?: Agent | undefined;
  host?: string | undefined;
  family?: number | undefined;
  checkServerIdentity?(servername: string, cert: CertMeta): boolean;
  rejectUnauthorized?: boolean | undefined;
  allowSynchronousEvents?: boolean | undefined;
  autoPong?: boolean | undefined;
  closeTimeout?: number | undefined;
  maxPayload?: number | undefined;
  maxBufferedChunks?: number | undefined;
  maxFragments?: number | undefined;
  skipUTF8Validation?: boolean | undefined;
  createConnection?: typeof createConnection | undefined;
  finishRequest?: ((request: ClientRequest, websocket: Target) => void) | undefined;
}

/** The arguments of each event of a WebSocket. */
export interface WebSocketEvents {
  close: [code: number, reason: Buffer];
  error: [error: Error];
  upgrade: [response: IncomingMessage];
  message: [data: RawData, isBinary: boolean];
  open: [];
  ping: [data: Buffer];
  pong: [data: Buffer];
  redirect: [url: string, request: ClientRequest];
  "unexpected-response": [request: ClientRequest, response: IncomingMessage];
}

export interface EventMap<Target> {
  open: EventLike<Target>;
  error: ErrorEventLike<Target>;
  close: CloseEventLike<Target>;
  message: MessageEventLike<Target>;
}

export type EventListener<Event> = ((event: Event) => void) | { handleEvent(event: Event): void };

export interface EventLike<Target> {
  type: string;
  target: Target;
}

export interface ErrorEventLike<Target> extends EventLike<Target> {
  // biome-ignore lint/suspicious/noExplicitAny: as in @types/ws
  error: any;
  message: string;
}

export interface CloseEventLike<Target> extends EventLike<Target> {
  wasClean: boolean;
  code: number;
  reason: string;
}

export interface MessageEventLike<Target> extends EventLike<Target> {
  data: Data;
}

export interface EventListenerOptions {
  once?: boolean | undefined;
}

/** An emitter with typed arguments for known events. Other events can have any arguments. */
export interface Listening<Events extends object> extends EventEmitter {
  on<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  on(event: string | symbol, listener: AnyListener<this>): this;
  once<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  once(event: string | symbol, listener: AnyListener<this>): this;
  off<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  off(event: string | symbol, listener: AnyListener<this>): this;
  addListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  addListener(event: string | symbol, listener: AnyListener<this>): this;
  removeListener<Name extends keyof Events>(event: Name, listener: Listener<this, Events[Name]>): this;
  removeListener(event: string | symbol, listener: AnyListener<this>): this;
}

type Listener<This, Values> = Values extends readonly unknown[]
  ? (this: This, ...values: Values) => void
  : never;
// biome-ignore lint/suspicious/noExplicitAny: as in @types/ws
type AnyListener<This> = (this: This, ...values: any[]) => void;
