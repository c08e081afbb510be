/** The shapes around a connection that do not name it: its opening, its state, its socket, its totals. */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Counters, DeflateParameters, HttpHeaders, SendOptions } from "../protocol/index.js";

/** A duplex stream; the addresses are there if it is a socket. */
export type ConnectionSocket = Duplex &
  Partial<Pick<Socket, "remoteAddress" | "remotePort" | "remoteFamily" | "localAddress" | "localPort">>;

export interface ConnectionCounters extends Counters {
  /** Messages that were not sent because the policy `onOverflow` dropped them. */
  readonly messagesDropped: number;
}

/** How a message that you made is sent; see `SendOptions`. */
export type MessageOptions = Pick<SendOptions, "compress" | "copy">;

export interface ReceiveOptions {
  /** Ends the wait with its reason. No message is lost: a later call gets it. */
  readonly signal?: AbortSignal | undefined;
}

/** open, closing (a Close was sent or received, §7.1.3), closed (the socket is gone, §7.1.4). */
export type ConnectionState = "open" | "closing" | "closed";

/** The result of the opening handshake. */
export interface Opening {
  /** The whole URL. */
  readonly url: string;
  /** Name or address, and the port if it is not the default. */
  readonly host: string;
  /** The subprotocol in use, "" for none. */
  readonly protocol: string;
  /** The Sec-WebSocket-Extensions header of the response, "" for none. */
  readonly extensions: string;
  /** The agreement on compression; undefined: nothing is compressed. */
  readonly perMessageDeflate: DeflateParameters | undefined;
  /** The headers of the response, on a client that did the handshake: lower-case names, one value for each line. */
  readonly headers?: HttpHeaders | undefined;
}

/** How a connection ended. */
export interface Closed {
  /** §7.1.5: of the Close that was received; 1005 if it had none, 1006 without one. */
  readonly code: number;
  readonly reason: string;
}

/** A connection at one moment. */
export interface ConnectionSnapshot extends Opening {
  readonly state: ConnectionState;
  readonly transport: Duplex;
  readonly fd: number;
  readonly outbox: readonly Uint8Array[];
  readonly bufferedAmount: number;
  readonly counters: ConnectionCounters;
}
