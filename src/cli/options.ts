/** Arguments: parsing and validation that the commands share. A wrong argument is a UsageError. */

import { type ParseArgsConfig, parseArgs } from "node:util";
import { buildHandshakeRequest, type Credentials, generateKey } from "../protocol/index.js";
import { messageOf } from "./shell.js";
import { readTls, type TlsMaterial } from "./tls.js";
import { UsageError } from "./usage-error.js";

export { UsageError };

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
    throw new UsageError(explain(error, [...Object.keys(options), ...Object.keys(COMMON)]));
  }
  const extra = parsed.positionals.at(positionals.length);
  if (extra !== undefined) {
    const expected = positionals.length === 0 ? "no argument" : `only ${positionals.join(" ")}`;
    throw new UsageError(`expected ${expected} beside options, not also "${extra}"`);
  }
  return parsed;
}

/** What `parseArgs` found wrong, in a sentence. */
function explain(error: unknown, names: readonly string[]): string {
  const message = messageOf(error);
  if ((error as NodeJS.ErrnoException).code !== "ERR_PARSE_ARGS_UNKNOWN_OPTION") return message;
  const [, given = ""] = /'(--?[^']*)'/.exec(message) ?? [];
  const like = names.filter((name) => isLike(given.replace(/^-+/, ""), name));
  const hint = like.length === 0 ? "" : `: did you mean ${like.map((name) => `--${name}`).join(" or ")}?`;
  return `there is no option ${given}${hint}`;
}

/** Whether a name may be a slip of another: one begins with the other, or they differ in one or two letters. */
function isLike(given: string, name: string): boolean {
  if (given.length < 2) return false;
  if (name.startsWith(given) || given.startsWith(name)) return true;
  return distance(given, name) <= (name.length > 4 ? 2 : 1);
}

/** How many letters have to be added, taken away or replaced. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (const [i, letter] of [...a].entries()) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      next.push(Math.min(row[j] + (letter === b[j] ? 0 : 1), row[j + 1] + 1, next[j] + 1));
    }
    row = next;
  }
  return row[b.length];
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
  ca: { type: "string" },
  cert: { type: "string" },
  key: { type: "string" },
  insecure: { type: "boolean" },
  proxy: { type: "string" },
  redirect: { type: "boolean" },
  compress: { type: "boolean" },
} as const satisfies Options;

/** How their help describes them. */
export const CONNECT_HELP = `\
  -H, --header 'NAME: VALUE'   a header of the handshake; may be given more than once
      --origin ORIGIN          the Origin header, such as https://example.com
      --auth USER:PASSWORD     log in by HTTP's Basic scheme
      --ca FILE                authorities that may have signed the server's certificate, in PEM
      --cert FILE              a certificate of yours, in PEM, for servers that want one
      --key FILE               its key, in PEM
      --insecure               do not verify the server's certificate
      --proxy URL              a proxy to go through, such as http://proxy.example:3128; "none" for no proxy;
                               default: what https_proxy, http_proxy and no_proxy in the environment say
      --redirect               follow redirects
      --compress               offer compression`;

interface ConnectValues {
  readonly header?: readonly string[] | undefined;
  readonly subprotocol?: readonly string[] | undefined;
  readonly origin?: string | undefined;
  readonly auth?: string | undefined;
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly insecure?: boolean | undefined;
  readonly proxy?: string | undefined;
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
    readonly proxy: string | boolean;
    readonly tls?: TlsMaterial & { readonly rejectUnauthorized?: false };
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
  const tls = readTls(values);
  return {
    url: absolute,
    options: {
      ...options,
      redirect: values.redirect === true,
      perMessageDeflate: values.compress === true,
      proxy: proxyOf(values.proxy),
      ...((tls !== undefined || values.insecure === true) && {
        tls: { ...tls, ...(values.insecure === true && { rejectUnauthorized: false }) },
      }),
    },
  };
}

function proxyOf(text: string | undefined): string | boolean {
  if (text === undefined) return true;
  if (text === "none") return false;
  // The text may have a password: it is not repeated.
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) return text;
  throw new UsageError("--proxy must be a URL such as http://proxy.example:3128, or none");
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
