/**
 * The server's side of the opening handshake on real sockets: checks a request, calls the user's callbacks, and opens
 * a connection or refuses. If a callback fails, its request gets status 500 and the error is reported.
 */

import type { Server as HttpServer, IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { InvalidStateError } from "../codec/index.js";
import {
  acceptPerMessageDeflate,
  assertHandlers,
  assertKnownOptions,
  buildHandshakeResponse,
  buildRefusal,
  type DeflateParameters,
  type ExtensionInit,
  type HandshakeOffer,
  type HeaderInit,
  isThenable,
  judgeHandshakeRequest,
  judgeOrigin,
  nameOf,
  type PerMessageDeflateOptions,
  serializeExtensions,
} from "../protocol/index.js";
import { type Authorization, type Decision, readDecision } from "./authorization.js";
import { begin, Connection, type ServerHandlers } from "./connection.js";
import { compressionOf, HANDLER_NAMES, type SessionContext, settingsOf } from "./connection-options.js";
import { defer } from "./deferred.js";
import { channels } from "./diagnostics.js";
import {
  type Broadcastable,
  type BroadcastOptions,
  type CloseOptions,
  checkCloseOptions,
  Hub,
  type ServerCounters,
} from "./hub.js";
import { keepRequest } from "./kept-request.js";
import { Liveness } from "./liveness.js";
import {
  answerOrdinarily,
  hasOthers,
  ignore,
  isTaken,
  OtherSockets,
  offersWebSocket,
  serverOf,
  take,
} from "./other-upgrades.js";
import { type ErrorSubject, reportError, tellError } from "./report.js";
import { LazyTopics } from "./topics/lazy-topics.js";
import type { Publishable, PublishOptions, Topics } from "./topics/topics.js";
import { beginTurn, endTurn } from "./turn.js";
import {
  FIRST_ARGUMENT_HINTS,
  readUpgradeOptions,
  SECOND_ARGUMENT_HINTS,
  UPGRADE_OPTION_NAMES,
  type UpgradeOptions,
  type UpgradeSettings,
} from "./upgrade-options.js";

/**
 * A listener for `server.on("upgrade", …)`, which also gives access to its connections. Without a type argument, their
 * data may have any type.
 */
export interface UpgradeHandler<Data = unknown> {
  (request: IncomingMessage, socket: Duplex, head: Uint8Array): void;
  readonly connections: ReadonlySet<Connection<Data>>;
  readonly counters: ServerCounters;
  /** Sends to every open connection; see `Server.broadcast`. */
  broadcast(data: Broadcastable, options?: BroadcastOptions): number;
  /** The topics of its connections. `publish` and `subscriberCount` are methods of `Topics`. */
  readonly topics: Topics;
  publish(topic: string, data: Publishable, options?: PublishOptions): number;
  subscriberCount(topic: string): number;
  /**
   * Refuses new requests with 503, closes all connections with 1001 or the given code, and cuts those that do not close
   * in time. If it is called several times, the first code and the shortest time apply.
   */
  close(options?: CloseOptions): Promise<void>;
}

const REFUSAL_TIMEOUT_MS = 2000;

/** A request that may become a connection. */
interface Accepted<Data> {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Uint8Array;
  readonly offer: HandshakeOffer;
  readonly handlers: ServerHandlers<Data>;
}

/** The decision about compression. */
interface Compression {
  /** The extensions in the response. */
  readonly accepted: readonly ExtensionInit[] | undefined;
  /** The same as a header value; "" for none. */
  readonly extensions: string;
  readonly parameters: DeflateParameters | undefined;
}

const NO_COMPRESSION: Compression = { accepted: undefined, extensions: "", parameters: undefined };

/** A response that refuses the connection. */
interface Refusal {
  readonly status: number;
  readonly headers?: HeaderInit | undefined;
  readonly body?: string | undefined;
  /** The reason in the counters. Default: the status. */
  readonly code?: string | undefined;
}

const NOT_FOUND: Refusal = { status: 404, body: "no WebSocket is served under this path" };
const FOREIGN: Refusal = {
  status: 403,
  body: "the Origin must be one that may connect here",
  code: "WS_ERR_ORIGIN_NOT_ALLOWED",
};
const FULL: Refusal = { status: 503, body: "the server has no room for more connections" };
const CLOSING: Refusal = { status: 503, body: "the server is closing" };
const LATE: Refusal = {
  status: 503,
  body: "the handshake took too long",
  code: "WS_ERR_HANDSHAKE_TIMEOUT",
};

/** Handles the upgrade requests of one server. */
export class Upgrader<Data> {
  readonly hub = new Hub();
  readonly topics: LazyTopics;
  /** Sockets that did not become connections of this server. */
  readonly others = new OtherSockets();
  readonly settings: UpgradeSettings<Data>;
  /** Accepts any origin: the origin is checked later, once the path matches. */
  readonly #limits: { readonly origin: "any"; readonly maxHeadLength: number };
  readonly #context: SessionContext;
  /** One function for each request that waits for `authorize`: it refuses the request; undefined sends no response. */
  readonly #pending = new Set<(refusal: Refusal | undefined) => void>();
  #lastUrl = "";
  #lastHost = "";
  #lastCompression: Compression = NO_COMPRESSION;
  #isClosed = false;

  constructor(handlers: ServerHandlers<Data>, options: UpgradeOptions<Data>) {
    this.settings = readUpgradeOptions(handlers, options);
    this.#limits = { origin: "any", maxHeadLength: this.settings.maxHeadLength };
    this.topics = new LazyTopics(options.topics);
    this.#context = {
      settings: settingsOf("server", options),
      liveness: new Liveness(options),
      longTurns: this.hub.longTurns,
      onGone: (connection) => {
        this.topics.made?.leave(connection);
        this.hub.delete(connection);
      },
      topics: this.topics,
    };
  }

  /** Handles a request to upgrade. Never throws. */
  handle(server: HttpServer | undefined, request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    // The client has gone: a response cannot reach it.
    if (socket.destroyed) return;
    try {
      this.#judge(server, request, socket, head);
    } catch (error) {
      this.#fail(request, socket, error);
    }
  }

  #judge(server: HttpServer | undefined, request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    const offer = judgeHandshakeRequest(request, this.#limits);
    if (!offer.ok && !offersWebSocket(request)) {
      if (this.#leave(server, request, socket, true)) return;
      if (server === undefined) this.#refuse(request, socket, offer);
      else answerOrdinarily(server, request, socket, head);
      return;
    }
    const { routes, origin, maxConnections, authorize } = this.settings;
    const handlers = routes.find(offer.ok ? offer.path : (request.url ?? ""));
    if (handlers === undefined) {
      if (this.#leave(server, request, socket, routes.isSelective)) return;
      this.#refuse(request, socket, offer.ok ? NOT_FOUND : offer);
      return;
    }
    if (isTaken(socket)) {
      const error = new InvalidStateError(
        "another listener for upgrade has taken the socket of a request that is for this one too; it is left alone",
      );
      this.others.add(socket);
      this.report(error, { request });
      return;
    }
    if (!offer.ok) this.#refuse(request, socket, offer);
    else if (!judgeOrigin(offer.origin, offer.host, origin)) this.#refuse(request, socket, FOREIGN);
    else if (this.#isClosed) this.#refuse(request, socket, CLOSING);
    else if (this.hub.connections.size + this.#pending.size >= maxConnections) {
      this.#refuse(request, socket, FULL);
    } else {
      const accepted = { request, socket, head, offer, handlers };
      const decision = authorize?.(request, offer);
      // Any thenable counts as a promise. Read as a decision object, it would accept every client.
      if (isThenable(decision)) void this.#await(accepted, decision);
      else this.#decide(accepted, readDecision(decision));
    }
  }

  /** Leaves an unmatched request to other listeners if one has taken it or the options say so. Else returns false. */
  #leave(
    server: HttpServer | undefined,
    request: IncomingMessage,
    socket: Duplex,
    isSelective: boolean,
  ): boolean {
    if (isTaken(socket)) {
      this.others.add(socket);
      return true;
    }
    const { unmatched = isSelective && hasOthers(server) ? "leave" : "refuse" } = this.settings;
    if (unmatched === "refuse") return false;
    const refuse = () => this.#refuse(request, socket, NOT_FOUND);
    return this.others.leave(server, socket, this.settings.handshakeTimeoutMs, refuse);
  }

  async #await(accepted: Accepted<Data>, pending: PromiseLike<Authorization<Data>>): Promise<void> {
    const { request, socket } = accepted;
    const { promise: refused, resolve: refuse } = defer<Refusal | undefined>();
    const ms = this.settings.handshakeTimeoutMs;
    const timer = ms > 0 ? setTimeout(() => refuse(LATE), ms) : undefined;
    const leave = () => refuse(undefined);
    take(socket);
    // Until the connection listens, an "error" event without a listener would end the process (CVE-2022-41940).
    socket.on("error", ignore);
    socket.once("close", leave);
    this.#pending.add(refuse);
    // An error after the timeout is still reported: it may explain the delay.
    const decided = Promise.resolve(pending).then(readDecision<Data>);
    let isLate = false;
    decided.catch((error) => isLate && this.report(error, { request }));
    try {
      const outcome = await Promise.race([decided, refused.then((refusal) => ({ refusal }))]);
      if (!("refusal" in outcome)) {
        socket.removeListener("error", ignore);
        this.#decide(accepted, outcome);
      } else {
        isLate = true;
        if (outcome.refusal !== undefined) this.#refuse(request, socket, outcome.refusal);
        if (outcome.refusal === LATE) {
          const late = `authorize has not decided after ${ms} ms (handshakeTimeoutMs)`;
          this.report(new Error(`${late}; the request was refused`), { request });
        }
      }
    } catch (error) {
      this.#fail(request, socket, error);
    } finally {
      clearTimeout(timer);
      this.#pending.delete(refuse);
      socket.removeListener("close", leave);
    }
  }

  /** A callback failed: the client gets status 500 without details. */
  #fail(request: IncomingMessage, socket: Duplex, thrown: unknown): void {
    this.report(thrown, { request });
    this.#refuse(request, socket, { status: 500 });
  }

  /** Reports a bug in a callback of the user. */
  report(thrown: unknown, subject: ErrorSubject): void {
    reportError(thrown, subject, this.#listener(subject));
  }

  /** Reports an error of the system. */
  tell(error: Error): void {
    tellError(error, {}, this.#listener({}));
  }

  #listener(subject: ErrorSubject): ((error: Error) => unknown) | undefined {
    const { onError } = this.settings;
    return onError && ((error) => onError(error, subject));
  }

  /** @throws errors of callbacks, and an error if the decision of `authorize` cannot be sent. */
  #decide(accepted: Accepted<Data>, decision: Decision<Data>): void {
    const { request, socket, offer } = accepted;
    if (socket.destroyed) return;
    const { status, headers, body } = decision;
    if (status !== undefined) {
      this.#refuse(request, socket, { status, headers, body });
      return;
    }
    if (this.#isClosed) {
      this.#refuse(request, socket, CLOSING);
      return;
    }
    const protocol = this.#selectProtocol(offer, request);
    const compression = this.#compression(offer, decision.perMessageDeflate);
    const extensions = compression.accepted;
    const response = buildHandshakeResponse({ key: offer.key, protocol, extensions, headers });
    this.#open(accepted, response, protocol, compression, decision.data);
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
    // The same options and the same response give the same result, which most connections share.
    const last = this.#lastCompression;
    if (wanted === undefined && last.extensions === extensions) return last;
    const compression = { accepted, extensions, parameters: agreed.parameters };
    if (wanted === undefined) this.#lastCompression = compression;
    return compression;
  }

  #selectProtocol({ protocols }: HandshakeOffer, request: IncomingMessage): string {
    if (protocols.length === 0) return "";
    const { selectProtocol, protocols: ours } = this.settings;
    if (selectProtocol === undefined) return protocols.find((name) => ours.includes(name)) ?? "";
    const chosen: unknown = selectProtocol([...protocols], request);
    if (chosen === undefined || chosen === false) return "";
    // §4.2.2: "The value chosen MUST be derived from the client's handshake".
    if (typeof chosen === "string" && protocols.includes(chosen)) return chosen;
    if (isThenable(chosen)) chosen.then(undefined, ignore);
    const came = isThenable(chosen) ? "a promise" : nameOf(chosen);
    throw new TypeError(`selectProtocol must return one of ${protocols.join(", ")}, or false, not ${came}`);
  }

  #open(
    { request, socket, head, offer, handlers }: Accepted<Data>,
    response: string,
    protocol: string,
    { extensions, parameters: perMessageDeflate }: Compression,
    data: Data,
  ): void {
    take(socket);
    // The `timeout` that a server sets on its sockets is meant for HTTP.
    const { timeout, setTimeout, setNoDelay } = socket as Partial<Socket>;
    if (timeout) setTimeout?.call(socket as Socket, 0);
    setNoDelay?.call(socket as Socket, true);
    const scheme = (request.socket as { encrypted?: boolean }).encrypted === true ? "wss" : "ws";
    const url = `${scheme}://${offer.host}${offer.path}`;
    // Most connections have the same URL and host: they share the strings.
    if (url !== this.#lastUrl || offer.host !== this.#lastHost) {
      this.#lastUrl = url;
      this.#lastHost = offer.host;
    }
    const opening = { url: this.#lastUrl, host: this.#lastHost, protocol, extensions, perMessageDeflate };
    const connection = new Connection<Data>(socket, opening, handlers, this.#context);
    connection.data = data;
    if (this.settings.keepRequest) keepRequest(connection, request);
    beginTurn();
    try {
      // Messages that the open handler sends leave with the response, in one write.
      socket.cork();
      socket.write(response, "latin1");
      this.hub.add(connection as Connection);
      connection[begin](() => handlers.open?.(connection, request), head);
    } catch (error) {
      // The response is already written. The client would read a second one as frames.
      this.report(error, { connection: connection as Connection });
      socket.destroy();
    } finally {
      endTurn();
      socket.uncork();
    }
  }

  /** Writes a refusal and ends the socket. */
  #refuse(request: IncomingMessage, socket: Duplex, refusal: Refusal): void {
    if (socket.destroyed || socket.writableEnded) return;
    take(socket);
    socket.on("error", ignore);
    let text: string;
    try {
      text = buildRefusal(refusal);
    } catch (error) {
      this.#fail(request, socket, error);
      return;
    }
    const { status, code: reason = String(status) } = refusal;
    this.hub.refused(reason);
    if (channels.refuse.hasSubscribers) channels.refuse.publish({ request, status, reason });
    // Do not wait for a client that does not read the refusal.
    const timer = setTimeout(() => socket.destroy(), REFUSAL_TIMEOUT_MS);
    this.others.add(socket, () => clearTimeout(timer));
    socket.once("finish", () => socket.destroy());
    socket.end(text, "latin1");
  }

  async close(options: CloseOptions = {}): Promise<void> {
    checkCloseOptions(options);
    this.#isClosed = true;
    for (const refuse of this.#pending) refuse(CLOSING);
    this.topics.flush();
    await this.hub.close(options);
    await this.topics.close();
  }
}

/**
 * Accepts WebSocket connections on an existing HTTP server, beside its ordinary routes.
 *
 * ```ts
 * const upgrade = createUpgradeHandler(async (connection) => {
 *   for await (const message of connection) connection.send(message.data);
 * });
 * httpServer.on("upgrade", upgrade);
 * ```
 *
 * @param onConnection - called with each connection once it is open, or the handlers of all connections.
 * @param options - read once, at this call.
 * @throws {TypeError | RangeError} for invalid options and for unknown option names.
 */
export function createUpgradeHandler<Data = undefined>(
  onConnection: ((connection: Connection<Data>, request: IncomingMessage) => unknown) | ServerHandlers<Data>,
  options: UpgradeOptions<Data> = {},
): UpgradeHandler<Data> {
  assertKnownOptions(options, UPGRADE_OPTION_NAMES, SECOND_ARGUMENT_HINTS, "createUpgradeHandler");
  if ((typeof onConnection !== "object" && typeof onConnection !== "function") || onConnection === null) {
    const expected = "createUpgradeHandler takes a function or an object of handlers first";
    throw new TypeError(`${expected}, not ${nameOf(onConnection)}`);
  }
  const handlers: ServerHandlers<Data> =
    typeof onConnection === "function" ? { open: onConnection } : onConnection;
  assertHandlers(handlers, HANDLER_NAMES, FIRST_ARGUMENT_HINTS, "createUpgradeHandler");
  const upgrader = new Upgrader(handlers, options);
  const { hub, topics } = upgrader;
  function handler(this: unknown, request: IncomingMessage, socket: Duplex, head: Uint8Array): void {
    upgrader.handle(serverOf(this, request), request, socket, head);
  }
  return Object.defineProperties(handler as UpgradeHandler<Data>, {
    connections: { value: hub.connections },
    counters: { get: () => hub.counters },
    broadcast: { value: hub.broadcast.bind(hub) },
    topics: { get: () => topics.topics },
    publish: { value: topics.publish.bind(topics) },
    subscriberCount: { value: topics.subscriberCount.bind(topics) },
    close: { value: upgrader.close.bind(upgrader) },
  });
}
