/**
 * What test/support/connection-suite.ts talks to: one behaviour for each path, by our server and by `ws`, so that the
 * same connection meets both.
 */

import { once } from "node:events";
import http, { type IncomingMessage, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { WebSocketServer } from "ws";
import { createUpgradeHandler } from "../../src/node/index.js";

/** A connection on the server's side, of any library. */
interface Peer {
  send(data: string | Uint8Array): void;
  close(code: number, reason: string): void;
  /** Cuts the connection without a Close. */
  cut(): void;
  pause(): void;
  resume(): void;
  /** Writes bytes past the protocol. */
  write(bytes: Uint8Array): void;
}

interface Behaviour {
  open?(peer: Peer, query: URLSearchParams): void;
  message?(peer: Peer, data: string | Uint8Array, query: URLSearchParams): void;
}

/** What happened to the clients of /stay with one key. */
interface Stayed {
  requests: number;
  connections: number;
  readonly messages: string[];
}

const stayed = new Map<string, Stayed>();

function stayedOf(query: URLSearchParams): Stayed {
  const key = String(query.get("key"));
  const found = stayed.get(key) ?? { requests: 0, connections: 0, messages: [] };
  stayed.set(key, found);
  return found;
}

/** How long /slow does not read. */
const SLOW_MS = 300;

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  "/echo": { message: (peer, data) => peer.send(data) },
  "/greet": {
    open(peer) {
      peer.send("welcome");
      peer.send(Uint8Array.of(1, 2, 3));
    },
  },
  "/count": {
    open(peer, query) {
      for (let i = 0; i < Number(query.get("n")); i++) peer.send(String(i));
      peer.close(1000, "done");
    },
  },
  "/close": {
    message(peer, data) {
      const [code, reason] = String(data).split(" ");
      peer.close(Number(code), reason);
    },
  },
  "/cut": { message: (peer) => peer.cut() },
  "/text": { message: (peer, _data, query) => peer.send("x".repeat(Number(query.get("length")))) },
  "/slow": {
    open(peer) {
      peer.pause();
      setTimeout(() => peer.resume(), SLOW_MS);
    },
  },
  "/broken": {
    message(peer) {
      peer.send("before");
      // A reserved opcode (§5.2), when the message has left.
      setTimeout(() => peer.write(Uint8Array.of(0x83, 0x00)), 20);
    },
  },
  "/deaf": { open: (peer) => peer.pause() },
  // Closes the first connections with this key at once, as many as `hasty` says; greets the others.
  "/stay": {
    open(peer, query) {
      const of = stayedOf(query);
      if (++of.connections <= Number(query.get("hasty"))) peer.close(4401, "not now");
      else peer.send(`welcome ${of.connections}`);
    },
    message(peer, data, query) {
      const of = stayedOf(query);
      const text = typeof data === "string" ? data : `bytes ${data.join(" ")}`;
      const [command, code] = text.split(" ");
      if (command === "cut") peer.cut();
      else if (command === "close") peer.close(Number(code), "as you wish");
      else if (command === "log") peer.send(JSON.stringify(of));
      else of.messages.push(text);
    },
  },
  "/query": { open: (peer, query) => peer.send(`${query}`) },
};

export interface SuiteServer {
  /** Of http:, for pages. */
  readonly origin: string;
  close(): Promise<void>;
}

type Upgrade = (request: IncomingMessage, socket: Duplex, head: Buffer) => void;

const SUBPROTOCOLS = ["chat", "superchat"];

function upgradeOfHawser(): Upgrade {
  const behaviourOf = (url: string) => {
    const { pathname, searchParams } = new URL(url);
    return { ...BEHAVIOURS[pathname], query: searchParams };
  };
  return createUpgradeHandler(
    {
      open(connection) {
        const { open, query } = behaviourOf(connection.url);
        open?.(peerOf(connection), query);
      },
      message(connection, { data }) {
        const { message, query } = behaviourOf(connection.url);
        message?.(peerOf(connection), data, query);
      },
    },
    { protocols: SUBPROTOCOLS, origin: "any", perMessageDeflate: true },
  );

  function peerOf(connection: import("../../src/node/index.js").Connection): Peer {
    return {
      send: (data) => connection.send(data),
      close: (code, reason) => connection.close(code, reason),
      cut: () => connection.terminate(),
      pause: () => connection.pause(),
      resume: () => connection.resume(),
      write: (bytes) => connection.socket.write(bytes),
    };
  }
}

function upgradeOfWs(): Upgrade {
  const server = new WebSocketServer({
    noServer: true,
    perMessageDeflate: true,
    handleProtocols: (offered) => [...offered].find((name) => SUBPROTOCOLS.includes(name)) ?? false,
  });
  return (request, socket, head) =>
    server.handleUpgrade(request, socket, head, (webSocket) => {
      const { pathname, searchParams } = new URL(String(request.url), "http://localhost");
      const behaviour = BEHAVIOURS[pathname] ?? {};
      const peer: Peer = {
        send: (data) => webSocket.send(data),
        close: (code, reason) => webSocket.close(code, reason),
        cut: () => webSocket.terminate(),
        pause: () => webSocket.pause(),
        resume: () => webSocket.resume(),
        write: (bytes) => socket.write(bytes),
      };
      webSocket.on("message", (data: Buffer, isBinary) => {
        behaviour.message?.(peer, isBinary ? data : data.toString(), searchParams);
      });
      behaviour.open?.(peer, searchParams);
    });
}

/**
 * @param request - answers anything that is not a WebSocket's.
 */
export async function serveSuite(by: "hawser" | "ws", request?: RequestListener): Promise<SuiteServer> {
  const server = http.createServer(request);
  const upgrade = by === "hawser" ? upgradeOfHawser() : upgradeOfWs();
  const sockets = new Set<Duplex>();
  let refusals = 0;
  server.on("upgrade", (incoming, socket, head) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    const path = incoming.url?.split("?")[0] ?? "";
    if (path === "/never") return;
    const { searchParams } = new URL(String(incoming.url), "http://localhost");
    const isRefused =
      path === "/stay" && ++stayedOf(searchParams).requests <= Number(searchParams.get("refuse"));
    // Refuses twice, then echoes.
    if (path === "/refuse" || isRefused || (path === "/later" && refusals++ % 3 < 2)) {
      socket.end("HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
      return;
    }
    if (path === "/later") incoming.url = "/echo";
    upgrade(incoming, socket, head);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
