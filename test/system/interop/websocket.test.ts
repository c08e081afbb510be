/** Interoperability with the package `websocket`, which fragments messages longer than 16 KiB. */

import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo } from "node:net";
import websocket from "websocket";
import { testInterop } from "../../support/interop.js";
import { Arrivals, type Closing, type Payload, type Peer, type PeerConnection } from "../../support/peer.js";

const LIMITS = { maxReceivedFrameSize: 1 << 24, maxReceivedMessageSize: 1 << 24 };

const OPCODES = { continuation: 0, text: 1, binary: 2 };

/** A frame as the package writes it; its types have no constructor of it. */
function frameOf(connection: websocket.connection, opcode: number, payload: Uint8Array, fin: boolean) {
  const { maskBytes, frameHeader, config, maskOutgoingPackets } = connection as unknown as {
    maskBytes: Buffer;
    frameHeader: Buffer;
    config: object;
    maskOutgoingPackets: boolean;
  };
  const Frame = websocket.frame as unknown as new (...buffers: object[]) => websocket.frame;
  const frame = new Frame(maskBytes, frameHeader, config);
  return Object.assign(frame, {
    opcode,
    fin,
    mask: maskOutgoingPackets,
    binaryPayload: Buffer.from(payload),
  });
}

function wrap(connection: websocket.connection): PeerConnection {
  const messages = new Arrivals<Payload>();
  connection.on("message", (message) =>
    messages.push(message.type === "utf8" ? message.utf8Data : message.binaryData),
  );
  connection.on("error", () => undefined);
  const closed = new Promise<Closing>((resolve) => {
    connection.on("close", (code, reason) => {
      // Where no reason came it makes one up.
      const isOwn = reason === websocket.connection.CLOSE_DESCRIPTIONS[code];
      resolve({ code, reason: isOwn ? "" : reason });
    });
  });
  return {
    protocol: connection.protocol ?? "",
    closed,
    send(message) {
      if (typeof message === "string") connection.sendUTF(message);
      else connection.sendBytes(Buffer.from(message));
    },
    sendFragments(parts) {
      const type = typeof parts[0] === "string" ? OPCODES.text : OPCODES.binary;
      for (const [i, part] of parts.entries()) {
        const opcode = i === 0 ? type : OPCODES.continuation;
        const frame = frameOf(connection, opcode, Buffer.from(part), i === parts.length - 1);
        connection.sendFrame(frame, () => undefined);
        connection.ping("between fragments");
      }
    },
    ping: (payload) =>
      new Promise((resolve) => {
        // The types lack the event.
        connection.on("pong" as "frame", (pong) => {
          if (String(pong) === payload) resolve();
        });
        connection.ping(payload);
      }),
    receive: () => messages.next(),
    close: (code, reason) => connection.close(code, reason),
  };
}

const peer: Peer = {
  name: "websocket",
  async connect(url, { protocols = [], certificate }) {
    const client = new websocket.client({
      ...LIMITS,
      ...(certificate === undefined ? {} : { tlsOptions: { ca: certificate.cert } }),
    });
    const opened = new Promise<PeerConnection>((resolve, reject) => {
      client.on("connect", (connection) => resolve(wrap(connection)));
      client.on("connectFailed", reject);
    });
    client.connect(url, [...protocols]);
    return opened;
  },
  async listen({ protocols = [], certificate }) {
    const httpServer =
      certificate === undefined ? http.createServer() : https.createServer({ ...certificate });
    const accepted = new Arrivals<PeerConnection>();
    const server = new websocket.server({ httpServer, ...LIMITS });
    server.on("request", (request) => {
      const protocol = request.requestedProtocols.find((name) => protocols.includes(name));
      accepted.push(wrap(request.accept(protocol, request.origin)));
    });
    httpServer.listen(0, "127.0.0.1");
    await once(httpServer, "listening");
    const { port } = httpServer.address() as AddressInfo;
    return {
      url: `${certificate === undefined ? "ws" : "wss"}://127.0.0.1:${port}`,
      accept: () => accepted.next(),
      async close() {
        for (const connection of server.connections) connection.drop(1000, "", true);
        httpServer.close();
      },
    };
  },
  ownClose: (sent) => sent,
  answerCode: 1000,
};

testInterop("the package websocket", () => peer);
