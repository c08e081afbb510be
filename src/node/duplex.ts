/**
 * A connection as Node's Duplex: bytes, or messages in object mode. What `connection.duplex()` returns; the same as
 * `createWebSocketStream` of `ws`, with backpressure both ways and errors that reach the other side.
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

/** As much of a connection as a Duplex needs. */
export interface Duplexable extends Streamable {
  tryReceive(): AnyMessage | undefined;
  terminate(): void;
}

/** Options of Node's Duplex, but those that are functions of its own. */
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

/** @throws {InvalidStateError} for a connection whose messages go elsewhere. */
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
    // When the peer has closed, nothing can be written any more.
    super({ ...options, allowHalfOpen: false, autoDestroy: true, emitClose: true });
    this.#connection = connection;
    this.#failure = failureOf(connection, { isEnd: isOrderly, WebSocketError });
    void this.#failure.then((error) => {
      // Who reads meets the error behind what arrived before; who only writes is told at once.
      if (error !== undefined && this.readableFlowing === null && !this.#isReading) this.destroy(error);
    });
  }

  override _read(): void {
    if (!this.#isReading && !this.#isEnded) void this.#readOn();
  }

  /** Reads messages while they are wanted. */
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

  /** @returns whether more is wanted. */
  #deliver(data: string | Uint8Array): boolean {
    if (this.readableObjectMode) return this.push(data);
    const bytes =
      typeof data === "string"
        ? Buffer.from(data)
        : Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    // Bytes have no empty chunk: none would be pushed, and no more be asked for.
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

  /** @param chunk - what was not sent, if it was not. */
  async #writeLater(chunk: unknown): Promise<Error | undefined> {
    const connection = this.#connection;
    await connection.drained();
    if (chunk === undefined) return undefined;
    if (connection.state === "open" && (await sendWithRoom(connection, chunk))) return undefined;
    const error = await this.#failure;
    return error ?? new Error("the connection is closed: nothing can be written any more");
  }

  /** All was written: what the program ends by `end()`. */
  override _final(done: (error?: Error | null) => void): void {
    void this.#connection.close();
    void this.#failure.then((error) => done(error));
  }

  /** A stream that is destroyed before its end was reached cuts the connection, so that the peer knows of it, too. */
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    if (this.#connection.state !== "closed") this.#connection.terminate();
    done(error);
  }
}
