/** The server's process of `npm run bench:connections`: one rival, which echoes and broadcasts. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import net from "node:net";
import type { Duplex } from "node:stream";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";
import type { WebSocket as WsSocket } from "ws";
import { readFrames, writeFrame } from "../../micro/payloads.js";
import { answer } from "../calls.js";
import { type Compression, serverSettings } from "../deflate.js";
import { hawser } from "../hawser.js";
import { startProfile, stopProfile } from "../profile.js";
import { type Sample, sample } from "../usage.js";
import { loadWs } from "../ws.js";

const HOST = "127.0.0.1";
/** RFC 6455 §1.3. */
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/**
 * "bare http" is what Node's http needs for the same bytes, without any check: no server that takes its requests from
 * http is better. "bare net" reads the request itself.
 */
export type RivalName = "ws" | "hawser" | "bare http" | "bare net";

/** Memory of the process when everything that can be collected was. In bytes. */
export interface Memory {
  readonly rss: number;
  readonly heapUsed: number;
  /** Of ArrayBuffers and other things outside of the heap. */
  readonly external: number;
}

/** Sends the same bytes to every connection. */
let broadcastOnce: (bytes: Buffer) => void;

const methods = { start, sample, settle, measureMemory, broadcast, startProfile, stopProfile };
export type ServerMethods = typeof methods;

answer(methods);

export interface Setting {
  readonly rival: RivalName;
  /** "none" for bare servers. */
  readonly compression: Compression;
}

function start({ rival, compression }: Setting): Promise<number> {
  if (rival === "bare http") return startBareHttp();
  if (rival === "bare net") return startBareNet();
  return rival === "ws" ? startWs(compression) : startHawser(compression);
}

function ignore(): void {}

async function startWs(compression: Compression): Promise<number> {
  const { WebSocketServer, WebSocket } = loadWs(false);
  const perMessageDeflate = serverSettings(compression);
  const server = new WebSocketServer({ host: HOST, port: 0, perMessageDeflate });
  server.on("connection", (socket: WsSocket) => {
    socket.on("error", ignore);
    socket.on("message", (data: Buffer, isBinary) => {
      socket.send(data, { binary: isBinary });
    });
  });
  // As the documentation of ws has it.
  broadcastOnce = (bytes) => {
    for (const client of server.clients) {
      if (client.readyState === WebSocket.OPEN) client.send(bytes);
    }
  };
  await once(server, "listening");
  return (server.address() as net.AddressInfo).port;
}

async function startHawser(compression: Compression): Promise<number> {
  const { serve } = await hawser();
  const server = await serve({
    hostname: HOST,
    port: 0,
    perMessageDeflate: serverSettings(compression),
    message(connection, message) {
      connection.send(message.data);
    },
    error: ignore,
  });
  broadcastOnce = (bytes) => {
    server.broadcast(bytes);
  };
  return server.port;
}

const CLOSE_ANSWER = Buffer.from([0x88, 0x02, 0x03, 0xe8]);

function startBareHttp(): Promise<number> {
  const open = bareConnections();
  const server = createServer();
  server.on("upgrade", (request, socket: Duplex) => {
    socket.write(responseTo(request.headers["sec-websocket-key"]));
    open(socket);
  });
  return listen(server);
}

function startBareNet(): Promise<number> {
  const open = bareConnections();
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on("error", ignore);
    let head = "";
    socket.on("data", function read(chunk: Buffer) {
      head += chunk.toString("latin1");
      if (!head.endsWith("\r\n\r\n")) return;
      socket.off("data", read);
      socket.write(responseTo(/^sec-websocket-key: *(\S+)/im.exec(head)?.[1]));
      open(socket);
    });
  });
  return listen(server);
}

async function listen(server: net.Server): Promise<number> {
  server.listen(0, HOST);
  await once(server, "listening");
  return (server.address() as net.AddressInfo).port;
}

function responseTo(key: string | undefined): string {
  const accept = createHash("sha1").update(`${key}${GUID}`).digest("base64");
  const head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
  return `${head}Sec-WebSocket-Accept: ${accept}\r\n\r\n`;
}

/** Returns what takes a socket behind its handshake, to echo and to broadcast. */
function bareConnections(): (socket: Duplex) => void {
  const sockets = new Set<Duplex>();
  broadcastOnce = (bytes) => {
    const frame = writeFrame(bytes);
    for (const socket of sockets) socket.write(frame);
  };
  return (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", ignore);
    socket.on("end", () => socket.end()); // sockets of http stay half open
    socket.on("data", (chunk: Buffer) => {
      if (chunk[0] === 0x88) socket.end(CLOSE_ANSWER);
      else for (const message of readFrames(chunk)) socket.write(writeFrame(message));
    });
  };
}

/** Turns of the event loop that finish the work for closed connections. */
const SETTLING_TURNS = 20;

async function settle(): Promise<void> {
  for (let i = 0; i < SETTLING_TURNS; i++) await setImmediate();
}

/** With pauses: some memory is only given back by tasks that a collection leaves behind. */
async function measureMemory(): Promise<Memory> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await sleep(100);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heapUsed, external };
}

/**
 * So many broadcasts, each in a turn of the event loop of its own, as events of an application come: sent in
 * one turn they could leave in one write, and that would be another benchmark.
 */
async function broadcast({ hex, count }: { readonly hex: string; readonly count: number }): Promise<Sample> {
  const bytes = Buffer.from(hex, "hex");
  const from = sample();
  for (let i = 0; i < count; i++) {
    broadcastOnce(bytes);
    await setImmediate();
  }
  return from;
}
