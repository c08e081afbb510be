/**
 * The messages of a connection as the two ends of web streams: what a ReadableStream is made from and what a
 * WritableStream writes to. Nothing is read from the connection before the reader wants it, and a write is done when
 * there is room for the next. Knows no platform's streams.
 */

import { CloseCode, InvalidStateError } from "../../codec/index.js";
import type { AnyMessage } from "../session/message.js";
import { type WebSocketErrorConstructor, webSocketError } from "./web-socket-error.js";

/** The part of a connection, on either platform, that streams need. */
export interface Streamable {
  readonly state: string;
  readonly error: Error | undefined;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  receive(): Promise<AnyMessage | undefined>;
  send(data: never): boolean | undefined;
  drained(): Promise<void>;
  close(code?: number, reason?: string): Promise<unknown>;
}

/** Where `connection.stream()` and a WebSocketStream differ, and platforms do. */
export interface StreamRules {
  readonly WebSocketError: WebSocketErrorConstructor;
  /** Whether a connection that was closed with this code came to its end, and did not fail. */
  isEnd(code: number): boolean;
  /** What is sent for a chunk that was written; throws for one that cannot be sent. */
  toMessage(chunk: unknown): unknown;
  /** Runs a function in a later turn of the event loop. */
  later(run: () => void): void;
  /** The code to close with after an end of ours. */
  readonly endCode: number;
  /** The code to close with when the program gives up for a reason that names no code. */
  readonly failureCode: number;
}

/** §7.1.5: codes that end a stream. With any other one, the sender has not said that all was sent. */
export function isOrderly(code: number): boolean {
  return code === CloseCode.NormalClosure || code === CloseCode.NoStatusReceived;
}

interface SourceController {
  enqueue(chunk: string | Uint8Array): void;
  close(): void;
  error(reason: unknown): void;
}

/** What a ReadableStream takes. */
export interface MessageSource {
  pull(controller: SourceController): Promise<void>;
  cancel(reason: unknown): void;
}

/** What a WritableStream takes. */
export interface MessageSink {
  start(controller: { error(reason: unknown): void }): void;
  write(chunk: unknown): Promise<void>;
  close(): Promise<void>;
  abort(reason: unknown): void;
}

/** Connections whose messages go to a stream. */
const streamed = /* @__PURE__ */ new WeakSet<object>();

/**
 * Marks a connection as one whose messages go to a stream.
 *
 * @throws {InvalidStateError} if they go elsewhere already: to another stream, or to a message handler.
 */
export function claimMessages(connection: object, hasMessageHandler: boolean): void {
  if (hasMessageHandler || streamed.has(connection)) {
    throw new InvalidStateError("the messages go to a message handler, or to another stream");
  }
  streamed.add(connection);
}

/** Resolves once the connection is closed: with why its streams fail, or with undefined if they come to their end. */
export async function failureOf(
  connection: Streamable,
  { isEnd, WebSocketError }: Pick<StreamRules, "isEnd" | "WebSocketError">,
): Promise<Error | undefined> {
  const { code, reason } = await connection.closed;
  if (isEnd(code)) return undefined;
  const { error } = connection;
  const message = `the connection was closed with ${code}: ${error?.message ?? reason}`;
  return webSocketError(WebSocketError, message, code, reason, error);
}

/**
 * Sends a message, and waits until there is room for the next.
 *
 * @returns false: the connection closes, and the message was not sent.
 */
export async function sendWithRoom(connection: Streamable, message: unknown): Promise<boolean> {
  for (;;) {
    const isRoomy = connection.send(message as never);
    if (isRoomy === true) return true;
    await connection.drained();
    if (isRoomy === false) return true;
    // The policy "drop" refused it, and now there is room.
    if (connection.state !== "open") return false;
  }
}

/** Both ends of a connection's messages. */
export function messageStreams(
  connection: Streamable,
  rules: StreamRules,
): {
  readonly source: MessageSource;
  readonly sink: MessageSink;
  readonly failure: Promise<Error | undefined>;
} {
  const failure = failureOf(connection, rules);
  let isClosing = false;

  const isClosed = () => new InvalidStateError("the connection is closed");
  const giveUp = (thrown: unknown, code: number) => {
    const { closeCode, reason } = thrown instanceof rules.WebSocketError ? thrown : { closeCode: code };
    // An error of another connection may have a code that this one cannot send.
    const isSendable =
      reason !== undefined && (closeCode === CloseCode.NormalClosure || Number(closeCode) >= 3000);
    if (isSendable) void connection.close(closeCode as number, reason);
    else void connection.close(closeCode === null ? CloseCode.NoStatusReceived : code);
  };

  const source: MessageSource = {
    async pull(controller) {
      for (let message: AnyMessage | undefined; (message = await connection.receive()) !== undefined; ) {
        // With `autoPong: false`, for example, control frames come, too.
        if (message.type !== "text" && message.type !== "binary") continue;
        controller.enqueue(message.data);
        return;
      }
      const error = await failure;
      if (error === undefined) controller.close();
      else controller.error(error);
    },
    cancel: (reason) => giveUp(reason, reason === undefined ? rules.endCode : rules.failureCode),
  };

  const sink: MessageSink = {
    start(controller) {
      void failure.then((error) => {
        if (error !== undefined) controller.error(error);
        // First the readable comes to its end: where it is piped to this writable, that closes it in order.
        else rules.later(() => isClosing || controller.error(isClosed()));
      });
    },
    async write(chunk) {
      if (!(await sendWithRoom(connection, rules.toMessage(chunk)))) throw (await failure) ?? isClosed();
    },
    async close() {
      isClosing = true;
      void connection.close(rules.endCode);
      const error = await failure;
      if (error !== undefined) throw error;
    },
    abort: (reason) => giveUp(reason, rules.failureCode),
  };

  return { source, sink, failure };
}
