/**
 * Which pages may open a connection (RFC 6455 §4.2.2, §10.2; RFC 6454). A browser sends cookies with a
 * handshake that any page begins, and no other rule keeps that page from reading the answers: without this
 * one, a site's visitor is connected by somebody else's page (cross-site WebSocket hijacking).
 */

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

/**
 * Judges an Origin header.
 *
 * @param origin - undefined if there is none.
 * @param host - the Host header.
 * @param policy - default "same-origin".
 * @returns whether the connection may be opened.
 */
export function judgeOrigin(
  origin: string | undefined,
  host: string | undefined,
  policy: OriginPolicy = "same-origin",
): boolean {
  if (typeof policy === "function") return policy(origin, host) === true;
  if (policy === "any" || origin === undefined) return true;
  if (policy === "same-origin") return host !== undefined && isSameHost(origin, host);
  // `search` begins at the front whatever an expression's lastIndex says.
  return policy.some((each) => (typeof each === "string" ? each === origin : origin.search(each) >= 0));
}

/** Whether a page of `origin` was served by `host`, as far as names tell. "null" was by nobody. */
function isSameHost(origin: string, host: string): boolean {
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
