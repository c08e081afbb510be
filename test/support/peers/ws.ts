/** The peer `ws`. */

import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import { type ClientOptions, type ServerOptions, WebSocket, WebSocketServer } from "ws";
import { Arrivals, type Closing, type Payload, type Peer, type PeerConnection } from "../peer.js";

function wrap(socket: WebSocket): PeerConnection {
  const messages = new Arrivals<Payload>();
  socket.on("message", (data: Buffer, isBinary: boolean) => messages.push(isBinary ? data : data.toString()));
  socket.on("error", () => undefined);
  const closed = new Promise<Closing>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  const send = (data: Payload, fin: boolean, compress: boolean | undefined) =>
    new Promise<void>((resolve, reject) => {
      const options = {
        fin,
        binary: typeof data !== "string",
        ...(compress === undefined ? {} : { compress }),
      };
      socket.send(data, options, (error) => (error == null ? resolve() : reject(error)));
    });
  return {
    protocol: socket.protocol,
    closed,
    extensions: socket.extensions,
    send: (message, compress) => send(message, true, compress),
    async sendFragments(parts, compress) {
      for (const [i, part] of parts.entries()) {
        void send(part, i === parts.length - 1, compress);
        socket.ping("between fragments");
        socket.pong("not asked for");
      }
    },
    ping: (payload) =>
      new Promise((resolve) => {
        const answered = (pong: Buffer) => {
          if (pong.toString() !== payload) return;
          socket.off("pong", answered);
          resolve();
        };
        socket.on("pong", answered);
        socket.ping(payload);
      }),
    receive: () => messages.next(),
    close: (code, reason) => socket.close(code, reason),
  };
}

/** `compression` are its options, which have our names. */
export const ws: Peer = {
  name: "ws",
  async connect(url, { protocols = [], certificate, compression: perMessageDeflate = true }) {
    const options = { ...(certificate === undefined ? {} : { ca: certificate.cert }), perMessageDeflate };
    const socket = new WebSocket(url, [...protocols], options as ClientOptions);
    const wrapped = new Promise<PeerConnection>((resolve, reject) => {
      socket.once("open", () => resolve(wrap(socket)));
      socket.once("error", reject);
    });
    return wrapped;
  },
  async listen({ protocols = [], certificate, compression: perMessageDeflate = true }) {
    const server = certificate === undefined ? http.createServer() : https.createServer({ ...certificate });
    const accepted = new Arrivals<PeerConnection>();
    const handleProtocols = (offered: Set<string>) => protocols.find((name) => offered.has(name)) ?? false;
    const sockets = new WebSocketServer({ server, handleProtocols, perMessageDeflate } as ServerOptions);
    sockets.on("connection", (socket) => accepted.push(wrap(socket)));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return {
      url: `${certificate === undefined ? "ws" : "wss"}://127.0.0.1:${port}`,
      accept: () => accepted.next(),
      async close() {
        for (const socket of sockets.clients) socket.terminate();
        server.closeAllConnections();
        server.close();
      },
    };
  },
};
