/** The chat of `examples/chat.ts` with ws: for a count of lines, and the same test. */

import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

const rooms = new Map<string, Set<WebSocket>>();

function publish(room: string, text: string, except?: WebSocket): void {
  for (const socket of rooms.get(room) ?? []) {
    if (socket !== except && socket.readyState === WebSocket.OPEN) socket.send(text);
  }
}

const server = createServer((_request, response) => {
  response.writeHead(426).end();
});
const sockets = new WebSocketServer({ noServer: true });
server.on("upgrade", (request, socket, head) => {
  const { pathname: room, searchParams } = new URL(request.url ?? "", "ws://chat");
  const name = searchParams.get("name");
  if (name === null) {
    socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nwho are you? ?name=");
    return;
  }
  sockets.handleUpgrade(request, socket, head, (connection) => {
    const members = rooms.get(room) ?? new Set();
    rooms.set(room, members.add(connection));
    publish(room, `${name} came`, connection);
    connection.send(`${members.size} here`);
    connection.on("error", () => undefined);
    connection.on("message", (data) => publish(room, `${name}: ${data}`));
    connection.on("close", () => {
      members.delete(connection);
      if (members.size === 0) rooms.delete(room);
      publish(room, `${name} left`);
    });
  });
});
server.listen(Number(process.env.PORT ?? 8080), () => {
  console.log(`ws://localhost:${(server.address() as AddressInfo).port}`);
});
