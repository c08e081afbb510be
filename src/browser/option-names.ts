/** Options by name: one that does not exist, or that only Node can keep, is refused and not ignored. */

import { assertFunctions, assertKnownOptions, type OptionHints } from "../protocol/index.js";
import { HANDLER_NAMES } from "./connection-options.js";

/** Options of Node without which another thing would happen than was meant, unless they have this value. */
const ONLY_ON_NODE: Readonly<Record<string, unknown>> = {
  headers: undefined,
  cookies: undefined,
  auth: undefined,
  origin: undefined,
  tls: undefined,
  agent: undefined,
  createConnection: undefined,
  socketPath: undefined,
  lookup: undefined,
  family: undefined,
  localAddress: undefined,
  redirect: false,
  partial: false,
  autoPong: true,
  autoClose: true,
};

/** Options of Node about what a browser does by itself: a program for both may give them. */
const WITHOUT_EFFECT = [
  "perMessageDeflate",
  "maxFrameSize",
  "borrow",
  "explainFailures",
  "bytesClass",
  "pingIntervalMs",
  "pingTimeoutMs",
  "idleTimeoutMs",
  "pauseReadingAt",
  "maxTurnMs",
  "maxTurnSize",
  "deliverWhileClosing",
];

/** What users of a bare WebSocket and of other libraries may write. */
export const HINTS: OptionHints = {
  ping: "a page sees no Pings",
  pong: "a page sees no Pongs",
  protocols: "it is called protocol",
  onopen: "it is called open",
  onmessage: "it is called message",
  onclose: "it is called close",
  onerror: "it is called error",
  maxPayload: "it is called maxMessageSize",
  binaryType: "bytes are delivered as a Uint8Array",
};

/**
 * Checks the names of options.
 *
 * @param known - those that there are, as the members of objects.
 * @param where - the function that was called.
 * @throws {TypeError} naming the option, and the one that is probably meant; also for options that are not an object.
 */
export function assertOptions(options: unknown, known: readonly object[], where: string): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    const expected = 'options must be an object, such as { protocol: "chat" }';
    throw new TypeError(`${expected}, not ${JSON.stringify(options)}`);
  }
  for (const [name, harmless] of Object.entries(ONLY_ON_NODE)) {
    const value = (options as Record<string, unknown>)[name];
    if (value === undefined || value === harmless) continue;
    throw new TypeError(`a browser opens its connections by itself: the option ${name} is for Node`);
  }
  const names = [...known, ONLY_ON_NODE].flatMap((each) => Object.keys(each));
  assertKnownOptions(options, [...names, ...WITHOUT_EFFECT], HINTS, where);
  assertFunctions(options, HANDLER_NAMES);
}
