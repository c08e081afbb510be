/** A connection over a stream on which the opening handshake is done already, or that needs none. */

import type { Duplex } from "node:stream";
import type { Role } from "../codec/index.js";
import {
  assertFunctions,
  assertKnownOptions,
  type DeflateParameters,
  nameOf,
  parseWebSocketUrl,
} from "../protocol/index.js";
import { begin, Connection, type ConnectionHandlers } from "./connection.js";
import {
  CONNECTION_OPTION_HINTS,
  CONNECTION_OPTION_NAMES,
  type ConnectionOptions,
  HANDLER_NAMES,
  settingsOf,
} from "./connection-options.js";
import { sharedLiveness } from "./liveness.js";
import { beginTurn, endTurn } from "./turn.js";
import { wholeFrames } from "./whole-frames.js";

export interface CreateConnectionOptions<Data = undefined>
  extends Omit<ConnectionOptions, "perMessageDeflate">,
    ConnectionHandlers<Data> {
  /** Our side. */
  readonly role: Role;
  /** What `connection.url` says; default "". */
  readonly url?: string | undefined;
  /** The subprotocol in use; default "", for none. */
  readonly protocol?: string | undefined;
  /** The extensions in use, as the response named them; default "", for none. */
  readonly extensions?: string | undefined;
  /** What the handshake agreed on for compression. Default: nothing. */
  readonly perMessageDeflate?: DeflateParameters | undefined;
  /** The first bytes of the stream, if they were read with the handshake. */
  readonly head?: Uint8Array | undefined;
  /** Whole frames to send first. */
  readonly outbox?: readonly Uint8Array[] | undefined;
  /** What `connection.data` begins with. */
  readonly data?: Data;
}

/** Names of all options. The compiler sees to it that none is missing. */
const OPTION_NAMES: readonly string[] = [
  ...CONNECTION_OPTION_NAMES,
  ...HANDLER_NAMES,
  ...Object.keys({
    role: true,
    url: true,
    protocol: true,
    extensions: true,
    perMessageDeflate: true,
    head: true,
    outbox: true,
    data: true,
  } satisfies Record<
    Exclude<
      keyof CreateConnectionOptions,
      Exclude<keyof ConnectionOptions, "perMessageDeflate"> | keyof ConnectionHandlers
    >,
    true
  >),
];

/**
 * Makes a connection, open already, of a stream: a socket whose handshake was done with `hawser/protocol`, one of
 * HTTP/2's streams, a pipe between two programs.
 *
 * @param transport - the connection's from here on.
 * @throws {TypeError | RangeError | ProtocolError} for options that make no sense.
 */
export function createConnection<Data = undefined>(
  transport: Duplex,
  options: CreateConnectionOptions<Data>,
): Connection<Data> {
  assertKnownOptions(options, OPTION_NAMES, CONNECTION_OPTION_HINTS, "createConnection");
  assertFunctions(options, HANDLER_NAMES);
  const { role, url = "", protocol = "", extensions = "", perMessageDeflate, head, outbox, data } = options;
  if (role !== "server" && role !== "client") {
    throw new TypeError(`role must be "server" or "client", not ${nameOf(role)}`);
  }
  if (head !== undefined && !(head instanceof Uint8Array)) {
    throw new TypeError(`head must be a Uint8Array, not ${nameOf(head)}`);
  }
  const frames = outbox === undefined ? undefined : wholeFrames(outbox, perMessageDeflate !== undefined);
  const settings = settingsOf(role, { ...options, perMessageDeflate: false });
  const context = { settings, liveness: sharedLiveness(options), onGone: undefined };
  const host = parseWebSocketUrl(url)?.authority ?? "";
  const opening = { url, host, protocol, extensions, perMessageDeflate };
  const connection = new Connection<Data>(transport, opening, options, context);
  connection.data = data as Data;
  beginTurn();
  try {
    if (frames !== undefined) connection.outbox = frames;
    connection[begin](() => options.open?.(connection, undefined), head);
  } finally {
    endTurn();
  }
  return connection;
}
