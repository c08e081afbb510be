/** A connection of values: JSON, validated both ways. Knows no transport. */

import { CloseCode, encodeCloseBody } from "../../codec/index.js";
import {
  type InvalidMessageError,
  isInvalidMessage,
  parseJson,
  type StandardSchema,
  toJson,
  validate,
  validateLater,
} from "../session/json.js";
import type { AnyMessage } from "../session/message.js";
import { nameOf } from "./handlers.js";
import { assertKnownOptions } from "./known-options.js";

/** As much of a connection as is used. */
interface MessageConnection extends AsyncIterable<AnyMessage> {
  send(text: string): boolean | undefined;
  receive(options?: never): Promise<AnyMessage | undefined>;
  close(code?: number, reason?: string): unknown;
}

export interface TypedOptions<In, Out> {
  /** Validates what is received; what it returns is what you get. Default: any JSON. */
  readonly in?: StandardSchema<unknown, In> | undefined;
  /** Validates what is sent, at once, and not by a promise. Default: any value that has JSON. */
  readonly out?: StandardSchema<Out, unknown> | undefined;
  /**
   * What happens when a message does not match. A close code: the connection closes with it, and the loop, or `receive`,
   * throws the error; a page closes without a code. A function: it is called, and the message is left out. What it
   * throws comes out of the loop. Default 1007.
   */
  readonly onInvalid?: number | ((error: InvalidMessageError, message: AnyMessage) => unknown) | undefined;
}

/** A connection without a message handler, as values. `typed` makes them. */
export class TypedConnection<In, Out, Connection extends MessageConnection> implements AsyncIterable<In> {
  readonly connection: Connection;
  readonly #options: TypedOptions<In, Out>;

  /** Use `typed`. */
  constructor(connection: Connection, options: TypedOptions<In, Out>) {
    this.connection = connection;
    this.#options = options;
  }

  /**
   * Sends a value as JSON.
   *
   * @returns as `connection.send`.
   * @throws {InvalidMessageError} for a value that does not match the schema `out`.
   * @throws {TypeError} for one without JSON.
   */
  send(value: Out): boolean | undefined {
    const { out } = this.#options;
    return this.connection.send(toJson(out === undefined ? value : validate(out as StandardSchema, value)));
  }

  /**
   * The next value; undefined once the connection is closed.
   *
   * @throws {InvalidMessageError} for a message that does not match, unless `onInvalid` is a function.
   */
  async receive(): Promise<In | undefined> {
    for (let message: AnyMessage | undefined; (message = await this.connection.receive()) !== undefined; ) {
      const values = await this.#read(message);
      if (values.length > 0) return values[0];
    }
    return undefined;
  }

  /** Values until the connection is closed. Leaving the loop closes it. */
  async *[Symbol.asyncIterator](): AsyncGenerator<In, void, undefined> {
    for await (const message of this.connection) yield* await this.#read(message);
  }

  /** The value of a message, or none. */
  async #read(message: AnyMessage): Promise<[In] | []> {
    try {
      const value = parseJson(message.text());
      const schema = this.#options.in;
      return [schema === undefined ? (value as In) : await validateLater(schema, value)];
    } catch (error) {
      if (!isInvalidMessage(error)) throw error;
      const { onInvalid = CloseCode.InvalidFramePayloadData } = this.#options;
      if (typeof onInvalid === "function") {
        await onInvalid(error, message);
        return [];
      }
      this.#close(onInvalid);
      throw error;
    }
  }

  #close(code: number): void {
    try {
      this.connection.close(code, "invalid message");
    } catch {
      // A page may not send this code.
      this.connection.close();
    }
  }
}

/**
 * A connection as values: JSON, validated both ways by schemas of zod, valibot, arktype, or any library that has the
 * interface Standard Schema.
 *
 * @param connection - without a message handler; it stays yours.
 * @throws {TypeError | RangeError} for options that make no sense.
 */
export function typed<In = unknown, Out = unknown, Connection extends MessageConnection = MessageConnection>(
  connection: Connection,
  options: TypedOptions<In, Out> = {},
): TypedConnection<In, Out, Connection> {
  assertKnownOptions(options, ["in", "out", "onInvalid"], {}, "typed");
  const { onInvalid } = options;
  for (const name of ["in", "out"] as const) {
    const schema = options[name];
    if (schema === undefined || typeof (schema as StandardSchema)?.["~standard"]?.validate === "function")
      continue;
    throw new TypeError(`${name} must be a schema with the interface Standard Schema, not ${nameOf(schema)}`);
  }
  if (onInvalid !== undefined && typeof onInvalid !== "function") encodeCloseBody(onInvalid, "");
  return new TypedConnection(connection, options);
}
