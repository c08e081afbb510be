/** Interoperability with undici's client, which is the `WebSocket` of Node itself. There is no server of its kind. */

import { Buffer } from "node:buffer";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { Agent, ping, WebSocket } from "undici";
import { testInterop } from "../support/interop.js";
import { Arrivals, type Closing, type Payload, type Peer, type PeerConnection } from "../support/peer.js";

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

const peer: Peer = {
  name: "undici",
  connect(url, { protocols, certificate }) {
    const dispatcher = new Agent({ connect: { ca: certificate.cert } });
    const socket = new WebSocket(url, { protocols: [...protocols], dispatcher });
    socket.binaryType = "arraybuffer";
    return new Promise((resolve, reject) => {
      socket.addEventListener("open", () => resolve(wrap(socket)));
      socket.addEventListener("error", ({ error }) => reject(error));
    });
  },
  // The WebSocket API sends no others.
  closeCodes: [1000, 3000, 4999],
};

testInterop("undici's WebSocket", () => peer, { sides: ["server"] });
