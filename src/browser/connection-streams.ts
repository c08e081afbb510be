/** The messages of a connection as a pair of web streams. */

import { CloseCode } from "../codec/index.js";
import {
  claimMessages,
  defineWebSocketError,
  isOrderly,
  messageStreams,
  type Streamable,
  type StreamRules,
  type WebSocketErrorConstructor,
  type WebSocketErrorLike,
} from "../protocol/index.js";
import type { Sendable } from "./payload.js";

/** An error with the code and the reason of a close: the browser's own, where it has one. */
export const WebSocketError: WebSocketErrorConstructor = /* @__PURE__ */ (() =>
  (globalThis as { WebSocketError?: WebSocketErrorConstructor }).WebSocketError ??
  defineWebSocketError(DOMException))();
export type WebSocketError = WebSocketErrorLike;

/** The messages of a connection. */
export interface MessageStreams<Chunk = Sendable> {
  /** Strings for text, bytes for binary messages. */
  readonly readable: ReadableStream<string | Uint8Array>;
  /** Takes what `send` takes. */
  readonly writable: WritableStream<Chunk>;
}

/** Of `connection.stream()`. A page may not send 1011, and cannot cut: its failures have no code. */
const ENDS: StreamRules = {
  WebSocketError,
  isEnd: isOrderly,
  toMessage: (chunk) => chunk,
  later: (run) => void setTimeout(run),
  endCode: CloseCode.NormalClosure,
  failureCode: CloseCode.NoStatusReceived,
};

/** @throws {InvalidStateError} for a connection whose messages go elsewhere. */
export function streamsOf(connection: Streamable, hasMessageHandler: boolean): MessageStreams {
  claimMessages(connection, hasMessageHandler);
  return streamsBy<Sendable>(connection, ENDS).streams;
}

/** The pair, and why it failed once the connection is closed; undefined for an orderly end. */
export function streamsBy<Chunk>(
  connection: Streamable,
  rules: StreamRules,
): { readonly streams: MessageStreams<Chunk>; readonly failure: Promise<Error | undefined> } {
  const { source, sink, failure } = messageStreams(connection, rules);
  const readable = new ReadableStream<string | Uint8Array>(source);
  return { streams: { readable, writable: new WritableStream<Chunk>(sink) }, failure };
}
