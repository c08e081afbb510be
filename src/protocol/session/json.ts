/** Values in messages: JSON, and their validation by any library that has the interface Standard Schema. */

import { CloseCode } from "../../codec/index.js";

/** What a schema says of a value. */
type Result<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** As much of Standard Schema (version 1) as is used: schemas of zod, valibot, arktype and others have it. */
export interface StandardSchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly validate: (value: unknown) => Result<Output> | Promise<Result<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/**
 * A message that is not what it should be: no JSON, or not what the schema says. A handler that lets it through closes the
 * connection with `closeCode`; it is the peer's fault, so it goes to the `error` handler and is never printed.
 */
export class InvalidMessageError extends Error {
  /** §7.4.1: 1007, "data within a message that was not consistent with the type of the message". */
  readonly closeCode: number = CloseCode.InvalidFramePayloadData;
  /** What the schema finds wrong; empty where the message is no JSON. */
  readonly issues: readonly SchemaIssue[];

  constructor(text: string, issues: readonly SchemaIssue[] = [], cause?: unknown) {
    super(text, { cause });
    this.name = "InvalidMessageError";
    this.issues = issues;
  }
}

/** Whether a handler threw one; what it threw may be anything. */
export function isInvalidMessage(thrown: unknown): thrown is InvalidMessageError {
  try {
    return thrown instanceof InvalidMessageError;
  } catch {
    // A revoked Proxy cannot even be asked.
    return false;
  }
}

/** @throws {InvalidMessageError} for what is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new InvalidMessageError("the message is no JSON", [], error);
  }
}

/** @throws {TypeError} for what JSON has no text for. */
export function toJson(value: unknown): string {
  const text = JSON.stringify(value) as string | undefined;
  if (text !== undefined) return text;
  throw new TypeError(`${typeof value === "symbol" ? "a symbol" : String(value)} has no JSON`);
}

/**
 * Validates a value.
 *
 * @throws {InvalidMessageError} for one that does not match.
 * @throws {TypeError} for what is no schema, or one that validates by a promise; what the schema throws.
 */
export function validate<Output>(schema: StandardSchema<unknown, Output>, value: unknown): Output {
  const result = validatorOf(schema)(value);
  if ("then" in result) {
    // Nobody waits for it.
    result.then(undefined, () => undefined);
    throw new TypeError(
      "the schema validates by a promise: use typed(connection, …).receive(), which waits for it",
    );
  }
  return outputOf(result);
}

/** The same, and waits. */
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
