/** A connection of values: JSON, validated both ways. Independent of the transport. */

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

/** The members of a connection that are used here. */
interface MessageConnection extends AsyncIterable<AnyMessage> {
  send(text: string): boolean | undefined;
  receive(options?: never): Promise<AnyMessage | undefined>;
  close(code?: number, reason?: string): unknown;
}

export interface TypedOptions<In, Out> {
  /** Validates received values. You get the value that the schema returns. Default: any JSON. */
  readonly in?: StandardSchema<unknown, In> | undefined;
  /** Validates values to send. It must be synchronous. Default: any value that has a JSON form. */
  readonly out?: StandardSchema<Out, unknown> | undefined;
  /**
   * How to handle a received message that does not match. A close code: the connection closes with it (a page closes
   * without a code), and the loop or `receive` throws the error. A function: it is called, and the message is skipped;
   * if it throws, the loop or `receive` throws that error. Default 1007.
   */
  readonly onInvalid?: number | ((error: InvalidMessageError, message: AnyMessage) => unknown) | undefined;
}

/** Sends and receives values over a connection without a message handler. Made by `typed`. */
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
   * @returns the same as `connection.send`.
   * @throws {InvalidMessageError} if the value does not match the schema `out`.
   * @throws {TypeError} if the value has no JSON form.
   */
  send(value: Out): boolean | undefined {
    const { out } = this.#options;
    return this.connection.send(toJson(out === undefined ? value : validate(out as StandardSchema, value)));
  }

  /**
   * The next value; undefined once the connection is closed.
   *
   * @throws {InvalidMessageError} if the message does not match, unless `onInvalid` is a function.
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

  /** The value of a message, or an empty list if the message is skipped. */
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
 * Sends and receives values over a connection: JSON, validated both ways by schemas of zod, valibot, arktype, or any
 * library with the interface Standard Schema.
 *
 * @param connection - a connection without a message handler. You still own it.
 * @throws {TypeError | RangeError} for invalid options.
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
