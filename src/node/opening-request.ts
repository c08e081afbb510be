/** One request of the opening handshake on a real socket: the request, the accepted answers, and the deadline. */

import http, { type Agent, type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { LookupFunction } from "node:net";
import type { Duplex } from "node:stream";
import { clearTimeout, setTimeout } from "node:timers";
import type { ConnectionOptions as TlsConnectionOptions } from "node:tls";
import {
  type AcceptedHandshake,
  type Credentials,
  confirmPerMessageDeflate,
  DEFAULT_MAX_HEAD_LENGTH,
  type DeflateParameters,
  generateKey,
  HandshakeError,
  type HttpHeaders,
  listHandshakeHeaders,
  nameOf,
  offerPerMessageDeflate,
  type PerMessageDeflateOptions,
  type QueryInit,
  serializeExtensions,
  validateHandshakeResponse,
  type WebSocketUrl,
} from "../protocol/index.js";
import { openByProxy, proxyFor } from "./environment-proxy.js";
import {
  type CreateStream,
  guardAgent,
  guardCreateConnection,
  guardLookup,
  guardTls,
} from "./user-functions.js";

/** What a request needs to know: options of `connect`, each read once. */
export interface OpeningOptions {
  readonly protocols: readonly string[];
  /** Whether the server must choose one of them, as browsers want it. */
  readonly requireProtocol?: boolean | undefined;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly cookies: string | Readonly<Record<string, string>> | undefined;
  readonly params: QueryInit | undefined;
  readonly auth: string | Credentials | undefined;
  readonly origin: string | undefined;
  readonly tls: TlsConnectionOptions | undefined;
  readonly socketPath: string | undefined;
  /** As `readProxy` returns it. */
  readonly proxy: boolean | URL | undefined;
  readonly agent: Agent | undefined;
  readonly createConnection: CreateStream | undefined;
  readonly lookup: LookupFunction | undefined;
  readonly family: 0 | 4 | 6 | undefined;
  readonly localAddress: string | undefined;
  readonly maxHeadLength: number | undefined;
  /** What to offer, checked. */
  readonly compression: PerMessageDeflateOptions | undefined;
}

/** An upgraded response, and the stream that goes on behind it. */
export interface Upgraded {
  readonly url: WebSocketUrl;
  /** As it was requested, parameters included. */
  readonly path: string;
  readonly protocol: string;
  readonly extensions: string;
  readonly perMessageDeflate: DeflateParameters | undefined;
  readonly headers: HttpHeaders;
  readonly socket: Duplex;
  readonly head: Uint8Array;
}

/** Bytes of a refusal's body that an error keeps, and how long they are waited for once the head is there. */
const MAX_BODY_LENGTH = 65536;
const BODY_TIMEOUT_MS = 1000;

/**
 * Sends one request.
 *
 * @param isLast - whether a redirect is a refusal like another, of which the body is wanted.
 * @param signal - ends it at any time, also while there is no socket yet.
 * @returns the upgraded response, or a HandshakeError for one that opens no connection.
 * @throws what the system or a function of the user's says; `signal.reason`.
 */
export function requestOpening(
  url: WebSocketUrl,
  options: OpeningOptions,
  isLast: boolean,
  signal: AbortSignal,
): Promise<Upgraded | HandshakeError> {
  const { protocols, requireProtocol, compression } = options;
  const key = generateKey();
  const extensions = compression === undefined ? [] : offerPerMessageDeflate(compression);
  const { path, headers } = listHandshakeHeaders({ ...options, url, key, extensions });
  const settings = settingsFor(url, path, headers, options, signal);
  const judge = (response: IncomingMessage, body?: Uint8Array) => {
    const said = { status: statusOf(response), headers: headersOf(response), body };
    // RFC 9112 §2.3: `HTTP-version` of a message of HTTP/1. Node's parser takes "HTTP/2.0" for one, too.
    if (response.httpVersionMajor !== 1) {
      const message = `the response must be HTTP/1, not HTTP/${response.httpVersion}`;
      return new HandshakeError(message, "WS_ERR_INVALID_RESPONSE", said.status, { headers: said.headers });
    }
    const accepted = validateHandshakeResponse(said, { key, protocols, extensions, requireProtocol });
    return accepted.ok ? confirm(accepted, compression, said.headers) : accepted;
  };

  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const settle = (how: () => void) => {
      signal.removeEventListener("abort", abort);
      how();
    };
    const fail = (error: unknown) => {
      // The answer matters more than its cut body.
      if (!isAnswered) settle(() => reject(error));
      outgoing?.destroy();
    };
    const abort = () => fail(signal.reason);
    let outgoing: ClientRequest | undefined;
    const { agent } = settings;
    if (typeof agent === "object" && !(agent instanceof http.Agent)) settings.agent = guardAgent(agent, fail);
    outgoing = (url.secure ? https : http).request(settings);
    signal.addEventListener("abort", abort, { once: true });
    // Node drops headers above a count of its own silently; `maxHeadLength` is the limit here.
    outgoing.maxHeadersCount = 0;
    outgoing.on("error", (error) => fail(explain(error, options)));
    outgoing.on("close", () => fail(new Error("the request ended without a response")));
    outgoing.on("response", (response) => {
      isAnswered = true;
      void answerOf(response, judge, isLast).then((answer) => {
        outgoing?.destroy();
        settle(() => resolve(answer));
      }, reject);
    });
    outgoing.on("upgrade", (response, socket, head) => {
      isAnswered = true;
      const outcome = judge(response);
      if (signal.aborted || !outcome.ok) socket.destroy();
      if (signal.aborted) return settle(() => reject(signal.reason));
      settle(() => resolve(outcome.ok ? { ...outcome, url, path, socket, head } : outcome));
    });
    outgoing.end();
    if (signal.aborted) abort();
  });
}

/** The options for `http.request`. */
function settingsFor(
  url: WebSocketUrl,
  path: string,
  headers: readonly (readonly [string, string])[],
  options: OpeningOptions,
  signal: AbortSignal,
): https.RequestOptions {
  const { agent, createConnection, socketPath, lookup, family, localAddress } = options;
  const tls = url.secure ? guardTls(options.tls ?? {}) : {};
  const opensItself = agent !== undefined || createConnection !== undefined || socketPath !== undefined;
  const proxy = opensItself ? undefined : proxyFor(url, options.proxy);
  const opener = proxy === undefined ? createConnection : openByProxy(proxy, url, tls, signal);
  return {
    ...tls,
    method: "GET",
    auth: undefined,
    host: url.host,
    port: url.port,
    path,
    headers: headerRecord(headers),
    // An agent that keeps sockets would have one less with each connection.
    // Node asks `createConnection` only where no agent is.
    agent: agent ?? (opener === undefined ? false : undefined),
    maxHeaderSize: options.maxHeadLength ?? DEFAULT_MAX_HEAD_LENGTH,
    createConnection: opener && (guardCreateConnection(opener) as http.ClientRequestArgs["createConnection"]),
    ...(socketPath === undefined ? undefined : { socketPath }),
    ...(lookup === undefined ? undefined : { lookup: guardLookup(lookup) }),
    ...(family === undefined ? undefined : { family }),
    ...(localAddress === undefined ? undefined : { localAddress }),
  };
}

/**
 * Headers as an object. Of a list Node would write the head at once, before agents and instrumentation could see it
 * and add theirs.
 */
function headerRecord(list: readonly (readonly [string, string])[]): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = Object.create(null);
  const names = new Map<string, string>();
  for (const [name, value] of list) {
    const lowerCase = name.toLowerCase();
    const known = names.get(lowerCase);
    if (known === undefined) {
      names.set(lowerCase, name);
      record[name] = value;
    } else {
      record[known] = [record[known], value].flat();
    }
  }
  return record;
}

/** The error that a response without an upgrade stands for. */
async function answerOf(
  response: IncomingMessage,
  judge: (response: IncomingMessage, body?: Uint8Array) => HandshakeError | { readonly ok: true },
  isLast: boolean,
): Promise<HandshakeError> {
  const first = judge(response);
  // A response of status 101 that upgrades nothing is judged by its headers and passes no further.
  if (!(first instanceof HandshakeError)) {
    const message = "the response must upgrade the connection";
    return new HandshakeError(message, "WS_ERR_INVALID_RESPONSE", statusOf(response), {
      headers: headersOf(response),
    });
  }
  if (first.location !== undefined && !isLast) return first;
  return judge(response, await readBody(response)) as HandshakeError;
}

/** The beginning of a body: until its end, its limits, or until the socket is gone. Never rejects. */
function readBody(response: IncomingMessage): Promise<Uint8Array> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    const finish = () => {
      clearTimeout(timer);
      resolve(new Uint8Array(Buffer.concat(chunks)));
    };
    const timer = setTimeout(finish, BODY_TIMEOUT_MS);
    response.on("data", (chunk: Uint8Array) => {
      if (length === MAX_BODY_LENGTH) return;
      chunks.push(chunk.subarray(0, MAX_BODY_LENGTH - length));
      length = Math.min(MAX_BODY_LENGTH, length + chunk.length);
      if (length === MAX_BODY_LENGTH) finish();
    });
    for (const end of ["end", "error", "close"]) response.on(end, finish);
  });
}

/** The accepted values, if they were offered. */
function confirm(
  accepted: AcceptedHandshake,
  offered: PerMessageDeflateOptions | undefined,
  headers: HttpHeaders,
) {
  const { ok, protocol, extensions } = accepted;
  const agreed = offered && confirmPerMessageDeflate(extensions, offered);
  if (agreed instanceof HandshakeError) {
    return new HandshakeError(agreed.message, agreed.code, agreed.status, { headers });
  }
  return { ok, protocol, extensions: serializeExtensions(extensions), perMessageDeflate: agreed, headers };
}

function statusOf(response: IncomingMessage): number {
  return response.statusCode ?? 0;
}

function headersOf(response: IncomingMessage): HttpHeaders {
  return new Map(Object.entries(response.headersDistinct as Record<string, string[]>));
}

/** An error of the request, said so that it can be acted on. */
function explain(thrown: unknown, options: OpeningOptions): unknown {
  if (!(thrown instanceof Error)) return new Error(`no connection could be opened: ${nameOf(thrown)}`);
  const { code } = thrown as NodeJS.ErrnoException;
  if (code === "HPE_HEADER_OVERFLOW") {
    const limit = options.maxHeadLength ?? DEFAULT_MAX_HEAD_LENGTH;
    const message = `maxHeadLength is ${limit}, and the head of the response has more bytes`;
    return new HandshakeError(message, "WS_ERR_HANDSHAKE_TOO_LARGE", 0);
  }
  // What Node's parser finds wrong with a response is the server's fault; other errors are the system's.
  if (code?.startsWith("HPE_")) {
    const message = `the response must be HTTP: ${thrown.message}`;
    return Object.assign(new HandshakeError(message, "WS_ERR_INVALID_RESPONSE", 0), { cause: thrown });
  }
  // Node tries all addresses of a name, and says nothing in the error that has those of all of them.
  if (thrown instanceof AggregateError && thrown.message === "") {
    thrown.message = thrown.errors.map((error) => (error as Error).message).join("; ");
  }
  return thrown;
}
