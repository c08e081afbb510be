/** What a connection tells about itself: the half of the user's object that only reads. */

import type { Duplex } from "node:stream";
import type { Role } from "../codec/index.js";
import type { DeflateParameters, HttpHeaders } from "../protocol/index.js";
import type { Handlers, SessionContext } from "./connection-options.js";
import type { ConnectionCounters, ConnectionSocket, ConnectionState, Opening } from "./connection-types.js";
import { type KeptRequest, requestOf } from "./kept-request.js";
import { Session } from "./session.js";
import { Subscribing, type SubscribingParts, subscribing } from "./topics/subscribing.js";

/** For the package's own modules: the session of a connection. */
export const session: unique symbol = Symbol("hawser.session");

export abstract class ConnectionStatus<Data, Face> extends Subscribing {
  readonly url: string;
  readonly host: string;
  /** §1.9: the subprotocol in use, "" for none. */
  readonly protocol: string;
  /** §9: the extensions in use, as the server accepted them, "" for none. */
  readonly extensions: string;
  /** The headers of the response, on a client that did the handshake: lower-case names, one value for each line. */
  readonly headers: HttpHeaders | undefined;
  /** Yours. It begins with the data that `authorize` returned, or the option `data`. */
  data: Data = undefined as Data;
  /** @internal */
  readonly [session]: Session<Face>;

  constructor(socket: Duplex, opening: Opening, handlers: Handlers<Face>, context: SessionContext) {
    super();
    this.url = opening.url;
    this.host = opening.host;
    this.protocol = opening.protocol;
    this.extensions = opening.extensions;
    this.headers = opening.headers;
    // The face is the subclass.
    this[session] = new Session(
      this as unknown as Face,
      socket,
      handlers,
      context,
      opening.perMessageDeflate,
    );
  }

  /** @internal */
  get [subscribing](): SubscribingParts {
    return { topics: this[session].context.topics, outlet: this[session].writer };
  }

  get role(): Role {
    return this[session].endpoint.role;
  }

  get state(): ConnectionState {
    return this[session].isGone ? "closed" : this[session].endpoint.state;
  }

  /** The agreement on compression; undefined: nothing is compressed. */
  get perMessageDeflate(): DeflateParameters | undefined {
    return this[session].endpoint.perMessageDeflate;
  }

  /** Whether messages can be sent. */
  get connected(): boolean {
    return this.state === "open";
  }

  /** Greatest payload of a frame that is sent, in bytes; if the option was set, of one that is received, too. */
  get maxFrameSize(): number {
    return this[session].endpoint.maxFrameSize;
  }

  /** Greatest message that is received, in bytes. */
  get maxMessageSize(): number {
    return this[session].endpoint.maxMessageSize;
  }

  /** The socket, TLS or not. Do not read from it or write to it: the connection would break. */
  get socket(): ConnectionSocket {
    return this[session].transport.socket;
  }

  /** On a server with the option `keepRequest`: path and headers of the request; else undefined. */
  get request(): KeptRequest | undefined {
    return requestOf(this);
  }

  /** The address of the peer, also after the socket is gone; undefined if the transport is not a socket. */
  get remoteAddress(): string | undefined {
    return this.socket.remoteAddress;
  }

  get remotePort(): number | undefined {
    return this.socket.remotePort;
  }

  /** The file descriptor of the socket, of the one under it with TLS; -1 when the socket is gone. */
  get fd(): number {
    return this[session].transport.fd;
  }

  /** The first thing that went wrong. */
  get error(): Error | undefined {
    return this[session].faults.error;
  }

  /** §7.1.5; undefined before a Close was received or the socket ended. */
  get closeCode(): number | undefined {
    return this[session].endpoint.closeCode;
  }

  get closeReason(): string {
    return this[session].endpoint.closeReason;
  }

  /** Totals since the connection opened. */
  get counters(): ConnectionCounters {
    const { endpoint, writer } = this[session];
    return { ...endpoint.counters, messagesDropped: writer.messagesDropped };
  }

  /** Bytes that wait: in the outbox, and in the socket until the system takes them. */
  get bufferedAmount(): number {
    return this[session].writer.bufferedAmount;
  }

  /** Payload bytes held of a message that is not complete yet. */
  get retainedLength(): number {
    return this[session].endpoint.retainedLength;
  }
}
