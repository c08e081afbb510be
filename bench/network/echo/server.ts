/** The server's process of `npm run bench:echo`: one rival, echoing on loopback. */

import net from "node:net";
import type { WebSocket as WsSocket } from "ws";
import { answer } from "../calls.js";
import { serverSettings } from "../deflate.js";
import { hawser } from "../hawser.js";
import { startProfile, stopProfile } from "../profile.js";
import { sample } from "../usage.js";
import { loadWs } from "../ws.js";
import type { Rival } from "./workloads.js";

const HOST = "127.0.0.1";
const READ_LENGTH = 512 * 1024;

const STARTERS: Readonly<Record<Rival["server"], (rival: Rival) => Promise<number>>> = {
  net: startNet,
  "net + onread": startOnread,
  ws: startWs,
  hawser: startHawser,
};

const methods = {
  /** Resolves with the port. */
  start: (rival: Rival) => STARTERS[rival.server](rival),
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

/**
 * Reads into one buffer for all connections. `onread` is documented for `net.connect` only, so the accepted
 * socket is made anew over its handle. Bytes are copied out: the next read overwrites them.
 */
function startOnread(): Promise<number> {
  const buffer = Buffer.allocUnsafeSlow(READ_LENGTH);
  const server = net.createServer({ noDelay: true, pauseOnConnect: true }, (accepted) => {
    const hollow = accepted as unknown as { _handle: unknown };
    const handle = hollow._handle;
    hollow._handle = null;
    const onread = {
      buffer,
      callback: (length: number) => {
        const copy = Buffer.allocUnsafe(length);
        buffer.copy(copy, 0, 0, length);
        socket.write(copy);
        return true;
      },
    };
    const socket = new net.Socket({ handle, onread } as net.SocketConstructorOpts);
    socket.on("error", ignore);
  });
  return listen(server);
}

/** ws with its defaults. */
function startWs(rival: Rival): Promise<number> {
  const { bufferUtil = false, text = "bytes", compression = "none", level } = rival;
  const { WebSocketServer } = loadWs(bufferUtil);
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
  const { borrow = false, text = "bytes", compression = "none", level } = rival;
  const settings = serverSettings(compression);
  const { serve } = await hawser();
  const { port } = await serve({
    hostname: HOST,
    port: 0,
    borrow,
    text,
    perMessageDeflate: settings && { ...settings, level },
    message(connection, message) {
      if (message.type === "text" && typeof message.data !== "string") connection.send(message.data, AS_TEXT);
      else connection.send(message.data);
    },
    error: ignore,
  });
  return port;
}
