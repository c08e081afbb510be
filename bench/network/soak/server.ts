/** The server of the soak: a process that echoes, and says how much memory it has. */

import type { AddressInfo } from "node:net";
import { answer } from "../calls.js";
import { hawser } from "../hawser.js";
import { loadWs } from "../ws.js";

const compression = { perMessageDeflate: true };
/** Connections that wait to be accepted: all of them come at once. */
const BACKLOG = 2048;

let connections = (): number => 0;

async function serveHawser(): Promise<number> {
  const { serve } = await hawser();
  const server = await serve({
    hostname: "127.0.0.1",
    backlog: BACKLOG,
    ...compression,
    message: (connection, { data }) => connection.send(data),
  });
  connections = () => server.connections.size;
  return server.port;
}

async function serveWs(): Promise<number> {
  const { WebSocketServer } = loadWs(true);
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1", backlog: BACKLOG, ...compression });
  server.on("connection", (socket) => {
    socket.on("error", () => undefined);
    socket.on("message", (data: Buffer, binary: boolean) => socket.send(data, { binary }));
  });
  await new Promise((resolve) => server.once("listening", resolve));
  connections = () => server.clients.size;
  return (server.address() as AddressInfo).port;
}

function state() {
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed, connections: connections() };
}

const methods = { start: (name: string) => (name === "ws" ? serveWs() : serveHawser()), state };
export type SoakServerMethods = typeof methods;

answer(methods);
