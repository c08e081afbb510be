/** The messages of a connection as an iterator, and as a pair of web streams. */

import { CloseCode } from "../codec/index.js";
import {
  type AnyMessage,
  claimMessages,
  defineWebSocketError,
  isOrderly,
  messageStreams,
  type Streamable,
  type StreamRules,
  type WebSocketErrorConstructor,
  type WebSocketErrorLike,
} from "../protocol/index.js";
import { onNextTick, onNextTurn } from "./clock.js";
import type { Sendable } from "./writer.js";

/** An error with the code and the reason of a close, as the WebSocketStream draft defines it. */
export const WebSocketError: WebSocketErrorConstructor = /* @__PURE__ */ (() => {
  const Class = defineWebSocketError(DOMException);
  const shown = { enumerable: true };
  Object.defineProperties(Class.prototype, {
    closeCode: shown,
    reason: shown,
    [Symbol.toStringTag]: { value: "WebSocketError" },
  });
  return Class;
})();
export type WebSocketError = WebSocketErrorLike;

/** The messages of a connection. */
export interface MessageStreams<Chunk = Sendable> {
  /** Strings for text, bytes for binary messages. */
  readonly readable: ReadableStream<string | Uint8Array>;
  /** Takes the data that `send` takes. */
  readonly writable: WritableStream<Chunk>;
}

/** How `connection.stream()` ends: without an error for code 1000 or none, else with a WebSocketError. */
const ENDS: StreamRules = {
  WebSocketError,
  isEnd: isOrderly,
  toMessage: (chunk) => chunk,
  later: onNextTurn,
  endCode: CloseCode.NormalClosure,
  failureCode: CloseCode.InternalError,
};

/** @throws {InvalidStateError} if a message handler or another stream gets the messages. */
export function streamsOf(connection: Streamable, hasMessageHandler: boolean): MessageStreams {
  claimMessages(connection, hasMessageHandler);
  return streamsBy(connection, ENDS).streams;
}

/** The streams, and a promise of the error they fail with when the connection closes; undefined for a normal end. */
export function streamsBy<Chunk>(
  connection: Streamable,
  rules: StreamRules,
): { readonly streams: MessageStreams<Chunk>; readonly failure: Promise<Error | undefined> } {
  const { source, sink, failure } = messageStreams(connection, rules);
  const readable = new ReadableStream<string | Uint8Array>(source);
  const writable = new WritableStream<Chunk>(sink);
  return { streams: { readable, writable }, failure };
}

/** Messages until the connection is closed. Leaving the loop closes it. */
export async function* messagesOf(
  connection: Pick<Streamable, "receive" | "close">,
): AsyncGenerator<AnyMessage, void, undefined> {
  try {
    for (let message: AnyMessage | undefined; (message = await connection.receive()) !== undefined; )
      yield message;
  } finally {
    // Code after the loop may close with another code: it runs before this close.
    onNextTick(() => void connection.close());
  }
}
