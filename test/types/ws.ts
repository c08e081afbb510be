/**
 * Programs that were written for the types of @types/ws, against ours: compiled by `npm run check`. Never run. What does
 * not compile is marked by @ts-expect-error.
 */

import { createServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import WebSocket, {
  createWebSocketStream,
  type WebSocket as NamedWebSocket,
  WebSocketServer,
} from "../../src/ws/index.js";

/** The first program of the README of ws, and others in its shape. */
const client = new WebSocket("ws://localhost:8080", ["a", "b"], {
  headers: { Authorization: "x" },
  perMessageDeflate: { serverMaxWindowBits: 10, zlibDeflateOptions: { level: 3 }, threshold: 1 },
  rejectUnauthorized: false,
  followRedirects: true,
  handshakeTimeout: 1000,
  finishRequest: (request, webSocket) => {
    request.setHeader("a", webSocket.url);
    request.end();
  },
});
client.on("open", function open() {
  this.send("something");
  this.ping(() => {});
});
client.on("message", (data, isBinary) => {
  const text: string = isBinary ? "" : data.toString();
  const raw: WebSocket.RawData = data;
  client.send(
    text,
    { binary: false, compress: true, fin: true, mask: true },
    (error?: Error) => void [error, raw],
  );
});
client.on("close", (code, reason) => code.toFixed() + reason.toString("utf8"));
client.on("error", (error) => error.message);
client.on("unexpected-response", (request, response) => void [request.destroy(), response.statusCode]);
client.on("upgrade", (response) => response.headers);
client.once("pong", (data) => data.length);
client.off("anything", () => {});
client.onmessage = (event) => void [event.data, event.target.readyState === WebSocket.OPEN];
client.onclose = ({ code, reason, wasClean }) => void [code, reason, wasClean];
client.onerror = null;
client.addEventListener("message", ({ data, type, target }) => void [data, type, target], { once: true });
client.addEventListener("close", { handleEvent: (event) => event.code });
client.binaryType = "arraybuffer";
const state: 0 | 1 | 2 | 3 = client.readyState;
void state;
// @ts-expect-error: there is no such type
client.binaryType = "string";
// @ts-expect-error: a symbol cannot be sent
client.send(Symbol("a"));

/** A subclass, with the server's type argument. */
class Session extends WebSocket {
  isAlive = true;
}
const server = new WebSocketServer<typeof Session>({ port: 0, WebSocket: Session });
server.on("connection", (session, request) => {
  session.isAlive = request.url === "/";
  session.on("pong", () => (session.isAlive = true));
});
for (const session of server.clients) if (!session.isAlive) session.terminate();
const address = server.address();
if (typeof address === "object") address?.port.toFixed();

/** noServer, as frameworks do it. */
const options: WebSocket.ServerOptions = {
  noServer: true,
  clientTracking: true,
  maxPayload: 1,
  handleProtocols: (protocols, request) => (request.url === "/" ? [...protocols][0] : false),
  verifyClient: (
    info: { origin: string; secure: boolean; req: IncomingMessage },
    callback: (ok: boolean) => void,
  ) => callback(info.secure),
};
const webSockets: WebSocket.Server = new WebSocket.Server(options);
createServer().on("upgrade", (request, socket: Duplex, head) => {
  if (!webSockets.shouldHandle(request)) return;
  webSockets.handleUpgrade(request, socket, head, (webSocket) => {
    webSockets.emit("connection", webSocket, request);
    const stream: Duplex = createWebSocketStream(webSocket, { encoding: "utf8" });
    stream.pipe(process.stdout);
  });
});
webSockets.on("headers", (headers, request) => headers.push(request.url ?? ""));
webSockets.on("wsClientError", (error, socket, request) => void [error.message, socket.end(), request.url]);
webSockets.close((error) => error?.message);

/** Both names are the same type. */
const named: NamedWebSocket = client;
const same: WebSocket = named;
const event: WebSocket.MessageEvent = { data: "", type: "message", target: same };
void event;
