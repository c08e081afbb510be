/** What the cases of WebSocket and WebSocketStream talk to: one behaviour for each path. */

import { once } from "node:events";
import http, { type RequestListener } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Connection, createUpgradeHandler } from "../../../src/node/index.js";

interface Behaviour {
  open?(connection: Connection): void;
  message?(connection: Connection, data: string | Uint8Array): void;
}

/** A Close of the server's that answers none: the peer waits for the socket's end. */
const EMPTY_CLOSE = Uint8Array.of(0x88, 0x00);

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  "/echo": { message: (connection, data) => connection.send(data) },
  "/greet": {
    open(connection) {
      connection.send("one");
      connection.send("two");
      connection.send(Uint8Array.of(1, 2, 3));
    },
  },
  "/greet-and-close": {
    open(connection) {
      connection.send("one");
      connection.send("two");
      connection.close(3001, "bye");
    },
  },
  "/empty": {
    open(connection) {
      connection.send("");
      connection.send(new Uint8Array(0));
    },
  },
  /** Closes with the code and the reason that a message says. */
  "/close": {
    message(connection, data) {
      const [code, reason = ""] = String(data).split(" ");
      connection.close(Number(code), reason);
    },
  },
  "/close-without-code": {
    message: (connection) => void connection.close(1005),
  },
  "/cut": { message: (connection) => connection.terminate() },
  "/end": { message: (connection) => void connection.socket.end() },
  "/reset": { message: (connection) => void (connection.socket as Socket).resetAndDestroy() },
  /** Writes bytes past the protocol: the hex digits of a message. */
  "/raw": { message: (connection, data) => connection.socket.write(Buffer.from(String(data), "hex")) },
  "/raw-close": {
    message(connection) {
      connection.socket.write(EMPTY_CLOSE);
      connection.socket.end();
    },
  },
  "/deaf": { open: (connection) => connection.pause() },
  /** Says how long a message was, and what its first byte was. */
  "/measure": {
    message: (connection, data) =>
      connection.send(
        `${typeof data} ${data.length} ${typeof data === "string" ? data.charCodeAt(0) : data[0]}`,
      ),
  },
};

/** Answers that open no connection. */
const REFUSALS: Readonly<Record<string, string>> = {
  "/refuse": "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
  "/redirect": "HTTP/1.1 302 Found\r\nLocation: /echo\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
  "/garbage": "garbage\r\n\r\n",
  "/wrong-accept":
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n",
  "/nothing": "",
};

export interface CaseServer {
  readonly origin: string;
  /** How the connections ended, in the server's eyes: the query of their URLs, code and reason. */
  readonly endings: Map<string, string>;
  close(): Promise<void>;
}

/** @param request - answers ordinary HTTP requests. */
export async function serveCases(request?: RequestListener): Promise<CaseServer> {
  const endings = new Map<string, string>();
  const behaviourOf = ({ url }: Connection) => BEHAVIOURS[new URL(url).pathname] ?? {};
  const upgrade = createUpgradeHandler(
    {
      open: (connection) => behaviourOf(connection).open?.(connection),
      message: (connection, { data }) => behaviourOf(connection).message?.(connection, data),
      close: ({ url }, code, reason) => void endings.set(new URL(url).search, `${code} ${reason}`),
    },
    { protocols: ["chat", "superchat"], origin: "any" },
  );
  const server = http.createServer((incoming, response) => {
    const [, name] = /^\/ending(.*)/.exec(String(incoming.url)) ?? [];
    response.setHeader("Access-Control-Allow-Origin", "*");
    const tell = () => {
      // Its connection may not be gone yet.
      if (!endings.has(String(name))) setTimeout(tell, 5);
      else response.end(endings.get(String(name)));
    };
    if (name !== undefined) tell();
    else request?.(incoming, response);
  });
  const sockets = new Set<Duplex>();
  server.on("upgrade", (incoming, socket, head) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy()).on("close", () => sockets.delete(socket));
    const path = incoming.url?.split("?")[0] ?? "";
    const refusal = REFUSALS[path];
    if (path === "/never") return;
    if (refusal !== undefined) socket.end(refusal);
    else upgrade(incoming, socket, head);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    endings,
    async close() {
      for (const socket of sockets) socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
