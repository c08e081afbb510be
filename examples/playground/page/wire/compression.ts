/** The agreed parameters of compression, for readers of both directions. */

import type { DecompressorOptions, Role } from "hawser/codec";
import { confirmPerMessageDeflate, getHeader, parseExtensions } from "hawser/protocol";

/**
 * How to decompress what a client or a server sends after this response.
 *
 * @param head - of the response, from its status line on.
 * @param sender - whose messages.
 * @returns undefined when nothing was agreed on.
 */
export function compressionOf(head: string, sender: Role): DecompressorOptions | undefined {
  const agreed = confirmPerMessageDeflate(
    parseExtensions(getHeader(head, "Sec-WebSocket-Extensions") ?? "") ?? [],
    {},
  );
  if (agreed === undefined || agreed instanceof Error) return undefined;
  return sender === "client"
    ? { windowBits: agreed.clientMaxWindowBits, contextTakeover: !agreed.clientNoContextTakeover }
    : { windowBits: agreed.serverMaxWindowBits, contextTakeover: !agreed.serverNoContextTakeover };
}
