/** A server on a port, or a path, of its own. */

import http, { type IncomingMessage, type ServerResponse } from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import type { TlsOptions } from "node:tls";
import { DEFAULT_MAX_HEAD_LENGTH, type PreparedMessage } from "../protocol/index.js";
import type { Connection, ServerHandlers } from "./connection.js";
import { channels } from "./diagnostics.js";
import type { BroadcastOptions, CloseOptions, ServerCounters } from "./hub.js";
import { duration } from "./liveness.js";
import {
  createUpgradeHandler,
  DEFAULT_HANDSHAKE_TIMEOUT_MS,
  type UpgradeHandler,
  type UpgradeOptions,
} from "./upgrade-handler.js";

export interface ServeOptions<Data = unknown> extends UpgradeOptions<Data>, ServerHandlers<Data> {
  /** Default 0: one that is free. */
  readonly port?: number | undefined;
  /** Default: all addresses of this machine. */
  readonly hostname?: string | undefined;
  /** Listen on a Unix socket instead of a port. */
  readonly socketPath?: string | undefined;
  /** Certificate and key: then clients connect with wss. */
  readonly tls?: TlsOptions | undefined;
  /** Answers ordinary requests. Default: 426, "Upgrade Required". */
  readonly request?: ((request: IncomingMessage, response: ServerResponse) => void) | undefined;
  /** Connections that may wait to be taken, for the system. */
  readonly backlog?: number | undefined;
  /** Closes the server when it aborts. */
  readonly signal?: AbortSignal | undefined;
}

/** A server that listens. */
export class Server {
  /** The HTTP server under it. */
  readonly http: http.Server;
  /** ws://address:port, or wss; ws+unix:path for a Unix socket. */
  readonly url: string;
  readonly hostname: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  readonly #upgrade: UpgradeHandler;
  #closing: Promise<void> | undefined = undefined;

  /** Use `serve`. */
  constructor(server: http.Server, upgrade: UpgradeHandler) {
    const scheme = server instanceof https.Server ? "wss" : "ws";
    const address = server.address() as AddressInfo | string;
    this.http = server;
    this.#upgrade = upgrade;
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
  get connections(): ReadonlySet<Connection> {
    return this.#upgrade.connections;
  }

  get counters(): ServerCounters {
    return this.#upgrade.counters;
  }

  /**
   * Sends a message to every open connection: encoded once, the same bytes for all.
   *
   * @returns to how many.
   */
  broadcast(data: string | Uint8Array | PreparedMessage, options?: BroadcastOptions): number {
    return this.#upgrade.broadcast(data, options);
  }

  /**
   * Stops listening, closes all connections with 1001, and cuts those that have not closed in time. A second
   * call waits for the first.
   */
  close(options?: CloseOptions): Promise<void> {
    this.#closing ??= this.#close(options);
    return this.#closing;
  }

  async #close(options?: CloseOptions): Promise<void> {
    const closed = new Promise<void>((resolve) => this.http.close(() => resolve()));
    this.http.closeIdleConnections();
    await this.#upgrade.close(options);
    this.http.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}

/** RFC 9110 §15.5.22: what an ordinary request is told. */
function requireUpgrade(_request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(426, { Upgrade: "websocket", Connection: "Upgrade", "Content-Type": "text/plain" });
  response.end("this is a WebSocket server\n");
}

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
 * @returns once it listens; rejects when it cannot, as when the port is taken.
 * @throws {TypeError | RangeError} for options that make no sense.
 */
export async function serve<Data = unknown>(options: ServeOptions<Data> = {}): Promise<Server> {
  const { port = 0, hostname, socketPath, backlog, tls, signal, request = requireUpgrade } = options;
  signal?.throwIfAborted();
  const upgrade = createUpgradeHandler<Data>(options, options);
  // Node's servers count in whole milliseconds.
  const timeout = Math.ceil(duration(options, "handshakeTimeoutMs", DEFAULT_HANDSHAKE_TIMEOUT_MS));
  const settings: http.ServerOptions = {
    headersTimeout: timeout,
    requestTimeout: timeout,
    connectionsCheckingInterval: timeout === 0 ? 1000 : Math.max(10, Math.min(timeout / 2, 1000)),
    maxHeaderSize: options.maxHeadLength ?? DEFAULT_MAX_HEAD_LENGTH,
  };
  const server =
    tls === undefined
      ? http.createServer(settings, request)
      : https.createServer({ handshakeTimeout: timeout, ...tls, ...settings }, request);
  server.on("upgrade", upgrade);
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(
      socketPath === undefined ? { port, host: hostname, backlog } : { path: socketPath, backlog },
      () => {
        server.removeListener("error", reject);
        resolve();
      },
    );
  });
  // As when the system has no descriptor left for one more connection: those that are open go on.
  server.on("error", (error) => {
    if (channels.error.hasSubscribers) channels.error.publish({ error });
  });
  const listening = new Server(server, upgrade);
  if (signal?.aborted) {
    await listening.close();
    throw signal.reason;
  }
  if (signal !== undefined) {
    const abort = () => void listening.close();
    signal.addEventListener("abort", abort, { once: true });
    // A signal may live longer than many servers.
    server.once("close", () => signal.removeEventListener("abort", abort));
  }
  return listening;
}
