/** The server's process of `npm run bench:fairness`: one rival, and a clock that notices when the loop stands still. */

import { once } from "node:events";
import type { AddressInfo } from "node:net";
import type { WebSocket as WsSocket } from "ws";
import { answer } from "../calls.js";
import { hawser } from "../hawser.js";
import { sample } from "../usage.js";
import { loadWs } from "../ws.js";

const HOST = "127.0.0.1";

export interface Setting {
  readonly rival: "hawser" | "ws";
  readonly compression: boolean;
  /** Handler's time for each text message, in microseconds. */
  readonly workUs: number;
  /** Pings that each connection gets that is opened while the loop is watched. */
  readonly pings: number;
}

/** What the event loop did since `watch`. */
export interface Watched {
  readonly longestStandStillMs: number;
  readonly turns: number;
  /** Messages of all connections. */
  readonly messages: number;
  readonly cpuUs: number;
}

/** The attacker has its handshake by then. */
const PING_DELAY_MS = 100;

/** Longer binary messages are not echoed. */
const LONGEST_ECHO = 64;

let isWatched = false;
let messages = 0;
let turns = 0;
let last = 0;
let longest = 0;
let cpuFrom = 0;

const methods = { start, watch, report };
export type ServerMethods = typeof methods;

answer(methods);

/** Resolves with the port. */
function start(setting: Setting): Promise<number> {
  look();
  return setting.rival === "ws" ? startWs(setting) : startHawser(setting);
}

/** Once in every turn of the event loop. */
function look(): void {
  const now = performance.now();
  longest = Math.max(longest, now - last);
  last = now;
  turns++;
  setImmediate(look);
}

function watch(): void {
  isWatched = true;
  messages = turns = longest = 0;
  last = performance.now();
  cpuFrom = sample().cpuUs;
}

function report(): Watched {
  const longestStandStillMs = Math.max(longest, performance.now() - last);
  return { longestStandStillMs, turns, messages, cpuUs: sample().cpuUs - cpuFrom };
}

function pingLater(count: number, ping: () => void): void {
  if (!isWatched || count === 0) return;
  setTimeout(() => {
    for (let i = 0; i < count; i++) ping();
  }, PING_DELAY_MS);
}

function work(us: number): void {
  const end = performance.now() + us / 1000;
  while (performance.now() < end);
}

async function startHawser({ compression, workUs, pings }: Setting): Promise<number> {
  const { serve } = await hawser();
  const server = await serve({
    hostname: HOST,
    perMessageDeflate: compression,
    open(connection) {
      pingLater(pings, () => {
        connection.ping().catch(ignore);
      });
    },
    message(connection, { type, data }) {
      messages++;
      if (type === "text") work(workUs);
      else if (data.length <= LONGEST_ECHO) connection.send(data);
    },
    error: ignore,
  });
  return server.port;
}

async function startWs({ compression, workUs, pings }: Setting): Promise<number> {
  const { WebSocketServer } = loadWs(false);
  const server = new WebSocketServer({ host: HOST, port: 0, perMessageDeflate: compression });
  server.on("connection", (socket: WsSocket) => {
    pingLater(pings, () => socket.ping());
    socket.on("error", ignore);
    socket.on("message", (data: Buffer, isBinary) => {
      messages++;
      if (!isBinary) work(workUs);
      else if (data.length <= LONGEST_ECHO) socket.send(data);
    });
  });
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

/** Connections end when a run ends. */
function ignore(): void {}
