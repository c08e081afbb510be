/** Arguments: parsing and validation that the commands share. A wrong argument is a UsageError. */

import { type ParseArgsConfig, parseArgs } from "node:util";
import { buildHandshakeRequest, type Credentials, generateKey } from "../protocol/index.js";
import { messageOf } from "./shell.js";

/** Wrong arguments: the message names the expected form. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

type Options = NonNullable<ParseArgsConfig["options"]>;

/** Options that every command has. */
const COMMON = { help: { type: "boolean", short: "h" } } as const;

type Parsed<T extends Options> = ReturnType<
  typeof parseArgs<{ options: T & typeof COMMON; allowPositionals: true }>
>;

/**
 * Parses the arguments of a command.
 *
 * @param positionals - names of the arguments that are not options, for messages: how many there may be.
 * @throws {UsageError} for an unknown option, a missing value, or an argument too many.
 */
export function parse<const T extends Options>(
  argv: readonly string[],
  options: T,
  positionals: readonly string[],
): Parsed<T> {
  let parsed: Parsed<T>;
  try {
    parsed = parseArgs({ args: [...argv], options: { ...options, ...COMMON }, allowPositionals: true });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  const extra = parsed.positionals.at(positionals.length);
  if (extra !== undefined) {
    const expected = positionals.length === 0 ? "no argument" : `only ${positionals.join(" ")}`;
    throw new UsageError(`expected ${expected} beside options, not also "${extra}"`);
  }
  return parsed;
}

/**
 * A whole number in decimal digits.
 *
 * @param what - names it in the message.
 */
export function integer(text: string, what: string, least: number, greatest: number): number {
  const value = /^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= greatest) return value;
  throw new UsageError(`${what} must be a whole number from ${least} to ${greatest}, not "${text}"`);
}

/** The longest that Node's timers can wait, in milliseconds. */
const MAX_DELAY_MS = 2 ** 31 - 1;

/** A time in seconds, with or without a fraction, as milliseconds. */
export function seconds(text: string, what: string): number {
  const ms = /^([0-9]+\.?|[0-9]*\.[0-9]+)$/.test(text) ? Number(text) * 1000 : Number.NaN;
  if (ms <= MAX_DELAY_MS) return ms;
  throw new UsageError(`${what} must be a number of seconds, such as 2 or 0.5, not "${text}"`);
}

/** Options of the commands that open connections. */
export const CONNECT_OPTIONS = {
  header: { type: "string", short: "H", multiple: true },
  subprotocol: { type: "string", multiple: true },
  origin: { type: "string" },
  auth: { type: "string" },
  insecure: { type: "boolean" },
  redirect: { type: "boolean" },
  compress: { type: "boolean" },
} as const satisfies Options;

/** How their help describes them. */
export const CONNECT_HELP = `\
  -H, --header 'NAME: VALUE'   a header of the handshake; may be given more than once
      --origin ORIGIN          the Origin header, such as https://example.com
      --auth USER:PASSWORD     log in by HTTP's Basic scheme
      --insecure               do not verify the server's certificate
      --redirect               follow redirects
      --compress               offer compression`;

interface ConnectValues {
  readonly header?: readonly string[] | undefined;
  readonly subprotocol?: readonly string[] | undefined;
  readonly origin?: string | undefined;
  readonly auth?: string | undefined;
  readonly insecure?: boolean | undefined;
  readonly redirect?: boolean | undefined;
  readonly compress?: boolean | undefined;
}

/** The URL and options for `connect` of `../node`. */
export interface Target {
  readonly url: string;
  readonly options: {
    readonly headers: readonly (readonly [name: string, value: string])[];
    readonly protocol: string[];
    readonly origin?: string;
    readonly auth?: Credentials;
    readonly redirect: boolean;
    readonly perMessageDeflate: boolean;
    readonly tls?: { readonly rejectUnauthorized: false };
  };
}

/**
 * Checks everything that goes into a handshake before anything is sent.
 *
 * @param url - without a scheme it is `ws`: "localhost:8080", or ":8080" for this machine.
 */
export function targetOf(url: string | undefined, values: ConnectValues): Target {
  if (url === undefined) throw new UsageError("expected a URL, such as ws://localhost:8080");
  const absolute = /^[a-z][a-z0-9+.-]*:\/\//i.test(url)
    ? url
    : `ws://${url.startsWith(":") ? "localhost" : ""}${url}`;
  const headers = (values.header ?? []).map(header);
  const protocol = [...(values.subprotocol ?? [])];
  const options = {
    headers,
    protocol,
    ...(values.origin !== undefined && { origin: values.origin }),
    ...(values.auth !== undefined && { auth: credentials(values.auth) }),
  };
  try {
    buildHandshakeRequest({ url: absolute, key: generateKey(), ...options, protocols: protocol });
  } catch (error) {
    throw new UsageError(messageOf(error));
  }
  return {
    url: absolute,
    options: {
      ...options,
      redirect: values.redirect === true,
      perMessageDeflate: values.compress === true,
      ...(values.insecure === true && { tls: { rejectUnauthorized: false } }),
    },
  };
}

function header(text: string): [name: string, value: string] {
  const colon = text.indexOf(":");
  if (colon < 0) throw new UsageError(`a header must be 'Name: value', not "${text}"`);
  return [text.slice(0, colon), text.slice(colon + 1).trim()];
}

function credentials(text: string): Credentials {
  const colon = text.indexOf(":");
  // The text may be half a secret: it is not repeated.
  if (colon < 0) throw new UsageError("--auth must be USER:PASSWORD, with a colon between");
  return { username: text.slice(0, colon), password: text.slice(colon + 1) };
}
