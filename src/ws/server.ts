/** `WebSocketServer` of `ws`: accepts requests as `ws` does, and opens hawser's connections. */

import { EventEmitter } from "node:events";
import http, { type Server as HttpServer, type IncomingMessage, type OutgoingHttpHeaders } from "node:http";
import type { Server as HttpsServer } from "node:https";
import type { Duplex } from "node:stream";
import { computeAccept, isValidKey } from "../protocol/index.js";
import { format, parse as parseExtensions } from "./extension.js";
import { DEFAULT_CLOSE_TIMEOUT_MS } from "./opening.js";
import { EXTENSION_NAME, PerMessageDeflate, type PerMessageDeflateOptions } from "./per-message-deflate.js";
import type { Extensions } from "./sender.js";
import { parse as parseProtocols } from "./subprotocol.js";
import type { Listening } from "./types.js";
import { WebSocket } from "./web-socket.js";

export interface VerifyClientInfo<Request> {
  origin: string;
  secure: boolean;
  req: Request;
}

export type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = (
  info: VerifyClientInfo<Request>,
) => boolean;

export type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = (
  info: VerifyClientInfo<Request>,
  callback: (res: boolean, code?: number, message?: string, headers?: OutgoingHttpHeaders) => void,
) => void;

export interface ServerOptions<
  U extends typeof WebSocket = typeof WebSocket,
  V extends typeof IncomingMessage = typeof IncomingMessage,
> {
  host?: string | undefined;
  port?: number | undefined;
  backlog?: number | undefined;
  server?: HttpServer<V> | HttpsServer<V> | undefined;
  verifyClient?:
    | VerifyClientCallbackSync<InstanceType<V>>
    | VerifyClientCallbackAsync<InstanceType<V>>
    | undefined;
  handleProtocols?: (protocols: Set<string>, request: InstanceType<V>) => string | false;
  path?: string | undefined;
  noServer?: boolean | undefined;
  allowSynchronousEvents?: boolean | undefined;
  autoPong?: boolean | undefined;
  clientTracking?: boolean | undefined;
  closeTimeout?: number | undefined;
  perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
  maxPayload?: number | undefined;
  maxBufferedChunks?: number | undefined;
  maxFragments?: number | undefined;
  skipUTF8Validation?: boolean | undefined;
  WebSocket?: U | undefined;
}

export interface AddressInfo {
  address: string;
  family: string;
  port: number;
}

/** The arguments of each event. */
export interface ServerEvents<Client, Request> {
  connection: [webSocket: Client, request: Request];
  error: [error: Error];
  headers: [headers: string[], request: Request];
  close: [];
  listening: [];
  wsClientError: [error: Error, socket: Duplex, request: Request];
}

const RUNNING = 0;
const CLOSING = 1;
const CLOSED = 2;

/** Of a request that is judged, and while it is. */
interface Judged {
  readonly key: string;
  readonly version: number;
  readonly protocols: Set<string>;
  readonly extensions: Extensions;
}

interface Refusal {
  readonly status: number;
  readonly message: string;
  readonly headers?: OutgoingHttpHeaders;
}

/** Sockets that have become WebSockets. */
const upgraded = new WeakSet<Duplex>();

const Emitter = EventEmitter as new <Client, Request>() => Listening<ServerEvents<Client, Request>>;

export class WebSocketServer<
  T extends typeof WebSocket = typeof WebSocket,
  U extends typeof IncomingMessage = typeof IncomingMessage,
> extends Emitter<InstanceType<T>, InstanceType<U>> {
  /** Read whenever they matter; they may be changed. */
  options: ServerOptions<T, U>;
  declare path: string;
  /** The WebSockets that are open or closing; undefined with `clientTracking: false`. */
  declare clients: Set<InstanceType<T>>;
  _server: HttpServer<U> | HttpsServer<U> | null = null;
  _state = RUNNING;
  /** The server is closed once its last client is. */
  _shouldEmitClose = false;
  _removeListeners: (() => void) | null = null;

  constructor(options: ServerOptions<T, U> = {}, callback?: () => void) {
    super();
    const complete = {
      allowSynchronousEvents: true,
      autoPong: true,
      maxBufferedChunks: 256 * 1024,
      maxFragments: 16 * 1024,
      maxPendingAutoPongs: 60,
      maxPayload: 100 * 1024 * 1024,
      skipUTF8Validation: false,
      perMessageDeflate: false,
      handleProtocols: null,
      clientTracking: true,
      closeTimeout: DEFAULT_CLOSE_TIMEOUT_MS,
      verifyClient: null,
      noServer: false,
      backlog: null,
      server: null,
      host: null,
      path: null,
      port: null,
      WebSocket,
      ...options,
    } as unknown as ServerOptions<T, U>;
    const { port, server, noServer, host, backlog } = complete;
    const ways = [port !== null && port !== undefined, Boolean(server), Boolean(noServer)];
    if (ways.filter(Boolean).length !== 1) {
      throw new TypeError(
        'One and only one of the "port", "server", or "noServer" options must be specified',
      );
    }
    if (complete.perMessageDeflate === true) complete.perMessageDeflate = {};
    if (complete.clientTracking) this.clients = new Set();
    this.options = complete;
    if (server) this._server = server;
    else if (!noServer) {
      this._server = http.createServer(askForUpgrade) as unknown as HttpServer<U>;
      this._server.listen(port, host as string, backlog as number, callback);
    }
    if (this._server) this.#listen(this._server);
  }

  #listen(server: HttpServer<U> | HttpsServer<U>): void {
    const emitConnection = this.emit.bind(this, "connection");
    const listeners = {
      listening: this.emit.bind(this, "listening"),
      error: this.emit.bind(this, "error"),
      upgrade: (request: InstanceType<U>, socket: Duplex, head: Buffer) =>
        this.handleUpgrade(request, socket, head, emitConnection),
    };
    const emitter: EventEmitter = server;
    for (const [event, listener] of Object.entries(listeners)) emitter.on(event, listener);
    this._removeListeners = () => {
      for (const [event, listener] of Object.entries(listeners)) emitter.removeListener(event, listener);
    };
  }

  /** Where the server listens; null once it is closed. */
  address(): AddressInfo | string | null {
    if (this.options.noServer) throw new Error('The server is operating in "noServer" mode');
    return this._server === null ? null : this._server.address();
  }

  /**
   * Accepts no more WebSockets. With `server` or `noServer` it is closed when the last client is; the HTTP server and
   * the clients are left alone.
   */
  close(callback?: (error?: Error) => void): void {
    if (this._state === CLOSED) {
      if (callback) this.once("close", () => callback(new Error("The server is not running")));
      process.nextTick(emitClose, this);
      return;
    }
    if (callback) this.once("close", callback);
    if (this._state === CLOSING) return;
    this._state = CLOSING;
    const server = this._server;
    this._removeListeners?.();
    this._removeListeners = this._server = null;
    if (!this.options.noServer && !this.options.server) server?.close(() => emitClose(this));
    else if (this.clients?.size > 0) this._shouldEmitClose = true;
    else process.nextTick(emitClose, this);
  }

  /** Whether a request is for this server: by default, if its path is that of the options. */
  shouldHandle(request: InstanceType<U>): boolean | Promise<boolean> {
    const { path } = this.options;
    return !path || (request.url ?? "").split("?", 1)[0] === path;
  }

  /**
   * Answers a request. Without `verifyClient` of two arguments the callback is called before this returns.
   *
   * @param callback - gets the WebSocket, open.
   */
  handleUpgrade(
    request: InstanceType<U>,
    socket: Duplex,
    head: Buffer,
    callback: (client: InstanceType<T>, request: InstanceType<U>) => void,
  ): void {
    socket.on("error", destroy);
    const judged = this.#judge(request);
    if (judged === undefined) {
      refuse(socket, { status: 400, message: "" });
      return;
    }
    if ("status" in judged) {
      this.#refuseOrTell(request, socket, judged);
      return;
    }
    const { key, version, protocols, extensions } = judged;
    const complete = () => this.completeUpgrade(extensions, key, protocols, request, socket, head, callback);
    const { verifyClient } = this.options;
    if (!verifyClient) {
      complete();
      return;
    }
    const { authorized, encrypted } = request.socket as { authorized?: boolean; encrypted?: boolean };
    const origin = request.headers[version === 8 ? "sec-websocket-origin" : "origin"] as string;
    const info = { origin, secure: Boolean(authorized || encrypted), req: request };
    if (verifyClient.length !== 2) {
      if ((verifyClient as VerifyClientCallbackSync<InstanceType<U>>)(info)) complete();
      else refuse(socket, { status: 401, message: "" });
      return;
    }
    verifyClient(info, (verified, status, message = "", headers = {}) => {
      if (verified) complete();
      else refuse(socket, { status: status || 401, message, headers });
    });
  }

  /** RFC 6455 §4.2.1, as far as `ws` judges it. Returns undefined for a request of another path. */
  #judge(request: InstanceType<U>): Judged | Refusal | undefined {
    const { headers, method } = request;
    const key = headers["sec-websocket-key"];
    const version = Number(headers["sec-websocket-version"]);
    if (method !== "GET") return { status: 405, message: "Invalid HTTP method" };
    if (headers.upgrade?.toLowerCase() !== "websocket")
      return { status: 400, message: "Invalid Upgrade header" };
    if (key === undefined || !isValidKey(key)) {
      return { status: 400, message: "Missing or invalid Sec-WebSocket-Key header" };
    }
    if (version !== 13 && version !== 8) {
      const message = "Missing or invalid Sec-WebSocket-Version header";
      return { status: 400, message, headers: { "Sec-WebSocket-Version": "13, 8" } };
    }
    if (!this.shouldHandle(request)) return undefined;
    let protocols = new Set<string>();
    const offered = headers["sec-websocket-protocol"];
    try {
      if (offered !== undefined) protocols = parseProtocols(offered);
    } catch {
      return { status: 400, message: "Invalid Sec-WebSocket-Protocol header" };
    }
    try {
      return {
        key,
        version,
        protocols,
        extensions: this.#extensionsFor(headers["sec-websocket-extensions"]),
      };
    } catch {
      return { status: 400, message: "Invalid or unacceptable Sec-WebSocket-Extensions header" };
    }
  }

  #extensionsFor(header: string | undefined): Extensions {
    const { perMessageDeflate, maxPayload = 0 } = this.options;
    if (!perMessageDeflate || header === undefined) return {};
    const offers = parseExtensions(header)[EXTENSION_NAME];
    if (offers === undefined) return {};
    const options = perMessageDeflate === true ? {} : perMessageDeflate;
    const deflate = new PerMessageDeflate({ ...options, isServer: true, maxPayload });
    deflate.accept(offers);
    return { [EXTENSION_NAME]: deflate };
  }

  #refuseOrTell(request: InstanceType<U>, socket: Duplex, refusal: Refusal): void {
    if (this.listenerCount("wsClientError") === 0) refuse(socket, refusal);
    else this.emit("wsClientError", new Error(refusal.message), socket, request);
  }

  /**
   * Accepts a request that was judged.
   *
   * @throws {Error} for a socket that is a WebSocket already.
   */
  completeUpgrade(
    extensions: Extensions,
    key: string,
    protocols: Set<string>,
    request: InstanceType<U>,
    socket: Duplex,
    head: Buffer,
    callback: (client: InstanceType<T>, request: InstanceType<U>) => void,
  ): void {
    if (!socket.readable || !socket.writable) {
      socket.destroy();
      return;
    }
    if (upgraded.has(socket)) {
      const cause = "possibly due to a misconfiguration";
      throw new Error(`server.handleUpgrade() was called more than once with the same socket, ${cause}`);
    }
    if (this._state > RUNNING) {
      refuse(socket, { status: 503, message: "" });
      return;
    }
    upgraded.add(socket);
    const { options } = this;
    const Client = options.WebSocket ?? WebSocket;
    const webSocket = new Client(null, undefined, options) as InstanceType<T>;
    const headers = [
      "HTTP/1.1 101 Switching Protocols",
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Accept: ${computeAccept(key)}`,
    ];
    if (protocols.size > 0) {
      const [first] = protocols;
      const protocol = options.handleProtocols ? options.handleProtocols(protocols, request) : first;
      if (protocol) {
        headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
        webSocket._protocol = protocol;
      }
    }
    const params = extensions[EXTENSION_NAME]?.params;
    if (params) {
      headers.push(`Sec-WebSocket-Extensions: ${format({ [EXTENSION_NAME]: params })}`);
      webSocket._extensions = extensions;
    }
    this.emit("headers", headers, request);
    socket.write(`${headers.join("\r\n")}\r\n\r\n`);
    socket.removeListener("error", destroy);
    const { allowSynchronousEvents, maxPayload } = options;
    webSocket.setSocket(socket, head, { allowSynchronousEvents, maxPayload });
    if (this.clients) this.#track(webSocket);
    callback(webSocket, request);
  }

  #track(webSocket: InstanceType<T>): void {
    this.clients.add(webSocket);
    webSocket.on("close", () => {
      this.clients.delete(webSocket);
      if (this._shouldEmitClose && this.clients.size === 0) process.nextTick(emitClose, this);
    });
  }
}

/** What the server of the option `port` says to ordinary requests. */
function askForUpgrade(_request: IncomingMessage, response: http.ServerResponse): void {
  const body = http.STATUS_CODES[426] as string;
  response.writeHead(426, { "Content-Length": body.length, "Content-Type": "text/plain" });
  response.end(body);
}

function emitClose(server: Pick<WebSocketServer, "_state" | "emit">): void {
  server._state = CLOSED;
  server.emit("close");
}

function destroy(this: Duplex): void {
  this.destroy();
}

/** Answers with a refusal, and ends the socket. */
function refuse(socket: Duplex, { status, message, headers = {} }: Refusal): void {
  const name = http.STATUS_CODES[status] ?? "";
  const body = message || name;
  const all: OutgoingHttpHeaders = {
    Connection: "close",
    "Content-Type": "text/html",
    "Content-Length": Buffer.byteLength(body),
    ...headers,
  };
  const lines = Object.entries(all).map(([header, value]) => `${header}: ${value}`);
  socket.once("finish", destroy);
  socket.end(`HTTP/1.1 ${status} ${name}\r\n${lines.join("\r\n")}\r\n\r\n${body}`);
}
