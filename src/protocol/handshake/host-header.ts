/** The value of a Host header (RFC 9110 §7.2): a host and perhaps a port. Looks nothing up. */

/**
 * RFC 3986 §3.2.2: an address in brackets, or a name. A browser sends names of other alphabets as ASCII. A value
 * that no browser can send, such as a user's name before "@", is not a host.
 */
const HOST = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~!$&'()*+,;=%]+)(?::([0-9]*))?$/;

const MAX_PORT = 65535;

/** The last value that was valid: most requests of a server have the same. */
let lastHost = "";

/** RFC 9112 §3.2: "A server MUST respond with a 400" where a Host header has "an invalid field value". */
export function isValidHost(host: string): boolean {
  if (host === lastHost && host !== "") return true;
  const match = HOST.exec(host);
  // Leading zeros are allowed; a text longer than five digits is not a port.
  if (match === null || Number(match[1] ?? 0) > MAX_PORT) return false;
  lastHost = host;
  return true;
}
