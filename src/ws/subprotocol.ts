/** `subprotocol` of `ws`: reads the header Sec-WebSocket-Protocol. */

import { parseProtocols } from "../protocol/index.js";

/**
 * The subprotocols of a request, in their order.
 *
 * @throws {SyntaxError} when one is no token, is missing or comes twice.
 */
export function parse(header: string): Set<string> {
  const protocols = hasEmptyElement(header) ? undefined : parseProtocols(header);
  if (protocols === undefined) {
    throw new SyntaxError(`subprotocols must be different tokens, not "${header}"`);
  }
  return new Set(protocols);
}

/** Whether an element of a list is missing, which RFC 2616 §2.1 allows and `ws` does not. */
export function hasEmptyElement(header: string): boolean {
  return header.trim() !== header || header.split(",").some((element) => element.trim() === "");
}
