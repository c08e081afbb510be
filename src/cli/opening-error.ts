/** Why no connection could be opened, and what to do about it: one sentence for each cause. */

import { HandshakeError } from "../protocol/index.js";
import { messageOf } from "./shell.js";

/** Characters of a response's body that are shown. */
const BODY_LENGTH = 300;

/** Codes of certificates that no authority vouches for. */
const UNKNOWN_AUTHORITY = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** Codes that a server without TLS leads to. */
const NO_TLS = new Set(["ERR_SSL_WRONG_VERSION_NUMBER", "ERR_SSL_PACKET_LENGTH_TOO_LONG", "EPROTO"]);

/**
 * Says why `connect` failed.
 *
 * @param url - without credentials.
 */
export function explainOpening(error: unknown, url: string): string {
  const hint = error instanceof HandshakeError ? hintOfAnswer(error) : hintOfSystem(error, new URL(url));
  return `cannot connect to ${url}: ${reasonOf(error)}${hint === "" ? "" : `\n${hint}`}`;
}

/** The message; of one of OpenSSL's the part that says something. */
function reasonOf(error: unknown): string {
  const message = messageOf(error).trim();
  return /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? message;
}

/** What to do about an answer of the server's. */
function hintOfAnswer(error: HandshakeError): string {
  const body = bodyOf(error);
  const said = body === "" ? "" : `The server says: ${body}\n`;
  return said + hintOfStatus(error);
}

function hintOfStatus({ status, location, code }: HandshakeError): string {
  if (code === "WS_ERR_REDIRECTED") return `--redirect follows it to ${location}.`;
  if (code === "WS_ERR_UNEXPECTED_PROTOCOL") return "Offer a subprotocol that the server speaks by -s NAME.";
  if (code === "WS_ERR_INVALID_RESPONSE") {
    return "Something else listens there. If it is a server with TLS, use wss:// in place of ws://.";
  }
  switch (status) {
    case 400:
      return "Check the URL, and if the server wants a header (-H) or a subprotocol (-s).";
    case 401:
      return "Log in by --auth USER:PASSWORD, or by a header: -H 'Authorization: Bearer …'.";
    case 403:
      return "Check your credentials (--auth), and if the server wants an Origin: --origin https://example.com.";
    case 404:
      return "Check the path of the URL: nothing is served there.";
    case 407:
      return "The proxy wants credentials: --proxy http://USER:PASSWORD@HOST:PORT.";
    case 200:
    case 426:
      return "It serves HTTP there, and no WebSocket: check the path of the URL.";
    default:
      return status >= 500 ? "The server, or a proxy before it, has a problem: try again later." : "";
  }
}

/** What the response's body says, on one line. Pages of HTML are left out. */
function bodyOf(error: HandshakeError): string {
  const text = error.bodyText.trim().replaceAll(/\s+/g, " ");
  if (/^<(?:!doctype|html)/i.test(text)) return "";
  return text.length > BODY_LENGTH ? `${text.slice(0, BODY_LENGTH)}…` : text;
}

/** What to do about an error of the system, or of TLS. */
function hintOfSystem(error: unknown, url: URL): string {
  if (!(error instanceof Error)) return "";
  const { code = "" } = error as NodeJS.ErrnoException;
  const codes = [code, ...(error instanceof AggregateError ? error.errors.map((each) => each?.code) : [])];
  const port = url.port === "" ? (url.protocol === "wss:" ? "443" : "80") : url.port;
  if (codes.includes("ECONNREFUSED")) {
    return `Nothing listens on port ${port} of ${url.hostname}: start the server, or check host and port.`;
  }
  if (codes.includes("ENOTFOUND") || codes.includes("EAI_AGAIN")) {
    return `The name ${url.hostname} is not known: check how it is written, and your network.`;
  }
  if (url.protocol === "wss:" && NO_TLS.has(code)) {
    return `The server does not speak TLS on port ${port}: use ws:// in place of wss://, or another port.`;
  }
  if (UNKNOWN_AUTHORITY.has(code)) {
    return "No authority that you trust signed its certificate: name one by --ca FILE, or do not verify by --insecure.";
  }
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID" || /^CERT_/.test(code)) {
    return "Its certificate is not good for this name now: check the host, or do not verify by --insecure.";
  }
  if (error.name === "TimeoutError") {
    return "It did not answer in time: check host and port, and if a firewall or a proxy (--proxy URL) is between.";
  }
  if (code === "ECONNRESET" || error.message === "socket hang up") {
    return url.protocol === "ws:"
      ? "The server closed without an answer. If it speaks TLS, use wss:// in place of ws://."
      : "The server closed without an answer. It may want a certificate of yours: --cert FILE --key FILE.";
  }
  return "";
}
