/** `subprotocol` of `ws`: parses the header Sec-WebSocket-Protocol. */

import { parseProtocols } from "../protocol/index.js";

/**
 * Parses the subprotocols of a request, in their order.
 *
 * @throws {SyntaxError} if an element is not a token, is empty, or occurs twice.
 */
export function parse(header: string): Set<string> {
  const protocols = hasEmptyElement(header) ? undefined : parseProtocols(header);
  if (protocols === undefined) {
    throw new SyntaxError(`subprotocols must be different tokens, not "${header}"`);
  }
  return new Set(protocols);
}

/** Whether a list has an empty element, which RFC 2616 §2.1 allows and `ws` does not. */
export function hasEmptyElement(header: string): boolean {
  return header.trim() !== header || header.split(",").some((element) => element.trim() === "");
}
