/**
 * What a user says about the opening handshake on a server: read and checked once, when the handler is made. No
 * request runs a getter of the user's options, and none meets a mistake that could have been told at the start.
 */

import type { IncomingMessage } from "node:http";
import {
  assertFunctions,
  checkOriginPolicy,
  DEFAULT_MAX_HEAD_LENGTH,
  type HandshakeOffer,
  listProtocols,
  nameOf,
  type OriginPolicy,
} from "../protocol/index.js";
import type { Authorization } from "./authorization.js";
import type { ServerHandlers } from "./connection.js";
import {
  CONNECTION_OPTION_HINTS,
  CONNECTION_OPTION_NAMES,
  type ConnectionOptions,
  HANDLER_HINTS,
  HANDLER_NAMES,
} from "./connection-options.js";
import { duration } from "./liveness.js";
import type { ErrorSubject } from "./report.js";
import { type Routes, readRoutes } from "./routes.js";
import type { Topics, TopicsOptions } from "./topics/topics.js";

export interface UpgradeOptions<Data = undefined> extends ConnectionOptions {
  /**
   * The only path to accept, without a query, or what paths must match; others get 404. Default: all. What a URL
   * has percent-encoded may be given as it is: "/café".
   */
  readonly path?: string | RegExp | undefined;
  /** Handlers by path, without a query; other paths get 404. */
  readonly routes?: Readonly<Record<string, ServerHandlers<Data>>> | undefined;
  /**
   * What becomes of a request that is not ours: of another path, or for another protocol. "refuse": 404, or an
   * ordinary response. "leave": nothing is done to its socket; if no other listener has taken it when
   * `handshakeTimeoutMs` is over, it is refused. Default: "leave" if the HTTP server has other `upgrade` listeners
   * and `path` or `routes` says which are ours; else "refuse".
   */
  readonly unmatched?: "leave" | "refuse" | undefined;
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
  /** Which pages may connect. Default "same-origin": those from this host, and all clients that are not browsers. */
  readonly origin?: OriginPolicy | undefined;
  /**
   * Called with errors that belong to no connection: an error of a callback while a request was answered (`request` says
   * which), and what keeps the server from taking connections. Without it, and without a subscriber of the channel
   * `hawser:connection:error`, what callbacks throw is printed.
   */
  readonly onError?: (error: Error, subject: ErrorSubject) => unknown;
  /** Whether `connection.request` has path and headers of the request as long as the connection lives. Default false. */
  readonly keepRequest?: boolean | undefined;
  /** Connections at a time; more are refused with 503. Default: as many as come. */
  readonly maxConnections?: number | undefined;
  /** Milliseconds that a handshake may take, `authorize` included; 0: no limit. Default 10 s. */
  readonly handshakeTimeoutMs?: number | undefined;
  /** Bytes of a request's head. Default 16 KiB. */
  readonly maxHeadLength?: number | undefined;
  /**
   * What its connections subscribe to: a `Topics` that it shares with others, or the options of its own. Default: its
   * own, made when it is first used.
   */
  readonly topics?: Topics | TopicsOptions | undefined;
}

export const DEFAULT_HANDSHAKE_TIMEOUT_MS = 10_000;

/** The same, checked and complete. */
export interface UpgradeSettings<Data> {
  readonly routes: Routes<Data>;
  readonly unmatched: "leave" | "refuse" | undefined;
  readonly protocols: readonly string[];
  readonly selectProtocol: UpgradeOptions<Data>["selectProtocol"];
  readonly authorize: UpgradeOptions<Data>["authorize"];
  readonly origin: OriginPolicy;
  readonly onError: UpgradeOptions<Data>["onError"];
  readonly keepRequest: boolean;
  readonly maxConnections: number;
  /** 0 for no limit. */
  readonly handshakeTimeoutMs: number;
  readonly maxHeadLength: number;
}

/** Names of all options of an upgrade handler. The compiler sees to it that none is missing. */
export const UPGRADE_OPTION_NAMES: readonly string[] = [
  ...CONNECTION_OPTION_NAMES,
  ...Object.keys({
    path: true,
    routes: true,
    unmatched: true,
    protocols: true,
    selectProtocol: true,
    authorize: true,
    origin: true,
    onError: true,
    keepRequest: true,
    maxConnections: true,
    handshakeTimeoutMs: true,
    maxHeadLength: true,
    topics: true,
  } satisfies Record<Exclude<keyof UpgradeOptions, keyof ConnectionOptions>, true>),
];

/** What other libraries call options of a server. */
export const UPGRADE_OPTION_HINTS: Readonly<Record<string, string>> = {
  ...CONNECTION_OPTION_HINTS,
  verifyClient: "authorize decides who may connect, and origin from which pages",
  handleProtocols: "selectProtocol chooses a subprotocol",
  clientTracking: "connections always has those that are open",
  noServer: "createUpgradeHandler is for an HTTP server that exists",
  server: "createUpgradeHandler is for an HTTP server that exists",
  httpServer: "createUpgradeHandler is for an HTTP server that exists",
  WebSocket: "there is one class of connections",
  protocol: "a server's subprotocols are protocols",
  allowedOrigins: "origin says which pages may connect",
  cors: "origin says which pages may connect",
  handshakeTimeout: "it is handshakeTimeoutMs, in milliseconds",
  timeout: "it is handshakeTimeoutMs, in milliseconds",
  publishDelayMs: "it is an option of topics: { publishDelayMs }",
  broker: "it is an option of topics: { broker }",
  adapter: "it is topics: { broker }",
  data: "authorize returns { data } for a connection",
};

/** What belongs into the second argument of `createUpgradeHandler`, and not into the first. */
export const FIRST_ARGUMENT_HINTS = {
  ...hintsFor(UPGRADE_OPTION_NAMES, "it is an option, and options are the second argument"),
  ...HANDLER_HINTS,
};
/** And the other way. */
export const SECOND_ARGUMENT_HINTS = {
  ...UPGRADE_OPTION_HINTS,
  ...hintsFor(HANDLER_NAMES, "handlers are the first argument"),
};

function hintsFor(names: readonly string[], hint: string): Readonly<Record<string, string>> {
  return Object.fromEntries(names.map((name) => [name, hint]));
}

/**
 * Reads and checks options.
 *
 * @param handlers - for what no route has handlers for.
 * @throws {TypeError | RangeError} naming the expected value.
 */
export function readUpgradeOptions<Data>(
  handlers: ServerHandlers<Data>,
  options: UpgradeOptions<Data>,
): UpgradeSettings<Data> {
  const { path, routes, unmatched, protocols = [], selectProtocol, authorize, origin, onError } = options;
  const { keepRequest, maxConnections = Infinity, maxHeadLength = DEFAULT_MAX_HEAD_LENGTH } = options;
  assertFunctions(options, ["selectProtocol", "authorize", "onError"]);
  assertCount("maxConnections", maxConnections);
  assertCount("maxHeadLength", maxHeadLength);
  if (unmatched !== undefined && unmatched !== "leave" && unmatched !== "refuse") {
    throw new TypeError(`unmatched must be "leave" or "refuse", not ${nameOf(unmatched)}`);
  }
  return {
    routes: readRoutes(handlers, path, routes),
    unmatched,
    protocols: readProtocols(protocols),
    selectProtocol,
    authorize,
    origin: checkOriginPolicy(origin),
    onError,
    keepRequest: keepRequest === true,
    maxConnections,
    handshakeTimeoutMs: duration(options, "handshakeTimeoutMs", DEFAULT_HANDSHAKE_TIMEOUT_MS),
    maxHeadLength,
  };
}

function assertCount(name: string, value: unknown): void {
  if (typeof value === "number" && value >= 0) return;
  throw new RangeError(`${name} must be a number from 0 on, not ${nameOf(value)}`);
}

function readProtocols(protocols: readonly string[]): readonly string[] {
  if (!Array.isArray(protocols)) {
    throw new TypeError(`protocols must be a list of subprotocols, not ${nameOf(protocols)}`);
  }
  try {
    return listProtocols(protocols);
  } catch (error) {
    throw new TypeError((error as Error).message);
  }
}
