/**
 * The messages of a connection as the source of a ReadableStream and the sink of a WritableStream. A message is read
 * from the connection only when the reader wants it, and a write resolves when there is room for the next message. This
 * module does not depend on a platform's streams.
 */

import { CloseCode, InvalidStateError } from "../../codec/index.js";
import type { AnyMessage } from "../session/message.js";
import { type WebSocketErrorConstructor, webSocketError } from "./web-socket-error.js";

/** The members of a connection, on each platform, that streams use. */
export interface Streamable {
  readonly state: string;
  readonly error: Error | undefined;
  readonly closed: Promise<{ readonly code: number; readonly reason: string }>;
  receive(): Promise<AnyMessage | undefined>;
  send(data: never): boolean | undefined;
  drained(): Promise<void>;
  close(code?: number, reason?: string): Promise<unknown>;
}

/** The differences between `connection.stream()` and WebSocketStream, and between platforms. */
export interface StreamRules {
  readonly WebSocketError: WebSocketErrorConstructor;
  /** Whether this close code is a normal end and not a failure. */
  isEnd(code: number): boolean;
  /** Converts a written chunk to the message to send. Throws if the chunk cannot be sent. */
  toMessage(chunk: unknown): unknown;
  /** Runs a function in a later turn of the event loop. */
  later(run: () => void): void;
  /** The code to close with when the program ends the stream normally. */
  readonly endCode: number;
  /** The code to close with when the program cancels or aborts with a reason that has no code. */
  readonly failureCode: number;
}

/** §7.1.5: the codes of a normal end. With another code, the sender did not confirm that it sent all data. */
export function isOrderly(code: number): boolean {
  return code === CloseCode.NormalClosure || code === CloseCode.NoStatusReceived;
}

interface SourceController {
  enqueue(chunk: string | Uint8Array): void;
  close(): void;
  error(reason: unknown): void;
}

/** The underlying source of a ReadableStream. */
export interface MessageSource {
  pull(controller: SourceController): Promise<void>;
  cancel(reason: unknown): void;
}

/** The underlying sink of a WritableStream. */
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
 * @throws {InvalidStateError} if another stream or a message handler gets them already.
 */
export function claimMessages(connection: object, hasMessageHandler: boolean): void {
  if (hasMessageHandler || streamed.has(connection)) {
    throw new InvalidStateError("the messages go to a message handler, or to another stream");
  }
  streamed.add(connection);
}

/** Resolves once the connection is closed: with the error of its streams, or with undefined for a normal end. */
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
 * @returns false if the connection closed and the message was not sent.
 */
export async function sendWithRoom(connection: Streamable, message: unknown): Promise<boolean> {
  for (;;) {
    const isRoomy = connection.send(message as never);
    if (isRoomy === true) return true;
    await connection.drained();
    if (isRoomy === false) return true;
    // The policy "drop" refused the message: try again now that there is room.
    if (connection.state !== "open") return false;
  }
}

/** The source and the sink of a connection's messages. */
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
    // The error may come from another connection, with a code that this one cannot send.
    const isSendable =
      reason !== undefined && (closeCode === CloseCode.NormalClosure || Number(closeCode) >= 3000);
    if (isSendable) void connection.close(closeCode as number, reason);
    else void connection.close(closeCode === null ? CloseCode.NoStatusReceived : code);
  };

  const source: MessageSource = {
    async pull(controller) {
      for (let message: AnyMessage | undefined; (message = await connection.receive()) !== undefined; ) {
        // `receive` can return control frames too, for example with `autoPong: false`.
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
        // The readable must end first: if it is piped to this writable, the pipe closes the writable normally.
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
