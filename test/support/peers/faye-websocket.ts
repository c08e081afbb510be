/** The peer `faye-websocket`, which compresses with the package `permessage-deflate`, if asked to. */

import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import WebSocket from "faye-websocket";
import deflate from "permessage-deflate";
import {
  Arrivals,
  type Closing,
  type Compression,
  type Payload,
  type Peer,
  type PeerConnection,
} from "../peer.js";

/** It says "own" and "requested" where others say which side's. */
function extensionsFor(role: "client" | "server", compression: Compression | undefined): object[] {
  if (compression === undefined || compression === false) return [];
  if (compression === true) return [deflate];
  const { serverNoContextTakeover = false, clientNoContextTakeover = false } = compression;
  const { serverMaxWindowBits, clientMaxWindowBits } = compression;
  const server = { takeover: serverNoContextTakeover, bits: serverMaxWindowBits };
  const client = { takeover: clientNoContextTakeover, bits: clientMaxWindowBits };
  const [own, other] = role === "server" ? [server, client] : [client, server];
  return [
    deflate.configure({
      noContextTakeover: own.takeover,
      requestNoContextTakeover: other.takeover,
      ...(typeof own.bits === "number" ? { maxWindowBits: own.bits } : {}),
      ...(typeof other.bits === "number" ? { requestMaxWindowBits: other.bits } : {}),
    }),
  ];
}

function wrap(socket: WebSocket.Connection): PeerConnection {
  const messages = new Arrivals<Payload>();
  socket.on("message", ({ data }: { data: Payload }) => messages.push(data));
  const closed = new Promise<Closing>((resolve) => {
    socket.on("close", ({ code, reason }: Closing) => resolve({ code, reason }));
  });
  return {
    protocol: socket.protocol,
    closed,
    send: (message) => socket.send(typeof message === "string" ? message : Buffer.from(message)),
    ping: (payload) => new Promise((resolve) => socket.ping(payload, resolve)),
    receive: () => messages.next(),
    close: (code, reason) => socket.close(code, reason),
  };
}

export const faye: Peer = {
  name: "faye-websocket",
  connect(url, { protocols = [], certificate, compression }) {
    // It would send an address as the server's name, which Node warns about.
    const named = url.replace("127.0.0.1", "localhost");
    const socket = new WebSocket.Client(named, [...protocols], {
      ...(certificate === undefined ? {} : { tls: { ca: certificate.cert } }),
      extensions: extensionsFor("client", compression),
    });
    return new Promise((resolve, reject) => {
      socket.on("open", () => resolve(wrap(socket)));
      socket.on("error", reject);
    });
  },
  async listen({ protocols = [], certificate, compression }) {
    const server = certificate === undefined ? http.createServer() : https.createServer({ ...certificate });
    const accepted = new Arrivals<PeerConnection>();
    const sockets = new Set<{ destroy(): void }>();
    server.on("upgrade", (request, socket, body) => {
      sockets.add(socket);
      const connection = new WebSocket(request, socket, body, [...protocols], {
        extensions: extensionsFor("server", compression),
      });
      connection.on("open", () => accepted.push(wrap(connection)));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    return {
      url: `${certificate === undefined ? "ws" : "wss"}://127.0.0.1:${port}`,
      accept: () => accepted.next(),
      async close() {
        for (const socket of sockets) socket.destroy();
        server.close();
      },
    };
  },
  // As the WebSocket API has it.
  closeCodes: [1000, 3000, 4999],
};
