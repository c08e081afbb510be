/** The server's process of `npm run bench:echo`: one rival, echoing on loopback. */

import net from "node:net";
import type { WebSocket as WsSocket } from "ws";
import { answer } from "../calls.js";
import { serverSettings } from "../deflate.js";
import { hawser, hawserWs } from "../hawser.js";
import { loadUws } from "../installed.js";
import { readInto } from "../onread.js";
import { startProfile, stopProfile } from "../profile.js";
import { sample } from "../usage.js";
import { loadWs } from "../ws.js";
import type { Rival } from "./workloads.js";

const HOST = "127.0.0.1";
const READ_LENGTH = 512 * 1024;
/** Of messages, and of bytes that wait to be sent: what ws and hawser take by default, or more. */
const MOST = 64 * 1024 * 1024;

const STARTERS: Readonly<Record<Rival["library"], (rival: Rival) => number | Promise<number>>> = {
  net: startNet,
  "net + onread": startOnread,
  ws: startWs,
  hawser: startHawser,
  "hawser/ws": startWs,
  Bun: startBun,
  "uWebSockets.js": startUws,
};

const methods = {
  /** Resolves with the port. */
  start: (rival: Rival) => STARTERS[rival.library](rival),
  version: () => process.version,
  sample,
  startProfile,
  stopProfile,
};
export type ServerMethods = typeof methods;

answer(methods);

function listen(server: net.Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, HOST, () => resolve((server.address() as net.AddressInfo).port));
  });
}

/** The client ends connections whenever it likes. */
function ignore(): void {}

function startNet(): Promise<number> {
  const server = net.createServer({ noDelay: true }, (socket) => {
    socket.on("data", (chunk) => {
      socket.write(chunk);
    });
    socket.on("error", ignore);
  });
  return listen(server);
}

/** Reads into one buffer for all connections. Bytes are copied out: the next read overwrites them. */
function startOnread(): Promise<number> {
  const buffer = Buffer.allocUnsafeSlow(READ_LENGTH);
  const server = net.createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
    const socket = readInto(accepted, buffer, (length) => {
      const copy = Buffer.allocUnsafe(length);
      buffer.copy(copy, 0, 0, length);
      socket.write(copy);
    });
    socket.on("error", ignore);
  });
  return listen(server);
}

/** ws with its defaults, or our face of it: the same program. */
async function startWs(rival: Rival): Promise<number> {
  const { library, bufferUtil = false, text = "bytes", compression = "none", level } = rival;
  const { WebSocketServer } =
    library === "ws" ? loadWs(bufferUtil) : ((await hawserWs()) as unknown as ReturnType<typeof loadWs>);
  const settings = serverSettings(compression);
  const zlibDeflateOptions = level === undefined ? {} : { level };
  const perMessageDeflate = settings && { ...settings, zlibDeflateOptions };
  return new Promise((resolve) => {
    const server = new WebSocketServer({ host: HOST, port: 0, perMessageDeflate });
    server.on("listening", () => resolve((server.address() as net.AddressInfo).port));
    server.on("connection", (socket: WsSocket) => {
      socket.on("error", ignore);
      if (text === "string") {
        socket.on("message", (data: Buffer, isBinary) => {
          socket.send(isBinary ? data : data.toString());
        });
      } else {
        socket.on("message", (data: Buffer, isBinary) => {
          socket.send(data, { binary: isBinary });
        });
      }
    });
  });
}

const AS_TEXT = { type: "text" } as const;

async function startHawser(rival: Rival): Promise<number> {
  const { borrow = false, forward = false, text = "bytes", compression = "none", level } = rival;
  const settings = serverSettings(compression);
  const { serve } = await hawser();
  const { port } = await serve({
    hostname: HOST,
    port: 0,
    borrow,
    text,
    perMessageDeflate: settings && { ...settings, level },
    message: forward
      ? (connection, message) => {
          connection.send(message as never);
        }
      : (connection, message) => {
          if (message.type === "text" && typeof message.data !== "string")
            connection.send(message.data, AS_TEXT);
          else connection.send(message.data);
        },
    error: ignore,
  });
  return port;
}

/** The part of Bun's global that a server needs. */
interface BunGlobal {
  serve(options: {
    readonly hostname: string;
    readonly port: number;
    fetch(request: unknown, server: { upgrade(request: unknown): boolean }): unknown;
    readonly websocket: {
      readonly backpressureLimit: number;
      readonly maxPayloadLength: number;
      message(socket: { send(message: string | Buffer): number }, message: string | Buffer): void;
    };
  }): { readonly port: number };
}

/** Text comes and goes as strings, always. */
function startBun(): number {
  const { Bun } = globalThis as unknown as { readonly Bun: BunGlobal };
  const { port } = Bun.serve({
    hostname: HOST,
    port: 0,
    fetch: (request, server) => {
      server.upgrade(request);
    },
    websocket: {
      backpressureLimit: MOST,
      maxPayloadLength: MOST,
      message(socket, message) {
        socket.send(message);
      },
    },
  });
  return port;
}

function startUws({ text = "bytes" }: Rival): Promise<number> {
  const uws = loadUws();
  return new Promise((resolve) => {
    uws
      .App()
      .ws("/*", {
        maxPayloadLength: MOST,
        maxBackpressure: MOST,
        message(socket, message, isBinary) {
          if (isBinary || text === "bytes") socket.send(message, isBinary);
          else socket.send(Buffer.from(message).toString(), false);
        },
      })
      .listen(HOST, 0, (listening) => resolve(uws.us_socket_local_port(listening)));
  });
}
