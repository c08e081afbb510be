/** Decisions of `authorize` about a request, and reading them: only a clear yes opens a connection. */

import { type HeaderInit, isPlainObject, nameOf, type PerMessageDeflateOptions } from "../protocol/index.js";

/** What `authorize` decides. true or undefined: accept. false: refuse with 401. */
export type Authorization<Data = undefined> =
  | boolean
  | undefined
  | {
      /** Headers of the 101 response. */
      readonly headers?: HeaderInit | undefined;
      /** What `connection.data` begins with. */
      readonly data?: Data;
      /** Compression for this connection, instead of the server's options. */
      readonly perMessageDeflate?: boolean | PerMessageDeflateOptions | undefined;
    }
  | {
      /** Refuse with this: 300 to 599. */
      readonly status: number;
      readonly headers?: HeaderInit | undefined;
      readonly body?: string | undefined;
    };

/** The same, read. */
export interface Decision<Data> {
  /** Undefined: accepted. */
  readonly status: number | undefined;
  readonly headers: HeaderInit | undefined;
  readonly body: string | undefined;
  readonly data: Data;
  readonly perMessageDeflate: boolean | PerMessageDeflateOptions | undefined;
}

const ACCEPTANCE: Decision<undefined> = {
  status: undefined,
  headers: undefined,
  body: undefined,
  data: undefined,
  perMessageDeflate: undefined,
};

const REFUSAL: Decision<undefined> = { ...ACCEPTANCE, status: 401 };

const ACCEPTING = ["headers", "data", "perMessageDeflate"];
const REFUSING = ["status", "headers", "body"];

const EXPECTED =
  "authorize must return a boolean, undefined, { headers?, data?, perMessageDeflate? } to accept, " +
  "or { status, headers?, body? } to refuse";

/**
 * Reads a decision.
 *
 * @throws {TypeError} for a value that is neither acceptance nor refusal: null, a number, `{ ok: false }`.
 */
export function readDecision<Data>(decision: unknown): Decision<Data> {
  if (decision === undefined || decision === true) return ACCEPTANCE as Decision<Data>;
  if (decision === false) return REFUSAL as Decision<Data>;
  if (typeof decision !== "object" || decision === null || !isPlainObject(decision)) {
    throw new TypeError(`${EXPECTED}, not ${nameOf(decision)}`);
  }
  const known = "status" in decision ? REFUSING : ACCEPTING;
  const unknown = Object.keys(decision).find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new TypeError(`${EXPECTED}, not an object with ${JSON.stringify(unknown)}`);
  const { status, headers, body, data, perMessageDeflate } = decision as Partial<Decision<Data>>;
  if ("status" in decision && typeof status !== "number") {
    throw new TypeError(`the status that authorize returns must be a number, not ${nameOf(status)}`);
  }
  return { status, headers, body, data: data as Data, perMessageDeflate };
}
