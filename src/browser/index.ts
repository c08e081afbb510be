/** Connections over the WebSocket that browsers have, and whoever else has the same. */

export { type ConnectOptions, connect, createConnection, tryConnect } from "./client.js";
export {
  Connection,
  type ConnectionState,
  type CreateConnectionOptions,
  isConnection,
} from "./connection.js";
export type { ConnectionHandlers, ConnectionOptions } from "./connection-options.js";
export type { Closed, Sendable } from "./driver.js";
export { connectWithRetry, type RetryOptions } from "./retry.js";
