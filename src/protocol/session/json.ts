/** JSON values in messages, and their validation by any library with the interface Standard Schema. */

import { CloseCode } from "../../codec/index.js";

/** The result of a validation. */
type Result<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The used part of Standard Schema (version 1), which schemas of zod, valibot, arktype and others implement. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly validate: (value: unknown) => Result<Output> | Promise<Result<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/**
 * The error for a message that is not JSON or does not match its schema. If a handler does not catch it, the connection
 * closes with `closeCode`. Because the peer caused it, it goes to the `error` handler and is never printed.
 */
export class InvalidMessageError extends Error {
  /** §7.4.1: 1007, "data within a message that was not consistent with the type of the message". */
  readonly closeCode: number = CloseCode.InvalidFramePayloadData;
  /** The issues that the schema found; empty if the message is not JSON. */
  readonly issues: readonly SchemaIssue[];

  constructor(text: string, issues: readonly SchemaIssue[] = [], cause?: unknown) {
    super(text, { cause });
    this.name = "InvalidMessageError";
    this.issues = issues;
  }
}

/** Whether a thrown value, of any type, is an InvalidMessageError. */
export function isInvalidMessage(thrown: unknown): thrown is InvalidMessageError {
  try {
    return thrown instanceof InvalidMessageError;
  } catch {
    // `instanceof` throws for a revoked Proxy.
    return false;
  }
}

/** @throws {InvalidMessageError} if the text is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidMessageError("the message is not JSON", [], error);
  }
}

/** @throws {TypeError} if the value has no JSON form, such as undefined. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text !== undefined) return text;
  throw new TypeError(`${typeof value === "symbol" ? "a symbol" : String(value)} has no JSON`);
}

/**
 * Validates a value.
 *
 * @throws {InvalidMessageError} if the value does not match.
 * @throws {TypeError} if `schema` is not a schema or is asynchronous. Errors of the schema are passed on.
 */
export function validate<Output>(schema: StandardSchema<unknown, Output>, value: unknown): Output {
  const result = validatorOf(schema)(value);
  if ("then" in result) {
    // The promise is not used: its rejection must not be unhandled.
    result.then(undefined, () => undefined);
    throw new TypeError(
      "the schema validates by a promise: use typed(connection, …).receive(), which waits for it",
    );
  }
  return outputOf(result);
}

/** The same for schemas that may be asynchronous. */
export async function validateLater<Output>(
  schema: StandardSchema<unknown, Output>,
  value: unknown,
): Promise<Output> {
  return outputOf(await validatorOf(schema)(value));
}

function validatorOf<Output>(schema: StandardSchema<unknown, Output>) {
  const standard = (schema as Partial<StandardSchema<unknown, Output>> | null | undefined)?.["~standard"];
  if (typeof standard?.validate !== "function") {
    throw new TypeError(
      `a schema must have the interface Standard Schema ("~standard"), which ${typeof schema} has not`,
    );
  }
  return (value: unknown) => standard.validate(value);
}

function outputOf<Output>(result: Result<Output>): Output {
  if (result.issues === undefined) return result.value;
  const issues = [...result.issues];
  const texts = issues.map(({ message, path = [] }) => {
    const where = path.map((key) => String(typeof key === "object" ? key.key : key)).join(".");
    return where === "" ? message : `${where}: ${message}`;
  });
  throw new InvalidMessageError(`the message does not match its schema: ${texts.join("; ")}`, issues);
}
