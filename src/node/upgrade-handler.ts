/**
 * The server's side of the opening handshake on real sockets: judges a request, asks whoever has a say, and makes a
 * connection or refuses.
 */

import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import {
  acceptPerMessageDeflate,
  buildHandshakeResponse,
  buildRefusal,
  type DeflateParameters,
  type ExtensionInit,
  type HandshakeOffer,
  type HeaderInit,
  isThenable,
  judgeHandshakeRequest,
  type OriginPolicy,
  type PerMessageDeflateOptions,
  type PreparedMessage,
  serializeExtensions,
} from "../protocol/index.js";
import { begin, Connection, type ServerHandlers } from "./connection.js";
import {
  type ConnectionOptions,
  compressionOf,
  settingsOf,
} from "./connection-options.js";
import { defer } from "./deferred.js";
import { channels } from "./diagnostics.js";
import type { SessionContext } from "./session.js";
import { type BroadcastOptions, type CloseOptions, Hub, type ServerCounters } from "./hub.js";
import { duration, Liveness } from "./liveness.js";
import { beginTurn, endTurn } from "./turn.js";

/** What `authorize` decides. true or undefined: accept. false: refuse with 401. */
export type Authorization<Data = unknown> =
  | boolean
  | undefined
  | {
      /** Headers of the 101 response. */
      readonly headers?: HeaderInit | undefined;
      /** What `connection.data` begins with. */
      readonly data?: Data;
      /** Compression for this connection, instead of what the server's options say. */
      readonly perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
    }
  | {
      /** Refuse with this: 300 to 599. */
      readonly status: number;
      readonly headers?: HeaderInit | undefined;
      readonly body?: string | undefined;
    };

export interface UpgradeOptions<Data = unknown> extends ConnectionOptions {
  /** The only path to accept, without a query, or what paths must match; others get 404. Default: all. */
  readonly path?: string | RegExp | undefined;
  /** Handlers by path, without a query; other paths get 404. */
  readonly routes?: Readonly<Record<string, ServerHandlers<Data>>> | undefined;
  /** Subprotocols that the server speaks: the first of the client's that is among them is used. */
  readonly protocols?: readonly string[] | undefined;
  /** Chooses among those that the client offers, instead; false or undefined for none. Not asked when it offers none. */
  readonly selectProtocol?: (
    protocols: readonly string[],
    request: IncomingMessage,
  ) => string | false | undefined;
  /** Has the last word about a request. What it throws refuses with 500. */
  readonly authorize?: (
    request: IncomingMessage,
    offer: HandshakeOffer,
  ) => Authorization<Data> | Promise<Authorization<Data>>;
  /** Which pages may connect. Default "same-origin": those from this host, and whatever is no browser. */
  readonly origin?: OriginPolicy | undefined;
  /** Connections at a time; more are refused with 503. Default: as many as come. */
  readonly maxConnections?: number | undefined;
  /** Milliseconds that a handshake may take, `authorize` included; 0: no limit. Default 10 s. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Bytes of a request's head. Default 16 KiB. */
  readonly maxHeadLength?: number | undefined;
}

/** For `server.on("upgrade", …)`; it knows its connections. */
export interface UpgradeHandler {
  (request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
  readonly connections: ReadonlySet<Connection>;
  readonly counters: ServerCounters;
  /** Sends to every open connection. Returns to how many. */
  broadcast(data: string | Uint8Array | PreparedMessage, options?: BroadcastOptions): number;
  /** Refuses with 503 from now on, closes all connections with 1001, and cuts those that do not close in time. */
  close(options?: CloseOptions): Promise<void>;
}

export const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;
const REFUSAL_TIMEOUT_MS = 2000;

/** What a connection is opened with, once it is accepted. */
interface Accepted<Data> {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Uint8Array;
  readonly offer: HandshakeOffer;
  readonly handlers: ServerHandlers<Data>;
}

/** What is decided about compression. */
interface Compression {
  /** What the response says. */
  readonly accepted: readonly ExtensionInit[];
  /** The same as the value of its header, "" for none. */
  readonly extensions: string;
  readonly parameters: DeflateParameters | undefined;
}

const NO_COMPRESSION: Compression = { accepted: [], extensions: "", parameters: undefined };

/** A refusal of our own. */
interface Refusal {
  readonly status: number;
  readonly headers?: HeaderInit | undefined;
  readonly body?: string | undefined;
  /** For the counters. */
  readonly code?: string | undefined;
}

const CLOSING: Refusal = { status: 503, body: "the server is closing" };
const LATE: Refusal = {
  status: 503,
  body: "the handshake took too long",
  code: "WS_ERR_HANDSHAKE_TIMEOUT",
};

class Upgrader<Data> {
  readonly hub = new Hub();
  readonly #options: UpgradeOptions<Data>;
  readonly #handlers: ServerHandlers<Data>;
  readonly #context: SessionContext;
  /** 0 for no limit. */
  readonly #handshakeTimeoutMs: number;
  /** Requests that wait for what `authorize` says: each function refuses one. */
  readonly #pending = new Set<(refusal: Refusal) => void>();
  #lastUrl = "";
  #lastHost = "";
  #lastCompression: Compression = NO_COMPRESSION;
  #isClosed = false;

  constructor(handlers: ServerHandlers<Data>, options: UpgradeOptions<Data>) {
    const { maxConnections } = options;
    if (maxConnections !== undefined && !(maxConnections >= 0)) {
      throw new RangeError(`maxConnections must be a number from 0 on, not ${String(maxConnections)}`);
    }
    this.#handshakeTimeoutMs = duration(options, "handshakeTimeoutMs", DEFAULT_HANDSHAKE_TIMEOUT_MS);
    this.#options = options;
    this.#handlers = handlers;
    this.#context = {
      settings: settingsOf("server", options),
      liveness: new Liveness(options),
      onGone: (connection: Connection) => this.hub.delete(connection),
    };
  }

  handle(request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    // Until the connection listens, nobody does: an error must not end the process (CVE-2022-41940).
    socket.on("error", ignore);
    const offer = judgeHandshakeRequest(request, this.#options);
    if (!offer.ok) {
      this.#refuse(request, socket, offer);
      return;
    }
    const handlers = this.#route(offer.path);
    if (handlers === undefined) {
      this.#refuse(request, socket, { status: 404, body: "no WebSocket is served under this path" });
      return;
    }
    const { maxConnections = Infinity, authorize } = this.#options;
    if (this.#isClosed || this.hub.connections.size + this.#pending.size >= maxConnections) {
      const full = { status: 503, body: "the server has no room for more connections" };
      this.#refuse(request, socket, this.#isClosed ? CLOSING : full);
      return;
    }
    const accepted = { request, socket, head, offer, handlers };
    if (authorize === undefined) {
      this.#decide(accepted, undefined);
      return;
    }
    try {
      const decision = authorize(request, offer);
      // A promise of any make: taken for an object, it would accept whoever asks.
      if (isThenable(decision)) void this.#await(accepted, decision);
      else this.#decide(accepted, decision);
    } catch (error) {
      this.#fail(accepted, error);
    }
  }

  /** The handlers for a path, undefined if there are none. */
  #route(target: string): ServerHandlers<Data> | undefined {
    const { path, routes } = this.#options;
    const query = target.indexOf("?");
    const name = query < 0 ? target : target.slice(0, query);
    if (routes !== undefined && Object.hasOwn(routes, name)) return routes[name];
    if (path === undefined) return routes === undefined ? this.#handlers : undefined;
    return (typeof path === "string" ? path === name : name.search(path) >= 0) ? this.#handlers : undefined;
  }

  async #await(accepted: Accepted<Data>, pending: PromiseLike<Authorization<Data>>): Promise<void> {
    const { promise: refused, resolve: refuse } = defer<Refusal>();
    const ms = this.#handshakeTimeoutMs;
    const timer = ms > 0 ? setTimeout(() => refuse(LATE), ms) : undefined;
    this.#pending.add(refuse);
    try {
      const decision = await Promise.race([pending, refused]);
      this.#decide(accepted, decision);
    } catch (error) {
      this.#fail(accepted, error);
    } finally {
      clearTimeout(timer);
      this.#pending.delete(refuse);
    }
  }

  #fail(accepted: Accepted<Data>, thrown: unknown): void {
    const error = thrown instanceof Error ? thrown : new Error(`a callback threw ${String(thrown)}`);
    if (channels.error.hasSubscribers) channels.error.publish({ request: accepted.request, error });
    this.#refuse(accepted.request, accepted.socket, { status: 500 });
  }

  #decide(accepted: Accepted<Data>, decision: Authorization<Data>): void {
    const { request, socket, offer } = accepted;
    if (socket.destroyed) return;
    if (decision === false) {
      this.#refuse(request, socket, { status: 401 });
      return;
    }
    if (decision !== undefined && decision !== true && (typeof decision !== "object" || decision === null)) {
      const error = new TypeError(`authorize must return a boolean or an object, not ${String(decision)}`);
      this.#fail(accepted, error);
      return;
    }
    const more = typeof decision === "object" ? decision : {};
    if ("status" in more) {
      this.#refuse(request, socket, more);
      return;
    }
    if (this.#isClosed) {
      this.#refuse(request, socket, CLOSING);
      return;
    }
    let response: string;
    let protocol: string;
    let compression: Compression;
    try {
      protocol = this.#selectProtocol(offer, request);
      compression = this.#compression(offer, more.perMessageDeflate);
      const extensions = compression.accepted;
      response = buildHandshakeResponse({ key: offer.key, protocol, extensions, headers: more.headers });
    } catch (error) {
      this.#fail(accepted, error);
      return;
    }
    this.#open(accepted, response, protocol, compression, more.data as Data);
  }

  /** Accepts one of the offers to compress, or none. */
  #compression(
    { extensions: offers }: HandshakeOffer,
    wanted: boolean | PerMessageDeflateOptions | undefined,
  ): Compression {
    const options = wanted === undefined ? this.#context.settings.compression : compressionOf(wanted);
    const agreed = options && acceptPerMessageDeflate(offers, options);
    if (agreed === undefined) return NO_COMPRESSION;
    const accepted = [agreed.response];
    const extensions = serializeExtensions(accepted);
    // What follows from the same options and comes to the same response is the same: most connections share it.
    const last = this.#lastCompression;
    if (wanted === undefined && last.extensions === extensions) return last;
    const compression = { accepted, extensions, parameters: agreed.parameters };
    if (wanted === undefined) this.#lastCompression = compression;
    return compression;
  }

  #selectProtocol({ protocols }: HandshakeOffer, request: IncomingMessage): string {
    if (protocols.length === 0) return "";
    const { selectProtocol, protocols: ours = [] } = this.#options;
    if (selectProtocol === undefined) return protocols.find((name) => ours.includes(name)) ?? "";
    const chosen = selectProtocol([...protocols], request);
    if (chosen === undefined || chosen === false) return "";
    // §4.2.2: "The value chosen MUST be derived from the client's handshake".
    if (!protocols.includes(chosen)) {
      throw new TypeError(
        `selectProtocol must return one of ${protocols.join(", ")}, or false, not ${String(chosen)}`,
      );
    }
    return chosen;
  }

  #open(
    accepted: Accepted<Data>,
    response: string,
    protocol: string,
    { extensions, parameters: perMessageDeflate }: Compression,
    data: Data,
  ): void {
    const { request, socket, head, offer, handlers } = accepted;
    // What `timeout` and `nodelay` a server gave its sockets was for HTTP.
    const { setTimeout: noTimeout, setNoDelay } = socket as Partial<import("node:net").Socket>;
    noTimeout?.call(socket as import("node:net").Socket, 0);
    setNoDelay?.call(socket as import("node:net").Socket, true);
    const scheme = (request.socket as { encrypted?: boolean }).encrypted === true ? "wss" : "ws";
    let url = `${scheme}://${offer.host}${offer.path}`;
    let { host } = offer;
    // Most connections are to the same place: they share the strings that say so.
    if (url === this.#lastUrl && host === this.#lastHost) {
      url = this.#lastUrl;
      host = this.#lastHost;
    }
    this.#lastUrl = url;
    this.#lastHost = host;
    const opening = { url, host, protocol, extensions, perMessageDeflate };
    const connection = new Connection<Data>(socket, opening, handlers, this.#context);
    connection.data = data;
    this.hub.add(connection as Connection);
    beginTurn();
    // What the open handler sends leaves with the response, in one write.
    socket.cork();
    try {
      socket.write(response, "latin1");
      socket.removeListener("error", ignore);
      connection[begin](() => handlers.open?.(connection, request), head);
    } finally {
      endTurn();
      socket.uncork();
    }
  }

  #refuse(request: IncomingMessage, socket: Duplex, refusal: Refusal): void {
    if (socket.destroyed) return;
    let text: string;
    try {
      text = buildRefusal(refusal);
    } catch (error) {
      if (channels.error.hasSubscribers) channels.error.publish({ request, error });
      text = buildRefusal({ status: 500 });
    }
    const reason = refusal.code ?? String(refusal.status);
    this.hub.refused(reason);
    if (channels.refuse.hasSubscribers) {
      channels.refuse.publish({ request, status: refusal.status, reason });
    }
    // Whoever does not read its refusal is not waited for.
    const timer = setTimeout(() => socket.destroy(), REFUSAL_TIMEOUT_MS);
    socket.once("close", () => clearTimeout(timer));
    socket.once("finish", () => socket.destroy());
    socket.end(text, "latin1");
  }

  async close(options?: CloseOptions): Promise<void> {
    this.#isClosed = true;
    for (const refuse of this.#pending) refuse(CLOSING);
    await this.hub.close(options);
  }
}

function ignore(): void {}

/**
 * Accepts WebSocket connections on an HTTP server that exists already, beside its ordinary routes.
 *
 * ```ts
 * const upgrade = createUpgradeHandler(async (connection) => {
 *   for await (const message of connection) connection.send(message.data);
 * });
 * httpServer.on("upgrade", upgrade);
 * ```
 *
 * @param onConnection - called with each connection once it is open, or the handlers of all connections.
 * @throws {TypeError | RangeError} for options that make no sense.
 */
export function createUpgradeHandler<Data = unknown>(
  onConnection:
    | ((connection: Connection<Data>, request: IncomingMessage) => unknown)
    | ServerHandlers<Data>,
  options: UpgradeOptions<Data> = {},
): UpgradeHandler {
  const handlers =
    typeof onConnection === "function"
      ? { open: onConnection as ServerHandlers<Data>["open"] }
      : onConnection;
  const upgrader = new Upgrader(handlers as ServerHandlers<Data>, options);
  const { hub } = upgrader;
  const handler = (request: IncomingMessage, socket: Duplex, head: Uint8Array) =>
    upgrader.handle(request, socket, head);
  return Object.defineProperties(handler as UpgradeHandler, {
    connections: { value: hub.connections },
    counters: { get: () => hub.counters },
    broadcast: { value: hub.broadcast.bind(hub) },
    close: { value: upgrader.close.bind(upgrader) },
  });
}
