/// <reference types="node" preserve="true" />
/** Servers, clients and connections on Node's sockets. */

export type { Authorization } from "./authorization.js";
export type { BlobLike } from "./blob.js";
export { type ConnectOptions, connect, tryConnect } from "./client.js";
export {
  Connection,
  type ConnectionHandlers,
  isConnection,
  type ServerHandlers,
} from "./connection.js";
export type { ConnectionOptions } from "./connection-options.js";
export { type MessageStreams, WebSocketError } from "./connection-streams.js";
export type {
  Closed,
  ConnectionCounters,
  ConnectionSnapshot,
  ConnectionSocket,
  ConnectionState,
  MessageOptions,
  Opening,
  ReceiveOptions,
} from "./connection-types.js";
export { type CreateConnectionOptions, createConnection } from "./create-connection.js";
export type { ConnectionDuplexOptions } from "./duplex.js";
export type { FrameEvent } from "./frame-event.js";
export { logFrames } from "./frame-log.js";
export type { Broadcastable, BroadcastOptions, CloseOptions, ServerCounters } from "./hub.js";
export type { KeptRequest } from "./kept-request.js";
export type { LivenessLimits } from "./liveness.js";
export type { LongTurns } from "./long-turns.js";
export type { ErrorSubject } from "./report.js";
export { connectWithRetry, type RetryOptions } from "./retry.js";
export type { StreamOptions, StreamSource } from "./send-stream.js";
export { type HttpServer, type ServeOptions, Server, serve } from "./server.js";
export { StayingConnection, type StayOptions, stayConnected } from "./stay.js";
export type { Broker, BrokerListener } from "./topics/broker.js";
export {
  type Publishable,
  type PublishOptions,
  Topics,
  type TopicsCounters,
  type TopicsOptions,
} from "./topics/topics.js";
export { createUpgradeHandler, type UpgradeHandler } from "./upgrade-handler.js";
export type { UpgradeOptions } from "./upgrade-options.js";
export {
  WebSocket,
  type WebSocketEvents,
  type WebSocketHandler,
  type WebSocketInit,
} from "./web-socket.js";
export type { CloseEvent, ErrorEvent } from "./web-socket-events.js";
export {
  WebSocketStream,
  type WebSocketStreamOpened,
  type WebSocketStreamOptions,
} from "./web-socket-stream.js";
export type { Sendable } from "./writer.js";
