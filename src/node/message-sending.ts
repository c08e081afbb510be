/** Calls of a connection that mean one of several frames: a message that a program made, and a code that was reported. */

import { CloseCode } from "../codec/index.js";
import { assertValidMessage, type Message } from "../protocol/index.js";
import type { MessageOptions } from "./connection-types.js";
import type { Session } from "./session.js";

/** See `Connection.sendAll`. */
export function sendWhole(
  session: Pick<Session<unknown>, "writer" | "endpoint" | "close">,
  message: Message,
  options: MessageOptions | undefined,
): boolean | undefined {
  assertValidMessage(message);
  const { type, partial, code } = message;
  const data: string | Uint8Array = message.data;
  const { writer, endpoint } = session;
  if (type === "text" || type === "binary") {
    const { compress, copy } = options ?? {};
    const sending = { type, compress, copy };
    if (!partial && !writer.isSendingParts) return writer.send(data, sending);
    return writer.sendPart(data, { ...sending, final: !partial });
  }
  if (type === "close") {
    session.close(code ?? CloseCode.NormalClosure, data as string);
    return undefined;
  }
  if (!writer.mayQueue()) return undefined;
  endpoint[type](data);
  return writer.queued();
}

/** Closes with a code, also with one that a connection reported and no frame may carry (§7.4.1): see `Connection.close`. */
export function closeWith(session: Pick<Session<unknown>, "close">, code: number, reason: string): void {
  const isReported = code === CloseCode.NoStatusReceived && reason === "";
  const isAbnormal = code === CloseCode.AbnormalClosure || code === CloseCode.TlsHandshake;
  const sendable = isAbnormal ? CloseCode.InternalError : code;
  session.close(isReported ? undefined : sendable, reason);
}
