/**
 * permessage-deflate as the two sides agree on it in the opening handshake: options, offers, the server's choice
 * and the client's judgement of it. § means RFC 7692 here. It reads and makes parameters; it compresses nothing.
 */

import { assertKnownOptions } from "../connection/known-options.js";
import { HandshakeError, quote } from "./handshake-error.js";
import type { Extension, ExtensionInit } from "./header-values.js";

/** A user's options of compression, on either side, with the names that `ws` uses. */
export interface PerMessageDeflateOptions {
  /**
   * Whether the server forgets each message before it compresses the next: less memory, worse ratio. A client
   * demands it, a server announces it. Default false: each side does it if the other asks.
   */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** The same for the client's messages. A client announces it, a server demands it. Default false. */
  readonly clientNoContextTakeover?: boolean | undefined;
  /**
   * The greatest window of the server's messages: 8 to 15, the base-2 logarithm of its bytes. A server never
   * exceeds it. A client asks for it; a server that cannot may still accept compression, with up to 15.
   * Default 15.
   */
  readonly serverMaxWindowBits?: number | undefined;
  /**
   * The greatest window of the client's messages, likewise. A client never exceeds a number; true, the default,
   * leaves it to the server, and false does not let the server limit it: then it is 15. A server demands a number
   * from clients that let it, and accepts up to 15 from others; true and false have no effect on a server.
   */
  readonly clientMaxWindowBits?: number | boolean | undefined;
  /** How hard our own messages are compressed: 0, not at all, to 9. */
  readonly level?: number | undefined;
  /** Memory for compressing our own messages: 1, the least, to 9. */
  readonly memLevel?: number | undefined;
  /** Bytes from which a message of ours is compressed; 0 to Infinity. */
  readonly threshold?: number | undefined;
}

/** The agreement of both sides; the last four are our own settings for messages that we send. */
export interface DeflateParameters {
  readonly serverNoContextTakeover: boolean;
  readonly clientNoContextTakeover: boolean;
  /** The base-2 logarithm of the window that the server's messages need at most, in bytes: 8 to 15. */
  readonly serverMaxWindowBits: number;
  /** The same for the client's messages. */
  readonly clientMaxWindowBits: number;
  /** The window that we use: no greater than the agreed one, and 13 if the user gave none, to save memory. */
  readonly windowBits: number;
  readonly level: number | undefined;
  readonly memLevel: number | undefined;
  readonly threshold: number | undefined;
}

const NAME = "permessage-deflate";

const OPTION_NAMES: readonly string[] = [
  ...Object.keys({
    serverNoContextTakeover: true,
    clientNoContextTakeover: true,
    serverMaxWindowBits: true,
    clientMaxWindowBits: true,
    level: true,
    memLevel: true,
    threshold: true,
  } satisfies Record<keyof PerMessageDeflateOptions, true>),
  // Options of `ws` that have no effect here, and do no harm.
  "zlibDeflateOptions",
  "zlibInflateOptions",
  "concurrencyLimit",
];

/** Without a parameter the peer must be ready for "an LZ77 sliding window of up to 32,768 bytes" (§7.1.2). */
const MAX_WINDOW_BITS = 15;

/** With its hash 22 KiB for each connection that compresses; 15 bits take 70. */
const DEFAULT_WINDOW_BITS = 13;

/** §7.1.2.1, §7.1.2.2: "a decimal integer value without leading zeroes between 8 to 15, inclusive". */
const WINDOW_BITS = /^(?:[89]|1[0-5])$/;

/**
 * Checks a user's options of compression.
 *
 * @param options - true means the defaults.
 * @returns the known options, copied; undefined for false and undefined: compression is neither offered nor
 *   accepted.
 * @throws {TypeError} for a wrong type, and for an unknown name.
 * @throws {RangeError} when a number is out of its range.
 */
export function checkPerMessageDeflate(
  options: boolean | PerMessageDeflateOptions | undefined,
): PerMessageDeflateOptions | undefined {
  if (options === undefined || options === false) return undefined;
  if (options === true) return {};
  if (typeof options !== "object" || options === null) {
    throw new TypeError(
      `perMessageDeflate must be a boolean or an object of options, not ${String(options)}`,
    );
  }
  assertKnownOptions(options, OPTION_NAMES, {}, "perMessageDeflate");
  const { serverNoContextTakeover, clientNoContextTakeover } = options;
  const { serverMaxWindowBits, clientMaxWindowBits, level, memLevel, threshold } = options;
  if (serverNoContextTakeover !== undefined) checkBoolean("serverNoContextTakeover", serverNoContextTakeover);
  if (clientNoContextTakeover !== undefined) checkBoolean("clientNoContextTakeover", clientNoContextTakeover);
  checkInteger("serverMaxWindowBits", serverMaxWindowBits, 8, MAX_WINDOW_BITS);
  if (typeof clientMaxWindowBits !== "boolean") {
    checkInteger("clientMaxWindowBits", clientMaxWindowBits, 8, MAX_WINDOW_BITS);
  }
  checkSettings(options);
  return {
    serverNoContextTakeover,
    clientNoContextTakeover,
    serverMaxWindowBits,
    clientMaxWindowBits,
    level,
    memLevel,
    threshold,
  };
}

/**
 * Checks parameters that a caller gives as the agreement of a handshake.
 *
 * @throws {TypeError | RangeError} naming the expected value.
 */
export function checkDeflateParameters(parameters: DeflateParameters): void {
  if (typeof parameters !== "object" || parameters === null) {
    throw new TypeError(
      `perMessageDeflate must be the parameters that a handshake agreed on, not ${String(parameters)}`,
    );
  }
  checkBoolean("serverNoContextTakeover", parameters.serverNoContextTakeover);
  checkBoolean("clientNoContextTakeover", parameters.clientNoContextTakeover);
  for (const name of ["serverMaxWindowBits", "clientMaxWindowBits", "windowBits"] as const) {
    // Here, undefined is not a number either.
    checkInteger(name, parameters[name] ?? null, 8, MAX_WINDOW_BITS);
  }
  checkSettings(parameters);
}

/** Options that concern only messages that we send. */
function checkSettings({ level, memLevel, threshold }: PerMessageDeflateOptions | DeflateParameters): void {
  checkInteger("level", level, 0, 9);
  checkInteger("memLevel", memLevel, 1, 9);
  if (threshold !== undefined && typeof threshold !== "number") {
    throw new TypeError(`threshold of perMessageDeflate must be a number of bytes, not ${String(threshold)}`);
  }
  if (threshold !== undefined && !(threshold >= 0)) {
    throw new RangeError(`threshold of perMessageDeflate must be 0 to Infinity bytes, not ${threshold}`);
  }
}

function checkBoolean(name: string, value: unknown): void {
  if (typeof value === "boolean") return;
  throw new TypeError(`${name} of perMessageDeflate must be a boolean, not ${String(value)}`);
}

function checkInteger(name: string, value: unknown, least: number, greatest: number): void {
  if (value === undefined) return;
  const message = `${name} of perMessageDeflate must be an integer from ${least} to ${greatest}, not ${String(value)}`;
  if (typeof value !== "number") throw new TypeError(message);
  if (!Number.isInteger(value) || value < least || value > greatest) throw new RangeError(message);
}

/** The parameters of one offer or response. */
interface Stated {
  serverNoContextTakeover: boolean;
  clientNoContextTakeover: boolean;
  /** Undefined: not stated. */
  serverMaxWindowBits: number | undefined;
  /** Undefined: not stated; true: stated without a value. */
  clientMaxWindowBits: number | true | undefined;
}

/**
 * Reads an offer or a response. Names are compared with case: neither RFC 6455 §9.1 nor RFC 7692 calls them
 * case-insensitive.
 *
 * @returns the first parameter that it must not have, as text, when there is one. §7 names the same reasons for a
 *   server to decline an offer and for a client to fail the connection: "an extension parameter not defined for
 *   use in" an offer or a response, one "with an invalid value", "multiple extension parameters with the same name".
 */
function readParameters({ parameters }: Extension, kind: "offer" | "response"): Stated | string {
  const stated: Stated = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverMaxWindowBits: undefined,
    clientMaxWindowBits: undefined,
  };
  for (const [name, values] of parameters) {
    if (values.length !== 1) return `${name}, ${values.length} times`;
    const [value] = values;
    const bits = value !== true && WINDOW_BITS.test(value) ? Number(value) : undefined;
    // §7.1.1.1, §7.1.1.2: these have no value.
    if (name === "server_no_context_takeover" && value === true) stated.serverNoContextTakeover = true;
    else if (name === "client_no_context_takeover" && value === true) stated.clientNoContextTakeover = true;
    else if (name === "server_max_window_bits" && bits !== undefined) stated.serverMaxWindowBits = bits;
    else if (name === "client_max_window_bits" && bits !== undefined) stated.clientMaxWindowBits = bits;
    // §7.1.2.2: "This parameter has no value or a decimal integer value" in an offer; in a response it has one.
    else if (name === "client_max_window_bits" && value === true && kind === "offer") {
      stated.clientMaxWindowBits = true;
    } else return value === true ? name : `${name}=${value}`;
  }
  return stated;
}

function writeParameters(stated: Stated): ExtensionInit {
  return {
    name: NAME,
    parameters: {
      server_no_context_takeover: stated.serverNoContextTakeover,
      client_no_context_takeover: stated.clientNoContextTakeover,
      server_max_window_bits: stated.serverMaxWindowBits,
      client_max_window_bits: stated.clientMaxWindowBits,
    },
  };
}

/**
 * Lists a client's offers.
 *
 * @param options - checked.
 * @returns the offers, the preferred one first, for `buildHandshakeRequest`. Where the server's window is to be
 *   limited there are two, since a server that cannot limit it declines the first.
 * @see RFC 7692 §5, §7.1
 */
export function offerPerMessageDeflate(options: PerMessageDeflateOptions): ExtensionInit[] {
  const { serverMaxWindowBits = MAX_WINDOW_BITS, clientMaxWindowBits = true } = options;
  const offer: Stated = {
    // §7.1.1.1: "By including this extension parameter in an extension negotiation offer, a client prevents the
    // peer server from using context takeover."
    serverNoContextTakeover: options.serverNoContextTakeover === true,
    // §7.1.1.2: "a hint that even if the server doesn't include" it, "the client is not going to use context
    // takeover."
    clientNoContextTakeover: options.clientNoContextTakeover === true,
    serverMaxWindowBits: undefined,
    // §7.1.2.2: "By including this parameter in an offer, a client informs the peer server that the client
    // supports the "client_max_window_bits" extension parameter in an extension negotiation response".
    clientMaxWindowBits: clientMaxWindowBits === false ? undefined : clientMaxWindowBits,
  };
  // 15 is the default, and a server that does not know the parameter would decline it.
  if (serverMaxWindowBits === MAX_WINDOW_BITS) return [writeParameters(offer)];
  // §5: "The order of elements is important as it specifies the client's preference."
  return [writeParameters({ ...offer, serverMaxWindowBits }), writeParameters(offer)];
}

/**
 * Chooses among a client's offers.
 *
 * `clientMaxWindowBits` limits only clients that allow it: one whose offer lacks the parameter is accepted with a
 * window of 15 bits, which costs memory, rather than declined, which would cost all compression.
 *
 * @param offers - of all extensions, as `judgeHandshakeRequest` gives them.
 * @param options - checked.
 * @returns the first offer that can be accepted, answered: `response` is for `buildHandshakeResponse`. Undefined
 *   when there is none; the connection is then opened without compression.
 * @see RFC 7692 §5, §7.1
 */
export function acceptPerMessageDeflate(
  offers: readonly Extension[],
  options: PerMessageDeflateOptions,
): { readonly response: ExtensionInit; readonly parameters: DeflateParameters } | undefined {
  for (const offer of offers) {
    if (offer.name !== NAME) continue;
    const stated = readParameters(offer, "offer");
    // §7: "A server MUST decline an extension negotiation offer for this extension if any of the following
    // conditions are met". The next one, or the connection without compression, may still be accepted.
    if (typeof stated !== "string") return answer(stated, options);
  }
  return undefined;
}

function answer(offer: Stated, options: PerMessageDeflateOptions) {
  const { serverMaxWindowBits = MAX_WINDOW_BITS, clientMaxWindowBits } = options;
  const agreed = {
    // §7.1.1.1: "A server MAY include" it "even if the extension negotiation offer being accepted by the extension
    // negotiation response didn't include" it; where the offer does, that is how the offer is accepted.
    serverNoContextTakeover: offer.serverNoContextTakeover || options.serverNoContextTakeover === true,
    // §7.1.1.2: "the server may either ignore the parameter or use the parameter to avoid taking over the LZ77
    // sliding window unnecessarily". A client that hints at it keeps to it, so nothing is lost by using it.
    clientNoContextTakeover: offer.clientNoContextTakeover || options.clientNoContextTakeover === true,
    // §7.1.2.1: "with the same or smaller value as the offer".
    serverMaxWindowBits: Math.min(offer.serverMaxWindowBits ?? MAX_WINDOW_BITS, serverMaxWindowBits),
    clientMaxWindowBits: MAX_WINDOW_BITS,
  };
  // §7.1.2.2: "If a received extension negotiation offer doesn't have the "client_max_window_bits" extension
  // parameter, the corresponding extension negotiation response to the offer MUST NOT include" it.
  if (offer.clientMaxWindowBits !== undefined) {
    const offered = offer.clientMaxWindowBits === true ? MAX_WINDOW_BITS : offer.clientMaxWindowBits;
    const limit = typeof clientMaxWindowBits === "number" ? clientMaxWindowBits : MAX_WINDOW_BITS;
    // §7.1.2.2: "with a value equal to or smaller than the received value".
    agreed.clientMaxWindowBits = Math.min(offered, limit);
  }
  const isStated = (offered: number | true | undefined, bits: number) =>
    typeof offered === "number" || bits < MAX_WINDOW_BITS;
  const { serverMaxWindowBits: serverBits, clientMaxWindowBits: clientBits } = agreed;
  const response = writeParameters({
    ...agreed,
    serverMaxWindowBits: isStated(offer.serverMaxWindowBits, serverBits) ? serverBits : undefined,
    clientMaxWindowBits: isStated(offer.clientMaxWindowBits, clientBits) ? clientBits : undefined,
  });
  const limit = options.serverMaxWindowBits ?? DEFAULT_WINDOW_BITS;
  return { response, parameters: withSettings(agreed, Math.min(serverBits, limit), options) };
}

type Agreed = Omit<DeflateParameters, "windowBits" | "level" | "memLevel" | "threshold">;

function withSettings(
  agreed: Agreed,
  windowBits: number,
  { level, memLevel, threshold }: PerMessageDeflateOptions,
): DeflateParameters {
  return { ...agreed, windowBits, level, memLevel, threshold };
}

/**
 * Judges a server's answer to our offers.
 *
 * @param accepted - from `validateHandshakeResponse`; it has judged the names, so that extensions of the
 *   caller's own may be among them.
 * @param options - checked, and those that were offered.
 * @returns the agreement; undefined if the server did not accept compression; a HandshakeError if its
 *   answer matches none of our offers, and the connection must fail.
 * @see RFC 6455 §4.1, RFC 7692 §7
 */
export function confirmPerMessageDeflate(
  accepted: readonly Extension[],
  options: PerMessageDeflateOptions,
): DeflateParameters | HandshakeError | undefined {
  const responses = accepted.filter(({ name }) => name === NAME);
  if (responses.length === 0) return undefined;
  // One name is one offer accepted. Two would both want RSV1 (§6).
  if (responses.length > 1) return noAnswer(`once, not ${responses.length} times`);
  const stated = readParameters(responses[0], "response");
  // §7: "A client MUST _Fail the WebSocket Connection_ if the peer server accepted an extension negotiation offer
  // for this extension with an extension negotiation response meeting any of the following conditions".
  if (typeof stated === "string") {
    return noAnswer(`with parameters that a response may have, not ${quote(stated)}`);
  }
  if (options.serverNoContextTakeover === true && !stated.serverNoContextTakeover) {
    return noAnswer("with server_no_context_takeover, as it was offered, not without");
  }
  const { clientMaxWindowBits = true } = options;
  // A client keeps to the hint of its offer, even if the answer differs (§7.1.2.2).
  const limit = typeof clientMaxWindowBits === "number" ? clientMaxWindowBits : MAX_WINDOW_BITS;
  const clientBits = typeof stated.clientMaxWindowBits === "number" ? stated.clientMaxWindowBits : limit;
  if (clientMaxWindowBits === false && stated.clientMaxWindowBits !== undefined) {
    return noAnswer(`without client_max_window_bits, as it was offered, not with ${clientBits}`);
  }
  if (clientBits > limit) return noAnswer(`with client_max_window_bits up to ${limit}, not ${clientBits}`);
  const agreed = {
    serverNoContextTakeover: stated.serverNoContextTakeover,
    clientNoContextTakeover: stated.clientNoContextTakeover || options.clientNoContextTakeover === true,
    // Any value will do, and so will none. The last of our offers does not limit it, and §7.1.2.1: "A server MAY
    // include the "server_max_window_bits" extension parameter in an extension negotiation response even if the
    // extension negotiation offer being accepted by the response didn't include" it.
    serverMaxWindowBits: stated.serverMaxWindowBits ?? MAX_WINDOW_BITS,
    clientMaxWindowBits: clientBits,
  };
  const own = typeof clientMaxWindowBits === "number" ? clientMaxWindowBits : DEFAULT_WINDOW_BITS;
  return withSettings(agreed, Math.min(clientBits, own), options);
}

function noAnswer(expected: string): HandshakeError {
  const message = `the server must accept ${NAME} ${expected}`;
  return new HandshakeError(message, "WS_ERR_UNEXPECTED_EXTENSION", 101);
}
