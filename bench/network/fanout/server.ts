/** The server's process of `npm run bench:fanout`: one rival, and a program in it that publishes. */

import { once } from "node:events";
import http from "node:http";
import { createRequire } from "node:module";
import net, { type AddressInfo, type Socket } from "node:net";
import type { WebSocket as WsSocket } from "ws";
import { answer } from "../calls.js";
import { hawser } from "../hawser.js";
import { loadUws } from "../installed.js";
import { type ServerSample, sample } from "../usage.js";
import { loadWs } from "../ws.js";
import { PAYLOAD_LENGTH, type RivalName, STAMP_LENGTH, TOPIC } from "./rivals.js";

const HOST = "127.0.0.1";
/** Rivals that can drop messages do so above this many unsent bytes for a subscriber. */
const MOST_WAITING = 1 << 20;

const methods = { start, usage, publishAtRate, publishFlatOut };
export type ServerMethods = typeof methods;

answer(methods);

let publish: (text: string) => void;
let published = 0;
/** How many of them a fast subscriber has. */
let acknowledged = 0;
let goOn: () => void = () => undefined;

/** Resolves with the rival's port, and that of the connection on which a subscriber says what it has. */
async function start(rival: RivalName): Promise<{ port: number; control: number }> {
  const control = net.createServer((socket: Socket) => {
    socket.on("data", (bytes) => {
      acknowledged = bytes.readUInt32LE(bytes.length - 4);
      goOn();
    });
    socket.on("error", () => undefined);
  });
  control.listen(0, HOST);
  await once(control, "listening");
  const [port, how] = await STARTS[rival]();
  publish = how;
  return { port, control: (control.address() as AddressInfo).port };
}

export interface Usage extends ServerSample {
  readonly rss: number;
  readonly published: number;
}

function usage(): Usage {
  return { ...sample(), rss: process.memoryUsage.rss(), published };
}

const REST = "x".repeat(PAYLOAD_LENGTH - STAMP_LENGTH);

function publishOne(): void {
  published++;
  publish(String(process.hrtime.bigint() / 1000n).padStart(STAMP_LENGTH, "0") + REST);
}

/** Publishes at a fixed rate, and does not wait for deliveries. */
async function publishAtRate({ perSecond, ms }: { perSecond: number; ms: number }): Promise<void> {
  const began = performance.now();
  const from = published;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      const now = performance.now() - began;
      while (published - from < (Math.min(now, ms) / 1000) * perSecond) publishOne();
      if (now < ms) return;
      clearInterval(timer);
      resolve();
    }, 1);
  });
}

/** One in each turn of the event loop, as long as a fast subscriber lacks fewer than `most`. */
async function publishFlatOut({ most, ms }: { most: number; ms: number }): Promise<void> {
  const end = performance.now() + ms;
  let isScheduled = false;
  await new Promise<void>((resolve) => {
    const later = () => {
      if (isScheduled) return;
      isScheduled = true;
      setImmediate(one);
    };
    const one = () => {
      isScheduled = false;
      if (performance.now() >= end) {
        goOn = () => undefined;
        resolve();
      } else if (published - acknowledged < most) {
        publishOne();
        later();
      }
    };
    goOn = later;
    setTimeout(later, ms);
    later();
  });
}

type Started = [port: number, publish: (text: string) => void];

const STARTS: Readonly<Record<RivalName, () => Promise<Started>>> = {
  hawser: () => startHawser(0),
  "hawser, publishDelayMs: 5": () => startHawser(5),
  ws: startWs,
  "Socket.IO": startSocketIo,
  "uWebSockets.js": startUws,
};

async function startHawser(publishDelayMs: number): Promise<Started> {
  const { serve } = await hawser();
  const server = await serve({
    hostname: HOST,
    topics: { publishDelayMs },
    onOverflow: "drop",
    maxBufferedAmount: MOST_WAITING,
    open: (connection) => connection.subscribe(TOPIC),
    error: () => undefined,
  });
  return [server.port, (text) => server.publish(TOPIC, text)];
}

async function startWs(): Promise<Started> {
  const { WebSocketServer } = loadWs(false);
  const server = new WebSocketServer({ host: HOST, port: 0 });
  server.on("connection", (socket: WsSocket) => socket.on("error", () => undefined));
  await once(server, "listening");
  const publishToAll = (text: string) => {
    for (const client of server.clients) {
      if (client.readyState === 1 && client.bufferedAmount <= MOST_WAITING) client.send(text);
    }
  };
  return [(server.address() as AddressInfo).port, publishToAll];
}

async function startSocketIo(): Promise<Started> {
  const { Server } = createRequire(import.meta.url)("socket.io");
  const httpServer = http.createServer();
  const io = new Server(httpServer, { transports: ["websocket"], pingInterval: 1e6, serveClient: false });
  io.on("connection", (socket: { join(room: string): void }) => socket.join(TOPIC));
  httpServer.listen(0, HOST);
  await once(httpServer, "listening");
  return [(httpServer.address() as AddressInfo).port, (text) => io.to(TOPIC).emit("m", text)];
}

async function startUws(): Promise<Started> {
  // Its types here are those of an echo.
  const uws = loadUws() as never as {
    App(): UwsPublisher;
    us_socket_local_port(socket: unknown): number;
  };
  const app = uws.App().ws("/*", {
    maxBackpressure: MOST_WAITING,
    open: (socket: { subscribe(topic: string): void }) => socket.subscribe(TOPIC),
  });
  const port = await new Promise<number>((resolve) =>
    app.listen(HOST, 0, (socket) => resolve(uws.us_socket_local_port(socket))),
  );
  return [port, (text) => app.publish(TOPIC, text, false)];
}

interface UwsPublisher {
  ws(pattern: string, behavior: object): UwsPublisher;
  listen(host: string, port: number, listening: (socket: unknown) => void): void;
  publish(topic: string, message: string, isBinary: boolean): void;
}
