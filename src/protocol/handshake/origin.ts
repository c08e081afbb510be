/**
 * Which pages may open a connection (RFC 6455 §4.2.2, §10.2; RFC 6454). A browser sends cookies with a
 * handshake that any page begins, and no other rule keeps that page from reading the answers. Without this rule, a
 * page of another site could connect as its visitor (cross-site WebSocket hijacking).
 */

import { isThenable, nameOf } from "../connection/handlers.js";
import { isValidHost } from "./host-header.js";

/**
 * - `"same-origin"`: the Origin's host and port must be the Host header's. The schemes are not compared: TLS
 *   may have ended before us.
 * - `"any"`: every page.
 * - a list: an origin must be one of the strings, exactly, or match one of the expressions. Anchor those:
 *   `/^https:\/\/[a-z]+\.example\.com$/`.
 * - a function: decides alone, also about requests without an origin.
 *
 * All but the function let requests pass that have no Origin: §4.2.1 item 7: "A connection attempt lacking
 * this header field SHOULD NOT be interpreted as coming from a browser client."
 */
export type OriginPolicy =
  | "same-origin"
  | "any"
  | readonly (string | RegExp)[]
  | ((origin: string | undefined, host: string | undefined) => boolean);

const POLICIES: readonly unknown[] = ["same-origin", "any"];

/**
 * Checks a policy. A list is copied, so that later changes to it have no effect.
 *
 * @throws {TypeError} naming the expected value.
 */
export function checkOriginPolicy(policy: OriginPolicy | undefined): OriginPolicy {
  if (policy === undefined) return "same-origin";
  if (typeof policy === "function" || POLICIES.includes(policy)) return policy;
  if (Array.isArray(policy) && policy.every((each) => typeof each === "string" || each instanceof RegExp)) {
    return [...policy];
  }
  const hint = typeof policy === "string" ? `; for one origin, give ["${policy}"]` : "";
  throw new TypeError(
    `origin must be "same-origin", "any", a list of strings and expressions, or a function, not ${nameOf(policy)}${hint}`,
  );
}

/**
 * Judges an Origin header.
 *
 * @param origin - undefined if there is none.
 * @param host - the Host header.
 * @param policy - default "same-origin".
 * @returns whether the connection may be opened.
 * @throws errors of a policy that is a function, and a TypeError if it returns no boolean but, say, a promise.
 */
export function judgeOrigin(
  origin: string | undefined,
  host: string | undefined,
  policy: OriginPolicy = "same-origin",
): boolean {
  if (typeof policy === "function") return decided(policy(origin, host));
  if (policy === "any" || origin === undefined) return true;
  if (policy === "same-origin") return host !== undefined && isSameHost(origin, host);
  // `search` begins at the front, also where an expression has a lastIndex.
  return policy.some((each) => (typeof each === "string" ? each === origin : origin.search(each) >= 0));
}

/** The decision of a function. A promise is not yet a yes, and its rejection must not end the process. */
function decided(answer: unknown): boolean {
  if (typeof answer === "boolean") return answer;
  if (isThenable(answer)) answer.then(undefined, () => undefined);
  throw new TypeError(
    `origin must return a boolean, not ${isThenable(answer) ? "a promise: see authorize" : nameOf(answer)}`,
  );
}

/** Whether a page of `origin` was served by `host`, as far as names tell. "null" names no host. */
function isSameHost(origin: string, host: string): boolean {
  // Most often they are the same text.
  const schemeLength = origin.length - host.length;
  if ((schemeLength === 7 || schemeLength === 8) && origin.endsWith(host) && isValidHost(host)) {
    const scheme = origin.slice(0, schemeLength);
    if (scheme === "http://" || scheme === "https://") return true;
  }
  const match = /^(https?):\/\/([^/?#@\\\s]+)$/i.exec(origin);
  if (match === null) return false;
  // The origin's scheme tells which port is the default one, for the Host header too.
  const page = normalHost(match[1], match[2]);
  return page !== undefined && page === normalHost(match[1], host);
}

/** Host and port in the form that URL gives them, without a default port; undefined if they are none. */
function normalHost(scheme: string, host: string): string | undefined {
  if (/[/?#@\\\s]/.test(host)) return undefined;
  try {
    return new URL(`${scheme}://${host}`).host;
  } catch {
    return undefined;
  }
}
