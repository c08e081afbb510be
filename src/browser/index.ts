/** Connections over the WebSocket that browsers have, and other hosts that have the same. */

export { type ConnectOptions, connect, createConnection, tryConnect } from "./client.js";
export {
  Connection,
  type ConnectionHandlers,
  type CreateConnectionOptions,
  isConnection,
} from "./connection.js";
export type { ConnectionOptions } from "./connection-options.js";
export { type MessageStreams, WebSocketError } from "./connection-streams.js";
export type { Sendable } from "./payload.js";
export { connectWithRetry, type RetryOptions } from "./retry.js";
export { StayingConnection, type StayOptions, stayConnected } from "./stay.js";
export type { Closed, ConnectionState } from "./web-socket-session.js";
export {
  WebSocket,
  WebSocketStream,
  type WebSocketStreamConstructor,
  type WebSocketStreamOpened,
  type WebSocketStreamOptions,
} from "./web-socket-stream.js";
