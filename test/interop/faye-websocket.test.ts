/** Interoperability with `faye-websocket`, which runs on `websocket-driver`. */

import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import WebSocket from "faye-websocket";
import { testInterop } from "../support/interop.js";
import { Arrivals, type Closing, type Payload, type Peer, type PeerConnection } from "../support/peer.js";

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

const peer: Peer = {
  name: "faye-websocket",
  connect(url, { protocols, certificate }) {
    // It would send an address as the server's name, which Node warns about.
    const named = url.replace("127.0.0.1", "localhost");
    const socket = new WebSocket.Client(named, [...protocols], { tls: { ca: certificate.cert } });
    return new Promise((resolve, reject) => {
      socket.on("open", () => resolve(wrap(socket)));
      socket.on("error", reject);
    });
  },
  async listen({ protocols, certificate }) {
    const server = certificate === undefined ? http.createServer() : https.createServer({ ...certificate });
    const accepted = new Arrivals<PeerConnection>();
    const sockets = new Set<{ destroy(): void }>();
    server.on("upgrade", (request, socket, body) => {
      sockets.add(socket);
      const connection = new WebSocket(request, socket, body, [...protocols]);
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

testInterop("faye-websocket", () => peer);
