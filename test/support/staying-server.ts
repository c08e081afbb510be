/**
 * A server in a process of its own, for clients that stay connected: it can be killed, stopped and started again. It
 * tells its parent of each connection and each message. Its argument is JSON: `{ port, hasty?, refuse?, lines? }`.
 */

import http from "node:http";
import { createUpgradeHandler } from "../../src/node/index.js";

export interface StayingServerOptions {
  readonly port: number;
  /** How many connections are closed with 4401 at once. */
  readonly hasty?: number;
  /** How many requests are answered 503. */
  readonly refuse?: number;
  /** Header lines of these answers. */
  readonly lines?: string;
}

/** What it tells. */
export type Told =
  | { readonly type: "listening"; readonly port: number }
  | { readonly type: "open" | "refused" }
  | { readonly type: "message"; readonly text: string };

const { port, hasty = 0, refuse = 0, lines = "" }: StayingServerOptions = JSON.parse(process.argv[2]);
const tell = (told: Told) => process.send?.(told);
let requests = 0;
let connections = 0;

const upgrade = createUpgradeHandler({
  open(connection) {
    tell({ type: "open" });
    if (++connections <= hasty) connection.close(4401);
  },
  message: (_connection, message) => void tell({ type: "message", text: String(message) }),
});
const server = http.createServer();
server.on("upgrade", (request, socket, head) => {
  if (++requests > refuse) {
    upgrade(request, socket, head);
    return;
  }
  tell({ type: "refused" });
  socket.end(`HTTP/1.1 503 Service Unavailable\r\n${lines}Connection: close\r\nContent-Length: 0\r\n\r\n`);
});
server.listen(port, "127.0.0.1", () => {
  const address = server.address() as { port: number };
  tell({ type: "listening", port: address.port });
});
// No server is left behind by a test that was killed.
process.once("disconnect", () => process.exit());
