/** `subprotocol` of `ws`: reads the header Sec-WebSocket-Protocol. */

import { parseProtocols } from "../protocol/index.js";

/**
 * The subprotocols of a request, in their order.
 *
 * @throws {SyntaxError} when one is no token or comes twice.
 */
export function parse(header: string): Set<string> {
  const protocols = parseProtocols(header);
  if (protocols === undefined)
    throw new SyntaxError(`subprotocols must be different tokens, not "${header}"`);
  return new Set(protocols);
}
