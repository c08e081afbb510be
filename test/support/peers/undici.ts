/** The peer undici: a client only. It offers compression, decompresses, and compresses nothing. */

import { Buffer } from "node:buffer";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Agent, ping, WebSocket } from "undici";
import { Arrivals, type Closing, type Payload, type Peer, type PeerConnection } from "../peer.js";

function wrap(socket: WebSocket): PeerConnection {
  const messages = new Arrivals<Payload>();
  socket.addEventListener("message", ({ data }) =>
    messages.push(typeof data === "string" ? data : new Uint8Array(data)),
  );
  const closed = new Promise<Closing>((resolve) => {
    socket.addEventListener("close", ({ code, reason }) => resolve({ code, reason }));
  });
  return {
    protocol: socket.protocol,
    extensions: socket.extensions,
    closed,
    send: (message) => socket.send(message as string),
    ping: (payload) =>
      new Promise((resolve) => {
        const answered = (event: unknown) => {
          const { websocket, payload: pong } = event as { websocket: WebSocket; payload: Uint8Array };
          if (websocket !== socket || Buffer.from(pong).toString() !== payload) return;
          unsubscribe("undici:websocket:pong", answered);
          resolve();
        };
        subscribe("undici:websocket:pong", answered);
        ping(socket, Buffer.from(payload));
      }),
    receive: () => messages.next(),
    close: (code, reason) => socket.close(code, reason),
  };
}

export const undici: Peer = {
  name: "undici",
  connect(url, { protocols = [], certificate }) {
    const dispatcher = new Agent({ connect: certificate === undefined ? {} : { ca: certificate.cert } });
    const socket = new WebSocket(url, { protocols: [...protocols], dispatcher });
    socket.binaryType = "arraybuffer";
    return new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve(wrap(socket)));
      socket.addEventListener("error", ({ error }) => reject(error));
    });
  },
  compresses: false,
  declines: false,
  // The WebSocket API sends no others.
  closeCodes: [1000, 3000, 4999],
};
