/** Redirects of the opening handshake, and which credentials go where. */

import type { Agent } from "node:http";
import { HandshakeError, isMisuse, resolveWebSocketUrl, type WebSocketUrl } from "../protocol/index.js";
import { type OpeningOptions, requestOpening, type Upgraded } from "./opening-request.js";

/**
 * Sends requests until one is not redirected.
 *
 * @param redirects - how many to follow.
 * @throws {HandshakeError} for a response that opens no connection; what `requestOpening` throws.
 */
export async function openFollowing(
  first: WebSocketUrl,
  given: OpeningOptions,
  redirects: number,
  signal: AbortSignal,
): Promise<Upgraded> {
  let outcome = await requestOpening(first, given, redirects <= 0, signal);
  let url = first;
  // Parameters are for the URL that was given; a Location says all that it wants.
  let options: OpeningOptions = { ...given, params: undefined };
  let mayTell = true;
  for (let left = redirects; outcome instanceof HandshakeError; left--) {
    const redirected: HandshakeError = outcome;
    if (redirected.location === undefined || redirects <= 0) throw redirected;
    if (left <= 0) throw notFollowed(redirected, `redirect is ${redirects}, and as many were followed`);
    const next = resolveLocation(redirected, url);
    if (mayTell && originOf(next) !== originOf(url)) {
      assertNoIdentity(options.agent, redirected);
      options = withoutCredentials(options);
      mayTell = false;
    }
    // A Location may bring credentials of its own.
    url = mayTell ? next : { ...next, credentials: undefined };
    outcome = await requestOpening(url, options, left <= 1, signal).catch((error: unknown) => {
      // It is the server that asked for what the options do not allow, such as wss with an agent for ws.
      throw isMisuse(error) ? notFollowed(redirected, (error as Error).message) : error;
    });
  }
  return outcome;
}

function resolveLocation(redirected: HandshakeError, from: WebSocketUrl): WebSocketUrl {
  const base = `${from.secure ? "https" : "http"}://${from.authority}${from.path}`;
  try {
    const next = resolveWebSocketUrl(redirected.location as string, base);
    if (next.socketPath === undefined) return next;
  } catch (cause) {
    throw notFollowed(redirected, (cause as Error).message);
  }
  throw notFollowed(redirected, "a server does not decide which Unix socket is connected to");
}

function notFollowed(redirected: HandshakeError, why: string): HandshakeError {
  const { status, location, headers, body } = redirected;
  const message = `the redirect to ${JSON.stringify(location)} cannot be followed: ${why}`;
  return new HandshakeError(message, "WS_ERR_REDIRECTED", status, { location, headers, body });
}

/** Scheme, host and port: what credentials are for. */
function originOf(url: WebSocketUrl): string {
  return `${url.scheme}://${url.authority}`;
}

/** Headers that say who we are, or that name the first host. */
const CREDENTIALS = new Set(["authorization", "cookie", "proxy-authorization", "host"]);

/** Options of TLS that say who we are, or that are about the first host alone. */
const IDENTITY: readonly string[] = [
  "cert",
  "key",
  "passphrase",
  "pfx",
  "session",
  "secureContext",
  "clientCertEngine",
  "privateKeyEngine",
  "privateKeyIdentifier",
  "pskCallback",
  "socket",
  "servername",
];

/** The same options for another origin: nothing in them says who we are. */
function withoutCredentials(options: OpeningOptions): OpeningOptions {
  const { tls = {} } = options;
  return {
    ...options,
    headers: options.headers.filter(([name]) => !CREDENTIALS.has(name.toLowerCase())),
    cookies: undefined,
    auth: undefined,
    tls: Object.fromEntries(Object.entries(tls).filter(([name]) => !IDENTITY.includes(name))),
  };
}

/** Where agents keep options of TLS: Node's, and those that go through proxies. */
const AGENT_OPTIONS = ["options", "connectOpts", "httpsAgent"] as const;

/**
 * An agent's options count more than those of a request, so that it would show its certificate to any host.
 *
 * @throws {HandshakeError} for an agent that has one.
 */
function assertNoIdentity(agent: Agent | undefined, redirected: HandshakeError): void {
  if (showsIdentity(agent)) {
    throw notFollowed(redirected, "the agent would show its certificate to another host");
  }
}

function showsIdentity(holder: unknown, depth = 0): boolean {
  if (typeof holder !== "object" || holder === null || depth > 2) return false;
  const members = holder as Record<string, unknown>;
  return (
    IDENTITY.some((name) => name !== "servername" && name !== "socket" && members[name] !== undefined) ||
    AGENT_OPTIONS.some((name) => showsIdentity(members[name], depth + 1))
  );
}
