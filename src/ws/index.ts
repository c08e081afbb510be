/**
 * `hawser/ws`: the exports of the npm package `ws`, version 8. `require("hawser/ws")` gives the class WebSocket, with
 * the others as its members.
 */

import type { ClientRequest, IncomingMessage } from "node:http";
import { format, parse as parseExtensions } from "./extension.js";
import { type PerMessageDeflateOptions as DeflateOptions, PerMessageDeflate } from "./per-message-deflate.js";
import { Receiver } from "./receiver.js";
import { Sender } from "./sender.js";
import {
  type AddressInfo as Address,
  type ServerOptions as OptionsOfServer,
  type VerifyClientCallbackAsync as VerifyAsync,
  type VerifyClientCallbackSync as VerifySync,
  WebSocketServer,
} from "./server.js";
import { createWebSocketStream } from "./stream.js";
import { parse as parseProtocols } from "./subprotocol.js";
import type * as types from "./types.js";
import { WebSocket as Client, type ClientOptions as OptionsOfClient } from "./web-socket.js";

const extension = { format, parse: parseExtensions };
const subprotocol = { parse: parseProtocols };

/** The members of the class. */
const MEMBERS = {
  createWebSocketStream,
  extension,
  PerMessageDeflate,
  Receiver,
  Sender,
  Server: WebSocketServer,
  subprotocol,
  WebSocket: Client,
  WebSocketServer,
};

const WebSocket: typeof Client & typeof MEMBERS = /* @__PURE__ */ Object.assign(Client, MEMBERS);
interface WebSocket extends Client {}

declare namespace WebSocket {
  type RawData = types.RawData;
  type Data = types.Data;
  type CertMeta = types.CertMeta;
  type VerifyClientCallbackSync<Request extends IncomingMessage = IncomingMessage> = VerifySync<Request>;
  type VerifyClientCallbackAsync<Request extends IncomingMessage = IncomingMessage> = VerifyAsync<Request>;
  type FinishRequestCallback = (request: ClientRequest, websocket: WebSocket) => void;
  interface ClientOptions extends OptionsOfClient {}
  interface PerMessageDeflateOptions extends DeflateOptions {}
  interface Event extends types.EventLike<WebSocket> {}
  interface ErrorEvent extends types.ErrorEventLike<WebSocket> {}
  interface CloseEvent extends types.CloseEventLike<WebSocket> {}
  interface MessageEvent extends types.MessageEventLike<WebSocket> {}
  interface WebSocketEventMap {
    open: Event;
    error: ErrorEvent;
    close: CloseEvent;
    message: MessageEvent;
  }
  interface EventListenerOptions extends types.EventListenerOptions {}
  interface ServerOptions<
    U extends typeof Client = typeof Client,
    V extends typeof IncomingMessage = typeof IncomingMessage,
  > extends OptionsOfServer<U, V> {}
  interface AddressInfo extends Address {}
  type Server<
    T extends typeof Client = typeof Client,
    U extends typeof IncomingMessage = typeof IncomingMessage,
  > = WebSocketServer<T, U>;
  type WebSocket = Client;
}

export {
  createWebSocketStream,
  extension,
  PerMessageDeflate,
  Receiver,
  Sender,
  subprotocol,
  WebSocket,
  WebSocketServer,
};
export default WebSocket;
// What `require("hawser/ws")` gives.
export { WebSocket as "module.exports" };
