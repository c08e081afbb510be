/** What a script works with: the implementation, the log, and the parts that most scripts need. */

import { once } from "node:events";
import http from "node:http";
import net from "node:net";
import type { ClientOptions, ServerOptions } from "ws";
import { End } from "./duplex.js";
import { format } from "./format.js";
import type { Implementation, Server, Socket } from "./implementation.js";
import { internals } from "./implementation.js";
import { Journal } from "./journal.js";
import { acceptOf, KEY, MASK, RawPeer } from "./peer.js";

export interface Script {
  readonly name: string;
  run(stage: Stage): Promise<void> | void;
}

/** Events of a socket that nearly every script logs. */
const EVENTS = ["open", "message", "ping", "pong", "error", "close"];

/** One entry of a table of scripts. */
export function script(name: string, run: Script["run"]): Script {
  return { name, run };
}

export interface Request {
  readonly method?: string;
  readonly path?: string;
  readonly version?: string;
  /** Instead of, or beside, those of a valid request; undefined takes one out. */
  readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Bytes after the head in the same chunk. */
  readonly tail?: Uint8Array;
  readonly manual?: boolean;
}

export interface Pair {
  readonly wss: Server;
  readonly server: Socket;
  readonly client: Socket;
  readonly url: string;
}

export class Stage {
  readonly journal = new Journal();
  readonly #cleanups: (() => unknown)[] = [];

  readonly impl: Implementation;

  constructor(impl: Implementation) {
    this.impl = impl;
  }

  say(lane: string, word: string, ...values: readonly unknown[]): void {
    this.journal.say(lane, word, ...values);
  }

  until(lane: string, word: string, count = 1): Promise<void> {
    return this.journal.until(lane, word, count);
  }

  after(cleanup: () => unknown): void {
    this.#cleanups.push(cleanup);
  }

  async finish(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }

  /** Logs what a call does: what it returns, or what it throws. */
  call(lane: string, word: string, run: () => unknown): void {
    try {
      this.say(lane, `${word} returns`, run());
    } catch (error) {
      this.say(lane, `${word} throws`, error);
    }
  }

  /** Logs every event of a socket, with its `readyState` when the event comes. */
  watch<T extends Socket>(lane: string, socket: T, events: readonly string[] = EVENTS): T {
    for (const name of events) {
      socket.on(name, (...values: unknown[]) => {
        const texts = values.map((value) => format(brief(value)));
        this.journal.note(lane, name, [...texts, `(state ${socket.readyState})`].join(" "));
      });
    }
    this.after(() => void socket.terminate());
    return socket;
  }

  /** A server on a free port of 127.0.0.1, that logs and watches its connections. */
  async serve(
    options: ServerOptions = {},
    lane = "server",
  ): Promise<{ wss: Server; port: number; url: string }> {
    const listens = options.server === undefined && options.noServer !== true;
    const wss = new this.impl.WebSocketServer({
      ...(listens ? { port: 0, host: "127.0.0.1" } : {}),
      ...options,
    });
    this.watchServer(wss, lane);
    if (!listens) return { wss, port: 0, url: "" };
    await once(wss, "listening");
    const { port } = wss.address() as net.AddressInfo;
    return { wss, port, url: `ws://127.0.0.1:${port}/` };
  }

  /** Logs the events of a server and of its connections, and closes it behind the script. */
  watchServer(wss: Server, lane = "server"): void {
    let count = 0;
    wss.on("connection", (socket, request) => {
      const name = count++ === 0 ? lane : `${lane} ${count}`;
      this.journal.note(lane, "connection", `${request.url} (state ${socket.readyState})`);
      this.watch(name, socket);
    });
    wss.on("error", (error) => this.say(lane, "server-error", error));
    wss.on("close", () => this.say(lane, "server-close"));
    this.after(() => wss.close());
  }

  /** A client that logs. */
  connect(
    url: string | URL,
    protocols?: string | string[],
    options?: ClientOptions,
    lane = "client",
  ): Socket {
    return this.watch(lane, new this.impl.WebSocket(url, protocols, options));
  }

  /** A server and a client of the implementation, connected over TCP. */
  async pair(
    options: ServerOptions = {},
    clientOptions?: ClientOptions,
    protocols?: string[],
  ): Promise<Pair> {
    const { wss, url } = await this.serve(options);
    const connected = once(wss, "connection");
    const client = this.connect(url, protocols, clientOptions);
    const [server] = (await connected) as [Socket];
    await this.until("client", "open");
    return { wss, server, client, url };
  }

  /** The text of a request, valid by default. */
  request({ method = "GET", path = "/", version = "1.1", headers = {} }: Request = {}): string {
    const fields: Record<string, string | readonly string[] | undefined> = {
      Host: "127.0.0.1",
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Key": KEY,
      ...headers,
    };
    const lines = Object.entries(fields).flatMap(([name, value]) =>
      (value === undefined ? [] : [value].flat()).map((one) => `${name}: ${one}`),
    );
    return `${[`${method} ${path} HTTP/${version}`, ...lines].join("\r\n")}\r\n\r\n`;
  }

  /** A client of bytes, connected over TCP, that has sent a request. */
  async rawClient(port: number, request: Request = {}, lane = "peer"): Promise<RawPeer> {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    this.after(() => socket.destroy());
    await once(socket, "connect");
    const peer = new RawPeer(this.journal, lane, socket, {
      head: true,
      key: MASK,
      manual: request.manual ?? false,
    });
    peer.write(this.request(request), request.tail ?? "");
    return peer;
  }

  /** A server of the implementation with a client of bytes, both open. */
  async rawPair(
    options: ServerOptions = {},
    request: Request = {},
  ): Promise<{ server: Socket; wss: Server; peer: RawPeer }> {
    const { wss, port } = await this.serve(options);
    const connected = once(wss, "connection");
    const peer = await this.rawClient(port, request);
    const [server] = (await connected) as [Socket];
    await this.until("peer", "head-end");
    return { server, wss, peer };
  }

  /** A server of bytes on TCP: `answer` gets each connection once its request is there. */
  async rawServer(
    answer: (peer: RawPeer, count: number) => void,
    manual = false,
  ): Promise<{ port: number; url: string }> {
    let count = 0;
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const number = ++count;
      const lane = number === 1 ? "peer" : `peer ${number}`;
      this.after(() => socket.destroy());
      const peer = new RawPeer(this.journal, lane, socket, { head: true, manual });
      void this.until(lane, "head-end").then(() => answer(peer, number));
    });
    this.after(() => new Promise((resolve) => server.close(resolve)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as net.AddressInfo;
    return { port, url: `ws://127.0.0.1:${port}/` };
  }

  /** A client of the implementation with a server of bytes, both open. */
  async rawClientPair(
    clientOptions?: ClientOptions,
    response: readonly string[] = [],
    tail: Uint8Array = Buffer.alloc(0),
    manual = false,
  ): Promise<{ client: Socket; peer: RawPeer }> {
    let resolvePeer: (peer: RawPeer) => void = () => {};
    const answered = new Promise<RawPeer>((resolve) => {
      resolvePeer = resolve;
    });
    const { url } = await this.rawServer((peer) => {
      peer.write(accepting(peer, response), tail);
      resolvePeer(peer);
    }, manual);
    const client = this.connect(url, undefined, clientOptions);
    const peer = await answered;
    await this.until("client", "open");
    return { client, peer };
  }

  /** A connection of the implementation over a Duplex, as a server or as a client, and a peer of bytes. */
  overDuplex(
    options: object = {},
    { isServer = true, head = Buffer.alloc(0) as Buffer, manual = false } = {},
  ): { socket: Socket; peer: RawPeer; near: End; far: End } {
    const [near, far] = End.pair();
    near.on("error", () => {});
    const peer = new RawPeer(this.journal, "peer", far, {
      head: false,
      manual,
      key: isServer ? MASK : undefined,
    });
    const all = {
      autoPong: true,
      closeTimeout: 30_000,
      allowSynchronousEvents: true,
      maxPayload: 0,
      ...options,
    };
    const socket = new this.impl.WebSocket(null as never, undefined, all as never);
    if (!isServer) internals(socket)._isServer = false;
    this.watch("socket", socket);
    internals(socket).setSocket(near, head, all);
    return { socket, peer, near, far };
  }

  /** A request as a server of HTTP makes it, without one: for handleUpgrade. */
  incoming(socket: End, headers: Readonly<Record<string, string>> = {}): http.IncomingMessage {
    const request = new http.IncomingMessage(socket as unknown as net.Socket);
    request.method = "GET";
    request.url = "/";
    request.headers = {
      host: "127.0.0.1",
      connection: "Upgrade",
      upgrade: "websocket",
      "sec-websocket-version": "13",
      "sec-websocket-key": KEY,
      ...headers,
    };
    return request;
  }

  /** Some turns of the event loop, for events that must not happen. Nothing that a script waits for depends on them. */
  async turns(count = 5): Promise<void> {
    for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
  }

  /** Logs errors that reach the process, until the script ends. */
  captureUncaught(lane = "process"): void {
    process.setUncaughtExceptionCaptureCallback((error) => this.say(lane, "uncaught", error));
    this.after(() => process.setUncaughtExceptionCaptureCallback(null));
  }
}

/** The answer of a server that accepts. */
export function accepting(peer: RawPeer, lines: readonly string[] = []): string {
  const accept = acceptOf(peer.field("Sec-WebSocket-Key") ?? "");
  const head = [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    ...lines,
  ];
  return `${head.join("\r\n")}\r\n\r\n`;
}

/** Arguments of events that are not values. */
function brief(value: unknown): unknown {
  if (value instanceof http.IncomingMessage) return `response ${value.statusCode}`;
  if (value instanceof http.ClientRequest) return `request ${value.method}`;
  return value;
}
