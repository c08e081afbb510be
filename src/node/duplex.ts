/**
 * A connection as Node's Duplex: bytes, or messages in object mode. `connection.duplex()` returns it. It does the same
 * as `createWebSocketStream` of `ws`, with backpressure both ways, and a stream error cuts the connection.
 */

import { Duplex, type DuplexOptions } from "node:stream";
import {
  type AnyMessage,
  asError,
  claimMessages,
  failureOf,
  isOrderly,
  type Streamable,
  sendWithRoom,
} from "../protocol/index.js";
import { WebSocketError } from "./connection-streams.js";

/** The members of a connection that the Duplex uses. */
export interface Duplexable extends Streamable {
  tryReceive(): AnyMessage | undefined;
  terminate(): void;
}

/** Options of Node's Duplex, except those that this class sets itself. */
export type ConnectionDuplexOptions = Omit<
  DuplexOptions,
  | "read"
  | "write"
  | "writev"
  | "final"
  | "destroy"
  | "construct"
  | "allowHalfOpen"
  | "autoDestroy"
  | "emitClose"
>;

/** @throws {InvalidStateError} if a message handler or another stream gets the messages. */
export function duplexOf(
  connection: Duplexable,
  hasMessageHandler: boolean,
  options: ConnectionDuplexOptions,
): Duplex {
  claimMessages(connection, hasMessageHandler);
  return new ConnectionDuplex(connection, options);
}

class ConnectionDuplex extends Duplex {
  readonly #connection: Duplexable;
  readonly #failure: Promise<Error | undefined>;
  #isReading = false;
  #isEnded = false;

  constructor(connection: Duplexable, options: ConnectionDuplexOptions) {
    // Once the peer has closed, no more data can be written.
    super({ ...options, allowHalfOpen: false, autoDestroy: true, emitClose: true });
    this.#connection = connection;
    this.#failure = failureOf(connection, { isEnd: isOrderly, WebSocketError });
    void this.#failure.then((error) => {
      // A reader gets the error after the messages that arrived before it. A stream that is only written fails now.
      if (error !== undefined && this.readableFlowing === null && !this.#isReading) this.destroy(error);
    });
  }

  override _read(): void {
    if (!this.#isReading && !this.#isEnded) void this.#readOn();
  }

  /** Reads messages until `push` returns false. */
  async #readOn(): Promise<void> {
    const connection = this.#connection;
    this.#isReading = true;
    try {
      for (let isWanted = true; isWanted; ) {
        const message = connection.tryReceive() ?? (await connection.receive());
        if (this.destroyed) return;
        if (message === undefined) {
          this.#isEnded = true;
          const error = await this.#failure;
          if (error === undefined) this.push(null);
          else this.destroy(error);
          return;
        }
        if (message.type === "text" || message.type === "binary") isWanted = this.#deliver(message.data);
      }
    } catch (thrown) {
      this.destroy(asError(thrown));
    } finally {
      this.#isReading = false;
    }
  }

  /** @returns whether the reader wants more. */
  #deliver(data: string | Uint8Array): boolean {
    if (this.readableObjectMode) return this.push(data);
    const bytes =
      typeof data === "string"
        ? Buffer.from(data)
        : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    // A byte stream has no empty chunks: `push` would ignore it, and `_read` would not be called again.
    return bytes.length === 0 ? true : this.push(bytes);
  }

  override _write(chunk: unknown, _encoding: string, done: (error?: Error | null) => void): void {
    const connection = this.#connection;
    let isRoomy: boolean | undefined;
    try {
      isRoomy = connection.send(chunk as never);
    } catch (thrown) {
      done(asError(thrown));
      return;
    }
    if (isRoomy === true) done();
    else
      void this.#writeLater(isRoomy === false ? undefined : chunk).then(done, (thrown) =>
        done(asError(thrown)),
      );
  }

  /** @param chunk - the data if `send` refused it; undefined if it is queued. */
  async #writeLater(chunk: unknown): Promise<Error | undefined> {
    const connection = this.#connection;
    await connection.drained();
    if (chunk === undefined) return undefined;
    if (connection.state === "open" && (await sendWithRoom(connection, chunk))) return undefined;
    const error = await this.#failure;
    return error ?? new Error("the connection is closed: nothing can be written any more");
  }

  /** Called after `end()`, once all data is written. */
  override _final(done: (error?: Error | null) => void): void {
    void this.#connection.close();
    void this.#failure.then((error) => done(error));
  }

  /** Destroying the stream before its end cuts the connection, so that the peer notices it too. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#connection.state !== "closed") this.#connection.terminate();
    done(error);
  }
}
