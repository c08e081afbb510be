/** The prices of `examples/market-data.ts` with ws: for a count of lines, and the same test. */

import type { AddressInfo } from "node:net";
import { WebSocket, WebSocketServer } from "ws";

const DELAY_MS = 20;
const MOST_WAITING = 1 << 18;
const SHARES = ["ACME", "HAWSER", "TIDE", "ROPE"];
const followers = new Map(SHARES.map((share) => [share, new Set<WebSocket>()]));
const waiting = new Map<WebSocket, string[]>();

function publish(share: string, text: string): void {
  for (const socket of followers.get(share) ?? []) {
    const texts = waiting.get(socket);
    if (texts === undefined) waiting.set(socket, [text]);
    else texts.push(text);
  }
}

setInterval(() => {
  for (const [socket, texts] of waiting) {
    if (socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > MOST_WAITING) continue;
    const stream = (socket as unknown as { _socket: import("node:net").Socket })._socket;
    stream.cork();
    for (const text of texts) socket.send(text);
    stream.uncork();
  }
  waiting.clear();
}, DELAY_MS);

const server = new WebSocketServer({ port: Number(process.env.PORT ?? 8080) });
server.on("connection", (socket) => {
  socket.on("error", () => undefined);
  socket.on("message", (data) => {
    const members = followers.get(`${data}`);
    if (members !== undefined) members.add(socket);
    else socket.send(JSON.stringify({ error: `there is no ${data}` }));
  });
  socket.on("close", () => {
    waiting.delete(socket);
    for (const members of followers.values()) members.delete(socket);
  });
});
server.on("listening", () => console.log(`ws://localhost:${(server.address() as AddressInfo).port}`));

const prices = SHARES.map(() => 100);
setInterval(() => {
  const i = Math.floor(Math.random() * SHARES.length);
  prices[i] += Math.random() - 0.5;
  publish(SHARES[i], JSON.stringify({ share: SHARES[i], price: prices[i].toFixed(2) }));
}, 1);
