/** A server on a port, or a path, of its own. */

import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import { assertFunctions, assertKnownOptions, assertSignal, nameOf, whenAborted } from "../protocol/index.js";
import type { Connection, ServerHandlers } from "./connection.js";
import { HANDLER_NAMES } from "./connection-options.js";
import {
  type Broadcastable,
  type BroadcastOptions,
  type CloseOptions,
  checkCloseOptions,
  cutAfter,
  type ServerCounters,
} from "./hub.js";
import { serverOf } from "./other-upgrades.js";
import { answerRequests, type OpenResponses } from "./requests.js";
import { guardTlsCallbacks } from "./tls-callbacks.js";
import type { Publishable, PublishOptions, Topics } from "./topics/topics.js";
import { Upgrader } from "./upgrade-handler.js";
import {
  UPGRADE_OPTION_HINTS,
  UPGRADE_OPTION_NAMES,
  type UpgradeOptions,
  type UpgradeSettings,
} from "./upgrade-options.js";

export interface ServeOptions<Data = undefined> extends UpgradeOptions<Data>, ServerHandlers<Data> {
  /** Default 0: one that is free. */
  readonly port?: number | undefined;
  /** Default: all addresses of this machine. */
  readonly hostname?: string | undefined;
  /** Listen on a Unix socket instead of a port. */
  readonly socketPath?: string | undefined;
  /** Certificate and key: then clients connect with wss. */
  readonly tls?: TlsOptions | undefined;
  /**
   * Answers ordinary requests, those that offer an upgrade to another protocol too. May be async. What it throws is
   * answered with 500, unless it has begun to answer. Default: 426, "Upgrade Required".
   */
  readonly request?: ((request: IncomingMessage, response: ServerResponse) => unknown) | undefined;
  /** Connections that may wait to be taken, for the system. */
  readonly backlog?: number | undefined;
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** Names of all options of `serve`. The compiler sees to it that none is missing. */
const SERVE_OPTION_NAMES: readonly string[] = [
  ...UPGRADE_OPTION_NAMES,
  ...HANDLER_NAMES,
  ...Object.keys({
    port: true,
    hostname: true,
    socketPath: true,
    tls: true,
    request: true,
    backlog: true,
    signal: true,
  } satisfies Record<Exclude<keyof ServeOptions, keyof UpgradeOptions | keyof ServerHandlers>, true>),
];

/** What other libraries call options of a server with a port. */
const SERVE_OPTION_HINTS: Readonly<Record<string, string>> = {
  ...UPGRADE_OPTION_HINTS,
  host: "it is hostname",
  fetch: "ordinary requests are answered by request",
  websocket: "handlers stand beside the other options: message, close, …",
  cert: "certificate and key are tls: { cert, key }",
  key: "certificate and key are tls: { cert, key }",
  unix: "it is socketPath",
};

/** The HTTP server under a Server. With the option `tls` it is one of node:https, and has these members of it, too. */
export type HttpServer = http.Server &
  Pick<https.Server, "addContext" | "getTicketKeys" | "setSecureContext" | "setTicketKeys">;

/** A server that listens. Without a type argument: one whose connections have data of any type. */
export class Server<Data = unknown> {
  /** The HTTP server under it. With TLS, `http.setSecureContext` renews the certificate. */
  readonly http: HttpServer;
  /** ws://address:port, or wss; ws+unix:path for a Unix socket. */
  readonly url: string;
  readonly hostname: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  readonly #upgrader: Upgrader<never>;
  readonly #responses: OpenResponses;
  readonly #sockets: ReadonlySet<Socket>;
  #closing: Promise<void> | undefined = undefined;

  /**
   * Use `serve`.
   *
   * @internal
   */
  constructor(
    server: http.Server,
    upgrader: Upgrader<never>,
    responses: OpenResponses,
    sockets: ReadonlySet<Socket>,
  ) {
    const scheme = server instanceof https.Server ? "wss" : "ws";
    const address = server.address() as AddressInfo | string;
    this.http = server as HttpServer;
    this.#upgrader = upgrader;
    this.#responses = responses;
    this.#sockets = sockets;
    if (typeof address === "string") {
      this.hostname = address;
      this.port = 0;
      this.url = `${scheme}+unix:${address}`;
      return;
    }
    // Where it listens on all addresses, this one leads to it.
    const isAny = address.address === "::" || address.address === "0.0.0.0";
    this.hostname = isAny ? "localhost" : address.address;
    this.port = address.port;
    const host = this.hostname.includes(":") ? `[${this.hostname}]` : this.hostname;
    this.url = `${scheme}://${host}:${address.port}`;
  }

  /** Open connections, and those that are closing. */
  get connections(): ReadonlySet<Connection<Data>> {
    return this.#upgrader.hub.connections as ReadonlySet<Connection<Data>>;
  }

  get counters(): ServerCounters {
    return this.#upgrader.hub.counters;
  }

  /**
   * Sends a message to every open connection: read once, encoded once, the same bytes for all.
   *
   * @param data - a string, bytes (any view, ArrayBuffer, Blob or File), or a prepared message. A Blob keeps its place
   *   in the order; one that cannot be read fails the connections that were to get it (1011).
   * @returns to how many it was sent. Where the policy `onOverflow` is "drop" or "throw" and too much waits, it is not;
   *   `counters.messagesDropped` counts the dropped ones.
   */
  broadcast(data: Broadcastable, options?: BroadcastOptions): number {
    return this.#upgrader.hub.broadcast(data, options);
  }

  /** What its connections subscribe to. */
  get topics(): Topics {
    return this.#upgrader.topics.topics;
  }

  /** Publishes to every connection that is subscribed to a topic; see `Topics.publish`. */
  publish(topic: string, data: Publishable, options?: PublishOptions): number {
    return this.#upgrader.topics.publish(topic, data, options);
  }

  /** How many connections of this process are subscribed to a topic. */
  subscriberCount(topic: string): number {
    return this.#upgrader.topics.subscriberCount(topic);
  }

  /**
   * Stops listening, closes all connections with 1001 or another code, lets responses under way finish, and cuts
   * the connections that have not ended in time. Of several calls the first says the code, and the shortest time counts.
   *
   * @returns once everything is closed; rejects for options that make no sense, and then nothing is closed.
   */
  close(options: CloseOptions = {}): Promise<void> {
    try {
      checkCloseOptions(options);
    } catch (error) {
      return Promise.reject(error);
    }
    const isFirst = this.#closing === undefined;
    this.#closing ??= this.#close(options);
    const closing = this.#closing;
    if (!isFirst) void this.#upgrader.close(options);
    const stop = cutAfter(options, () => this.#cut());
    void closing.then(stop);
    return closing;
  }

  async #close(options: CloseOptions): Promise<void> {
    const closed = new Promise<void>((resolve) => this.http.close(() => resolve()));
    this.http.closeIdleConnections();
    await Promise.all([this.#upgrader.close(options), this.#responses.finished()]);
    // The remaining sockets are silent, or hold only a part of a request.
    this.http.closeAllConnections();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** The time is up. */
  #cut(): void {
    this.#responses.abandon();
    this.http.closeAllConnections();
    this.#upgrader.others.destroy();
    for (const socket of this.#sockets) socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** RFC 9110 §15.5.22: the answer to an ordinary request. */
function requireUpgrade(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, {
    Upgrade: "websocket",
    Connection: "Upgrade, close",
    "Content-Type": "text/plain",
  });
  response.end("this is a WebSocket server\n");
}

/** Milliseconds that Node gives a request, its body included. */
const REQUEST_TIMEOUT_MS = 300_000;

/**
 * Starts a server.
 *
 * ```ts
 * const server = await serve({
 *   port: 8080,
 *   message(connection, message) {
 *     connection.send(message.data);
 *   },
 * });
 * ```
 *
 * @param options - read now, and not again, but for the handlers of connections.
 * @returns once it listens; rejects when it cannot, as when the port is taken.
 * @throws {TypeError | RangeError} for options that make no sense, and for names that are none.
 */
export async function serve<Data = undefined>(options: ServeOptions<Data> = {}): Promise<Server<Data>> {
  assertKnownOptions(options, SERVE_OPTION_NAMES, SERVE_OPTION_HINTS, "serve");
  const { port = 0, hostname, socketPath, backlog, tls, signal, request = requireUpgrade } = options;
  assertFunctions(options, [...HANDLER_NAMES, "request"]);
  assertSignal(signal);
  assertAddress({ port, hostname, socketPath, backlog });
  if (tls !== undefined && (typeof tls !== "object" || tls === null)) {
    throw new TypeError(`tls must be an object with a certificate and its key, not ${nameOf(tls)}`);
  }
  signal?.throwIfAborted();
  const upgrader = new Upgrader<Data>(options, options);
  const guarded = tls && guardTlsCallbacks(tls, (thrown) => upgrader.report(thrown, {}));
  const server = createHttpServer(upgrader.settings as UpgradeSettings<never>, guarded);
  const responses = answerRequests(server, request, (thrown, about) =>
    upgrader.report(thrown, { request: about }),
  );
  server.on("upgrade", function (this: unknown, about, socket, head) {
    upgrader.handle(serverOf(this, about), about, socket, head);
  });
  const sockets = new Set<Socket>();
  // A client that does not begin TLS has no HTTP connection that could be closed.
  if (tls !== undefined) {
    server.on("connection", (socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
  }
  const listens = new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(
      socketPath === undefined ? { port, host: hostname, backlog } : { path: socketPath, backlog },
      () => {
        server.removeListener("error", reject);
        resolve();
      },
    );
  });
  await listens.catch(async (error) => {
    await upgrader.topics.close();
    throw error;
  });
  // As when the system has no descriptor left for one more connection: those that are open go on.
  server.on("error", (error) => upgrader.tell(error));
  const listening = new Server<Data>(server, upgrader as Upgrader<never>, responses, sockets);
  if (signal?.aborted) {
    await listening.close();
    throw signal.reason;
  }
  // A signal may live longer than many servers.
  if (signal !== undefined)
    server.once(
      "close",
      whenAborted(signal, () => void listening.close()),
    );
  return listening;
}

/** Node notices some of these too late: what it throws then cannot be caught. */
function assertAddress({ port, hostname, socketPath, backlog }: ServeOptions): void {
  for (const [name, value, greatest] of [
    ["port", port, 0xffff],
    ["backlog", backlog, 2 ** 31 - 1],
  ] as const) {
    if (value === undefined || (Number.isInteger(value) && value >= 0 && value <= greatest)) continue;
    throw new RangeError(`${name} must be an integer from 0 to ${greatest}, not ${nameOf(value)}`);
  }
  for (const [name, value] of Object.entries({ hostname, socketPath })) {
    if (value === undefined || typeof value === "string") continue;
    throw new TypeError(`${name} must be a string, not ${nameOf(value)}`);
  }
}

function createHttpServer(
  { handshakeTimeoutMs, maxHeadLength }: UpgradeSettings<never>,
  tls: TlsOptions | undefined,
): http.Server {
  // Node's servers count in whole milliseconds.
  const timeout = Math.ceil(handshakeTimeoutMs);
  const settings: http.ServerOptions = {
    headersTimeout: timeout,
    // An ordinary request may take longer: it has a body.
    requestTimeout: timeout === 0 ? 0 : Math.max(timeout, REQUEST_TIMEOUT_MS),
    connectionsCheckingInterval: timeout === 0 ? 1000 : Math.max(10, Math.min(timeout / 2, 1000)),
    maxHeaderSize: maxHeadLength,
  };
  if (tls === undefined) return http.createServer(settings);
  return https.createServer({ handshakeTimeout: timeout, ...tls, ...settings });
}
