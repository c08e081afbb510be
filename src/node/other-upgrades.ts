/**
 * Requests that come by 'upgrade' and are not ours: of another path, or for another protocol. They are left to the
 * other listeners, or answered as ordinary requests.
 */

import { type IncomingMessage, type Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { getHeader, listIncludes } from "../protocol/index.js";

/** Set on a socket that a handler of ours decides about, has opened, or has refused. */
const TAKEN: unique symbol = Symbol("hawser.taken");

/** How many of our handlers left a socket to others. */
const LEFT: unique symbol = Symbol("hawser.left");

interface Marked extends Duplex {
  [TAKEN]?: boolean;
  [LEFT]?: number;
  readonly bytesWritten?: number;
}

/** Notes that a handler of ours has this socket. */
export function take(socket: Duplex): void {
  (socket as Marked)[TAKEN] = true;
}

/**
 * Whether another listener of this 'upgrade' has the socket: it reads from it, or has ended it. Node takes its own
 * listeners away before it emits the event, and says that nothing reads.
 */
export function isTaken(socket: Duplex): boolean {
  return (
    (socket as Marked)[TAKEN] === true ||
    socket.writableEnded ||
    socket.readableFlowing === true ||
    socket.listenerCount("readable") > 0
  );
}

/** The HTTP server that a request came to. `listener` is the `this` of its listener. */
export function serverOf(listener: unknown, request: IncomingMessage): Server | undefined {
  const { server } = (request.socket ?? {}) as { server?: unknown };
  for (const each of [listener, server]) {
    if (typeof (each as Partial<Server> | undefined)?.listenerCount === "function") return each as Server;
  }
  return undefined;
}

/** Whether others listen for 'upgrade' on a server beside one listener. */
export function hasOthers(server: Server | undefined): server is Server {
  return server !== undefined && server.listenerCount("upgrade") > 1;
}

/** Whether a request is for WebSocket at all: RFC 9110 §7.8 lets a client offer other protocols. */
export function offersWebSocket(request: IncomingMessage): boolean {
  return listIncludes(getHeader(request.headers, "upgrade") ?? "", "websocket");
}

/** Sockets of upgrades that are not our connections, until they close: refused ones, and those of others. */
export class OtherSockets {
  readonly #sockets = new Set<Duplex>();

  /** @param gone - called when the socket has closed. */
  add(socket: Duplex, gone?: () => void): void {
    this.#sockets.add(socket);
    socket.once("close", () => {
      this.#sockets.delete(socket);
      gone?.();
    });
  }

  /**
   * Leaves a socket to the other listeners.
   *
   * @param timeoutMs - after this long `refuse` is called, if no listener has taken the socket; 0: never.
   * @returns false if all listeners are ours and none takes it: then it is the caller's to answer.
   */
  leave(server: Server | undefined, socket: Duplex, timeoutMs: number, refuse: () => void): boolean {
    const marked = socket as Marked;
    marked[LEFT] = (marked[LEFT] ?? 0) + 1;
    if (server !== undefined && marked[LEFT] >= server.listenerCount("upgrade")) return false;
    // No listener need be there for errors, and one that is not listened for ends the process.
    socket.on("error", ignore);
    const { bytesWritten } = marked;
    const readers = socket.listenerCount("data");
    const isUntouched = () =>
      !isTaken(socket) && marked.bytesWritten === bytesWritten && socket.listenerCount("data") === readers;
    const late = () => {
      if (isUntouched()) refuse();
    };
    const timer = timeoutMs > 0 ? setTimeout(late, timeoutMs) : undefined;
    this.add(socket, () => clearTimeout(timer));
    return true;
  }

  /** Cuts those that are still open. */
  destroy(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

export function ignore(): void {}

/**
 * Has a server answer a request as if it had offered no upgrade: the bytes of the request go back into the socket,
 * with another Connection header, and the server reads them once more. RFC 9110 §7.8: "A server MAY ignore a
 * received Upgrade header field if it wishes to continue using the current protocol on that connection."
 *
 * The connection ends with the response. Listeners for 'connection' of the server are called again.
 */
export function answerOrdinarily(
  server: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Uint8Array,
): void {
  if (READS_CONTENT || socket !== request.socket || request.readableLength > 0) {
    answerParsed(server, request, socket);
    return;
  }
  let text = `${request.method} ${request.url} HTTP/${request.httpVersion}\r\nConnection: close\r\n`;
  const { rawHeaders } = request;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (!/^connection$/i.test(rawHeaders[i])) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
  }
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, "latin1"), head]));
  const isEncrypted = (socket as { encrypted?: boolean }).encrypted === true;
  server.emit(isEncrypted ? "secureConnection" : "connection", socket);
}

/** Node from 26 on reads the content of such a request itself; while there is some, a stream stands for the socket. */
const READS_CONTENT = Number.parseInt(process.versions.node, 10) >= 26;

function answerParsed(server: Server, request: IncomingMessage, socket: Duplex): void {
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket as Socket);
  response.once("finish", () => {
    response.detachSocket(socket as Socket);
    socket.end();
  });
  server.emit("request", request, response);
}
